package segments

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// german says rules in German. The verb of a relative clause stands at its end.
type german struct{ names map[string]string }

func (german) all() string { return "Alle Kontakte." }

func (german) those(clause string) string { return "Kontakte, " + clause + "." }

func (german) join(clauses []string, any bool) string {
	word := " und "
	if any {
		word = " oder "
	}
	last := len(clauses) - 1
	if last == 1 {
		return clauses[0] + word + clauses[1]
	}
	return strings.Join(clauses[:last], ", ") + word + clauses[last]
}

var germanSubjects = map[string]string{
	"external_id": "deren ID", "email": "deren E-Mail-Adresse", "first_name": "deren Vorname", "last_name": "deren Nachname", "phone": "deren Telefonnummer",
	"country": "deren Land", "language": "deren Sprache", "timezone": "deren Zeitzone",
	"order.total": "bei denen der Betrag der auslösenden Bestellung", "order.quantity": "bei denen die Stückzahl der auslösenden Bestellung",
	"order.number": "bei denen die laufende Nummer der auslösenden Bestellung", "order.currency": "bei denen die Währung der auslösenden Bestellung",
	"order.status": "bei denen der Status der auslösenden Bestellung",
}

func (g german) clause(l wireLeaf, op string, negated bool) string {
	family, name, _ := strings.Cut(l.Field, ".")
	switch l.Field {
	case "created_at":
		return trimmed("die", choose(negated, "nicht", ""), g.when(op, l.Value), "Kontakt wurden")
	case "bought.product", "bought.category":
		return g.bought(l, name == "category", negated)
	case "orders.count":
		return g.ordered(l, op, negated)
	case "orders.sum":
		return trimmed("die", g.window(l), g.amount(numeric(op, negated), l.Value)+g.currency(l, " "), "ausgegeben haben")
	case "orders.first", "orders.last":
		return g.order(l, name == "last", op, negated)
	case "order.product", "order.category":
		return trimmed("deren auslösende Bestellung", g.goods(l, name == "category", several(l.Quantity), negated), "enthält")
	}
	switch family {
	case "consent":
		return g.consent(l, name, op, negated)
	case "event":
		how := choose(negated, "nicht", "")
		if times := several(l.Times); times > 0 {
			how = fmt.Sprintf(choose(negated, "weniger als %d-mal", "mindestens %d-mal"), times)
		}
		return trimmed("bei denen", g.quote(name), g.window(l), how, "vorkam")
	case "attributes":
		return g.compared("deren Attribut "+g.quote(name), l.Value, op, negated)
	case "properties":
		return g.compared("bei denen "+g.quote(name)+" des auslösenden Ereignisses", l.Value, op, negated)
	default:
		if l.Field == "order.status" {
			states := listOf(l.Value)
			for i, state := range states {
				states[i] = map[any]any{"placed": "aufgegeben", "paid": "bezahlt", "cancelled": "storniert", "refunded": "erstattet"}[state]
			}
			if op == "=" {
				return g.compared(germanSubjects[l.Field], states[0], op, negated)
			}
			return g.compared(germanSubjects[l.Field], states, op, negated)
		}
		return g.compared(germanSubjects[l.Field], l.Value, op, negated)
	}
}

// compared compares with a value that a contact may not have: then the opposite holds.
func (g german) compared(subject string, v any, op string, negated bool) string {
	not, unknown := "", ""
	if negated {
		not, unknown = "nicht", "(oder unbekannt)"
	}
	ago, isDay := daysOf(v)
	_, isText := v.(string)
	switch op {
	case "null":
		return subject + choose(negated, " bekannt ist", " unbekannt ist")
	case "=":
		switch {
		case isDay && ago == 0:
			return trimmed(subject, not, "auf heute fällt", unknown)
		case isDay:
			return trimmed(subject, not, "auf den Tag", g.days(ago), "fällt", unknown)
		}
		return trimmed(subject, not, g.value(v), "ist", unknown)
	case "in":
		if negated && len(listOf(v)) > 1 {
			return trimmed(subject, "weder", g.list(v, " noch "), "ist", unknown)
		}
		return trimmed(subject, not, g.list(v, " oder "), "ist", unknown)
	case "between":
		ends := listOf(v)
		return trimmed(subject, not, "zwischen", g.dative(ends[0]), "und", g.dative(ends[1]), "liegt", unknown)
	case "contains":
		return trimmed(subject, g.value(v), not, "enthält", unknown)
	case "begins_with":
		return trimmed(subject, not, "mit", g.value(v), "beginnt", unknown)
	case "ends_with":
		return trimmed(subject, not, "auf", g.value(v), "endet", unknown)
	}
	if !isText && !isDay {
		word := map[string]string{"<": "kleiner als", "<=": "höchstens", ">": "größer als", ">=": "mindestens"}[op]
		return trimmed(subject, not, word, g.value(v), "ist", unknown)
	}
	if isDay && ago == 0 {
		word := map[string]string{"<": "vor heute", "<=": "heute oder früher", ">": "nach heute", ">=": "heute oder später"}[op]
		return trimmed(subject, not, word, "liegt", unknown)
	}
	word := map[string]string{"<": "vor", "<=": choose(isDay, "an oder vor", "bei oder vor"), ">": "nach", ">=": choose(isDay, "an oder nach", "bei oder nach")}[op]
	return trimmed(subject, not, word, g.dative(v), "liegt", unknown)
}

