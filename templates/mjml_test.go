package templates

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"
)

// unbalancedTag is the first end tag that does not fit, or an element left open.
func unbalancedTag(html string) string {
	var stack []string
	wrong := ""
	walkMarkup(html, func(m markup) {
		switch {
		case wrong != "":
		case m.kind == xhtml.StartTagToken && !m.element.closed && !slices.Contains(voidElements, m.element.name):
			stack = append(stack, m.element.name)
		case m.kind == xhtml.EndTagToken && (len(stack) == 0 || stack[len(stack)-1] != m.name):
			wrong = fmt.Sprintf("</%s> in %v: …%s", m.name, stack, html[max(0, m.offset-300):m.end])
		case m.kind == xhtml.EndTagToken:
			stack = stack[:len(stack)-1]
		}
	})
	if wrong == "" && len(stack) > 0 {
		wrong = fmt.Sprintf("%v left open", stack)
	}
	return wrong
}

var (
	outlookMarks = regexp.MustCompile(`<!--\[if (?:mso \| IE|mso)\]>|<!--\[if !mso \| IE\]><!-->|<!--\[if !mso\]><!-->|<!--<!\[endif\]-->|<!\[endif\]-->`)
	comments     = regexp.MustCompile(`(?s)<!--.*?-->`)
)

// TestMJMLStaysWhole renders every way to put conditions and loops around parts of
// a mail, for none, one and two turns, and looks at the result as Outlook does,
// which reads the conditional comments, and as everyone else does.
func TestMJMLStaysWhole(t *testing.T) {
	t.Parallel()
	const (
		open    = `<mj-raw>{% for i in contact.attributes.list %}</mj-raw>`
		end     = `<mj-raw>{% endfor %}</mj-raw>`
		col     = `<mj-column><mj-text>MARK</mj-text></mj-column>`
		plain   = `<mj-column><mj-text>a</mj-text></mj-column>`
		section = `<mj-section>` + plain + `</mj-section>`
		marked  = `<mj-section>` + col + `</mj-section>`
		full    = `<mj-section full-width="full-width" background-color="#eeeeee">` + col + `</mj-section>`
		picture = `<mj-section full-width="full-width" background-url="https://x.example/a.png">` + col + `</mj-section>`
		wide    = `<mj-section full-width="full-width">` + plain + `</mj-section>`
		hero    = `<mj-hero background-url="https://x.example/a.png"><mj-text>MARK</mj-text></mj-hero>`
	)
	for name, src := range map[string]string{
		"section alone":         mjmlWith(open + marked + end),
		"section between":       mjmlWith(section + open + marked + end + section),
		"two sections":          mjmlWith(open + section + marked + end + section),
		"nested":                mjmlWith(section + open + `<mj-raw>{% if true %}</mj-raw>` + marked + end[:8] + `{% endif %}</mj-raw>` + section + end + section),
		"full width":            mjmlWith(section + open + full + end + section),
		"full width in a row":   mjmlWith(open + full + end + wide + section),
		"background picture":    mjmlWith(section + open + picture + end + section),
		"hero":                  mjmlWith(section + open + hero + end + section),
		"hero and full width":   mjmlWith(section + open + hero + wide + end + wide),
		"in a hero":             mjmlWith(`<mj-hero>` + open + `<mj-text>MARK</mj-text>` + end + `<mj-text>a</mj-text></mj-hero>`),
		"wrapper":               mjmlWith(section + open + `<mj-wrapper>` + section + marked + `</mj-wrapper>` + end + section),
		"first in a wrapper":    mjmlWith(`<mj-wrapper>` + open + marked + end + section + `</mj-wrapper>`),
		"last in a wrapper":     mjmlWith(`<mj-wrapper>` + section + open + marked + end + `</mj-wrapper>`),
		"alone in a wrapper":    mjmlWith(`<mj-wrapper>` + open + marked + end + `</mj-wrapper>`),
		"column alone":          mjmlWith(`<mj-section>` + open + col + end + `</mj-section>`),
		"column first":          mjmlWith(`<mj-section>` + open + col + end + plain + `</mj-section>`),
		"column last":           mjmlWith(`<mj-section>` + plain + open + col + end + `</mj-section>`),
		"column between":        mjmlWith(`<mj-section>` + plain + open + col + end + plain + `</mj-section>`),
		"two columns":           mjmlWith(`<mj-section>` + open + col + plain + end + `</mj-section>`),
		"column in a group":     mjmlWith(`<mj-section><mj-group>` + open + col + end + plain + `</mj-group></mj-section>`),
		"column last in group":  mjmlWith(`<mj-section><mj-group>` + plain + open + col + end + `</mj-group></mj-section>`),
		"content":               column(`<mj-text>b</mj-text>` + open + `<mj-text>MARK</mj-text><mj-button href="https://x.example">x</mj-button><mj-image src="https://x.example/a.png"/>` + end + `<mj-divider/>`),
		"rows":                  column(`<mj-table>{% for i in contact.attributes.list %}<tr><td>MARK</td></tr>{% endfor %}</mj-table>`),
		"HTML between sections": mjmlWith(section + `<mj-raw>{% for i in contact.attributes.list %}<p>MARK</p>{% endfor %}</mj-raw>` + section),
		"HTML between columns":  mjmlWith(`<mj-section>` + plain + `<mj-raw>{% for i in contact.attributes.list %}<p>MARK</p>{% endfor %}</mj-raw>` + plain + `</mj-section>`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compiled, found := Compile(Source{Subject: "x", MJML: src})
			if len(found) > 0 {
				t.Fatalf("found:\n%s", describe(found))
			}
			r, err := NewRenderer(Version{Subject: "x", CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
			if err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				d := sampleData()
				d.Contact.Attributes = map[string]any{"list": make([]any, n)}
				m, err := r.Render(context.Background(), d)
				if err != nil {
					t.Fatal(err)
				}
				_, body, _ := strings.Cut(m.HTML, "<body")
				body = "<body" + strings.TrimSuffix(body, "</html>")
				outlook, others := outlookMarks.ReplaceAllString(body, ""), comments.ReplaceAllString(body, "")
				if wrong := unbalancedTag(outlook); wrong != "" {
					t.Errorf("%d turns, in Outlook: %s", n, wrong)
				}
				if wrong := unbalancedTag(others); wrong != "" {
					t.Errorf("%d turns: %s", n, wrong)
				}
				for view, html := range map[string]string{"Outlook": outlook, "others": others, "text": m.Text} {
					if got := strings.Count(html, "MARK"); got != n {
						t.Errorf("%d turns, %s: seen %d times", n, view, got)
					}
				}
			}
		})
	}
}
