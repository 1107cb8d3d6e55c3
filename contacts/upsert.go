package contacts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Input is what is known about a contact. A nil field is left as it is; an empty
// one is cleared.
type Input struct {
	ExternalID string
	Email      *string
	FirstName  *string
	LastName   *string
	Phone      *string
	Country    *string
	Language   *string
	Timezone   *string           // IANA name
	Attributes map[string]any    // merged by name into what is there; null deletes
	CreatedAt  *time.Time        // since when the shop knows the contact; a new one gets now
	Topics     map[string]string // consent by topic: Pending, Subscribed or Unsubscribed
}

// Change says what an upsert did.
type Change string

const (
	Created   Change = "created"
	Updated   Change = "updated"   // the contact, or a consent of it
	Unchanged Change = "unchanged" // nothing was written
)

// ItemResult is what became of one item of a batch.
type ItemResult struct {
	Index      int    // of the item in the batch
	ExternalID string // of the contact; as given where Error is set
	Change     Change // "" where Error is set
	Error      error  // what to mend: fault.Invalid or fault.List
}

// MaxBatch is how many items a batch holds at most.
const MaxBatch = 10_000

// Upsert creates or changes one contact; the package's comment says how it is
// found. source is noted with the consents that it changes. Its errors for bad
// input are fault.Invalid or fault.List.
func Upsert(ctx context.Context, db postgres.DB, now time.Time, in Input, source string) (Contact, Change, error) {
	item, err := in.check()
	if err != nil {
		return Contact{}, "", err
	}
	var contact Contact
	var change Change
	err = retry(ctx, func() error {
		return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			w := writer{now: now, source: source, items: []checked{item}}
			if err := w.write(ctx, tx); err != nil {
				return err
			}
			change = w.change(0)
			contact, err = byID(ctx, tx, w.target[0].id)
			return lost(err)
		})
	})
	if err != nil {
		return Contact{}, "", err
	}
	return contact, change, nil
}

// UpsertBatch does what Upsert does for every item, in their order and in one
// transaction (a savepoint where db is one already), and reports what became of each.
// A bad item does not stop the good ones.
func UpsertBatch(ctx context.Context, db postgres.DB, now time.Time, in []Input, source string) ([]ItemResult, error) {
	if len(in) > MaxBatch {
		return nil, fault.Invalidf("items", "are %d; a batch holds at most %d", len(in), MaxBatch)
	}
	results := make([]ItemResult, len(in))
	var good []checked
	var index []int
	for i, item := range in {
		results[i] = ItemResult{Index: i, ExternalID: item.ExternalID}
		c, err := item.check()
		if err != nil {
			results[i].Error = err
			continue
		}
		good, index = append(good, c), append(index, i)
	}
	written, err := writeAll(ctx, db, writer{now: now, source: source}, good, nil)
	if err != nil {
		return nil, err
	}
	for i, r := range written {
		results[index[i]].ExternalID, results[index[i]].Change = r.ExternalID, r.Change
	}
	return results, nil
}

// writeAll writes items in their order and in one transaction, as like says. It
// reports on each, but for the index.
func writeAll(ctx context.Context, db postgres.DB, like writer, items []checked, after func(pgx.Tx, []ItemResult) error) ([]ItemResult, error) {
	var results []ItemResult
	err := retry(ctx, func() error {
		results = results[:0]
		return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			for len(results) < len(items) {
				w := like
				w.items = independent(items[len(results):])
				if err := w.write(ctx, tx); err != nil {
					return err
				}
				for i, t := range w.target {
					results = append(results, ItemResult{ExternalID: t.externalID, Change: w.change(i)})
				}
			}
			if after != nil {
				return after(tx, results)
			}
			return nil
		})
	})
	return results, err
}

// independent returns the first items of a batch that can be written at once. Where
// two items may mean the same contact, the second has to see what the first one
// did. Such are items with one external id, items with one address of which at
// least one has no external id, and an item whose external id is another one's
// address. Most batches are independent as a whole.
func independent(items []checked) []checked {
	ids := map[string]bool{}
	addresses := map[string]bool{}
	anonymous := map[string]bool{} // addresses of items without an external id
	for i, item := range items {
		id, key := item.externalID, ""
		if item.key != nil {
			key = *item.key
		}
		if id != "" && (ids[id] || addresses[id] && id != key) ||
			key != "" && (anonymous[key] || ids[key] && id != key || addresses[key] && id == "") {
			return items[:i]
		}
		if id != "" {
			ids[id] = true
		}
		if key != "" {
			addresses[key] = true
			anonymous[key] = id == ""
		}
	}
	return items
}

