package segments

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"posthorn/internal/fault"
)

// inAnd puts conditions into a group.
func inAnd(leaves ...string) string {
	return `{"combinator":"and","rules":[` + strings.Join(leaves, ",") + `]}`
}

func mustParse(t *testing.T, raw string) Rule {
	t.Helper()
	rule, err := Parse([]byte(raw))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return rule
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 501)
	tests := []struct{ name, raw, field, message string }{
		{"nothing", ``, "rule", "is missing"},
		{"not JSON", `{"combinator":`, "rule", "is not JSON"},
		{"two values", `{} {}`, "rule", "is not JSON"},
		{"not UTF-8", "{\"field\":\"\xff\"}", "rule", "UTF-8"},
		{"null", `null`, "rule", "is not an object"},
		{"a list", `[]`, "rule", "is not an object"},
		{"neither", `{}`, "rule", "neither a field nor rules"},
		{"both", `{"field":"country","rules":[]}`, "rule", "both"},
		{"no combinator", `{"rules":[]}`, "rule.combinator", `"and" or "or"`},
		{"odd combinator", `{"combinator":"xor","rules":[]}`, "rule.combinator", `"and" or "or"`},
		{"no rules", `{"combinator":"and"}`, "rule.rules", "is not a list"},
		{"rules of another kind", `{"combinator":"and","rules":{}}`, "rule.rules", "is not a list"},
		{"empty or", `{"combinator":"or","rules":[]}`, "rule.rules", "is empty"},
		{"empty not", `{"combinator":"and","not":true,"rules":[]}`, "rule.rules", "is empty"},
		{"empty inner group", inAnd(`{"combinator":"and","rules":[]}`), "rule.rules[0].rules", "is empty"},
		{"odd not", `{"combinator":"and","not":"yes","rules":[{"field":"country","operator":"null"}]}`, "rule.not", "true or false"},
		{"combinators between the rules", `{"combinator":"and","rules":[{"field":"country","operator":"null"},"and",{"field":"country","operator":"null"}]}`, "rule.rules[1]", "is not an object"},
		{"key in a group", `{"combinator":"and","rules":[],"limit":3}`, "rule.limit", "means nothing here"},

		{"unknown field", inAnd(`{"field":"country","operator":"=","value":"x"}`, `{"field":"shoe_size","operator":"=","value":4}`), "rule.rules[1].field", `"shoe_size" is not a field`},
		{"SQL for a field", `{"field":"id; DROP TABLE contacts","operator":"=","value":1}`, "rule.field", "is not a field"},
		{"a column that is no field", `{"field":"email_key","operator":"=","value":"x"}`, "rule.field", "is not a field"},
		{"field of another kind", `{"field":7,"operator":"="}`, "rule.field", "is not a text"},
		{"null field", `{"field":null,"operator":"="}`, "rule.field", "is not a text"},
		{"family alone", `{"field":"attributes","operator":"=","value":"x"}`, "rule.field", "names nothing"},
		{"family and point", `{"field":"consent.","operator":"=","value":"subscribed"}`, "rule.field", "names nothing"},
		{"unknown in family", `{"field":"orders.average","operator":"=","value":1}`, "rule.field", "is not a field"},
		{"NUL in a name", `{"field":"attributes.a\u0000","operator":"null"}`, "rule.field", "NUL"},
		{"long name", `{"field":"event.` + long + `","operator":"did"}`, "rule.field", "longer than 200"},

		{"no operator", `{"field":"country","value":"x"}`, "rule.operator", "is missing"},
		{"unknown operator", `{"field":"country","operator":"~","value":"x"}`, "rule.operator", `"~" is not an operator of country`},
		{"operator of another field", `{"field":"bought.product","operator":"=","value":"x"}`, "rule.operator", `"bought", "not_bought"`},
		{"operator of another type", `{"field":"attributes.n","operator":"contains","value":4}`, "rule.operator", "does not compare with a number"},
		{"bool order", `{"field":"attributes.n","operator":"<","value":true}`, "rule.operator", "does not compare with true or false"},

		{"no value", `{"field":"country","operator":"="}`, "rule.value", "is not a text"},
		{"empty value", `{"field":"country","operator":"=","value":""}`, "rule.value", "is empty"},
		{"value of another kind", `{"field":"country","operator":"=","value":{"$ne":1}}`, "rule.value", "is not a text"},
		{"NUL in a value", `{"field":"country","operator":"=","value":"a\u0000b"}`, "rule.value", "NUL"},
		{"long value", `{"field":"country","operator":"=","value":"` + long + `"}`, "rule.value", "longer than 500"},
		{"value with null", `{"field":"country","operator":"null","value":"x"}`, "rule.value", "must not be given"},
		{"text for in", `{"field":"country","operator":"in","value":"a,b"}`, "rule.value", "is not a list"},
		{"empty list", `{"field":"country","operator":"in","value":[]}`, "rule.value", "empty list"},
		{"bad one in a list", `{"field":"country","operator":"in","value":["a",1]}`, "rule.value[1]", "is not a text"},
		{"mixed attribute list", `{"field":"attributes.x","operator":"in","value":[1,"a"]}`, "rule.value[1]", "is not a number"},
		{"one end", `{"field":"country","operator":"between","value":["a"]}`, "rule.value", "two values"},
		{"reversed texts", `{"field":"country","operator":"between","value":["b","a"]}`, "rule.value", "ends before it begins"},
		{"reversed numbers", `{"field":"orders.sum","operator":"between","value":[-1,-2]}`, "rule.value", "ends before it begins"},
		{"reversed dates", `{"field":"created_at","operator":"between","value":["2011-02-01","2011-01-31"]}`, "rule.value", "ends before it begins"},
		{"reversed days", `{"field":"created_at","operator":"between","value":[{"days_ago":1},{"days_ago":2}]}`, "rule.value", "ends before it begins"},
		{"attribute object", `{"field":"attributes.x","operator":"=","value":{"a":1}}`, "rule.value", "is not {"},
		{"attribute null", `{"field":"attributes.x","operator":"=","value":null}`, "rule.value", "is not a text, a number"},
		{"huge number", `{"field":"attributes.x","operator":"=","value":1e400000}`, "rule.value", "30 digits"},
		{"absurd exponent", `{"field":"attributes.x","operator":"=","value":1e99999999999999999999}`, "rule.value", "is not a number"},
		{"half an order", `{"field":"orders.count","operator":">","value":0.5}`, "rule.value", "whole number"},
		{"number as text", `{"field":"orders.count","operator":">","value":"3"}`, "rule.value", "is not a number"},
		{"consent state", `{"field":"consent.news","operator":"=","value":"maybe"}`, "rule.value", `"pending", "subscribed", "unsubscribed"`},

		{"impossible day", `{"field":"created_at","operator":"<","value":"2011-02-30"}`, "rule.value", "is not a date"},
		{"year", `{"field":"created_at","operator":"<","value":"0011-02-03"}`, "rule.value", "years 1900 to 2199"},
		{"relative text", `{"field":"created_at","operator":"<","value":"yesterday"}`, "rule.value", "is not a date"},
		{"negative days", `{"field":"created_at","operator":"<","value":{"days_ago":-1}}`, "rule.value", "from 0 to"},
		{"many days", `{"field":"created_at","operator":"<","value":{"days_ago":36501}}`, "rule.value", "from 0 to"},
		{"half days", `{"field":"created_at","operator":"<","value":{"days_ago":1.5}}`, "rule.value", "from 0 to"},
		{"two units", `{"field":"created_at","operator":"<","value":{"days_ago":1,"hours_ago":2}}`, "rule.value", "days_ago"},
		{"ahead in the past", `{"field":"created_at","operator":"<","value":{"days_ahead":1}}`, "rule.value", "days_ago"},

		{"misspelt option", `{"field":"bought.product","operator":"bought","value":"x","withinDays":3}`, "rule.withinDays", "means nothing here"},
		{"option of another field", `{"field":"orders.count","operator":">","value":1,"times":3}`, "rule.times", "means nothing here"},
		{"option where there are none", `{"field":"country","operator":"=","value":"x","within_days":3}`, "rule.within_days", "means nothing here"},
		{"no days", `{"field":"event.x","operator":"did","within_days":0}`, "rule.within_days", "between 1 and 36500"},
		{"days as text", `{"field":"event.x","operator":"did","within_days":"7"}`, "rule.within_days", "whole number"},
		{"no times", `{"field":"event.x","operator":"did","times":0}`, "rule.times", "between 1 and 1000000"},
		{"within and from", `{"field":"event.x","operator":"did","within_days":7,"from":"2011-01-01"}`, "rule.within_days", "together"},
		{"to before from", `{"field":"event.x","operator":"did","from":"2011-01-02","to":"2011-01-01"}`, "rule.to", "is before from"},
		{"odd from", `{"field":"event.x","operator":"did","from":5}`, "rule.from", "is not a date"},
		{"currency", `{"field":"orders.sum","operator":">","value":1,"currency":"€"}`, "rule.currency", "three letters"},
		{"currency of another kind", `{"field":"orders.sum","operator":">","value":1,"currency":7}`, "rule.currency", "three letters"},
		{"event with a value", `{"field":"event.x","operator":"did","value":"y"}`, "rule.value", "must not be given"},
		{"nothing bought", `{"field":"bought.product","operator":"bought","value":[]}`, "rule.value", "empty list"},
		{"comparison of fields", `{"field":"first_name","operator":"=","value":"last_name","valueSource":"field"}`, "rule.valueSource", "not with another field"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(test.raw))
			var invalid *fault.Invalid
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v, want a single fault.Invalid", err)
			}
			if invalid.Field != test.field || !strings.Contains(invalid.Message, test.message) {
				t.Errorf("got %q: %q, want %q: …%s…", invalid.Field, invalid.Message, test.field, test.message)
			}
		})
	}
}

func TestParseNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(inAnd(
		`{"field":"nonsense","operator":"="}`,
		inAnd(`{"field":"country","operator":"="}`, `{"field":"country","operator":"null"}`),
		`{"field":"orders.count","operator":"between","value":["a",1.5]}`,
	)))
	var list fault.List
	if !errors.As(err, &list) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, f := range list {
		got = append(got, f.Field)
	}
	want := "rule.rules[0].field rule.rules[1].rules[0].value rule.rules[2].value[0] rule.rules[2].value[1]"
	if strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	const leaf = `{"field":"country","operator":"null"}`
	nest := func(depth int) string {
		return strings.Repeat(`{"combinator":"and","rules":[`, depth) + leaf + strings.Repeat(`]}`, depth)
	}
	leaves := func(n int) string { return inAnd(strings.TrimSuffix(strings.Repeat(leaf+",", n), ",")) }
	list := func(n, width int) string {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprintf(`"%0*d"`, width, i)
		}
		return `{"field":"bought.product","operator":"bought","value":[` + strings.Join(values, ",") + `]}`
	}
	tests := []struct{ name, raw, message string }{
		{"10 groups deep", nest(10), ""},
		{"11 groups deep", nest(11), "deep"},
		{"1000 groups deep", nest(1000), "deep"},
		{"200 nodes", leaves(199), ""},
		{"201 nodes", leaves(200), "more than 200 nodes"},
		{"1000 values", list(1000, 10), ""},
		{"1001 values", list(1001, 10), "at most 1000"},
		{"64 KB", list(1000, 62), ""},
		{"over 64 KB", list(1000, 64), "64 KB"},
		{"indented", strings.Repeat(" ", 100_000) + leaf, ""},
		{"far over 64 KB", strings.Repeat(" ", 300_000) + leaf, "64 KB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(test.raw))
			switch {
			case test.message == "" && err != nil:
				t.Errorf("got %v", err)
			case test.message != "" && (err == nil || !strings.Contains(err.Error(), test.message)):
				t.Errorf("got %v, want …%s…", err, test.message)
			}
		})
	}
}

func TestCanonicalJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, want string }{
		{`{"rules":[],"combinator":"AND"}`, `{"combinator":"and","rules":[]}`},
		{
			`{"id":"r1","combinator":"or","not":true,"rules":[{"id":"r2","path":[0],"value":"<b>&","field":"country","operator":"doesNotContain","valueSource":"value"}]}`,
			`{"combinator":"or","not":true,"rules":[{"field":"country","operator":"does_not_contain","value":"<b>&"}]}`,
		},
		{`{"field":"email","operator":"notNull","value":""}`, `{"field":"email","operator":"not_null"}`},
		{`{"field":"attributes.x","operator":"in","value":[1e3,-0.50]}`, `{"field":"attributes.x","operator":"in","value":[1000,-0.5]}`},
		{`{"field":"attributes.x","operator":"=","value":false}`, `{"field":"attributes.x","operator":"=","value":false}`},
		{
			`{"field":"bought.category","operator":"bought","times":2,"to":"2011-12-09","from":{"days_ago":1e1},"value":["a"]}`,
			`{"field":"bought.category","operator":"bought","value":["a"],"from":{"days_ago":10},"to":"2011-12-09","times":2}`,
		},
		{
			`{"field":"orders.sum","operator":">=","value":100.00,"currency":"eur","within_days":30}`,
			`{"field":"orders.sum","operator":">=","value":100,"within_days":30,"currency":"EUR"}`,
		},
		{`{"field":"consent.news","operator":"in","value":["pending"]}`, `{"field":"consent.news","operator":"in","value":["pending"]}`},
	}
	for _, test := range tests {
		got, err := json.Marshal(mustParse(t, test.raw))
		// json.Marshal escapes HTML in what a Marshaler returns; both mean the same.
		plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(got))
		if err != nil || plain != test.want {
			t.Errorf("%s:\n got %s %v\nwant %s", test.raw, plain, err, test.want)
		}
		var again Rule
		if err := json.Unmarshal(got, &again); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
	if got, err := json.Marshal(Rule{}); err != nil || string(got) != `{"combinator":"and","rules":[]}` {
		t.Errorf("the zero rule is %s %v", got, err)
	}
}

