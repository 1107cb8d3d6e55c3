// Package contacts keeps people: who they are, what they agreed to, and which
// addresses are never to be mailed.
//
// A contact is known by an external id, the shop's. Where the shop gave none it is
// known by its address, until an id for that address turns up: then the contact
// is adopted, and keeps its history. Upsert finds a contact in this order:
//
//  1. the one with the given external id;
//  2. the one that is known by the given address only: it is adopted;
//  3. without an external id, the oldest one that has the address;
//  4. otherwise it is created.
//
// Several contacts may share an address (a family does); a campaign mails it once.
// A contact may have no address at all, as an order may know more of a customer
// than we do; it is mailed when it gets one.
//
// Nothing is written that was there already: the same input twice leaves even
// updated_at alone. updated_at is that of the contact's own fields; a consent has
// a time of its own.
//
// Consent belongs to a contact and a topic and comes with its source. An import
// only ever fills what was never asked; it cannot subscribe anybody who left.
// Suppression belongs to an address, outlives the contact, and outweighs consent.
package contacts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Contact is a person.
type Contact struct {
	ID         int64          `json:"-" db:"id"`
	ExternalID string         `json:"external_id" db:"external_id"` // the shop's id; the address' key where it gave none
	Email      string         `json:"email" db:"email"`             // as given, the domain in ASCII; '' where unknown
	EmailKey   string         `json:"-" db:"email_key"`             // what "the same address" means: lower case
	FirstName  string         `json:"first_name" db:"first_name"`
	LastName   string         `json:"last_name" db:"last_name"`
	Phone      string         `json:"phone" db:"phone"`
	Country    string         `json:"country" db:"country"` // as the shop writes it
	Language   string         `json:"language" db:"language"`
	Timezone   string         `json:"timezone" db:"timezone"` // IANA name or ''
	Attributes map[string]any `json:"attributes" db:"attributes"`
	CreatedAt  time.Time      `json:"created_at" db:"created_at"` // since when the shop knows the contact
	UpdatedAt  time.Time      `json:"updated_at" db:"updated_at"`
}

const columns = `id, external_id, email, email_key, first_name, last_name, phone, country, language, timezone, attributes, created_at, updated_at`

// ByExternalID returns one contact, or fault.NotFound.
func ByExternalID(ctx context.Context, db postgres.DB, externalID string) (Contact, error) {
	if !storable(externalID) {
		return Contact{}, fault.NotFoundf("contact", externalID)
	}
	rows, err := db.Query(ctx, `SELECT `+columns+` FROM contacts WHERE external_id = $1`, externalID)
	return one(rows, err, externalID)
}

func byID(ctx context.Context, db postgres.DB, id int64) (Contact, error) {
	rows, err := db.Query(ctx, `SELECT `+columns+` FROM contacts WHERE id = $1`, id)
	return one(rows, err, id)
}

func one(rows pgx.Rows, err error, id any) (Contact, error) {
	if err != nil {
		return Contact{}, fmt.Errorf("read contact: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return Contact{}, fault.NotFoundf("contact", id)
	}
	if err != nil {
		return Contact{}, fmt.Errorf("read contact: %w", err)
	}
	return c, nil
}

func scan(row pgx.CollectableRow) (Contact, error) {
	c, err := pgx.RowToStructByName[Contact](row)
	c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	return c, err
}

// Delete removes a contact with its consents, orders and events, or returns
// fault.NotFound. The messages that were sent to it stay in the ledger, and so
// does a suppression of its address.
func Delete(ctx context.Context, db postgres.DB, externalID string) error {
	if !storable(externalID) {
		return fault.NotFoundf("contact", externalID)
	}
	tag, err := db.Exec(ctx, `DELETE FROM contacts WHERE external_id = $1`, externalID)
	if err != nil {
		return fmt.Errorf("delete contact: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fault.NotFoundf("contact", externalID)
	}
	return nil
}

func pageSize(limit int) int {
	switch {
	case limit <= 0:
		return defaultLimit
	case limit > maxLimit:
		return maxLimit
	default:
		return limit
	}
}

// storable says whether s can be in the database at all. A question for anything
// else has an empty answer, where Postgres would call it an error.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
