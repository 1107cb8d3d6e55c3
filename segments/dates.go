package segments

import (
	"fmt"
	"time"
)

// date is a moment or a whole day that a rule names. A day written as YYYY-MM-DD
// is the 24 hours of that day in UTC, a time of RFC 3339 is one microsecond,
// {"days_ago": N} is the moment 24·N hours before as_of.
type date struct {
	start    time.Time // absolute dates
	day      bool
	relative bool
	daysAgo  int // below zero: ahead
}

const dayForm = "2006-01-02"

// resolve returns the first moment of the date and the first after it.
func (d date) resolve(asOf time.Time) (start, end time.Time) {
	switch {
	case d.relative:
		start = asOf.Add(-time.Duration(d.daysAgo) * 24 * time.Hour)
		return start, start.Add(time.Microsecond)
	case d.day:
		return d.start, d.start.AddDate(0, 0, 1)
	default:
		return d.start, d.start.Add(time.Microsecond)
	}
}

// saneYear keeps out what is a mistake for certain, as the rest of the program does.
func saneYear(t time.Time) bool { return t.Year() >= 1900 && t.Year() <= 2199 }

// date reads a date and returns it with its canonical JSON.
func (in *input) date(path string, v any) (date, any) {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(dayForm, v); err == nil && saneYear(t) {
			return date{start: t, day: true}, v
		}
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil && saneYear(t.UTC()) {
			return date{start: t.UTC().Truncate(time.Microsecond)}, v
		}
	case map[string]any:
		if d, out, ok := in.relative(v, "days_ago"); ok {
			return d, out
		}
		in.fault(path, `is not {"days_ago": N} with N a whole number from 0 to %d`, maxDays)
		return date{}, nil
	}
	in.fault(path, `is not a date such as "2011-12-09", a time such as "2011-12-09T12:50:00Z" (years 1900 to 2199), or {"days_ago": 30}`)
	return date{}, nil
}

// relative reads {"days_ago": N} or what else keys allows.
func (in *input) relative(v map[string]any, keys ...string) (date, any, bool) {
	if len(v) != 1 {
		return date{}, nil, false
	}
	for _, key := range keys {
		given, ok := v[key]
		if !ok {
			continue
		}
		n, ok := wholeNumber(given, 0, maxDays)
		if !ok {
			return date{}, nil, false
		}
		d := date{relative: true, daysAgo: n}
		if key == "days_ahead" {
			d.daysAgo = -n
		}
		return d, map[string]any{key: n}, true
	}
	return date{}, nil, false
}

// before says whether d is certainly over before other begins, whatever as_of is.
func (d date) before(other date) bool {
	if d.relative != other.relative {
		return false
	}
	if d.relative {
		return d.daysAgo > other.daysAgo
	}
	_, end := d.resolve(time.Time{})
	return !end.After(other.start)
}

// span is a stretch of time from low to before high; a zero end is open. Times
// are compared as Postgres keeps them, to the microsecond.
type span struct {
	low, high time.Time
}

func (s span) holds(t time.Time) bool {
	t = t.Truncate(time.Microsecond)
	return (s.low.IsZero() || !t.Before(s.low)) && (s.high.IsZero() || t.Before(s.high))
}

// sql writes the span as conditions on expr, joined by AND.
func (s span) sql(b *builder, expr string) string {
	out := ""
	if !s.low.IsZero() {
		out = expr + " >= " + b.time(s.low)
	}
	if !s.high.IsZero() {
		if out != "" {
			out += " AND "
		}
		out += expr + " < " + b.time(s.high)
	}
	return out
}

// timeTest compares a time with one date, or two.
type timeTest struct {
	op    string
	dates []date
}

var timeOperators = []string{"=", "!=", "<", "<=", ">", ">=", "between", "not_between"}

