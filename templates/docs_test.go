package templates

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentation: docs/templates.md is a promise to whoever writes templates, so
// each name and filter is in it, and its mails of journeys are as they say.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	for name := range filters {
		if !strings.Contains(doc, "`"+name+"`") && !strings.Contains(doc, "`"+name+":") {
			t.Errorf("the filter %s is missing", name)
		}
	}
	var walk func(path string, s *shape)
	walk = func(path string, s *shape) {
		switch {
		case s.kind == kindObject:
			for field, f := range s.fields {
				walk(path+"."+field, f)
			}
			return
		case s.kind == kindList:
			walk("item", s.item)
		}
		_, field, nested := strings.Cut(path, "item.product")
		if strings.Contains(doc, "`"+path) || nested && strings.Contains(doc, "`"+field+"`") {
			return
		}
		t.Errorf("the name %s is missing", path)
	}
	for name, s := range names {
		walk(name, s)
	}
	_, journeys, _ := strings.Cut(doc, "### In journeys")
	journeys, _, _ = strings.Cut(journeys, "\n#")
	examples := strings.Split(journeys, "```")
	if len(examples) != 5 {
		t.Fatalf("two examples of mails of journeys are expected, not %d", len(examples)/2)
	}
	for i, want := range []string{
		`<a href="https://shop.example/p/COF-KEN-250">Kenya AA, 250 g</a>`,
		`<a href="https://shop.example/cart/7f3a">Back to your cart</a>`,
	} {
		html := strings.TrimPrefix(examples[2*i+1], "html\n")
		if m := mustRender(t, Source{Subject: "x", HTML: page(html)}, sampleData()); !strings.Contains(m.HTML, want) {
			t.Errorf("the example gives\n%swithout %s", m.HTML, want)
		}
	}
	for field := range forloopShape.fields {
		if !strings.Contains(doc, "`."+field+"`") && !strings.Contains(doc, "`forloop."+field+"`") {
			t.Errorf("the name forloop.%s is missing", field)
		}
	}
}
