package templates

import (
	"context"
	"strings"
	"testing"
	"time"
)

// maxFuzzTime is many times what a template of fuzzing's size needs; it is there to
// notice one that does not end.
const maxFuzzTime = 20 * time.Second

func fuzzSeeds(f *testing.F) {
	s := Sample()
	f.Add(s.Subject, s.Preheader, s.MJML, true)
	for _, html := range []string{
		"{{ contact.first_name | default: 'x' | append: \"y\" }}",
		"{% for i in (1..3) limit: 2 reversed %}{% cycle 'a', 'b' %}{{ forloop.index }}{% else %}{% endfor %}",
		"{% if a == 1 and b contains 'c' or d %}{% elsif e %}{% else %}{% endif %}",
		"{% assign x = last_order.items | map: 'name' | join: ', ' %}{% capture y %}{{ x }}{% endcapture %}{{ y }}",
		"{% case contact.country %}{% when 'a', 'b' %}{% else %}{% endcase %}{% unless false %}{% endunless %}",
		"{% raw %}{{ {% endraw %}{% comment %}{% endcomment %}{{- 1 -}}{%- if true -%}{%- endif -%}",
		"<style>p{margin:0}@media x{p{color:red}}</style><table>{% for i in last_order.items %}<tr><td>{{ i.name }}{% endfor %}</table>",
		"<a href='{{ contact.attributes.x }}' {% if true %}class=\"a\"{% endif %}>x</a><!--[if mso]>{{ contact.email }}<![endif]-->",
		"<a href=\"java&#115;cript:x\"><p style=\"color:{{ contact.phone }}\">",
		"{{ (1..99999).AsArray }}{{ 999999999999999999999999 }}{{ %assign x = 1 }}{{ 'a' | date: '%9Y' }}",
		"<mjml><mj-body><mj-section><mj-column><mj-text>{{ x }}</mj-text></mj-column></mj-section></mj-body></mjml>",
		"<mjml><mj-head><mj-style inline=\"inline\">p{}</mj-style></mj-head><mj-body><mj-raw>{% if 1 %}</mj-raw><mj-hero><mj-raw>{% endif %}</mj-raw></mj-hero></mj-body></mjml>",
	} {
		f.Add("Hi {{ contact.name }}", "", page(html), strings.Contains(html, "<mjml>"))
	}
}

// FuzzCompile: whatever is written, the check ends, does not panic, says where, and
// what it lets pass can be rendered for contacts with everything and with nothing.
func FuzzCompile(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, subject, preheader, body string, isMJML bool) {
		if len(body) > 20_000 {
			return
		}
		src := Source{Subject: subject, Preheader: preheader, HTML: body}
		if isMJML {
			src.HTML, src.MJML = "", body
		}
		start := time.Now()
		compiled, found := Compile(src)
		for _, p := range found {
			if p.Message == "" || p.Part == "" || p.Line < 0 || p.Column < 0 || p.Line == 0 && p.Column > 0 {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		if failed(found) {
			return
		}
		r, err := NewRenderer(Version{Subject: subject, CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
		if err != nil {
			t.Fatalf("it passes the check, and cannot be parsed: %v", err)
		}
		d := sampleData()
		d.Contact.FirstName = "<script>\r\n"
		m, err := r.Render(context.Background(), d)
		if err != nil {
			t.Fatalf("it passes the check, and cannot be rendered: %v", err)
		}
		if strings.ContainsFunc(m.Subject, isControl) || len(m.HTML) > maxOutput || len(m.Text) > maxOutput || strings.Contains(m.Text, "\x00") {
			t.Errorf("subject %q, %d and %d bytes", m.Subject, len(m.HTML), len(m.Text))
		}
		if !strings.Contains(m.HTML, d.UnsubscribeURL) {
			t.Error("there is no unsubscribe link")
		}
		if spent := time.Since(start); spent > maxFuzzTime {
			t.Errorf("took %s", spent)
		}
	})
}

// FuzzRender gives Liquid straight to the renderer, where only limits stand between
// a template and the machine.
func FuzzRender(f *testing.F) {
	for _, liquid := range []string{
		"{{ contact.attributes.list | sort | uniq | reverse | join: ',' | split: ',' | size }}",
		"{% for i in (1..100) %}{% for j in (1..100) %}{% assign a = a | append: 'xx' %}{% endfor %}{% endfor %}",
		"{{ contact.attributes.map.a[0] | plus: 1 | divided_by: 2.0 | round: 3 | money: 'EUR', 'de' }}",
		"{% for p in contact.attributes %}{{ p[0] }}{{ p[1] }}{% endfor %}{{ last_order.placed_at | date: '%c %9N' }}",
		"{{ 'a' | slice: -3, 9 | truncate: -1 | truncatewords: -5 | replace: '', 'b' | url_decode | strip_html }}",
		"{% if contact.attributes.list contains contact.attributes.map or last_order == contact %}{{ (1..3) }}{% endif %}",
		"{{ last_order.items | where: 'quantity', 2 | concat: contact.attributes.list | map: 'name' | first | default: blank }}",
	} {
		f.Add(liquid)
	}
	f.Fuzz(func(t *testing.T, liquid string) {
		if len(liquid) > 5_000 {
			return
		}
		r, err := NewRenderer(Version{Subject: "x", CompiledHTML: liquid, Text: "x", CompiledText: liquid})
		if err != nil {
			return
		}
		d := sampleData()
		d.Contact.Attributes = map[string]any{"list": []any{1.0, "a", nil, map[string]any{}, []any{}}, "map": map[string]any{"a": []any{1.5}}}
		start := time.Now()
		m, err := r.Render(context.Background(), d)
		if spent := time.Since(start); spent > maxFuzzTime {
			t.Errorf("took %s", spent)
		}
		if err != nil && strings.Contains(err.Error(), errStop.Error()) || err != nil && strings.Contains(err.Error(), "runtime error") {
			t.Errorf("a panic: %v", err)
		}
		if len(m.HTML) > maxOutput {
			t.Errorf("%d bytes", len(m.HTML))
		}
	})
}
