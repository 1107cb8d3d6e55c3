package journeys

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/events"
	"posthorn/internal/pgtest"
	"posthorn/templates"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// shop is an empty database with a clock that a test moves, one template (1) and an
// engine that works off what is due.
type shop struct {
	t      *testing.T
	db     *pgxpool.Pool
	now    time.Time
	engine *Engine
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, db: pgtest.New(t), now: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), engine: NewEngine(nil)}
	_, _, err := templates.Create(t.Context(), s.db, s.now, "care-tips", templates.Source{Subject: "Care", HTML: `<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>`})
	s.must(err)
	return s
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// later moves the clock and works off what is due, again and again until nothing is.
func (s *shop) later(d time.Duration) {
	s.t.Helper()
	s.now = s.now.Add(d)
	s.work()
}

func (s *shop) work() {
	s.t.Helper()
	s.must(s.engine.Look(s.t.Context(), s.db, s.now))
	for range 100 {
		seen := 0
		w, err := s.engine.Eval(s.t.Context(), s.db, s.now)
		s.must(err)
		seen += w.Seen
		due, err := FindDue(s.t.Context(), s.db, s.now)
		s.must(err)
		for _, j := range due.Journeys {
			w, err := s.engine.Advance(s.t.Context(), s.db, s.now, j)
			s.must(err)
			seen += w.Seen
		}
		if seen == 0 {
			return
		}
	}
	s.t.Fatal("there is always something due")
}

func (s *shop) contact(id string) int64 {
	s.t.Helper()
	email := strings.ToLower(id) + "@example.com"
	_, _, err := contacts.Upsert(s.t.Context(), s.db, s.now, contacts.Input{ExternalID: id, Email: &email, Topics: map[string]string{"news": "subscribed"}}, "test")
	s.must(err)
	c, err := contacts.ByExternalID(s.t.Context(), s.db, id)
	s.must(err)
	return c.ID
}

// order places one now, of one piece.
func (s *shop) order(contact, id, sku, status string) {
	s.t.Helper()
	_, _, err := catalog.UpsertOrder(s.t.Context(), s.db, s.now, catalog.OrderInput{OrderID: id, ContactExternalID: contact, PlacedAt: s.now, Currency: "EUR", Status: status,
		Items: []catalog.Item{{SKU: sku, Quantity: 1, UnitPrice: 10_0000}}})
	s.must(err)
}

func (s *shop) event(contact, name string) {
	s.t.Helper()
	_, _, err := events.Record(s.t.Context(), s.db, s.now, events.Input{ContactExternalID: contact, Name: name})
	s.must(err)
}

// journey creates one and makes it live.
func (s *shop) journey(definition string) Journey {
	s.t.Helper()
	j, err := Create(s.t.Context(), s.db, s.now, "Journey", []byte(definition))
	s.must(err)
	j, err = Publish(s.t.Context(), s.db, s.now, j.ID)
	s.must(err)
	return j
}

// republish writes a new version and makes it live.
func (s *shop) republish(id int64, definition string) Journey {
	s.t.Helper()
	_, err := Update(s.t.Context(), s.db, s.now, id, "Journey", []byte(definition))
	s.must(err)
	j, err := Publish(s.t.Context(), s.db, s.now, id)
	s.must(err)
	return j
}

// where shows all enrolments of a journey as "contact v1 waiting a", the oldest first.
func (s *shop) where(id int64) []string {
	s.t.Helper()
	list, _, err := Enrolments(s.t.Context(), s.db, id, EnrolmentFilter{})
	s.must(err)
	out := []string{}
	for _, e := range slices.Backward(list) {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s v%d %s %s", e.ContactExternalID, e.Version, e.Status, e.Position)))
	}
	return out
}

func (s *shop) wantWhere(id int64, want ...string) {
	s.t.Helper()
	if got := s.where(id); !slices.Equal(got, want) {
		s.t.Errorf("enrolments: %q, want %q", got, want)
	}
}

// texts runs a query for a list of texts.
func (s *shop) texts(sql string, args ...any) []string {
	s.t.Helper()
	rows, err := s.db.Query(s.t.Context(), sql, args...)
	s.must(err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	s.must(err)
	return list
}

// steps joins steps to a definition with a trigger.
func definition(trigger string, steps ...string) string {
	return fmt.Sprintf(`{"trigger": %s, "steps": [%s]}`, trigger, strings.Join(steps, ","))
}

const onOrder = `{"type":"order","on":"placed"}`

func send(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"send","template_id":1,"topic":"news","sender":{"address":"news@shop.example"}}`, id)
}

func wait(id, duration string) string {
	return fmt.Sprintf(`{"id":%q,"type":"wait","for":%q}`, id, duration)
}

func pretty(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
