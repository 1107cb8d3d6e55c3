package events

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/contacts"
	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var (
	monday  = time.Date(2026, 3, 2, 9, 0, 0, 123456000, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

func addContacts(t testing.TB, pool *pgxpool.Pool, externalIDs ...string) {
	t.Helper()
	_, err := pool.Exec(context.Background(), `
		INSERT INTO contacts (external_id, created_at, updated_at) SELECT id, $2, $2 FROM unnest($1::text[]) AS id`, externalIDs, monday)
	if err != nil {
		t.Fatal(err)
	}
}

// fields returns the fields that err complains about.
func fields(err error) string {
	var list fault.List
	var one *fault.Invalid
	switch {
	case errors.As(err, &list):
		names := make([]string, len(list))
		for i, e := range list {
			names[i] = e.Field
		}
		return strings.Join(names, " ")
	case errors.As(err, &one):
		return one.Field
	case err == nil:
		return "(no error)"
	default:
		return "(" + err.Error() + ")"
	}
}

func cartLeft(key string) Input {
	occurred := monday.Add(-time.Hour)
	return Input{ContactExternalID: "c1", Name: "left a cart", Properties: map[string]any{"total": 12.5, "skus": []any{"a", "b"}},
		OccurredAt: &occurred, IdempotencyKey: key}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "c1", "c2")

	first, created, err := Record(ctx, pool, monday, cartLeft("k1"))
	if err != nil || !created {
		t.Fatalf("first: %v, %v", created, err)
	}
	want := Event{ID: first.ID, ContactExternalID: "c1", Name: "left a cart", Properties: map[string]any{"total": 12.5, "skus": []any{"a", "b"}},
		OccurredAt: monday.Add(-time.Hour), ReceivedAt: monday, IdempotencyKey: "k1"}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatal(diff)
	}

	// The same key is the same event, whatever else is said now.
	for _, in := range []Input{cartLeft("k1"), {ContactExternalID: "c2", Name: "else", IdempotencyKey: " k1 "}} {
		again, created, err := Record(ctx, pool, tuesday, in)
		if err != nil || created {
			t.Fatalf("again: %v, %v", created, err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatal(diff)
		}
	}

	// Without a key every call is an event, and the time is now where none is given.
	ids := map[int64]bool{first.ID: true}
	for range 2 {
		event, created, err := Record(ctx, pool, tuesday, Input{ContactExternalID: "c1", Name: "signed in"})
		if err != nil || !created || !event.OccurredAt.Equal(tuesday) || len(event.Properties) != 0 || event.IdempotencyKey != "" || ids[event.ID] {
			t.Fatalf("%+v, %v, %v", event, created, err)
		}
		ids[event.ID] = true
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	zero := time.Time{}
	deep := map[string]any{}
	for range 20 {
		deep = map[string]any{"a": deep}
	}
	for _, c := range []struct {
		name   string
		change func(*Input)
		want   string
	}{
		{"good", func(*Input) {}, "(no error)"},
		{"no contact", func(e *Input) { e.ContactExternalID = "" }, "contact_external_id"},
		{"no name", func(e *Input) { e.Name = " " }, "name"},
		{"long name", func(e *Input) { e.Name = strings.Repeat("n", maxName+1) }, "name"},
		{"line break", func(e *Input) { e.Name = "a\nb" }, "name"},
		{"not UTF-8", func(e *Input) { e.Name = "\xff" }, "name"},
		{"zero time", func(e *Input) { e.OccurredAt = &zero }, "occurred_at"},
		{"NUL in a key", func(e *Input) { e.IdempotencyKey = "\x00" }, "idempotency_key"},
		{"long key", func(e *Input) { e.IdempotencyKey = strings.Repeat("k", maxKey+1) }, "idempotency_key"},
		{"large", func(e *Input) { e.Properties = map[string]any{"a": strings.Repeat("x", 64<<10)} }, "properties"},
		{"NUL", func(e *Input) { e.Properties = map[string]any{"a": []any{"\x00"}} }, "properties"},
		{"backslash", func(e *Input) { e.Properties = map[string]any{"a": `\u0000`} }, "(no error)"},
		{"no JSON", func(e *Input) { e.Properties = map[string]any{"a": make(chan int)} }, "properties"},
		{"deep", func(e *Input) { e.Properties = deep }, "properties"},
		{"several", func(e *Input) { e.Name, e.ContactExternalID = "", "" }, "contact_external_id name"},
	} {
		in := cartLeft("k")
		c.change(&in)
		_, err := in.check(monday)
		if got := fields(err); got != c.want {
			t.Errorf("%s: wrong fields %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRecordOfUnknownContact(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	_, _, err := Record(context.Background(), pool, monday, cartLeft("k"))
	if fields(err) != "contact_external_id" {
		t.Error(err)
	}
	if events, _, err := List(context.Background(), pool, Filter{}); err != nil || len(events) != 0 {
		t.Errorf("%v, %v", events, err)
	}
}

// people are all contacts as "external id address", and how many consents there are.
func people(t *testing.T, pool *pgxpool.Pool) string {
	t.Helper()
	var out string
	err := pool.QueryRow(context.Background(), `
		SELECT coalesce(string_agg(external_id || ' ' || email, ', ' ORDER BY external_id), '') || '; ' || (SELECT count(*) FROM consents) FROM contacts`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordOfAnAddress(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	known := "Known@example.com"
	if _, _, err := contacts.Upsert(ctx, pool, monday, contacts.Input{ExternalID: "c1", Email: &known}, "test"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name           string
		in             Input
		contact, after string
	}{
		{"has it", Input{Email: "KNOWN@Example.com"}, "c1", "c1 Known@example.com; 0"},
		{"known by the id", Input{ContactExternalID: "c1", Email: "other@example.com"}, "c1", "c1 Known@example.com; 0"},
		{"unknown", Input{Email: " New@example.com ", IdempotencyKey: "k"}, "new@example.com", "c1 Known@example.com, new@example.com New@example.com; 0"},
		{"not unknown any more", Input{Email: "new@example.com"}, "new@example.com", "c1 Known@example.com, new@example.com New@example.com; 0"},
		{"the id turns up", Input{ContactExternalID: "c2", Email: "new@example.com"}, "c2", "c1 Known@example.com, c2 new@example.com; 0"},
		{"sent again, with an address that nobody has", Input{Email: "nobody@example.com", IdempotencyKey: "k"}, "c2", "c1 Known@example.com, c2 new@example.com; 0"},
		{"a family", Input{ContactExternalID: "c3", Email: "new@example.com"}, "c3", "c1 Known@example.com, c2 new@example.com, c3 new@example.com; 0"},
	} {
		c.in.Name = "left a cart"
		e, _, err := Record(ctx, pool, monday, c.in)
		if err != nil || e.ContactExternalID != c.contact {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
		if got := people(t, pool); got != c.after {
			t.Errorf("%s: %s, want %s", c.name, got, c.after)
		}
	}
}

// A bad event makes no contact, and a stranger who did several things is one.
func TestRecordBatchOfStrangers(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "c1")
	batch := []Input{
		{Email: "a@example.com", Name: "x"}, {ContactExternalID: "nobody", Name: "x"}, {Email: "A@example.com", Name: "y"}, {Email: "b@example.com"},
		{ContactExternalID: "c1", Name: "x"}, {Email: "c@example.com", Name: "x"}, {ContactExternalID: "c9", Email: "c@example.com", Name: "x"}, {Email: "no address", Name: "x"},
		{Name: "x"},
	}
	results, err := RecordBatch(ctx, pool, monday, batch)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprintf("%v:%s", r.Created, fields(r.Error)))
	}
	want := "true:(no error) false:contact_external_id true:(no error) false:name true:(no error) true:(no error) true:(no error) false:email false:contact_external_id"
	if strings.Join(got, " ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, " "), want)
	}
	if got, want := people(t, pool), "a@example.com a@example.com, c1 , c9 c@example.com; 0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Many who send events of the same strangers at once make each of them once.
func TestRecordStrangersConcurrently(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			batch := make([]Input, 50)
			for i := range batch {
				batch[i] = Input{Email: fmt.Sprintf("s%d@example.com", (i+n*7)%50), Name: "x"}
			}
			results, err := RecordBatch(context.Background(), pool, monday, batch)
			if err != nil {
				t.Error(err)
			}
			for _, r := range results {
				if r.Error != nil || !r.Created {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	wg.Wait()
	var contacts, events int
	if err := pool.QueryRow(context.Background(), `SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM events)`).Scan(&contacts, &events); err != nil || contacts != 50 || events != 400 {
		t.Errorf("%d contacts, %d events, %v", contacts, events, err)
	}
}

func TestRecordBatch(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "c1")
	stored, _, err := Record(ctx, pool, monday, cartLeft("known"))
	if err != nil {
		t.Fatal(err)
	}
	nobody, nameless, noKey := cartLeft("n"), cartLeft("m"), cartLeft("")
	nobody.ContactExternalID = "nobody"
	nameless.Name = ""
	batch := []Input{cartLeft("z"), nobody, cartLeft("known"), noKey, nameless, cartLeft("z"), noKey, cartLeft("a")}
	results, err := RecordBatch(ctx, pool, tuesday, batch)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	ids := map[int64]int{}
	for i, r := range results {
		if r.Index != i || (r.ID == 0) != (r.Error != nil) {
			t.Errorf("result %d: %+v", i, r)
		}
		ids[r.ID]++
		got = append(got, fmt.Sprintf("%v:%s", r.Created, fields(r.Error)))
	}
	want := "true:(no error) false:contact_external_id false:(no error) true:(no error) false:name false:(no error) true:(no error) true:(no error)"
	if strings.Join(got, " ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, " "), want)
	}
	if results[0].ID != results[5].ID || results[2].ID != stored.ID || len(ids) != 6 {
		t.Errorf("ids: %+v", results)
	}
	for _, i := range []int{0, 3, 7} { // the ids are those of the right events
		event, err := byID(ctx, pool, results[i].ID)
		if err != nil || event.IdempotencyKey != batch[i].IdempotencyKey {
			t.Errorf("event %d: %+v, %v", i, event, err)
		}
	}
	if results, err := RecordBatch(ctx, pool, monday, nil); err != nil || len(results) != 0 {
		t.Errorf("an empty batch: %v, %v", results, err)
	}
	if _, err := RecordBatch(ctx, pool, monday, make([]Input, MaxBatch+1)); err == nil {
		t.Error("a batch that is too large was taken")
	}
}

func TestSameKeysAtOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "c1")
	const keys = 20
	var mu sync.Mutex
	ids, created := map[string]map[int64]bool{}, 0
	var wg sync.WaitGroup
	for sender := range 6 {
		wg.Go(func() {
			var batch []Input
			for i := range keys {
				if sender%2 == 1 {
					i = keys - 1 - i
				}
				batch = append(batch, cartLeft(fmt.Sprint("k", i)))
			}
			results, err := RecordBatch(ctx, pool, monday, batch)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for i, r := range results {
				key := batch[i].IdempotencyKey
				if ids[key] == nil {
					ids[key] = map[int64]bool{}
				}
				ids[key][r.ID] = true
				if r.Created {
					created++
				}
			}
		})
	}
	wg.Wait()
	if created != keys {
		t.Errorf("%d events were created, want %d", created, keys)
	}
	for key, of := range ids {
		if len(of) != 1 {
			t.Errorf("%s has the ids %v", key, of)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "a", "b")
	for i := range 6 {
		in := Input{ContactExternalID: []string{"a", "b"}[i%2], Name: []string{"x", "y", "z"}[i%3], Properties: map[string]any{"n": i}}
		if _, _, err := Record(ctx, pool, monday, in); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{}, "543210"},
		{Filter{Limit: 4}, "5432|10"},
		{Filter{Limit: 6}, "543210"},
		{Filter{ContactExternalID: "a", Limit: 2}, "42|0"},
		{Filter{Name: "y"}, "41"},
		{Filter{ContactExternalID: "b", Name: "y"}, "1"},
		{Filter{ContactExternalID: "nobody"}, ""},
		{Filter{Name: "\x00"}, ""},
	} {
		var pages []string
		for f := c.filter; ; {
			events, next, err := List(ctx, pool, f)
			if err != nil {
				t.Fatal(err)
			}
			page := ""
			for _, e := range events {
				page += fmt.Sprint(e.Properties["n"])
			}
			pages = append(pages, page)
			if f.Cursor = next; next == 0 {
				break
			}
		}
		if got := strings.Join(pages, "|"); got != c.want {
			t.Errorf("%+v: %s, want %s", c.filter, got, c.want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("c1", "left a cart", "key", "property", "value")
	f.Add("", "\x00", "\xff", "\\u0000", "a\nb")
	pool := pgtest.New(f)
	addContacts(f, pool, "c1")
	f.Fuzz(func(t *testing.T, contact, name, key, property, value string) {
		in := Input{ContactExternalID: contact, Name: name, IdempotencyKey: key, Properties: map[string]any{property: value}}
		if _, err := in.check(monday); err != nil {
			return
		}
		// What passes the checks is taken by the database.
		in.ContactExternalID = "c1"
		if _, _, err := Record(context.Background(), pool, monday, in); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
	})
}
