package segments

import (
	"strconv"
	"strings"
	"time"
)

// builder collects the arguments while the tree is written out. Identifiers and
// operators come from this package alone; whatever a user wrote is an argument.
type builder struct {
	args  []any
	next  int // the number of the next placeholder
	asOf  time.Time
	times map[time.Time]string // placeholders of times already passed: as_of is named often
	depth int

	triggered bool // a condition asks about a trigger: what is written is of no use
}

// arg passes v and returns its placeholder with its type, which makes the
// statement independent of what Postgres would guess.
func (b *builder) arg(v any, sqlType string) string {
	b.args = append(b.args, v)
	b.next++
	return "$" + strconv.Itoa(b.next-1) + "::" + sqlType
}

func (b *builder) text(s string) string { return b.arg(s, "text") }

func (b *builder) texts(s []string) string { return b.arg(s, "text[]") }

func (b *builder) number(d decimal) string { return b.arg(d.String(), "numeric") }

func (b *builder) time(t time.Time) string {
	if at, ok := b.times[t]; ok {
		return at
	}
	if b.times == nil {
		b.times = make(map[time.Time]string)
	}
	b.times[t] = b.arg(t, "timestamptz")
	return b.times[t]
}

// line begins a new line, indented to where the tree is.
func (b *builder) line(s *strings.Builder) {
	s.WriteString("\n")
	for range b.depth {
		s.WriteString("    ")
	}
}

// exists writes EXISTS over a sub-select, a clause per line.
func (b *builder) exists(clauses ...string) string {
	var s strings.Builder
	s.WriteString("EXISTS (")
	b.depth++
	for _, clause := range clauses {
		b.line(&s)
		s.WriteString(clause)
	}
	b.depth--
	b.line(&s)
	s.WriteString(")")
	return s.String()
}

// not is the opposite of what a node's sql returned.
func not(expr string) string {
	if inner, ok := strings.CutPrefix(expr, "NOT "); ok {
		return inner
	}
	return "NOT " + expr
}
