package journeys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t *testing.T, raw []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("journey.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("journey.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaTakesWhatParseTakes(t *testing.T) {
	t.Parallel()
	s := compileSchema(t, Schema)
	fits := func(raw string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
		if err != nil {
			return err
		}
		return s.Validate(v)
	}
	for name, raw := range goodDefinitions {
		if err := fits(raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		d, err := Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(pretty(d)); err != nil {
			t.Errorf("%s, as it is given back: %v", name, err)
		}
	}
	for _, c := range badDefinitions {
		if !c.semantic && fits(c.definition) == nil {
			t.Errorf("takes %s, which is refused for %s", c.definition, c.field)
		}
	}
	for _, example := range docsExamples(t) {
		f, err := ReadFile(strings.NewReader(example))
		if err != nil {
			t.Fatal(err)
		}
		templates, _ := f.names()
		ids := names{templates: map[string]int64{}}
		for i, name := range templates {
			ids.templates[name] = int64(i + 1)
		}
		raw, err := f.json(ids)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(string(raw)); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// The schema and the parser know the same keys of every kind of object. What the parser
// knows it says when it meets one that it does not.
func TestSchemaHasTheKeysThatParseReads(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]json.RawMessage
		Defs       map[string]struct {
			OneOf      []map[string]any
			Properties map[string]json.RawMessage
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	known := func(definition string) []string {
		t.Helper()
		_, err := Parse([]byte(definition))
		m := regexp.MustCompile(`odd: means nothing here; known are ([\w, ]+)`).FindStringSubmatch(fmt.Sprint(err))
		if m == nil {
			t.Fatalf("%s: %v", definition, err)
		}
		keys := strings.Split(m[1], ", ")
		slices.Sort(keys)
		return keys
	}
	same := func(what, definition string, properties map[string]json.RawMessage) {
		t.Helper()
		var keys []string
		for key := range properties {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		if want := known(definition); !slices.Equal(keys, want) {
			t.Errorf("%s: the schema knows %q, the parser %q", what, keys, want)
		}
	}
	inner := func(raw json.RawMessage) map[string]json.RawMessage {
		var o struct{ Properties map[string]json.RawMessage }
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		return o.Properties
	}
	same("definition", `{"odd":1}`, schema.Properties)
	same("entry", `{"entry":{"odd":1}}`, inner(schema.Properties["entry"]))
	same("exit", `{"exit":{"odd":1}}`, inner(schema.Properties["exit"]))
	same("path", step(`{"id":"a","type":"split","paths":[{"odd":1},{}]}`), schema.Defs["path"].Properties)
	same("sender", step(`{"id":"a","type":"send","sender":{"odd":1}}`), inner(schema.Defs["step_send"].Properties["sender"]))

	// Every type of trigger and step is there, and offered.
	types := func(field string, definition string) []string {
		t.Helper()
		_, err := Parse([]byte(definition))
		m := regexp.MustCompile(field + `: "" is not one of ([\w, ]+)`).FindStringSubmatch(fmt.Sprint(err))
		if m == nil {
			t.Fatalf("%v", err)
		}
		return strings.Split(m[1], ", ")
	}
	for kind, list := range map[string][]string{"trigger": types("trigger.type", `{"trigger":{}}`), "step": types(`.type`, step(`{"id":"a"}`))} {
		if n := len(schema.Defs[kind].OneOf); n != len(list) {
			t.Errorf("%d types of %s are offered, want %d", n, kind, len(list))
		}
		for i, typ := range list {
			name := kind + "_" + typ
			if i < len(schema.Defs[kind].OneOf) && schema.Defs[kind].OneOf[i]["$ref"] != "#/$defs/"+name {
				t.Errorf("%s is not offered in its place", name)
			}
			example := `{"trigger":{"type":"` + typ + `","odd":1}}`
			if kind == "step" {
				example = step(`{"id":"a","type":"` + typ + `","odd":1}`)
			}
			same(name, example, schema.Defs[name].Properties)
		}
	}
}

// Whatever can be written is described.
func TestSchemaDescribesEverything(t *testing.T) {
	t.Parallel()
	var defs struct {
		Defs map[string]struct{ Description string } `json:"$defs"`
	}
	if err := json.Unmarshal(Schema, &defs); err != nil {
		t.Fatal(err)
	}
	for name, d := range defs.Defs {
		if d.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
}

// What a file may hold is what its schema says.
func TestFileSchemaTakesFiles(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.segment(someRule)
	schema := compileSchema(t, FileSchema())
	fits := func(file string) error {
		root, err := document([]byte(file))
		if err != nil {
			return err
		}
		raw, err := json.Marshal((&fileReader{}).value(root))
		if err != nil {
			return err
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return err
		}
		return schema.Validate(v)
	}
	files := docsExamples(t)
	for name, definition := range goodDefinitions {
		j, err := Create(t.Context(), s.db, s.now, name, []byte(definition))
		s.must(err)
		files = append(files, s.export(j.ID))
	}
	for _, file := range files {
		if err := fits(file); err != nil {
			t.Errorf("%v\n%s", err, file)
		}
	}
	good := docsExamples(t)[0]
	for old, wrong := range map[string]string{
		"name: Thanks for coffee\n":          "",
		"      template: coffee-grinder\n":   "      template_id: 7\n",
		"    preheader: Cool":                "    prehaeder: Cool",
		"    subject: Freshly ground is bet": "    subjekt: Freshly ground is bet",
		"definition:\n":                      "definition:\n  name: x\n",
		"      topic: service\n":             "",
		"  - name: coffee-grinder\n":         "  - id: 3\n    name: coffee-grinder\n",
	} {
		file := strings.Replace(good, old, wrong, 1)
		if file == good {
			t.Fatalf("%q is not in the example", old)
		}
		if fits(file) == nil {
			t.Errorf("takes %q for %q", wrong, old)
		}
		if _, err := ReadFile(strings.NewReader(file)); err == nil && !strings.Contains(old, "subject") {
			t.Errorf("%q for %q is read", wrong, old)
		}
	}
}
