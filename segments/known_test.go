package segments

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

// Every field is listed in the scopes that know it, and takes what it is listed with.
func TestFields(t *testing.T) {
	t.Parallel()
	for scope, n := range map[Scope]int{"": len(contactTexts) + 7 + 3, ContactScope: len(contactTexts) + 7 + 3, OrderScope: len(contactTexts) + 14 + 3, EventScope: len(contactTexts) + 7 + 4} {
		list := Fields(scope)
		if len(list) != n {
			t.Errorf("%q has %d fields, want %d", scope, len(list), n)
		}
		for _, f := range list {
			name := f.Name
			if f.Family {
				name += "x"
			}
			value := map[FieldKind]string{
				KindText: `"a"`, KindNumber: `1.5`, KindWhole: `1`, KindTime: `"2011-12-09"`, KindAny: `"a"`, KindConsent: `"pending"`, KindStatus: `"paid"`, KindProducts: `["A"]`, KindCategories: `["A"]`,
			}[f.Kind]
			for _, op := range f.Operators {
				v := value
				switch {
				case strings.HasSuffix(op, "null") || f.Kind == KindNone:
					v = "null"
				case strings.HasSuffix(op, "between"):
					v = "[" + v + "," + v + "]"
				case strings.HasSuffix(op, "in") && op != "begins_with" && !strings.HasSuffix(op, "contain"):
					v = "[" + v + "]"
				}
				raw := `{"field":"` + name + `","operator":"` + op + `","value":` + v + `}`
				if _, err := ParseTriggered([]byte(raw), scope); err != nil {
					t.Errorf("%s: %v", raw, err)
				}
			}
			if (len(f.Values) > 0) != (f.Kind == KindConsent || f.Kind == KindStatus) || f.Options == nil {
				t.Errorf("%+v", f)
			}
		}
	}
}

