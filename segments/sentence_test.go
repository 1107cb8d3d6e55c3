package segments

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestString lists every field, every operator on each kind of value, and every
// option, and fails for one that is new and not in it.
func TestString(t *testing.T) {
	t.Parallel()
	tests := []struct{ leaf, want string }{
		{`"country","operator":"=","value":"Iceland"`, `country is "Iceland"`},
		{`"country","operator":"!=","value":"Iceland"`, `country is not "Iceland"`},
		{`"country","operator":"<","value":"m"`, `country is before "m"`},
		{`"country","operator":"<=","value":"m"`, `country is at or before "m"`},
		{`"country","operator":">","value":"m"`, `country is after "m"`},
		{`"country","operator":">=","value":"m"`, `country is at or after "m"`},
		{`"country","operator":"between","value":["a","m"]`, `country is between "a" and "m"`},
		{`"country","operator":"not_between","value":["a","m"]`, `country is not between "a" and "m"`},
		{`"country","operator":"in","value":["Iceland","Norway"]`, `country is one of "Iceland", "Norway"`},
		{`"country","operator":"not_in","value":["Iceland","Norway"]`, `country is not one of "Iceland", "Norway"`},
		{`"country","operator":"contains","value":"land"`, `country contains "land"`},
		{`"country","operator":"does_not_contain","value":"land"`, `country does not contain "land"`},
		{`"country","operator":"begins_with","value":"ice"`, `country begins with "ice"`},
		{`"country","operator":"does_not_begin_with","value":"ice"`, `country does not begin with "ice"`},
		{`"country","operator":"ends_with","value":"land"`, `country ends with "land"`},
		{`"country","operator":"does_not_end_with","value":"land"`, `country does not end with "land"`},
		{`"country","operator":"null"`, `country has no value`},
		{`"country","operator":"not_null"`, `country has a value`},
		{`"external_id","operator":"=","value":"a"`, `external id is "a"`},
		{`"email","operator":"ends_with","value":".is"`, `email ends with ".is"`},
		{`"first_name","operator":"=","value":"O\"Hara\n"`, `first name is "O\"Hara\n"`},
		{`"last_name","operator":"null"`, `last name has no value`},
		{`"phone","operator":"not_null"`, `phone has a value`},
		{`"language","operator":"=","value":"is"`, `language is "is"`},
		{`"timezone","operator":"=","value":"Atlantic/Reykjavik"`, `timezone is "Atlantic/Reykjavik"`},

		{`"created_at","operator":"=","value":"2011-12-09"`, `the contact was created on 2011-12-09`},
		{`"created_at","operator":"!=","value":"2011-12-09"`, `the contact was not created on 2011-12-09`},
		{`"created_at","operator":"<","value":"2011-12-09"`, `the contact was created before 2011-12-09`},
		{`"created_at","operator":"<=","value":"2011-12-09"`, `the contact was created on or before 2011-12-09`},
		{`"created_at","operator":">","value":"2011-12-09T10:00:00Z"`, `the contact was created after 2011-12-09T10:00:00Z`},
		{`"created_at","operator":">=","value":"2011-12-09T10:00:00Z"`, `the contact was created at or after 2011-12-09T10:00:00Z`},
		{`"created_at","operator":"between","value":[{"days_ago":30},{"days_ago":0}]`, `the contact was created between 30 days ago and now`},
		{`"created_at","operator":"not_between","value":["2011-12-01",{"days_ago":1}]`, `the contact was not created between 2011-12-01 and 1 day ago`},

		{`"attributes.tier","operator":"=","value":"gold"`, `attribute "tier" is "gold"`},
		{`"attributes.tier","operator":"=","value":true`, `attribute "tier" is true`},
		{`"attributes.tier","operator":">=","value":2.50`, `attribute "tier" is at least 2.5`},
		{`"attributes.tier","operator":"not_in","value":[1,2]`, `attribute "tier" is not one of 1, 2`},
		{`"attributes.tier","operator":"=","value":{"days_ago":0}`, `attribute "tier" is today`},
		{`"attributes.tier","operator":"<=","value":{"days_ahead":14}`, `attribute "tier" is at or before 14 days from now`},
		{`"attributes.tier","operator":"between","value":[{"days_ago":0},{"days_ahead":1}]`, `attribute "tier" is between today and 1 day from now`},
		{`"attributes.tier","operator":"not_null"`, `attribute "tier" has a value`},
		{`"consent.news","operator":"=","value":"subscribed"`, `consent to "news" is "subscribed"`},
		{`"consent.news","operator":"null"`, `consent to "news" has no value`},

		{`"orders.count","operator":"=","value":0,"within_days":7`, `the number of orders in the last 7 days is 0`},
		{`"orders.count","operator":"!=","value":1,"within_days":1`, `the number of orders in the last 1 day is not 1`},
		{`"orders.count","operator":"<","value":2`, `the number of orders is less than 2`},
		{`"orders.count","operator":"<=","value":2`, `the number of orders is at most 2`},
		{`"orders.count","operator":">","value":2`, `the number of orders is more than 2`},
		{`"orders.count","operator":">=","value":2,"from":"trigger"`, `the number of orders since the trigger is at least 2`},
		{`"orders.count","operator":"between","value":[1,2],"from":"2011-09-01","to":"2011-12-09"`, `the number of orders since 2011-09-01 until 2011-12-09 is between 1 and 2`},
		{`"orders.count","operator":"not_between","value":[1,2],"to":{"days_ago":30}`, `the number of orders until 30 days ago is not between 1 and 2`},
		{`"orders.sum","operator":">","value":500,"currency":"EUR","from":"trigger"`, `the sum of orders in EUR since the trigger is more than 500`},
		{`"orders.first","operator":"=","value":"2011-12-09"`, `the first order was placed on 2011-12-09`},
		{`"orders.first","operator":"null","from":"trigger"`, `has no order since the trigger`},
		{`"orders.last","operator":"<","value":{"days_ago":90},"currency":"GBP"`, `the last order in GBP was placed before 90 days ago`},
		{`"orders.last","operator":"not_between","value":["2011-01-01","2011-01-31"]`, `the last order was not placed between 2011-01-01 and 2011-01-31`},
		{`"orders.last","operator":"not_null"`, `has an order`},
		{`"bought.product","operator":"bought","value":"A1"`, `bought product "A1"`},
		{`"bought.product","operator":"bought","value":["A1","B2"],"times":2`, `bought one of the products "A1", "B2" in at least 2 orders`},
		{`"bought.category","operator":"bought","value":"coffee","times":1`, `bought a product of category "coffee"`},
		{`"bought.category","operator":"not_bought","value":["grinders","mills"],"from":"trigger"`, `has not bought a product of one of the categories "grinders", "mills" since the trigger`},
		{`"event.left cart","operator":"did","times":2,"within_days":7`, `did "left cart" at least 2 times in the last 7 days`},
		{`"event.left cart","operator":"did_not"`, `did not do "left cart"`},

		{`"order.total","operator":">","value":50`, `the order's total is more than 50`},
		{`"order.quantity","operator":"<=","value":3`, `the order's quantity is at most 3`},
		{`"order.number","operator":"=","value":1`, `the order's number is 1`},
		{`"order.currency","operator":"!=","value":"EUR"`, `the order's currency is not "EUR"`},
		{`"order.status","operator":"in","value":["placed","paid"]`, `the order's status is one of "placed", "paid"`},
		{`"order.product","operator":"bought","value":"A1"`, `the order holds product "A1"`},
		{`"order.product","operator":"not_bought","value":["A1","B2"],"quantity":3`, `the order does not hold at least 3 of the products "A1", "B2"`},
		{`"order.category","operator":"bought","value":"coffee","quantity":2`, `the order holds at least 2 of category "coffee"`},
		{`"order.category","operator":"not_bought","value":["coffee","tea"]`, `the order does not hold a product of one of the categories "coffee", "tea"`},
		{`"properties.value","operator":"<","value":20`, `the event's property "value" is less than 20`},

		{`"bought.product","operator":"bought","value":["1","2","3","4","5","6","7"]`, `bought one of the products "1", "2", "3", "4", "5", and 2 more`},
		{`"country","operator":"=","value":"` + strings.Repeat("x", 61) + `"`, `country is "` + strings.Repeat("x", 60) + `…"`},
	}
	leaves := make([]string, len(tests))
	for i, test := range tests {
		if got := mustParseTriggered(t, `{"field":`+test.leaf+`}`, scopeOf(test.leaf)).String(); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.leaf, got, test.want)
		}
		leaves[i] = test.leaf
	}
	everyWord(t, leaves)
}

