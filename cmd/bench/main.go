// Command bench measures a campaign from start to the last recorded outcome, on
// servers of its own: PostgreSQL (with fsync), redis-server, and an SMTP sink in
// a process of its own, so that its CPU is not counted as Posthorn's.
//
//	go run ./cmd/bench --contacts 20000 --connections 16 --rounds 3
//
// Each round measures two things, one after the other: the ceiling (ceiling.go: a
// bare loop that renders and sends with go-mail) and the campaign. It prints a line
// for each and the medians: mails per second (the campaign's from start to finish,
// planning included), CPU per mail of Posthorn, of PostgreSQL and of Redis,
// Posthorn's peak memory and the ratio. It fails where the sink's count differs
// from the ledger's.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
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

func main() {
	if len(os.Args) > 1 && os.Args[1] == "sink" {
		runSink()
		return
	}
	contacts := flag.Int("contacts", 20_000, "recipients")
	connections := flag.Int("connections", 16, "SMTP connections")
	rounds := flag.Int("rounds", 3, "campaigns sent one after the other")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the rounds to this file, for go tool pprof")
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(worker.GCPercent) // as the program does
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if err := run(*contacts, *connections, *rounds); err != nil {
		pprof.StopCPUProfile()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type round struct {
	rate                  float64       // mails per second
	own, postgres, redis  time.Duration // CPU per mail
	firstMail, wholeCycle time.Duration
}

func run(contacts, connections, rounds int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "posthorn-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: filepath.Join(dir, "postgres"), Durable: true})
	if err != nil {
		return err
	}
	defer pg.Stop()
	rd, err := embedded.StartRedis(ctx, filepath.Join(dir, "redis"))
	if err != nil {
		return err
	}
	defer rd.Stop()
	sink, err := startSink()
	if err != nil {
		return err
	}
	defer sink.stop()

	pool, err := postgres.Open(ctx, pg.URL, 40)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, _, err := postgres.Migrate(ctx, pool); err != nil {
		return err
	}
	redisClient, err := tasks.Open(ctx, rd.URL)
	if err != nil {
		return err
	}
	defer redisClient.Close()
	if err := seed(ctx, pool, contacts); err != nil {
		return err
	}
	now := clock.System()
	if _, err := relays.Put(ctx, pool, now, benchSecret, relays.PutInput{Name: "default", Host: "127.0.0.1", Port: sink.port, TLS: "none", Connections: connections}); err != nil {
		return err
	}
	template, _, err := templates.Create(ctx, pool, now, "bench", templates.Source{Subject: "Hello {{ contact.first_name }}", HTML: benchHTML()})
	if err != nil {
		return err
	}

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	client := tasks.NewClient(redisClient)
	w := worker.New(worker.Deps{Pool: pool, Redis: redisClient, Clock: clock.System, Log: log,
		Links: tracking.NewLinks("https://mail.shop.example", benchSecret), Secret: benchSecret, Concurrency: connections})
	workerDone := make(chan error, 1)
	go func() { workerDone <- w.Run(ctx) }()
	s := scheduler.Scheduler{Pool: pool, Tasks: client, Flights: flight.NewRecorder(redisClient), Clock: clock.System, Log: log}
	go s.Run(ctx)

	fmt.Printf("%s/%s, %d CPUs, %s; %d recipients, %d connections, %d bytes of HTML\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), contacts, connections, len(benchHTML()))
	version, err := templates.GetVersion(ctx, pool, template.ID, template.Version)
	if err != nil {
		return err
	}
	var all, bare []round
	for i := range rounds {
		c, err := ceiling(ctx, version, sink.port, contacts, connections)
		if err != nil {
			return err
		}
		fmt.Printf("round %d, ceiling:  %6.0f mails/s, CPU per mail: %s own\n", i+1, c.rate, c.own)
		bare = append(bare, c)
		before := sink.count()
		r, err := measure(ctx, pool, client, template.ID, contacts, pg.PID(), rd.PID())
		if err != nil {
			return err
		}
		if got := sink.count() - before; got != int64(contacts) {
			return fmt.Errorf("the sink accepted %d mails of %d", got, contacts)
		}
		fmt.Printf("round %d, campaign: %6.0f mails/s, CPU per mail: %s own, %s postgres, %s redis; first mail after %s\n",
			i+1, r.rate, r.own, r.postgres, r.redis, r.firstMail.Round(time.Millisecond))
		all = append(all, r)
	}
	m, top := median(all), median(bare)
	fmt.Printf("median campaign: %.0f mails/s, CPU per mail: %s own, %s postgres, %s redis; peak memory %d MB\n", m.rate, m.own, m.postgres, m.redis, peakMemory()>>20)
	fmt.Printf("median ceiling:  %.0f mails/s; campaign / ceiling = %.2f\n", top.rate, m.rate/top.rate)
	cancel()
	return <-workerDone
}

// median is the round in the middle by rate.
func median(rounds []round) round {
	slices.SortFunc(rounds, func(a, b round) int { return cmp.Compare(a.rate, b.rate) })
	return rounds[len(rounds)/2]
}

// measure sends one campaign to everyone and waits until its run is finished.
func measure(ctx context.Context, pool *pgxpool.Pool, client *tasks.Client, templateID int64, contacts, pgPID, redisPID int) (round, error) {
	c, err := campaigns.Create(ctx, pool, clock.System(), campaigns.Input{
		Name: "bench", TemplateID: templateID, Topic: "news",
		Sender: campaigns.Sender{Name: "Shop", Address: "news@shop.example"},
	})
	if err != nil {
		return round{}, err
	}
	own, pg, rd := ownCPU(), familyCPU(pgPID), familyCPU(redisPID)
	began := time.Now()
	if c, err = campaigns.Start(ctx, pool, clock.System(), c.ID); err != nil {
		return round{}, err
	}
	if err := client.KnockRun(ctx, c.Run.ID, c.Run.Epoch); err != nil {
		return round{}, err
	}
	var r round
	for c.Run.FinishedAt == nil {
		time.Sleep(20 * time.Millisecond)
		if c, err = campaigns.Get(ctx, pool, c.ID); err != nil {
			return round{}, err
		}
		if c.Status != campaigns.Running && c.Status != campaigns.Finished {
			return round{}, fmt.Errorf("the campaign is %s: %s", c.Status, c.StatusReason)
		}
		if r.firstMail == 0 && c.Run.Sent > 0 {
			r.firstMail = time.Since(began)
		}
	}
	r.wholeCycle = time.Since(began)
	if c.Run.Sent != int64(contacts) || c.Run.Recipients != int64(contacts) {
		return round{}, fmt.Errorf("the ledger says %+v of %d", *c.Run, contacts)
	}
	n := time.Duration(contacts)
	r.rate = float64(contacts) / r.wholeCycle.Seconds()
	r.own, r.postgres, r.redis = (ownCPU()-own)/n, (familyCPU(pgPID)-pg)/n, (familyCPU(redisPID)-rd)/n
	return r, nil
}

// seed makes contacts who are all subscribed.
func seed(ctx context.Context, pool *pgxpool.Pool, n int) error {
	return postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH people AS (
				INSERT INTO contacts (external_id, email, email_key, first_name, last_name, country, created_at, updated_at)
				SELECT i::text, 'customer-' || i || '@web.example', 'customer-' || i || '@web.example', 'Zoë ' || i, 'Weber', 'Finland', $2, $2
				FROM generate_series(1, $1::int) AS i
				RETURNING id
			)
			INSERT INTO consents (contact_id, topic, state, source, updated_at)
			SELECT id, 'news', 'subscribed', 'bench', $2 FROM people`, n, clock.System())
		if err != nil {
			return fmt.Errorf("seed contacts: %w", err)
		}
		_, err = tx.Exec(ctx, `ANALYZE contacts, consents`)
		return err
	})
}