// dative is a value after a preposition: a day is one of the calendar.
func (g german) dative(v any) string {
	ago, isDay := daysOf(v)
	switch {
	case !isDay:
		return g.value(v)
	case ago == 0:
		return "heute"
	default:
		return "dem Tag " + g.days(ago)
	}
}

// days is so many days before or after today.
func (german) days(ago int) string {
	switch {
	case ago == 1:
		return "vor 1 Tag"
	case ago == -1:
		return "in 1 Tag"
	case ago < 0:
		return fmt.Sprintf("in %d Tagen", -ago)
	default:
		return fmt.Sprintf("vor %d Tagen", ago)
	}
}

func (g german) consent(l wireLeaf, topic, op string, negated bool) string {
	about := g.quote(topic)
	if op == "null" {
		return choose(negated, "die schon einmal zu ", "die nie zu ") + about + " gefragt wurden"
	}
	states := listOf(l.Value)
	if len(states) == 1 {
		switch states[0] {
		case "subscribed":
			return "die " + about + choose(negated, " nicht abonniert haben", " abonniert haben")
		case "unsubscribed":
			return "die " + about + choose(negated, " nicht abbestellt haben", " abbestellt haben")
		default:
			return choose(negated, "deren Einwilligung zu "+about+" nicht offen ist", "die zu "+about+" gefragt wurden und noch nicht geantwortet haben")
		}
	}
	word := func(v any) string {
		return map[any]string{"subscribed": "abonniert", "unsubscribed": "abbestellt", "pending": "offen"}[v]
	}
	if negated {
		return "deren Einwilligung zu " + about + " weder " + enumerate(states, word, " noch ", " noch %d weitere") + " ist"
	}
	return "deren Einwilligung zu " + about + " " + enumerate(states, word, " oder ", " oder %d weitere") + " ist"
}

func (g german) amount(op string, v any) string {
	if op == "between" || op == "not_between" {
		ends := listOf(v)
		if op == "between" {
			return "zwischen " + g.value(ends[0]) + " und " + g.value(ends[1])
		}
		return "weniger als " + g.value(ends[0]) + " oder mehr als " + g.value(ends[1])
	}
	return map[string]string{"=": "genau ", "!=": "nicht genau ", "<": "weniger als ", "<=": "höchstens ", ">": "mehr als ", ">=": "mindestens "}[op] + g.value(v)
}

// ordered is the number of orders.
func (g german) ordered(l wireLeaf, op string, negated bool) string {
	op = numeric(op, negated)
	number := fmt.Sprint(l.Value)
	noun := choose(number == "1", "Bestellung", "Bestellungen")
	switch {
	case number == "0" && (op == "=" || op == "<="):
		noun = "keine Bestellung"
	case number == "0" && (op == "!=" || op == ">"), number == "1" && op == ">=":
		noun = "eine Bestellung"
	default:
		noun = g.amount(op, l.Value) + " " + noun
	}
	return trimmed("die", g.window(l), noun+g.currency(l, " in "), "aufgegeben haben")
}

// order is when the first or last order was placed.
func (g german) order(l wireLeaf, last bool, op string, negated bool) string {
	if op == "null" {
		return trimmed("die", g.window(l), choose(negated, "eine Bestellung", "keine Bestellung")+g.currency(l, " in "), "aufgegeben haben")
	}
	subject := "deren " + choose(last, "letzte", "erste") + " Bestellung" + g.currency(l, " in ")
	if negated {
		return trimmed(subject, g.window(l), "nicht", g.when(op, l.Value), "war (oder die keine haben)")
	}
	return trimmed(subject, g.window(l), g.when(op, l.Value), "war")
}