// scopeOf is where a condition is known.
func scopeOf(leaf string) Scope {
	if strings.HasPrefix(leaf, `"properties.`) {
		return EventScope
	}
	return OrderScope
}

// everyWord fails for a field, an operator or an option that is in none of the leaves.
func everyWord(t *testing.T, leaves []string) {
	t.Helper()
	listed := make(map[string]bool) // fields and options; operators by field
	for _, leaf := range leaves {
		var keys map[string]any
		if err := json.Unmarshal([]byte(`{"field":`+leaf+`}`), &keys); err != nil {
			t.Fatal(err)
		}
		family, _, _ := strings.Cut(keys["field"].(string), ".")
		listed[family], listed[keys["field"].(string)] = true, true
		listed[keys["operator"].(string)] = true
		listed[keys["field"].(string)+" "+keys["operator"].(string)] = true
		for key := range keys {
			listed[key] = true
		}
	}
	words := []string{}
	for name := range contactTexts {
		words = append(words, name)
	}
	for name, f := range fields {
		words = append(append(words, name), slices.Concat(f.operators, f.options)...)
	}
	for name, f := range families {
		words = append(append(words, name), slices.Concat(f.operators, f.options)...)
	}
	for name, operators := range map[string][]string{
		"country": contactField.operators, "orders.count": numberOperators, "created_at": timeOperators,
	} {
		for _, op := range operators {
			words = append(words, name+" "+op)
		}
	}
	for _, word := range words {
		if !listed[word] {
			t.Errorf("%s is not in the table", word)
		}
	}
}

