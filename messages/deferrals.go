package messages

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Deferral is how many messages of a run wait for one receiving domain, for one
// reason.
type Deferral struct {
	Domain string    `json:"domain"`
	Reason string    `json:"reason"`
	N      int64     `json:"n"`
	DueAt  time.Time `json:"due_at"` // when the first of them is tried again
	Detail string    `json:"detail"` // what was said about the latest of them
}

// Limits of Deferrals.
const (
	maxDeferrals     = 10
	maxDeferredChunk = 50 // 10,000 messages
)

// Deferrals returns where most messages of a run wait, the most first, and how many
// were looked at. No index knows which messages are deferred, since a state that is
// indexed would make every mail dearer; but a chunk all of whose open messages wait
// is due when the first of them is. So it looks at some of those, which costs the
// same in a run of a million (TestDeferralsAreFoundByIndex).
func Deferrals(ctx context.Context, db postgres.DB, runID int64) (list []Deferral, looked int64, err error) {
	rows, err := db.Query(ctx, deferrals, pgx.NamedArgs{"run": runID, "chunks": maxDeferredChunk, "limit": maxDeferrals})
	if err != nil {
		return nil, 0, fmt.Errorf("find deferrals of run %d: %w", runID, err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Deferral, err error) {
		err = row.Scan(&d.Domain, &d.Reason, &d.N, &d.DueAt, &d.Detail, &looked)
		return d, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("find deferrals of run %d: %w", runID, err)
	}
	return list, looked, nil
}

const deferrals = `
	WITH waiting AS MATERIALIZED (
		SELECT id
		FROM chunks
		WHERE run_id = @run AND done_at IS NULL AND lease_until IS NULL AND due_at > '-infinity'
		ORDER BY due_at
		LIMIT @chunks
	)
	SELECT coalesce(substring(lower(m.email) FROM '@([^@]*)$'), '') AS domain, m.reason, count(*) AS n, min(m.due_at),
	       (array_agg(m.detail ORDER BY m.updated_at DESC))[1], (sum(count(*)) OVER ())::bigint
	FROM waiting, LATERAL ( -- chunk by chunk: with OFFSET 0 no plan begins at the messages
		SELECT email, reason, due_at, detail, updated_at FROM messages WHERE chunk_id = waiting.id AND state = 'deferred' OFFSET 0
	) AS m
	GROUP BY 1, 2
	ORDER BY n DESC, 1, 2
	LIMIT @limit`
