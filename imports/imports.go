// Package imports runs CSV imports in the background: a person uploads a file, sees it
// go, and gets a summary and the rejected rows.
//
//  1. Upload looks at the beginning of the file, as a preview does, and refuses what
//     cannot be imported. Then it keeps the file, gzipped and in pieces, in Postgres:
//     whichever process works on the import can read it.
//  2. After the knock, a worker's Run claims the import with a lease and hands the file
//     to contacts or catalog, which import it as they would for anybody.
//  3. What is written is counted in the import's row, in the same transaction. The rest
//     (rows read, rows rejected) is noted once a second, with the lease.
//  4. At the end the file goes, and the rejected rows stay for two weeks.
//
// If the process dies, the lease runs out and another worker begins at the file's
// first row again. That is safe, because an import changes nothing that is already as
// the file says, and exact, because what was created and updated before is counted.
// A worker that lost its lease without knowing cannot write any more: its next
// transaction fails at the row. An import that ends badly says why, and what it kept.
package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// State is where an import is.
type State string

const (
	Uploading State = "uploading" // its file is on the way here
	Waiting   State = "waiting"   // for a worker
	Running   State = "running"
	Done      State = "done"      // to the end of the file, whatever was rejected
	Failed    State = "failed"    // Reason says why
	Cancelled State = "cancelled" // by a person
)

// Kind is what is imported.
type Kind string

const (
	Contacts Kind = "contacts"
	Products Kind = "products"
	Orders   Kind = "orders"
)

// Options say how the file is read.
type Options struct {
	Map    map[string]string `json:"map,omitempty"` // header by field, see csvimport.Options
	Skip   []string          `json:"skip,omitempty"`
	Topic  string            `json:"topic,omitempty"`  // contacts: what they are subscribed to; "": nothing
	Source string            `json:"source,omitempty"` // contacts: where they said so
}

// Import is one import.
type Import struct {
	ID         int64              `json:"id" db:"id"`
	Kind       Kind               `json:"kind" db:"kind" enum:"contacts,products,orders"`
	FileName   string             `json:"file_name" db:"file_name"`
	Options    Options            `json:"options" db:"options"`
	State      State              `json:"state" db:"state" enum:"uploading,waiting,running,done,failed,cancelled"`
	Reason     string             `json:"reason" db:"reason" doc:"failed: why."`
	CreatedBy  string             `json:"created_by" db:"created_by" doc:"Who uploaded it, as they were called then."`
	Size       int64              `json:"size" db:"size" doc:"Bytes of the file, as it was sent."`
	ReadShare  float64            `json:"read_share" db:"read_share" doc:"How much of the file is read, from 0 to 1. What was read is then written: settled says how far that is."`
	Rows       int64              `json:"rows" db:"rows" doc:"Read so far, without the header."`
	Rejected   int64              `json:"rejected" db:"rejected" doc:"Of rows."`
	Settled    int64              `json:"settled" db:"settled" doc:"Contacts, products or orders that are written or were found unchanged so far; several rows may be about one."`
	Created    int64              `json:"created" db:"created" doc:"Contacts, products or orders. Also of an import that ended early: they stay."`
	Updated    int64              `json:"updated" db:"updated"`
	Unchanged  int64              `json:"unchanged" db:"unchanged" doc:"Known once it is done."`
	Rejects    []csvimport.Reject `json:"rejects" db:"rejects" doc:"The first rejected rows, once it is done."`
	HasRejects bool               `json:"has_rejects" db:"rejects_kept" doc:"There is a file of the rejected rows to download."`
	Retryable  bool               `json:"retryable" db:"retryable" doc:"It ended early, and its file is still there."`
	CreatedAt  time.Time          `json:"created_at" db:"created_at"`
	StartedAt  *time.Time         `json:"started_at" db:"started_at"`
	FinishedAt *time.Time         `json:"finished_at" db:"finished_at"`
	ExpiresAt  *time.Time         `json:"expires_at" db:"expires_at" doc:"When the file and the rejected rows are deleted; null: there are none."`
}

const columns = `id, kind, file_name, options, state, reason, created_by, size,
	CASE WHEN state = 'done' THEN 1 WHEN stored_size = 0 THEN 0 ELSE LEAST(read_bytes::float8 / stored_size, 1) END AS read_share,
	rows, rejected, settled, created, updated, unchanged, rejects, rejects_kept,
	state IN ('failed', 'cancelled') AND expires_at IS NOT NULL AS retryable,
	created_at, started_at, finished_at, expires_at`

// Check fills in what is not given, and returns a fault.Invalid or fault.List for what
// is wrong with the options.
func (o *Options) Check(kind Kind) error {
	switch kind {
	case Contacts:
		opts := contacts.ImportOptions{Topic: o.Topic, Source: o.Source}
		err := opts.Check()
		o.Source = opts.Source
		return err
	case Products, Orders:
		var wrong fault.List
		if o.Topic != "" {
			wrong.Add("topic", "is for contacts only")
		}
		if o.Source != "" {
			wrong.Add("source", "is for contacts only")
		}
		return wrong.Err()
	}
	return fault.Invalidf("kind", "is not one of contacts, products and orders")
}

func (o Options) csv() csvimport.Options { return csvimport.Options{Map: o.Map, Skip: o.Skip} }

// Get returns one import, or a fault.NotFound.
func Get(ctx context.Context, db postgres.DB, id int64) (Import, error) {
	return one(ctx, db, id, `SELECT `+columns+` FROM imports WHERE id = $1`, id)
}

func one(ctx context.Context, db postgres.DB, id int64, sql string, args ...any) (Import, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Import{}, fmt.Errorf("import %d: %w", id, err)
	}
	imp, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Import])
	if errors.Is(err, pgx.ErrNoRows) {
		return Import{}, fault.NotFoundf("import", id)
	}
	if err != nil {
		return Import{}, fmt.Errorf("import %d: %w", id, err)
	}
	return imp, nil
}

