package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"time"

	"posthorn/internal/clock"
	"posthorn/journeys"
)

// runTriggers measures how many orders per second become enrolments with a first
// mail, through the batch API.
func runTriggers(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench triggers", flag.ExitOnError)
	orders := flags.Int("orders", 100_000, "orders, each of another contact")
	connections := flags.Int("connections", 16, "SMTP connections")
	_ = flags.Parse(args)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b, err := open(ctx, *connections+16, "")
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.seed(ctx, *orders, relaySettings{connections: *connections}); err != nil {
		return err
	}
	a, err := b.serve(ctx)
	if err != nil {
		return err
	}
	journey, err := b.follow(ctx)
	if err != nil {
		return err
	}
	defer b.work(ctx, *connections)()
	began := time.Now()
	const batch = 1000
	for at := 0; at < *orders; at += batch {
		var items []any
		for i := at; i < min(at+batch, *orders); i++ {
			items = append(items, anOrder(fmt.Sprint("T", i), i+1))
		}
		if err := a.do(ctx, http.MethodPost, "/api/v1/orders/batch", map[string]any{"items": items}, nil); err != nil {
			return err
		}
	}
	posted := time.Since(began)
	var enrolled, sent time.Duration
	for sent == 0 {
		time.Sleep(100 * time.Millisecond)
		all, err := journeys.Count(ctx, b.pool, journey)
		if err != nil {
			return err
		}
		if enrolled == 0 && all.Total.Waiting >= int64(*orders) {
			enrolled = time.Since(began)
		}
		if b.sink.count() >= int64(*orders) && enrolled > 0 {
			sent = time.Since(began)
		}
		if time.Since(began) > 10*time.Minute {
			return fmt.Errorf("after 10 minutes: %+v, %d mails", all.Total, b.sink.count())
		}
	}
	time.Sleep(2 * time.Second) // for what comes twice
	var rows, states int
	if err := b.pool.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE state = 'sent') FROM messages`).Scan(&rows, &states); err != nil {
		return err
	}
	perSecond := func(d time.Duration) float64 { return float64(*orders) / d.Seconds() }
	fmt.Printf("%d orders: posted in %s (%.0f/s); all enrolled, with their first mail's row, after %s (%.0f/s); all mails accepted after %s (%.0f/s)\n",
		*orders, posted.Round(time.Millisecond), perSecond(posted), enrolled.Round(time.Millisecond), perSecond(enrolled), sent.Round(time.Millisecond), perSecond(sent))
	fmt.Printf("messages %d, sent %d, accepted %d; lost %d, doubled %d\n", rows, states, b.sink.count(), *orders-states, b.sink.count()-int64(*orders))
	if rows != *orders || states != *orders || b.sink.count() != int64(*orders) {
		return fmt.Errorf("these should all be %d", *orders)
	}
	return nil
}

// runWaiting measures what a due step costs while many are not due, and shows how
// Postgres finds the due ones.
func runWaiting(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench waiting", flag.ExitOnError)
	waiting := flags.Int("waiting", 1_000_000, "enrolments that are not due")
	_ = flags.Parse(args)
	b, err := open(ctx, 16, "own")
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.seed(ctx, *waiting, relaySettings{connections: 1}); err != nil {
		return err
	}
	journey, err := b.follow(ctx)
	if err != nil {
		return err
	}
	engine, now := journeys.NewEngine(nil), clock.System()
	batch := 0
	enrol := func(from, to int, due time.Time) error {
		batch++
		_, err := b.pool.Exec(ctx, `
			INSERT INTO enrolments (journey_id, version, contact_id, key, status, position, since, due_at, trigger_at, entered_at, created_at, updated_at)
			SELECT $1, 1, c.id, 'contact:' || c.id || ':' || $5::text, 'waiting', 'pause', $2::timestamptz - interval '14 days', $2, $2, $2, $2, $2
			FROM (SELECT id FROM contacts ORDER BY id OFFSET $3 LIMIT $4) AS c`, journey, due, from, to-from, fmt.Sprint(batch))
		if err != nil {
			return err
		}
		_, err = b.pool.Exec(ctx, `ANALYZE enrolments`)
		return err
	}
	advance := func(n int) error {
		var took time.Duration
		for round := range 5 {
			if err := enrol(0, 300, now.Add(-time.Duration(round+1)*time.Minute)); err != nil {
				return err
			}
			began := time.Now()
			work, err := engine.Advance(ctx, b.pool, now, journey)
			if err != nil {
				return err
			}
			if work.Seen != 300 {
				return fmt.Errorf("%d were due, not 300", work.Seen)
			}
			if t := time.Since(began); round == 0 || t < took {
				took = t
			}
		}
		fmt.Printf("%9d not due: 300 due steps in %s, the best of 5 (%s each)\n", n, took.Round(10*time.Microsecond), (took / 300).Round(time.Microsecond))
		return nil
	}
	if err := enrol(0, 1000, now.Add(24*time.Hour)); err != nil {
		return err
	}
	if err := advance(1000); err != nil {
		return err
	}
	if err := enrol(1000, *waiting, now.Add(48*time.Hour)); err != nil {
		return err
	}
	if err := advance(*waiting); err != nil {
		return err
	}
	rows, err := b.pool.Query(ctx, `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)
		SELECT id, contact_id FROM enrolments
		WHERE journey_id = $1 AND due_at <= $2 AND EXISTS (SELECT FROM journeys WHERE id = $1 AND status = 'live')
		ORDER BY due_at LIMIT 300`, journey, now)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		fmt.Println("  " + line)
	}
	return rows.Err()
}
