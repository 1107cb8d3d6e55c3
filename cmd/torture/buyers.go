package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/journeys"
)

// Beside the campaigns, people buy: each places one order, which the shop delivers
// once or several times (shop.go), and a journey follows it up. Each order's
// follow-up must come once.

const (
	bought = "orders"       // the topic of the follow-ups
	buyers = "@buy.example" // what their addresses end with
)

// inviteBuyers makes n buyers, whose external ids begin after the others'.
func inviteBuyers(ctx context.Context, tx pgx.Tx, now time.Time, after, n int) error {
	_, err := tx.Exec(ctx, `
		WITH people AS (
			INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
			SELECT i::text, email, email, $3, $3
			FROM generate_series($1::int + 1, $1::int + $2::int) AS i, LATERAL (SELECT 'buyer-' || i || $5 AS email) AS e
			RETURNING id
		)
		INSERT INTO consents (contact_id, topic, state, source, updated_at)
		SELECT id, $4, 'subscribed', 'torture', $3 FROM people`, after, n, now, bought, buyers)
	if err != nil {
		return fmt.Errorf("make buyers: %w", err)
	}
	return nil
}

// follow publishes the journey: a mail at once, and after some seconds another.
func (s *storm) follow(ctx context.Context, now time.Time, template int64) error {
	send := func(id string) string {
		return fmt.Sprintf(`{"id": %q, "type": "send", "template_id": %d, "sender": {"address": %q}, "topic": %q}`, id, template, sender, bought)
	}
	definition := fmt.Sprintf(`{"trigger": {"type": "order", "on": "placed"}, "entry": {"key": "order"},
		"steps": [%s, {"id": "pause", "type": "wait", "for": "PT5S"}, %s]}`, send("thanks"), send("tips"))
	j, err := journeys.Create(ctx, s.pool, now, "thanks", []byte(definition))
	if err != nil {
		return err
	}
	s.journey = j.ID
	_, err = journeys.Publish(ctx, s.pool, now, j.ID)
	return err
}

// awaitBuyers waits until all are through and their mails are settled.
func (s *storm) awaitBuyers(ctx context.Context, o options) string {
	last, since := "", time.Now()
	for {
		var open int
		err := s.pool.QueryRow(ctx, `
			SELECT count(*) FROM messages m JOIN runs r ON r.id = m.run_id
			WHERE r.journey_id = $1 AND m.state IN ('planned', 'sending', 'deferred')`, s.journey).Scan(&open)
		all, countErr := journeys.Count(ctx, s.pool, s.journey)
		state := fmt.Sprintf("%+v, %d mails open", all.Total, open)
		switch {
		case ctx.Err() != nil:
			return "interrupted, or the follow-ups are not over in time"
		case err != nil || countErr != nil:
			state = fmt.Sprint(err, countErr)
		case open == 0 && all.Total.Finished == int64(o.orders):
			return ""
		}
		if state != last {
			last, since = state, time.Now()
		}
		if time.Since(since) > stall {
			return fmt.Sprintf("nothing has happened to the follow-ups for %s: %s", stall, last)
		}
		time.Sleep(time.Second) // it counts every mail
	}
}

// compareBuyers looks for orders that were not followed up just once. (That each
// mail reached the relay once is looked at with all others'.)
func (v *verdict) compareBuyers(ctx context.Context) error {
	if v.orders == 0 {
		return nil
	}
	rows, err := v.storm.pool.Query(ctx, `
		SELECT o.external_id, count(DISTINCT e.id), count(m.id) FILTER (WHERE r.step = 'thanks'), count(m.id) FILTER (WHERE r.step = 'tips')
		FROM orders o
		LEFT JOIN enrolments e ON e.order_id = o.id
		LEFT JOIN messages m ON m.enrolment_id = e.id
		LEFT JOIN runs r ON r.id = m.run_id
		GROUP BY o.external_id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var order string
		var enrolled, thanks, tips int
		if err := rows.Scan(&order, &enrolled, &thanks, &tips); err != nil {
			return err
		}
		seen++
		if enrolled != 1 || thanks != 1 || tips != 1 {
			v.wrong = append(v.wrong, fmt.Sprintf("%s was enrolled %d times and has %d and %d mails", order, enrolled, thanks, tips))
		}
	}
	if seen != v.orders {
		v.wrong = append(v.wrong, fmt.Sprintf("there are %d orders of %d", seen, v.orders))
	}
	return rows.Err()
}