// timeTest reads the value of a time operator.
func (in *input) timeTest() timeTest {
	t := timeTest{op: in.op}
	if in.op != "between" {
		d, out := in.date(in.path+".value", in.value())
		in.out.json.Value, t.dates = out, []date{d}
		return t
	}
	t.dates, in.out.json.Value = readRange(in, in.date)
	return t
}

// readRange reads the two dates of "between".
func readRange(in *input, read func(string, any) (date, any)) ([]date, any) {
	var dates []date
	var out []any
	for i, v := range in.pair(in.path+".value", in.value()) {
		d, w := read(fmt.Sprintf("%s.value[%d]", in.path, i), v)
		dates, out = append(dates, d), append(out, w)
	}
	if len(dates) == 2 && dates[1].before(dates[0]) {
		in.valueFault("ends before it begins")
	}
	return dates, out
}

// span returns the stretch of time that the test holds for.
func (t timeTest) span(asOf time.Time) span {
	start, end := t.dates[0].resolve(asOf)
	switch t.op {
	case "<":
		return span{high: start}
	case "<=":
		return span{high: end}
	case ">":
		return span{low: end}
	case ">=":
		return span{low: start}
	case "between":
		_, end = t.dates[1].resolve(asOf)
	}
	return span{low: start, high: end}
}

// window is the options within_days, from and to: which orders or events are
// looked at. Without them it is everything up to as_of.
type window struct {
	withinDays   int
	from, to     *date
	sinceTrigger bool // in place of from
}

// fromTrigger is the value of "from" that sets sinceTrigger.
const fromTrigger = "trigger"

var windowOptions = []string{"within_days", "from", "to"}

func (in *input) window() window {
	w := window{withinDays: in.whole("within_days", maxDays)}
	if w.withinDays > 0 {
		in.out.json.WithinDays = w.withinDays
	}
	read := func(key string, out *any) *date {
		v := decode(in.keys[key])
		if v == nil {
			return nil
		}
		var d date
		d, *out = in.date(in.path+"."+key, v)
		return &d
	}
	w.sinceTrigger = decode(in.keys["from"]) == fromTrigger
	switch {
	case !w.sinceTrigger:
		w.from = read("from", &in.out.json.From)
	case in.scope == "":
		in.fault(in.path+".from", "%q is known only in a journey", fromTrigger)
	default:
		in.out.json.From = fromTrigger
	}
	w.to = read("to", &in.out.json.To)
	if w.withinDays > 0 && (w.from != nil || w.to != nil || w.sinceTrigger) {
		in.fault(in.path+".within_days", "cannot be given together with from or to")
	}
	if w.from != nil && w.to != nil && w.to.before(*w.from) {
		in.fault(in.path+".to", "is before from")
	}
	return w
}

// of is the stretch of time that the window is for a contact. Since the trigger
// means later than it: what triggered a journey does not fulfil its goal as well.
func (w window) of(f *Facts, asOf time.Time) span {
	s := w.span(asOf)
	switch {
	case !w.sinceTrigger:
	case f.Trigger == nil:
		s.low = s.high // nothing happened since what did not happen
	default:
		s.low = f.Trigger.At.Truncate(time.Microsecond).Add(time.Microsecond)
	}
	return s
}

// sql writes the window as conditions on expr, joined by AND.
func (w window) sql(b *builder, expr string) string {
	b.triggered = b.triggered || w.sinceTrigger
	return w.span(b.asOf).sql(b, expr)
}

// span resolves the window, but for sinceTrigger. It always ends at as_of or
// earlier: what happened later was not known then.
func (w window) span(asOf time.Time) span {
	s := span{high: asOf.Add(time.Microsecond)}
	if w.withinDays > 0 {
		s.low = asOf.Add(-time.Duration(w.withinDays) * 24 * time.Hour)
	}
	if w.from != nil {
		s.low, _ = w.from.resolve(asOf)
	}
	if w.to != nil {
		if _, end := w.to.resolve(asOf); end.Before(s.high) {
			s.high = end
		}
	}
	return s
}
