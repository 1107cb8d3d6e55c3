package campaigns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/postgres"
)

// Resolution is what a person decides about mails of which nobody knows whether
// the relay took them.
type Resolution string

const (
	AsSent Resolution = "sent"   // it was sent: the relay's log says so, or twice would be worse than not at all
	Resend Resolution = "resend" // send it, with the same Message-ID
)

// ResolveMessage decides about one message. It is a fault.Conflict where the
// message is not unknown, or is to be sent again although its campaign was
// cancelled or has failed. The caller knocks for the run.
func ResolveMessage(ctx context.Context, db postgres.DB, now time.Time, id int64, as Resolution) (messages.Message, Knock, error) {
	var run int64
	err := db.QueryRow(ctx, `SELECT run_id FROM messages WHERE id = $1`, id).Scan(&run)
	if errors.Is(err, pgx.ErrNoRows) {
		return messages.Message{}, Knock{}, fault.NotFoundf("message", id)
	}
	if err != nil {
		return messages.Message{}, Knock{}, fmt.Errorf("resolve message %d: %w", id, err)
	}
	n, knock, err := resolve(ctx, db, now, run, &id, as)
	if err != nil {
		return messages.Message{}, Knock{}, err
	}
	m, err := messages.Get(ctx, db, id)
	if err == nil && n == 0 {
		return m, knock, fault.Conflictf(string(m.State), "cannot resolve: the message is %s; only an unknown one has to be resolved", m.State)
	}
	return m, knock, err
}

// ResolveRun decides about all unknown messages of a campaign's latest run and
// returns how many there were.
func ResolveRun(ctx context.Context, db postgres.DB, now time.Time, campaignID int64, as Resolution) (int64, Knock, error) {
	c, err := Get(ctx, db, campaignID)
	if err != nil {
		return 0, Knock{}, err
	}
	if c.Run == nil {
		return 0, Knock{}, fault.NotFoundf("run of campaign", campaignID)
	}
	return resolve(ctx, db, now, c.Run.ID, nil, as)
}

// resolve changes the unknown messages of a run (all, or the one). To send again,
// it opens their chunks and the run, and moves a finished campaign back to running:
// from there on they go the way of every other message.
func resolve(ctx context.Context, db postgres.DB, now time.Time, runID int64, only *int64, as Resolution) (n int64, knock Knock, err error) {
	if as != AsSent && as != Resend {
		return 0, Knock{}, fault.Invalidf("as", "%q is neither sent nor resend", as)
	}
	knock.RunID = runID
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var campaignID int64
		var kind messages.Kind
		if err := tx.QueryRow(ctx, `SELECT campaign_id, kind, epoch FROM runs WHERE id = $1`, runID).Scan(&campaignID, &kind, &knock.Epoch); err != nil {
			return fmt.Errorf("resolve messages of run %d: %w", runID, err)
		}
		c, err := lock(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if as == AsSent {
			n, err = messages.ResolveSent(ctx, tx, now, runID, only)
			return err
		}
		if kind == messages.OfCampaign && (c.Status == Cancelled || c.Status == Failed) {
			return fault.Conflictf(string(c.Status), "cannot send again: the campaign is %s; resolve as sent instead", c.Status)
		}
		if n, err = messages.ResolveResend(ctx, tx, now, runID, only); err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE chunks SET done_at = NULL, due_at = '-infinity', knocked_until = NULL
			WHERE run_id = $1 AND done_at IS NOT NULL
			  AND id IN (SELECT chunk_id FROM messages WHERE run_id = $1 AND state = 'planned')`, runID)
		if err != nil {
			return fmt.Errorf("open chunks of run %d: %w", runID, err)
		}
		if _, err := tx.Exec(ctx, `UPDATE runs SET finished_at = NULL WHERE id = $1`, runID); err != nil {
			return fmt.Errorf("open run %d: %w", runID, err)
		}
		if kind == messages.OfCampaign && c.Status == Finished {
			_, err = move(ctx, tx, now, c, ActReopen, "")
		}
		return err
	})
	return n, knock, err
}