func TestLookAndValues(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	empty, err := Look(ctx, pool)
	if err != nil || cmp.Diff(Known{[]Attribute{}, []string{}, []string{}, []string{}}, empty) != "" {
		t.Errorf("of nothing: %+v %v", empty, err)
	}
	insert(t, pool, []Facts{
		{ExternalID: "1", Country: "Iceland", CreatedAt: noon, Consents: map[string]string{"news": "pending", "offers": "subscribed"}, Events: []EventFact{{"left cart", noon, nil}, {"x", noon, nil}},
			Attributes: map[string]any{"tier": "gold", "level": "12.5", "vip": "TRUE", "tags": []any{"press", "vip"}, "ends": "2026-01-02", "gone": nil, "deep": map[string]any{"x": 1}}},
		{ExternalID: "2", Country: "Iceland", Language: "is", CreatedAt: noon, Consents: map[string]string{"news": "subscribed"}, Events: []EventFact{{"x", noon, nil}}, Orders: []OrderFact{{PlacedAt: noon, Status: "paid", Currency: "ISK"}},
			Attributes: map[string]any{"tier": "100%", "level": 3, "vip": true, "<b>": "<i>"}},
		{ExternalID: "3", Country: "Norway", CreatedAt: noon, Attributes: map[string]any{"tier": 5}},
	})
	if _, err := pool.Exec(ctx, `INSERT INTO products (sku, name, category, created_at, updated_at) VALUES ('GR-1', 'Hand grinder', 'grinders', $1, $1), ('X', 'The grand mill', 'mills', $1, $1)`, noon); err != nil {
		t.Fatal(err)
	}
	known, err := Look(ctx, pool)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"news", "offers"}, known.Topics) + cmp.Diff([]string{"left cart", "x"}, known.Events) + cmp.Diff([]string{"ISK"}, known.Currencies); diff != "" {
		t.Error(diff)
	}
	types := map[string]string{}
	for _, a := range known.Attributes {
		types[a.Name] = strings.Join(a.Types, " ")
	}
	if diff := cmp.Diff(map[string]string{"tier": "text number", "level": "number", "vip": "boolean", "tags": "list", "ends": "day", "<b>": "text"}, types); diff != "" {
		t.Error(diff)
	}
	if first := known.Attributes[0]; first.Name != "tier" || first.Share != 1 {
		t.Errorf("%+v", first)
	}

	for _, test := range []struct{ field, query, want string }{
		{"country", "", "Iceland Norway"}, {"country", "ORW", "Norway"}, {"language", "", "is"}, {"timezone", "", ""}, {"email", "", ""}, {"external_id", "1", ""},
		{"attributes.tier", "", "100% 5 gold"}, {"attributes.tier", "%", "100%"}, {"attributes.tags", "", "press vip"}, {"attributes.none", "", ""}, {"attributes.<b>", "", "<i>"}, {"attributes.gone", "", ""},
		{"bought.product", "gr", "GR-1 X"}, {"order.product", "mill", "X"}, {"bought.product", "%", ""}, {"bought.category", "GRIND", "grinders"}, {"bought.category", "hristmas", "christmas"},
		{"order.currency", "", "ISK"}, {"orders.count", "", ""}, {"properties.value", "", ""}, {"event.x", "", ""}, {"country", "\x00", ""},
	} {
		list, err := Values(ctx, pool, test.field, test.query)
		if err != nil {
			t.Fatalf("%+v: %v", test, err)
		}
		got := []string{}
		for _, v := range list {
			got = append(got, v.Value)
		}
		if !slices.Equal(got, strings.Fields(test.want)) || list == nil {
			t.Errorf("%+v: %q", test, got)
		}
	}
	list, err := Values(ctx, pool, "bought.product", "grind")
	if err != nil || len(list) != 1 || list[0] != (Value{"GR-1", "Hand grinder", "grinders"}) {
		t.Errorf("%v %v", list, err)
	}
	var invalid *fault.Invalid
	if _, err := Values(ctx, pool, "shoe", ""); !errors.As(err, &invalid) || invalid.Field != "field" {
		t.Errorf("%v", err)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	ids := insert(t, pool, []Facts{{ExternalID: "1", Country: "Iceland", CreatedAt: noon, Attributes: map[string]any{}}, {ExternalID: "2", CreatedAt: noon, Attributes: map[string]any{}}})
	if list, err := Of(ctx, pool, ids[0], noon); err != nil || list == nil || len(list) != 0 {
		t.Errorf("without segments: %v %v", list, err)
	}
	for _, s := range []struct{ name, rule string }{{"zz", fromIceland}, {"All", `{"combinator":"and","rules":[]}`}, {"Nobody", `{"field":"orders.count","operator":">","value":0}`}} {
		if _, err := Create(ctx, pool, noon, s.name, []byte(s.rule)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(ctx, `INSERT INTO segments (name, rule, created_at, updated_at) VALUES ('of another version', '{"field": "shoe"}', $1, $1)`, noon); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int64][]Membership{ids[0]: {{2, "All"}, {1, "zz"}}, ids[1]: {{2, "All"}}, 99: {}} {
		if got, err := Of(ctx, pool, id, noon); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%d: %v %s", id, err, cmp.Diff(want, got))
		}
	}
}

func TestUses(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	for range 2 {
		if _, err := Create(ctx, pool, noon, "s", []byte(fromIceland)); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		`INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1)`,
		`INSERT INTO campaigns (name, template_id, sender_address, topic, include, exclude, status, created_at, updated_at)
		 VALUES ('Done', 1, 'a@b.example', 'news', '{1}', '{}', 'finished', $1, $1), ('Spring', 1, 'a@b.example', 'news', '{}', '{2,1}', 'draft', $1, $1), ('Other', 1, 'a@b.example', 'news', '{2}', '{}', 'draft', $1, $1)`,
		`INSERT INTO journeys (name, status, version, created_at, updated_at) VALUES ('Welcome', 'live', 1, $1, $1)`,
		`INSERT INTO journey_versions (journey_id, version, definition, created_at) VALUES (1, 1, '{"trigger": {"type": "segment", "segment_id": 1}}', $1)`,
	} {
		if _, err := pool.Exec(ctx, sql, noon); err != nil {
			t.Fatal(sql, err)
		}
	}
	got, err := Uses(ctx, pool, 1)
	want := []Use{{"campaign", 2, "Spring", "draft", "exclude", true}, {"journey", 1, "Welcome", "live", "trigger", true}, {"campaign", 1, "Done", "finished", "include", false}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	var conflict *fault.Conflict
	if err := Delete(ctx, pool, 1); !errors.As(err, &conflict) || conflict.Message != "the segment is used by campaigns and journeys that have not ended: Spring (draft), Welcome (live)" {
		t.Errorf("delete: %v", err)
	}
	var missing *fault.NotFound
	if _, err := Uses(ctx, pool, 9); !errors.As(err, &missing) {
		t.Errorf("of none: %v", err)
	}
}
