package journeys

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"posthorn/internal/fault"
	"posthorn/templates"
)

// check returns the definition and what was found as "line:column+length path: message".
func (s *shop) check(text string) (string, []string) {
	s.t.Helper()
	definition, found, err := Check(s.t.Context(), s.db, []byte(text))
	s.must(err)
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s %d:%d+%d %s: %s", f.Severity, f.Line, f.Column, f.Length, f.Path, f.Message))
	}
	return string(definition), out
}

// Whatever a definition is, its text comes back as the same definition, in YAML and in JSON.
func TestTextIsTheSameDefinition(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for i := range 3 {
		s.segment(someRule)
		_, err := s.db.Exec(t.Context(), `UPDATE segments SET name = 'S' || id`)
		s.must(err)
		_, _, err = templates.Create(t.Context(), s.db, s.now, fmt.Sprint("t: #", i), templates.Source{Subject: "x", Text: "{{ unsubscribe_url }}"})
		s.must(err)
	}
	for name, raw := range goodDefinitions {
		d, err := Parse([]byte(raw))
		s.must(err)
		canonical := pretty(d)
		text, err := Text(t.Context(), s.db, json.RawMessage(canonical))
		s.must(err)
		if strings.Contains(string(text), "_id: ") {
			t.Errorf("%s: ids are in the text:\n%s", name, text)
		}
		for kind, text := range map[string]string{"YAML": string(text), "JSON": raw, "indented JSON": indented(raw)} {
			got, found := s.check(text)
			found = slices.DeleteFunc(found, func(f string) bool { return strings.HasPrefix(f, "warning") })
			if got != canonical || len(found) > 0 {
				t.Errorf("%s as %s: %q\n%s\nwant\n%s", name, kind, found, got, canonical)
			}
		}
	}
}

func indented(raw string) string {
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		panic(err)
	}
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A name that belongs to several things is not written, and not read.
func TestTextOfAmbiguousNames(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, _, err := templates.Create(t.Context(), s.db, s.now, "care-tips", templates.Source{Subject: "x", Text: "{{ unsubscribe_url }}"})
	s.must(err)
	d, err := Parse([]byte(definition(onOrder, send("m"))))
	s.must(err)
	text, err := Text(t.Context(), s.db, json.RawMessage(pretty(d)))
	s.must(err)
	if !strings.Contains(string(text), "template_id: 1") {
		t.Errorf("%s", text)
	}
	if got, _ := s.check(string(text)); got != pretty(d) {
		t.Errorf("%s", got)
	}
	_, found := s.check(strings.Replace(string(text), "template_id: 1", "template: care-tips", 1))
	if len(found) == 0 || !strings.Contains(found[0], `several templates are named "care-tips": write template_id: 1, or 2`) {
		t.Errorf("%q", found)
	}
	// Archived, one of them is out of the way.
	_, err = templates.Archive(t.Context(), s.db, s.now, 2)
	s.must(err)
	if text, err = Text(t.Context(), s.db, json.RawMessage(pretty(d))); err != nil || !strings.Contains(string(text), "template: care-tips") {
		t.Errorf("%s, %v", text, err)
	}
	if _, found := s.check(strings.Replace(string(text), "template: care-tips", "template_id: 2", 1)); len(found) == 0 || !strings.Contains(found[0], "template 2 is archived") {
		t.Errorf("%q", found)
	}
}

