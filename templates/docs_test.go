package templates

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentation: docs/templates.md is a promise to whoever writes templates, so
// each name and filter is in it.
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
	for field := range forloopShape.fields {
		if !strings.Contains(doc, "`."+field+"`") && !strings.Contains(doc, "`forloop."+field+"`") {
			t.Errorf("the name forloop.%s is missing", field)
		}
	}
}
