package contacts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestUpsert(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	since := time.Date(2011, 1, 18, 10, 1, 0, 123456789, time.FixedZone("", 3600))
	in := Input{
		ExternalID: "C-1", Email: ptr(" Edith@Example.COM"), FirstName: ptr("Edith"), LastName: ptr(" Holloway "), Phone: ptr("+354 555 0100"),
		Country: ptr("Iceland"), Language: ptr("is"), Timezone: ptr("Atlantic/Reykjavik"), CreatedAt: &since,
		Attributes: map[string]any{"vip": true, "size": 4.5, "tags": []any{"a", nil}, "gone": nil},
		Topics:     map[string]string{"news": Subscribed, "offers": Pending},
	}
	got, change := upsert(t, pool, monday, in)
	want := Contact{
		ID: got.ID, ExternalID: "C-1", Email: "Edith@example.com", EmailKey: "edith@example.com", FirstName: "Edith", LastName: "Holloway",
		Phone: "+354 555 0100", Country: "Iceland", Language: "is", Timezone: "Atlantic/Reykjavik",
		Attributes: map[string]any{"vip": true, "size": 4.5, "tags": []any{"a", nil}},
		CreatedAt:  since.UTC().Truncate(time.Microsecond), UpdatedAt: monday,
	}
	if diff := cmp.Diff(want, got); diff != "" || change != Created {
		t.Errorf("%s: %s", change, diff)
	}
	if read, err := ByExternalID(ctx, pool, "C-1"); err != nil || cmp.Diff(want, read) != "" {
		t.Errorf("%v %s", err, cmp.Diff(want, read))
	}

	before := snapshot(t, pool)
	if _, change := upsert(t, pool, tuesday, in); change != Unchanged {
		t.Errorf("the same again: %s", change)
	}
	if _, change := upsert(t, pool, tuesday, Input{ExternalID: "C-1"}); change != Unchanged {
		t.Errorf("nothing: %s", change)
	}
	if diff := cmp.Diff(before, snapshot(t, pool)); diff != "" {
		t.Error(diff)
	}

	// Given fields change, empty ones are cleared, the others stay.
	got, change = upsert(t, pool, tuesday, Input{ExternalID: "C-1", Email: ptr(""), LastName: ptr("Jansen"), Phone: ptr(""),
		Attributes: map[string]any{"vip": nil, "size": 5.0, "new": map[string]any{"a": nil}, "never": nil}})
	want.Email, want.EmailKey, want.LastName, want.Phone, want.UpdatedAt = "", "", "Jansen", "", tuesday
	want.Attributes = map[string]any{"size": 5.0, "tags": []any{"a", nil}, "new": map[string]any{"a": nil}}
	if diff := cmp.Diff(want, got); diff != "" || change != Updated {
		t.Errorf("%s: %s", change, diff)
	}

	// A consent alone is an update, but not of the contact's own row.
	got, change = upsert(t, pool, tuesday.Add(time.Hour), Input{ExternalID: "C-1", Topics: map[string]string{"news": Unsubscribed, "offers": Pending}})
	if diff := cmp.Diff(want, got); diff != "" || change != Updated {
		t.Errorf("%s: %s", change, diff)
	}
	consents, err := Consents(ctx, pool, got.ID)
	if diff := cmp.Diff([]Consent{{"news", Unsubscribed, "test", tuesday.Add(time.Hour)}, {"offers", Pending, "test", monday}}, consents); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// identity is the order in which a contact is looked for, as one table.
func TestIdentity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		before []Input
		in     Input
		change Change
		want   []string // external_id email_key, in order of creation; what was touched is marked
	}{
		{"new by id", nil, Input{ExternalID: "1", Email: ptr("a@x.example")}, Created, []string{"1 a@x.example *"}},
		{"new by address", nil, Input{Email: ptr("A@x.example")}, Created, []string{"a@x.example a@x.example *"}},
		{"new without address", nil, Input{ExternalID: "1"}, Created, []string{"1  *"}},
		{"by id", []Input{{ExternalID: "1", Email: ptr("a@x.example")}}, Input{ExternalID: "1", Email: ptr("b@x.example")}, Updated, []string{"1 b@x.example *"}},
		{"an address that others have", []Input{{ExternalID: "1", Email: ptr("a@x.example")}}, Input{ExternalID: "2", Email: ptr("a@x.example")}, Created,
			[]string{"1 a@x.example", "2 a@x.example *"}},
		{"adopted", []Input{{Email: ptr("a@x.example")}}, Input{ExternalID: "1", Email: ptr("A@x.example")}, Updated, []string{"1 a@x.example *"}},
		{"not adopted: the id exists", []Input{{Email: ptr("a@x.example")}, {ExternalID: "1"}}, Input{ExternalID: "1", Email: ptr("a@x.example")}, Updated,
			[]string{"a@x.example a@x.example", "1 a@x.example *"}},
		{"not adopted: it has another address by now", []Input{{ExternalID: "a@x.example", Email: ptr("b@x.example")}}, Input{ExternalID: "1", Email: ptr("a@x.example")}, Created,
			[]string{"a@x.example b@x.example", "1 a@x.example *"}},
		{"the oldest with the address", []Input{{ExternalID: "1", Email: ptr("a@x.example")}, {ExternalID: "2", Email: ptr("a@x.example")}},
			Input{Email: ptr("a@x.example"), FirstName: ptr("A")}, Updated, []string{"1 a@x.example *", "2 a@x.example"}},
		{"known by an address it has no more", []Input{{ExternalID: "a@x.example", Email: ptr("b@x.example")}}, Input{Email: ptr("a@x.example")}, Updated,
			[]string{"a@x.example a@x.example *"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			for _, in := range c.before {
				upsert(t, pool, monday, in)
			}
			got, change := upsert(t, pool, tuesday, c.in)
			if change != c.change {
				t.Errorf("%s, want %s", change, c.change)
			}
			var list []string
			for _, x := range snapshot(t, pool).Contacts {
				s := x.ExternalID + " " + x.EmailKey
				if x.UpdatedAt.Equal(tuesday) {
					s += " *"
				}
				if (x.ID == got.ID) != x.UpdatedAt.Equal(tuesday) {
					t.Errorf("returned %s, touched %s", got.ExternalID, x.ExternalID)
				}
				list = append(list, s)
			}
			if diff := cmp.Diff(c.want, list); diff != "" {
				t.Error(diff)
			}
			if _, change := upsert(t, pool, tuesday.Add(time.Hour), c.in); change != Unchanged {
				t.Errorf("the same again: %s", change)
			}
		})
	}
}

