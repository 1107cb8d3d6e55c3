package segments

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

// journeyScopes are the scopes with a trigger.
var journeyScopes = []Scope{ContactScope, OrderScope, EventScope}

func mustParseTriggered(t testing.TB, raw string, scope Scope) Rule {
	t.Helper()
	rule, err := ParseTriggered([]byte(raw), scope)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return rule
}

// TestTriggerMeaning says in examples what docs/rules.md says of journeys.
func TestTriggerMeaning(t *testing.T) {
	t.Parallel()
	const moment = "2011-12-01T10:00:00Z"
	order := func(id int64, placed, status string, items ...ItemFact) OrderFact {
		return OrderFact{ID: id, PlacedAt: at(placed), Status: status, Currency: "EUR", Total: 505000, Items: items}
	}
	// ordered is a contact whose journey the first of the orders triggered, when it was placed.
	ordered := func(o ...OrderFact) Facts {
		return Facts{Orders: o, Trigger: &TriggerFact{At: o[0].PlacedAt, Order: &o[0]}}
	}
	happened := func(properties map[string]any, later ...string) Facts {
		f := Facts{Events: []EventFact{{Name: "x", OccurredAt: at(moment)}}}
		for _, s := range later {
			f.Events = append(f.Events, EventFact{Name: "x", OccurredAt: at(s)})
		}
		f.Trigger = &TriggerFact{At: at(moment), Event: &EventFact{Name: "x", OccurredAt: at(moment), Properties: properties}}
		return f
	}
	a, b := ItemFact{SKU: "A1", Category: "Candles", Quantity: 1}, ItemFact{SKU: "B2", Category: "christmas", Quantity: 2}
	returned := ItemFact{SKU: "A1", Category: "Candles", Quantity: -3}
	one := ordered(order(7, moment, "paid", a, b, returned))
	noCurrency := ordered(OrderFact{ID: 7, PlacedAt: at(moment), Status: "paid"})

	tests := []struct {
		name  string
		scope Scope
		leaf  string
		facts Facts
		want  bool
	}{
		{"total is exact", OrderScope, `"order.total","operator":"=","value":50.50`, one, true},
		{"total between", OrderScope, `"order.total","operator":"not_between","value":[50.5,51]`, one, false},
		{"no order has no total", OrderScope, `"order.total","operator":">=","value":0`, Facts{}, false},
		{"nor is it 1", OrderScope, `"order.total","operator":"!=","value":1`, Facts{Trigger: &TriggerFact{}}, true},
		{"quantity leaves out returns", OrderScope, `"order.quantity","operator":"=","value":3`, one, true},
		{"quantity of nothing", OrderScope, `"order.quantity","operator":"=","value":0`, noCurrency, true},
		{"currency in any case", OrderScope, `"order.currency","operator":"=","value":"eur"`, one, true},
		{"no currency", OrderScope, `"order.currency","operator":"null"`, noCurrency, true},
		{"no currency is not EUR", OrderScope, `"order.currency","operator":"not_in","value":["EUR","GBP"]`, noCurrency, true},
		{"a currency", OrderScope, `"order.currency","operator":"not_null"`, one, true},
		{"status", OrderScope, `"order.status","operator":"=","value":"paid"`, one, true},
		{"one status of several", OrderScope, `"order.status","operator":"not_in","value":["cancelled","refunded"]`, one, true},
		{"no order has no status", OrderScope, `"order.status","operator":"in","value":["placed","paid"]`, Facts{}, false},

		{"holds a product", OrderScope, `"order.product","operator":"bought","value":"A1"`, one, true},
		{"by the sku as it is", OrderScope, `"order.product","operator":"bought","value":"a1"`, one, false},
		{"returned only", OrderScope, `"order.product","operator":"not_bought","value":"A1"`, ordered(order(7, moment, "paid", returned)), true},
		{"category in any case", OrderScope, `"order.category","operator":"bought","value":"CHRISTMAS"`, one, true},
		{"pieces", OrderScope, `"order.product","operator":"bought","value":"B2","quantity":2`, one, true},
		{"too few pieces", OrderScope, `"order.product","operator":"bought","value":"B2","quantity":3`, one, false},
		{"too few is not bought", OrderScope, `"order.product","operator":"not_bought","value":"B2","quantity":3`, one, true},
		{"pieces of a list add up", OrderScope, `"order.category","operator":"bought","value":["candles","christmas"],"quantity":3`, one, true},
		{"whatever its status", OrderScope, `"order.product","operator":"bought","value":"A1"`, ordered(order(7, moment, "refunded", a)), true},
		{"another order is not looked at", OrderScope, `"order.product","operator":"bought","value":"B2"`, ordered(order(7, moment, "paid", a), order(6, moment, "paid", b)), false},

		{"the first", OrderScope, `"order.number","operator":"=","value":1`, one, true},
		{"later ones do not count", OrderScope, `"order.number","operator":"=","value":1`, ordered(order(7, moment, "paid"), order(3, "2011-12-02T00:00:00Z", "paid")), true},
		{"earlier ones do", OrderScope, `"order.number","operator":"=","value":3`, ordered(order(7, moment, "placed"), order(9, "2011-11-02T00:00:00Z", "paid"), order(8, "2011-11-03T00:00:00Z", "placed")), true},
		{"cancelled ones do not", OrderScope, `"order.number","operator":"=","value":1`, ordered(order(7, moment, "placed"), order(6, "2011-11-02T00:00:00Z", "cancelled")), true},
		{"at the same moment the id decides", OrderScope, `"order.number","operator":"=","value":2`, ordered(order(7, moment, "paid"), order(6, moment, "paid"), order(8, moment, "paid")), true},
		{"a cancelled one has no number", OrderScope, `"order.number","operator":">=","value":0`, ordered(order(7, moment, "cancelled")), false},
		{"an order that is not among the contact's", OrderScope, `"order.number","operator":"=","value":2`, Facts{
			Orders: []OrderFact{order(6, moment, "paid")}, Trigger: &TriggerFact{Order: &OrderFact{ID: 7, PlacedAt: at(moment), Status: "paid"}},
		}, true},

		{"property text", EventScope, `"properties.x","operator":"begins_with","value":"GO"`, happened(map[string]any{"x": "gold"}), true},
		{"property number", EventScope, `"properties.x","operator":">","value":9`, happened(map[string]any{"x": json.Number("12.5")}), true},
		{"property in a list", EventScope, `"properties.x","operator":"=","value":true`, happened(map[string]any{"x": []any{"no", true}}), true},
		{"property day", EventScope, `"properties.x","operator":"=","value":{"days_ahead":1}`, happened(map[string]any{"x": "2011-12-10T08:00"}), true},
		{"property of several parts", EventScope, `"properties.a.b","operator":"=","value":1`, happened(map[string]any{"a.b": "1"}), true},
		{"no property", EventScope, `"properties.x","operator":"null"`, happened(nil), true},
		{"an attribute is none", EventScope, `"properties.x","operator":"null"`, Facts{Attributes: map[string]any{"x": 1}}, true},
		{"no event", EventScope, `"properties.x","operator":"!=","value":"y"`, Facts{}, true},

		{"since: the trigger does not count", OrderScope, `"bought.product","operator":"bought","value":"A1","from":"trigger"`, one, false},
		{"since: nor where the moment is an earlier one", OrderScope, `"orders.count","operator":"=","value":0,"from":"trigger"`, Facts{
			Orders: one.Orders, Trigger: &TriggerFact{At: at("2011-11-30T00:00:00Z"), Order: &one.Orders[0]},
		}, true},
		{"since: another at that moment does not", OrderScope, `"orders.count","operator":"=","value":0,"from":"trigger"`, ordered(order(7, moment, "paid"), order(8, moment, "paid")), true},
		{"since: a microsecond later does", OrderScope, `"bought.category","operator":"bought","value":"candles","from":"trigger"`, ordered(order(7, moment, "paid"), order(8, "2011-12-01T10:00:00.000001Z", "paid", a)), true},
		{"since: less is the same moment", OrderScope, `"orders.count","operator":"=","value":0,"from":"trigger"`, ordered(order(7, moment, "paid"), order(8, "2011-12-01T10:00:00.000000999Z", "paid")), true},
		{"since: up to a day", OrderScope, `"orders.count","operator":"=","value":1,"from":"trigger","to":"2011-12-02"`, ordered(order(7, moment, "paid"), order(8, "2011-12-02T23:00:00Z", "paid"), order(9, "2011-12-03T00:00:00Z", "paid")), true},
		{"since: sum", OrderScope, `"orders.sum","operator":"=","value":50.5,"from":"trigger","currency":"EUR"`, ordered(order(7, moment, "paid"), order(8, "2011-12-02T00:00:00Z", "paid")), true},
		{"since: first", OrderScope, `"orders.first","operator":"=","value":"2011-12-02","from":"trigger"`, ordered(order(7, moment, "paid"), order(8, "2011-12-02T00:00:00Z", "paid")), true},
		{"since: no last", OrderScope, `"orders.last","operator":"null","from":"trigger"`, one, true},
		{"since: later than as_of", OrderScope, `"orders.count","operator":"=","value":0,"from":"trigger"`, ordered(order(7, moment, "paid"), order(8, "2011-12-09T12:50:00.000001Z", "paid")), true},
		{"since: the event does not count", EventScope, `"event.x","operator":"did","from":"trigger"`, happened(nil), false},
		{"since: its next does", EventScope, `"event.x","operator":"did","from":"trigger"`, happened(nil, "2011-12-02T00:00:00Z"), true},
		{"since: twice", EventScope, `"event.x","operator":"did_not","from":"trigger","times":2`, happened(nil, "2011-12-02T00:00:00Z"), true},
		{"since: a moment alone", ContactScope, `"orders.count","operator":"=","value":1,"from":"trigger"`, Facts{Orders: one.Orders, Trigger: &TriggerFact{At: at("2011-11-30T00:00:00Z")}}, true},
		{"since what did not happen", ContactScope, `"orders.count","operator":">","value":0,"from":"trigger"`, Facts{Orders: one.Orders}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rule := mustParseTriggered(t, `{"field":`+test.leaf+`}`, test.scope)
			if got := rule.Match(test.facts, noon); got != test.want {
				t.Errorf("Match says %v", got)
			}
			var invalid *fault.Invalid
			if _, err := rule.Where(noon, 1); !errors.As(err, &invalid) || !strings.Contains(invalid.Message, "triggered a journey") {
				t.Errorf("Where says %v", err)
			}
		})
	}
}

