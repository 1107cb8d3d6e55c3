package journeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"posthorn/contacts"
	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/segments"
)

// object is a JSON object that is being read: each method reads one key. What is
// left over at the end, done notes as unknown.
type object struct {
	*parser
	path string
	keys map[string]json.RawMessage // nil: there was none
	read []string
}

func (p *parser) object(path string, raw json.RawMessage) *object {
	o := &object{parser: p, path: path}
	if len(raw) == 0 || string(raw) == "null" {
		return o
	}
	if err := json.Unmarshal(raw, &o.keys); err != nil || o.keys == nil {
		p.fault(path, "is not an object")
	}
	return o
}

func (o *object) at(key string) string {
	if o.path == "definition" {
		return key
	}
	return o.path + "." + key
}

func (o *object) raw(key string) json.RawMessage {
	o.read = append(o.read, key)
	if raw := o.keys[key]; string(raw) != "null" {
		return raw
	}
	return nil
}

func (o *object) child(key string) *object { return o.object(o.at(key), o.raw(key)) }

// given reports whether there was an object at all.
func (o *object) given() bool { return o.keys != nil }

func (o *object) into(key, what string, v any) bool {
	raw := o.raw(key)
	if raw == nil {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		o.fault(o.at(key), "is not %s", what)
		return false
	}
	return true
}

func (o *object) text(key string, limit int) string {
	var s string
	if !o.into(key, "a text", &s) {
		return ""
	}
	var wrong fault.List
	s = check.Text(&wrong, o.at(key), s, limit)
	o.faults = append(o.faults, wrong...)
	return s
}

func (o *object) required(key string, limit int) string {
	s := o.text(key, limit)
	if s == "" && !o.wrong(key) {
		o.fault(o.at(key), "is missing")
	}
	return s
}

// wrong reports whether a fault was noted for a key, or for something in its value.
func (o *object) wrong(key string) bool {
	at := o.at(key)
	return slices.ContainsFunc(o.faults, func(f *fault.Invalid) bool {
		rest, within := strings.CutPrefix(f.Field, at)
		return within && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

func (o *object) oneOf(key string, known ...string) string {
	s := o.text(key, maxName)
	if !slices.Contains(known, s) && !o.wrong(key) {
		o.fault(o.at(key), "%q is not one of %s", s, strings.Join(known, ", "))
	}
	return s
}

func (o *object) texts(key string) []string {
	var list []string
	if !o.into(key, "a list of texts", &list) {
		return nil
	}
	if len(list) > maxValues {
		o.fault(o.at(key), "names more than %d", maxValues)
	}
	var wrong fault.List
	for i := range list {
		list[i] = check.Required(&wrong, fmt.Sprintf("%s[%d]", o.at(key), i), list[i], maxText)
	}
	o.faults = append(o.faults, wrong...)
	return list
}

func (o *object) bool(key string, otherwise bool) bool {
	b := otherwise
	o.into(key, "true or false", &b)
	return b
}

func (o *object) id(key string) int64 {
	var n int64
	if o.into(key, "a whole number", &n) && n > 0 {
		return n
	}
	if !o.wrong(key) {
		o.fault(o.at(key), "is missing")
	}
	return 0
}

func (o *object) duration(key string, required bool) Duration {
	return o.span(key, required, ParseDuration)
}

func (o *object) span(key string, required bool, parse func(string) (Duration, error)) Duration {
	s := o.text(key, 50)
	if s == "" {
		if required && !o.wrong(key) {
			o.fault(o.at(key), "is missing; it is a duration such as P14D or PT30M")
		}
		return Duration{}
	}
	d, err := parse(s)
	switch {
	case err != nil:
		o.fault(o.at(key), "%s", err)
	case required && d.IsZero():
		o.fault(o.at(key), "is no time at all")
	}
	return d
}

func (o *object) clock(key string) (string, clockTime) {
	s := o.text(key, 20)
	if s == "" {
		return "", clockTime{}
	}
	c, err := parseClock(s)
	if err != nil {
		o.fault(o.at(key), "%s", err)
	}
	return s, c
}

func (o *object) rule(key string, scope segments.Scope) *segments.Rule {
	raw := o.raw(key)
	if raw == nil {
		return nil
	}
	r, err := segments.ParseTriggered(raw, scope)
	if err != nil {
		o.under(key, err)
		return nil
	}
	return &r
}

// under notes the faults of a part; a rule's are under "rule".
func (o *object) under(key string, err error) {
	var list fault.List
	var one *fault.Invalid
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = fault.List{one}
	default:
		list.Add("", "%s", err)
	}
	for _, f := range list {
		o.fault(o.at(key)+strings.TrimPrefix(f.Field, "rule"), "%s", f.Message)
	}
}

func (o *object) validTopic(key, topic string) {
	var wrong *fault.Invalid
	if errors.As(contacts.ValidTopic(topic), &wrong) {
		o.fault(o.at(key), "%s", wrong.Message)
	}
}

func (o *object) list(key string, required bool) []json.RawMessage {
	var list []json.RawMessage
	if !o.into(key, "a list of steps", &list) && required && !o.wrong(key) {
		o.fault(o.at(key), "is missing")
	}
	return list
}

// done notes what was not read: an option that is silently not looked at would
// make the journey do something else than its author thinks.
func (o *object) done() {
	var odd []string
	for key := range o.keys {
		if !slices.Contains(o.read, key) {
			odd = append(odd, key)
		}
	}
	slices.Sort(odd)
	for _, key := range odd {
		o.fault(o.at(key), "means nothing here; known are %s", strings.Join(o.read, ", "))
	}
}
