package templates

import (
	"fmt"
	"strings"
	"testing"
)

// page is a body that is right but for what is put into it.
func page(body string) string {
	return body + `<a href="{{ unsubscribe_url }}">Unsubscribe</a>`
}

func describe(list []Problem) string {
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "%s %s %d:%d %s\n", p.Severity, p.Part, p.Line, p.Column, p.Message)
	}
	return b.String()
}

func TestCheckFindsWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		html string // put into page
		want string // severity, part, line:column and the beginning of the message
	}{
		{"open object", "Hello {{ contact.first_name", "error html 1:7 {{ is not complete"},
		{"object over two lines", "a\n b {{ contact.first_name\n | upcase }}", "error html 2:4 {{ is not complete"},
		{"empty object", "{{ }}", "error html 1:"},
		{"open tag", "{% if contact.email ", "error html 1:1 {% is not complete"},
		{"no endif", "<p>\n{% if contact.email %}x</p>", "error html 2:1 {% if %} has no {% endif %}"},
		{"stray endif", "x{% endif %}", "error html 1:2 {% endif %} has no {% if %} before it"},
		{"crossed blocks", "{% if true %}{% for i in (1..2) %}{% endif %}{% endfor %}", "error html 1:35 {% endif %} does not fit: {% for %} of line 1 is still open"},
		{"stray else", "{% else %}", "error html 1:1 {% else %} does not stand in {% if %}"},
		{"two elses", "{% if true %}{% else %}{% else %}{% endif %}", "error html 1:24 {% else %} comes after {% else %}"},
		{"stray when", "{% if true %}{% when 1 %}{% endif %}", "error html 1:14 {% when %} does not stand in {% case %}"},
		{"open comment", "{% comment %} x", "error html 1:1 {% comment %} has no {% endcomment %}"},
		{"open raw", "{% raw %} x", "error html 1:1 {% raw %} has no {% endraw %}"},
		{"unknown tag", "{% iff true %}", `error html 1:1 there is no tag "iff": did you mean if?`},
		{"include", `{% include "/etc/passwd" %}`, "error html 1:1 {% include %} is not supported"},
		{"tablerow", `{% tablerow i in (1..3) %}{% endtablerow %}`, `error html 1:1 there is no tag "tablerow"`},
		{"if without condition", "{% if %}x{% endif %}", "error html 1:1 {% if %} needs a condition"},
		{"bad operator", "{% if contact.email === 1 %}{% endif %}", "error html 1:"},
		{"number too large", "{{ 99999999999999999999 }}", "error html 1:4 the number 99999999999999999999 is too large"},
		{"text without end", `{{ "abc }}`, "error html 1:4 a text that begins with \" does not end"},
		{"statement in an object", "{{ %assign x = 1 }}", "error html 1:4 '%' has no meaning here"},
		{"two expressions", "{{ contact.email contact.email }}", "error html 1:18 contact is not expected here"},

		{"unknown name", "<p>\n  {{ contakt.email }}</p>", "error html 2:6 there is no contakt: did you mean contact?"},
		{"unknown field", "é{{ contact.firstname }}", "error html 1:5 there is no contact.firstname: did you mean first_name?"},
		{"unknown field by index", `{{ contact["firstname"] }}`, "error html 1:4 there is no contact.firstname"},
		{"unknown nested field", "{{ last_order.items[0].product.colour }}", "error html 1:4 there is no last_order.items[].product.colour"},
		{"field of a list", "{{ last_order.items.name }}", "error html 1:4 last_order.items is a list: use {% for item in last_order.items %}"},
		{"field of a text", "{{ contact.email.domain }}", "error html 1:4 there is no contact.email.domain: contact.email is a single value"},
		{"field of a loop variable", "{% for i in last_order.items %}{{ i.prize }}{% endfor %}", "error html 1:35 there is no i.prize"},
		{"loop variable outside", "{% for i in last_order.items %}{% endfor %}{{ i.name }}", "error html 1:47 there is no i"},
		{"forloop outside", "{{ forloop.index }}", "error html 1:4 there is no forloop"},
		{"unknown field of the trigger", "{{ event.propertis.x }}", "error html 1:4 there is no event.propertis: did you mean properties?"},
		{"field of the triggering order", "{% for i in order.items %}{{ i.prize }}{% endfor %}", "error html 1:30 there is no i.prize"},
		{"whole order", "{{ order }}", "error html 1:1 order is not a single value: say which, such as order.currency"},
		{"name in a condition", "{% if vip %}x{% endif %}", "error html 1:7 there is no vip"},
		{"name in an argument", "{{ contact.email | default: nobody }}", "error html 1:29 there is no nobody"},
		{"name in a comparison", "{% if contact.email == nobody %}{% endif %}", "error html 1:24 there is no nobody"},
		{"name in when", "{% case contact.country %}{% when land %}{% endcase %}", "error html 1:35 there is no land"},
		{"whole object", "{{ contact }}", "error html 1:1 contact is not a single value: say which, such as contact."},
		{"whole list", "{{ last_order.items }}", "error html 1:1 last_order.items is a list"},
		{"loop over an object", "{% for x in contact %}{% endfor %}", "error html 1:1 x in contact is not a list"},
		{"redefined name", "{% assign contact = 1 %}", "error html 1:11 contact has a meaning already"},
		{"redefined trigger", "{% assign order = last_order %}", "error html 1:11 order has a meaning already"},
		{"loop over a given name", "{% for campaign in (1..2) %}{% endfor %}", "error html 1:8 campaign has a meaning already"},

		{"unknown filter", "{{ contact.email | upper }}", `error html 1:20 there is no filter "upper"`},
		{"escaping cannot be turned off", "{{ contact.email | safe }}", `error html 1:20 there is no filter "safe"`},
		{"too few arguments", "{{ contact.email | append }}", `error html 1:20 the filter "append" takes 1 argument, not 0`},
		{"too many arguments", `{{ contact.email | upcase: 1 }}`, `error html 1:20 the filter "upcase" takes no argument`},
		{"assign without value", "{% assign x %}", "error html 1:"},
		{"assign to a path", "{% assign x.y = 1 %}", "error html 1:"},
		{"capture without name", "{% capture %}{% endcapture %}", "error html 1:1 capture needs one name"},
		{"break outside", "{% break %}", "error html 1:1 {% break %} is not in a loop"},
		{"cycle of names", "{% for i in (1..2) %}{% cycle contact.email %}{% endfor %}", "error html 1:31 cycle goes through texts in quotes"},

		{"range too large", "{% for i in (1..100000) %}{% endfor %}", "error html 1:13 a range of more than 1000 numbers"},
		{"method of a range", "{{ (1..100000000).AsArray }}", "error html 1:"},
		{"method of a range by index", "{{ (1..9)['AsArray'] }}", "error html 1:"},
		{"loops too deep", strings.Repeat("{% for i in (1..2) %}", 4) + strings.Repeat("{% endfor %}", 4), "error html 1:64 loops are nested more than 3 deep"},
		{"blocks too deep", strings.Repeat("{% if true %}", 21) + strings.Repeat("{% endif %}", 21), "error html 1:261 blocks are nested more than 20 deep"},
		{"too many filters", "{{ contact.email" + strings.Repeat(" | upcase", 21) + " }}", "error html 1:"},
		{"expression too long", "{{ contact.email | append: '" + strings.Repeat("x", 2000) + "' }}", "error html 1:4 is longer than 2000 characters"},
		{"too many tags", strings.Repeat("{{ 1 }}", 10_100), "error html 0:0 has more than 5000 Liquid tags"},

		{"javascript link", `<a href="javascript:alert(1)">x</a>`, "error html 1:10 a link must not begin with javascript:"},
		{"javascript with entities and white space", "<a href=\" java&#x09;script&colon;x\">x</a>", "error html 1:10 a link must not begin with javascript:"},
		{"data link", `<a href="DATA:text/html,x">x</a>`, "error html 1:10 a link must not begin with data:"},
		{"vbscript link", `<a href="vbscript:x">x</a>`, "error html 1:10 a link must not begin with vbscript:"},
		{"javascript after Liquid", `<a href="{{ contact.attributes.x }}javascript:x">x</a>`, "error html 1:10 a link must not begin with javascript:"},
		{"javascript in a branch", `<a href="{% if true %}javascript:x{% endif %}">x</a>`, "error html 1:10 a link must not begin with javascript:"},
		{"javascript around Liquid", `<a href="java{{ contact.phone }}script:x">x</a>`, "error html 1:10 a link must not begin with javascript:"},
		{"javascript in an expression", `<a href="{{ 'javascript:x' }}">x</a>`, "error html 1:10 a link must not begin with javascript:"},
		{"javascript in a form", `<form action="javascript:x"></form>`, "error html 1:15 a link must not begin with javascript:"},
		{"javascript image", `<img src="javascript:x">`, "error html 1:11 a link must not begin with javascript:"},
		{"data image", `<img src="data:image/png;base64,AA==">`, "warning html 1:11 most mail programs do not show images from a data: address"},
		{"empty link", `<a href="">x</a>`, "warning html 1:4 this link leads nowhere"},
		{"relative link", `<a href="/shop">x</a>`, "warning html 1:10 this link is not complete"},

		{"value without quotes", `<a href={{ contact.attributes.url }}>x</a>`, `error html 1:9 the value of href needs quotes`},
		{"object in a tag", `<p {{ contact.email }}>x</p>`, "error html 1:4 {{ contact.email }} cannot stand in a tag"},
		{"object as a tag", `<{{ contact.email }}>x</{{ contact.email }}>`, "error html 1:1 the name of an element"},
		{"object in a handler", `<p onclick="f('{{ contact.email }}')">x</p>`, "error html 1:4 onclick is a script"},
		{"object in a script", `<script>var x = "{{ contact.email }}"</script>`, "error html 1:9 a script must not have Liquid in it"},
		{"script", `<script>f()</script>`, "warning html 1:1 mail programs remove scripts"},
		{"control character", "a\x00b", "error html 1:2 has a control character (0x00)"},
		{"not UTF-8", "a\xffb", "error html 0:0 is not valid UTF-8"},
		{"too large", strings.Repeat("x", maxBody+1), "error html 0:0 is larger than 512 KB"},
		{"clipped", strings.Repeat("x", 110_000), "warning html 0:0 the mail is about 107 KB"},
		{"grows too large", "{% for i in (1..300) %}" + strings.Repeat("x", 4_000) + "{% endfor %}", "error html 0:0 does not render"},
		{"division by zero", "{{ 1 | divided_by: 0 }}", "error html 0:0 does not render for a contact with an order: html: line 1: "},
		{"division by zero without an order", "{{ 1 | divided_by: last_order.total }}", "warning html 0:0 does not render for a contact without name and order"},
		{"division by zero without a trigger", "{{ 1 | divided_by: order.total }}", "warning html 0:0 does not render for a contact without name and order"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, found := Compile(Source{Subject: "Hello", HTML: page(test.html)})
			if got := describe(found); !strings.HasPrefix(got, test.want) && !strings.Contains(got, "\n"+test.want) {
				t.Errorf("found:\n%swant:\n%s", got, test.want)
			}
		})
	}
}

