package queues

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
	"posthorn/tasks"
)

// Pause keeps workers from taking tasks of a queue. What they have in hand they
// bring to an end, which takes a campaign's chunk up to a minute. It is a
// fault.NotFound where there is no such queue; one that is paused stays so.
//
// The row comes first: where Redis cannot be told now, the next sweep does.
func (d *Desk) Pause(ctx context.Context, queue string) error {
	if err := exists(queue); err != nil {
		return err
	}
	_, err := d.pool.Exec(ctx, `INSERT INTO paused_queues (queue, since) VALUES ($1, $2) ON CONFLICT DO NOTHING`, queue, d.now())
	if err != nil {
		return fmt.Errorf("queues: pause %s: %w", queue, err)
	}
	d.forget()
	_, _ = d.KeepPaused(ctx)
	return nil
}

// Resume undoes Pause.
func (d *Desk) Resume(ctx context.Context, queue string) error {
	if err := exists(queue); err != nil {
		return err
	}
	if _, err := d.pool.Exec(ctx, `DELETE FROM paused_queues WHERE queue = $1`, queue); err != nil {
		return fmt.Errorf("queues: resume %s: %w", queue, err)
	}
	d.forget()
	_, _ = d.KeepPaused(ctx)
	return nil
}

// Paused returns which queues are paused, and since when.
func (d *Desk) Paused(ctx context.Context) (map[string]time.Time, error) {
	return paused(ctx, d.pool)
}

func paused(ctx context.Context, db postgres.DB) (map[string]time.Time, error) {
	found, err := db.Query(ctx, `SELECT queue, since FROM paused_queues`)
	if err != nil {
		return nil, fmt.Errorf("queues: list what is paused: %w", err)
	}
	list := map[string]time.Time{}
	var queue string
	var since time.Time
	if _, err := pgx.ForEachRow(found, []any{&queue, &since}, func() error { list[queue] = since.UTC(); return nil }); err != nil {
		return nil, fmt.Errorf("queues: list what is paused: %w", err)
	}
	return list, nil
}

// KeepPaused has Redis pause what is paused, and nothing else. It returns for how
// many queues that was not so: Redis was away when somebody decided, or was flushed
// since.
func (d *Desk) KeepPaused(ctx context.Context) (repaired int, err error) {
	want, err := d.Paused(ctx)
	if err != nil {
		return 0, err
	}
	pipe := d.redis.Pipeline()
	is := map[string]func() bool{}
	for _, queue := range tasks.Queues {
		answer := pipe.Exists(ctx, pausedKey(queue))
		is[queue] = func() bool { return answer.Val() > 0 }
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, fmt.Errorf("queues: look at what is paused: %w", err)
	}
	for _, queue := range tasks.Queues {
		_, should := want[queue]
		if is[queue]() == should {
			continue
		}
		// Two that do it at once: asynq has an error for the second. It is the state that counts.
		change := d.inspector.UnpauseQueue
		if should {
			change = d.inspector.PauseQueue
		}
		if err := change(queue); err != nil {
			if n, existsErr := d.redis.Exists(ctx, pausedKey(queue)).Result(); existsErr != nil || (n > 0) != should {
				return repaired, fmt.Errorf("queues: pause or resume %s: %w", queue, err)
			}
			continue
		}
		repaired++
	}
	return repaired, nil
}

// pausedKey is where asynq keeps that a queue is paused. Its inspector only tells
// together with figures that cost it a look at every state.
func pausedKey(queue string) string { return "asynq:{" + queue + "}:paused" }

// forget has the next look see what was just changed.
func (d *Desk) forget() {
	d.rowsMu.Lock()
	d.rows = rows{}
	d.rowsMu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last, d.next = nil, nil
}

func exists(queue string) error {
	if !slices.Contains(tasks.Queues, queue) {
		return fault.NotFoundf("queue", queue)
	}
	return nil
}
