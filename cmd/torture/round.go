package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/embedded"
	"posthorn/postgres"
	"posthorn/relays"
	"posthorn/tasks"
	"posthorn/templates"
)

const tortureSecret = "torture-secret-0123456789"

// stall is how long nothing may happen to a campaign after the faults ended: the
// lease of a dead worker, a sweep, and a wait for the relay, with room to spare.
// It is shorter than what asynq takes to hand out a dead worker's task again,
// because Posthorn must not depend on that.
const stall = 50 * time.Second

// roundLimit ends a round that never ends.
const roundLimit = 15 * time.Minute

// torture runs a round of the given posthorn program. Its error says that the round could not be run; what
// came out of one that was is in the verdict.
func torture(ctx context.Context, binary string, o options) (v *verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	dir, err := os.MkdirTemp("", "posthorn-torture-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil && v.good() && !o.keep {
			err = os.RemoveAll(dir)
			return
		}
		// Only the logs are of use to somebody.
		_ = os.RemoveAll(filepath.Join(dir, "postgres", "data"))
		fmt.Fprintln(os.Stderr, "torture: the logs are in", dir)
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // another user runs the servers
		return nil, err
	}
	s := &storm{done: map[string]int{}}
	if s.pg, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: filepath.Join(dir, "postgres"), Durable: true}); err != nil {
		return nil, err
	}
	defer func() { s.pg.Stop() }()
	if s.redis, err = embedded.StartRedis(ctx, filepath.Join(dir, "redis")); err != nil {
		return nil, err
	}
	defer func() { s.redis.Stop() }()
	if s.relay, err = startRelay(o.seed); err != nil {
		return nil, err
	}
	defer s.relay.stop()
	if s.pool, err = postgres.Open(ctx, s.pg.URL, 10); err != nil {
		return nil, err
	}
	defer s.pool.Close()
	if s.client, err = tasks.Open(ctx, s.redis.URL); err != nil {
		return nil, err
	}
	defer s.client.Close()
	if s.campaign, err = s.prepare(ctx, o); err != nil {
		return nil, err
	}

	s.crew = newCrew(binary, dir, s.pg.URL, s.redis.URL, o.connections)
	defer s.crew.dismiss()
	s.crew.hire("worker", o.workers)
	s.crew.hire("scheduler", o.schedulers)
	// So slow that the campaign is not over before the faults are.
	s.relay.setPace(o.spread * time.Duration(o.workers*o.connections) / time.Duration(o.recipients))
	if _, err := campaigns.Start(ctx, s.pool, clock.System(), s.campaign); err != nil {
		return nil, err
	}

	s.began = time.Now()
	sums := s.watchSums(ctx)
	if err := s.leave(ctx); err != nil {
		return nil, err
	}
	s.rage(ctx, s.schedule(o))
	if o.cancel {
		if err := s.order(ctx, campaigns.Cancel, campaigns.Cancelled); err != nil {
			return nil, err
		}
	}
	if err := s.relay.calm(); err != nil {
		return nil, err
	}
	calm := time.Now()
	v = &verdict{options: o, storm: s}
	v.stuck = s.awaitEnd(ctx)
	v.took, v.calm = time.Since(s.began), time.Since(calm)
	if v.stuck != "" {
		s.describe(ctx, filepath.Join(dir, "stuck.txt"))
	} else {
		s.crew.watchIdle()
	}
	s.crew.dismiss()
	s.relay.stop()
	v.wrong = append(v.wrong, sums()...)
	v.wrong = append(v.wrong, s.crew.wrong...)
	return v, v.compare(ctx)
}

// prepare makes people, a relay, a template and a campaign to all of them. Some
// are suppressed, some share an address.
func (s *storm) prepare(ctx context.Context, o options) (int64, error) {
	if _, _, err := postgres.Migrate(ctx, s.pool); err != nil {
		return 0, err
	}
	now := clock.System()
	err := postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
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
			SELECT id, 'news', 'subscribed', 'torture', $2 FROM people`,
			o.recipients, now)
		if err != nil {
			return fmt.Errorf("make contacts: %w", err)
		}
		_, err = tx.Exec(ctx, `ANALYZE contacts, consents`)
		return err
	})
	if err != nil {
		return 0, err
	}
	_, err = relays.Put(ctx, s.pool, now, tortureSecret, relays.PutInput{
		Name: "default", Host: s.relay.host, Port: s.relay.port, TLS: relays.TLSNone, Connections: o.connections,
	})
	if err != nil {
		return 0, err
	}
	t, _, err := templates.Create(ctx, s.pool, now, "torture", templates.Source{
		Subject: "Hello {{ contact.first_name }}",
		HTML:    `<html><body><p>Hello {{ contact.first_name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`,
	})
	if err != nil {
		return 0, err
	}
	c, err := campaigns.Create(ctx, s.pool, now, campaigns.Input{
		Name: "torture", TemplateID: t.ID, Topic: "news", Sender: campaigns.Sender{Name: "Shop", Address: sender},
	})
	return c.ID, err
}

const sender = "news@shop.example"

// leave has some people leave the topic once the audience is frozen: the claim
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
		FROM contacts c WHERE c.id = contact_id AND c.external_id::int % 97 = 0`)
	return err
}

// awaitEnd waits until the campaign has ended by itself. It returns what is wrong
// where it does not.
func (s *storm) awaitEnd(ctx context.Context) string {
	last, since := "", time.Now()
	for {
		var state string
		c, err := campaigns.Get(ctx, s.pool, s.campaign)
		switch {
		case ctx.Err() != nil:
			return "interrupted, or not over after " + roundLimit.String()
		case err != nil:
			state = err.Error()
		case c.Run.FinishedAt != nil && c.Status != campaigns.Running:
			return ""
		default:
			state = fmt.Sprintf("%s %q %+v, %d accepted", c.Status, c.StatusReason, *c.Run, s.relay.count())
		}
		if state != last {
			last, since = state, time.Now()
		}
		if time.Since(since) > stall {
			return fmt.Sprintf("nothing has happened for %s: %s", stall, last)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// watchSums compares, while everything happens, the kept counts with the counted
// rows in one look. The function it returns ends that and says what was wrong.
func (s *storm) watchSums(ctx context.Context) func() []string {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan []string)
	go func() {
		var wrong []string
		for ctx.Err() == nil {
			if err := sumsAgree(ctx, s.pool); errors.Is(err, errSums) && len(wrong) < 3 {
				wrong = append(wrong, err.Error())
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		done <- wrong
	}()
	return func() []string { cancel(); return <-done }
}

var errSums = errors.New("the kept counts are not the rows'")

func sumsAgree(ctx context.Context, pool *pgxpool.Pool) error {
	var differing string
	err := pool.QueryRow(ctx, `
		SELECT coalesce(string_agg(concat_ws(' ', state, reason, 'kept', k.n, 'counted', c.n), '; '), '')
		FROM (SELECT state, reason, sum(n)::bigint AS n FROM message_counts GROUP BY state, reason HAVING sum(n) <> 0) k
		FULL JOIN (SELECT state, reason, count(*) AS n FROM messages GROUP BY state, reason) c USING (state, reason)
		WHERE k.n IS DISTINCT FROM c.n`).Scan(&differing)
	if err == nil && differing != "" {
		return fmt.Errorf("%w: %s", errSums, differing)
	}
	return err
}
