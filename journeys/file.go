package journeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"posthorn/internal/fault"
	"posthorn/templates"
)

// File is a journey with all that it names, as one YAML document: for version control,
// and to bring it from one installation to another. docs/journeys.md describes it.
// What the API says with ids it says with names: "template" of a send step, "segment" of
// a trigger.
type File struct {
	Name      string
	Segments  []NamedRule
	Templates []NamedSource

	definition *yaml.Node
}

// NamedRule is a segment in a file.
type NamedRule struct {
	Name string
	Rule json.RawMessage
}

// NamedSource is a template in a file.
type NamedSource struct {
	Name string
	templates.Source
}

const maxFileBytes = 8 << 20

// ReadFile reads and checks a file. Its error is a fault.Invalid or a fault.List whose
// fields begin with the line. Templates and segments that the definition names need not
// be in the file.
func ReadFile(r io.Reader) (*File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFileBytes {
		return nil, fault.Invalidf("", "it is larger than %d MB", maxFileBytes>>20)
	}
	root, err := document(raw)
	if err != nil {
		return nil, err
	}
	f, rd := &File{}, &fileReader{}
	top := rd.mapping(root, "", "name", "definition", "segments", "templates")
	f.Name = rd.text(root, top, "name")
	if f.definition = top["definition"]; f.definition == nil {
		rd.fault(root, "definition", "is missing")
	}
	for i, n := range rd.list(top["segments"], "segments") {
		at := fmt.Sprintf("segments[%d]", i)
		m := rd.mapping(n, at, "name", "rule")
		rule, err := json.Marshal(rd.value(m["rule"]))
		if err != nil {
			rd.fault(n, at+".rule", "%v", err)
		}
		f.Segments = append(f.Segments, NamedRule{Name: rd.text(n, m, "name"), Rule: rule})
	}
	for i, n := range rd.list(top["templates"], "templates") {
		m := rd.mapping(n, fmt.Sprintf("templates[%d]", i), "name", "subject", "preheader", "html", "mjml", "text")
		f.Templates = append(f.Templates, NamedSource{rd.text(n, m, "name"), templates.Source{
			Subject: rd.optional(m, "subject"), Preheader: rd.optional(m, "preheader"), HTML: rd.optional(m, "html"), MJML: rd.optional(m, "mjml"), Text: rd.optional(m, "text"),
		}})
	}
	if len(rd.found) == 0 {
		rd.check(f)
	}
	return f, rd.err()
}

// document parses YAML up to its one document.
func document(raw []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF), err == nil && len(doc.Content) == 0:
		return nil, fault.Invalidf("", "it is empty")
	case err != nil:
		return nil, fault.Invalidf("", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fault.Invalidf(fmt.Sprintf("line %d", second.Line), "there is a second document; one file holds one journey")
	}
	return doc.Content[0], nil
}

// names are what templates and segments are known by in a database.
type names struct{ templates, segments map[string]int64 }

// json is the definition as the API takes it, with ids for names.
func (f *File) json(ids names) ([]byte, error) {
	rd := &fileReader{}
	v := rd.value(f.definition)
	if d, ok := v.(map[string]any); ok {
		if t, ok := d["trigger"].(map[string]any); ok {
			swap(t, "segment", "segment_id", ids.segments)
		}
		eachStep(d["steps"], func(step map[string]any) { swap(step, "template", "template_id", ids.templates) })
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Invalidf("", "%v", err)
	}
	return raw, rd.err()
}

// swap puts an id in the place of a name.
func swap(m map[string]any, from, to string, ids map[string]int64) {
	v, there := m[from]
	if !there {
		return
	}
	delete(m, from)
	m[to] = v
	if name, ok := v.(string); ok {
		m[to] = ids[name]
	}
}

func eachStep(steps any, fn func(step map[string]any)) {
	list, _ := steps.([]any)
	for _, v := range list {
		step, ok := v.(map[string]any)
		if !ok {
			continue
		}
		fn(step)
		eachStep(step["then"], fn)
		eachStep(step["else"], fn)
		paths, _ := step["paths"].([]any)
		for _, v := range paths {
			if path, ok := v.(map[string]any); ok {
				eachStep(path["steps"], fn)
			}
		}
	}
}

