package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"posthorn/delivery"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/internal/pulse"
	"posthorn/metrics"
	"posthorn/postgres"
	"posthorn/queues"
	"posthorn/scheduler"
	"posthorn/tasks"
	"posthorn/tracking"
	"posthorn/users"
	"posthorn/web"
	"posthorn/webhooks"
	"posthorn/worker"
)

// services is what the long-running commands are made of.
type services struct {
	cfg   *Config
	log   *slog.Logger
	pool  *pgxpool.Pool
	redis *redis.Client
	tasks *tasks.Client
	clock clock.Clock // PostgreSQL's, so that all processes agree
	desk  *queues.Desk
	pulse *pulse.Recorder // tells how this process is, until close
	quiet func()          // ends that

	metrics *metrics.Metrics

	proxies     []netip.Prefix  // of web
	concurrency int             // of the worker
	retry       []time.Duration // of the worker; nil means its own
	helo        string          // of the worker; "" means its own
	webhooks    webhooks.Options
	sweepEvery  time.Duration // of the scheduler; 0 means its own
}

// connections is how many database connections a process takes: one for each
// chunk that is sent, and some for what else it does.
func connections(concurrency int) int { return concurrency + 16 }

// openDatabase is all that a command needs which only works on rows. Close the result.
func openDatabase(ctx context.Context, cfg *Config, connections int) (*pgxpool.Pool, error) {
	if err := cfg.needDatabase(); err != nil {
		return nil, err
	}
	pool, err := postgres.Open(ctx, cfg.DatabaseURL, connections)
	if err != nil {
		return nil, err
	}
	if err := postgres.CheckSchema(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// openServices connects to Postgres and Redis for a command. Close the result.
func openServices(ctx context.Context, cfg *Config, log *slog.Logger, command string, concurrency int) (*services, error) {
	if err := cfg.needDatabase(); err != nil {
		return nil, err
	}
	if err := cfg.needRedis(); err != nil {
		return nil, err
	}
	proxies, err := cfg.proxies()
	if err != nil {
		return nil, err
	}
	pool, err := postgres.Open(ctx, cfg.DatabaseURL, connections(concurrency))
	if err != nil {
		return nil, err
	}
	client, err := tasks.Open(ctx, cfg.RedisURL)
	if err != nil {
		pool.Close()
		return nil, err
	}
	shared, err := clock.NewShared(ctx, log, func(ctx context.Context) (time.Time, error) { return postgres.Now(ctx, pool) })
	if err != nil {
		_ = client.Close()
		pool.Close()
		return nil, fmt.Errorf("postgres: ask for the time: %w", err)
	}
	go shared.Run(ctx)
	s := &services{cfg: cfg, log: log, pool: pool, redis: client, tasks: tasks.NewClient(client), clock: shared.Now, proxies: proxies, concurrency: concurrency,
		desk: queues.NewDesk(pool, client, shared.Now), pulse: pulse.New(client, shared.Now, command, buildVersion())}
	s.tasks.Failed = func(typ string) { s.pulse.Add(pulse.Knocks, tasks.Kind(typ), "failed", 1) }
	// Beyond ctx: a worker has mails in flight then, and shall be heard of until they have ended.
	beats, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); s.pulse.Run(beats) }()
	s.quiet = func() { stop(); <-done }
	source := metrics.Source{Version: buildVersion(), Pulse: s.pulse, Pool: pool, Redis: client, Log: log}
	if command != "worker" { // of which there may be many, and all would say the same of the house
		source.Desk = s.desk
	}
	s.metrics = metrics.New(source)
	return s, nil
}

func (s *services) close() {
	s.quiet()
	_ = s.redis.Close()
	s.pool.Close()
}

func (s *services) links() tracking.Links { return tracking.NewLinks(s.cfg.BaseURL, s.cfg.Secret) }

// handler is the whole HTTP server's, until ctx ends.
func (s *services) handler(ctx context.Context) http.Handler {
	return web.New(web.Deps{
		Pool: s.pool, Knocker: s.tasks, Queues: s.desk, Links: s.links(), Secret: s.cfg.Secret, BaseURL: s.cfg.BaseURL, Logger: s.log, Clock: s.clock, Ending: ctx.Done(),
		Redis:    func(ctx context.Context) error { return s.redis.Ping(ctx).Err() },
		Sessions: s.redis, Proxies: s.proxies, Loopback: s.webhooks.Loopback,
		Metrics: s.metrics.Handler(), Observe: s.metrics.Request,
	})
}

// greet tells whoever starts the first time how to go on: nobody else reads the log.
func (s *services) greet(ctx context.Context) {
	if any, err := users.Any(ctx, s.pool); err == nil && !any {
		s.log.Warn("nobody can sign in yet: open the link to become the owner", "link", web.SetupLink(s.cfg.BaseURL, s.cfg.Secret))
	}
}

// drainTimeout is how long requests under way may take to end.
const drainTimeout = 15 * time.Second

// serveHTTP answers requests until ctx ends and then those under way.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger) error {
	server := web.NewServer(l.Addr().String(), handler)
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug) // broken connections of others
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		log.Warn("requests were cut off at the end", "error", err)
		_ = server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// listen takes the address, whose failure is one line that names it.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (POSTHORN_LISTEN): %w", address, err)
	}
	return l, nil
}

func (s *services) runWorker(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(worker.GCPercent)
	}
	return worker.New(worker.Deps{
		Pool: s.pool, Redis: s.redis, Clock: s.clock, Log: s.log, Links: s.links(), Secret: s.cfg.Secret,
		Concurrency: s.concurrency, Retry: s.retry, Delivery: delivery.Options{HelloName: s.helo}, Webhooks: s.webhooks, Pulse: s.pulse,
	}).Run(ctx)
}

func (s *services) runScheduler(ctx context.Context) error {
	(&scheduler.Scheduler{Pool: s.pool, Tasks: s.tasks, Flights: flight.NewRecorder(s.redis), Clock: s.clock, Log: s.log, Every: s.sweepEvery,
		Queues: s.desk, Pulse: s.pulse}).Run(ctx)
	return nil
}

// run runs parts like together, and shows metrics meanwhile where that is set.
func (s *services) run(ctx context.Context, parts ...func(context.Context) error) error {
	if s.cfg.Metrics == "" {
		return together(ctx, parts...)
	}
	l, err := net.Listen("tcp", s.cfg.Metrics)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (POSTHORN_METRICS_LISTEN): %w", s.cfg.Metrics, err)
	}
	s.log.Info("metrics are shown", "url", baseURLOf(l.Addr().String())+"/metrics")
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	return together(ctx, append(parts, func(ctx context.Context) error { return serveHTTP(ctx, l, mux, s.log) })...)
}

// together runs parts until ctx ends or one of them fails, and waits for all.
func together(ctx context.Context, parts ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error { return part(ctx) })
	}
	return group.Wait()
}
