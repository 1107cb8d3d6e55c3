package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"posthorn/contacts"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// ItemResult is what became of one event of a batch.
type ItemResult struct {
	Index   int   // of the event in the batch
	ID      int64 // of the stored event; 0 where Error is set
	Created bool  // false: the event was there already, under its idempotency key
	Error   error // what to mend
}

// Record stores one event, and its contact where that is new. Where the idempotency key
// is known already, it returns the event that has it, and created is false. Errors for
// bad input, a contact that does not exist and has no address among them, are
// fault.Invalid or fault.List.
func Record(ctx context.Context, db postgres.DB, now time.Time, in Input) (event Event, created bool, err error) {
	results, err := record(ctx, db, now, []Input{in}, func(tx pgx.Tx, id int64) (err error) {
		event, err = byID(ctx, tx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			return errRace
		}
		return err
	})
	if err != nil {
		return Event{}, false, err
	}
	if results[0].Error != nil {
		return Event{}, false, results[0].Error
	}
	return event, results[0].Created, nil
}

// RecordBatch is Record for many, in one transaction, and reports what became of
// each: a bad event does not stop the good ones.
func RecordBatch(ctx context.Context, db postgres.DB, now time.Time, in []Input) ([]ItemResult, error) {
	if len(in) > MaxBatch {
		return nil, fault.Invalidf("", "a batch holds at most %d events, this one has %d", MaxBatch, len(in))
	}
	return record(ctx, db, now, in, nil)
}

// errRace says that the event with our key was deleted, together with its
// contact, between two statements.
var errRace = errors.New("events: the rows changed underneath")

// maxTries bounds how often a write that lost a race is tried.
const maxTries = 5

// record checks and writes; then, where given, calls after with the id of each
// event that is stored, in the same transaction.
func record(ctx context.Context, db postgres.DB, now time.Time, in []Input, after func(pgx.Tx, int64) error) ([]ItemResult, error) {
	results := make([]ItemResult, len(in))
	var good []*checkedInput
	var index []int
	for i, event := range in {
		results[i].Index = i
		checked, err := event.check(now)
		if err != nil {
			results[i].Error = err
			continue
		}
		good, index = append(good, &checked), append(index, i)
	}
	for try := 1; len(good) > 0; try++ {
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			written, err := write(ctx, tx, now, good)
			if err != nil {
				return err
			}
			for i, result := range written {
				result.Index = index[i]
				results[index[i]] = result
				if after != nil && result.Error == nil {
					if err := after(tx, result.ID); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err == nil {
			break
		}
		var pgErr *pgconn.PgError
		foreignKey := errors.As(err, &pgErr) && pgErr.Code == "23503" // the contact was deleted meanwhile
		if try == maxTries || ctx.Err() != nil || !foreignKey && !errors.Is(err, errRace) {
			return nil, err
		}
	}
	return results, nil
}

// write stores events, and contacts of whom only the address is known.
//
// The ids are drawn first, so that each event knows its own although the rows
// come back in any order. They are inserted in the order of the keys: two senders
// of the same keys then wait for each other instead of ending in a deadlock.
func write(ctx context.Context, tx pgx.Tx, now time.Time, batch []*checkedInput) ([]ItemResult, error) {
	results := make([]ItemResult, len(batch))
	if err := findContacts(ctx, tx, batch); err != nil {
		return nil, err
	}
	if err := meetContacts(ctx, tx, now, batch); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT nextval(pg_get_serial_sequence('events', 'id')) FROM generate_series(1, $1)`, len(batch))
	if err != nil {
		return nil, fmt.Errorf("draw event ids: %w", err)
	}
	drawn, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("draw event ids: %w", err)
	}

	var ids, contactIDs []int64
	var names, properties []string
	var occurred []time.Time
	var keys []*string
	for i, event := range batch {
		if event.contactID == 0 {
			results[i].Error = fault.Invalidf("contact_external_id", "there is no contact with this external id, and no email to make one with")
			continue
		}
		var key *string
		if event.IdempotencyKey != "" {
			key = &event.IdempotencyKey
		}
		ids, contactIDs = append(ids, drawn[i]), append(contactIDs, event.contactID)
		names, properties = append(names, event.Name), append(properties, event.properties)
		occurred, keys = append(occurred, event.occurredAt), append(keys, key)
	}
	rows, err = tx.Query(ctx, `
		INSERT INTO events (id, contact_id, name, properties, occurred_at, received_at, idempotency_key)
		OVERRIDING SYSTEM VALUE
		SELECT v.id, v.contact_id, v.name, v.properties, v.occurred_at, @now, v.key
		FROM unnest(@ids::bigint[], @contact_ids::bigint[], @names::text[], @properties::jsonb[], @occurred::timestamptz[], @keys::text[])
		     AS v (id, contact_id, name, properties, occurred_at, key)
		ORDER BY v.key, v.id
		ON CONFLICT (idempotency_key) DO NOTHING
		RETURNING id`,
		pgx.NamedArgs{"ids": ids, "contact_ids": contactIDs, "names": names, "properties": properties, "occurred": occurred, "keys": keys, "now": now})
	if err != nil {
		return nil, fmt.Errorf("insert events: %w", err)
	}
	inserted, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("insert events: %w", err)
	}
	isNew := make(map[int64]bool, len(inserted))
	for _, id := range inserted {
		isNew[id] = true
	}
	var known []string // keys that were there already
	for i, event := range batch {
		switch {
		case results[i].Error != nil:
		case isNew[drawn[i]]:
			results[i].ID, results[i].Created = drawn[i], true
		default:
			known = append(known, event.IdempotencyKey)
		}
	}
	return results, fillKnown(ctx, tx, batch, results, known)
}

// fillKnown sets the ids of events that were not inserted, by their keys.
func fillKnown(ctx context.Context, tx pgx.Tx, batch []*checkedInput, results []ItemResult, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT idempotency_key, id FROM events WHERE idempotency_key = ANY($1)`, keys)
	if err != nil {
		return fmt.Errorf("read known events: %w", err)
	}
	byKey := make(map[string]int64, len(keys))
	var key string
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&key, &id}, func() error { byKey[key] = id; return nil }); err != nil {
		return fmt.Errorf("read known events: %w", err)
	}
	for i, event := range batch {
		if results[i].Error != nil || results[i].Created {
			continue
		}
		if results[i].ID = byKey[event.IdempotencyKey]; results[i].ID == 0 {
			return errRace
		}
	}
	return nil
}

