package segments

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"posthorn/internal/pgtest"
)

// TestAgree holds random rules over random contacts: Postgres selects exactly
// those that Match accepts, and neither ever answers with a third truth value.
func TestAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("contacts ", seed), func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			r := rand.New(rand.NewPCG(seed, 1))
			contacts := make([]Facts, 250)
			for i := range contacts {
				contacts[i] = someFacts(r, i)
			}
			ids := insert(t, pool, contacts)
			facts, err := LoadFacts(t.Context(), pool, ids)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(rt *rapid.T) {
				// Rules that select some but not all say most, and a tree of random conditions
				// seldom does: so there are single conditions, too.
				raw := rapid.OneOf(rapid.Custom(leafGen), rapid.Custom(func(rt *rapid.T) map[string]any { return groupGen(rt, 3, leafGen) })).Draw(rt, "rule")
				asOf := noon.Add(rapid.SampledFrom([]time.Duration{0, 0, time.Microsecond, -time.Microsecond, -7 * 24 * time.Hour, 48 * time.Hour}).Draw(rt, "as_of"))
				text, err := json.Marshal(raw)
				if err != nil {
					rt.Fatal(err)
				}
				rule, err := Parse(text)
				if err != nil {
					rt.Fatalf("%s: %v", text, err)
				}
				got, q, err := selected(t.Context(), pool, rule, asOf)
				if err != nil {
					rt.Fatalf("%s\n%s\n%v: %v", text, q.SQL, q.Args, err)
				}
				var want []int64
				for _, id := range ids {
					if rule.Match(facts[id], asOf) {
						want = append(want, id)
					}
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					rt.Fatalf("%s\n%s\n%v\nMatch -, Postgres +:\n%s", text, q.SQL, q.Args, diff)
				}
				opposite, err := Parse([]byte(`{"combinator":"and","not":true,"rules":[` + string(text) + `]}`))
				if err != nil {
					rt.Fatalf("not %s: %v", text, err)
				}
				rest, q, err := selected(t.Context(), pool, opposite, asOf)
				if err != nil {
					rt.Fatalf("%s\n%v: %v", q.SQL, q.Args, err)
				}
				if all := slices.Sorted(slices.Values(append(rest, got...))); !slices.Equal(all, ids) {
					rt.Fatalf("%s and its opposite do not make up everybody: %d and %d of %d", text, len(got), len(rest), len(ids))
				}
			})
		})
	}
}

func groupGen(rt *rapid.T, depth int, leaf func(*rapid.T) map[string]any) map[string]any {
	g := map[string]any{
		"combinator": rapid.SampledFrom([]string{"and", "or"}).Draw(rt, "combinator"),
		"not":        rapid.Bool().Draw(rt, "not"),
	}
	rules := make([]any, rapid.IntRange(1, 3).Draw(rt, "n"))
	for i := range rules {
		if depth > 1 && rapid.IntRange(0, 2).Draw(rt, "nest") == 0 {
			rules[i] = groupGen(rt, depth-1, leaf)
		} else {
			rules[i] = leaf(rt)
		}
	}
	g["rules"] = rules
	return g
}

func leafGen(rt *rapid.T) map[string]any {
	sample := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, label) }
	leaf := map[string]any{}
	operator := func(from []string) string { return operatorOf(rt, leaf, from) }
	switch kind := rapid.IntRange(0, 7).Draw(rt, "kind"); kind {
	case 0:
		leaf["field"] = sample("field", "external_id", "email", "first_name", "last_name", "phone", "country", "language", "timezone")
		textValue(rt, leaf, operator(contactField.operators))
	case 1, 2:
		leaf["field"] = "attributes." + sample("key", someKeys...)
		attributeValue(rt, leaf)
	case 3:
		leaf["field"] = "consent." + sample("topic", someTopics...)
		switch operator(families["consent"].operators) {
		case "in":
			leaf["value"] = []any{sample("value", consentStates...), sample("value", consentStates...)}
		case "=":
			leaf["value"] = sample("value", consentStates...)
		}
	case 4:
		leaf["field"] = sample("field", "orders.count", "orders.sum")
		from := []string{"0", "1", "2", "3"}
		if leaf["field"] == "orders.sum" {
			from = []string{"0", "2.55", "0.0001", "-2.55", "10", "99999999999999.9999", "999999999999999.999"}
		}
		numberValue(rt, leaf, operator(numberOperators), from)
		options(rt, leaf, "currency")
	case 5:
		leaf["field"] = sample("field", "orders.first", "orders.last", "created_at")
		ops := timeOperators
		if leaf["field"] != "created_at" {
			ops = fields["orders.first"].operators
		}
		switch operator(ops) {
		case "null":
		case "between":
			leaf["value"] = []any{map[string]any{"days_ago": 99}, dateValue(rt)}
		default:
			leaf["value"] = dateValue(rt)
		}
		if leaf["field"] != "created_at" {
			options(rt, leaf, "currency")
		}
	case 6:
		operator([]string{"bought", "not_bought"})
		from := append(slices.Clone(someSKUs), "zzz")
		if leaf["field"] = sample("field", "bought.product", "bought.category"); leaf["field"] == "bought.category" {
			from = []string{"candles", "CANDLES", "christmas", "äpfel", "ÄPFEL", "other"}
		}
		if leaf["value"] = sample("value", from...); rapid.Bool().Draw(rt, "list") {
			leaf["value"] = []any{leaf["value"], sample("value", from...)}
		}
		options(rt, leaf, "times")
	default:
		operator([]string{"did", "did_not"})
		leaf["field"] = "event." + sample("name", append(slices.Clone(someEvents), "zzz")...)
		options(rt, leaf, "times")
	}
	return leaf
}

