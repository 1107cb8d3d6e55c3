package segments

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// noon is the as_of of most tests.
var noon = time.Date(2011, 12, 9, 12, 50, 0, 0, time.UTC)

// What random contacts and random rules are made of. The two overlap, and both
// hold what is easily got wrong: case beyond ASCII, patterns, quotes, numbers that
// float64 cannot tell apart, moments around a window's edges.
var (
	someTexts = []string{
		"", "", "Iceland", "iceland", "ICELAND", "Ísland", "ÍSLAND", "Österreich", "österreich", "K", "K", "ß", "İ", "100%", "100", "a_b", "aXb",
		`back\slash`, "O'Hara", `"quoted"`, "$1", "Z", "a", "z", "né", "日本", "😀", "e\u0301", "true", "TRUE", "false", "12", "12.50", "12,50", "-3", "-3.5", "+7",
		"0.1", "1e3", " 12", "12.", "99999999999999999999999999999999999", "2011-12-09", "2011-11-09T10:00", "2011-02-30", "2011-12-9", "null",
	}
	someNumbers = []string{
		"0", "-0", "1", "12", "12.5", "12.50", "-3", "7", "0.1", "0.10000000000000000001", "-3.5", "-12", "9007199254740993", "9007199254740992", "1e3",
		"1000", "1E-7", "123456789012345678901234567890", "-0.0001",
	}
	someSKUs       = []string{"A1", "a1", "B2", "C3", "unknown", "D'4"}
	someCategories = map[string]string{"A1": "Candles", "a1": "candles", "B2": "christmas", "C3": "", "D'4": "ÄPFEL"}
	someTopics     = []string{"news", "Offers", "it's"}
	someEvents     = []string{"signed up", "left cart", "x"}
	someCurrencies = []string{"", "EUR", "GBP", "USD"}
	someStatuses   = []string{"placed", "paid", "paid", "cancelled", "refunded"}
	someKeys       = []string{"tier", "tags", "a.b", "Größe", "'"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// someTime is a moment that is likely to be on, or next to, an edge of a window.
func someTime(r *rand.Rand) time.Time {
	at := noon
	if r.IntN(2) == 0 {
		at = time.Date(2011, 12, 9, 0, 0, 0, 0, time.UTC)
	}
	at = at.AddDate(0, 0, pick(r, []int{1, 0, -1, -2, -7, -7, -30, -30, -99, -365}))
	return at.Add(time.Duration(pick(r, []int{0, 0, -1, 1, 3_600_000_000})) * time.Microsecond)
}

// someValue is an attribute.
func someValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(10); {
	case n < 4:
		return pick(r, someTexts)
	case n < 6:
		return json.Number(pick(r, someNumbers))
	case n == 6:
		return r.IntN(2) == 0
	case n == 7:
		return nil
	case n == 8 && depth < 2:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = someValue(r, depth+1)
		}
		return list
	default:
		return map[string]any{"x": pick(r, someTexts)}
	}
}

// someFacts is a random contact.
func someFacts(r *rand.Rand, i int) Facts {
	f := Facts{
		ExternalID: fmt.Sprintf("%s-%d", pick(r, []string{"a", "A", "ä"}), i),
		Email:      pick(r, []string{"", "Ann@shop.example", "bob@Shop.example"}),
		FirstName:  pick(r, someTexts), LastName: pick(r, someTexts), Phone: pick(r, someTexts),
		Country: pick(r, someTexts), Language: pick(r, someTexts), Timezone: pick(r, someTexts),
		CreatedAt:  someTime(r),
		Attributes: map[string]any{},
		Consents:   map[string]string{},
	}
	for range r.IntN(5) {
		f.Attributes[pick(r, someKeys)] = someValue(r, 0)
	}
	for _, topic := range someTopics {
		if r.IntN(2) == 0 {
			f.Consents[topic] = pick(r, consentStates)
		}
	}
	for range pick(r, []int{0, 1, 2, 3, 6}) {
		o := OrderFact{PlacedAt: someTime(r), Status: pick(r, someStatuses), Currency: pick(r, someCurrencies)}
		for range r.IntN(4) {
			sku := pick(r, someSKUs)
			item := ItemFact{SKU: sku, Category: someCategories[sku], Quantity: pick(r, []int{1, 1, 2, 0, -1})}
			o.Items = append(o.Items, item)
			o.Total += catalog.Amount(item.Quantity) * pick(r, []catalog.Amount{25500, 0, 1, 100000})
		}
		if r.IntN(30) == 0 {
			o.Total = 1e18 - 1 // ten of them are more than an int64 holds
		}
		f.Orders = append(f.Orders, o)
	}
	for range pick(r, []int{0, 1, 2, 4}) {
		f.Events = append(f.Events, EventFact{Name: pick(r, someEvents), OccurredAt: someTime(r)})
	}
	return f
}

