package segments

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String says in one English phrase what the rule asks: for explanations and the
// UI, not to be read back. Long texts and lists are cut short.
func (r Rule) String() string {
	if r.root == nil {
		return "every contact"
	}
	return r.root.text()
}

func (g *group) text() string {
	if len(g.rules) == 0 {
		return "every contact"
	}
	parts := make([]string, len(g.rules))
	for i, r := range g.rules {
		parts[i] = r.text()
		if len(g.rules) > 1 && joins(r) {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	word := " and "
	if g.any {
		word = " or "
	}
	out := strings.Join(parts, word)
	if g.not {
		return "not (" + out + ")"
	}
	return out
}

// joins says whether the node's text is several joined by a word.
func joins(n node) bool {
	g, ok := n.(*group)
	return ok && !g.not && (len(g.rules) > 1 || joins(g.rules[0]))
}

func (l *leaf) text() string { return l.json.text(true) }

// WhyNot says in English what keeps a contact from passing: the conditions that do not
// hold, as what is so instead. It is empty where the contact passes.
func (r Rule) WhyNot(f Facts, asOf time.Time) string {
	if r.Match(f, asOf) {
		return ""
	}
	return r.root.why(&f, asOf.UTC().Truncate(time.Microsecond))
}

// why says what makes the group what it is: of an "and" that does not hold, the parts
// that do not.
func (g *group) why(f *Facts, asOf time.Time) string {
	decisive := g.match(f, asOf) != g.not // all parts are so, or those that are made it so
	var parts []string
	for _, r := range g.rules {
		if r.match(f, asOf) == decisive {
			parts = append(parts, r.why(f, asOf))
		}
	}
	return strings.Join(parts, " and ")
}

func (l *leaf) why(f *Facts, asOf time.Time) string { return l.json.text(l.match(f, asOf)) }

// text is written from the canonical JSON, which has all there is to say and no
// two ways to say it. Where the condition does not hold it is the opposite.
func (l wireLeaf) text(holds bool) string {
	op, negated := l.Operator, !holds
	if base, ok := opposites[op]; ok {
		op, negated = base, holds
	}
	family, name, _ := strings.Cut(l.Field, ".")
	switch l.Field {
	case "created_at":
		return "the contact " + l.timeText(op, choose(negated, "was not created ", "was created "))
	case "bought.product", "bought.category":
		return choose(negated, "has not bought ", "bought ") + l.goodsText(name) + l.timesText(" in at least %d orders") + l.windowText()
	case "orders.count":
		return "the number of orders" + l.windowText() + l.compared(op, negated)
	case "orders.sum":
		return "the sum of orders" + l.windowText() + l.compared(op, negated)
	case "orders.first", "orders.last":
		if op == "null" {
			return choose(negated, "has an order", "has no order") + l.windowText()
		}
		return "the " + name + " order" + l.windowText() + " " + l.timeText(op, choose(negated, "was not placed ", "was placed "))
	case "order.product", "order.category":
		return "the order " + choose(negated, "does not hold ", "holds ") + l.goodsText(name)
	}
	switch family {
	case "order":
		return "the order's " + name + l.compared(op, negated)
	case "event":
		return choose(negated, "did not do ", "did ") + say(name) + l.timesText(" at least %d times") + l.windowText()
	case "attributes":
		return "attribute " + say(name) + l.compared(op, negated)
	case "properties":
		return "the event's property " + say(name) + l.compared(op, negated)
	case "consent":
		return "consent to " + say(name) + l.compared(op, negated)
	default:
		return strings.ReplaceAll(l.Field, "_", " ") + l.compared(op, negated)
	}
}

// compared is operator and value after a subject, with the verb in between.
func (l wireLeaf) compared(op string, negated bool) string {
	is := choose(negated, " is not ", " is ")
	var order map[string]string
	switch l.Value.(type) {
	case json.Number:
		order = map[string]string{"<": "less than ", "<=": "at most ", ">": "more than ", ">=": "at least "}
	default: // texts, and the days of attributes
		order = map[string]string{"<": "before ", "<=": "at or before ", ">": "after ", ">=": "at or after "}
	}
	switch op {
	case "=":
		return is + say(l.Value)
	case "in":
		return is + "one of " + say(l.Value)
	case "between":
		return is + betweenText(l.Value, say)
	case "null":
		return choose(negated, " has a value", " has no value")
	case "contains", "begins_with", "ends_with":
		return " " + strings.ReplaceAll(choose(negated, opposite(op), op), "_", " ") + " " + say(l.Value)
	default:
		return is + order[op] + say(l.Value)
	}
}

// timeText is operator and value of a field that is a time, after its verb.
func (l wireLeaf) timeText(op, verb string) string {
	if op == "between" {
		return verb + betweenText(l.Value, sayTime)
	}
	on := "at "
	if day, ok := l.Value.(string); ok && len(day) == len(dayForm) {
		on = "on "
	}
	order := map[string]string{"=": on, "<": "before ", "<=": on + "or before ", ">": "after ", ">=": on + "or after "}
	return verb + order[op] + sayTime(l.Value)
}

func betweenText(pair any, say func(any) string) string {
	ends := listOf(pair)
	return "between " + say(ends[0]) + " and " + say(ends[1])
}

// goodsText names products or categories, and how many pieces of them.
func (l wireLeaf) goodsText(kind string) string {
	list := listOf(l.Value)
	several, isCategory := len(list) > 1, kind == "category"
	out := kind
	if several {
		out = choose(isCategory, "the categories", "the products")
	}
	out += " " + say(list)
	if l.Quantity != nil {
		return fmt.Sprintf("at least %v of %s", l.Quantity, out)
	}
	return choose(isCategory, "a product of ", "") + choose(several, "one of ", "") + out
}

func (l wireLeaf) timesText(format string) string {
	if l.Times == nil || l.Times == 1 {
		return ""
	}
	return fmt.Sprintf(format, l.Times)
}

// windowText says which orders or events are looked at.
func (l wireLeaf) windowText() string {
	out := ""
	if l.Currency != nil {
		out += fmt.Sprint(" in ", l.Currency)
	}
	switch {
	case l.WithinDays != nil:
		out += " in the last " + count(l.WithinDays, "day")
	case l.From == fromTrigger:
		out += " since the trigger"
	case l.From != nil:
		out += " since " + sayTime(l.From)
	}
	if l.To != nil {
		out += " until " + sayTime(l.To)
	}
	return out
}

// say writes a value, or a list of them.
func say(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(clip(v))
	case map[string]any:
		return sayDays(v, "today")
	case []string, []any:
		list := listOf(v)
		const limit = 5
		parts := make([]string, 0, limit+1)
		for i, one := range list {
			if i == limit {
				parts = append(parts, fmt.Sprintf("and %d more", len(list)-limit))
				break
			}
			parts = append(parts, say(one))
		}
		return strings.Join(parts, ", ")
	default: // a number, true or false
		return fmt.Sprint(v)
	}
}

// sayTime writes a date.
func sayTime(v any) string {
	if days, ok := v.(map[string]any); ok {
		return sayDays(days, "now")
	}
	return fmt.Sprint(v)
}

// sayDays writes {"days_ago": N} or {"days_ahead": N}.
func sayDays(v map[string]any, zero string) string {
	for key, n := range v {
		switch {
		case n == 0:
			return zero
		case key == "days_ago":
			return count(n, "day") + " ago"
		default:
			return count(n, "day") + " from now"
		}
	}
	return ""
}

func count(n any, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprint(n, " ", what, "s")
}

func listOf(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case []string:
		out := make([]any, len(v))
		for i, s := range v {
			out[i] = s
		}
		return out
	default:
		return []any{v}
	}
}

// opposite is the negative operator of a positive one.
func opposite(op string) string {
	for negative, positive := range opposites {
		if positive == op {
			return negative
		}
	}
	return op
}

func choose(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