// Limits of a page.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// List returns a page of imports, the newest first, and the cursor of the next page, 0
// on the last. cursor is 0 for the first page; limit is 50 where 0, at most 200.
func List(ctx context.Context, db postgres.DB, cursor int64, limit int) (list []Import, next int64, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	rows, err := db.Query(ctx, `
		SELECT `+columns+`
		FROM imports
		WHERE $1::bigint = 0 OR id < $1
		ORDER BY id DESC
		LIMIT $2`, cursor, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list imports: %w", err)
	}
	list, err = pgx.CollectRows(rows, pgx.RowToStructByName[Import])
	if err != nil {
		return nil, 0, fmt.Errorf("list imports: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, nil
}

// Knock is an import that a worker shall look at.
type Knock struct {
	ID    int64 `db:"id"`
	Epoch int   `db:"epoch"`
}

// Cancel ends an import that has not ended. What it wrote stays; the worker notices
// within a second or at its next transaction. It returns a fault.Conflict where the
// import has ended.
func Cancel(ctx context.Context, db postgres.DB, now time.Time, id int64) (Import, error) {
	return change(ctx, db, id, `
		UPDATE imports
		SET state = 'cancelled', lease_until = NULL, finished_at = $2, updated_at = $2, expires_at = $3
		WHERE id = $1 AND state IN ('waiting', 'running')
		RETURNING `+columns, "an import that is %s cannot be cancelled", now, now.Add(keepFile))
}

// Retry has a worker look again at an import that failed or was cancelled, from the
// first row of its file. It returns a fault.Conflict where there is nothing to try again.
func Retry(ctx context.Context, db postgres.DB, now time.Time, id int64) (Import, Knock, error) {
	imp, err := change(ctx, db, id, `
		UPDATE imports
		SET state = 'waiting', reason = '', attempts = 0, finished_at = NULL, updated_at = $2, expires_at = NULL
		WHERE id = $1 AND state IN ('failed', 'cancelled') AND expires_at > $3
		RETURNING `+columns, "an import that is %s, or whose file is not kept any more, cannot be tried again", now, now)
	if err != nil {
		return Import{}, Knock{}, err
	}
	k := Knock{ID: id}
	err = db.QueryRow(ctx, `SELECT epoch FROM imports WHERE id = $1`, id).Scan(&k.Epoch)
	return imp, k, err
}

// change moves an import along, or says why it cannot be.
func change(ctx context.Context, db postgres.DB, id int64, sql, refused string, args ...any) (Import, error) {
	imp, err := one(ctx, db, id, sql, append([]any{id}, args...)...)
	var missing *fault.NotFound
	if !errors.As(err, &missing) {
		return imp, err
	}
	if imp, err = Get(ctx, db, id); err != nil {
		return Import{}, err
	}
	return Import{}, fault.Conflictf(string(imp.State), refused, imp.State)
}

// Preview says what an import would make of the first rows of a file, which may be cut
// off behind them.
func Preview(kind Kind, opts Options, r *Head) (csvimport.Preview, error) {
	if err := opts.Check(kind); err != nil {
		return csvimport.Preview{}, err
	}
	switch kind {
	case Contacts:
		return contacts.PreviewImport(r.reader(), contacts.ImportOptions{Options: opts.csv(), Topic: opts.Topic, Source: opts.Source}, previewRows, r.Cut)
	case Products:
		return catalog.PreviewProducts(r.reader(), opts.csv(), previewRows, r.Cut)
	default:
		return catalog.PreviewOrders(r.reader(), opts.csv(), previewRows, r.Cut)
	}
}

// previewRows is how many rows a preview shows.
const previewRows = 20

// due finds what a worker shall look at: imports that wait, and those whose worker died.
const due = `state = 'waiting' OR state = 'running' AND lease_until < $1`

// Due returns the imports that a worker shall look at, the oldest first.
func Due(ctx context.Context, db postgres.DB, now time.Time) ([]Knock, error) {
	rows, err := db.Query(ctx, `SELECT id, epoch FROM imports WHERE state IN ('uploading', 'waiting', 'running') AND (`+due+`) ORDER BY id LIMIT 20`, now)
	if err != nil {
		return nil, fmt.Errorf("find imports that are due: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Knock])
	if err != nil {
		return nil, fmt.Errorf("find imports that are due: %w", err)
	}
	return list, nil
}

// How long things are kept.
const (
	keepFile    = 24 * time.Hour      // of an import that ended early, to be tried again
	keepRejects = 14 * 24 * time.Hour // to be mended
	keepUpload  = 15 * time.Minute    // without a byte: whoever sent it has gone
)

// Tidy deletes what is not kept any more: files and rejected rows of imports, and
// uploads that were never completed. It may be called at any time by anybody.
func Tidy(ctx context.Context, db postgres.DB, now time.Time) error {
	_, err := db.Exec(ctx, `
		WITH expired AS (
			UPDATE imports
			SET expires_at = NULL, rejects_kept = false
			WHERE expires_at <= $1
			RETURNING id
		)
		DELETE FROM import_chunks WHERE import_id IN (SELECT id FROM expired)`, now)
	if err != nil {
		return fmt.Errorf("delete what imports left: %w", err)
	}
	if _, err = db.Exec(ctx, `DELETE FROM imports WHERE state = 'uploading' AND updated_at < $1`, now.Add(-keepUpload)); err != nil {
		return fmt.Errorf("delete uploads that nobody completed: %w", err)
	}
	return nil
}

func (o Options) json() []byte {
	data, _ := json.Marshal(o) // of texts
	return data
}
