package templates

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lists of docs/templates.md anew")

const docsFile = "../docs/templates.md"

// TestDocsAreWrittenFromTheLists: what docs/templates.md says of names, filters and
// tags is what an editor says of them.
func TestDocsAreWrittenFromTheLists(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	parts := regexp.MustCompile(`(?s)(<!-- list: (\w+) (\w+) -->\n).*?(<!-- end -->)`)
	doc := parts.ReplaceAllStringFunc(string(raw), func(part string) string {
		m := parts.FindStringSubmatch(part)
		written[m[2]+" "+m[3]] = true
		return m[1] + table(m[2], m[3]) + m[4]
	})
	for _, v := range variables {
		if !written["names "+v.Group] {
			t.Errorf("names of group %s have no list", v.Group)
		}
	}
	for _, f := range filterList {
		if !written["filters "+f.Group] {
			t.Errorf("filters of group %s have no list", f.Group)
		}
	}
	if !written["tags all"] {
		t.Error("tags have no list")
	}
	if doc == string(raw) {
		return
	}
	if !*update {
		t.Errorf("%s is not what the lists say: go test ./templates -run TestDocs -update", docsFile)
		return
	}
	if err := os.WriteFile(docsFile, []byte(doc), 0o644); err != nil {
		t.Fatal(err)
	}
}

// table is one list as Markdown.
func table(kind, group string) string {
	var b strings.Builder
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	switch kind {
	case "names":
		b.WriteString("| name | | for example |\n|---|---|---|\n")
		for _, v := range Variables() {
			if v.Group == group {
				row("`"+v.Name+"`", v.Description, code(v.Example))
			}
		}
	case "filters":
		b.WriteString("| filter | | for example |\n|---|---|---|\n")
		for _, f := range Filters() {
			if f.Group == group {
				row("`"+f.Use+"`", f.Description, "`"+f.Example+"` → "+code(f.Result))
			}
		}
	case "tags":
		b.WriteString("| tag | |\n|---|---|\n")
		for _, tag := range Tags {
			row("`"+tag.Use+"`", tag.Description)
		}
	}
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func TestTheListsAreRight(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range Filters() {
		known[f.Name] = true
		if filters[f.Name].fn == nil {
			t.Errorf("there is no filter %s", f.Name)
		}
		if name, _, _ := strings.Cut(f.Use, ":"); name != f.Name || f.Result == "" || !strings.Contains(f.Example, "| "+f.Name) {
			t.Errorf("%+v", f)
		}
	}
	for name := range filters {
		if !known[name] {
			t.Errorf("the filter %s is not described", name)
		}
	}
	seen := map[string]bool{}
	for _, v := range Variables() {
		if seen[v.Name] {
			t.Errorf("%s is there twice", v.Name)
		}
		seen[v.Name] = true
		if v.Example == "" && v.Type != TypeObject && v.Name != "blank" && v.Name != "empty" {
			t.Errorf("%s has no example", v.Name)
		}
		if !slices.Contains(Types, v.Type) || !slices.Contains(Availabilities, v.Available) {
			t.Errorf("%+v", v)
		}
		if v.Type == TypeObject || strings.Contains(v.Name, "NAME") {
			continue
		}
		if _, found := Compile(Source{Subject: "x", HTML: page(inContext(v.Group, v.Insert))}); failed(found) {
			t.Errorf("%s cannot be put into a template: %s\n%s", v.Name, v.Insert, describe(found))
		}
	}
	for _, tag := range Tags {
		piece := strings.NewReplacer("…", "", " list ", " last_order.items ", "if a", "if true", "unless a", "unless true", "case a", "case true",
			"== b", "== 1", " c ", " contact.name ", "= a | filter", "= 1 | plus: 1").Replace(tag.Use)
		if tag.Name == "cycle" {
			piece = inContext("forloop", piece)
		}
		if _, found := Compile(Source{Subject: "x", HTML: page(piece)}); failed(found) {
			t.Errorf("%s\n%s", piece, describe(found))
		}
	}
}

// Its mails of journeys are as docs/templates.md says.
func TestExamplesOfTheDocs(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
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
}
