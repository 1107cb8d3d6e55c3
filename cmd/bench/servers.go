package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/clock"
	"posthorn/internal/embedded"
	"posthorn/internal/flight"
	"posthorn/postgres"
	"posthorn/relays"
	"posthorn/scheduler"
	"posthorn/tasks"
	"posthorn/templates"
	"posthorn/tracking"
	"posthorn/worker"
)

const benchSecret = "bench-secret-0123456789"

// bench is the servers of a measurement and what is open on them.
type bench struct {
	dir      string
	pg       *embedded.Postgres
	redis    *embedded.Redis
	sink     sink
	pool     *pgxpool.Pool
	client   *redis.Client
	template templates.Version
	undo     []func()
}

// open starts the servers. Close the result.
func open(ctx context.Context, connections int, sinkName string) (b *bench, err error) {
	b = &bench{}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "posthorn-bench-"); err != nil {
		return b, err
	}
	b.undo = append(b.undo, func() { _ = os.RemoveAll(b.dir) })
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return b, err
	}
	if b.pg, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: filepath.Join(b.dir, "postgres"), Durable: true}); err != nil {
		return b, err
	}
	b.undo = append(b.undo, func() { b.pg.Stop() })
	if b.redis, err = embedded.StartRedis(ctx, filepath.Join(b.dir, "redis")); err != nil {
		return b, err
	}
	b.undo = append(b.undo, func() { b.redis.Stop() })
	if b.sink, err = startSink(sinkName); err != nil {
		return b, err
	}
	b.undo = append(b.undo, b.sink.stop)
	if b.pool, err = postgres.Open(ctx, b.pg.URL, connections+24); err != nil {
		return b, err
	}
	b.undo = append(b.undo, b.pool.Close)
	if _, _, err := postgres.Migrate(ctx, b.pool); err != nil {
		return b, err
	}
	if b.client, err = tasks.Open(ctx, b.redis.URL); err != nil {
		return b, err
	}
	b.undo = append(b.undo, func() { _ = b.client.Close() })
	return b, nil
}

func (b *bench) close() {
	for i := len(b.undo) - 1; i >= 0; i-- {
		b.undo[i]()
	}
}

type relaySettings struct{ connections, rate int }

// seed makes n contacts who are all subscribed, a relay and a template.
func (b *bench) seed(ctx context.Context, n int, relay relaySettings) error {
	now := clock.System()
	err := postgres.InTx(ctx, b.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH people AS (
				INSERT INTO contacts (external_id, email, email_key, first_name, last_name, country, created_at, updated_at)
				SELECT i::text, 'customer-' || i || '@web.example', 'customer-' || i || '@web.example', 'Zoë ' || i, 'Weber', 'Finland', $2, $2
				FROM generate_series(1, $1::int) AS i
				RETURNING id
			)
			INSERT INTO consents (contact_id, topic, state, source, updated_at)
			SELECT id, 'news', 'subscribed', 'bench', $2 FROM people`, n, now)
		if err != nil {
			return fmt.Errorf("seed contacts: %w", err)
		}
		_, err = tx.Exec(ctx, `ANALYZE contacts, consents`)
		return err
	})
	if err != nil {
		return err
	}
	_, err = relays.Put(ctx, b.pool, now, benchSecret, relays.PutInput{
		Name: "default", Host: "127.0.0.1", Port: b.sink.port(), TLS: relays.TLSNone, Connections: relay.connections, RatePerSecond: relay.rate})
	if err != nil {
		return err
	}
	t, _, err := templates.Create(ctx, b.pool, now, "bench", templates.Source{Subject: "Hello {{ contact.first_name }}", HTML: benchHTML(), Text: benchText()})
	if err != nil {
		return err
	}
	b.template, err = templates.GetVersion(ctx, b.pool, t.ID, t.Version)
	return err
}

// work runs a worker and a scheduler in this process until the returned function
// is called.
func (b *bench) work(ctx context.Context, connections int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var both sync.WaitGroup
	both.Go(func() {
		err := worker.New(worker.Deps{Pool: b.pool, Redis: b.client, Clock: clock.System, Log: log,
			Links: tracking.NewLinks("https://mail.shop.example", benchSecret), Secret: benchSecret, Concurrency: connections}).Run(ctx)
		if err != nil {
			log.Error("worker", "error", err)
		}
	})
	both.Go(func() {
		(&scheduler.Scheduler{Pool: b.pool, Tasks: tasks.NewClient(b.client), Flights: flight.NewRecorder(b.client), Clock: clock.System, Log: log}).Run(ctx)
	})
	return func() { cancel(); both.Wait() }
}
