package segments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"posthorn/internal/fault"
)

// Parse reads and checks a rule tree; docs/rules.md describes it. Its error is a
// fault.Invalid, or a fault.List of them, whose fields are the paths of the nodes
// at fault: "rule.rules[1].value".
func Parse(raw []byte) (Rule, error) { return ParseTriggered(raw, "") }

// ParseTriggered is Parse for a rule of a journey, which may also ask about what
// triggered it. Whatever Parse takes is taken in every scope and means the same.
func ParseTriggered(raw []byte, scope Scope) (Rule, error) {
	switch {
	case len(raw) > maxRaw:
		return Rule{}, fault.Invalidf("rule", tooLarge)
	case len(bytes.TrimSpace(raw)) == 0:
		return Rule{}, fault.Invalidf("rule", "is missing")
	case !utf8.Valid(raw):
		return Rule{}, fault.Invalidf("rule", "is not valid UTF-8")
	case !json.Valid(raw):
		var v any
		return Rule{}, fault.Invalidf("rule", "is not JSON: %v", json.Unmarshal(raw, &v))
	}
	p := &parser{scope: scope}
	r := Rule{root: p.node("rule", raw, 1)}
	if err := p.faults.Err(); err != nil {
		return Rule{}, err
	}
	if canonical, err := r.MarshalJSON(); err != nil || len(canonical) > maxBytes {
		return Rule{}, fault.Invalidf("rule", tooLarge)
	}
	return r, nil
}

type parser struct {
	scope  Scope
	faults fault.List
	nodes  int
}

func (p *parser) fault(path, format string, args ...any) {
	if len(p.faults) < maxFaults {
		p.faults.Add(path, format, args...)
	}
}