// when says how a time compares, before its verb.
func (g german) when(op string, v any) string {
	if op == "between" {
		ends := listOf(v)
		return "zwischen " + g.moment(ends[0]) + " und " + g.moment(ends[1])
	}
	if ago, ok := daysOf(v); ok {
		if ago == 0 {
			return map[string]string{"=": "genau jetzt", "<": "vor diesem Moment", "<=": "bis jetzt", ">": "nach diesem Moment", ">=": "ab jetzt"}[op]
		}
		word := map[string]string{"=": "genau ", "<": "mehr als ", "<=": "mindestens ", ">": "weniger als ", ">=": "höchstens "}[op]
		return "vor " + word + strings.TrimPrefix(g.days(ago), "vor ")
	}
	if _, isDay := moment(v); isDay {
		return map[string]string{"=": "am ", "<": "vor dem ", "<=": "spätestens am ", ">": "nach dem ", ">=": "frühestens am "}[op] + strings.TrimPrefix(g.moment(v), "dem ")
	}
	return map[string]string{"=": "am ", "<": "vor dem ", "<=": "spätestens am ", ">": "nach dem ", ">=": "frühestens am "}[op] + strings.TrimPrefix(g.moment(v), "dem ")
}

// moment is a time in the dative: "dem 9. Dezember 2011".
func (g german) moment(v any) string {
	if ago, ok := daysOf(v); ok {
		if ago == 0 {
			return "jetzt"
		}
		return "dem Moment " + g.days(ago)
	}
	t, isDay := moment(v)
	day := fmt.Sprintf("dem %d. %s %d", t.Day(), germanMonths[t.Month()], t.Year())
	if isDay {
		return day
	}
	return day + ", " + clock(t) + " Uhr UTC"
}

// bought is what was bought, and in how many orders.
func (g german) bought(l wireLeaf, category, negated bool) string {
	if times := several(l.Times); times > 0 {
		in := fmt.Sprintf(choose(negated, "in weniger als %d Bestellungen", "in mindestens %d Bestellungen"), times)
		return trimmed("die", g.window(l), in, g.goods(l, category, 0, false), "gekauft haben")
	}
	return trimmed("die", g.window(l), g.goods(l, category, 0, negated), "gekauft haben")
}

// goods names products or categories, or none of them, and how many pieces.
func (g german) goods(l wireLeaf, category bool, pieces int, none bool) string {
	wares := g.wares(l, category, " oder ")
	switch {
	case pieces > 0:
		return choose(none, "weniger als ", "mindestens ") + fmt.Sprint(pieces) + choose(category, " Stück aus ", " Stück von ") + wares
	case category:
		return choose(none, "nichts aus ", "etwas aus ") + wares
	case !none:
		return wares
	case len(listOf(l.Value)) == 1:
		return wares + " nicht"
	default:
		return "weder " + g.wares(l, category, " noch ")
	}
}

func (g german) wares(l wireLeaf, category bool, last string) string {
	return enumerate(listOf(l.Value), func(v any) string {
		if name := g.names[fmt.Sprint(v)]; name != "" && !category {
			v = name
		}
		return g.value(v)
	}, last, last+"%d weitere")
}

func (german) currency(l wireLeaf, before string) string {
	if l.Currency == nil {
		return ""
	}
	return before + fmt.Sprint(l.Currency)
}

func (g german) window(l wireLeaf) string {
	out := ""
	switch {
	case l.WithinDays == 1:
		out = "am letzten Tag"
	case l.WithinDays != nil:
		out = fmt.Sprintf("in den letzten %v Tagen", l.WithinDays)
	case l.From == fromTrigger:
		out = "seit dem Auslöser"
	case l.From != nil && l.To != nil && g.moment(l.From) != "jetzt":
		out = "vom " + strings.TrimPrefix(g.moment(l.From), "dem ")
	case l.From != nil:
		out = "seit " + g.moment(l.From)
	}
	if l.To != nil {
		out = trimmed(out, "bis "+strings.Replace(g.moment(l.To), "dem ", "zum ", 1))
	}
	return out
}

func (g german) list(v any, last string) string {
	return enumerate(listOf(v), g.value, last, last+"%d weitere")
}

func (g german) value(v any) string {
	if ago, ok := daysOf(v); ok {
		if ago == 0 {
			return "heute"
		}
		return "der Tag " + g.days(ago)
	}
	switch v := v.(type) {
	case string:
		return g.quote(v)
	case bool:
		return choose(v, "wahr", "falsch")
	case json.Number:
		return strings.Replace(v.String(), ".", ",", 1)
	}
	return fmt.Sprint(v)
}

func (german) quote(s string) string { return "„" + oneLine(clip(s)) + "“" }

var germanMonths = [...]string{time.January: "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
