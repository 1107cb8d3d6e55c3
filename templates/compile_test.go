package templates

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	xhtml "golang.org/x/net/html"
)

func mustCompile(t testing.TB, src Source) Compiled {
	t.Helper()
	compiled, found := Compile(src)
	if failed(found) {
		t.Fatalf("does not compile:\n%s", describe(found))
	}
	return compiled
}

func mustRender(t testing.TB, src Source, d Data) Rendered {
	t.Helper()
	compiled := mustCompile(t, src)
	r, err := NewRenderer(Version{Subject: src.Subject, Text: src.Text, CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Render(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sampleData() Data {
	return Data{Facts: SampleFacts(), Campaign: Campaign{ID: 7, Name: "Grinder", Topic: "news"}, UnsubscribeURL: "https://mail.example/u/abc"}
}

// body is what is inside of body, without the unsubscribe link that page adds.
func body(t *testing.T, html string) string {
	t.Helper()
	_, after, ok := strings.Cut(html, "<body>")
	if !ok {
		t.Fatalf("no body in %s", html)
	}
	before, _, ok := strings.Cut(after, `<a href="{{ unsubscribe_url | safe_url }}">`)
	if !ok {
		before, _, _ = strings.Cut(after, `<a href="https://mail.example/u/abc">`)
	}
	return before
}

func TestInliningKeepsLiquid(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, html, want string }{
		{"between elements", `<p>Hi {{ contact.first_name }}!</p>`, `<p>Hi {{ contact.first_name }}!</p>`},
		{"quotes and angle brackets", `<p>{% if last_order.total > 10 and contact.email != "<&>" %}x{% endif %}</p>`, `<p>{% if last_order.total > 10 and contact.email != "<&>" %}x{% endif %}</p>`},
		{"between rows", `<table><tbody>{% for i in last_order.items %}<tr><td>{{ i.name }}</td></tr>{% endfor %}</tbody></table>`, `<table><tbody>{% for i in last_order.items %}<tr><td>{{ i.name }}</td></tr>{% endfor %}</tbody></table>`},
		{"in a value", `<p title="{{ contact.first_name | default: "you" }}">x</p>`, `<p title="{{ contact.first_name | default: "you" }}">x</p>`},
		{"in a link", `<a href="https://x.example/?a=1&amp;b={{ contact.email | url_encode }}">x</a>`, `<a href="https://x.example/?a=1&amp;b={{ contact.email | url_encode }}">x</a>`},
		{"among attributes", `<p {% if contact.phone %} class="a" {% endif %}>x</p>`, `<p {% if contact.phone %} class="a" {% endif %}>x</p>`},
		{"in a style attribute", `<p style="color:{{ contact.attributes.color }}">x</p>`, `<p style="color:{{ contact.attributes.color }}">x</p>`},
		{"in a style attribute that is inlined into", `<style>p{margin:0}</style><p style="{% if contact.phone %}color:red{% endif %}">x</p>`, `<p style="margin:0;{% if contact.phone %}color:red{% endif %}">x</p>`},
		{"before and behind", `{% assign a = 1 %}<p>{{ a }}</p>{% if a %}y{% endif %}`, `{% assign a = 1 %}<p>{{ a }}</p>{% if a %}y{% endif %}`},
		{"raw", `<p>{% raw %}{{ <b> }}{% endraw %}</p>`, `<p>{% raw %}{{ <b> }}{% endraw %}</p>`},
		{"comment", `<p>a{% comment %}{{ x }} <div>{% endcomment %}b</p>`, `<p>ab</p>`},
		{"a mask of its own", `<p>lqx0z lqn1z {{ contact.email }}</p>`, `<p>lqx0z lqn1z {{ contact.email }}</p>`},
		{"Outlook's comments", "<!--[if mso]><table><tr><td>&nbsp;{{ contact.email }}<![endif]--><p>x</p><!--[if mso]></td></tr></table><![endif]-->", "<!--[if mso]><table><tr><td>&nbsp;{{ contact.email }}<![endif]--><p>x</p><!--[if mso]></td></tr></table><![endif]-->"},
		{"Outlook's other comments", "<![if !mso]><p>x</p><![endif]>", "<![if !mso]><p>x</p><![endif]>"},
		{"braces made of entities", "<p>&#123;&#123; contact.email }} &#123;% if %}</p>", "<p>{&#123; contact.email }} {&#37; if %}</p>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compiled := mustCompile(t, Source{Subject: "x", HTML: page(test.html)})
			if diff := cmp.Diff(test.want, body(t, compiled.HTML)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInlining(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, html, want, head string }{
		{"by class and descent", `<style>.a .b{color:red}.b{margin:0}</style><p class="b">x</p><div class="a"><p class="b">y</p></div>`, `<p class="b" style="margin:0">x</p><div class="a"><p class="b" style="margin:0;color:red">y</p></div>`, ""},
		{"specificity", `<style>#x{color:red}p{color:blue}p.c{color:green}</style><p id="x" class="c">x</p>`, `<p id="x" class="c" style="color:red">x</p>`, ""},
		{"own style wins", `<style>p{color:red;margin:0}</style><p style="color:blue">x</p>`, `<p style="margin:0;color:blue">x</p>`, ""},
		{"several style elements", `<style>p{color:red}</style><style>p{margin:0}</style><style>p{padding:0}</style><p>x</p>`, `<p style="color:red;margin:0;padding:0">x</p>`, ""},
		{"media and hover stay", `<style>p{color:red}@media (max-width:480px){p{color:blue}}a:hover{color:red}</style><p>x</p>`, `<p style="color:red">x</p>`, "@media (max-width:480px){\np {\ncolor: blue !important\n}\n}\na:hover {\ncolor: red !important\n}"},
		{"style for a medium stays", `<style media="print">p{color:red}</style><p>x</p>`, `<style media="print">p{color:red}</style><p>x</p>`, ""},
		{"style with Liquid stays", `<style>p{color:{{ contact.attributes.color }}}</style><p>x</p>`, `<style>p{color:{{ contact.attributes.color }}}</style><p>x</p>`, ""},
		{"between branches", `<style>p{margin:0}</style>{% if contact.phone %}<p>a</p>{% else %}<p>b</p>{% endif %}`, `{% if contact.phone %}<p style="margin:0">a</p>{% else %}<p style="margin:0">b</p>{% endif %}`, ""},
		{"element across branches", `<style>p{margin:0}</style>{% if contact.phone %}<div class="a">{% else %}<div>{% endif %}<p>a</p></div>`, `<style>p{margin:0}</style>{% if contact.phone %}<div class="a">{% else %}<div>{% endif %}<p>a</p></div>`, ""},
		{"broken CSS", `<style>p{color:red;;}} }{ b{margin:0}</style><p>x</p>`, "<p", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compiled := mustCompile(t, Source{Subject: "x", HTML: page(test.html)})
			got := body(t, compiled.HTML)
			if test.want == "<p" {
				if !strings.Contains(got, "<p") {
					t.Errorf("the text is gone: %s", got)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(compiled.HTML, test.head) {
				t.Errorf("head lacks %q: %s", test.head, compiled.HTML)
			}
		})
	}
}

func TestInliningWarnsOfElementsAcrossBranches(t *testing.T) {
	t.Parallel()
	_, found := Compile(Source{Subject: "x", HTML: page("<p>a</p>\n{% if true %}<div>{% endif %}</div>")})
	want := "warning html 2:19 CSS is not inlined, because an element that begins in one branch of Liquid ends outside of it\n"
	if got := describe(found); got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

func TestLinksAreMadeSafe(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, html, want string }{
		{"at the beginning", `<a href="{{ contact.attributes.url }}">x</a>`, `<a href="">x</a>`},
		{"with white space", `<a href=" {{ contact.attributes.url }}">x</a>`, `<a href=" ">x</a>`},
		{"in two parts", `<a href="{{ contact.attributes.half }}{{ contact.attributes.other }}">x</a>`, ""},
		{"in a branch", `<a href="{% if true %}{{ contact.attributes.url }}{% endif %}">x</a>`, `<a href="">x</a>`},
		{"behind an empty branch", `<a href="{% if false %}https://x.example/{% endif %}{{ contact.attributes.url }}">x</a>`, `<a href="">x</a>`},
		{"image", `<img src="{{ contact.attributes.url }}"/>`, `<img src=""/>`},
		{"captured", `{% capture u %}{{ contact.attributes.url }}{% endcapture %}<a href="{{ u }}">x</a>`, `<a href="">x</a>`},
		{"escaped", `<a href="{{ contact.attributes.url | escape }}">x</a>`, `<a href="">x</a>`},
		{"in upper case and disguise", `<a href="{{ contact.attributes.odd }}">x</a>`, `<a href="">x</a>`},
		{"across branches", `{% if true %}<div>{% endif %}<a href="{{ contact.attributes.url }}">x</a></div>`, `<div><a href="">x</a></div>`},
		{"behind an address", `<a href="https://x.example/{{ contact.attributes.url }}">x</a>`, `<a href="https://x.example/javascript:alert(1)">x</a>`},
		{"a good one", `<a href="{{ contact.attributes.good }}">x</a>`, `<a href="https://x.example/?a=1&amp;b=2">x</a>`},
		{"a path", `<a href="{{ contact.attributes.path }}">x</a>`, `<a href="p/a:b">x</a>`},
	}
	data := sampleData()
	data.Contact.Attributes = map[string]any{
		"url": "javascript:alert(1)", "half": "java", "other": "script:alert(1)", "odd": "\x01 JaVa\tScRiPt\n:alert(1)",
		"good": "https://x.example/?a=1&b=2", "path": "p/a:b",
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := mustRender(t, Source{Subject: "x", HTML: page(test.html)}, data)
			if got := body(t, m.HTML); test.want != "" && got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			for _, href := range links(t, m.HTML) {
				if dangerousScheme(href) != "" {
					t.Errorf("a live link to %s", href)
				}
			}
		})
	}
}

// links are the href and src attributes as a browser reads them.
func links(t *testing.T, html string) []string {
	t.Helper()
	doc, err := xhtml.Parse(strings.NewReader(html))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	eachElement(doc, func(n *xhtml.Node) {
		for _, a := range n.Attr {
			if a.Key == "href" || a.Key == "src" {
				out = append(out, a.Val)
			}
		}
	})
	return out
}

func TestPreheader(t *testing.T) {
	t.Parallel()
	src := Source{Subject: "x", Preheader: `Fish & {{ contact.first_name | default: "<chips>" }}`, HTML: page("<p>Text</p>")}
	m := mustRender(t, src, sampleData())
	_, after, _ := strings.Cut(m.HTML, "<body>")
	if want := `<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all">Fish &amp; Maria&#847;`; !strings.HasPrefix(after, want) {
		t.Errorf("body begins with %.300s", after)
	}
	if strings.Contains(m.Text, "Fish") {
		t.Errorf("the preheader is in the text: %s", m.Text)
	}
	m = mustRender(t, src, Data{UnsubscribeURL: "https://mail.example/u/abc"})
	if !strings.Contains(m.HTML, "Fish &amp; &lt;chips&gt;&#847;") {
		t.Errorf("got %s", m.HTML)
	}
}

func TestDerivedText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, html, want string }{
		{"values", `<p>Dear {{ contact.first_name }}, welcome.</p>`, "Dear Maria, welcome.\n"},
		{"special characters", `<p>{{ contact.attributes.odd | escape }} &amp; &lt;b&gt;</p>`, "Fish & <Chips> & <b>\n"},
		{"links", `<p><a href="https://shop.example/?c={{ contact.external_id }}">Shop</a></p>`, "Shop ( https://shop.example/?c=C-1001 )\n"},
		{"heading", "<h1>News for {{ contact.first_name }}</h1><p>x</p>", "News for Maria\n\nx\n"},
		{"rows", `<table>{% for i in last_order.items %}<tr><td>{{ i.quantity }}</td><td>{{ i.name }}</td></tr>{% endfor %}</table>`, "2 Ethiopia Yirgacheffe, 250 g\n1 Kenya AA, 250 g\n"},
		{"list", `<ul>{% for i in last_order.items %}<li>{{ i.name }}</li>{% endfor %}</ul>`, "* Ethiopia Yirgacheffe, 250 g\n* Kenya AA, 250 g\n"},
		{"branches", `{% if contact.phone %}<p>a</p>{% else %}<p>b</p>{% endif %}`, "a\n"},
		{"attributes", `<p {% if contact.phone %}class="a"{% endif %}>x</p>`, "x\n"},
		{"hidden", `<div style="display: none">secret</div><p>x</p>`, "x\n"},
		{"styles, titles and comments", `<style>p{color:red}</style><!-- note {{ contact.email }} --><p>x</p>`, "x\n"},
		{"image in a link", `<a href="https://shop.example/"><img src="https://shop.example/a.png" alt="The shop"></a>`, "The shop ( https://shop.example/ )\n"},
		{"raw", "<p>{% raw %}{{ x }}{% endraw %}</p>", "{{ x }}\n"},
		{"entities that look like Liquid", "<p>&#123;&#123; contact.email }}</p>", "{ { contact.email }}\n"},
	}
	data := sampleData()
	data.Contact.Attributes = map[string]any{"odd": "Fish & <Chips>"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := mustRender(t, Source{Subject: "x", HTML: page(test.html)}, data)
			got := strings.TrimSuffix(strings.TrimSuffix(m.Text, "Unsubscribe ( https://mail.example/u/abc )\n"), "\n")
			if strings.TrimSpace(got) != strings.TrimSpace(test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

const mjmlPage = `<mjml><mj-body>%s<mj-section><mj-column><mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text></mj-column></mj-section></mj-body></mjml>`

func mjmlWith(body string) string { return strings.Replace(mjmlPage, "%s", body, 1) }

func column(content string) string {
	return mjmlWith("<mj-section><mj-column>" + content + "</mj-column></mj-section>")
}

func TestMJMLCheck(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, mjml, want string }{
		{"Liquid between sections", mjmlWith("\n{% if contact.phone %}<mj-section></mj-section>{% endif %}"), "error mjml 2:1 {% if contact.phone %} would be left out: MJML has no text right in <mj-body>: put it in <mj-raw>"},
		{"Liquid between columns", mjmlWith("<mj-section>{{ contact.email }}</mj-section>"), "error mjml 1:28 {{ contact.email }} would be left out"},
		{"Liquid in a column", column("{{ contact.email }}"), "error mjml 1:39 {{ contact.email }} would be left out"},
		{"Liquid in mj-social", column("<mj-social>{% if true %}{% endif %}</mj-social>"), "error mjml 1:50 {% if true %} would be left out: MJML has no text right in <mj-social>\n"},
		{"Liquid outside", "{{ contact.email }}" + column(""), "error mjml 1:1 {{ contact.email }} would be left out: it stands outside of <mjml>"},
		{"Liquid in a tag", column("<mj-text {% if true %}color='red'{% endif %}>x</mj-text>"), "error mjml 1:48 Liquid in an MJML tag must stand in a value"},
		{"text between elements", column("Hello"), "error mjml 1:39 this text would be left out"},
		{"unknown element", column("<mj-texxt>x</mj-texxt>"), "error mjml 1:39 there is no MJML element <mj-texxt>: did you mean mj-text?"},
		{"HTML in a column", column("<div>x</div>"), "error mjml 1:39 <div> would be left out here"},
		{"element in the wrong place", mjmlWith("<mj-text>x</mj-text>"), "error mjml 1:16 <mj-text> cannot stand in <mj-body>, which can have mj-hero, mj-raw, mj-section, mj-wrapper"},
		{"include", mjmlWith(`<mj-include path="/etc/passwd" />`), "error mjml 1:16 <mj-include> is not supported"},
		{"no end", "<mjml><mj-body><mj-section>", "error mjml 1:16 <mj-section> has no </mj-section>"},
		{"crossed", "<mjml><mj-body><mj-section></mj-body></mj-section></mjml>", "error mjml 1:28 </mj-body> does not fit: <mj-section> of line 1 is still open"},
		{"no body", "<mjml></mjml>", "error mjml 0:0 MJML is <mjml> with <mj-body> in it"},
		{"no mjml", "Hello", "error mjml 0:0 MJML is <mjml>"},
		{"value without quotes", column("<mj-text color=red>x</mj-text>"), "error mjml 1:48 the attribute color needs a value in quotes"},
		{"unknown attribute", column("\n<mj-text colour='red'>x</mj-text>"), "warning mjml 2:0 <mj-text>: Invalid attribute 'colour'"},
		{"unknown name", column("<mj-text>{{ contact.nick }}</mj-text>"), "error mjml 1:51 there is no contact.nick"},
		{"javascript link", column("<mj-button href='javascript:x'>x</mj-button>"), "error mjml 1:56 a link must not begin with javascript:"},
		{"javascript link in text", column("<mj-text><a href='javascript:x'>x</a></mj-text>"), "error mjml 1:57 a link must not begin with javascript:"},
		{"no unsubscribe link", "<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>", "error mjml 0:0 has no unsubscribe link"},
		{"unsubscribe link where it is dropped", "<mjml><mj-body><mj-section><a href='{{ unsubscribe_url }}'>x</a></mj-section></mj-body></mjml>", "error mjml 1:28 <a> would be left out here"},
		{"tag without end", column("<mj-text>x</mj-text") + "", "error mjml"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, found := Compile(Source{Subject: "x", MJML: test.mjml})
			if got := describe(found); !strings.HasPrefix(got, test.want) && !strings.Contains(got, "\n"+test.want) {
				t.Errorf("found:\n%swant:\n%s", got, test.want)
			}
		})
	}
}

// TestMJMLCompile looks for pieces of the HTML: the rest is the library's.
func TestMJMLCompile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, mjml string
		want       []string // in this order
	}{
		{"sections in a loop", mjmlWith(`<mj-raw>{% for i in last_order.items %}</mj-raw><mj-section><mj-column><mj-text>{{ i.name }}</mj-text></mj-column></mj-section><mj-raw>{% endfor %}</mj-raw>`),
			[]string{"{% for i in last_order.items %}", "{{ i.name }}", "{% endfor %}"}},
		{"columns in a condition", mjmlWith(`<mj-section><mj-raw>{% if contact.phone %}</mj-raw><mj-column><mj-text>a</mj-text></mj-column><mj-raw>{% endif %}</mj-raw></mj-section>`),
			[]string{"{% if contact.phone %}", ">a<", "{% endif %}"}},
		{"in a wrapper", mjmlWith(`<mj-wrapper><mj-raw>{% if contact.phone %}</mj-raw><mj-section><mj-column><mj-text>a</mj-text></mj-column></mj-section><mj-raw>{% endif %}</mj-raw></mj-wrapper>`),
			[]string{"{% if contact.phone %}", ">a<", "{% endif %}"}},
		{"in a hero", mjmlWith(`<mj-hero><mj-raw>{% if contact.phone %}</mj-raw><mj-text>a</mj-text><mj-raw>{% endif %}</mj-raw></mj-hero>`),
			[]string{"{% if contact.phone %}", ">a<", "{% endif %}"}},
		{"table", column(`<mj-table>{% for i in last_order.items %}<tr><td nowrap>{{ i.name }}<br>&nbsp;</td></tr>{% endfor %}</mj-table>`),
			[]string{"<table", "{% for i in last_order.items %}<tr><td nowrap>{{ i.name }}<br>&nbsp;</td></tr>{% endfor %}"}},
		{"button", column(`<mj-button href="https://x.example/?a=1&b={{ contact.email | url_encode }}&amp;c">A <br> & {{ contact.first_name }}</mj-button>`),
			[]string{`href="https://x.example/?a=1&amp;b={{ contact.email | url_encode }}&amp;c"`, "A <br> & {{ contact.first_name }}"}},
		{"button to an address in the data", column(`<mj-button href="{{ contact.attributes.url }}">x</mj-button>`),
			[]string{`href="{{ contact.attributes.url | safe_url }}"`}},
		{"markup as text", column(`<mj-text>&lt;b&gt; &copy; {% if 1 < 2 %}x{% endif %}</mj-text>`),
			[]string{"&lt;b&gt; &copy; {% if 1 < 2 %}x{% endif %}"}},
		{"image", column(`<mj-image src="{{ last_order.items.first.image_url }}" alt="A &quot;good&quot; one" />`),
			[]string{`alt="A &quot;good&quot; one"`, `src="{{ last_order.items.first.image_url | safe_url }}"`}},
		{"title", strings.Replace(column("<mj-text>x</mj-text>"), "<mjml>", `<mjml><mj-head><mj-title>A "{{ campaign.name }}"</mj-title><mj-preview>Look & {{ contact.email }}</mj-preview></mj-head>`, 1),
			[]string{"<title>A &quot;{{ campaign.name }}&quot;</title>", "Look & {{ contact.email }}"}},
		{"social, accordion and navbar", column(`<mj-social><mj-social-element name="facebook" href="https://x.example/">{{ contact.phone }}</mj-social-element></mj-social><mj-accordion><mj-accordion-element><mj-accordion-title>{{ contact.email }}</mj-accordion-title><mj-accordion-text>{{ contact.country }}</mj-accordion-text></mj-accordion-element></mj-accordion><mj-navbar><mj-navbar-link href="https://x.example/">{{ contact.language }}</mj-navbar-link></mj-navbar>`),
			[]string{"{{ contact.phone }}", "{{ contact.email }}", "{{ contact.country }}", "{{ contact.language }}"}},
		{"comments and a declaration", "<?xml version=\"1.0\"?>\n<!-- a -->\n" + strings.Replace(column("<!-- b --><mj-text>x</mj-text>"), "<mj-body>", "<!-- c --><mj-body>", 1),
			[]string{">x<"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compiled, found := Compile(Source{Subject: "x", MJML: test.mjml})
			if len(found) > 0 {
				t.Errorf("found:\n%s", describe(found))
			}
			rest := compiled.HTML
			for _, want := range test.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q is missing, or not in its place, in:\n%s", want, compiled.HTML)
				}
				rest = after
			}
		})
	}
}

