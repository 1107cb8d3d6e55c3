package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/postgres"
	"posthorn/relays"
	"posthorn/templates"
)

const (
	sender  = "news@shop.example"
	readers = "news"      // the big campaign's topic
	minutes = "by-minute" // the topic of the one that runs every minute
	tickers = 20          // people who have subscribed to it
)

// prepare makes people, a relay, a template and the two campaigns.
func (s *storm) prepare(ctx context.Context, o options) error {
	if _, _, err := postgres.Migrate(ctx, s.pool); err != nil {
		return err
	}
	now := clock.System()
	if err := s.invite(ctx, now, o); err != nil {
		return err
	}
	_, err := relays.Put(ctx, s.pool, now, tortureSecret, relays.PutInput{
		Name: "default", Host: s.relay.host, Port: s.relay.port, TLS: relays.TLSNone, Connections: o.connections,
	})
	if err != nil {
		return err
	}
	t, _, err := templates.Create(ctx, s.pool, now, "torture", templates.Source{
		Subject: "Hello {{ contact.first_name }}",
		HTML:    `<html><body><p>Hello {{ contact.first_name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`,
	})
	if err != nil {
		return err
	}
	draft := func(topic string, schedule *campaigns.Schedule) (int64, error) {
		c, err := campaigns.Create(ctx, s.pool, now, campaigns.Input{
			Name: topic, TemplateID: t.ID, Topic: topic, Sender: campaigns.Sender{Name: "Shop", Address: sender}, Schedule: schedule,
		})
		return c.ID, err
	}
	if s.campaign, err = draft(readers, nil); err != nil {
		return err
	}
	if s.ticks, err = draft(minutes, &everyMinute); err != nil || o.orders == 0 {
		return err
	}
	return s.follow(ctx, now, t.ID)
}

// invite makes the readers, of whom some are suppressed and some share an address,
// after them the tickers, and the buyers.
func (s *storm) invite(ctx context.Context, now time.Time, o options) error {
	n := o.recipients
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH people AS (
				INSERT INTO contacts (external_id, email, email_key, first_name, created_at, updated_at)
				SELECT i::text, email, email, 'Zoë ' || i, $2, $2
				FROM generate_series(1, $1::int) AS i,
				     LATERAL (SELECT 'customer-' || (CASE WHEN i % 103 = 0 THEN i - 1 ELSE i END) || '@web.example' AS email) AS e
				RETURNING id, external_id, email_key
			), gone AS (
				INSERT INTO suppressions (email_key, cause, created_at)
				SELECT DISTINCT email_key, 'manual', $2::timestamptz FROM people WHERE external_id::int % 101 = 0
			)
			INSERT INTO consents (contact_id, topic, state, source, updated_at)
			SELECT id, $3, 'subscribed', 'torture', $2 FROM people`, n, now, readers)
		if err != nil {
			return fmt.Errorf("make readers: %w", err)
		}
		_, err = tx.Exec(ctx, `
			WITH people AS (
				INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
				SELECT i::text, email, email, $3, $3
				FROM generate_series($1::int + 1, $1::int + $2::int) AS i, LATERAL (SELECT 'ticker-' || i || '@clock.example' AS email) AS e
				RETURNING id
			)
			INSERT INTO consents (contact_id, topic, state, source, updated_at)
			SELECT id, $4, 'subscribed', 'torture', $3 FROM people`, n, tickers, now, minutes)
		if err != nil {
			return fmt.Errorf("make tickers: %w", err)
		}
		if err := inviteBuyers(ctx, tx, now, n+tickers, o.orders); err != nil {
			return err
		}
		return postgres.Analyze(ctx, tx, "contacts", "consents")
	})
}

// leave has some readers leave the topic once the audience is frozen: the claim
// has to notice. It returns when that is done.
func (s *storm) leave(ctx context.Context) error {
	for {
		c, err := campaigns.Get(ctx, s.pool, s.campaign)
		if err != nil {
			return err
		}
		if c.Run.PlannedAt != nil {
			break
		}
		if time.Since(s.began) > stall {
			return fmt.Errorf("the audience is not frozen after %s", stall)
		}
		time.Sleep(50 * time.Millisecond)
	}
	_, err := s.pool.Exec(ctx, `
		UPDATE consents SET state = 'unsubscribed'
		FROM contacts c WHERE c.id = contact_id AND topic = $1 AND c.external_id::int % 97 = 0`, readers)
	return err
}
