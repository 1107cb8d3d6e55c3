// Package events keeps what contacts did, or what happened to them: "signed up",
// "left a cart", "opened the app". The shop sends them, one by one or in batches;
// segments ask about them.
//
// An event is a fact: it is recorded once and never changed. A sender that does
// not know whether its last attempt arrived gives every event an idempotency key
// and simply sends again: the same key is the same event, whatever else the
// second attempt says, and the answer shows the one that was stored. Without a
// key every call is a new event.
//
// An event is a contact's, who is named by the shop's id. Of somebody whom the shop
// has not sent yet an address is enough: the event then goes to the contact who has
// it, or makes one, found as package contacts finds them. Having done something is
// no consent: such a contact is subscribed to nothing, and one who was there already
// is not changed.
package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/contacts"
	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Event is something a contact did.
type Event struct {
	ID                int64          `json:"id" db:"id"`
	ContactExternalID string         `json:"contact_external_id" db:"contact_external_id"`
	Name              string         `json:"name" db:"name"`
	Properties        map[string]any `json:"properties" db:"properties"`
	OccurredAt        time.Time      `json:"occurred_at" db:"occurred_at"`
	ReceivedAt        time.Time      `json:"received_at" db:"received_at"`
	IdempotencyKey    string         `json:"idempotency_key,omitempty" db:"idempotency_key"` // '' where none was given
}

// Input is an event as it is sent.
type Input struct {
	ContactExternalID string         `json:"contact_external_id,omitempty"`
	Email             string         `json:"email,omitempty"` // of a contact that may be unknown; one of the two must be there
	Name              string         `json:"name"`            // at most 100 characters, spaces allowed
	Properties        map[string]any `json:"properties,omitempty"`
	OccurredAt        *time.Time     `json:"occurred_at,omitempty"` // now where nil
	IdempotencyKey    string         `json:"idempotency_key,omitempty"`
}

// Limits, in characters unless said otherwise.
const (
	MaxBatch      = 10_000
	maxName       = 100
	maxKey        = 200
	maxProperties = 64 << 10 // bytes of JSON
	maxDepth      = 20

	defaultLimit = 50
	maxLimit     = 1000
)

// checkedInput is an Input that passed.
type checkedInput struct {
	Input
	emailKey   string // "": no address was given
	properties string // JSON
	occurredAt time.Time
	contactID  int64
}

func (in Input) check(now time.Time) (checkedInput, error) {
	var wrong fault.List
	out := checkedInput{Input: in, properties: "{}", occurredAt: now}
	out.ContactExternalID = check.Text(&wrong, "contact_external_id", in.ContactExternalID, maxKey)
	if out.Email = strings.TrimSpace(in.Email); out.Email != "" {
		var err error
		if out.Email, out.emailKey, err = contacts.NormalizeEmail(out.Email); err != nil {
			wrong = append(wrong, err.(*fault.Invalid))
		}
	} else if strings.TrimSpace(in.ContactExternalID) == "" {
		wrong.Add("contact_external_id", "is missing, and so is email: one of them must say whose event it is")
	}
	out.Name = check.Required(&wrong, "name", in.Name, maxName)
	out.IdempotencyKey = check.Text(&wrong, "idempotency_key", in.IdempotencyKey, maxKey)
	if in.OccurredAt != nil {
		out.occurredAt = check.Time(&wrong, "occurred_at", *in.OccurredAt)
	}
	if data := check.Object(&wrong, "properties", in.Properties); data != nil {
		out.properties = string(data)
	}
	return out, wrong.Err()
}

// Filter selects a page of events. Its zero value is the first page of all.
type Filter struct {
	ContactExternalID string // of this contact only
	Name              string // of this name only
	Cursor            int64  // what the page before returned as next
	Limit             int    // 50 where 0, at most 1000
}

const columns = `
	e.id, c.external_id AS contact_external_id, e.name, e.properties, e.occurred_at, e.received_at,
	COALESCE(e.idempotency_key, '') AS idempotency_key`

// List returns a page of events, those that arrived last first, and the cursor of
// the next page, 0 on the last. A contact that does not exist has no events.
func List(ctx context.Context, db postgres.DB, f Filter) (events []Event, next int64, err error) {
	for _, s := range []string{f.ContactExternalID, f.Name} {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return nil, 0, nil // no such thing can be stored
		}
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	rows, err := db.Query(ctx, `
		SELECT `+columns+`
		FROM events AS e JOIN contacts AS c ON c.id = e.contact_id
		WHERE (@cursor::bigint = 0 OR e.id < @cursor)
		  AND (@contact = '' OR e.contact_id = (SELECT id FROM contacts WHERE external_id = @contact))
		  AND (@name = '' OR e.name = @name)
		ORDER BY e.id DESC
		LIMIT @limit`,
		pgx.NamedArgs{"cursor": f.Cursor, "contact": f.ContactExternalID, "name": f.Name, "limit": limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("list events: %w", err)
	}
	events, err = pgx.CollectRows(rows, pgx.RowToStructByName[Event])
	if err != nil {
		return nil, 0, fmt.Errorf("list events: %w", err)
	}
	if len(events) > limit {
		events = events[:limit]
		next = events[limit-1].ID
	}
	return events, next, nil
}

// byID returns one event. It returns pgx.ErrNoRows where it is gone.
func byID(ctx context.Context, db postgres.DB, id int64) (Event, error) {
	rows, err := db.Query(ctx, `
		SELECT `+columns+`
		FROM events AS e JOIN contacts AS c ON c.id = e.contact_id
		WHERE e.id = $1`, id)
	if err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	event, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Event])
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("read event: %w", err)
	}
	return event, err
}