func TestMJMLInlineStyles(t *testing.T) {
	t.Parallel()
	src := strings.Replace(column(`<mj-text css-class="a"><p class="b">x</p></mj-text><mj-text><p class="b">y</p></mj-text>`), "<mjml>",
		`<mjml><mj-head><mj-style inline="inline">.a .b { color: red; }</mj-style><mj-style>.b { margin: 0; } a:hover { color: blue; }</mj-style></mj-head>`, 1)
	html := mustCompile(t, Source{Subject: "x", MJML: src}).HTML
	for _, want := range []string{`<p class="b" style="color:red">x</p>`, `<p class="b">y</p>`, ".b { margin: 0; } a:hover { color: blue; }"} {
		if !strings.Contains(html, want) {
			t.Errorf("%s is missing in\n%s", want, html)
		}
	}
	for _, unwanted := range []string{inlineMark, ignoreMark, ".a .b"} {
		if strings.Contains(html, unwanted) {
			t.Errorf("%s is left over in\n%s", unwanted, html)
		}
	}
}

// TestMJMLAtOnce: the library keeps what mj-attributes says in a global variable.
func TestMJMLAtOnce(t *testing.T) {
	t.Parallel()
	for _, color := range []string{"#111111", "#222222", "#333333"} {
		t.Run(color, func(t *testing.T) {
			t.Parallel()
			src := strings.Replace(column("<mj-text>x</mj-text>"), "<mjml>", `<mjml><mj-head><mj-attributes><mj-text color="`+color+`" /></mj-attributes></mj-head>`, 1)
			for range 20 {
				if html := mustCompile(t, Source{Subject: "x", MJML: src}).HTML; !strings.Contains(html, "color:"+color) {
					t.Fatalf("%s is missing in\n%s", color, html)
				}
			}
		})
	}
}

