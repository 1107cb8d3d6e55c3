package segments

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// attribute is one of the shop's own attributes of a contact, by its name. Values
// are JSON; the type of the rule's value says how they are compared, and values of
// another type do not pass. Where an attribute is a list, one of its elements must
// pass.
type attribute struct {
	name string
	null bool // asks whether there is no value; test is not used
	test attributeTest
}

// attributeTest tests one JSON value, which is no list.
type attributeTest interface {
	// sql tests v, a jsonb that is not NULL. It may be NULL where v does not pass.
	sql(b *builder, asOf time.Time) string
	match(v any, asOf time.Time) bool
}

func readAttribute(in *input) condition { return in.attribute() }

func (in *input) attribute() attribute {
	var a attribute
	_, a.name, _ = strings.Cut(in.field, ".")
	if in.op == "null" {
		in.noValue()
		a.null = true
		return a
	}
	// The type of the value, or of the first of a list, decides.
	sample := in.value()
	if list, ok := sample.([]any); ok && len(list) > 0 && (in.op == "in" || in.op == "between") {
		sample = list[0]
	}
	switch sample := sample.(type) {
	case string:
		a.test = attributeText{in.textTest(true)}
	case json.Number:
		in.allow("a number", "=", "<", "<=", ">", ">=", "between", "in")
		a.test = attributeNumber{in.numberTest(false)}
	case bool:
		in.allow("true or false", "=")
		a.test, in.out.json.Value = attributeBool{sample}, sample
	case map[string]any:
		in.allow("a day", "=", "<", "<=", ">", ">=", "between")
		a.test = attributeDay{in.dayTest()}
	default:
		in.valueFault(`is not a text, a number, true, false, {"days_ago": N} or {"days_ahead": N}, or a list of them for in and between`)
	}
	return a
}

// allow notes where the operator does not go with the type of the value.
func (in *input) allow(what string, operators ...string) {
	if !slices.Contains(operators, in.op) {
		in.fault(in.path+".operator", "%q does not compare with %s", in.out.json.Operator, what)
	}
}

func (a attribute) sql(b *builder) string {
	at := "c.attributes -> " + b.text(a.name)
	if a.null {
		return "(COALESCE(" + at + `, 'null') IN ('null', '""', '[]'))`
	}
	// In jsonpath's lax mode $[*] yields the elements of a list, and anything else as it is.
	return b.exists("SELECT FROM jsonb_path_query("+at+", '$[*]') AS v", "WHERE "+a.test.sql(b, b.asOf))
}

func (a attribute) match(f *Facts, asOf time.Time) bool { return a.among(f.Attributes, asOf) }

// among says whether the value of that name passes.
func (a attribute) among(values map[string]any, asOf time.Time) bool {
	v, ok := values[a.name]
	list, isList := v.([]any)
	if a.null {
		return !ok || v == nil || v == "" || isList && len(list) == 0
	}
	if !isList {
		return ok && a.test.match(v, asOf)
	}
	return slices.ContainsFunc(list, func(v any) bool { return a.test.match(v, asOf) })
}

// Texts that count as numbers or days. Postgres and Go read both patterns alike.
const (
	plainNumber = `^[+-]?[0-9]{1,30}([.][0-9]{1,30})?$`
	leadingDay  = `^[0-9]{4}-[0-9]{2}-[0-9]{2}`
)

var (
	isPlainNumber = regexp.MustCompile(plainNumber).MatchString
	hasLeadingDay = regexp.MustCompile(leadingDay).MatchString
)

// attributeText compares with texts.
type attributeText struct{ test textTest }

func (t attributeText) sql(b *builder, _ time.Time) string {
	return "jsonb_typeof(v) = 'string' AND " + t.test.sql(b, folded("(v #>> '{}')"))
}

func (t attributeText) match(v any, _ time.Time) bool {
	s, ok := v.(string)
	return ok && t.test.match(fold(s))
}

// attributeNumber compares with numbers, and with texts that look like one: what
// comes from CSV is text.
type attributeNumber struct{ test numberTest }

func (t attributeNumber) sql(b *builder, _ time.Time) string {
	number := "CASE WHEN jsonb_typeof(v) = 'number' OR jsonb_typeof(v) = 'string' AND v #>> '{}' ~ '" + plainNumber +
		"' THEN (v #>> '{}')::numeric END"
	return t.test.sql(b, "("+number+")")
}

func (t attributeNumber) match(v any, _ time.Time) bool {
	d, ok := decimalOf(v)
	if s, isText := v.(string); isText && isPlainNumber(s) {
		d, ok = parseDecimal(s)
	}
	return ok && t.test.match(d)
}

// attributeBool compares with true or false, and with texts that say so.
type attributeBool struct{ want bool }