// findContacts fills in the contact of each event that names it by the shop's id, 0
// where there is none.
func findContacts(ctx context.Context, tx pgx.Tx, batch []*checkedInput) error {
	names := make([]string, len(batch))
	for i, event := range batch {
		names[i] = event.ContactExternalID
	}
	ids, err := idsBy(ctx, tx, `SELECT external_id, id FROM contacts WHERE external_id = ANY($1)`, names)
	for _, event := range batch {
		event.contactID = ids[event.ContactExternalID]
	}
	return err
}

// source is noted with what is written about contacts.
const source = "event"

// meetContacts fills in the contacts that are still 0 and have an address; it makes
// those that do not exist.
func meetContacts(ctx context.Context, tx pgx.Tx, now time.Time, batch []*checkedInput) error {
	unmet := func(event *checkedInput) bool { return event.contactID == 0 && event.emailKey != "" }
	var keys, addresses []string
	for _, event := range batch {
		if unmet(event) {
			keys, addresses = append(keys, event.IdempotencyKey), append(addresses, event.emailKey)
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	// An event that is there already makes no contact, whatever became of its own.
	known, err := idsBy(ctx, tx, `SELECT idempotency_key, contact_id FROM events WHERE idempotency_key = ANY($1)`, keys)
	if err != nil {
		return err
	}
	having, err := idsBy(ctx, tx, `
		SELECT DISTINCT ON (email_key) email_key, id FROM contacts WHERE email_key = ANY($1) AND email_key <> '' ORDER BY email_key, id`, addresses)
	if err != nil {
		return err
	}
	type who struct{ key, externalID string }
	fresh := map[who]*checkedInput{}
	for _, event := range batch {
		if !unmet(event) {
			continue
		}
		if event.contactID = known[event.IdempotencyKey]; event.contactID == 0 && event.ContactExternalID == "" {
			event.contactID = having[event.emailKey]
		}
		if as := (who{event.emailKey, event.ContactExternalID}); event.contactID == 0 && fresh[as] == nil {
			fresh[as] = event
		}
	}
	// In one order: two senders of the same strangers wait for each other. Without the
	// shop's id come last, and so are those whose id another event has just told.
	whose := slices.SortedFunc(maps.Keys(fresh), func(a, b who) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(b.externalID, a.externalID))
	})
	inputs := make([]contacts.Input, len(whose))
	for i, as := range whose {
		inputs[i] = contacts.Input{ExternalID: as.externalID, Email: &fresh[as].Email}
	}
	made, err := contacts.UpsertBatch(ctx, tx, now, inputs, source)
	if err != nil {
		return err
	}
	names := make([]string, len(made))
	for i, m := range made {
		if m.Error != nil {
			return m.Error // not reached: both were checked
		}
		names[i] = m.ExternalID
	}
	ids, err := idsBy(ctx, tx, `SELECT external_id, id FROM contacts WHERE external_id = ANY($1)`, names)
	if err != nil {
		return err
	}
	met := map[who]int64{}
	for i, as := range whose {
		met[as] = ids[names[i]]
	}
	for _, event := range batch {
		if unmet(event) {
			event.contactID = met[who{event.emailKey, event.ContactExternalID}]
		}
	}
	return nil
}

// idsBy runs a query for texts with an id each.
func idsBy(ctx context.Context, tx pgx.Tx, sql string, texts []string) (map[string]int64, error) {
	rows, err := tx.Query(ctx, sql, texts)
	if err != nil {
		return nil, fmt.Errorf("look up contacts: %w", err)
	}
	ids := make(map[string]int64, len(texts))
	var text string
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&text, &id}, func() error { ids[text] = id; return nil }); err != nil {
		return nil, fmt.Errorf("look up contacts: %w", err)
	}
	return ids, nil
}
