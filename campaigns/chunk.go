package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"posthorn/internal/flight"
	"posthorn/messages"
	"posthorn/postgres"
)

const (
	// Lease is how long a chunk stays with a worker that is not heard of. A worker
	// renews it every second; after its death others take over this much later.
	Lease = 12 * time.Second

	// impossible is how far ahead a lease cannot end: one that does was taken before the
	// database's clock was put back, and its owner, if it lived, would have renewed it.
	impossible = 2 * Lease

	// knockTrust is how long a knock is believed to be still queued. Knocking again
	// is harmless (the TaskID is the same); not knocking again after Redis lost it
	// is not.
	knockTrust = 5 * time.Second

	// maxInFlight bounds the chunks of one run that are knocked for or leased: enough
	// to keep many workers busy, few enough to keep Redis small and to let two
	// campaigns share the workers.
	maxInFlight = 128

	// perConnection bounds them further for a relay with few connections, whose
	// chunks would otherwise sit in every worker slot and wait for each other. It is
	// how many worker processes such a relay can keep busy.
	perConnection = 8
)

// OpenRun is a run as a worker meets it.
type OpenRun struct {
	ID       int64
	Epoch    int
	Campaign int64
	Kind     string
	Status   Status
	Planned  bool
}

// LookAt raises a run's epoch, so that a knock made from now on is a new task, and
// returns where the run stands; false where it is finished or gone.
func LookAt(ctx context.Context, db postgres.DB, runID int64) (OpenRun, bool, error) {
	r := OpenRun{ID: runID}
	err := db.QueryRow(ctx, `
		UPDATE runs r SET epoch = r.epoch + 1
		FROM campaigns c
		WHERE r.id = $1 AND r.finished_at IS NULL AND c.id = r.campaign_id
		RETURNING r.epoch, c.id, r.kind, c.status, r.planned_at IS NOT NULL`, runID).
		Scan(&r.Epoch, &r.Campaign, &r.Kind, &r.Status, &r.Planned)
	if errors.Is(err, pgx.ErrNoRows) {
		return OpenRun{}, false, nil
	}
	if err != nil {
		return OpenRun{}, false, fmt.Errorf("look at run %d: %w", runID, err)
	}
	return r, true, nil
}

// DueChunk names a chunk to knock for.
type DueChunk struct {
	ID    int64
	Epoch int
}

