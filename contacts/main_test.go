package contacts

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/pgtest"
	"posthorn/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var (
	monday  = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

func ptr[T any](v T) *T { return &v }

func upsert(t testing.TB, db postgres.DB, now time.Time, in Input) (Contact, Change) {
	t.Helper()
	c, change, err := Upsert(context.Background(), db, now, in, "test")
	if err != nil {
		t.Fatal(err)
	}
	return c, change
}

// all is every contact and consent, as they stand in the database.
type all struct {
	Contacts []Contact
	Consents []ownConsent
}

type ownConsent struct {
	ExternalID, Topic, State, Source string
	UpdatedAt                        time.Time
}

func snapshot(t testing.TB, db postgres.DB) all {
	t.Helper()
	ctx := context.Background()
	var a all
	list, next, err := List(ctx, db, Filter{Limit: maxLimit})
	if err != nil || next != "" {
		t.Fatal(next, err)
	}
	for _, row := range list {
		a.Contacts = append(a.Contacts, row.Contact)
	}
	rows, err := db.Query(ctx, `
		SELECT c.external_id, s.topic, s.state, s.source, s.updated_at
		FROM consents s JOIN contacts c ON c.id = s.contact_id
		ORDER BY s.contact_id, s.topic`)
	if err != nil {
		t.Fatal(err)
	}
	a.Consents, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (ownConsent, error) {
		var c ownConsent
		err := row.Scan(&c.ExternalID, &c.Topic, &c.State, &c.Source, &c.UpdatedAt)
		c.UpdatedAt = c.UpdatedAt.UTC()
		return c, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