// TestSample compares the sample with what it was when someone last looked at it.
// POSTHORN_UPDATE=1 writes the file anew: then look at the diff.
func TestSample(t *testing.T) {
	t.Parallel()
	compiled, found := Compile(Sample())
	if len(found) > 0 {
		t.Errorf("found:\n%s", describe(found))
	}
	m := mustRender(t, Sample(), sampleData())
	for name, got := range map[string]string{"sample.compiled.html": compiled.HTML, "sample.txt": m.Subject + "\n\n" + m.Text} {
		path := filepath.Join("testdata", name)
		if os.Getenv("POSTHORN_UPDATE") != "" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestCompileEndsSoon: these took 8 to 17 seconds each before they had a limit. The
// numbers of problems and the warnings are what is compared, not the time.
func TestCompileEndsSoon(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		src  Source
		want string
	}{
		{"many rules for many elements", Source{HTML: page("<style>" + strings.Repeat("b{margin:0}", 2000) + "</style>" + strings.Repeat("<b></b>", 5000))}, "CSS is not inlined: 2000 rules for 5007 elements are too many"},
		{"many bad links", Source{HTML: page(strings.Repeat(`<a href="x">`, 30_000))}, "this link is not complete"},
		{"an error behind many bad links", Source{HTML: page(strings.Repeat(`<a href="x">`, 30_000) + "{{ nick }}")}, "there is no nick"},
		{"many misplaced elements", Source{MJML: mjmlWith(strings.Repeat("<mj-section>", 40_000))}, "<mj-section> cannot stand in <mj-section>"},
		{"deep", Source{HTML: page(strings.Repeat("<div>", 60_000))}, "no text can be made of the HTML"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.src.Subject = "x"
			_, found := Compile(test.src)
			if len(found) > maxProblems || !strings.Contains(describe(found), test.want) {
				t.Errorf("%d problems, without %q:\n%s", len(found), test.want, describe(found))
			}
		})
	}
}