// DueChunks returns chunks of a run that may be worked on and are not knocked for,
// and notes that they will be. Until the run's first mail was accepted it hands out
// one chunk at a time: a mistake that makes every mail fail shall not cost the
// whole audience before it is noticed (see Strikes).
func DueChunks(ctx context.Context, db postgres.DB, now time.Time, runID int64) ([]DueChunk, error) {
	rows, err := db.Query(ctx, `
		WITH flight AS (
			SELECT count(*) AS n
			FROM chunks
			WHERE run_id = $1 AND done_at IS NULL AND (lease_until IS NOT NULL OR knocked_until IS NOT NULL)
			  AND (lease_until >= $2 OR knocked_until BETWEEN $2 AND $6 AND due_at <= $2)
		), warm AS (
			SELECT coalesce(sum(n), 0) > 0 AS yes FROM message_counts WHERE run_id = $1 AND state = 'sent'
		), bound AS (
			SELECT least($3::bigint, coalesce(max(l.connections) * $5::bigint, $3::bigint)) AS n
			FROM runs r JOIN campaigns c ON c.id = r.campaign_id LEFT JOIN relays l ON l.name = c.relay
			WHERE r.id = $1
		), due AS (
			SELECT id
			FROM chunks
			WHERE run_id = $1 AND done_at IS NULL AND due_at <= $2
			  AND lease_until IS NULL -- one that ran out is settled by Recover first
			  AND (knocked_until IS NULL OR knocked_until NOT BETWEEN $2 AND $6) -- later: before the clock was put back
			ORDER BY due_at, id
			LIMIT greatest(0, (SELECT CASE WHEN warm.yes THEN bound.n ELSE 1 END - flight.n FROM flight, warm, bound))
			FOR UPDATE SKIP LOCKED
		)
		UPDATE chunks k SET knocked_until = $4 FROM due WHERE k.id = due.id RETURNING k.id, k.epoch`,
		runID, now, int64(maxInFlight), now.Add(knockTrust), int64(perConnection), now.Add(2*knockTrust))
	if err != nil {
		return nil, fmt.Errorf("find due chunks of run %d: %w", runID, err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByName[DueChunk])
	if err != nil {
		return nil, fmt.Errorf("find due chunks of run %d: %w", runID, err)
	}
	return due, nil
}

// Chunk is a leased chunk with what is needed to send its mails.
type Chunk struct {
	ID              int64
	Epoch           int // of this lease
	RunID           int64
	RunKey          uuid.UUID
	Test            bool
	RenderAs        *int64 // test: the contact whose facts are shown
	CampaignID      int64
	CampaignName    string
	Topic           string
	Sender          Sender
	Relay           string
	TemplateID      int64
	TemplateVersion int
	Warm            bool // the run has had a mail accepted
	Resend          bool // a mail in doubt is sent again
}

// Run is the chunk's run, as far as Finish needs to know it.
func (k Chunk) Run() OpenRun {
	kind := "campaign"
	if k.Test {
		kind = "test"
	}
	return OpenRun{ID: k.RunID, Campaign: k.CampaignID, Kind: kind}
}

// resends says of a run r of a campaign c whether a mail in doubt is sent again. A
// test is: somebody waits for it.
const resends = `(r.kind = 'test' OR c.in_doubt = 'resend')`

// Take leases a chunk to the caller for Lease. It returns false where there is
// nothing to do: the chunk is done, not due, leased by another worker, or its
// campaign is not running.
func Take(ctx context.Context, db postgres.DB, now time.Time, chunkID int64) (Chunk, bool, error) {
	k := Chunk{ID: chunkID}
	err := db.QueryRow(ctx, `
		UPDATE chunks k
		SET epoch = k.epoch + 1, lease_until = $3, knocked_until = NULL
		FROM runs r JOIN campaigns c ON c.id = r.campaign_id
		WHERE k.id = $1 AND k.done_at IS NULL AND k.due_at <= $2
		  AND (k.lease_until IS NULL OR k.lease_until < $2)
		  AND r.id = k.run_id AND r.finished_at IS NULL
		  AND (r.kind = 'test' OR c.status IN ('running', 'scheduled')) -- scheduled: an earlier run was opened again, see resolve
		  -- What a dead worker had claimed is settled first, by Recover.
		  AND NOT EXISTS (SELECT FROM messages m WHERE m.chunk_id = $1 AND m.state = 'sending')
		RETURNING k.epoch, r.id, r.key, r.kind = 'test', r.render_as, c.id, c.name, c.topic, c.sender_name, c.sender_address, c.relay,
		          r.template_id, r.template_version,
		          EXISTS (SELECT FROM message_counts n WHERE n.run_id = r.id AND n.state = 'sent'), `+resends+`
		`,
		chunkID, now, now.Add(Lease)).
		Scan(&k.Epoch, &k.RunID, &k.RunKey, &k.Test, &k.RenderAs, &k.CampaignID, &k.CampaignName, &k.Topic, &k.Sender.Name, &k.Sender.Address,
			&k.Relay, &k.TemplateID, &k.TemplateVersion, &k.Warm, &k.Resend)
	if errors.Is(err, pgx.ErrNoRows) {
		return Chunk{}, false, nil
	}
	if err != nil {
		return Chunk{}, false, fmt.Errorf("take chunk %d: %w", chunkID, err)
	}
	return k, true, nil
}

// Renew extends a lease. held is false where it is lost. goOn is false where the
// caller must offer no more mail: the lease is lost, or the campaign was paused,
// cancelled or failed.
func Renew(ctx context.Context, db postgres.DB, now time.Time, k Chunk) (held, goOn bool, err error) {
	var status Status
	err = db.QueryRow(ctx, `
		UPDATE chunks SET lease_until = $4
		WHERE id = $1 AND epoch = $2 AND lease_until >= $3
		RETURNING (SELECT status FROM campaigns WHERE id = $5)`,
		k.ID, k.Epoch, now, now.Add(Lease), k.CampaignID).Scan(&status)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("renew chunk %d: %w", k.ID, err)
	}
	return true, k.Test || status == Running || status == Scheduled, nil
}

// Put gives a lease back. The chunk is done where none of its messages needs more
// work; else it is due when the first of them is, but not before notBefore (zero:
// no limit). A lease that was lost meanwhile is left alone.
func Put(ctx context.Context, db postgres.DB, now time.Time, k Chunk, notBefore time.Time) error {
	_, err := db.Exec(ctx, `
		WITH open AS (
			SELECT min(CASE WHEN state = 'deferred' THEN due_at ELSE '-infinity' END) AS due_at
			FROM messages
			WHERE chunk_id = $1 AND state IN ('planned', 'sending', 'deferred')
		)
		UPDATE chunks k
		SET lease_until = NULL,
		    knocked_until = NULL,
		    due_at = greatest(coalesce(open.due_at, k.due_at), $4),
		    done_at = CASE WHEN open.due_at IS NULL THEN $3::timestamptz END
		FROM open
		WHERE k.id = $1 AND k.epoch = $2 AND k.done_at IS NULL`,
		k.ID, k.Epoch, now, notBefore)
	if err != nil {
		return fmt.Errorf("put chunk %d back: %w", k.ID, err)
	}
	return nil
}