func TestCheckLetsPassWhatIsRight(t *testing.T) {
	t.Parallel()
	for _, html := range []string{
		"{{ contact.first_name }}",
		"{{- contact.first_name -}}",
		"{{contact.first_name|default:'you'}}",
		"{{ contact.attributes.anything.at.all[0].x }}",
		`{{ contact["first_name"] }}`,
		"{{ last_order.items.first.product.name }} {{ last_order.items[0].name }} {{ last_order.items.size }}",
		"{% for item in last_order.items limit: 3 offset: 1 reversed %}{{ forloop.index }} {{ item.product.name }}{% else %}none{% endfor %}",
		"{% assign best = last_order.items | sort: 'unit_price' | last %}{{ best.name }}",
		"{% assign items = last_order.items %}{% for i in items %}{{ i.name }}{% endfor %}",
		"{% for i in last_order.items %}{% if i.name != before %}{{ i.name }}{% endif %}{% assign before = i.name %}{% endfor %}",
		"{% capture hi %}Hi {{ contact.first_name }}{% endcapture %}{{ hi }}",
		"{% case contact.country %}{% when 'Sweden', 'Norway' %}Hej{% when 'Iceland' or 'Faroes' %}Halló{% else %}Hello{% endcase %}",
		"{% unless contact.phone == blank %}{{ contact.phone }}{% endunless %}",
		"{% if contact.country == 'Sweden' and last_order.total > 20 or contact.attributes.vip %}x{% elsif true %}y{% else %}z{% endif %}",
		"{% for i in (1..last_order.items.size) %}{% cycle 'odd', 'even' %}{% endfor %}",
		"{% comment %}{{ nothing }} {% if %}{% endcomment %}",
		"{% raw %}{{ nothing }}{% endraw %}",
		"{% assign köpt = 1 %}{{ köpt }}",
		"<p {% if contact.phone %}class=\"a\"{% endif %}>x</p>",
		`<a href="https://shop.example/?a={{ contact.external_id | url_encode }}&b=1">x</a>`,
		`<a href="mailto:shop@example.com">x</a><a href="tel:+4612345">x</a><a href="#top">x</a>`,
		"<style>a{width:100%}@media (max-width:480px){a{width:50%}}</style>",
		"<p>5 % of { this } and } that }}</p>",
	} {
		_, found := Compile(Source{Subject: "Hello", HTML: page(html)})
		if len(found) > 0 {
			t.Errorf("%s\n%s", html, describe(found))
		}
	}
}

