package queues

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/tasks"
)

// rows is what waits in Postgres.
type rows struct {
	read     time.Time // by this machine
	waiting  map[string]int64
	deferred map[string]int64
	held     map[string]int64
	paused   map[string]time.Time
	noted    time.Time // the oldest happening; zero: there is none
	unknown  int64
}

// most bounds what is counted row by row.
const most = 100_000

// countRows reads what waits, or returns what was read a moment ago.
func (d *Desk) countRows(ctx context.Context, now time.Time) (rows, error) {
	d.rowsMu.Lock()
	defer d.rowsMu.Unlock()
	if time.Since(d.rows.read) < rowsFresh {
		return d.rows, nil
	}
	r := rows{read: time.Now(), waiting: map[string]int64{}, deferred: map[string]int64{}, held: map[string]int64{}}
	// Mails by the counts that a trigger keeps; a look at the messages would read millions.
	found, err := d.pool.Query(ctx, `
		SELECT r.kind = 'journey', c.state = 'deferred', r.held, sum(c.n)::bigint
		FROM runs r JOIN message_counts c ON c.run_id = r.id
		WHERE r.finished_at IS NULL AND c.state IN ('planned', 'sending', 'deferred')
		GROUP BY 1, 2, 3`)
	if err != nil {
		return rows{}, fmt.Errorf("queues: count mails: %w", err)
	}
	var triggered, deferred, held bool
	var n int64
	_, err = pgx.ForEachRow(found, []any{&triggered, &deferred, &held, &n}, func() error {
		queue := tasks.QueueBulk
		if triggered {
			queue = tasks.QueueTriggered
		}
		switch {
		case held:
			r.held[queue] += n
		case deferred:
			r.deferred[queue] += n
		default:
			r.waiting[queue] += n
		}
		return nil
	})
	if err != nil {
		return rows{}, fmt.Errorf("queues: count mails: %w", err)
	}

	var happenings, enrolments, calls, runs int64
	var noted *time.Time
	err = d.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM (SELECT FROM happenings LIMIT $2) h),
		       (SELECT noted_at FROM happenings ORDER BY id LIMIT 1),
		       (SELECT count(*) FROM (SELECT FROM journeys j JOIN enrolments e ON e.journey_id = j.id AND e.due_at <= $1 WHERE j.status = 'live' LIMIT $2) e),
		       (SELECT count(*) FROM (SELECT FROM webhook_calls WHERE due_at <= $1 LIMIT $2) w),
		       (SELECT count(*) FROM runs WHERE finished_at IS NULL AND planned_at IS NULL AND kind = 'campaign' AND NOT held),
		       (SELECT coalesce(sum(n), 0)::bigint FROM message_counts WHERE state = 'unknown')`,
		now, most).Scan(&happenings, &noted, &enrolments, &calls, &runs, &r.unknown)
	if err != nil {
		return rows{}, fmt.Errorf("queues: count rows: %w", err)
	}
	if noted != nil {
		r.noted = *noted
	}
	r.waiting[tasks.QueueEvents] = min(happenings+enrolments, most)
	r.waiting[tasks.QueueWebhooks], r.waiting[tasks.QueueControl] = calls, runs
	if r.paused, err = d.Paused(ctx); err != nil {
		return rows{}, err
	}
	d.rows = r
	return r, nil
}
