package journeys

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"posthorn/internal/fault"
	"posthorn/templates"
)

// apply brings a file in and returns what was done, one line each.
func (s *shop) apply(content string, publish bool) []string {
	s.t.Helper()
	f, err := ReadFile(strings.NewReader(content))
	s.must(err)
	done, err := Apply(s.t.Context(), s.db, s.now, f, publish)
	s.must(err)
	var out []string
	for _, d := range done {
		out = append(out, fmt.Sprintf("%s %s: %s", d.What, d.Name, d.Did))
	}
	return out
}

func (s *shop) export(id int64) string {
	s.t.Helper()
	raw, err := Export(s.t.Context(), s.db, id)
	s.must(err)
	return string(raw)
}

// hostile holds texts that YAML would like to read as something else.
const hostile = "<p>\r\n\ttabs\t\r\n</p>  \n\n   leading\n# no comment\n--- \n'\"<a href='{{ unsubscribe_url }}'>Unsubscribe</a> : \\u0041 \u00e9\u2028\U0001f600"

// A journey goes from one database to another and back without a change, whatever ids
// things have there.
func TestFileGoesToAnotherDatabaseAndBack(t *testing.T) {
	t.Parallel()
	one, other := newShop(t), newShop(t)
	for i := range 3 { // other ids
		_, _, err := templates.Create(t.Context(), other.db, other.now, fmt.Sprint("x", i), templates.Source{Subject: "x", Text: "{{ unsubscribe_url }}"})
		other.must(err)
		other.segment(someRule)
	}
	_, err := other.db.Exec(t.Context(), `UPDATE segments SET name = name || id`)
	other.must(err)
	one.segment(`{"combinator":"or","rules":[` + someRule + `,{"field":"orders.sum","operator":">=","value":12.50},{"field":"created_at","operator":">","value":"2011-09-01"}]}`)
	for _, src := range []templates.Source{{Subject: "yes", Preheader: "12", HTML: hostile}, {Subject: ": #", Text: "{{ unsubscribe_url }}\n"}} {
		_, _, err := templates.Create(t.Context(), one.db, one.now, map[bool]string{true: "hostile", false: "null"}[src.HTML != ""], src)
		one.must(err)
	}
	definitions := maps.Clone(goodDefinitions)
	definitions["three templates"] = definition(onOrder, strings.Replace(send("x"), `"template_id":1`, `"template_id":3`, 1),
		strings.Replace(send("y"), `"template_id":1`, `"template_id":2`, 1), send("z"))
	for name, definition := range definitions {
		j, err := Create(t.Context(), one.db, one.now, name, []byte(definition))
		one.must(err)
		file := one.export(j.ID)
		if strings.Contains(file, "_id") {
			t.Errorf("%s: ids are in the file:\n%s", name, file)
		}
		first := other.apply(file, false)
		if last := first[len(first)-1]; !strings.Contains(last, "created") {
			t.Errorf("%s: %q", name, first)
		}
		copied, found, err := Named(t.Context(), other.db, name)
		if err != nil || !found {
			t.Fatal(err)
		}
		if back := other.export(copied.ID); back != file {
			t.Errorf("%s: it is\n%s\nwas\n%s", name, back, file)
		}
		for _, did := range other.apply(file, false) {
			if !strings.HasSuffix(did, ": unchanged") {
				t.Errorf("%s, again: %s", name, did)
			}
		}
	}
	for _, name := range []string{"hostile", "null"} {
		a, _, err := templates.Named(t.Context(), one.db, name)
		one.must(err)
		b, found, err := templates.Named(t.Context(), other.db, name)
		if err != nil || !found || a.Source != b.Source {
			t.Errorf("%s: %+v, was %+v; %v", name, b.Source, a.Source, err)
		}
	}
}

func TestApplyChangesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	file := docsExamples(t)[0]
	want := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	want(s.apply(file, true), "template coffee-thanks: created", "template coffee-care-tips: created", "template coffee-grinder: created",
		"journey Thanks for coffee: created: id 1", "journey Thanks for coffee: version 1 is published; the journey is live")
	file = strings.Replace(file, "Cool, dark", "Cool and dark", 1)
	want(s.apply(file, true), "template coffee-thanks: unchanged", "template coffee-care-tips: changed: version 2", "template coffee-grinder: unchanged",
		"journey Thanks for coffee: unchanged", "journey Thanks for coffee: version 2 is published; the journey is live")
	file = strings.Replace(file, "for: P4D", "for: P5D", 1)
	want(s.apply(file, false), "template coffee-thanks: unchanged", "template coffee-care-tips: unchanged", "template coffee-grinder: unchanged",
		"journey Thanks for coffee: changed: draft version 3")
	if got := s.texts(`SELECT version || ' ' || live_version FROM journeys`); !slices.Equal(got, []string{"3 2"}) {
		t.Errorf("%q", got)
	}
}

