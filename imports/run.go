package imports

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Lease is how long a worker has an import without a sign of life.
const Lease = 15 * time.Second

const (
	renewEvery  = time.Second
	maxAttempts = 5        // that end without a word, one after the other
	maxRejects  = 64 << 20 // bytes of the file of rejected rows
	showRejects = 100
)

// errLost says that somebody else has the import now, or that it was cancelled.
var errLost = errors.New("imports: the import was cancelled, or another worker has it")

// Run works on an import until it ends, and says whether it was this worker's to do.
// Where ctx ends first, the import goes back and waits for another worker. Its error
// is for the log: what a person can mend is the import's Reason.
func Run(ctx context.Context, pool *pgxpool.Pool, now func() time.Time, id int64) (Import, bool, error) {
	r := &run{pool: pool, now: now, id: id}
	claimed, err := r.claim(ctx)
	if err != nil || !claimed {
		return Import{}, false, err
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		r.renew(work, stop)
	}()
	summary, err := r.do(work)
	lost := errors.Is(err, errLost) || errors.Is(context.Cause(work), errLost)
	stop(nil)
	<-renewing
	if lost {
		return Import{}, true, nil
	}
	// What is to be said at the end is said also where ctx has ended.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	field, reason, mendable := csvimport.Explain(err)
	switch field {
	case "":
	case "file":
		reason = "the file " + reason
	default:
		reason = field + ": " + reason
	}
	switch {
	case err == nil:
		err = r.done(last, summary)
	case mendable:
		err = r.failed(last, reason)
	case ctx.Err() != nil:
		return Import{}, true, r.release(last)
	default:
		// The database was away, say. The lease runs out, and somebody tries again.
		return Import{}, true, fmt.Errorf("import %d: %w", id, err)
	}
	if err != nil && !errors.Is(err, errLost) {
		return Import{}, true, err
	}
	imp, err := Get(last, pool, id)
	return imp, true, err
}

type run struct {
	pool *pgxpool.Pool
	now  func() time.Time
	id   int64

	kind     Kind
	options  Options
	epoch    int
	progress atomic.Pointer[csvimport.Progress]
	rejects  *rejectFile

	noted func(csvimport.Progress) // for tests
}

func (r *run) claim(ctx context.Context) (bool, error) {
	now := r.now()
	var attempts int
	err := r.pool.QueryRow(ctx, `
		UPDATE imports
		SET state = 'running', epoch = epoch + 1, attempts = attempts + 1, lease_until = $2::timestamptz + $3::interval,
		    started_at = COALESCE(started_at, $2), updated_at = $2, rows = 0, rejected = 0, read_bytes = 0, settled = 0, rejects_kept = false
		WHERE id = $4 AND (`+due+`)
		RETURNING kind, options, epoch, attempts`, now, now, Lease, r.id).Scan(&r.kind, &r.options, &r.epoch, &attempts)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim import %d: %w", r.id, err)
	}
	if attempts > maxAttempts {
		return false, r.failed(ctx, fmt.Sprintf("it was begun %d times, and each time the process or its connection to the database ended; the servers' logs may say why. It can be tried again", maxAttempts))
	}
	if _, err := r.pool.Exec(ctx, `DELETE FROM import_chunks WHERE import_id = $1 AND part = 'rejects'`, r.id); err != nil {
		return false, fmt.Errorf("claim import %d: %w", r.id, err)
	}
	return true, nil
}

// renew keeps the lease and notes how far it is, until ctx ends; it stops the work
// where the lease is lost.
func (r *run) renew(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p := csvimport.Progress{}
		if now := r.progress.Load(); now != nil {
			p = *now
		}
		now := r.now()
		tag, err := r.pool.Exec(ctx, `
			UPDATE imports
			SET lease_until = $3::timestamptz + $4::interval, updated_at = $3, rows = $5, rejected = $6, read_bytes = $7, settled = $8
			WHERE id = $1 AND epoch = $2 AND state = 'running'`, r.id, r.epoch, now, Lease, p.Rows, p.Rejected, p.Bytes, p.Stored)
		if err == nil && tag.RowsAffected() == 0 {
			stop(errLost)
			return
		} // else it is tried again while the lease holds; the fence is the row
	}
}

// do imports the file.
func (r *run) do(ctx context.Context) (csvimport.Summary, error) {
	r.rejects = newRejectFile(ctx, r)
	opts := r.options.csv()
	opts.Show = showRejects
	opts.Rejects = r.rejects
	opts.Progress = func(p csvimport.Progress) {
		r.progress.Store(&p)
		if r.noted != nil {
			r.noted(p)
		}
	}
	opts.Wrote = r.wrote
	file := &stored{ctx: ctx, pool: r.pool, id: r.id, part: "file"}
	var sum csvimport.Summary
	var err error
	switch r.kind {
	case Contacts:
		sum, err = contacts.Import(ctx, r.pool, file, contacts.ImportOptions{Options: opts, Topic: r.options.Topic, Source: r.options.Source, Now: r.now()})
	case Products:
		sum, err = catalog.ImportProducts(ctx, r.pool, file, catalog.ImportOptions{Options: opts, Now: r.now()})
	default:
		sum, err = catalog.ImportOrders(ctx, r.pool, file, catalog.ImportOptions{Options: opts, Now: r.now()})
	}
	if err == nil {
		err = r.rejects.close()
	}
	return sum, err
}

