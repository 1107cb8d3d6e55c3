package segments

import (
	"fmt"
	"strings"
)

// english says rules in English.
type english struct{ names map[string]string }

func (english) all() string { return "All contacts." }

func (english) those(clause string) string { return "Contacts " + clause + "." }

func (english) join(clauses []string, any bool) string {
	word := " and "
	if any {
		word = " or "
	}
	last := len(clauses) - 1
	if last == 1 {
		return clauses[0] + word + clauses[1]
	}
	return strings.Join(clauses[:last], ", ") + word + clauses[last]
}

var englishSubjects = map[string]string{
	"external_id": "id", "email": "email address", "first_name": "first name", "last_name": "last name", "phone": "phone number", "country": "country",
	"language": "language", "timezone": "time zone",
	"order.total": "total", "order.quantity": "number of pieces", "order.number": "place among their orders", "order.currency": "currency", "order.status": "status",
}

func (e english) clause(l wireLeaf, op string, negated bool) string {
	family, name, _ := strings.Cut(l.Field, ".")
	switch l.Field {
	case "created_at":
		return "who " + choose(negated, "did not become contacts ", "became contacts ") + e.when(op, l.Value)
	case "bought.product", "bought.category":
		return e.bought(l, name == "category", negated)
	case "orders.count":
		return e.ordered(l, op, negated)
	case "orders.sum":
		return "who spent " + e.amount(numeric(op, negated), l.Value) + e.currency(l, " ") + e.window(l)
	case "orders.first", "orders.last":
		return e.order(l, name, op, negated)
	case "order.product", "order.category":
		return "whose triggering order holds " + e.goods(l, name == "category", several(l.Quantity), negated)
	}
	switch family {
	case "consent":
		return e.consent(l, name, op, negated)
	case "event":
		times := several(l.Times)
		switch {
		case times == 0:
			return "who " + choose(negated, "did not do ", "did ") + e.quote(name) + e.window(l)
		default:
			return "who did " + e.quote(name) + choose(negated, " fewer than ", " at least ") + count(times, "time") + e.window(l)
		}
	case "attributes":
		return e.compared("whose attribute "+e.quote(name), l.Value, op, negated)
	case "properties":
		return e.compared("whose triggering event's "+e.quote(name), l.Value, op, negated)
	case "order":
		return e.compared("whose triggering order's "+englishSubjects[l.Field], l.Value, op, negated)
	default:
		return e.compared("whose "+englishSubjects[l.Field], l.Value, op, negated)
	}
}

// compared compares with a value that a contact may not have: then the opposite holds.
func (e english) compared(subject string, v any, op string, negated bool) string {
	is, unknown := " is ", ""
	if negated {
		is, unknown = " is not ", " (or unknown)"
	}
	switch op {
	case "null":
		return subject + choose(negated, " is known", " is unknown")
	case "=":
		return subject + is + e.value(v) + unknown
	case "in":
		if negated && len(listOf(v)) > 1 {
			return subject + " is neither " + e.list(v, " nor ") + unknown
		}
		return subject + is + e.list(v, " or ") + unknown
	case "between":
		ends := listOf(v)
		return subject + is + "between " + e.value(ends[0]) + " and " + e.value(ends[1]) + unknown
	case "contains", "begins_with", "ends_with":
		verb := map[string]string{"contains": " contains ", "begins_with": " begins with ", "ends_with": " ends with "}
		not := map[string]string{"contains": " does not contain ", "begins_with": " does not begin with ", "ends_with": " does not end with "}
		return subject + choose(negated, not[op], verb[op]) + e.value(v) + unknown
	}
	word := map[string]string{"<": "before ", "<=": "at or before ", ">": "after ", ">=": "at or after "}
	if _, isText := v.(string); !isText {
		if _, isDay := daysOf(v); !isDay {
			word = map[string]string{"<": "less than ", "<=": "at most ", ">": "more than ", ">=": "at least "}
		}
	}
	return subject + is + word[op] + e.value(v) + unknown
}

func (e english) consent(l wireLeaf, topic, op string, negated bool) string {
	about := e.quote(topic)
	if op == "null" {
		return choose(negated, "who were asked about ", "who were never asked about ") + about
	}
	states := listOf(l.Value)
	if len(states) == 1 {
		switch states[0] {
		case "subscribed":
			return choose(negated, "who are not subscribed to ", "who are subscribed to ") + about
		case "unsubscribed":
			return choose(negated, "who have not unsubscribed from ", "who unsubscribed from ") + about
		default:
			return choose(negated, "whose consent to "+about+" is not pending", "who were asked about "+about+" and have not answered yet")
		}
	}
	plain := func(v any) string { return fmt.Sprint(v) }
	if negated {
		return "whose consent to " + about + " is neither " + enumerate(states, plain, " nor ", " nor %d more")
	}
	return "whose consent to " + about + " is " + enumerate(states, plain, " or ", " or %d more")
}

// numeric is the operator of a number that everybody has.
func numeric(op string, negated bool) string {
	if negated {
		return complement[op]
	}
	return op
}

func (e english) amount(op string, v any) string {
	if op == "between" || op == "not_between" {
		ends := listOf(v)
		if op == "between" {
			return "between " + e.value(ends[0]) + " and " + e.value(ends[1])
		}
		return "less than " + e.value(ends[0]) + " or more than " + e.value(ends[1])
	}
	return map[string]string{"=": "exactly ", "!=": "anything but ", "<": "less than ", "<=": "at most ", ">": "more than ", ">=": "at least "}[op] + e.value(v)
}