// names returns the names that the definition uses.
func (f *File) names() (templates, segments []string) {
	add := func(list *[]string, v any) {
		if name, ok := v.(string); ok && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	d, _ := (&fileReader{}).value(f.definition).(map[string]any)
	if t, ok := d["trigger"].(map[string]any); ok {
		add(&segments, t["segment"])
	}
	eachStep(d["steps"], func(step map[string]any) { add(&templates, step["template"]) })
	return templates, segments
}

// fileReader notes what is wrong, with its place.
type fileReader struct{ found []Finding }

func (rd *fileReader) fault(n *yaml.Node, path, format string, args ...any) {
	rd.note(placeOf(nil, n), path, format, args...)
}

func (rd *fileReader) note(at place, path, format string, args ...any) {
	if len(rd.found) < maxFaults {
		rd.found = append(rd.found, Finding{Severity: severityError, Line: at.line, Column: at.column, Length: at.length, Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

// err is what was found as a fault.Invalid or a fault.List whose fields begin with the line.
func (rd *fileReader) err() error {
	var wrong fault.List
	for _, f := range rd.found {
		wrong.Add(strings.TrimSuffix(fmt.Sprintf("line %d: %s", f.Line, f.Path), ": "), "%s", f.Message)
	}
	return wrong.Err()
}

// mapping returns the values by key, all of which must be known.
func (rd *fileReader) mapping(n *yaml.Node, path string, known ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		rd.fault(n, path, "is not a mapping of %s", strings.Join(known, ", "))
		return out
	}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(known, key.Value):
			rd.fault(key, strings.TrimPrefix(path+"."+key.Value, "."), "is not known; known are %s", strings.Join(known, ", "))
		case out[key.Value] != nil:
			rd.fault(key, strings.TrimPrefix(path+"."+key.Value, "."), "is there twice")
		case value.ShortTag() != "!!null":
			out[key.Value] = value
		}
	}
	return out
}

func (rd *fileReader) list(n *yaml.Node, path string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		rd.fault(n, path, "is not a list")
		return nil
	}
	return n.Content
}

func (rd *fileReader) text(n *yaml.Node, m map[string]*yaml.Node, key string) string {
	s := strings.TrimSpace(rd.optional(m, key))
	if s == "" && len(rd.found) == 0 {
		rd.fault(n, key, "is missing")
	}
	return s
}

func (rd *fileReader) optional(m map[string]*yaml.Node, key string) string {
	n := m[key]
	switch {
	case n == nil:
		return ""
	case n.Kind != yaml.ScalarNode:
		rd.fault(n, key, "is not a text")
	}
	return n.Value
}

// value is what a node says, in the types of encoding/json. A date is a text, as in
// JSON, and a number is kept to the last digit.
func (rd *fileReader) value(n *yaml.Node) any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := m[key.Value]; twice {
				rd.fault(key, key.Value, "is there twice")
			}
			m[key.Value] = rd.value(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = rd.value(c)
		}
		return list
	case yaml.ScalarNode:
		return rd.scalar(n)
	default:
		rd.fault(n, "", "an alias (*%s) is not read here: write it out", n.Value)
		return nil
	}
}

func (rd *fileReader) scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		var number float64
		if err := n.Decode(&number); err != nil {
			rd.fault(n, "", "%q is not a number", n.Value)
		}
		return number
	default:
		return n.Value
	}
}

// check has the definition checked as the API does, with ids made up for the names,
// and finds the lines of what is wrong.
func (rd *fileReader) check(f *File) {
	names := names{map[string]int64{}, map[string]int64{}}
	inDefinition, ofTrigger := f.names()
	for _, name := range inDefinition {
		names.templates[name] = 1
	}
	for _, name := range ofTrigger {
		names.segments[name] = 1
	}
	rd.refuseIDs(f.definition)
	reader := &fileReader{}
	raw, err := f.json(names)
	if err != nil {
		if reader.value(f.definition); len(reader.found) == 0 {
			reader.fault(f.definition, "definition", "%s", err) // no JSON can be made of it
		}
		rd.found = append(rd.found, reader.found...)
		return
	}
	if len(rd.found) == 0 {
		rd.parse(f.definition, raw)
	}
}

// parse has a definition checked as the API does and finds the places of what is wrong.
func (rd *fileReader) parse(root *yaml.Node, raw []byte) *Definition {
	d, err := Parse(raw)
	var list fault.List
	var one *fault.Invalid
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = fault.List{one}
	}
	for _, e := range list {
		rd.inText(root, e)
	}
	return d
}

// inText notes a fault of Parse where it is in the text, and in its words.
func (rd *fileReader) inText(root *yaml.Node, e *fault.Invalid) {
	path, message := e.Field, e.Message
	if !has(root, path) { // names stand for ids, unless an id is written
		path = strings.NewReplacer(".template_id", ".template", ".segment_id", ".segment").Replace(path)
		message = strings.NewReplacer("template_id", "template", "segment_id", "segment").Replace(message)
	}
	key, value := locate(root, path)
	rd.note(placeOf(key, value), path, "%s", message)
}

// refuseIDs: an id means something else in every database.
func (rd *fileReader) refuseIDs(n *yaml.Node) {
	for i, c := range n.Content {
		isKey := n.Kind == yaml.MappingNode && i%2 == 0
		if isKey && (c.Value == "template_id" || c.Value == "segment_id") {
			rd.fault(c, c.Value, "differs from one installation to the next: write %s and a name", strings.TrimSuffix(c.Value, "_id"))
		}
		if ofShop := n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "set"; !ofShop {
			rd.refuseIDs(c)
		}
	}
}

var pathParts = regexp.MustCompile(`\[(\d+)\]|\([^)]*\)|[^.\[(]+`)

// find returns the node at a path as Parse names it, or what there is on the way.
func find(n *yaml.Node, path string) *yaml.Node {
	_, value := locate(n, path)
	return value
}

// has reports whether there is something at a path.
func has(n *yaml.Node, path string) bool {
	for _, part := range pathParts.FindAllStringSubmatch(path, -1) {
		_, next := child(n, part)
		if next == nil {
			return false
		}
		n = next
	}
	return true
}

// locate returns the node at a path as Parse names it, or what there is on the way, and
// its key where it has one.
func locate(n *yaml.Node, path string) (key, value *yaml.Node) {
	for _, part := range pathParts.FindAllStringSubmatch(path, -1) {
		k, next := child(n, part)
		if next == nil {
			break
		}
		if next != n {
			key, n = k, next
		}
	}
	return key, n
}

// child goes one part of a path: nil where there is none.
func child(n *yaml.Node, part []string) (key, value *yaml.Node) {
	switch {
	case part[1] != "":
		if i, _ := strconv.Atoi(part[1]); n.Kind == yaml.SequenceNode && i < len(n.Content) {
			return nil, n.Content[i]
		}
	case part[0][0] == '(': // a step's id
		return nil, n
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == part[0] {
				return n.Content[i], n.Content[i+1]
			}
		}
	}
	return nil, nil
}