// All of a file is written, or nothing.
func TestApplyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	apply := func(change ...string) error {
		f, err := ReadFile(strings.NewReader(strings.NewReplacer(change...).Replace(docsExamples(t)[0])))
		if err != nil {
			return err
		}
		_, err = Apply(t.Context(), s.db, s.now, f, true)
		return err
	}
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"a template that does not parse": {[]string{"{{ last_order.id }}", "{{ last_order.id"}, `template "coffee-thanks".html: `},
		"a template that is nowhere":     {[]string{"template: coffee-thanks", "template: coffee-thank"}, `templates: "coffee-thank", which the definition names, is neither in the file nor in the database`},
		"a segment that is nowhere": {[]string{"type: order\n    on: paid\n    where: {field: order.category, operator: bought, value: coffee}", "type: segment\n    on: entered\n    segment: VIP"},
			`segments: "VIP", which the trigger names, is neither in the file nor in the database`},
		"several templates of the name": {[]string{"template: coffee-thanks", "template: twice"}, `several templates are named "twice"`},
	} {
		if name == "several templates of the name" {
			for range 2 {
				_, _, err := templates.Create(t.Context(), s.db, s.now, "twice", templates.Source{Subject: "x", Text: "{{ unsubscribe_url }}"})
				s.must(err)
			}
		}
		if err := apply(c.change...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if got := s.texts(`SELECT name FROM templates UNION ALL SELECT name FROM journeys UNION ALL SELECT name FROM segments ORDER BY 1`); !slices.Equal(got, []string{"care-tips", "twice", "twice"}) {
		t.Errorf("there are %q", got)
	}
	s.must(apply())
}

func TestReadFileNamesTheLine(t *testing.T) {
	t.Parallel()
	good := docsExamples(t)[0]
	lineOf := func(s, part string) int { return strings.Count(s[:strings.Index(s, part)], "\n") + 1 }
	for _, c := range []struct{ old, new, want string }{
		{"name: Thanks for coffee\n", "name: Thanks for coffee\ntitle: x\n", "line %d: title: is not known; known are name, definition, segments, templates"},
		{"      transactional: true\n", "      transactionel: true\n", "line %d: steps[0](thanks).transactionel: means nothing here"},
		{"      for: P4D", "      for: 4 days", `line %d: steps[1](some-days).for: "4 days" is not an ISO 8601 duration`},
		{"      template: coffee-grinder\n", "      template_id: 7\n", "line %d: template_id: differs from one installation to the next: write template and a name"},
		{"      template: coffee-grinder\n", "", "steps[5](grinder).template: is missing"},
		{"    preheader: Cool", "    prehaeder: Cool", "line %d: templates[1].prehaeder: is not known"},
		{"    key: contact\n", "    key: contact\n    key: order\n", "is there twice"},
		{"  - name: coffee-grinder\n", "  - name: [a]\n", "line %d: name: is not a text"},
		{"    again_after: P1Y", "    again_after: *x", "unknown anchor"},
		{"    again_after: P1Y", "    again_after: &x P1Y\n    if: *x", "an alias (*x) is not read here"},
		{"definition:\n", "definition:\n\tx: y\n", "line %d: found character that cannot start any token"},
		{"templates:\n", "---\ntemplates:\n", "there is a second document"},
		{good, "", "it is empty"},
		{good, "# nothing\n", "it is empty"},
		{good, "- a", "line 1: is not a mapping of name, definition"},
		{good, "name: x", "line 1: definition: is missing"},
	} {
		file := strings.Replace(good, c.old, c.new, 1)
		_, err := ReadFile(strings.NewReader(file))
		want := c.want
		if strings.Contains(want, "%d") {
			want = fmt.Sprintf(want, lineOf(file, strings.TrimPrefix(c.new, "name: Thanks for coffee\n")))
		}
		if strings.HasPrefix(c.new, "definition:\n") {
			want = strings.Replace(want, fmt.Sprint("line ", lineOf(file, "definition:\n")), fmt.Sprint("line ", lineOf(file, "\tx: y")), 1)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, want)
		}
	}
}

func TestFindAndNamed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	create := func(name string) Journey {
		j, err := Create(t.Context(), s.db, s.now, name, []byte(definition(onOrder, send("m"))))
		s.must(err)
		return j
	}
	a, b := create("A"), create("99")
	for in, want := range map[string]int64{"1": a.ID, "A": a.ID, "99": b.ID} {
		if j, err := Find(t.Context(), s.db, in); err != nil || j.ID != want {
			t.Errorf("%s: %d, %v", in, j.ID, err)
		}
	}
	var notFound *fault.NotFound
	if _, err := Find(t.Context(), s.db, "B"); !errors.As(err, &notFound) {
		t.Errorf("%v", err)
	}
	create("A")
	var conflict *fault.Conflict
	if _, err := Find(t.Context(), s.db, "A"); !errors.As(err, &conflict) {
		t.Errorf("%v", err)
	}
	_, err := Archive(t.Context(), s.db, s.now, a.ID)
	s.must(err)
	if j, err := Find(t.Context(), s.db, "A"); err != nil || j.ID == a.ID {
		t.Errorf("%d, %v", j.ID, err)
	}
}

// Whatever text a template holds comes back as it was.
func TestTextsSurviveYAML(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\n\r\t '\":#-|>&*!%@`{}[],?\\<\u2028\ufeff\u0085")))).Draw(t, "text")
		var out bytes.Buffer
		if err := writeYAML(&out, mapping("name", text("x"), "templates", sequence(mapping("name", text("y"), "html", text(want))))); err != nil {
			t.Fatal(err)
		}
		root, err := document(out.Bytes())
		if err != nil {
			t.Fatalf("%v in %q", err, out.String())
		}
		if got := find(root, "templates[0].html").Value; got != want {
			t.Fatalf("%q came back as %q", want, got)
		}
	})
}

func FuzzReadFile(f *testing.F) {
	f.Add([]byte("name: x\ndefinition: {trigger: {type: order, on: paid}, steps: [{id: a, type: exit}]}\n"))
	f.Add([]byte("a: &a [*a, *a]\n<<: *a\n? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := ReadFile(bytes.NewReader(raw)); err != nil {
			var one *fault.Invalid
			var list fault.List
			if !errors.As(err, &one) && !errors.As(err, &list) || regexp.MustCompile(`yaml\.|\*journeys`).MatchString(err.Error()) {
				t.Errorf("%q: %v", raw, err)
			}
		}
	})
}
