package campaigns

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/postgres"
)

// Resolution is what a person decides about mails in doubt.
type Resolution = messages.Resolution

const (
	AsSent = messages.AsSent
	Resend = messages.Resend
)

// ResolveMessage decides about one message. It is a fault.Conflict where the
// message is not unknown, or is to be sent again although its campaign was
// cancelled or has failed. The caller knocks for the run.
func ResolveMessage(ctx context.Context, db postgres.DB, now time.Time, id int64, as Resolution) (messages.Message, Knock, error) {
	run, _, err := messages.RunOf(ctx, db, id)
	if err != nil {
		return messages.Message{}, Knock{}, err
	}
	n, knock, err := Resolve(ctx, db, now, run, &id, as)
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
	return Resolve(ctx, db, now, c.Run.ID, nil, as)
}

// Resolve changes the unknown messages of a campaign's run (all, or the one) and
// returns how many there were. To send again,
// it opens their chunks and the run, and moves a finished campaign back to running:
// from there on they go the way of every other message.
func Resolve(ctx context.Context, db postgres.DB, now time.Time, runID int64, only *int64, as Resolution) (n int64, knock Knock, err error) {
	if err := as.Check(); err != nil {
		return 0, Knock{}, err
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
