package messages

import (
	"context"
	"fmt"
	"time"

	"posthorn/postgres"
)

// resolvedAsSent begins the detail of a message that a person took for sent.
const resolvedAsSent = "unknown at first"

// ResolveSent takes unknown messages of a run for sent, since a person says so:
// all, or only the one. It returns how many there were.
func ResolveSent(ctx context.Context, db postgres.DB, now time.Time, runID int64, only *int64) (int64, error) {
	tag, err := db.Exec(ctx, `
		UPDATE messages
		SET state = 'sent', reason = '', detail = '`+resolvedAsSent+`; resolved as sent', sent_at = updated_at, updated_at = $2
		WHERE run_id = $1 AND state = 'unknown' AND ($3::bigint IS NULL OR id = $3)`, runID, now, only)
	if err != nil {
		return 0, fmt.Errorf("resolve messages of run %d as sent: %w", runID, err)
	}
	return tag.RowsAffected(), nil
}

// ResolveResend plans unknown messages of a run anew: all, or only the one. Their
// Message-ID stays. The caller opens their chunks. It returns how many there were.
func ResolveResend(ctx context.Context, db postgres.DB, now time.Time, runID int64, only *int64) (int64, error) {
	tag, err := db.Exec(ctx, `
		UPDATE messages
		SET state = 'planned', reason = '', detail = '', code = 0, enhanced_code = '', queue_id = '', claim = 0, in_doubt = true, updated_at = $2
		WHERE run_id = $1 AND state = 'unknown' AND ($3::bigint IS NULL OR id = $3)`, runID, now, only)
	if err != nil {
		return 0, fmt.Errorf("plan messages of run %d again: %w", runID, err)
	}
	return tag.RowsAffected(), nil
}
