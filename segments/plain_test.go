package segments

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"posthorn/internal/pgtest"
)

// TestSentences lists every field, operator and option in both languages, and fails
// for one that is new and not in it.
func TestSentences(t *testing.T) {
	t.Parallel()
	tests := []struct{ leaf, english, german string }{
		{`"country","operator":"=","value":"Iceland"`,
			`whose country is “Iceland”`,
			`deren Land „Iceland“ ist`},
		{`"country","operator":"!=","value":"Iceland"`,
			`whose country is not “Iceland” (or unknown)`,
			`deren Land nicht „Iceland“ ist (oder unbekannt)`},
		{`"country","operator":"<","value":"m"`,
			`whose country is before “m”`,
			`deren Land vor „m“ liegt`},
		{`"country","operator":"<=","value":"m"`,
			`whose country is at or before “m”`,
			`deren Land bei oder vor „m“ liegt`},
		{`"country","operator":">","value":"m"`,
			`whose country is after “m”`,
			`deren Land nach „m“ liegt`},
		{`"country","operator":">=","value":"m"`,
			`whose country is at or after “m”`,
			`deren Land bei oder nach „m“ liegt`},
		{`"country","operator":"between","value":["a","m"]`,
			`whose country is between “a” and “m”`,
			`deren Land zwischen „a“ und „m“ liegt`},
		{`"country","operator":"not_between","value":["a","m"]`,
			`whose country is not between “a” and “m” (or unknown)`,
			`deren Land nicht zwischen „a“ und „m“ liegt (oder unbekannt)`},
		{`"country","operator":"in","value":["Iceland","Norway"]`,
			`whose country is “Iceland” or “Norway”`,
			`deren Land „Iceland“ oder „Norway“ ist`},
		{`"country","operator":"not_in","value":["Iceland","Norway"]`,
			`whose country is neither “Iceland” nor “Norway” (or unknown)`,
			`deren Land weder „Iceland“ noch „Norway“ ist (oder unbekannt)`},
		{`"country","operator":"contains","value":"land"`,
			`whose country contains “land”`,
			`deren Land „land“ enthält`},
		{`"country","operator":"does_not_contain","value":"land"`,
			`whose country does not contain “land” (or unknown)`,
			`deren Land „land“ nicht enthält (oder unbekannt)`},
		{`"country","operator":"begins_with","value":"ice"`,
			`whose country begins with “ice”`,
			`deren Land mit „ice“ beginnt`},
		{`"country","operator":"does_not_begin_with","value":"ice"`,
			`whose country does not begin with “ice” (or unknown)`,
			`deren Land nicht mit „ice“ beginnt (oder unbekannt)`},
		{`"country","operator":"ends_with","value":"land"`,
			`whose country ends with “land”`,
			`deren Land auf „land“ endet`},
		{`"country","operator":"does_not_end_with","value":"land"`,
			`whose country does not end with “land” (or unknown)`,
			`deren Land nicht auf „land“ endet (oder unbekannt)`},
		{`"country","operator":"null"`,
			`whose country is unknown`,
			`deren Land unbekannt ist`},
		{`"country","operator":"not_null"`,
			`whose country is known`,
			`deren Land bekannt ist`},
		{`"external_id","operator":"=","value":"a"`,
			`whose id is “a”`,
			`deren ID „a“ ist`},
		{`"email","operator":"ends_with","value":".is"`,
			`whose email address ends with “.is”`,
			`deren E-Mail-Adresse auf „.is“ endet`},
		{`"first_name","operator":"=","value":"O\"Hara\n"`,
			`whose first name is “O"Hara ”`,
			`deren Vorname „O"Hara “ ist`},
		{`"last_name","operator":"null"`,
			`whose last name is unknown`,
			`deren Nachname unbekannt ist`},
		{`"phone","operator":"not_null"`,
			`whose phone number is known`,
			`deren Telefonnummer bekannt ist`},
		{`"language","operator":"=","value":"is"`,
			`whose language is “is”`,
			`deren Sprache „is“ ist`},
		{`"timezone","operator":"=","value":"Atlantic/Reykjavik"`,
			`whose time zone is “Atlantic/Reykjavik”`,
			`deren Zeitzone „Atlantic/Reykjavik“ ist`},
		{`"created_at","operator":"=","value":"2011-12-09"`,
			`who became contacts on 9 December 2011`,
			`die am 9. Dezember 2011 Kontakt wurden`},
		{`"created_at","operator":"!=","value":"2011-12-09"`,
			`who did not become contacts on 9 December 2011`,
			`die nicht am 9. Dezember 2011 Kontakt wurden`},
		{`"created_at","operator":"<","value":"2011-12-09"`,
			`who became contacts before 9 December 2011`,
			`die vor dem 9. Dezember 2011 Kontakt wurden`},
		{`"created_at","operator":"<=","value":"2011-12-09"`,
			`who became contacts on or before 9 December 2011`,
			`die spätestens am 9. Dezember 2011 Kontakt wurden`},
		{`"created_at","operator":">","value":"2011-12-09T10:00:00Z"`,
			`who became contacts after 9 December 2011, 10:00 UTC`,
			`die nach dem 9. Dezember 2011, 10:00 Uhr UTC Kontakt wurden`},
		{`"created_at","operator":">=","value":"2011-12-09T10:00:00Z"`,
			`who became contacts at or after 9 December 2011, 10:00 UTC`,
			`die frühestens am 9. Dezember 2011, 10:00 Uhr UTC Kontakt wurden`},
		{`"created_at","operator":"between","value":[{"days_ago":30},{"days_ago":0}]`,
			`who became contacts between 30 days ago and now`,
			`die zwischen dem Moment vor 30 Tagen und jetzt Kontakt wurden`},
		{`"created_at","operator":"not_between","value":["2011-12-01",{"days_ago":1}]`,
			`who did not become contacts between 1 December 2011 and 1 day ago`,
			`die nicht zwischen dem 1. Dezember 2011 und dem Moment vor 1 Tag Kontakt wurden`},
		{`"attributes.tier","operator":"=","value":"gold"`,
			`whose attribute “tier” is “gold”`,
			`deren Attribut „tier“ „gold“ ist`},
		{`"attributes.tier","operator":"=","value":true`,
			`whose attribute “tier” is true`,
			`deren Attribut „tier“ wahr ist`},
		{`"attributes.tier","operator":">=","value":2.50`,
			`whose attribute “tier” is at least 2.5`,
			`deren Attribut „tier“ mindestens 2,5 ist`},
		{`"attributes.tier","operator":"not_in","value":[1,2]`,
			`whose attribute “tier” is neither 1 nor 2 (or unknown)`,
			`deren Attribut „tier“ weder 1 noch 2 ist (oder unbekannt)`},
		{`"attributes.tier","operator":"=","value":{"days_ago":0}`,
			`whose attribute “tier” is today`,
			`deren Attribut „tier“ auf heute fällt`},
		{`"attributes.tier","operator":"<=","value":{"days_ahead":14}`,
			`whose attribute “tier” is at or before 14 days from now`,
			`deren Attribut „tier“ an oder vor dem Tag in 14 Tagen liegt`},
		{`"attributes.tier","operator":"between","value":[{"days_ago":0},{"days_ahead":1}]`,
			`whose attribute “tier” is between today and 1 day from now`,
			`deren Attribut „tier“ zwischen heute und dem Tag in 1 Tag liegt`},
		{`"attributes.tier","operator":"not_null"`,
			`whose attribute “tier” is known`,
			`deren Attribut „tier“ bekannt ist`},
		{`"consent.news","operator":"=","value":"subscribed"`,
			`who are subscribed to “news”`,
			`die „news“ abonniert haben`},
		{`"consent.news","operator":"null"`,
			`who were never asked about “news”`,
			`die nie zu „news“ gefragt wurden`},
		{`"orders.count","operator":"=","value":0,"within_days":7`,
			`who placed no order in the last 7 days`,
			`die in den letzten 7 Tagen keine Bestellung aufgegeben haben`},
		{`"orders.count","operator":"!=","value":1,"within_days":1`,
			`who placed any number of orders but 1 in the last day`,
			`die am letzten Tag nicht genau 1 Bestellung aufgegeben haben`},
		{`"orders.count","operator":"<","value":2`,
			`who placed fewer than 2 orders`,
			`die weniger als 2 Bestellungen aufgegeben haben`},
		{`"orders.count","operator":"<=","value":2`,
			`who placed at most 2 orders`,
			`die höchstens 2 Bestellungen aufgegeben haben`},
		{`"orders.count","operator":">","value":2`,
			`who placed more than 2 orders`,
			`die mehr als 2 Bestellungen aufgegeben haben`},
		{`"orders.count","operator":">=","value":2,"from":"trigger"`,
			`who placed at least 2 orders since the trigger`,
			`die seit dem Auslöser mindestens 2 Bestellungen aufgegeben haben`},
		{`"orders.count","operator":"between","value":[1,2],"from":"2011-09-01","to":"2011-12-09"`,
			`who placed between 1 and 2 orders from 1 September 2011 to 9 December 2011`,
			`die vom 1. September 2011 bis zum 9. Dezember 2011 zwischen 1 und 2 Bestellungen aufgegeben haben`},
		{`"orders.count","operator":"not_between","value":[1,2],"to":{"days_ago":30}`,
			`who placed fewer than 1 or more than 2 orders until 30 days ago`,
			`die bis zum Moment vor 30 Tagen weniger als 1 oder mehr als 2 Bestellungen aufgegeben haben`},
		{`"orders.sum","operator":">","value":500,"currency":"EUR","from":"trigger"`,
			`who spent more than 500 EUR since the trigger`,
			`die seit dem Auslöser mehr als 500 EUR ausgegeben haben`},
		{`"orders.first","operator":"=","value":"2011-12-09"`,
			`whose first order was placed on 9 December 2011`,
			`deren erste Bestellung am 9. Dezember 2011 war`},
		{`"orders.first","operator":"null","from":"trigger"`,
			`who placed no order since the trigger`,
			`die seit dem Auslöser keine Bestellung aufgegeben haben`},
		{`"orders.last","operator":"<","value":{"days_ago":90},"currency":"GBP"`,
			`whose last order in GBP was placed more than 90 days ago`,
			`deren letzte Bestellung in GBP vor mehr als 90 Tagen war`},
		{`"orders.last","operator":"not_between","value":["2011-01-01","2011-01-31"]`,
			`whose last order was not placed between 1 January 2011 and 31 January 2011 (or who have none)`,
			`deren letzte Bestellung nicht zwischen dem 1. Januar 2011 und dem 31. Januar 2011 war (oder die keine haben)`},
		{`"orders.last","operator":"not_null"`,
			`who placed an order`,
			`die eine Bestellung aufgegeben haben`},
		{`"bought.product","operator":"bought","value":"A1"`,
			`who bought “Hand grinder”`,
			`die „Hand grinder“ gekauft haben`},
		{`"bought.product","operator":"bought","value":["A1","B2"],"times":2`,
			`who bought “Hand grinder” or “B2” in at least 2 orders`,
			`die in mindestens 2 Bestellungen „Hand grinder“ oder „B2“ gekauft haben`},
		{`"bought.category","operator":"bought","value":"coffee","times":1`,
			`who bought something from “coffee”`,
			`die etwas aus „coffee“ gekauft haben`},
		{`"bought.category","operator":"not_bought","value":["grinders","mills"],"from":"trigger"`,
			`who bought nothing from “grinders” or “mills” since the trigger`,
			`die seit dem Auslöser nichts aus „grinders“ oder „mills“ gekauft haben`},
		{`"event.left cart","operator":"did","times":2,"within_days":7`,
			`who did “left cart” at least 2 times in the last 7 days`,
			`bei denen „left cart“ in den letzten 7 Tagen mindestens 2-mal vorkam`},
		{`"event.left cart","operator":"did_not"`,
			`who did not do “left cart”`,
			`bei denen „left cart“ nicht vorkam`},
		{`"order.total","operator":">","value":50`,
			`whose triggering order's total is more than 50`,
			`bei denen der Betrag der auslösenden Bestellung größer als 50 ist`},
		{`"order.quantity","operator":"<=","value":3`,
			`whose triggering order's number of pieces is at most 3`,
			`bei denen die Stückzahl der auslösenden Bestellung höchstens 3 ist`},
		{`"order.number","operator":"=","value":1`,
			`whose triggering order's place among their orders is 1`,
			`bei denen die laufende Nummer der auslösenden Bestellung 1 ist`},
		{`"order.currency","operator":"!=","value":"EUR"`,
			`whose triggering order's currency is not “EUR” (or unknown)`,
			`bei denen die Währung der auslösenden Bestellung nicht „EUR“ ist (oder unbekannt)`},
		{`"order.status","operator":"in","value":["placed","paid"]`,
			`whose triggering order's status is “placed” or “paid”`,
			`bei denen der Status der auslösenden Bestellung „aufgegeben“ oder „bezahlt“ ist`},
		{`"order.product","operator":"bought","value":"A1"`,
			`whose triggering order holds “Hand grinder”`,
			`deren auslösende Bestellung „Hand grinder“ enthält`},
		{`"order.product","operator":"not_bought","value":["A1","B2"],"quantity":3`,
			`whose triggering order holds fewer than 3 pieces of “Hand grinder” or “B2”`,
			`deren auslösende Bestellung weniger als 3 Stück von „Hand grinder“ oder „B2“ enthält`},
		{`"order.category","operator":"bought","value":"coffee","quantity":2`,
			`whose triggering order holds at least 2 pieces from “coffee”`,
			`deren auslösende Bestellung mindestens 2 Stück aus „coffee“ enthält`},
		{`"order.category","operator":"not_bought","value":["coffee","tea"]`,
			`whose triggering order holds nothing from “coffee” or “tea”`,
			`deren auslösende Bestellung nichts aus „coffee“ oder „tea“ enthält`},
		{`"properties.value","operator":"<","value":20`,
			`whose triggering event's “value” is less than 20`,
			`bei denen „value“ des auslösenden Ereignisses kleiner als 20 ist`},
		{`"bought.product","operator":"bought","value":["1","2","3","4","5","6","7"]`,
			`who bought “1”, “2”, “3”, “4”, “5” or 2 more`,
			`die „1“, „2“, „3“, „4“, „5“ oder 2 weitere gekauft haben`},
		{`"consent.news","operator":"!=","value":"subscribed"`,
			`who are not subscribed to “news”`,
			`die „news“ nicht abonniert haben`},
		{`"consent.news","operator":"=","value":"pending"`,
			`who were asked about “news” and have not answered yet`,
			`die zu „news“ gefragt wurden und noch nicht geantwortet haben`},
		{`"consent.news","operator":"!=","value":"pending"`,
			`whose consent to “news” is not pending`,
			`deren Einwilligung zu „news“ nicht offen ist`},
		{`"consent.news","operator":"=","value":"unsubscribed"`,
			`who unsubscribed from “news”`,
			`die „news“ abbestellt haben`},
		{`"consent.news","operator":"!=","value":"unsubscribed"`,
			`who have not unsubscribed from “news”`,
			`die „news“ nicht abbestellt haben`},
		{`"consent.news","operator":"in","value":["pending","subscribed"]`,
			`whose consent to “news” is pending or subscribed`,
			`deren Einwilligung zu „news“ offen oder abonniert ist`},
		{`"consent.news","operator":"not_in","value":["pending","subscribed"]`,
			`whose consent to “news” is neither pending nor subscribed`,
			`deren Einwilligung zu „news“ weder offen noch abonniert ist`},
		{`"consent.news","operator":"not_null"`,
			`who were asked about “news”`,
			`die schon einmal zu „news“ gefragt wurden`},
		{`"orders.count","operator":">","value":0`,
			`who placed an order`,
			`die eine Bestellung aufgegeben haben`},
		{`"orders.count","operator":"!=","value":0,"currency":"EUR"`,
			`who placed an order in EUR`,
			`die eine Bestellung in EUR aufgegeben haben`},
		{`"orders.count","operator":">=","value":1,"from":{"days_ago":3}`,
			`who placed an order since 3 days ago`,
			`die seit dem Moment vor 3 Tagen eine Bestellung aufgegeben haben`},
		{`"orders.sum","operator":"not_between","value":[1.5,20]`,
			`who spent less than 1.5 or more than 20`,
			`die weniger als 1,5 oder mehr als 20 ausgegeben haben`},
		{`"orders.sum","operator":"!=","value":3`,
			`who spent anything but 3`,
			`die nicht genau 3 ausgegeben haben`},
		{`"orders.last","operator":">=","value":{"days_ago":30}`,
			`whose last order was placed at most 30 days ago`,
			`deren letzte Bestellung vor höchstens 30 Tagen war`},
		{`"orders.last","operator":"!=","value":{"days_ago":1}`,
			`whose last order was not placed exactly 1 day ago (or who have none)`,
			`deren letzte Bestellung nicht vor genau 1 Tag war (oder die keine haben)`},
		{`"orders.last","operator":"<","value":{"days_ago":0}`,
			`whose last order was placed before now`,
			`deren letzte Bestellung vor diesem Moment war`},
		{`"bought.product","operator":"not_bought","value":"A1"`,
			`who have not bought “Hand grinder”`,
			`die „Hand grinder“ nicht gekauft haben`},
		{`"bought.product","operator":"not_bought","value":["A1","B2"]`,
			`who bought neither “Hand grinder” nor “B2”`,
			`die weder „Hand grinder“ noch „B2“ gekauft haben`},
		{`"bought.product","operator":"not_bought","value":["A1","B2"],"times":3`,
			`who bought “Hand grinder” or “B2” in fewer than 3 orders`,
			`die in weniger als 3 Bestellungen „Hand grinder“ oder „B2“ gekauft haben`},
		{`"bought.category","operator":"not_bought","value":"coffee","within_days":30`,
			`who bought nothing from “coffee” in the last 30 days`,
			`die in den letzten 30 Tagen nichts aus „coffee“ gekauft haben`},
		{`"event.left cart","operator":"did"`,
			`who did “left cart”`,
			`bei denen „left cart“ vorkam`},
		{`"event.left cart","operator":"did_not","times":3`,
			`who did “left cart” fewer than 3 times`,
			`bei denen „left cart“ weniger als 3-mal vorkam`},
		{`"order.product","operator":"not_bought","value":"A1"`,
			`whose triggering order holds no “Hand grinder”`,
			`deren auslösende Bestellung „Hand grinder“ nicht enthält`},
		{`"order.product","operator":"not_bought","value":["A1","B2"]`,
			`whose triggering order holds neither “Hand grinder” nor “B2”`,
			`deren auslösende Bestellung weder „Hand grinder“ noch „B2“ enthält`},
		{`"order.category","operator":"not_bought","value":["coffee","tea"],"quantity":4`,
			`whose triggering order holds fewer than 4 pieces from “coffee” or “tea”`,
			`deren auslösende Bestellung weniger als 4 Stück aus „coffee“ oder „tea“ enthält`},
		{`"attributes.tier","operator":"not_in","value":["gold"]`,
			`whose attribute “tier” is not “gold” (or unknown)`,
			`deren Attribut „tier“ nicht „gold“ ist (oder unbekannt)`},
		{`"attributes.tier","operator":"!=","value":false`,
			`whose attribute “tier” is not false (or unknown)`,
			`deren Attribut „tier“ nicht falsch ist (oder unbekannt)`},
		{`"attributes.tier","operator":">","value":{"days_ago":0}`,
			`whose attribute “tier” is after today`,
			`deren Attribut „tier“ nach heute liegt`},
		{`"created_at","operator":"=","value":"2011-12-09T10:00:01.5Z"`,
			`who became contacts at 9 December 2011, 10:00:01.5 UTC`,
			`die am 9. Dezember 2011, 10:00:01.5 Uhr UTC Kontakt wurden`},
	}
	leaves := make([]string, len(tests))
	for i, test := range tests {
		got := mustParseTriggered(t, `{"field":`+test.leaf+`}`, scopeOf(test.leaf)).Sentences(map[string]string{"A1": "Hand grinder"})
		if want := (Sentences{"Contacts " + test.english + ".", "Kontakte, " + test.german + "."}); got != want {
			t.Errorf("%s:\n got %s\nwant %s", test.leaf, got, want)
		}
		leaves[i] = test.leaf
	}
	everyWord(t, leaves)
}