func TestUpsertRefuses(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	deep := any("x")
	for range 30 {
		deep = []any{deep}
	}
	old := time.Date(1200, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		field string
		in    Input
	}{
		{"external_id", Input{}},
		{"external_id", Input{ExternalID: "  ", Email: ptr(" ")}},
		{"external_id", Input{FirstName: ptr("Edith")}},
		{"external_id", Input{ExternalID: "1\x00"}},
		{"external_id", Input{ExternalID: strings.Repeat("x", 201)}},
		{"email", Input{ExternalID: "1", Email: ptr("edith")}},
		{"email", Input{ExternalID: "1", Email: ptr("edith@example.com\r\nBcc: otto@example.com")}},
		{"first_name", Input{ExternalID: "1", FirstName: ptr("Edith\r\nBcc: otto@example.com")}},
		{"first_name", Input{ExternalID: "1", FirstName: ptr("Edith\x00")}},
		{"last_name", Input{ExternalID: "1", LastName: ptr("Hol\nloway")}},
		{"last_name", Input{ExternalID: "1", LastName: ptr("\xff")}},
		{"phone", Input{ExternalID: "1", Phone: ptr(strings.Repeat("1", 51))}},
		{"country", Input{ExternalID: "1", Country: ptr(strings.Repeat("ö", 101))}},
		{"language", Input{ExternalID: "1", Language: ptr("a\tb")}},
		{"timezone", Input{ExternalID: "1", Timezone: ptr("Mars/Olympus")}},
		{"timezone", Input{ExternalID: "1", Timezone: ptr("Local")}},
		{"timezone", Input{ExternalID: "1", Timezone: ptr("../../etc/passwd")}},
		{"created_at", Input{ExternalID: "1", CreatedAt: &old}},
		{"created_at", Input{ExternalID: "1", CreatedAt: &time.Time{}}},
		{"attributes", Input{ExternalID: "1", Attributes: map[string]any{"a": "x\x00y"}}},
		{"attributes", Input{ExternalID: "1", Attributes: map[string]any{"a\x00": "x"}}},
		{"attributes", Input{ExternalID: "1", Attributes: map[string]any{" ": "x"}}},
		{"attributes", Input{ExternalID: "1", Attributes: map[string]any{"a": deep}}},
		{"attributes", Input{ExternalID: "1", Attributes: map[string]any{"a": strings.Repeat("x", 70_000)}}},
		{"attributes", Input{ExternalID: "1", Attributes: map[string]any{"a": func() {}}}},
		{"topics", Input{ExternalID: "1", Topics: map[string]string{"Big News": Subscribed}}},
		{"topics.news", Input{ExternalID: "1", Topics: map[string]string{"news": "maybe"}}},
	} {
		_, _, err := Upsert(context.Background(), pool, monday, c.in, "test")
		var inv *fault.Invalid
		if !errors.As(err, &inv) || inv.Field != c.field {
			t.Errorf("%+v: %v, want a fault of %s", c.in, err, c.field)
		}
	}
	_, _, err := Upsert(context.Background(), pool, monday, Input{ExternalID: "1", Email: ptr("x"), Timezone: ptr("y")}, "test")
	var list fault.List
	if !errors.As(err, &list) || len(list) != 2 {
		t.Errorf("two faults at once: %v", err)
	}
	if got := snapshot(t, pool); len(got.Contacts) != 0 {
		t.Errorf("%+v", got)
	}
	// Backslashes and a lone surrogate are no NUL.
	upsert(t, pool, monday, Input{ExternalID: "1", Attributes: map[string]any{"a": `\u0000 \\u0000`, "b": "\xff"}})
}