// TestTriggerAsOf: a journey is asked about its past as it was then.
func TestTriggerAsOf(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	trigger := OrderFact{ID: 3, PlacedAt: day(0), Status: "paid"}
	f := Facts{
		Orders:  []OrderFact{{ID: 2, PlacedAt: day(-2), Status: "paid"}, {ID: 1, PlacedAt: day(-1), Status: "paid"}, trigger, {ID: 4, PlacedAt: day(1), Status: "paid"}},
		Trigger: &TriggerFact{At: day(0), Order: &trigger},
	}
	bought := mustParseTriggered(t, `{"field":"orders.count","operator":">","value":0,"from":"trigger"}`, OrderScope)
	third := mustParseTriggered(t, `{"field":"order.number","operator":"=","value":3}`, OrderScope)
	second := mustParseTriggered(t, `{"field":"order.number","operator":"=","value":2}`, OrderScope)
	for _, test := range []struct {
		asOf                  time.Time
		bought, second, third bool
	}{
		{day(-2), false, true, false}, // as if the order of the day after were not there
		{day(-1), false, false, true},
		{day(0), false, false, true},
		{day(1).Add(-time.Microsecond), false, false, true},
		{day(1), true, false, true},
		{day(9), true, false, true},
	} {
		if b, s, h := bought.Match(f, test.asOf), second.Match(f, test.asOf), third.Match(f, test.asOf); b != test.bought || s != test.second || h != test.third {
			t.Errorf("as of %s: bought since %v, second %v, third %v", test.asOf, b, s, h)
		}
	}
}

func TestParseTriggeredRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, raw string
		scope     Scope
		field     string
		messages  []string
	}{
		{"an order in a segment", inAnd(`{"field":"order.total","operator":">","value":1}`), "", "rule.rules[0].field", []string{"only in a journey triggered by an order", "orders.count"}},
		{"an event in a segment", `{"field":"properties.x","operator":"null"}`, "", "rule.field", []string{"only in a journey triggered by an event"}},
		{"an order without one", `{"field":"order.number","operator":"=","value":1}`, ContactScope, "rule.field", []string{"triggered by an order", "known here are country, "}},
		{"an order in an event's", `{"field":"order.product","operator":"bought","value":"x"}`, EventScope, "rule.field", []string{"triggered by an order", "properties.NAME"}},
		{"an event in an order's", `{"field":"properties.x","operator":"null"}`, OrderScope, "rule.field", []string{"triggered by an event", "order.category, order.currency"}},
		{"an unknown field", `{"field":"order.weight","operator":"=","value":1}`, OrderScope, "rule.field", []string{`"order.weight" is not a field`, "order.total"}},
		{"since the trigger in a segment", inAnd(`{"field":"event.x","operator":"did","from":"trigger"}`), "", "rule.rules[0].from", []string{`"trigger" is known only in a journey`}},
		{"until the trigger", `{"field":"event.x","operator":"did","to":"trigger"}`, OrderScope, "rule.to", []string{"is not a date"}},
		{"another case", `{"field":"event.x","operator":"did","from":"Trigger"}`, OrderScope, "rule.from", []string{"is not a date"}},
		{"a time of trigger", `{"field":"orders.last","operator":">","value":"trigger"}`, OrderScope, "rule.value", []string{"is not a date"}},
		{"within days since", `{"field":"event.x","operator":"did","within_days":7,"from":"trigger"}`, ContactScope, "rule.within_days", []string{"together"}},
		{"window of the trigger", `{"field":"order.total","operator":"=","value":1,"from":"trigger"}`, OrderScope, "rule.from", []string{"means nothing here"}},
		{"half a piece", `{"field":"order.quantity","operator":"=","value":1.5}`, OrderScope, "rule.value", []string{"whole number"}},
		{"half a number", `{"field":"order.number","operator":"=","value":1.5}`, OrderScope, "rule.value", []string{"whole number"}},
		{"total as a text", `{"field":"order.total","operator":"=","value":"1"}`, OrderScope, "rule.value", []string{"is not a number"}},
		{"no total", `{"field":"order.total","operator":"null"}`, OrderScope, "rule.operator", []string{"is not an operator of order.total"}},
		{"misspelt status", `{"field":"order.status","operator":"=","value":"payed"}`, OrderScope, "rule.value", []string{`"placed", "paid", "cancelled", "refunded"`}},
		{"part of a status", `{"field":"order.status","operator":"contains","value":"pa"}`, OrderScope, "rule.operator", []string{"is not an operator"}},
		{"currency of another kind", `{"field":"order.currency","operator":"=","value":7}`, OrderScope, "rule.value", []string{"is not a text"}},
		{"null with a value", `{"field":"order.currency","operator":"null","value":"EUR"}`, OrderScope, "rule.value", []string{"must not be given"}},
		{"nothing bought", `{"field":"order.category","operator":"bought","value":[]}`, OrderScope, "rule.value", []string{"empty list"}},
		{"no pieces", `{"field":"order.product","operator":"bought","value":"x","quantity":0}`, OrderScope, "rule.quantity", []string{"between 1 and 1000000"}},
		{"times of one order", `{"field":"order.product","operator":"bought","value":"x","times":2}`, OrderScope, "rule.times", []string{"means nothing here", `"quantity"`}},
		{"pieces of all orders", `{"field":"bought.product","operator":"bought","value":"x","quantity":2}`, OrderScope, "rule.quantity", []string{"means nothing here"}},
		{"no name of a property", `{"field":"properties.","operator":"null"}`, EventScope, "rule.field", []string{"names nothing"}},
		{"property of another type", `{"field":"properties.x","operator":"contains","value":1}`, EventScope, "rule.operator", []string{"does not compare with a number"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseTriggered([]byte(test.raw), test.scope)
			var invalid *fault.Invalid
			if !errors.As(err, &invalid) || invalid.Field != test.field {
				t.Fatalf("got %v, want a single fault.Invalid of %s", err, test.field)
			}
			for _, m := range test.messages {
				if !strings.Contains(invalid.Message, m) {
					t.Errorf("%q does not say %q", invalid.Message, m)
				}
			}
		})
	}
}

