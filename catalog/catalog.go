// Package catalog keeps what the shop sells and what contacts chose: products
// and orders.
//
// Both are the shop's, so both are keyed by the shop's own ids (sku, order id)
// and only ever upserted: whoever sends the same thing twice changes nothing the
// second time, not even updated_at. A product is merged, field by field; an
// order is replaced as a whole, items included, because its items have no names
// of their own. Two writers of one order never leave a mixture: the items of an
// order are only touched under the lock of its row.
//
// An order names its products by sku and may arrive before them. It must name a
// contact that exists. The latest word on an order wins, also where it names
// another contact than before: shops do merge customer accounts, and the order
// then belongs to the account that is left.
//
// UpsertProducts and UpsertOrders take a batch and report per item: a bad item
// does not stop the good ones. The imports read CSV into a staging table, so that
// the rows of one order find each other wherever they are in the file, and then
// go through the same door.
package catalog

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Change says what an upsert did.
type Change string

const (
	Created   Change = "created"
	Updated   Change = "updated"
	Unchanged Change = "unchanged" // nothing was written
)

// ItemResult is what became of one item of a batch.
type ItemResult struct {
	Index  int    // of the item in the batch
	ID     string // its sku or order id, as given
	Change Change // "" where Error is set
	Error  error  // what to mend; field paths are relative to the item ("items[2].sku")
}

// Limits of one batch and one page.
const (
	MaxBatch     = 10_000
	defaultLimit = 50
	maxLimit     = 1000
)

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

// rounds splits the indexes of keys into passes that hold every key at most
// once, in order, so that a key given twice is written twice, the later one last.
func rounds(keys []string) [][]int {
	var out [][]int
	seen := make(map[string]int, len(keys))
	for i, key := range keys {
		n := seen[key]
		seen[key] = n + 1
		if n == len(out) {
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

// errRace says that somebody else changed what we were about to write in a way
// that makes the round void; another try sees the new state.
var errRace = errors.New("catalog: the rows changed underneath")

// maxTries bounds how often a write that lost a race is tried.
const maxTries = 5

// retry runs fn again where it lost a race: an order or its contact was deleted
// between two statements, or Postgres ended a deadlock at our cost. fn must be
// one transaction (or savepoint); it is told whether it is tried again, and then
// does well to lock what it reads.
func retry(ctx context.Context, fn func(again bool) error) error {
	for try := 1; ; try++ {
		err := fn(try > 1)
		if err == nil || try == maxTries || ctx.Err() != nil {
			return err
		}
		var pgErr *pgconn.PgError
		switch {
		case errors.Is(err, errRace):
		case errors.As(err, &pgErr) && (pgErr.Code == "23503" || pgErr.Code == "40P01"):
		// foreign_key_violation: the contact or the order went; deadlock_detected
		default:
			return err
		}
	}
}
