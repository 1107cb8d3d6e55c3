package contacts

import (
	"context"
	"errors"
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
	want := []Suppression{
		{"a@x.example", CauseUnsubscribe, strings.Repeat("ö", 500), monday.Add(2 * time.Hour)},
		{"b@x.example", CauseComplaint, "550 5.7.1  spam", monday},
		{"c@x.example", CauseBounce, "?", monday.Add(3 * time.Hour)},
	}
	first, next, err := Suppressions(ctx, pool, "", 2)
	if err != nil || next != "b@x.example" {
		t.Fatal(next, err)
	}
	rest, end, err := Suppressions(ctx, pool, next, 2)
	if err != nil || end != "" {
		t.Fatal(end, err)
	}
	if diff := cmp.Diff(want, append(first, rest...)); diff != "" {
		t.Error(diff)
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
