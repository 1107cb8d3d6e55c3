package templates

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
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
	"posthorn/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var now = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func TestVersionsAreNeverChanged(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	src := Source{Subject: "One", Preheader: "p", HTML: page("<p>one</p>")}
	created, found, err := Create(ctx, pool, now, "  Follow-up ", src)
	if err != nil || len(found) > 0 {
		t.Fatal(err, found)
	}
	if want := (Template{ID: created.ID, Name: "Follow-up", Version: 1, Source: src, CreatedAt: now, UpdatedAt: now}); created != want {
		t.Errorf("created %+v, want %+v", created, want)
	}
	first, err := GetVersion(ctx, pool, created.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if first.CompiledHTML == "" || first.CompiledText == "" || first.HTML != src.HTML || first.Preheader != "p" || !first.CreatedAt.Equal(now) {
		t.Errorf("version 1 is %+v", first)
	}

	later := now.Add(time.Hour)
	src.HTML = page("<p>two</p>")
	updated, _, err := Update(ctx, pool, later, created.ID, "Follow-up", src)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Template{ID: created.ID, Name: "Follow-up", Version: 2, Source: src, CreatedAt: now, UpdatedAt: later}); updated != want {
		t.Errorf("updated %+v, want %+v", updated, want)
	}
	again, err := GetVersion(ctx, pool, created.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("version 1 has changed:\n%s", diff)
	}

	// The same once more is no new version; another name alone is none either.
	if same, _, err := Update(ctx, pool, later.Add(time.Hour), created.ID, "Follow-up", src); err != nil || same != updated {
		t.Errorf("%+v, %v", same, err)
	}
	renamed, _, err := Update(ctx, pool, later.Add(time.Hour), created.ID, "Renamed", src)
	if err != nil || renamed.Version != 2 || renamed.Name != "Renamed" {
		t.Errorf("%+v, %v", renamed, err)
	}
	got, err := Get(ctx, pool, created.ID)
	if err != nil || !got.UpdatedAt.Equal(renamed.UpdatedAt) || got.Source != src || got.Name != "Renamed" {
		t.Errorf("%+v, %v", got, err)
	}

	// A saved version renders.
	v, err := GetVersion(ctx, pool, created.ID, 2)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(v)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Render(ctx, sampleData())
	if err != nil || !strings.Contains(m.HTML, "<p>two</p>") || !strings.HasPrefix(m.Text, "two\n") {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestUpdatesAtOnceAreOneAfterTheOther(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	created, _, err := Create(ctx, pool, now, "x", Source{Subject: "0", HTML: page("")})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, _, err := Update(ctx, pool, now, created.ID, "x", Source{Subject: fmt.Sprint(i + 1), HTML: page("")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := Get(ctx, pool, created.ID)
	if err != nil || got.Version != 9 {
		t.Errorf("version %d, %v", got.Version, err)
	}
	subjects := map[string]bool{}
	for v := range 9 {
		version, err := GetVersion(ctx, pool, created.ID, v+1)
		if err != nil {
			t.Fatal(err)
		}
		subjects[version.Subject] = true
	}
	if len(subjects) != 9 {
		t.Errorf("subjects %v", subjects)
	}
}

func TestSavingRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	good := Source{Subject: "x", HTML: page("")}
	created, _, err := Create(ctx, pool, now, "x", good)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		src  Source
		want string
	}{
		{"", good, "name: is missing"},
		{"  ", good, "name: is missing"},
		{"a\r\nb", good, "name: has control characters"},
		{"a\x00", good, "name: has control characters"},
		{"a\xff", good, "name: has control characters"},
		{strings.Repeat("ä", 201), good, "name: is longer than 200 characters"},
		{"x", Source{Subject: "x", HTML: page("<p>\n {{ nick }}")}, "html: line 2, column 5: there is no nick"},
		{"", Source{Subject: "a\nb", HTML: "x"}, "name: is missing; subject: line 1, column 2: must be one line"},
	} {
		_, _, createErr := Create(ctx, pool, now, test.name, test.src)
		_, _, updateErr := Update(ctx, pool, now, created.ID, test.name, test.src)
		for _, err := range []error{createErr, updateErr} {
			var list fault.List
			var invalid *fault.Invalid
			if !errors.As(err, &list) && !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%q: got %v, want %s", test.name, err, test.want)
			}
		}
	}
	if list, _, err := List(ctx, pool, Selection{}); err != nil || len(list) != 1 || list[0].Version != 1 {
		t.Errorf("something was saved: %+v, %v", list, err)
	}
	// A warning comes along and does not refuse.
	_, found, err := Create(ctx, pool, now, "y", Source{Subject: "x", HTML: page(`<a href="/shop">x</a>`)})
	if err != nil || len(found) != 1 || found[0].Severity != SeverityWarning {
		t.Errorf("%v, %v", found, err)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	_, err := Get(ctx, pool, 7)
	_, versionErr := GetVersion(ctx, pool, 7, 1)
	_, _, updateErr := Update(ctx, pool, now, 7, "x", Source{Subject: "x", HTML: page("")})
	for _, err := range []error{err, versionErr, updateErr} {
		var notFound *fault.NotFound
		if !errors.As(err, &notFound) {
			t.Errorf("got %v", err)
		}
	}
}

// exec runs statements that set up a test.
func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// fill writes four contacts with orders of every status, of which O-2 has items of all
// kinds and O-7 too many, and events.
func fill(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	exec(t, pool, `
		INSERT INTO contacts (external_id, email, first_name, last_name, phone, country, language, timezone, attributes, created_at, updated_at)
		VALUES ('C-1', 'a@example.com', 'Ann', 'Lee', '+354', 'Iceland', 'is', 'Atlantic/Reykjavik', '{"vip": true, "n": 2}', now(), now()),
		       ('C-2', '', '', '', '', '', '', '', '{}', now(), now()),
		       ('C-3', 'c@example.com', '', '', '', '', '', '', '{}', now(), now()),
		       ('C-4', 'd@example.com', '', '', '', '', '', '', '{}', now(), now())`)
	exec(t, pool, `
		INSERT INTO products (sku, name, category, price, currency, url, image_url, in_stock, created_at, updated_at)
		VALUES ('CUP', 'Cup', 'cups', 12.5, 'EUR', 'https://x.example/cup', 'http://x.example/cup.png', true, now(), now()),
		       ('BAD', 'Bad', '', NULL, '', 'javascript:alert(1)', 'data:image/png;base64,AA', false, now(), now())`)
	exec(t, pool, `
		INSERT INTO orders (external_id, contact_id, placed_at, status, currency, total, created_at, updated_at)
		SELECT o.id, c.id, o.placed_at, o.status, 'EUR', o.total, now(), now()
		FROM (VALUES ('O-1', 'C-1', timestamptz '2026-01-01 10:00+02', 'paid', 1.00),
		             ('O-2', 'C-1', timestamptz '2026-02-01 10:00+02', 'placed', 37.2501),
		             ('O-3', 'C-1', timestamptz '2026-03-01 10:00+02', 'cancelled', 3.00),
		             ('O-4', 'C-1', timestamptz '2026-03-02 10:00+02', 'refunded', 3.00),
		             ('O-5', 'C-3', timestamptz '2026-03-01 10:00+02', 'cancelled', 3.00),
		             ('O-6', 'C-4', timestamptz '2026-03-01 10:00+02', 'paid', 3.00),
		             ('O-7', 'C-4', timestamptz '2026-03-01 10:00+02', 'paid', 4.00)) AS o (id, contact, placed_at, status, total)
		JOIN contacts c ON c.external_id = o.contact
		ORDER BY o.id`)
	exec(t, pool, `
		INSERT INTO order_items (order_id, line, sku, quantity, unit_price)
		SELECT o.id, i.line, i.sku, i.quantity, i.price
		FROM (VALUES (3, 'BAD', 1, 9.75), (1, 'CUP', 2, 12.5), (2, 'GONE', 1, 2.5001), (4, 'CUP', -1, 12.5)) AS i (line, sku, quantity, price), orders o
		WHERE o.external_id = 'O-2'`)
	exec(t, pool, `
		INSERT INTO order_items (order_id, line, sku, quantity, unit_price)
		SELECT o.id, n, 'S' || n, 1, 1 FROM orders o, generate_series(1, $1::int) n WHERE o.external_id = 'O-7'`, maxItems+50)
	exec(t, pool, `
		INSERT INTO events (contact_id, name, properties, occurred_at, received_at)
		SELECT c.id, e.name, e.properties, timestamptz '2026-03-05 10:00+02', now()
		FROM (VALUES ('signed up', '{}'::jsonb), ('reviewed', '{"stars": 5, "tags": ["a"], "of": {"sku": "CUP"}}')) AS e (name, properties), contacts c
		WHERE c.external_id = 'C-1'`)
}

// filledItems are those of O-2. The addresses of BAD are no web addresses.
func filledItems() []Item {
	price := 12.5
	return []Item{
		{SKU: "CUP", Quantity: 2, UnitPrice: 12.5, Total: 25, Product: Product{SKU: "CUP", Name: "Cup", Category: "cups", Price: &price, Currency: "EUR", URL: "https://x.example/cup", ImageURL: "http://x.example/cup.png", InStock: true}},
		{SKU: "GONE", Quantity: 1, UnitPrice: 2.5001, Total: 2.5001},
		{SKU: "BAD", Quantity: 1, UnitPrice: 9.75, Total: 9.75, Product: Product{SKU: "BAD", Name: "Bad"}},
	}
}

// idsOf are row ids by name.
func idsOf(t *testing.T, pool *pgxpool.Pool, table, name string) map[string]int64 {
	t.Helper()
	rows, err := pool.Query(context.Background(), `SELECT `+name+`, id FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{}
	var (
		key string
		id  int64
	)
	if _, err := pgx.ForEachRow(rows, []any{&key, &id}, func() error { ids[key] = id; return nil }); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestLoadFacts(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	fill(t, pool)
	ids := idsOf(t, pool, "contacts", "external_id")

	facts, err := LoadFacts(ctx, pool, []int64{ids["C-1"], ids["C-2"], ids["C-3"], ids["C-4"], 999_999, ids["C-1"]})
	if err != nil {
		t.Fatal(err)
	}
	want := Facts{
		Contact: Contact{
			ID: ids["C-1"], ExternalID: "C-1", Email: "a@example.com", FirstName: "Ann", LastName: "Lee", Phone: "+354", Country: "Iceland",
			Language: "is", Timezone: "Atlantic/Reykjavik", Attributes: map[string]any{"vip": true, "n": 2.0},
		},
		LastOrder: &Order{
			ID: "O-2", PlacedAt: time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC), Status: "placed", Currency: "EUR", Total: 37.2501, Items: filledItems(),
		},
	}
	if diff := cmp.Diff(want, facts[ids["C-1"]]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Facts{Contact: Contact{ID: ids["C-2"], ExternalID: "C-2"}}, facts[ids["C-2"]]); diff != "" {
		t.Error(diff)
	}
	if o := facts[ids["C-3"]].LastOrder; o != nil {
		t.Errorf("a cancelled order counts: %+v", o)
	}
	if o := facts[ids["C-4"]].LastOrder; o == nil || o.ID != "O-7" || len(o.Items) != maxItems {
		t.Errorf("of two orders at the same time the later one counts, with %d items at most: %+v", maxItems, o)
	}
	if len(facts) != 4 {
		t.Errorf("%d contacts", len(facts))
	}
	got, err := renderText(t, "{{ contact.name }}: {% for i in last_order.items %}{{ i.name }} {{ i.total | money: last_order.currency }} {{ i.url }}; {% endfor %}", Data{Facts: facts[ids["C-1"]]})
	if want := "Ann Lee: Cup €25.00 https://x.example/cup; GONE €2.50 ; Bad €9.75 ; "; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if none, err := LoadFacts(ctx, pool, nil); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

// counting counts statements.
type counting struct {
	postgres.DB
	statements int
}

func (c *counting) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	c.statements++
	return c.DB.Query(ctx, sql, args...)
}

func TestLoadTriggers(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	fill(t, pool)
	orderIDs, eventIDs := idsOf(t, pool, "orders", "external_id"), idsOf(t, pool, "events", "name")
	db := &counting{DB: pool}
	load := func(statements int, orders, events []int64) (map[int64]*Order, map[int64]*Event) {
		t.Helper()
		db.statements = 0
		o, e, err := LoadTriggers(ctx, db, orders, events)
		if err != nil || db.statements != statements {
			t.Fatalf("%d statements, %v", db.statements, err)
		}
		return o, e
	}

	// Of one contact at once, whatever the status; what was deleted is not there.
	orders, events := load(3, []int64{orderIDs["O-2"], orderIDs["O-4"], orderIDs["O-7"], orderIDs["O-2"], 999_999}, []int64{eventIDs["signed up"], eventIDs["reviewed"], 999_999})
	if o := orders[orderIDs["O-7"]]; o == nil || len(o.Items) != maxItems {
		t.Errorf("an order has %d items at most: %+v", maxItems, o)
	}
	delete(orders, orderIDs["O-7"])
	if diff := cmp.Diff(map[int64]*Order{
		orderIDs["O-2"]: {ID: "O-2", PlacedAt: time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC), Status: "placed", Currency: "EUR", Total: 37.2501, Items: filledItems()},
		orderIDs["O-4"]: {ID: "O-4", PlacedAt: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Status: "refunded", Currency: "EUR", Total: 3},
	}, orders); diff != "" {
		t.Error(diff)
	}
	at := time.Date(2026, 3, 5, 8, 0, 0, 0, time.UTC)
	if diff := cmp.Diff(map[int64]*Event{
		eventIDs["signed up"]: {Name: "signed up", OccurredAt: at},
		eventIDs["reviewed"]:  {Name: "reviewed", OccurredAt: at, Properties: map[string]any{"stars": 5.0, "tags": []any{"a"}, "of": map[string]any{"sku": "CUP"}}},
	}, events); diff != "" {
		t.Error(diff)
	}

	load(0, nil, nil)
	load(2, []int64{orderIDs["O-2"]}, nil)
	load(1, []int64{999_999}, nil)
	load(1, nil, []int64{eventIDs["reviewed"]})
}

func TestWebAddress(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://x.example/a?b=1": "https://x.example/a?b=1", " http://x.example ": "http://x.example", "HTTPS://x.example": "HTTPS://x.example",
		"javascript:alert(1)": "", "java\nscript:x": "", "data:x": "", "//x.example": "", "/a": "", "x.example": "", "https:": "", "https://": "", "ftp://x.example": "", "": "",
	} {
		if got := webAddress(given); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}
