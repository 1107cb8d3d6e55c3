package segments

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Sentences is what a rule asks, as one plain sentence in each language.
type Sentences struct {
	English string `json:"en"`
	German  string `json:"de"`
}

// Sentences says the rule for those who make segments: as one sentence on all contacts
// it selects, where String is a phrase on one of them. Every condition is in it. A
// group that is turned into its opposite is said as the opposites of its conditions
// (De Morgan), so that nobody has to think around a "not". Long texts and lists are cut
// short. names are what products are called, by SKU; the SKU where it is not there.
func (r Rule) Sentences(names map[string]string) Sentences {
	return Sentences{English: r.sentence(english{names}), German: r.sentence(german{names})}
}

// Describe returns the sentences of rules, with the products' names as they are today.
func Describe(ctx context.Context, db postgres.DB, rules ...Rule) ([]Sentences, error) {
	skus := map[string]bool{}
	for _, r := range rules {
		r.products(skus)
	}
	names := map[string]string{}
	if len(skus) > 0 {
		list := make([]string, 0, len(skus))
		for sku := range skus {
			list = append(list, sku)
		}
		rows, err := db.Query(ctx, `SELECT sku, name FROM products WHERE sku = ANY ($1) AND name <> ''`, list)
		if err != nil {
			return nil, fmt.Errorf("read names of products: %w", err)
		}
		var sku, name string
		if _, err := pgx.ForEachRow(rows, []any{&sku, &name}, func() error { names[sku] = name; return nil }); err != nil {
			return nil, fmt.Errorf("read names of products: %w", err)
		}
	}
	out := make([]Sentences, len(rules))
	for i, r := range rules {
		out[i] = r.Sentences(names)
	}
	return out, nil
}

// maxNames is how many products of a rule are looked up: lists are cut short long before.
const maxNames = 500

// products notes the SKUs that the rule names.
func (r Rule) products(into map[string]bool) {
	var visit func(n node)
	visit = func(n node) {
		switch n := n.(type) {
		case *group:
			for _, r := range n.rules {
				visit(r)
			}
		case *leaf:
			if n.json.Field != "bought.product" && n.json.Field != "order.product" {
				return
			}
			for i, v := range listOf(n.json.Value) {
				if sku, ok := v.(string); ok && i < shownValues && len(into) < maxNames {
					into[sku] = true
				}
			}
		}
	}
	if r.root != nil {
		visit(r.root)
	}
}

// shownValues is how many values of a list a sentence names.
const shownValues = 5

// tongue is a language that rules can be said in.
type tongue interface {
	all() string                // every contact
	those(clause string) string // the whole sentence
	// clause is a condition, or its opposite, as a relative clause on contacts: "whose
	// country is “Iceland”". op is positive.
	clause(l wireLeaf, op string, negated bool) string
	join(clauses []string, any bool) string
}

func (r Rule) sentence(t tongue) string {
	if r.root == nil {
		return t.all()
	}
	c := clauses(t, r.root, true)
	if c.text == "" && len(c.parts) == 0 {
		return t.all()
	}
	return t.those(c.say(t))
}

// clause is a condition, or several joined by "and" or "or".
type clause struct {
	text  string
	any   bool
	parts []clause
}

// clauses turns a node, or its opposite, into clauses. What is joined by the same word
// is on one level.
func clauses(t tongue, n node, holds bool) clause {
	switch n := n.(type) {
	case *leaf:
		op, negated := n.json.Operator, !holds
		if base, ok := opposites[op]; ok {
			op, negated = base, holds
		}
		return clause{text: t.clause(n.json, op, negated)}
	case *group:
		holds = holds != n.not
		out := clause{any: n.any == holds} // not (a or b) is not a and not b
		for _, r := range n.rules {
			part := clauses(t, r, holds)
			if part.text == "" && part.any == out.any {
				out.parts = append(out.parts, part.parts...)
			} else {
				out.parts = append(out.parts, part)
			}
		}
		if len(out.parts) == 1 {
			return out.parts[0]
		}
		return out
	}
	return clause{}
}

func (c clause) say(t tongue) string {
	if c.text != "" {
		return c.text
	}
	list := make([]string, len(c.parts))
	for i, part := range c.parts {
		list[i] = part.say(t)
		if part.text == "" {
			list[i] = "(" + list[i] + ")"
		}
	}
	return t.join(list, c.any)
}

// enumerate writes "a, b or c", and how many more there are.
func enumerate(list []any, say func(any) string, last, more string) string {
	shown := list[:min(len(list), shownValues)]
	out := ""
	for i, v := range shown {
		switch {
		case i == 0:
		case i == len(list)-1:
			out += last
		default:
			out += ", "
		}
		out += say(v)
	}
	if rest := len(list) - len(shown); rest > 0 {
		out += fmt.Sprintf(more, rest)
	}
	return out
}

// complement is the other half of a number's range: fewer than 3 instead of not 3 or
// more. It is for numbers that everybody has.
var complement = map[string]string{"=": "!=", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "between": "not_between"}

// daysOf reads {"days_ago": N} or {"days_ahead": N}, as days ago.
func daysOf(v any) (ago int, ok bool) {
	days, ok := v.(map[string]any)
	if !ok {
		return 0, false
	}
	for key, n := range days {
		n, _ := n.(int)
		if key == "days_ahead" {
			return -n, true
		}
		return n, true
	}
	return 0, false
}

// moment reads a day or a time of a rule.
func moment(v any) (t time.Time, isDay bool) {
	text, _ := v.(string)
	if t, err := time.Parse(dayForm, text); err == nil {
		return t, true
	}
	t, _ = time.Parse(time.RFC3339Nano, text)
	return t.UTC(), false
}

// clock is the time of day as far as it says something.
func clock(t time.Time) string {
	form := "15:04"
	if t.Second() != 0 || t.Nanosecond() != 0 {
		form = "15:04:05.999999"
	}
	return t.Format(form)
}

// several is an option that is more than one; 0 where it is not given.
func several(v any) int {
	if n, _ := v.(int); n > 1 {
		return n
	}
	return 0
}

func trimmed(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}