// errRace says that somebody else wrote what we were about to write; another try
// sees it.
var errRace = errors.New("contacts: the rows changed underneath")

// lost makes a row that went away meanwhile a race.
func lost(err error) error {
	var gone *fault.NotFound
	if errors.As(err, &gone) {
		return errRace
	}
	return err
}

// maxTries bounds how often a write that lost a race is tried.
const maxTries = 5

// retry runs fn again where it lost a race. fn must be one transaction or savepoint.
func retry(ctx context.Context, fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil || try == maxTries || ctx.Err() != nil || !raced(err) {
			return err
		}
	}
}

func raced(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return errors.Is(err, errRace)
	}
	switch pgErr.Code {
	case "23503", // foreign_key_violation: the contact was deleted
		"23505", // unique_violation: somebody took the external id
		"40P01": // deadlock_detected
		return true
	}
	return false
}

// target is the contact that an item means.
type target struct {
	id         int64 // 0: to be created
	externalID string
	adopt      bool // known by its address so far; externalID is to be its id
}

// writer writes items up to the first that turns out to mean the same contact as
// one before it.
type writer struct {
	now      time.Time
	source   string
	fillOnly bool // consents that exist are left alone, but for what the items decide
	items    []checked

	target  []target // of each item that is written, after resolve
	created map[int64]bool
	updated map[int64]bool
}

// change says what write did for the i-th item.
func (w *writer) change(i int) Change {
	switch id := w.target[i].id; {
	case w.created[id]:
		return Created
	case w.updated[id]:
		return Updated
	default:
		return Unchanged
	}
}

func (w *writer) write(ctx context.Context, tx pgx.Tx) error {
	w.created, w.updated = map[int64]bool{}, map[int64]bool{}
	if err := w.resolve(ctx, tx); err != nil {
		return fmt.Errorf("find contacts: %w", err)
	}
	if err := w.insert(ctx, tx); err != nil {
		return fmt.Errorf("insert contacts: %w", err)
	}
	if err := w.update(ctx, tx); err != nil {
		return fmt.Errorf("update contacts: %w", err)
	}
	if err := w.consent(ctx, tx); err != nil {
		return fmt.Errorf("write consents: %w", err)
	}
	return nil
}

// resolve finds the contact of each item, in the order that the package's comment
// tells.
func (w *writer) resolve(ctx context.Context, tx pgx.Tx) error {
	var ids, keys []string
	for _, item := range w.items {
		if item.externalID != "" {
			ids = append(ids, item.externalID)
		}
		if item.key != nil && *item.key != "" {
			ids = append(ids, *item.key) // a contact that is known by its address only
			if item.externalID == "" {
				keys = append(keys, *item.key)
			}
		}
	}
	rows, err := tx.Query(ctx, `
		SELECT id, external_id, email_key
		FROM contacts
		WHERE external_id = ANY ($1) OR email_key = ANY ($2) AND email_key <> ''
		ORDER BY id`, ids, keys)
	if err != nil {
		return err
	}
	byExternalID := map[string]int64{}
	addressOnly := map[string]int64{}
	oldest := map[string]target{} // by address
	var t target
	var key string
	_, err = pgx.ForEachRow(rows, []any{&t.id, &t.externalID, &key}, func() error {
		byExternalID[t.externalID] = t.id
		if t.externalID == key {
			addressOnly[key] = t.id
		}
		if _, ok := oldest[key]; !ok && key != "" {
			oldest[key] = t
		}
		return nil
	})
	if err != nil {
		return err
	}
	// A contact that the batch itself names by its id is nobody's to adopt.
	for _, item := range w.items {
		delete(addressOnly, item.externalID)
	}
	w.target = make([]target, len(w.items))
	for i, item := range w.items {
		w.target[i] = target{externalID: item.externalID}
		switch {
		case item.externalID == "":
			if found, ok := oldest[*item.key]; ok {
				w.target[i] = found
			} else {
				w.target[i] = target{id: byExternalID[*item.key], externalID: *item.key}
			}
		case byExternalID[item.externalID] != 0:
			w.target[i].id = byExternalID[item.externalID]
		case item.key != nil && addressOnly[*item.key] != 0:
			w.target[i].id, w.target[i].adopt = addressOnly[*item.key], true
			delete(addressOnly, *item.key)
		}
	}
	seen := make(map[int64]bool, len(w.target))
	for i, t := range w.target {
		if t.id != 0 && seen[t.id] {
			w.target = w.target[:i]
			break
		}
		seen[t.id] = true
	}
	return nil
}