// TestWhereRefusesPart: the rest of a rule is not compiled without the part that
// asks about a trigger.
func TestWhereRefusesPart(t *testing.T) {
	t.Parallel()
	const plain = `{"field":"country","operator":"null"}`
	rule := mustParseTriggered(t, inAnd(plain, `{"combinator":"or","not":true,"rules":[`+plain+`,{"field":"order.total","operator":">","value":1}]}`), OrderScope)
	if q, err := rule.Where(noon, 1); err == nil || q.SQL != "" {
		t.Errorf("got %q, %v", q.SQL, err)
	}
	if _, err := mustParseTriggered(t, plain, OrderScope).Where(noon, 1); err != nil {
		t.Errorf("a rule of a journey that asks nothing about it: %v", err)
	}
}

// triggeredLeafGen is a leaf of a journey's rule.
func triggeredLeafGen(scope Scope) func(*rapid.T) map[string]any {
	return func(rt *rapid.T) map[string]any {
		if scope == ContactScope || rapid.Bool().Draw(rt, "of the contact") {
			leaf := leafGen(rt)
			family, _, _ := strings.Cut(leaf["field"].(string), ".")
			if slices.Contains([]string{"orders", "bought", "event"}, family) && rapid.Bool().Draw(rt, "since") {
				delete(leaf, "within_days")
				leaf["from"] = fromTrigger
			}
			return leaf
		}
		leaf := map[string]any{}
		if scope == EventScope {
			leaf["field"] = "properties." + rapid.SampledFrom(someKeys).Draw(rt, "key")
			attributeValue(rt, leaf)
			return leaf
		}
		name := rapid.SampledFrom([]string{"order.total", "order.quantity", "order.number", "order.currency", "order.status", "order.product", "order.category"}).Draw(rt, "field")
		leaf["field"] = name
		switch op := operatorOf(rt, leaf, fields[name].operators); name {
		case "order.total":
			numberValue(rt, leaf, op, []string{"0", "2.55", "5.1", "10"})
		case "order.quantity", "order.number":
			numberValue(rt, leaf, op, []string{"0", "1", "2", "3"})
		case "order.currency":
			textValue(rt, leaf, op)
		case "order.status":
			if leaf["value"] = rapid.SampledFrom(orderStatuses).Draw(rt, "value"); op == "in" {
				leaf["value"] = []any{leaf["value"], "paid"}
			}
		default:
			if leaf["value"] = rapid.SampledFrom(append(slices.Clone(someSKUs), "candles")).Draw(rt, "value"); rapid.Bool().Draw(rt, "list") {
				leaf["value"] = []any{leaf["value"], "christmas"}
			}
			if n := rapid.IntRange(0, 3).Draw(rt, "quantity"); n > 0 {
				leaf["quantity"] = n
			}
		}
		return leaf
	}
}