func (t attributeBool) sql(*builder, time.Time) string {
	return "jsonb_typeof(v) IN ('boolean', 'string') AND " + folded("(v #>> '{}')") + " = '" + strconv.FormatBool(t.want) + "'"
}

func (t attributeBool) match(v any, _ time.Time) bool {
	switch v := v.(type) {
	case bool:
		return v == t.want
	case string:
		return fold(v) == strconv.FormatBool(t.want)
	default:
		return false
	}
}

// attributeDay compares texts that begin with a day (YYYY-MM-DD) with a day counted
// from as_of. They are compared as texts, so that an impossible day is no error.
type attributeDay struct{ test timeTest }

func (t attributeDay) sql(b *builder, asOf time.Time) string {
	first, last := t.days(asOf)
	day := `left(v #>> '{}', 10) COLLATE "C"`
	out := "jsonb_typeof(v) = 'string' AND v #>> '{}' ~ '" + leadingDay + "'"
	if t.test.op == "between" {
		return out + " AND " + day + " BETWEEN " + b.text(first) + " AND " + b.text(last)
	}
	return out + " AND " + day + " " + t.test.op + " " + b.text(first)
}

func (t attributeDay) match(v any, asOf time.Time) bool {
	s, ok := v.(string)
	if !ok || !hasLeadingDay(s) {
		return false
	}
	first, last := t.days(asOf)
	test := textTest{op: t.test.op, values: []string{first, last}}
	return test.match(s[:len(dayForm)])
}

func (t attributeDay) days(asOf time.Time) (first, last string) {
	start, _ := t.test.dates[0].resolve(asOf)
	end, _ := t.test.dates[len(t.test.dates)-1].resolve(asOf)
	return start.Format(dayForm), end.Format(dayForm)
}

// dayTest reads one relative day, or two.
func (in *input) dayTest() timeTest {
	read := func(path string, v any) (date, any) {
		if keys, ok := v.(map[string]any); ok {
			if d, out, ok := in.relative(keys, "days_ago", "days_ahead"); ok {
				return d, out
			}
		}
		in.fault(path, `is not {"days_ago": N} or {"days_ahead": N} with N a whole number from 0 to %d`, maxDays)
		return date{}, nil
	}
	t := timeTest{op: in.op}
	if in.op == "between" {
		t.dates, in.out.json.Value = readRange(in, read)
		return t
	}
	d, out := read(in.path+".value", in.value())
	t.dates, in.out.json.Value = []date{d}, out
	return t
}

// numberTest compares a number.
type numberTest struct {
	op     string
	values []decimal
}

var numberOperators = []string{"=", "!=", "<", "<=", ">", ">=", "between", "not_between"}

// numberTest reads the value of a number operator; whole allows no decimals.
func (in *input) numberTest(whole bool) numberTest {
	t := numberTest{op: in.op}
	read := func(path string, v any) any {
		number, _ := v.(json.Number)
		d, ok := parseDecimal(number.String())
		_, isWhole := d.whole()
		switch {
		case !ok:
			in.fault(path, "is not a number")
		case !d.small():
			in.fault(path, "has more than 30 digits before or after the point")
		case whole && !isWhole:
			in.fault(path, "is not a whole number")
		default:
			t.values = append(t.values, d)
			return json.Number(d.String())
		}
		return nil
	}
	v, path := in.value(), in.path+".value"
	if in.op != "between" && in.op != "in" {
		in.out.json.Value = read(path, v)
		return t
	}
	list := in.list
	if in.op == "between" {
		list = in.pair
	}
	var out []any
	for i, v := range list(path, v) {
		out = append(out, read(fmt.Sprintf("%s[%d]", path, i), v))
	}
	in.out.json.Value = out
	if in.op == "between" && len(t.values) == 2 && t.values[0].cmp(t.values[1]) > 0 {
		in.valueFault("ends before it begins")
	}
	return t
}

func (t numberTest) match(d decimal) bool {
	c := d.cmp(t.values[0])
	switch t.op {
	case "=":
		return c == 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "between":
		return c >= 0 && d.cmp(t.values[1]) <= 0
	default: // in
		return slices.ContainsFunc(t.values, func(v decimal) bool { return d.cmp(v) == 0 })
	}
}

// sql tests expr, a numeric; it is NULL where expr is.
func (t numberTest) sql(b *builder, expr string) string {
	switch t.op {
	case "between":
		return expr + " BETWEEN " + b.number(t.values[0]) + " AND " + b.number(t.values[1])
	case "in":
		list := make([]string, len(t.values))
		for i, d := range t.values {
			list[i] = d.String()
		}
		return expr + " = ANY (" + b.arg(list, "numeric[]") + ")"
	default:
		return expr + " " + t.op + " " + b.number(t.values[0])
	}
}