func TestSentencesOfGroups(t *testing.T) {
	t.Parallel()
	const (
		coffee  = `{"field":"bought.category","operator":"bought","value":"coffee"}`
		norway  = `{"field":"country","operator":"=","value":"Norway"}`
		iceland = `{"field":"country","operator":"!=","value":"Iceland"}`
		many    = `{"field":"orders.count","operator":">","value":3}`
	)
	and := func(rules ...string) string { return `{"combinator":"and","rules":[` + strings.Join(rules, ",") + `]}` }
	or := func(rules ...string) string { return `{"combinator":"or","rules":[` + strings.Join(rules, ",") + `]}` }
	not := func(group string) string { return strings.Replace(group, "{", `{"not":true,`, 1) }
	for _, test := range []struct{ raw, english, german string }{
		{and(), "All contacts.", "Alle Kontakte."},
		{and(and(or(norway))), "Contacts whose country is “Norway”.", "Kontakte, deren Land „Norway“ ist."},
		{and(norway, coffee), "Contacts whose country is “Norway” and who bought something from “coffee”.", "Kontakte, deren Land „Norway“ ist und die etwas aus „coffee“ gekauft haben."},
		{and(norway, and(coffee, many)), "Contacts whose country is “Norway”, who bought something from “coffee” and who placed more than 3 orders.",
			"Kontakte, deren Land „Norway“ ist, die etwas aus „coffee“ gekauft haben und die mehr als 3 Bestellungen aufgegeben haben."},
		{and(norway, or(coffee, many)), "Contacts whose country is “Norway” and (who bought something from “coffee” or who placed more than 3 orders).",
			"Kontakte, deren Land „Norway“ ist und (die etwas aus „coffee“ gekauft haben oder die mehr als 3 Bestellungen aufgegeben haben)."},
		{and(norway, or(or(coffee, many))), "Contacts whose country is “Norway” and (who bought something from “coffee” or who placed more than 3 orders).",
			"Kontakte, deren Land „Norway“ ist und (die etwas aus „coffee“ gekauft haben oder die mehr als 3 Bestellungen aufgegeben haben)."},
		// The opposite of a group is the opposites of what is in it.
		{not(and(norway)), "Contacts whose country is not “Norway” (or unknown).", "Kontakte, deren Land nicht „Norway“ ist (oder unbekannt)."},
		{not(and(iceland)), "Contacts whose country is “Iceland”.", "Kontakte, deren Land „Iceland“ ist."},
		{and(norway, not(or(coffee, many))), "Contacts whose country is “Norway”, who bought nothing from “coffee” and who placed at most 3 orders.",
			"Kontakte, deren Land „Norway“ ist, die nichts aus „coffee“ gekauft haben und die höchstens 3 Bestellungen aufgegeben haben."},
		{or(norway, not(and(coffee, not(or(many))))), "Contacts whose country is “Norway”, who bought nothing from “coffee” or who placed more than 3 orders.",
			"Kontakte, deren Land „Norway“ ist, die nichts aus „coffee“ gekauft haben oder die mehr als 3 Bestellungen aufgegeben haben."},
	} {
		if got := mustParse(t, test.raw).Sentences(nil); got != (Sentences{test.english, test.german}) {
			t.Errorf("%s:\n got %s", test.raw, got)
		}
	}
	if got := (Rule{}).Sentences(nil); got != (Sentences{"All contacts.", "Alle Kontakte."}) {
		t.Errorf("the zero rule: %s", got)
	}
}