// operatorOf gives the leaf one of the operators and returns its positive form.
func operatorOf(rt *rapid.T, leaf map[string]any, from []string) string {
	op := rapid.SampledFrom(from).Draw(rt, "operator")
	leaf["operator"] = op
	base, _, _ := field{operators: from}.operator(op)
	return base
}

func attributeValue(rt *rapid.T, leaf map[string]any) {
	switch rapid.IntRange(0, 3).Draw(rt, "type") {
	case 0:
		textValue(rt, leaf, operatorOf(rt, leaf, families["attributes"].operators))
	case 1:
		op := operatorOf(rt, leaf, append(slices.Clone(numberOperators), "in", "not_in"))
		numberValue(rt, leaf, op, someNumbers)
	case 2:
		operatorOf(rt, leaf, []string{"=", "!="})
		leaf["value"] = rapid.Bool().Draw(rt, "value")
	case 3:
		day := func(max int) map[string]any {
			relative := rapid.SampledFrom([]string{"days_ago", "days_ahead"}).Draw(rt, "relative")
			return map[string]any{relative: rapid.IntRange(0, max).Draw(rt, "days")}
		}
		if operatorOf(rt, leaf, timeOperators) == "between" {
			leaf["value"] = []any{map[string]any{"days_ago": 30}, day(29)}
		} else {
			leaf["value"] = day(40)
		}
	}
}

// without returns the texts that a rule may name.
func without(texts []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return s == "" })
}

func textValue(rt *rapid.T, leaf map[string]any, op string) {
	text := rapid.SampledFrom(append(without(someTexts), "shop", "ann@shop.example", "a-1", "A-1", "ä", "s", "%", "_"))
	switch op {
	case "null":
	case "in":
		leaf["value"] = rapid.SliceOfN(text, 1, 4).Draw(rt, "value")
	case "between":
		pair := rapid.SliceOfN(text, 2, 2).Draw(rt, "value")
		slices.SortFunc(pair, func(a, b string) int { return slices.Compare([]byte(fold(a)), []byte(fold(b))) })
		if leaf["field"] == "external_id" {
			slices.Sort(pair)
		}
		leaf["value"] = pair
	default:
		leaf["value"] = text.Draw(rt, "value")
	}
}

func numberValue(rt *rapid.T, leaf map[string]any, op string, from []string) {
	number := rapid.SampledFrom(from)
	switch op {
	case "in":
		var list []json.Number
		for _, s := range rapid.SliceOfN(number, 1, 4).Draw(rt, "value") {
			list = append(list, json.Number(s))
		}
		leaf["value"] = list
	case "between":
		pair := rapid.SliceOfN(number, 2, 2).Draw(rt, "value")
		a, _ := parseDecimal(pair[0])
		b, _ := parseDecimal(pair[1])
		if a.cmp(b) > 0 {
			slices.Reverse(pair)
		}
		leaf["value"] = []json.Number{json.Number(pair[0]), json.Number(pair[1])}
	default:
		leaf["value"] = json.Number(number.Draw(rt, "value"))
	}
}

// dateValue is a date whose edges are where the contacts' moments are.
func dateValue(rt *rapid.T) any {
	days := rapid.SampledFrom([]int{0, 1, 2, 7, 30, 99}).Draw(rt, "days")
	switch rapid.IntRange(0, 2).Draw(rt, "date") {
	case 0:
		return map[string]any{"days_ago": days}
	case 1:
		return noon.AddDate(0, 0, -days).Format(dayForm)
	default:
		return noon.AddDate(0, 0, -days).Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "µs")) * time.Microsecond).
			In(time.FixedZone("", 5*3600)).Format(time.RFC3339Nano)
	}
}

func options(rt *rapid.T, leaf map[string]any, other string) {
	switch rapid.IntRange(0, 3).Draw(rt, "window") {
	case 0:
		leaf["within_days"] = rapid.SampledFrom([]int{1, 7, 30}).Draw(rt, "within_days")
	case 1:
		leaf["from"] = dateValue(rt)
	case 2:
		leaf["from"] = map[string]any{"days_ago": 99}
		leaf["to"] = dateValue(rt)
	}
	if rapid.Bool().Draw(rt, other) {
		switch other {
		case "currency":
			leaf["currency"] = rapid.SampledFrom([]string{"EUR", "GBP", "JPY"}).Draw(rt, "value")
		case "times":
			leaf["times"] = rapid.IntRange(1, 3).Draw(rt, "value")
		}
	}
}