// insert writes contacts as they are and returns their ids. Their orders get ids.
func insert(t *testing.T, pool *pgxpool.Pool, contacts []Facts) []int64 {
	t.Helper()
	ctx := t.Context()
	b := &pgx.Batch{}
	for sku, category := range someCategories {
		b.Queue(`INSERT INTO products (sku, category, created_at, updated_at) VALUES ($1, $2, $3, $3)`, sku, category, noon)
	}
	if err := pool.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
	ids := make([]int64, len(contacts))
	b = &pgx.Batch{}
	for i, f := range contacts {
		attributes, err := json.Marshal(f.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		b.Queue(`
			INSERT INTO contacts (external_id, email, first_name, last_name, phone, country, language, timezone, attributes, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING id`,
			f.ExternalID, f.Email, f.FirstName, f.LastName, f.Phone, f.Country, f.Language, f.Timezone, attributes, f.CreatedAt,
		).QueryRow(func(row pgx.Row) error { return row.Scan(&ids[i]) })
	}
	if err := pool.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
	b = &pgx.Batch{}
	order := 0
	for i, f := range contacts {
		for topic, state := range f.Consents {
			b.Queue(`INSERT INTO consents (contact_id, topic, state, updated_at) VALUES ($1, $2, $3, $4)`, ids[i], topic, state, noon)
		}
		for j := range f.Orders {
			o := &contacts[i].Orders[j]
			order++
			o.ExternalID = fmt.Sprint("order ", order)
			b.Queue(`
				WITH o AS (
				    INSERT INTO orders (external_id, contact_id, placed_at, status, currency, total, created_at, updated_at)
				    VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id
				), items AS (
				    INSERT INTO order_items (order_id, line, sku, quantity, unit_price)
				    SELECT o.id, line, sku, quantity, 1 FROM o, unnest($8::text[], $9::integer[]) WITH ORDINALITY AS i (sku, quantity, line)
				)
				SELECT id FROM o`,
				o.ExternalID, ids[i], o.PlacedAt, o.Status, o.Currency, o.Total, noon, skus(*o), quantities(*o),
			).QueryRow(func(row pgx.Row) error { return row.Scan(&o.ID) })
		}
		for _, e := range f.Events {
			b.Queue(`INSERT INTO events (contact_id, name, occurred_at, received_at) VALUES ($1, $2, $3, $4)`, ids[i], e.Name, e.OccurredAt, noon)
		}
	}
	if err := pool.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	return ids
}

func skus(o OrderFact) []string {
	out := make([]string, len(o.Items))
	for i, item := range o.Items {
		out[i] = item.SKU
	}
	return out
}

func quantities(o OrderFact) []int {
	out := make([]int, len(o.Items))
	for i, item := range o.Items {
		out[i] = item.Quantity
	}
	return out
}

// selected asks Postgres whom a rule selects.
func selected(ctx context.Context, pool *pgxpool.Pool, rule Rule, asOf time.Time) ([]int64, Query, error) {
	q, err := rule.Where(asOf, 3) // not 1: numbering is part of what is tested
	if err != nil {
		return nil, q, err
	}
	rows, err := pool.Query(ctx, `
		SELECT c.id FROM contacts AS c
		WHERE $1::text IS NOT NULL AND $2::text IS NOT NULL AND (`+q.SQL+`)
		ORDER BY c.id`, append([]any{pgx.QueryExecModeDescribeExec, "", ""}, q.Args...)...)
	if err != nil {
		return nil, q, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return ids, q, err
}