func TestCheckNamesThePlace(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.contact("C1") // is subscribed to news
	_, err := s.db.Exec(t.Context(), `INSERT INTO relays (name, host, port, tls, connections, created_at, updated_at) VALUES ('default', 'localhost', 25, 'none', 1, now(), now())`)
	s.must(err)
	const good = `trigger:
  type: order
  on: paid
steps:
  - id: a-while
    type: wait
    for: P14D
  - id: tips
    type: send
    template: "care-tips"
    topic: news
    sender: {address: news@shop.example}
  - id: way
    type: branch
    if: {field: orders.count, operator: ">", value: 1}
    then:
      - id: bye
        type: exit
`
	if got, found := s.check(good); got == "" || len(found) > 0 {
		t.Fatalf("%s, %q", got, found)
	}
	for _, c := range []struct{ old, new, want string }{
		{"for: P14D", "for: 14 days", `error 7:5+12 steps[0](a-while).for: "14 days" is not`},
		{"    for: P14D\n", "", `error 5:5+11 steps[0](a-while).for: is missing`},
		{"topic: news", "topik: news", `error 11:5+11 steps[1](tips).topik: means nothing here`},
		{`template: "care-tips"`, `template: "care-tip"`, `error 10:5+20 steps[1](tips).template: there is no template named "care-tip"`},
		{`template: "care-tips"`, "template_id: 7", `error 10:5+14 steps[1](tips).template_id: there is no template 7`},
		{`template: "care-tips"`, "template: care-tips\n    template_id: 1", `error 10:5+19 steps[1](tips).template: stands beside template_id`},
		{`    template: "care-tips"` + "\n", "", `error 8:5+8 steps[1](tips).template: is missing`},
		{"topic: news", "topic: gnus", `warning 11:5+11 steps[1](tips).topic: nobody is subscribed to "gnus"`},
		{"topic: news", "topic: news\n    relay: other", `warning 12:5+12 steps[1](tips).relay: there is no relay "other"`},
		{"topic: news", "topic: gnus\n    transactional: true", ""},
		{"        type: exit", "        type: exist", `error 18:9+11 steps[2](way).then[0](bye).type: "exist" is not one of`},
		{"orders.count", "orders.cuont", `error 15:10+19 steps[2](way).if.field: `},
		{"steps:", "steps", "error 4:1+5 : could not find expected ':'"},
		{"  on: paid", "\ton: paid", "error 2:1+13 : found a tab character"},
		{"  on: paid", "  on: &x paid", ""},
		{"  on: paid", "  on: *x", "error "},
		{"trigger:", "definition:\n  x: 1\ntrigger:", `error 1:1+10 definition: means nothing here`},
		{good, "definition:\n  trigger: {}\n", "error 1:1+10 definition: belongs into a file"},
		{good, "- a", "error 1:1+1 : is not a mapping"},
		{good, "", "error 0:0+0 : it is empty"},
		{good, "a: .inf", "error 1:1+7 : "},
		{good, strings.Repeat("#", maxTextBytes+1), "error 0:0+0 : it is larger than 512 KB"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		got, found := s.check(text)
		switch {
		case c.want == "":
			if len(found) > 0 || got == "" {
				t.Errorf("%q: %q", c.new, found)
			}
		case !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, c.want) }):
			t.Errorf("%q: %q, want %q", c.new, found, c.want)
		case (got == "") != strings.HasPrefix(c.want, "error"):
			t.Errorf("%q: the definition is %q", c.new, got)
		}
	}
	_, found, err := Check(t.Context(), s.db, []byte(strings.Replace(good, "type: exit", "type: exist", 1)))
	if err != nil || found[0].Step != "bye" {
		t.Errorf("%+v, %v", found, err)
	}
	if got, found := s.check(`{"trigger": {"type": "event", "name": "\\\ud83d\ude00\ud83d\ude00\u00e9\/"}, "steps": [{"id": "a", "type": "exit", "reason": "\\ud83d\ude00"}]}`); !strings.Contains(got, `"\\😀😀é/"`) || !strings.Contains(got, `"\\ud83d�"`) {
		t.Errorf("%s, %q", got, found)
	}
}

// Whatever is written, the check ends, and its places are in the text.
func FuzzCheck(f *testing.F) {
	f.Add("trigger: {type: order, on: paid}\nsteps: [{id: a, type: exit}]\n")
	f.Add("{\"trigger\": {\"type\": \"order\"},\n\t\"steps\": []}")
	f.Add("a: &a [*a, *a]\n<<: *a\n? [x]\n: y\n")
	f.Fuzz(func(t *testing.T, text string) {
		rd := &fileReader{}
		root, err := document(asYAML([]byte(text)))
		if err != nil {
			(&checker{fileReader: rd}).syntax(err.(*fault.Invalid))
		} else if v := rd.value(root); len(rd.found) == 0 {
			if raw, err := json.Marshal(v); err == nil {
				rd.parse(root, raw)
			}
		}
		lines := lineBreak.Split(text, -1)
		for _, f := range rd.found {
			if f.Line < 0 || f.Line > len(lines)+1 || f.Column < 0 || f.Message == "" || !utf8.ValidString(f.Message) && utf8.ValidString(text) {
				t.Errorf("%q: %+v", text, f)
			}
		}
	})
}
