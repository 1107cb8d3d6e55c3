package campaigns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/messages"
	"posthorn/postgres"
)

// OpenRun is a run as a worker meets it.
type OpenRun struct {
	ID       int64
	Epoch    int
	Campaign int64
	Kind     messages.Kind
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
		if run.Kind == messages.OfCampaign && c.Status == Paused {
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
		if !finished || run.Kind == messages.OfTest || c.Status != Running {
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
func Strikes(ctx context.Context, db postgres.DB, now time.Time, k messages.Chunk, reason, detail string) (bool, error) {
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
func PauseItself(ctx context.Context, db postgres.DB, now time.Time, k messages.Chunk, reason string) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		_, err := pauseItself(ctx, tx, now, k, reason)
		return err
	})
}

func pauseItself(ctx context.Context, tx pgx.Tx, now time.Time, k messages.Chunk, reason string) (bool, error) {
	c, err := lock(ctx, tx, k.CampaignID)
	if err != nil {
		return false, err
	}
	if k.Kind != messages.OfCampaign || c.Status != Running {
		return false, nil
	}
	_, err = move(ctx, tx, now, c, ActPause, reason)
	return err == nil, err
}