// node reads a group or a leaf. It returns nil where it noted a fault.
func (p *parser) node(path string, raw json.RawMessage, depth int) node {
	if p.nodes++; p.nodes > maxNodes {
		if p.nodes == maxNodes+1 {
			p.fault("rule", "has more than %d nodes", maxNodes)
		}
		return nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil || keys == nil {
		p.fault(path, "is not an object with a field and an operator, or with a combinator and rules")
		return nil
	}
	// What react-querybuilder adds for itself.
	for _, key := range []string{"id", "path"} {
		delete(keys, key)
	}
	_, isLeaf := keys["field"]
	_, hasRules := keys["rules"]
	_, hasCombinator := keys["combinator"]
	switch {
	case isLeaf && (hasRules || hasCombinator):
		p.fault(path, "is both a condition (field) and a group (combinator, rules)")
		return nil
	case isLeaf:
		return p.leaf(path, keys)
	case hasRules || hasCombinator:
		return p.group(path, keys, depth)
	default:
		p.fault(path, "has neither a field nor rules")
		return nil
	}
}

func (p *parser) group(path string, keys map[string]json.RawMessage, depth int) node {
	if depth > maxDepth {
		p.fault(path, "is nested more than %d groups deep", maxDepth)
		return nil
	}
	g := &group{}
	var combinator *string
	if err := json.Unmarshal(orNull(keys["combinator"]), &combinator); err != nil || combinator == nil {
		p.fault(path+".combinator", `is not "and" or "or"`)
	} else {
		switch strings.ToLower(*combinator) {
		case "and":
		case "or":
			g.any = true
		default:
			p.fault(path+".combinator", `is not "and" or "or"`)
		}
	}
	if raw, ok := keys["not"]; ok {
		if err := json.Unmarshal(raw, &g.not); err != nil {
			p.fault(path+".not", "is not true or false")
		}
	}
	var rules []json.RawMessage
	if err := json.Unmarshal(orNull(keys["rules"]), &rules); err != nil || rules == nil {
		p.fault(path+".rules", "is not a list of conditions and groups")
	}
	p.unknown(path, keys, "combinator", "not", "rules")
	everyone := depth == 1 && !g.any && !g.not
	if rules != nil && len(rules) == 0 && !everyone {
		p.fault(path+".rules", `is empty; only the outermost group, with "and", may be: it then selects every contact`)
	}
	for i, raw := range rules {
		if p.nodes > maxNodes {
			return nil
		}
		// A nil node stays behind only where a fault was noted, and then the tree is not used.
		g.rules = append(g.rules, p.node(fmt.Sprintf("%s.rules[%d]", path, i), raw, depth+1))
	}
	return g
}

// leaf reads a condition: field, operator, value, and the options of the field.
func (p *parser) leaf(path string, keys map[string]json.RawMessage) node {
	if raw, ok := keys["valueSource"]; ok {
		if string(raw) != `"value"` && string(raw) != "null" {
			p.fault(path+".valueSource", `is not "value": a condition compares with a value, not with another field`)
		}
		delete(keys, "valueSource")
	}
	var field, op *string
	if err := json.Unmarshal(keys["field"], &field); err != nil || field == nil {
		p.fault(path+".field", "is not a text")
		return nil
	}
	def, problem := lookup(*field, p.scope)
	if problem != "" {
		p.fault(path+".field", "%s", problem)
		return nil
	}
	if err := json.Unmarshal(orNull(keys["operator"]), &op); err != nil || op == nil {
		p.fault(path+".operator", "is missing; %s takes %s", *field, quoted(def.operators))
		return nil
	}
	base, negated, ok := def.operator(*op)
	if !ok {
		p.fault(path+".operator", "%q is not an operator of %s, which takes %s", clip(*op), *field, quoted(def.operators))
		return nil
	}
	p.unknown(path, keys, append([]string{"field", "operator", "value"}, def.options...)...)
	in := &input{
		parser: p, path: path, field: *field, op: base, keys: keys,
		out: &leaf{negated: negated, json: wireLeaf{Field: *field, Operator: snake(*op)}},
	}
	in.out.cond = def.read(in)
	return in.out
}

// unknown notes keys that mean nothing here: an option that is silently not
// looked at ("withinDays") would select the wrong people.
func (p *parser) unknown(path string, keys map[string]json.RawMessage, known ...string) {
	var odd []string
	for key := range keys {
		if !slices.Contains(known, key) {
			odd = append(odd, key)
		}
	}
	slices.Sort(odd)
	for _, key := range odd {
		p.fault(path+"."+clip(key), "means nothing here; known are %s", quoted(known))
	}
}

// input is a leaf that is being read. Its methods read one part each, put it into
// the leaf's JSON, and note what is wrong; they then return a zero value.
type input struct {
	*parser
	path  string
	field string // whole, as written
	op    string // the positive operator
	keys  map[string]json.RawMessage
	out   *leaf
}

// value reads the leaf's value. Numbers stay json.Number.
func (in *input) value() any {
	return decode(in.keys["value"])
}

// valueFault notes that the value is wrong.
func (in *input) valueFault(format string, args ...any) {
	in.fault(in.path+".value", format, args...)
}

// noValue reads the value of an operator that takes none. Editors leave "" or
// null there.
func (in *input) noValue() {
	if v := in.value(); v != nil && v != "" {
		in.valueFault("must not be given with %s", in.out.json.Operator)
	}
}

// text checks one text value.
func (in *input) text(path string, v any) (string, bool) {
	s, ok := v.(string)
	switch {
	case !ok:
		in.fault(path, "is not a text")
	case s == "":
		in.fault(path, "is empty; to ask whether there is a value use null or not_null")
		ok = false
	case strings.ContainsRune(s, 0):
		in.fault(path, "holds a NUL character")
		ok = false
	case utf8.RuneCountInString(s) > maxText:
		in.fault(path, "is longer than %d characters", maxText)
		ok = false
	}
	return s, ok
}

// list checks that v is a list of 1 to maxValues values.
func (in *input) list(path string, v any) []any {
	list, ok := v.([]any)
	switch {
	case !ok:
		in.fault(path, "is not a list")
		return nil
	case len(list) == 0:
		in.fault(path, "is an empty list")
		return nil
	case len(list) > maxValues:
		in.fault(path, "has %d values, a list has at most %d", len(list), maxValues)
		return nil
	}
	return list
}

// pair checks that v is the two ends of a range.
func (in *input) pair(path string, v any) []any {
	list, ok := v.([]any)
	if !ok || len(list) != 2 {
		in.fault(path, "is not a list of two values: the first and the last")
		return nil
	}
	return list
}

// texts checks that all values of a list are texts.
func (in *input) texts(path string, list []any) []string {
	out := make([]string, 0, len(list))
	for i, v := range list {
		if s, ok := in.text(fmt.Sprintf("%s[%d]", path, i), v); ok {
			out = append(out, s)
		}
	}
	return out
}

// oneOrMore reads one text or a list of texts, and returns its JSON, too.
func (in *input) oneOrMore() ([]string, any) {
	v, path := in.value(), in.path+".value"
	if _, isList := v.([]any); isList {
		list := in.texts(path, in.list(path, v))
		return list, slices.Clone(list)
	}
	s, _ := in.text(path, v)
	return []string{s}, s
}

// oneOf reads one or, with in, a list of the texts that are known.
func (in *input) oneOf(known []string) []string {
	v, path := in.value(), in.path+".value"
	var given []string
	if in.op == "in" {
		given = in.texts(path, in.list(path, v))
		in.out.json.Value = given
	} else if s, ok := in.text(path, v); ok {
		given, in.out.json.Value = []string{s}, s
	}
	for _, s := range given {
		if !slices.Contains(known, s) {
			in.valueFault("%q is not one of %s", clip(s), quoted(known))
		}
	}
	return given
}

// whole reads an option that is a whole number between 1 and limit; 0 stands for
// an option that was not given.
func (in *input) whole(key string, limit int) int {
	raw, given := in.keys[key]
	if !given || string(raw) == "null" {
		return 0
	}
	n, ok := wholeNumber(decode(raw), 1, limit)
	if !ok {
		in.fault(in.path+"."+key, "is not a whole number between 1 and %d", limit)
	}
	return n
}

// wholeNumber returns v where it is a whole number within the limits.
func wholeNumber(v any, low, high int) (int, bool) {
	number, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	d, ok := parseDecimal(number.String())
	if !ok {
		return 0, false
	}
	n, ok := d.whole()
	if !ok || n < int64(low) || n > int64(high) {
		return 0, false
	}
	return int(n), true
}

// decode reads JSON that is known to be valid, and nil where there is none.
func decode(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(orNull(raw)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil
	}
	return v
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = `"` + s + `"`
	}
	return strings.Join(out, ", ")
}

// clip keeps what a message repeats short.
func clip(s string) string {
	const limit = 60
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "…"
}