// Recover takes chunks whose lease ran out away from their worker. What it had
// claimed and not recorded is settled from its flight record: what was answered
// gets its outcome, what was being offered becomes unknown (or is sent again, where
// the campaign says so), the rest is due again.
// Where Redis cannot be asked, the chunks wait: an unread record is not a lost one.
// It returns how many messages became unknown.
func Recover(ctx context.Context, db postgres.DB, flights *flight.Recorder, now time.Time) (unknown int64, err error) {
	rows, err := db.Query(ctx, `SELECT id, epoch FROM chunks WHERE done_at IS NULL AND lease_until NOT BETWEEN $1 AND $2 ORDER BY id LIMIT 10000`,
		now, now.Add(impossible))
	if err != nil {
		return 0, fmt.Errorf("find lost leases: %w", err)
	}
	lost, err := pgx.CollectRows(rows, pgx.RowToStructByName[DueChunk])
	if err != nil {
		return 0, fmt.Errorf("find lost leases: %w", err)
	}
	for _, k := range lost {
		n, err := recoverChunk(ctx, db, flights, now, k)
		unknown += n
		if err != nil {
			return unknown, err
		}
	}
	return unknown, nil
}

func recoverChunk(ctx context.Context, db postgres.DB, flights *flight.Recorder, now time.Time, k DueChunk) (unknown int64, err error) {
	// From here on the worker, if it was only slow, cannot offer another mail.
	record, err := flights.Seize(ctx, k.ID, k.Epoch)
	if err != nil {
		return 0, fmt.Errorf("recover chunk %d: %w", k.ID, err)
	}
	account := messages.Account{Lost: record.Lost, Offered: record.Offered}
	for id, data := range record.Outcomes {
		r := messages.Result{ID: id}
		if err := json.Unmarshal(data, &r); err != nil {
			account = messages.Account{Lost: true}
			break
		}
		account.Results = append(account.Results, r)
	}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var still, resend bool
		err := tx.QueryRow(ctx, `
			SELECT k.epoch = $2 AND k.lease_until NOT BETWEEN $3 AND $4 AND k.done_at IS NULL, `+resends+`
			FROM chunks k JOIN runs r ON r.id = k.run_id JOIN campaigns c ON c.id = r.campaign_id
			WHERE k.id = $1
			FOR UPDATE OF k`, k.ID, k.Epoch, now, now.Add(impossible)).Scan(&still, &resend)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && !still {
			return nil // another scheduler was first
		}
		if err != nil {
			return fmt.Errorf("lock chunk %d: %w", k.ID, err)
		}
		if unknown, err = messages.Recover(ctx, tx, now, k.ID, k.Epoch, account, resend); err != nil {
			return err
		}
		// The epoch moves on, so that the late worker's Put cannot touch the chunk any more.
		_, err = tx.Exec(ctx, `
			UPDATE chunks k
			SET lease_until = NULL, knocked_until = NULL, epoch = epoch + 1,
			    done_at = CASE WHEN NOT EXISTS (
			        SELECT FROM messages m WHERE m.chunk_id = k.id AND m.state IN ('planned', 'deferred')) THEN $2::timestamptz END
			WHERE id = $1`, k.ID, now)
		if err != nil {
			return fmt.Errorf("recover chunk %d: %w", k.ID, err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := flights.Forget(ctx, k.ID, k.Epoch); err != nil {
		return unknown, fmt.Errorf("recover chunk %d: %w", k.ID, err)
	}
	return unknown, nil
}

// CancelRest settles what an ended campaign had not sent, some chunks at a time.
// Chunks that a worker holds are left for later: it gives them back within a
// second or two. It returns true when nothing is left to settle.
func CancelRest(ctx context.Context, db postgres.DB, now time.Time, run OpenRun) (bool, error) {
	reason := messages.ReasonCampaignCancelled
	if run.Status == Failed {
		reason = messages.ReasonCampaignFailed
	}
	for {
		n := 0
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `
				SELECT id FROM chunks
				WHERE run_id = $1 AND done_at IS NULL AND lease_until IS NULL
				ORDER BY id LIMIT 50 FOR UPDATE SKIP LOCKED`, run.ID)
			if err != nil {
				return fmt.Errorf("find chunks to cancel: %w", err)
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				return fmt.Errorf("find chunks to cancel: %w", err)
			}
			n = len(ids)
			for _, id := range ids {
				if err := messages.Cancel(ctx, tx, now, id, reason); err != nil {
					return err
				}
			}
			_, err = tx.Exec(ctx, `UPDATE chunks SET done_at = $2 WHERE id = ANY($1)`, ids, now)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("cancel the rest of run %d: %w", run.ID, err)
		}
		if n == 0 {
			break
		}
	}
	open, err := isOpen(ctx, db, run.ID)
	return !open && err == nil, err
}

