package segments

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"posthorn/internal/fault"
)

// Rule is a checked rule tree: what Parse and ParseTriggered return. It is
// immutable and safe for concurrent use. The zero Rule selects every contact.
type Rule struct {
	root node
}

// Query is a condition on one contact, as SQL: a boolean expression, never NULL,
// over the alias c of the table contacts, and its arguments. It may be negated
// and combined with others.
type Query struct {
	SQL  string
	Args []any
}

// Where compiles the rule. Its placeholders begin at $start; asOf is the "now" of
// relative dates, and nothing that happened after it is seen. It returns a
// fault.Invalid for an asOf outside the years 1900 to 2199, and for a rule that
// asks about a trigger, which a contact in a table does not have.
func (r Rule) Where(asOf time.Time, start int) (Query, error) {
	asOf = asOf.UTC().Truncate(time.Microsecond)
	if !saneYear(asOf) {
		return Query{}, fault.Invalidf("as_of", "is not between the years 1900 and 2199")
	}
	b := &builder{next: start, asOf: asOf}
	if r.root == nil {
		return Query{SQL: "TRUE"}, nil
	}
	sql := r.root.sql(b)
	if b.triggered {
		return Query{}, fault.Invalidf("rule", "asks about what triggered a journey, so only that journey can ask it, and no segment")
	}
	return Query{SQL: sql, Args: b.args}, nil
}

// Match evaluates the rule for one contact in this process. It says the same as
// the SQL of Where does, for facts as LoadFacts returns them.
func (r Rule) Match(f Facts, asOf time.Time) bool {
	return r.root == nil || r.root.match(&f, asOf.UTC().Truncate(time.Microsecond))
}

// MarshalJSON writes the tree in its canonical form, which Parse (ParseTriggered
// with its scope for a rule of a journey) reads back to the same Rule.
func (r Rule) MarshalJSON() ([]byte, error) {
	if r.root == nil {
		return []byte(`{"combinator":"and","rules":[]}`), nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // operators are full of < and >
	if err := enc.Encode(r.root.wire()); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}

// UnmarshalJSON is Parse.
func (r *Rule) UnmarshalJSON(data []byte) error {
	parsed, err := Parse(data)
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// node is a part of the tree. Both evaluations of a node stand next to each other
// in its file, made from the same fields, so that one is not changed without the
// other; the property test compares them.
type node interface {
	// sql returns an expression that is TRUE or FALSE, never NULL, and needs no
	// brackets: it is in brackets, a call, EXISTS, or one of those after NOT.
	sql(b *builder) string
	match(f *Facts, asOf time.Time) bool
	// wire is what the node is in JSON.
	wire() any
	// text is what the node is in English; why is what is so of the contact instead, or
	// because of which the node holds.
	text() string
	why(f *Facts, asOf time.Time) string
}

// group combines nodes.
type group struct {
	any   bool // or; otherwise and
	not   bool
	rules []node
}

func (g *group) sql(b *builder) string {
	expr := "TRUE" // an empty "and", which Parse allows at the root only
	switch len(g.rules) {
	case 0:
	case 1:
		expr = g.rules[0].sql(b)
	default:
		word := "AND "
		if g.any {
			word = "OR "
		}
		b.depth++
		var s strings.Builder
		s.WriteString("(")
		for i, r := range g.rules {
			b.line(&s)
			if i > 0 {
				s.WriteString(word)
			}
			s.WriteString(r.sql(b))
		}
		b.depth--
		b.line(&s)
		s.WriteString(")")
		expr = s.String()
	}
	if g.not {
		return not(expr)
	}
	return expr
}

func (g *group) match(f *Facts, asOf time.Time) bool {
	result := !g.any
	for _, r := range g.rules {
		if r.match(f, asOf) == g.any {
			result = g.any
			break
		}
	}
	return result != g.not
}

type wireGroup struct {
	Combinator string `json:"combinator"`
	Not        bool   `json:"not,omitempty"`
	Rules      []any  `json:"rules"`
}

func (g *group) wire() any {
	w := wireGroup{Combinator: "and", Not: g.not, Rules: make([]any, len(g.rules))}
	if g.any {
		w.Combinator = "or"
	}
	for i, r := range g.rules {
		w.Rules[i] = r.wire()
	}
	return w
}

// condition is what a leaf tests, without its negation.
type condition interface {
	sql(b *builder) string
	match(f *Facts, asOf time.Time) bool
}

// leaf is a condition or its exact opposite. That every negative operator is the
// opposite of its positive one, also for contacts without a value, is what makes
// "is" and "is not" cover everybody between them.
type leaf struct {
	cond    condition
	negated bool
	json    wireLeaf
}

func (l *leaf) sql(b *builder) string {
	expr := l.cond.sql(b)
	if l.negated {
		return not(expr)
	}
	return expr
}

func (l *leaf) match(f *Facts, asOf time.Time) bool { return l.cond.match(f, asOf) != l.negated }

func (l *leaf) wire() any { return l.json }

type wireLeaf struct {
	Field      string `json:"field"`
	Operator   string `json:"operator"`
	Value      any    `json:"value,omitempty"`
	WithinDays any    `json:"within_days,omitempty"`
	From       any    `json:"from,omitempty"`
	To         any    `json:"to,omitempty"`
	Times      any    `json:"times,omitempty"`
	Quantity   any    `json:"quantity,omitempty"`
	Currency   any    `json:"currency,omitempty"`
}

// Limits of a rule.
const (
	maxBytes  = 64 << 10 // of its canonical JSON
	maxDepth  = 10       // groups within groups
	maxNodes  = 200
	maxValues = 1000 // of one list
	maxText   = 500  // characters of one value
	maxName   = 200  // characters of the part of a field that the user names
	maxDays   = 36_500
	maxTimes  = 1_000_000
	maxFaults = 20 // more than that helps nobody

	// maxRaw bounds what is looked at. It leaves room for indentation, and for the
	// spaces that jsonb puts between the parts of a rule that is just small enough.
	maxRaw = 4 * maxBytes
)

const tooLarge = "is larger than 64 KB"
