package contacts

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// SuppressionOf returns the suppression of a contact's address, nil where there is none.
func SuppressionOf(ctx context.Context, db postgres.DB, c Contact) (*Suppression, error) {
	if c.EmailKey == "" {
		return nil, nil
	}
	rows, err := db.Query(ctx, `SELECT email_key, cause, detail, created_at FROM suppressions WHERE email_key = $1`, c.EmailKey)
	if err != nil {
		return nil, fmt.Errorf("read suppression: %w", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Suppression])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read suppression: %w", err)
	}
	return &s, nil
}

// Deletion is what Delete would do to what belongs to a contact.
type Deletion struct {
	Orders     int64 `json:"orders" db:"orders"`
	Events     int64 `json:"events" db:"events"`
	Consents   int64 `json:"consents" db:"consents"`
	Enrolments int64 `json:"enrolments" db:"enrolments"` // of journeys, ended ones too
	UnderWay   int64 `json:"under_way" db:"under_way"`   // of these, those that have not ended
	Messages   int64 `json:"messages" db:"messages"`     // in the ledger: they stay, without the contact
}

// Deletes says what Delete would take along, and what would stay.
func Deletes(ctx context.Context, db postgres.DB, contactID int64) (Deletion, error) {
	rows, err := db.Query(ctx, `
		SELECT (SELECT count(*) FROM orders WHERE contact_id = $1) AS orders,
		       (SELECT count(*) FROM events WHERE contact_id = $1) AS events,
		       (SELECT count(*) FROM consents WHERE contact_id = $1) AS consents,
		       (SELECT count(*) FROM enrolments WHERE contact_id = $1) AS enrolments,
		       (SELECT count(*) FROM enrolments WHERE contact_id = $1 AND due_at IS NOT NULL) AS under_way,
		       (SELECT count(*) FROM messages WHERE contact_id = $1) AS messages`, contactID)
	if err != nil {
		return Deletion{}, fmt.Errorf("count what belongs to contact %d: %w", contactID, err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Deletion])
	if err != nil {
		return Deletion{}, fmt.Errorf("count what belongs to contact %d: %w", contactID, err)
	}
	return d, nil
}