// Every rule has a sentence on one line that names each of its conditions, in both
// languages: what the user called things, and what they are compared with.
func TestSentencesNameEveryCondition(t *testing.T) {
	t.Parallel()
	for _, scope := range []Scope{"", ContactScope, OrderScope, EventScope} {
		t.Run("scope "+string(scope), func(t *testing.T) {
			t.Parallel()
			leaf := leafGen
			if scope != "" {
				leaf = triggeredLeafGen(scope)
			}
			rapid.Check(t, func(rt *rapid.T) {
				raw, err := json.Marshal(groupGen(rt, 4, leaf))
				if err != nil {
					rt.Fatal(err)
				}
				rule, err := ParseTriggered(raw, scope)
				if err != nil {
					rt.Fatalf("%s: %v", raw, err)
				}
				s := rule.Sentences(nil)
				for _, text := range []string{s.English, s.German} {
					if strings.ContainsAny(text, "\n\r\t\x00") || strings.Contains(text, "  ") && !strings.Contains(string(raw), "  ") && !strings.Contains(string(raw), `" `) ||
						strings.Contains(text, "<nil>") || strings.Contains(text, "%!") || strings.Contains(text, "map[") || strings.Contains(text, " .") || !strings.HasSuffix(text, ".") {
						rt.Fatalf("%s\n%q", raw, text)
					}
				}
				mentions(rt, rule.root, s)
			})
		})
	}
}