// wrote counts a batch in the transaction that wrote it. A worker whose lease is lost
// cannot write.
func (r *run) wrote(ctx context.Context, tx pgx.Tx, n csvimport.Counts) error {
	tag, err := tx.Exec(ctx, `
		UPDATE imports
		SET created = created + $3, updated = updated + $4
		WHERE id = $1 AND epoch = $2 AND state = 'running'`, r.id, r.epoch, n.Created, n.Updated)
	if err == nil && tag.RowsAffected() == 0 {
		err = errLost
	}
	return err
}

// done ends an import well. Of all things in the file, those are unchanged that no
// attempt created or updated.
func (r *run) done(ctx context.Context, sum csvimport.Summary) error {
	rejects, err := json.Marshal(sum.Rejects)
	if err != nil {
		return err
	}
	now := r.now()
	return postgres.InTx(ctx, r.pool, func(tx pgx.Tx) error {
		var expires *time.Time
		if r.rejects.kept() {
			at := now.Add(keepRejects)
			expires = &at
		}
		things := sum.Created + sum.Updated + sum.Unchanged
		tag, err := tx.Exec(ctx, `
			UPDATE imports
			SET state = 'done', lease_until = NULL, finished_at = $3, updated_at = $3, rows = $4, rejected = $5, settled = $6, rejects = $7,
			    unchanged = GREATEST($6 - created - updated, 0), rejects_kept = $8::timestamptz IS NOT NULL, expires_at = $8, read_bytes = stored_size
			WHERE id = $1 AND epoch = $2 AND state = 'running'`, r.id, r.epoch, now, sum.Rows, sum.Rejected, things, rejects, expires)
		if err != nil {
			return fmt.Errorf("end import %d: %w", r.id, err)
		}
		if tag.RowsAffected() == 0 {
			return errLost
		}
		if _, err := tx.Exec(ctx, `DELETE FROM import_chunks WHERE import_id = $1 AND part = 'file'`, r.id); err != nil {
			return fmt.Errorf("end import %d: %w", r.id, err)
		}
		return nil
	})
}

func (r *run) failed(ctx context.Context, reason string) error {
	now := r.now()
	_, err := r.pool.Exec(ctx, `
		UPDATE imports
		SET state = 'failed', reason = $4, lease_until = NULL, finished_at = $3, updated_at = $3, expires_at = $5
		WHERE id = $1 AND epoch = $2 AND state = 'running'`, r.id, r.epoch, now, reason, now.Add(keepFile))
	if err != nil {
		return fmt.Errorf("fail import %d: %w", r.id, err)
	}
	return nil
}

// release gives an import back that this worker has no time for any more.
func (r *run) release(ctx context.Context) error {
	_, err := r.pool.Exec(ctx, `
		UPDATE imports
		SET state = 'waiting', lease_until = NULL, attempts = attempts - 1, updated_at = $3
		WHERE id = $1 AND epoch = $2 AND state = 'running'`, r.id, r.epoch, r.now())
	if err != nil {
		return fmt.Errorf("release import %d: %w", r.id, err)
	}
	return nil
}

// rejectFile keeps the rejected rows, gzipped, up to a limit: a file of a million bad
// rows helps nobody.
type rejectFile struct {
	zip  *gzip.Writer
	out  *pieces
	left int64
	full bool
}

func newRejectFile(ctx context.Context, r *run) *rejectFile {
	out := &pieces{ctx: ctx, pool: r.pool, id: r.id, part: "rejects", after: func(int64) error { return nil }}
	zip, _ := gzip.NewWriterLevel(out, gzip.BestSpeed) // the level is valid
	return &rejectFile{zip: zip, out: out, left: maxRejects}
}

// Write takes whole rows, as csv.Writer flushes them when its buffer is full: what is
// over the limit is cut at the end of a line.
func (f *rejectFile) Write(p []byte) (int, error) {
	if f.full {
		return len(p), nil
	}
	if int64(len(p)) > f.left {
		f.full = true
		return len(p), nil
	}
	f.left -= int64(len(p))
	return f.zip.Write(p)
}

func (f *rejectFile) close() error {
	if !f.kept() {
		return nil
	}
	if err := f.zip.Close(); err != nil {
		return err
	}
	return f.out.flush()
}

// kept says whether there is anything in it.
func (f *rejectFile) kept() bool { return f.left < maxRejects }

// Rejects writes the file of an import's rejected rows, in UTF-8 with a byte order
// mark, by which spreadsheets know. It returns a fault.NotFound where there is none.
func Rejects(ctx context.Context, pool *pgxpool.Pool, id int64, w io.Writer) error {
	imp, err := Get(ctx, pool, id)
	if err != nil {
		return err
	}
	if !imp.HasRejects {
		return fault.NotFoundf("file of rejected rows of import", id)
	}
	zip, err := gzip.NewReader(&stored{ctx: ctx, pool: pool, id: id, part: "rejects"})
	if err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", id, err)
	}
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	if _, err := io.Copy(w, zip); err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", id, err)
	}
	return nil
}