// someTriggered are contacts, some of whom were on a journey.
func someTriggered(seed uint64, n int) []Facts {
	r := rand.New(rand.NewPCG(seed, 5))
	out := make([]Facts, n)
	for i := range out {
		f := someFacts(r, i)
		for j := range f.Orders {
			f.Orders[j].ID = int64(j + 1)
		}
		if r.IntN(8) > 0 {
			f.Trigger = &TriggerFact{At: someTime(r)}
			if len(f.Orders) > 0 {
				f.Trigger.Order = &f.Orders[r.IntN(len(f.Orders))]
			}
			f.Trigger.Event = &EventFact{Name: "x", OccurredAt: f.Trigger.At, Properties: f.Attributes}
		}
		out[i] = f
	}
	return out
}

// TestTriggeredRoundTrip: the canonical JSON of a journey's rule is read back to the
// same rule in its scope, and nowhere to another one.
func TestTriggeredRoundTrip(t *testing.T) {
	t.Parallel()
	contacts := someTriggered(1, 40)
	rapid.Check(t, func(rt *rapid.T) {
		scope := rapid.SampledFrom(journeyScopes).Draw(rt, "scope")
		text, err := json.Marshal(groupGen(rt, 3, triggeredLeafGen(scope)))
		if err != nil {
			rt.Fatal(err)
		}
		rule, err := ParseTriggered(text, scope)
		if err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		canonical, err := rule.MarshalJSON()
		if err != nil {
			rt.Fatal(err)
		}
		for _, other := range append(journeyScopes, "") {
			again, err := ParseTriggered(canonical, other)
			if err != nil {
				if other == scope {
					rt.Fatalf("%s: %v", canonical, err)
				}
				if _, err := rule.Where(noon, 1); other == "" && err == nil {
					rt.Fatalf("%s: a segment does not take it, and it is compiled", canonical)
				}
				continue
			}
			twice, err := again.MarshalJSON()
			if err != nil || string(twice) != string(canonical) || again.String() != rule.String() {
				rt.Fatalf("%s became %s in scope %q: %v", canonical, twice, other, err)
			}
			for i, f := range contacts {
				if rule.Match(f, noon) != again.Match(f, noon) {
					rt.Fatalf("%s matches contact %d otherwise in scope %q", canonical, i, other)
				}
			}
			if _, err := again.Where(noon, 1); other == "" && err != nil {
				rt.Fatalf("%s: a segment takes it, and does not compile it: %v", canonical, err)
			}
		}
	})
}