func mentions(rt *rapid.T, n node, s Sentences) {
	if g, ok := n.(*group); ok {
		for _, r := range g.rules {
			mentions(rt, r, s)
		}
		return
	}
	l := n.(*leaf).json
	both := func(v string) {
		if !strings.Contains(s.English, v) || !strings.Contains(s.German, v) {
			rt.Fatalf("%+v: %q is not in\n%s\n%s", l, v, s.English, s.German)
		}
	}
	family, name, _ := strings.Cut(l.Field, ".")
	if _, named := families[family]; named {
		both(oneLine(clip(name)))
	}
	if family == "consent" || family == "order" && name == "status" {
		return // states have words in each language
	}
	for i, v := range listOf(l.Value) {
		if text, ok := v.(string); ok && i < shownValues && !strings.Contains(l.Field, "created_at") && family != "orders" {
			both(oneLine(clip(text)))
		}
	}
	if number, ok := l.Value.(json.Number); ok && l.Field != "orders.count" && !strings.Contains(s.German, strings.Replace(number.String(), ".", ",", 1)) {
		rt.Fatalf("%+v: its number is not in %s", l, s.German)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO products (sku, name, created_at, updated_at) VALUES ('A1', 'Hand grinder', $1, $1), ('B2', '', $1, $1)`, noon); err != nil {
		t.Fatal(err)
	}
	bought := mustParse(t, `{"combinator":"and","rules":[{"field":"bought.product","operator":"bought","value":["A1","B2","C3"]}]}`)
	got, err := Describe(t.Context(), pool, Rule{}, bought)
	if err != nil || len(got) != 2 || got[0].English != "All contacts." || got[1].German != "Kontakte, die „Hand grinder“, „B2“ oder „C3“ gekauft haben." {
		t.Errorf("%v %v", got, err)
	}
}
