package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/postgres"
)

// Resolve decides about the unknown mails of a journey's run (all, or the one) and
// returns how many there were. What is to be sent again goes the way of every other
// mail: a contact that left the journey meanwhile is not mailed, and while the journey
// is paused nobody is. It is a fault.Conflict to send again what an archived journey
// had to send.
func Resolve(ctx context.Context, db postgres.DB, now time.Time, runID int64, only *int64, as messages.Resolution) (n int64, err error) {
	if err := as.Check(); err != nil {
		return 0, err
	}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var id int64
		if err := tx.QueryRow(ctx, `SELECT journey_id FROM runs WHERE id = $1 AND kind = 'journey'`, runID).Scan(&id); err != nil {
			return fmt.Errorf("resolve messages of run %d: %w", runID, err)
		}
		j, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if as == messages.AsSent {
			n, err = messages.ResolveSent(ctx, tx, now, runID, only)
			return err
		}
		if j.Status == Archived {
			return fault.Conflictf(j.Status, "cannot send again: the journey is %s; resolve as sent instead", j.Status)
		}
		n, err = messages.ResolveResend(ctx, tx, now, runID, only)
		return err
	})
	return n, err
}