// TestSinceTrigger: since the trigger is since the microsecond after it, among the
// orders other than the triggering one.
func TestSinceTrigger(t *testing.T) {
	t.Parallel()
	contacts := slices.DeleteFunc(someTriggered(2, 60), func(f Facts) bool { return f.Trigger == nil })
	rapid.Check(t, func(rt *rapid.T) {
		leaf := rapid.Custom(triggeredLeafGen(ContactScope)).Filter(func(l map[string]any) bool { return l["from"] == fromTrigger }).Draw(rt, "leaf")
		delete(leaf, "to") // it may be before the moment that replaces the trigger, which is refused
		text, _ := json.Marshal(leaf)
		since, err := ParseTriggered(text, ContactScope)
		if err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		asOf := someTime(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "as_of"), 0)))
		for i, f := range contacts {
			leaf["from"] = f.Trigger.At.Add(time.Microsecond).Format(time.RFC3339Nano)
			text, _ := json.Marshal(leaf)
			from, err := Parse(text)
			if err != nil {
				rt.Fatalf("%s: %v", text, err)
			}
			others := f
			if f.Trigger.Order != nil {
				others.Orders = slices.DeleteFunc(slices.Clone(f.Orders), func(o OrderFact) bool { return o.ID == f.Trigger.Order.ID })
			}
			if got, want := since.Match(f, asOf), from.Match(others, asOf); got != want {
				rt.Fatalf("%s as of %s: %v for contact %d, with its trigger's moment %v", text, asOf, got, i, want)
			}
		}
	})
}

// TestTriggerFromLoadedFacts: the orders of LoadFacts tell which of them it was.
func TestTriggerFromLoadedFacts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	paid := OrderFact{PlacedAt: noon, Status: "paid", Items: []ItemFact{{SKU: "A1", Category: "Candles", Quantity: 1}}}
	contacts := []Facts{{ExternalID: "ann", CreatedAt: noon, Attributes: map[string]any{}, Orders: []OrderFact{paid, paid, paid}}}
	ids := insert(t, pool, contacts)
	loaded, err := LoadFacts(t.Context(), pool, ids)
	if err != nil {
		t.Fatal(err)
	}
	f := loaded[ids[0]]
	i := slices.IndexFunc(f.Orders, func(o OrderFact) bool { return o.ExternalID == "order 2" })
	f.Trigger = &TriggerFact{At: noon.Add(-time.Second), Order: &f.Orders[i]}
	for _, leaf := range []string{
		`"order.number","operator":"=","value":2`,
		`"order.category","operator":"bought","value":"candles"`,
		`"bought.category","operator":"bought","value":"candles","from":"trigger","times":2`,
		`"bought.category","operator":"not_bought","value":"candles","from":"trigger","times":3`,
	} {
		if !mustParseTriggered(t, `{"field":`+leaf+`}`, OrderScope).Match(f, noon) {
			t.Errorf("%s does not hold", leaf)
		}
	}
}