// FuzzParse looks for input that panics, for canonical forms that are read back as
// another rule, and for SQL that takes text from the user; in every scope, and for
// a rule of segments that means something else in a journey.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"combinator":"and","rules":[]}`,
		inAnd(`{"field":"country","operator":"in","value":["a","b"]}`, `{"field":"attributes.x","operator":"between","value":[1,2e3]}`),
		`{"combinator":"or","not":true,"rules":[{"field":"bought.category","operator":"bought","value":"x","from":"2011-09-01","to":{"days_ago":3},"times":2}]}`,
		`{"field":"orders.sum","operator":"not_between","value":[-0.1,12.5],"currency":"eur","within_days":7}`,
		`{"field":"orders.last","operator":"between","value":["2011-01-01","2011-12-09T10:00:00.123456789+01:00"]}`,
		`{"field":"attributes.renewal","operator":"<=","value":{"days_ahead":14}}`,
		`{"field":"event.left cart","operator":"did_not"}`,
		`{"field":"consent.news","operator":"null","value":null}`,
		`{"field":"attributes.\ud800","operator":"=","value":true}`,
		`{"field":"order.product","operator":"not_bought","value":["x"],"quantity":2}`,
		`{"field":"order.status","operator":"in","value":["paid"]}`,
		inAnd(`{"field":"order.number","operator":"=","value":1}`, `{"field":"orders.sum","operator":">","value":1,"from":"trigger","to":{"days_ago":1}}`),
		`{"field":"properties.x","operator":"in","value":[1,2]}`,
	} {
		f.Add([]byte(seed))
	}
	facts := []Facts{{}, {
		Country: "a", Attributes: map[string]any{"x": []any{json.Number("1e5"), "2011-01-01", true, nil}}, Consents: map[string]string{"news": "pending"},
		Orders: []OrderFact{{PlacedAt: noon, Status: "paid", Total: 5, Items: []ItemFact{{"x", "y", 1}}}}, Events: []EventFact{{Name: "x", OccurredAt: noon}},
	}, {
		Orders: []OrderFact{{ID: 1, PlacedAt: noon, Status: "paid", Currency: "EUR", Total: 5, Items: []ItemFact{{"x", "y", 1}}}},
		Trigger: &TriggerFact{
			At:    noon.Add(-time.Hour),
			Order: &OrderFact{ID: 1, PlacedAt: noon, Status: "paid", Currency: "EUR", Total: 5, Items: []ItemFact{{"x", "y", 1}}},
			Event: &EventFact{Name: "x", OccurredAt: noon, Properties: map[string]any{"x": json.Number("1"), "y": "a"}},
		},
	}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		plain, plainErr := Parse(raw)
		for _, scope := range []Scope{"", ContactScope, OrderScope, EventScope} {
			rule, err := ParseTriggered(raw, scope)
			if err != nil {
				var list fault.List
				var invalid *fault.Invalid
				if !errors.As(err, &list) && !errors.As(err, &invalid) {
					t.Fatalf("%v is not a fault", err)
				}
				if plainErr == nil {
					t.Fatalf("a segment takes it, scope %q does not: %v", scope, err)
				}
				continue
			}
			canonical, err := rule.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseTriggered(canonical, scope)
			if err != nil {
				t.Fatalf("%s: %v", canonical, err)
			}
			if twice, err := again.MarshalJSON(); err != nil || string(twice) != string(canonical) {
				t.Fatalf("%s became %s %v", canonical, twice, err)
			}
			if text := rule.String(); text == "" || !utf8.ValidString(text) || text != again.String() {
				t.Fatalf("%s is %q, then %q", canonical, text, again)
			}
			for _, contact := range facts {
				matches := rule.Match(contact, noon)
				if again.Match(contact, noon) != matches || plainErr == nil && plain.Match(contact, noon) != matches {
					t.Fatalf("%s matches otherwise the second time", canonical)
				}
			}
			if plainErr != nil {
				if _, err := rule.Where(noon, 1); err == nil {
					t.Fatalf("%s is no segment's and was compiled", canonical)
				}
			}
		}
		if plainErr != nil {
			return
		}
		canonical, err := plain.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		q, err := plain.Where(noon, 1)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(canonical)
		if err != nil {
			t.Fatal(err)
		}
		same, err := again.Where(noon, 1)
		if err != nil || same.SQL != q.SQL || fmt.Sprint(same.Args) != fmt.Sprint(q.Args) {
			t.Fatalf("%s compiles to\n%s %v\nand then to\n%s %v", canonical, q.SQL, q.Args, same.SQL, same.Args)
		}
		if _, err := json.Marshal(q.Args); err != nil {
			t.Fatal(err)
		}
		for i := range q.Args {
			if !strings.Contains(q.SQL, fmt.Sprintf("$%d::", i+1)) {
				t.Fatalf("argument %d is not in\n%s", i+1, q.SQL)
			}
		}
	})
}