func TestUpsertBatch(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	upsert(t, pool, monday, Input{ExternalID: "old", Email: ptr("old@x.example")})
	upsert(t, pool, monday, Input{Email: ptr("anna@x.example")})
	batch := []Input{
		{ExternalID: "1", Email: ptr("a@x.example")},
		{ExternalID: "bad", Email: ptr("nobody")},
		{ExternalID: "old", FirstName: ptr("Otto")},
		{ExternalID: "old", LastName: ptr("Old")},        // sees what the one before did
		{Email: ptr("a@x.example"), FirstName: ptr("A")}, // is "1"
		{Email: ptr("new@x.example")},                    // new
		{ExternalID: "2", Email: ptr("NEW@x.example")},   // adopts it
		{ExternalID: "3", Email: ptr("anna@x.example")},  // adopts an older one
		{ExternalID: "4", Email: ptr("anna@x.example")},  // too late
		{}, // nobody
		{ExternalID: "old", Email: ptr("other@x.example")},                     // moves away …
		{Email: ptr("old@x.example")},                                          // … so this is somebody else
		{ExternalID: "4", Topics: map[string]string{"news": Subscribed}},       // consent only
		{ExternalID: "1", Attributes: map[string]any{"n": 1}, Phone: ptr("1")}, // again "1"
	}
	results, err := UpsertBatch(ctx, pool, tuesday, batch, "batch")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, r := range results {
		if r.Index != i {
			t.Errorf("index %d at %d", r.Index, i)
		}
		s := fmt.Sprintf("%s %s", r.ExternalID, r.Change)
		var inv *fault.Invalid
		if errors.As(r.Error, &inv) {
			s += "! " + inv.Field
		}
		got = append(got, s)
	}
	want := []string{"1 created", "bad ! email", "old updated", "old updated", "1 updated", "new@x.example created", "2 updated",
		"3 updated", "4 created", " ! external_id", "old updated", "old@x.example created", "4 updated", "1 updated"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var list []string
	for _, c := range snapshot(t, pool).Contacts {
		list = append(list, strings.Join([]string{c.ExternalID, c.Email, c.FirstName, c.LastName, c.Phone}, " "))
	}
	if diff := cmp.Diff([]string{"old other@x.example Otto Old ", "3 anna@x.example   ", "1 a@x.example A  1", "2 NEW@x.example   ",
		"4 anna@x.example   ", "old@x.example old@x.example   "}, list); diff != "" {
		t.Error(diff)
	}

	if _, err := UpsertBatch(ctx, pool, tuesday, make([]Input, MaxBatch+1), "batch"); err == nil {
		t.Error("took a batch too large")
	}
	if results, err := UpsertBatch(ctx, pool, tuesday, nil, "batch"); err != nil || len(results) != 0 {
		t.Error(results, err)
	}
}

// A batch is what its items are one after the other.
func TestBatchIsSequence(t *testing.T) {
	t.Parallel()
	one, many := pgtest.New(t), pgtest.New(t)
	rnd := newRandom(7)
	for round := range 40 {
		now := monday.Add(time.Duration(round) * time.Hour)
		var batch []Input
		for range 1 + rnd.IntN(8) {
			batch = append(batch, randomInput(rnd))
		}
		results, err := UpsertBatch(context.Background(), many, now, batch, "test")
		if err != nil {
			t.Fatal(err)
		}
		for i, in := range batch {
			c, change, err := Upsert(context.Background(), one, now, in, "test")
			if (err == nil) != (results[i].Error == nil) || change != results[i].Change || err == nil && c.ExternalID != results[i].ExternalID {
				t.Fatalf("round %d item %d: %s %s %v, in a batch %+v\n%s", round, i, c.ExternalID, change, err, results[i], describe(batch))
			}
		}
		if diff := cmp.Diff(people(snapshot(t, one)), people(snapshot(t, many))); diff != "" {
			t.Fatalf("round %d: %s\n%s", round, diff, describe(batch))
		}
	}
}

// Writers at once neither fail nor make somebody twice.
func TestUpsertConcurrently(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 30 {
				key := fmt.Sprintf("p%d@x.example", i)
				inputs := []Input{{Email: &key}, {ExternalID: fmt.Sprint("C-", i), Email: &key, FirstName: ptr(fmt.Sprint(worker))}}
				if worker%2 == 0 {
					if _, err := UpsertBatch(context.Background(), pool, monday, inputs, "test"); err != nil {
						t.Error(err)
					}
				} else if _, _, err := Upsert(context.Background(), pool, monday, inputs[1], "test"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	count := map[string]int{}
	for _, c := range snapshot(t, pool).Contacts {
		count[c.ExternalID]++
	}
	for i := range 30 {
		if id := fmt.Sprint("C-", i); count[id] != 1 {
			t.Errorf("%s is there %d times", id, count[id])
		}
	}
}
