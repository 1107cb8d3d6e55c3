package messages

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// resolvedAsSent begins the detail of a message that a person took for sent.
const resolvedAsSent = "unknown at first"

// Resolution is what a person decides about mails of which nobody knows whether
// the relay took them.
type Resolution string

const (
	AsSent Resolution = "sent"   // it was sent: the relay's log says so, or twice would be worse than not at all
	Resend Resolution = "resend" // send it, with the same Message-ID
)

// Check returns a fault.Invalid where r is neither.
func (r Resolution) Check() error {
	if r != AsSent && r != Resend {
		return fault.Invalidf("as", "%q is neither sent nor resend", r)
	}
	return nil
}

// RunOf returns the run of a message, and what that belongs to; a fault.NotFound
// where there is no such message.
func RunOf(ctx context.Context, db postgres.DB, id int64) (runID int64, kind Kind, err error) {
	err = db.QueryRow(ctx, `SELECT r.id, r.kind FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.id = $1`, id).Scan(&runID, &kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, "", fault.NotFoundf("message", id)
	}
	if err != nil {
		return 0, "", fmt.Errorf("find the run of message %d: %w", id, err)
	}
	return runID, kind, nil
}

// KindOf returns what a run belongs to; a fault.NotFound where there is no such run.
func KindOf(ctx context.Context, db postgres.DB, runID int64) (kind Kind, err error) {
	err = db.QueryRow(ctx, `SELECT kind FROM runs WHERE id = $1`, runID).Scan(&kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fault.NotFoundf("run", runID)
	}
	if err != nil {
		return "", fmt.Errorf("find run %d: %w", runID, err)
	}
	return kind, nil
}

// ResolveSent takes unknown messages of a run for sent, since a person says so:
// all, or only the one. It returns how many there were.
func ResolveSent(ctx context.Context, db postgres.DB, now time.Time, runID int64, only *int64) (int64, error) {
	tag, err := db.Exec(ctx, `
		UPDATE messages
		SET state = 'sent', reason = '', detail = '`+resolvedAsSent+`; resolved as sent', sent_at = updated_at, updated_at = $2
		WHERE run_id = $1 AND in_doubt AND state = 'unknown' AND ($3::bigint IS NULL OR id = $3)`, runID, now, only)
	if err != nil {
		return 0, fmt.Errorf("resolve messages of run %d as sent: %w", runID, err)
	}
	return tag.RowsAffected(), nil
}

// ResolveResend plans unknown messages of a run anew, all or only the one, and opens
// their chunks. Their Message-ID stays. It returns how many there were.
func ResolveResend(ctx context.Context, tx pgx.Tx, now time.Time, runID int64, only *int64) (int64, error) {
	tag, err := tx.Exec(ctx, `
		UPDATE messages
		SET state = 'planned', reason = '', detail = '', code = 0, enhanced_code = '', queue_id = '', claim = 0, in_doubt = true, updated_at = $2
		WHERE run_id = $1 AND in_doubt AND state = 'unknown' AND ($3::bigint IS NULL OR id = $3)`, runID, now, only)
	if err != nil {
		return 0, fmt.Errorf("plan messages of run %d again: %w", runID, err)
	}
	if tag.RowsAffected() == 0 {
		return 0, nil
	}
	// What was in doubt is what the index finds; of what is planned there may be millions.
	_, err = tx.Exec(ctx, `
		UPDATE chunks SET done_at = NULL, due_at = '-infinity', knocked_until = NULL, asked_at = NULL
		WHERE run_id = $1 AND done_at IS NOT NULL
		  AND id IN (SELECT chunk_id FROM messages WHERE run_id = $1 AND in_doubt AND state = 'planned')`, runID)
	if err != nil {
		return 0, fmt.Errorf("open chunks of run %d: %w", runID, err)
	}
	return tag.RowsAffected(), nil
}