func TestCheckOfTheOtherParts(t *testing.T) {
	t.Parallel()
	html := page("x")
	tests := []struct {
		name string
		src  Source
		want string // "" for nothing
	}{
		{"no subject", Source{HTML: html}, "error subject 0:0 is missing"},
		{"line break in the subject", Source{Subject: "a\r\nBcc: x@example.com", HTML: html}, "error subject 1:2 must be one line without control characters"},
		{"NUL in the subject", Source{Subject: "a\x00", HTML: html}, "error subject 1:2 must be one line"},
		{"line separator in the subject", Source{Subject: "a\u2028b", HTML: html}, "error subject 1:2 must be one line"},
		{"long subject", Source{Subject: strings.Repeat("x", 1001), HTML: html}, "error subject 0:0 is longer than 1000 bytes"},
		{"name in the subject", Source{Subject: "Hi {{ contact.nick }}", HTML: html}, "error subject 1:7 there is no contact.nick"},
		{"subject empty for some", Source{Subject: "{{ contact.first_name }}", HTML: html}, "warning subject 0:0 is empty for a contact without name and order"},
		{"line break in the preheader", Source{Subject: "a", Preheader: "a\nb", HTML: html}, "error preheader 1:2 must be one line"},
		{"name in the preheader", Source{Subject: "a", Preheader: "{{ nick }}", HTML: html}, "error preheader 1:4 there is no nick"},
		{"nothing to say", Source{Subject: "a"}, "error html 0:0 is missing: a template needs html, mjml or text"},
		{"HTML and MJML", Source{Subject: "a", HTML: html, MJML: "<mjml></mjml>"}, "error mjml 0:0 a template has either html or mjml, not both"},
		{"no unsubscribe link", Source{Subject: "a", HTML: "<p>x</p>"}, "error html 0:0 has no unsubscribe link"},
		{"unsubscribe address not as a link", Source{Subject: "a", HTML: "<p>{{ unsubscribe_url }}</p>"}, "error html 0:0 has no unsubscribe link"},
		{"unsubscribe link in a comment", Source{Subject: "a", HTML: `<!-- <a href="{{ unsubscribe_url }}">x</a> -->`}, "error html 0:0 has no unsubscribe link"},
		{"unsubscribe link in a Liquid comment", Source{Subject: "a", HTML: `{% comment %}<a href="{{ unsubscribe_url }}">x</a>{% endcomment %}`}, "error html 0:0 has no unsubscribe link"},
		{"unsubscribe link for some", Source{Subject: "a", HTML: "{% if contact.first_name %}" + html + "{% endif %}"}, "error html 0:0 has no unsubscribe link for a contact without name and order"},
		{"unsubscribe link for none", Source{Subject: "a", HTML: "{% if false %}" + html + "{% endif %}"}, "error html 0:0 has no unsubscribe link for a contact with an order"},
		{"text alone", Source{Subject: "a", Text: "Hello\n{{ unsubscribe_url }}"}, ""},
		{"text without unsubscribe link", Source{Subject: "a", Text: "Hello"}, "error text 0:0 has no unsubscribe link"},
		{"text beside HTML without one", Source{Subject: "a", Text: "Hello", HTML: html}, "warning text 0:0 has no unsubscribe link"},
		{"name in the text", Source{Subject: "a", Text: "Hello\n {{ nick }}", HTML: html}, "error text 2:5 there is no nick"},
		{"NUL in the text", Source{Subject: "a", Text: "Hel\x00lo", HTML: html}, "error text 1:4 has a control character"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compiled, found := Compile(test.src)
			got := describe(found)
			switch {
			case test.want == "" && got != "":
				t.Errorf("found:\n%s", got)
			case !strings.HasPrefix(got, test.want) && !strings.Contains(got, "\n"+test.want):
				t.Errorf("found:\n%swant:\n%s", got, test.want)
			}
			if failed(found) != (compiled == Compiled{}) {
				t.Errorf("errors: %v, but compiled to %q", failed(found), compiled)
			}
		})
	}
}
