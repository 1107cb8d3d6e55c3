package contacts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestGetAndDelete(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	c, _ := upsert(t, pool, monday, Input{ExternalID: "1", Topics: map[string]string{"news": Subscribed}})
	var missing *fault.NotFound
	for _, id := range []string{"2", "", "1\x00", "\xff"} {
		if _, err := ByExternalID(ctx, pool, id); !errors.As(err, &missing) {
			t.Errorf("get %q: %v", id, err)
		}
		if err := Delete(ctx, pool, id); !errors.As(err, &missing) {
			t.Errorf("delete %q: %v", id, err)
		}
	}
	if err := Delete(ctx, pool, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := ByExternalID(ctx, pool, "1"); !errors.As(err, &missing) {
		t.Errorf("after deletion: %v", err)
	}
	if list, err := Consents(ctx, pool, c.ID); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}

func TestSetConsent(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	c, _ := upsert(t, pool, monday, Input{ExternalID: "1"})
	for i, step := range []struct {
		state, source string
		want          Consent
	}{
		{Pending, "form", Consent{"news", Pending, "form", monday}},
		{Subscribed, "confirmed", Consent{"news", Subscribed, "confirmed", monday.Add(1 * time.Hour)}},
		{Subscribed, "again", Consent{"news", Subscribed, "confirmed", monday.Add(1 * time.Hour)}},
		{Unsubscribed, "page", Consent{"news", Unsubscribed, "page", monday.Add(3 * time.Hour)}},
		{Subscribed, "support", Consent{"news", Subscribed, "support", monday.Add(4 * time.Hour)}},
	} {
		if err := SetConsent(ctx, pool, monday.Add(time.Duration(i)*time.Hour), c.ID, "news", step.state, step.source); err != nil {
			t.Fatal(err)
		}
		got, err := Consents(ctx, pool, c.ID)
		if diff := cmp.Diff([]Consent{step.want}, got); err != nil || diff != "" {
			t.Errorf("step %d: %v %s", i, err, diff)
		}
	}
	var missing *fault.NotFound
	if err := SetConsent(ctx, pool, monday, c.ID+1, "news", Subscribed, ""); !errors.As(err, &missing) {
		t.Errorf("nobody: %v", err)
	}
	for _, bad := range [][4]string{{"Big News", Subscribed, "", "topic"}, {"", Subscribed, "", "topic"}, {"news", "yes", "", "state"}, {"news", Subscribed, "a\r\nb", "source"}} {
		var inv *fault.Invalid
		if err := SetConsent(ctx, pool, monday, c.ID, bad[0], bad[1], bad[2]); !errors.As(err, &inv) || inv.Field != bad[3] {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestValidTopic(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"news", "n", "2026-spring_sale", strings.Repeat("a", 64)} {
		if err := ValidTopic(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "News", "big news", "-a", "_a", "a.b", "ä", "a\n", "a\x00", strings.Repeat("a", 65), "\xff"} {
		var inv *fault.Invalid
		if err := ValidTopic(s); !errors.As(err, &inv) || inv.Field != "topic" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestSuppress(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	for i, s := range [][3]string{
		{"B@x.example", CauseComplaint, "550 5.7.1\r\nspam\x00"}, {"b@X.example", CauseManual, "too late"},
		{"a@x.example", CauseUnsubscribe, strings.Repeat("ö", 600)}, {"c@x.example", CauseBounce, "\xff"},
	} {
		if err := Suppress(ctx, pool, monday.Add(time.Duration(i)*time.Hour), s[0], s[1], s[2]); err != nil {
			t.Fatal(err)
		}
	}
	upsert(t, pool, monday, Input{ExternalID: "1", Email: ptr("B@x.example")})
	upsert(t, pool, monday, Input{ExternalID: "2", Email: ptr("b@x.example")})
	upsert(t, pool, monday, Input{ExternalID: "3"})
	a := SuppressionRow{Suppression{"a@x.example", CauseUnsubscribe, strings.Repeat("ö", 500), monday.Add(2 * time.Hour)}, 0}
	b := SuppressionRow{Suppression{"b@x.example", CauseComplaint, "550 5.7.1  spam", monday}, 2}
	c := SuppressionRow{Suppression{"c@x.example", CauseBounce, "?", monday.Add(3 * time.Hour)}, 0}
	for _, test := range []struct {
		f    SuppressionFilter
		want []SuppressionRow
	}{
		{SuppressionFilter{}, []SuppressionRow{a, b, c}},
		{SuppressionFilter{Newest: true}, []SuppressionRow{c, a, b}},
		{SuppressionFilter{Query: " B@X"}, []SuppressionRow{b}},
		{SuppressionFilter{Query: "x.ex", Newest: true, Cause: CauseBounce}, []SuppressionRow{c}},
		{SuppressionFilter{Query: "%"}, nil},
		{SuppressionFilter{Query: "_@"}, nil},
		{SuppressionFilter{Query: "\x00"}, nil},
	} {
		for _, size := range []int{1, 2, 10} {
			var got []SuppressionRow
			for f := test.f; ; {
				f.Limit = size
				list, next, err := Suppressions(ctx, pool, f)
				if err != nil {
					t.Fatalf("%+v: %v", f, err)
				}
				got = append(got, list...)
				if f.Cursor = next; next == "" {
					break
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%+v, %d a page: %s", test.f, size, diff)
			}
		}
	}
	for field, f := range map[string]SuppressionFilter{"cause": {Cause: "mood"}, "cursor": {Newest: true, Cursor: "a@x.example"}} {
		var inv *fault.Invalid
		if _, _, err := Suppressions(ctx, pool, f); !errors.As(err, &inv) || inv.Field != field {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if n, err := SuppressionCounts(ctx, pool); err != nil || cmp.Diff(map[string]int64{"unsubscribe": 1, "complaint": 1, "bounce": 1, "manual": 0}, n) != "" {
		t.Errorf("%v %v", n, err)
	}

	if err := Unsuppress(ctx, pool, "A@x.example"); err != nil {
		t.Fatal(err)
	}
	var missing *fault.NotFound
	if err := Unsuppress(ctx, pool, "a@x.example"); !errors.As(err, &missing) {
		t.Errorf("twice: %v", err)
	}
	var inv *fault.Invalid
	if err := Suppress(ctx, pool, monday, "nobody", CauseManual, ""); !errors.As(err, &inv) || inv.Field != "email" {
		t.Errorf("no address: %v", err)
	}
	if err := Suppress(ctx, pool, monday, "d@x.example", "mood", ""); !errors.As(err, &inv) || inv.Field != "cause" {
		t.Errorf("no cause: %v", err)
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), context.Background()
	if list, err := Topics(ctx, pool); err != nil || len(list) != 0 {
		t.Errorf("of nothing: %v %v", list, err)
	}
	for i, topics := range []map[string]string{{"news": Subscribed, "offers": Pending}, {"news": Subscribed}, {"news": Unsubscribed}, {"news": Subscribed}} {
		in := Input{ExternalID: fmt.Sprint(i), Topics: topics}
		if i < 3 {
			in.Email = ptr(fmt.Sprintf("%d@x.example", i))
		}
		upsert(t, pool, monday, in)
	}
	for _, key := range []string{"0@x.example", "2@x.example"} {
		if err := Suppress(ctx, pool, monday, key, CauseManual, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		`INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1)`,
		`INSERT INTO campaigns (name, template_id, sender_address, topic, status, created_at, updated_at)
		 VALUES ('A', 1, 'a@b.example', 'news', 'finished', $1, $1), ('B', 1, 'a@b.example', 'news', 'draft', $1, $1), ('C', 1, 'a@b.example', 'spring', 'scheduled', $1, $1)`,
		`INSERT INTO journeys (name, status, version, created_at, updated_at) VALUES ('J', 'live', 1, $1, $1), ('K', 'archived', 1, $1, $1)`,
		`INSERT INTO journey_versions (journey_id, version, definition, created_at)
		 SELECT id, 1, '{"steps": [{"type": "send", "topic": "service"}, {"type": "branch", "then": [{"type": "send", "topic": "news"}, {"type": "send", "topic": "service"}]}, {"type": "update", "set": {"topic": "x"}}]}', $1 FROM journeys`,
	} {
		if _, err := pool.Exec(ctx, sql, monday); err != nil {
			t.Fatal(sql, err)
		}
	}
	got, err := Topics(ctx, pool)
	want := []TopicCount{
		{Topic: "news", Subscribed: 3, Unsubscribed: 1, Reachable: 1, Campaigns: 1, Journeys: 1}, {Topic: "offers", Pending: 1},
		{Topic: "service", Journeys: 1}, {Topic: "spring", Campaigns: 1},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
