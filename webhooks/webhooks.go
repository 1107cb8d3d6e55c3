// Package webhooks is calls: what a webhook step of a journey tells a server of the
// shop's.
//
//  1. A step leaves a row in webhook_calls (package journeys), due at once.
//  2. A worker claims calls that are due (Claim). Each is moved on by Lease, so that
//     the call of a worker that dies is made again.
//  3. It makes the call (Caller): a signed POST (sign.go) to a public address and to
//     no other (address.go), without redirects, and with limits to time and size.
//  4. It keeps what came of it (Record): done, due again later, or failed.
//
// A call may arrive twice: its answer can be lost, and so can the worker that got
// it. Both carry the same id, by which a receiver knows the second.
package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// DefaultRetry is when a call that was not accepted is made again. After the last
// it is given up: about 31 hours, so that a receiver that breaks in the evening
// can be mended the next day.
var DefaultRetry = []time.Duration{30 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// Lease is how long a claimed call is left to its worker: the call takes up to
// Timeout, and keeping its answer a moment.
const Lease = Timeout + 20*time.Second

// batchSize is how many calls are claimed, and made, together. A receiver that does
// not answer holds up so many for as long as Timeout.
const batchSize = 4

// State is what became of a call.
type State string

const (
	Due    State = "due"    // not made yet, or to be made again
	Done   State = "done"   // answered with 2xx
	Failed State = "failed" // given up
)

// Call is one that was claimed.
type Call struct {
	ID          int64  `db:"id"`
	EnrolmentID int64  `db:"enrolment_id"`
	URL         string `db:"url"`
	Body        []byte `db:"body"`     // JSON with the call's id
	Attempts    int    `db:"attempts"` // with this one
}

// AnyDue reports whether there is something to Claim, and since when.
func AnyDue(ctx context.Context, db postgres.DB, now time.Time) (since time.Time, due bool, err error) {
	err = db.QueryRow(ctx, `SELECT due_at FROM webhook_calls WHERE due_at <= $1 ORDER BY due_at LIMIT 1`, now).Scan(&since)
	if errors.Is(err, pgx.ErrNoRows) {
		return since, false, nil
	}
	if err != nil {
		return since, false, fmt.Errorf("look for webhook calls: %w", err)
	}
	return since, true, nil
}

// Claim returns a few calls that are due, those that have been due for longest
// first, and leaves them to the caller for Lease.
func Claim(ctx context.Context, db postgres.DB, now time.Time) ([]Call, error) {
	rows, err := db.Query(ctx, `
		WITH due AS MATERIALIZED (
			SELECT id
			FROM webhook_calls
			WHERE due_at <= $1
			ORDER BY due_at, id
			LIMIT $3
			FOR UPDATE SKIP LOCKED
		)
		UPDATE webhook_calls w
		SET due_at = $2, attempts = w.attempts + 1
		FROM due
		WHERE w.id = due.id
		RETURNING w.id, w.enrolment_id, w.url, (jsonb_build_object('id', w.id) || w.body)::text AS body, w.attempts`,
		now, now.Add(Lease), batchSize)
	if err != nil {
		return nil, fmt.Errorf("claim webhook calls: %w", err)
	}
	calls, err := pgx.CollectRows(rows, pgx.RowToStructByName[Call])
	if err != nil {
		return nil, fmt.Errorf("claim webhook calls: %w", err)
	}
	return calls, nil
}

// Record keeps what came of a call, and returns its state. What is not accepted is
// due again after retry[Attempts-1], and given up where that has no more.
//
// An answer that comes after the lease may find the call made again by somebody
// else: that it was accepted counts all the same, that it was not does not.
func Record(ctx context.Context, db postgres.DB, now time.Time, c Call, a Answer, retry []time.Duration) (State, error) {
	state, due := Failed, (*time.Time)(nil)
	switch {
	case a.Accepted():
		state = Done
	case a.Status != http.StatusGone && c.Attempts <= len(retry):
		again := now.Add(retry[c.Attempts-1])
		state, due = Due, &again
	}
	_, err := db.Exec(ctx, `
		UPDATE webhook_calls
		SET state = $3, due_at = $4, detail = $5
		WHERE id = $1 AND state <> 'done' AND (attempts = $2 OR $3 = 'done')`, c.ID, c.Attempts, string(state), due, a.Detail)
	if err != nil {
		return "", fmt.Errorf("record webhook call %d: %w", c.ID, err)
	}
	return state, nil
}

// rest is how long a receiver that did not answer in time is left alone.
const rest = 30 * time.Second

// PutOff moves on what else is due for a URL whose receiver did not answer in time:
// each of its calls would hold up those of others for as long. It costs them no
// attempt.
func PutOff(ctx context.Context, db postgres.DB, now time.Time, url string) error {
	_, err := db.Exec(ctx, `
		WITH due AS MATERIALIZED (
			SELECT id
			FROM webhook_calls
			WHERE due_at <= $1 AND url = $2
			FOR UPDATE SKIP LOCKED
		)
		UPDATE webhook_calls w SET due_at = $3 FROM due WHERE w.id = due.id`, now, url, now.Add(rest))
	if err != nil {
		return fmt.Errorf("put webhook calls off: %w", err)
	}
	return nil
}