func TestStringOfGroups(t *testing.T) {
	t.Parallel()
	group := func(combinator string, rules ...string) string {
		return strings.Replace(inAnd(rules...), "and", combinator, 1)
	}
	const (
		coffee   = `{"field":"bought.category","operator":"bought","value":"coffee"}`
		grinders = `{"field":"bought.category","operator":"not_bought","value":"grinders","from":"trigger"}`
		norway   = `{"field":"country","operator":"=","value":"Norway"}`
	)
	not := func(group string) string { return strings.Replace(group, "{", `{"not":true,`, 1) }
	tests := []struct{ raw, want string }{
		{inAnd(), "every contact"},
		{inAnd(coffee), `bought a product of category "coffee"`},
		{inAnd(coffee, grinders), `bought a product of category "coffee" and has not bought a product of category "grinders" since the trigger`},
		{group("or", norway, coffee), `country is "Norway" or bought a product of category "coffee"`},
		{inAnd(norway, group("or", norway, coffee)), `country is "Norway" and (country is "Norway" or bought a product of category "coffee")`},
		{inAnd(norway, inAnd(group("or", norway, coffee))), `country is "Norway" and (country is "Norway" or bought a product of category "coffee")`},
		{inAnd(group("or", norway, coffee)), `country is "Norway" or bought a product of category "coffee"`},
		{not(inAnd(norway)), `not (country is "Norway")`},
		{inAnd(coffee, not(group("or", norway, norway))), `bought a product of category "coffee" and not (country is "Norway" or country is "Norway")`},
	}
	for _, test := range tests {
		if got := mustParseTriggered(t, test.raw, ContactScope).String(); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.raw, got, test.want)
		}
	}
	if got := (Rule{}).String(); got != "every contact" {
		t.Errorf("the zero rule is %s", got)
	}
}

func TestWhyNot(t *testing.T) {
	t.Parallel()
	facts := Facts{Country: "Norway", Orders: []OrderFact{{PlacedAt: noon, Status: "paid", Items: []ItemFact{{SKU: "A", Category: "coffee", Quantity: 1}}}}}
	leaf := func(s string) string { return `{"field":` + s + `}` }
	group := func(combinator, more string, rules ...string) string {
		return `{"combinator":"` + combinator + `"` + more + `,"rules":[` + strings.Join(rules, ",") + `]}`
	}
	iceland := leaf(`"country","operator":"=","value":"Iceland"`)
	norway := leaf(`"country","operator":"=","value":"Norway"`)
	grinders := leaf(`"bought.category","operator":"bought","value":"grinders"`)
	coffee := leaf(`"bought.category","operator":"bought","value":"coffee"`)
	many := leaf(`"orders.count","operator":">","value":1`)
	for rule, want := range map[string]string{
		norway:   ``,
		iceland:  `country is not "Iceland"`,
		many:     `the number of orders is not more than 1`,
		grinders: `has not bought a product of category "grinders"`,
		leaf(`"country","operator":"!=","value":"Norway"`):                   `country is "Norway"`,
		leaf(`"country","operator":"contains","value":"land"`):               `country does not contain "land"`,
		leaf(`"country","operator":"does_not_begin_with","value":"nor"`):     `country begins with "nor"`,
		leaf(`"country","operator":"null"`):                                  `country has a value`,
		group("and", "", norway, iceland, grinders):                          `country is not "Iceland" and has not bought a product of category "grinders"`,
		group("or", "", iceland, grinders):                                   `country is not "Iceland" and has not bought a product of category "grinders"`,
		group("and", `,"not":true`, norway, coffee):                          `country is "Norway" and bought a product of category "coffee"`,
		group("or", `,"not":true`, iceland, coffee):                          `bought a product of category "coffee"`,
		group("and", "", norway, group("or", `,"not":true`, norway, coffee)): `country is "Norway" and bought a product of category "coffee"`,
	} {
		r, err := Parse([]byte(rule))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.WhyNot(facts, noon); got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
	if got := (Rule{}).WhyNot(facts, noon); got != "" {
		t.Errorf("every contact: %q", got)
	}
}