// isOpen reports whether a run has chunks that are not done.
func isOpen(ctx context.Context, db postgres.DB, runID int64) (open bool, err error) {
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM chunks WHERE run_id = $1 AND done_at IS NULL)`, runID).Scan(&open)
	if err != nil {
		return false, fmt.Errorf("look for open chunks of run %d: %w", runID, err)
	}
	return open, nil
}

// Finish ends a run whose chunks are all done, and with it the campaign, unless a
// schedule goes on. It does nothing where there is more to do. For a campaign that
// was cancelled or has failed only the run ends.
func Finish(ctx context.Context, db postgres.DB, now time.Time, run OpenRun) (bool, error) {
	// Most who ask ask in vain, and must not wait for the planner, who holds the run's lock.
	if open, err := isOpen(ctx, db, run.ID); err != nil || open {
		return false, err
	}
	var finished bool
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		c, err := lock(ctx, tx, run.Campaign)
		if err != nil {
			return err
		}
		ended := c.Status == Cancelled || c.Status == Failed
		if run.Kind == "campaign" && c.Status == Paused {
			return nil
		}
		// The lock waits for a planner to commit; only then does the next statement's snapshot show its chunks.
		if _, err := tx.Exec(ctx, `SELECT FROM runs WHERE id = $1 FOR NO KEY UPDATE`, run.ID); err != nil {
			return fmt.Errorf("lock run %d: %w", run.ID, err)
		}
		tag, err := tx.Exec(ctx, `
			UPDATE runs r SET finished_at = $2
			WHERE id = $1 AND finished_at IS NULL AND (planned_at IS NOT NULL OR $3)
			  AND NOT EXISTS (SELECT FROM chunks WHERE run_id = r.id AND done_at IS NULL)`, run.ID, now, ended)
		if err != nil {
			return fmt.Errorf("finish run %d: %w", run.ID, err)
		}
		finished = tag.RowsAffected() == 1
		if !finished || run.Kind == "test" || c.Status != Running {
			return nil
		}
		var others bool // a later tick's run goes on while an earlier one was opened again
		err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM runs WHERE campaign_id = $1 AND kind = 'campaign' AND finished_at IS NULL)`, c.ID).Scan(&others)
		if err != nil || others {
			return err
		}
		if c.Schedule == nil || c.Schedule.Cron == "" {
			_, err = move(ctx, tx, now, c, ActFinish, "")
			return err
		}
		if _, err := move(ctx, tx, now, c, ActRest, ""); err != nil {
			return err
		}
		return wait(ctx, tx, c, now)
	})
	return finished, err
}

// strikeLimit is how many mails may fail, all for the same reason that is not the
// recipient's, before a campaign that has had none accepted pauses itself.
const strikeLimit = 50

// Strikes pauses a running campaign whose first mails all failed for one of the
// given reasons. It returns true where it did.
func Strikes(ctx context.Context, db postgres.DB, now time.Time, k Chunk, reason, detail string) (bool, error) {
	var paused bool
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var failed, others, from int64
		err := tx.QueryRow(ctx, `
			SELECT coalesce(sum(n) FILTER (WHERE state = 'failed' AND reason = $2), 0),
			       coalesce(sum(n) FILTER (WHERE state IN ('sent', 'unknown') OR state = 'failed' AND reason <> $2), 0),
			       (SELECT strikes_from FROM runs WHERE id = $1)
			FROM message_counts WHERE run_id = $1`, k.RunID, reason).Scan(&failed, &others, &from)
		if err != nil {
			return fmt.Errorf("count failures of run %d: %w", k.RunID, err)
		}
		if others > 0 || failed-from < strikeLimit {
			return nil
		}
		paused, err = pauseItself(ctx, tx, now, k,
			fmt.Sprintf("the first %d mails all failed: %s (%s); mend it, then resume", failed-from, reason, detail))
		if err != nil || !paused {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE runs SET strikes_from = $2 WHERE id = $1`, k.RunID, failed)
		return err
	})
	return paused, err
}

// PauseItself pauses a running campaign for a reason that only a person can mend,
// such as a relay that refuses the login.
func PauseItself(ctx context.Context, db postgres.DB, now time.Time, k Chunk, reason string) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		_, err := pauseItself(ctx, tx, now, k, reason)
		return err
	})
}

func pauseItself(ctx context.Context, tx pgx.Tx, now time.Time, k Chunk, reason string) (bool, error) {
	c, err := lock(ctx, tx, k.CampaignID)
	if err != nil {
		return false, err
	}
	if k.Test || c.Status != Running {
		return false, nil
	}
	_, err = move(ctx, tx, now, c, ActPause, reason)
	return err == nil, err
}
