package journeys

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/events"
	"posthorn/internal/pgtest"
	"posthorn/messages"
	"posthorn/templates"
)

var start = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// tb is what tests and properties have in common.
type tb interface {
	Helper()
	Fatal(...any)
}

// stage is a database with a template, an engine and a clock.
type stage struct {
	tb
	ctx    context.Context
	pool   *pgxpool.Pool
	engine *Engine
	now    time.Time
	tpl    int64
}

func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{tb: t, ctx: context.Background(), pool: pgtest.New(t), engine: NewEngine(nil), now: start}
	tpl, _, err := templates.Create(s.ctx, s.pool, start, "t", templates.Source{Subject: "Hi", HTML: `<p>Hi <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>`})
	s.ok(err)
	s.tpl = tpl.ID
	return s
}

func (s *stage) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// contact makes c1, c2, … subscribed to news and orders.
func (s *stage) contact(n int) string {
	s.Helper()
	id, email := fmt.Sprint("c", n), fmt.Sprintf("p%d@x.example", n)
	_, _, err := contacts.Upsert(s.ctx, s.pool, s.now, contacts.Input{ExternalID: id, Email: &email,
		Topics: map[string]string{"news": "subscribed", "orders": "subscribed"}}, "test")
	s.ok(err)
	return id
}

func (s *stage) product(sku, category string) {
	s.Helper()
	_, _, err := catalog.UpsertProduct(s.ctx, s.pool, s.now, catalog.ProductInput{SKU: sku, Category: &category})
	s.ok(err)
}

func (s *stage) order(id, contact, status string, skus ...string) {
	s.Helper()
	in := catalog.OrderInput{OrderID: id, ContactExternalID: contact, PlacedAt: s.now, Status: status, Currency: "EUR"}
	for _, sku := range skus {
		in.Items = append(in.Items, catalog.Item{SKU: sku, Quantity: 1, UnitPrice: 10_0000})
	}
	_, _, err := catalog.UpsertOrder(s.ctx, s.pool, s.now, in)
	s.ok(err)
}

func (s *stage) event(contact, name string, properties map[string]any) {
	s.Helper()
	_, _, err := events.Record(s.ctx, s.pool, s.now, events.Input{ContactExternalID: contact, Name: name, Properties: properties, OccurredAt: &s.now})
	s.ok(err)
}

// journey publishes a definition, in which TPL stands for the template.
func (s *stage) journey(definition string) int64 {
	s.Helper()
	j, err := Create(s.ctx, s.pool, s.now, "j", []byte(fmt.Sprintf(definition, s.tpl)))
	s.ok(err)
	_, err = Publish(s.ctx, s.pool, s.now, j.ID)
	s.ok(err)
	return j.ID
}

// work does all that is due now.
func (s *stage) work() {
	s.Helper()
	s.ok(s.engine.Look(s.ctx, s.pool, s.now))
	for range 100 {
		seen := 0
		w, err := s.engine.Eval(s.ctx, s.pool, s.now)
		s.ok(err)
		seen += w.Seen
		due, err := FindDue(s.ctx, s.pool, s.now)
		s.ok(err)
		for _, id := range due.Journeys {
			w, err := s.engine.Advance(s.ctx, s.pool, s.now, id)
			s.ok(err)
			seen += w.Seen
		}
		if seen == 0 {
			return
		}
	}
	s.Fatal("there is always something due")
}

// later lets time pass and does what is due at the end of it.
func (s *stage) later(d time.Duration) {
	s.Helper()
	s.now = s.now.Add(d)
	s.work()
}

// mails counts a journey's messages by state.
func (s *stage) mails(journey int64) map[messages.State]int {
	s.Helper()
	rows, err := s.pool.Query(s.ctx, `SELECT m.state, count(*) FROM messages m JOIN runs r ON r.id = m.run_id WHERE r.journey_id = $1 GROUP BY 1`, journey)
	s.ok(err)
	defer rows.Close()
	out := map[messages.State]int{}
	for rows.Next() {
		var state messages.State
		var n int
		s.ok(rows.Scan(&state, &n))
		out[state] = n
	}
	return out
}

func (s *stage) counts(journey int64) Counts {
	s.Helper()
	c, err := Count(s.ctx, s.pool, journey)
	s.ok(err)
	return c.Total
}

// reasons are why the journey's enrolments ended, in the order of their ids.
func (s *stage) reasons(journey int64) []string {
	s.Helper()
	rows, err := s.pool.Query(s.ctx, `SELECT status || ' ' || reason FROM enrolments WHERE journey_id = $1 ORDER BY id`, journey)
	s.ok(err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var r string
		s.ok(rows.Scan(&r))
		out = append(out, r)
	}
	return out
}
