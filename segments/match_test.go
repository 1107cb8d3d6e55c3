package segments

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestMeaning says in examples what docs/rules.md says in words. Each is asked of
// Go and of Postgres. (TestAgree cannot see a mistake that both make.)
func TestMeaning(t *testing.T) {
	t.Parallel()
	number := func(s string) any { return json.Number(s) }
	attributes := func(v any) Facts { return Facts{Attributes: map[string]any{"x": v}} }
	order := func(placed, status string, items ...ItemFact) OrderFact {
		return OrderFact{PlacedAt: at(placed), Status: status, Currency: "EUR", Total: 25500, Items: items}
	}
	orders := func(o ...OrderFact) Facts { return Facts{Orders: o} }
	event := func(times ...string) Facts {
		var f Facts
		for _, s := range times {
			f.Events = append(f.Events, EventFact{Name: "x", OccurredAt: at(s)})
		}
		return f
	}
	candle, gone := ItemFact{SKU: "A1", Category: "Candles", Quantity: 1}, ItemFact{SKU: "A1", Category: "Candles", Quantity: -1}
	const day = "2011-12-01T10:00:00Z"

	tests := []struct {
		name  string
		leaf  string // field, operator, value and options
		facts Facts
		want  bool
	}{
		{"case does not matter", `"country","operator":"=","value":"ICELAND"`, Facts{Country: "Iceland"}, true},
		{"beyond ASCII it does", `"country","operator":"=","value":"österreich"`, Facts{Country: "Österreich"}, false},
		{"in ids it does", `"external_id","operator":"=","value":"a"`, Facts{ExternalID: "A"}, false},
		{"a percent sign is one", `"first_name","operator":"contains","value":"1%"`, Facts{FirstName: "100"}, false},
		{"nothing is not less", `"country","operator":"<","value":"z"`, Facts{}, false},
		{"nothing is not equal", `"country","operator":"!=","value":"Iceland"`, Facts{}, true},
		{"nothing is null", `"country","operator":"null"`, Facts{}, true},
		{"small letters are greater than capitals' bytes", `"country","operator":">","value":"Z"`, Facts{Country: "["}, false},
		{"bytes decide", `"country","operator":">","value":"z"`, Facts{Country: "Å"}, true},

		{"attribute text", `"attributes.x","operator":"=","value":"Gold"`, attributes("gold"), true},
		{"attribute number is no text", `"attributes.x","operator":"=","value":"12"`, attributes(number("12")), false},
		{"attribute number", `"attributes.x","operator":">","value":12`, attributes(number("12.0000000000000000001")), true},
		{"attribute text that is a number", `"attributes.x","operator":">","value":9`, attributes("12.50"), true},
		{"attribute text that is nearly a number", `"attributes.x","operator":">","value":9`, attributes("12,50"), false},
		{"attribute text with an exponent", `"attributes.x","operator":">","value":9`, attributes("1e3"), false},
		{"negative numbers", `"attributes.x","operator":"<","value":-3`, attributes(number("-3.5")), true},
		{"attribute in text", `"attributes.x","operator":"=","value":true`, attributes("TRUE"), true},
		{"attribute false is a value", `"attributes.x","operator":"not_null"`, attributes(false), true},
		{"attribute null", `"attributes.x","operator":"null"`, attributes(nil), true},
		{"attribute empty list", `"attributes.x","operator":"null"`, attributes([]any{}), true},
		{"attribute object", `"attributes.x","operator":"null"`, attributes(map[string]any{}), false},
		{"missing attribute", `"attributes.x","operator":"!=","value":true`, Facts{}, true},
		{"one of a list", `"attributes.x","operator":"=","value":"b"`, attributes([]any{"a", "b"}), true},
		{"none of a list", `"attributes.x","operator":"!=","value":"b"`, attributes([]any{"a", "b"}), false},
		{"list in a list", `"attributes.x","operator":"=","value":"b"`, attributes([]any{[]any{"b"}}), false},
		{"a day ahead", `"attributes.x","operator":"between","value":[{"days_ago":0},{"days_ahead":14}]`, attributes("2011-12-23T23:59"), true},
		{"a day too far ahead", `"attributes.x","operator":"between","value":[{"days_ago":0},{"days_ahead":14}]`, attributes("2011-12-24"), false},
		{"no day", `"attributes.x","operator":">","value":{"days_ago":0}`, attributes("soon"), false},

		{"never asked", `"consent.news","operator":"!=","value":"unsubscribed"`, Facts{}, true},
		{"never asked is null", `"consent.news","operator":"null"`, Facts{}, true},
		{"asked", `"consent.news","operator":"null"`, Facts{Consents: map[string]string{"news": "pending"}}, false},
		{"one of the states", `"consent.news","operator":"in","value":["pending","subscribed"]`, Facts{Consents: map[string]string{"news": "pending"}}, true},

		{"day: at its first moment", `"created_at","operator":"=","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-09T00:00:00Z")}, true},
		{"day: at its last moment", `"created_at","operator":"=","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-09T23:59:59.999999Z")}, true},
		{"day: a moment later", `"created_at","operator":"=","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-10T00:00:00Z")}, false},
		{"up to a day holds all of it", `"created_at","operator":"<=","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-09T23:59:59.999999Z")}, true},
		{"before a day holds none of it", `"created_at","operator":"<","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-09T00:00:00Z")}, false},
		{"after a day holds none of it", `"created_at","operator":">","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-09T23:59:59.999999Z")}, false},
		{"after a day", `"created_at","operator":">","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-10T00:00:00Z")}, true},
		{"from a day on", `"created_at","operator":">=","value":"2011-12-09"`, Facts{CreatedAt: at("2011-12-09T00:00:00Z")}, true},
		{"between holds both days", `"created_at","operator":"between","value":["2011-12-08","2011-12-09"]`, Facts{CreatedAt: at("2011-12-09T23:00:00Z")}, true},
		{"a time with a zone", `"created_at","operator":"=","value":"2011-12-09T02:00:00+02:00"`, Facts{CreatedAt: at("2011-12-09T00:00:00Z")}, true},
		{"after a moment", `"created_at","operator":">","value":"2011-12-09T00:00:00Z"`, Facts{CreatedAt: at("2011-12-09T00:00:00Z")}, false},
		{"more than 30 days ago", `"created_at","operator":"<","value":{"days_ago":30}`, Facts{CreatedAt: noon.AddDate(0, 0, -30)}, false},
		{"and a moment", `"created_at","operator":"<","value":{"days_ago":30}`, Facts{CreatedAt: noon.AddDate(0, 0, -30).Add(-time.Microsecond)}, true},

		{"count of none", `"orders.count","operator":"<","value":1`, Facts{}, true},
		{"sum of none", `"orders.sum","operator":"=","value":0`, Facts{}, true},
		{"count", `"orders.count","operator":"=","value":2`, orders(order(day, "placed"), order(day, "paid"), order(day, "cancelled"), order(day, "refunded")), true},
		{"sum is exact", `"orders.sum","operator":"=","value":5.10`, orders(order(day, "placed"), order(day, "paid")), true},
		{"sum in another currency", `"orders.sum","operator":">","value":0,"currency":"GBP"`, orders(order(day, "placed")), false},
		{"no first order", `"orders.first","operator":"<","value":"2199-01-01"`, Facts{}, false},
		{"no first order is null", `"orders.first","operator":"null"`, Facts{}, true},
		{"a cancelled one is none", `"orders.first","operator":"null"`, orders(order(day, "cancelled")), true},
		{"last", `"orders.last","operator":"=","value":"2011-12-02"`, orders(order("2011-12-02T00:00:00Z", "paid"), order(day, "paid")), true},
		{"first", `"orders.first","operator":"=","value":"2011-12-01"`, orders(order("2011-12-02T00:00:00Z", "paid"), order(day, "paid")), true},
		{"an order at as_of is seen", `"orders.count","operator":"=","value":1`, orders(order("2011-12-09T12:50:00Z", "paid")), true},
		{"a later one is not", `"orders.count","operator":"=","value":0`, orders(order("2011-12-09T12:50:00.000001Z", "paid")), true},
		{"not even by its day", `"orders.count","operator":"=","value":0,"to":"2011-12-09"`, orders(order("2011-12-09T12:50:00.000001Z", "paid")), true},
		{"within days holds its edge", `"orders.count","operator":"=","value":1,"within_days":7`, orders(order("2011-12-02T12:50:00Z", "paid")), true},
		{"and no more", `"orders.count","operator":"=","value":1,"within_days":7`, orders(order("2011-12-02T12:49:59.999999Z", "paid")), false},
		{"to holds its day", `"orders.count","operator":"=","value":1,"from":"2011-12-01","to":"2011-12-01"`, orders(order("2011-12-01T23:59:59Z", "paid")), true},
		{"to a moment holds it", `"orders.count","operator":"=","value":1,"to":"2011-12-01T10:00:00Z"`, orders(order(day, "paid")), true},

		{"bought", `"bought.product","operator":"bought","value":"A1"`, orders(order(day, "placed", candle)), true},
		{"by the sku as it is", `"bought.product","operator":"bought","value":"a1"`, orders(order(day, "placed", candle)), false},
		{"category in any case", `"bought.category","operator":"bought","value":"cANDLES"`, orders(order(day, "placed", candle)), true},
		{"returned", `"bought.product","operator":"not_bought","value":"A1"`, orders(order(day, "placed", gone)), true},
		{"bought and returned is bought", `"bought.product","operator":"bought","value":"A1"`, orders(order(day, "placed", gone, candle)), true},
		{"refunded", `"bought.product","operator":"not_bought","value":"A1"`, orders(order(day, "refunded", candle)), true},
		{"twice in an order is once", `"bought.product","operator":"bought","value":"A1","times":2`, orders(order(day, "paid", candle, candle)), false},
		{"in two orders is twice", `"bought.product","operator":"bought","value":"A1","times":2`, orders(order(day, "paid", candle), order(day, "paid", candle)), true},
		{"once is fewer than twice", `"bought.product","operator":"not_bought","value":"A1","times":2`, orders(order(day, "paid", candle)), true},
		{"different ones of a list add up", `"bought.product","operator":"bought","value":["A1","B2"],"times":2`, orders(order(day, "paid", candle), order(day, "paid", ItemFact{SKU: "B2", Category: "christmas", Quantity: 1})), true},
		{"a product that is not known", `"bought.product","operator":"bought","value":"zzz"`, orders(order(day, "paid", ItemFact{SKU: "zzz", Quantity: 1})), true},

		{"did", `"event.x","operator":"did"`, event(day), true},
		{"did something else", `"event.X","operator":"did"`, event(day), false},
		{"did later", `"event.x","operator":"did"`, event("2011-12-09T12:50:01Z"), false},
		{"did twice", `"event.x","operator":"did","times":2,"within_days":30`, event(day, day), true},
		{"did not", `"event.x","operator":"did_not","from":"2011-12-02"`, event(day), true},
	}
	pool := pgtest.New(t)
	contacts := make([]Facts, len(tests))
	for i, test := range tests {
		f := test.facts
		if f.ExternalID == "" {
			f.ExternalID = fmt.Sprint("contact ", i)
		}
		if f.CreatedAt.IsZero() {
			f.CreatedAt = noon
		}
		if f.Attributes == nil {
			f.Attributes = map[string]any{}
		}
		contacts[i] = f
	}
	ids := insert(t, pool, contacts)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rule := mustParse(t, `{"field":`+test.leaf+`}`)
			if got := rule.Match(contacts[i], noon); got != test.want {
				t.Errorf("Match says %v", got)
			}
			list, q, err := selected(t.Context(), pool, rule, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Contains(list, ids[i]); got != test.want {
				t.Errorf("Postgres says %v\n%s\n%v", got, q.SQL, q.Args)
			}
		})
	}
}

func TestAsOfMustBeSane(t *testing.T) {
	t.Parallel()
	for _, asOf := range []time.Time{{}, at("1899-12-31T23:59:59Z"), at("2200-01-01T00:00:00Z")} {
		_, err := Rule{}.Where(asOf, 1)
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) || invalid.Field != "as_of" {
			t.Errorf("%s: got %v", asOf, err)
		}
	}
}

// TestMatchTakesGoNumbers: facts may come from somewhere else than LoadFacts.
func TestMatchTakesGoNumbers(t *testing.T) {
	t.Parallel()
	rule := mustParse(t, `{"field":"attributes.x","operator":"=","value":1000}`)
	for _, v := range []any{1000, int64(1000), 1e3, json.Number("1E3"), "1000", []any{1, 1000.0}} {
		if !rule.Match(Facts{Attributes: map[string]any{"x": v}}, noon) {
			t.Errorf("%T %v does not match", v, v)
		}
	}
}

func TestLoadFacts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	r := rand.New(rand.NewPCG(9, 9))
	contacts := make([]Facts, 60)
	for i := range contacts {
		contacts[i] = someFacts(r, i)
	}
	ids := insert(t, pool, contacts)
	got, err := LoadFacts(t.Context(), pool, append(ids[1:], 0, 987654321)) // two that do not exist
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[int64]Facts)
	for i, id := range ids[1:] {
		want[id] = contacts[i+1]
	}
	diff := cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b OrderFact) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
		cmpopts.SortSlices(func(a, b ItemFact) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
		cmpopts.SortSlices(func(a, b EventFact) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
		cmp.Comparer(func(a, b json.Number) bool { // jsonb writes 1e3 as 1000
			x, ok := decimalOf(a)
			y, also := decimalOf(b)
			return ok && also && x.cmp(y) == 0
		}))
	if diff != "" {
		t.Errorf("written -, loaded +:\n%s", diff)
	}
}