// ordered is the number of orders.
func (e english) ordered(l wireLeaf, op string, negated bool) string {
	op = numeric(op, negated)
	rest := e.currency(l, " in ") + e.window(l)
	number := fmt.Sprint(l.Value)
	switch {
	case number == "0" && (op == "=" || op == "<="):
		return "who placed no order" + rest
	case number == "0" && (op == "!=" || op == ">"), number == "1" && op == ">=":
		return "who placed an order" + rest
	}
	noun := choose(number == "1", " order", " orders")
	switch op {
	case "=":
		return "who placed exactly " + number + noun + rest
	case "!=":
		return "who placed any number of orders but " + number + rest
	case "between", "not_between":
		return "who placed " + strings.Replace(e.amount(op, l.Value), "less than", "fewer than", 1) + " orders" + rest
	default:
		return "who placed " + strings.Replace(e.amount(op, l.Value), "less than", "fewer than", 1) + noun + rest
	}
}

// order is when the first or last order was placed.
func (e english) order(l wireLeaf, which, op string, negated bool) string {
	rest := e.currency(l, " in ") + e.window(l)
	if op == "null" {
		return "who placed " + choose(negated, "an order", "no order") + rest
	}
	if negated {
		return "whose " + which + " order" + rest + " was not placed " + e.when(op, l.Value) + " (or who have none)"
	}
	return "whose " + which + " order" + rest + " was placed " + e.when(op, l.Value)
}

// when says how a time compares, after its verb.
func (e english) when(op string, v any) string {
	if op == "between" {
		ends := listOf(v)
		return "between " + e.moment(ends[0]) + " and " + e.moment(ends[1])
	}
	if ago, ok := daysOf(v); ok && ago > 0 {
		days := count(ago, "day") + " ago"
		return map[string]string{"=": "exactly ", "<": "more than ", "<=": "at least ", ">": "less than ", ">=": "at most "}[op] + days
	}
	at := "at "
	if _, isDay := moment(v); isDay {
		at = "on "
	}
	return map[string]string{"=": at, "<": "before ", "<=": at + "or before ", ">": "after ", ">=": at + "or after "}[op] + e.moment(v)
}

func (e english) moment(v any) string {
	if ago, ok := daysOf(v); ok {
		switch {
		case ago == 0:
			return "now"
		case ago < 0:
			return count(-ago, "day") + " from now"
		}
		return count(ago, "day") + " ago"
	}
	t, isDay := moment(v)
	if isDay {
		return t.Format("2 January 2006")
	}
	return t.Format("2 January 2006, ") + clock(t) + " UTC"
}

// bought is what was bought, and in how many orders.
func (e english) bought(l wireLeaf, category, negated bool) string {
	if times := several(l.Times); times > 0 {
		return "who bought " + e.goods(l, category, 0, false) + choose(negated, " in fewer than ", " in at least ") + count(times, "order") + e.window(l)
	}
	if negated && !category && len(listOf(l.Value)) == 1 {
		return "who have not bought " + e.wares(l, category, "") + e.window(l)
	}
	return "who bought " + e.goods(l, category, 0, negated) + e.window(l)
}

// goods names products or categories, or none of them, and how many pieces.
func (e english) goods(l wireLeaf, category bool, pieces int, none bool) string {
	wares := e.wares(l, category, " or ")
	switch {
	case pieces > 0:
		return choose(none, "fewer than ", "at least ") + fmt.Sprint(pieces) + choose(category, " pieces from ", " pieces of ") + wares
	case category:
		return choose(none, "nothing from ", "something from ") + wares
	case !none:
		return wares
	case len(listOf(l.Value)) == 1:
		return "no " + wares
	default:
		return "neither " + e.wares(l, category, " nor ")
	}
}

func (e english) wares(l wireLeaf, category bool, last string) string {
	return enumerate(listOf(l.Value), func(v any) string {
		if name := e.names[fmt.Sprint(v)]; name != "" && !category {
			v = name
		}
		return e.value(v)
	}, last, last+"%d more")
}

func (english) currency(l wireLeaf, before string) string {
	if l.Currency == nil {
		return ""
	}
	return before + fmt.Sprint(l.Currency)
}

func (e english) window(l wireLeaf) string {
	out := ""
	switch {
	case l.WithinDays == 1:
		out = " in the last day"
	case l.WithinDays != nil:
		out += " in the last " + count(l.WithinDays, "day")
	case l.From != nil && l.From != fromTrigger && l.To != nil:
		return " from " + e.moment(l.From) + " to " + e.moment(l.To)
	case l.From == fromTrigger:
		out += " since the trigger"
	case l.From != nil:
		out += " since " + e.moment(l.From)
	}
	if l.To != nil {
		out += " until " + e.moment(l.To)
	}
	return out
}

func (e english) list(v any, last string) string {
	return enumerate(listOf(v), e.value, last, last+"%d more")
}

func (e english) value(v any) string {
	if ago, ok := daysOf(v); ok {
		if ago == 0 {
			return "today"
		}
		return e.moment(v)
	}
	if s, ok := v.(string); ok {
		return e.quote(s)
	}
	return fmt.Sprint(v)
}

func (english) quote(s string) string { return "“" + oneLine(clip(s)) + "”" }

// oneLine keeps what users wrote in the line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
