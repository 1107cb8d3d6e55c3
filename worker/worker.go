// Package worker does what was knocked for: it plans runs and sends their chunks.
//
// A chunk's way through this package: chunk.go leases it and claims its messages
// in small batches; for each batch it loads what the template needs, and for each
// message renders (mail.go), waits for the relay's rate, sends over one SMTP
// connection and keeps the outcome (outcome.go), which is recorded once per batch.
//
// Handlers return nil whatever happens: the rows say what is still to do, and the
// scheduler knocks again.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/delivery"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/internal/pulse"
	"posthorn/journeys"
	"posthorn/messages"
	"posthorn/relays"
	"posthorn/senders"
	"posthorn/tasks"
	"posthorn/tracking"
	"posthorn/webhooks"
)

// Deps is what a worker is made of.
type Deps struct {
	Pool        *pgxpool.Pool
	Redis       redis.UniversalClient
	Clock       clock.Clock
	Log         *slog.Logger
	Links       tracking.Links
	Secret      string          // opens the relays' passwords and the DKIM keys
	Concurrency int             // chunks sent at once; 0 means 16
	Retry       []time.Duration // how long after each temporary refusal to try again; nil means DefaultRetry
	Delivery    delivery.Options
	Webhooks    webhooks.Options
	Pulse       *pulse.Recorder // counts what is done; nil: nobody does
}

// DefaultRetry is when a mail that was refused for now is tried again. After the
// last it is given up: about 21 hours, within which most greylisting, full queues
// and short outages pass (RFC 5321 4.5.4.1 asks for patience, but a newsletter
// that arrives days late is worse than none).
var DefaultRetry = []time.Duration{
	30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 10 * time.Hour,
}

// Worker handles tasks until its context ends.
type Worker struct {
	Deps
	tasks     *tasks.Client
	pools     *delivery.Pools
	limiter   *delivery.Limiter
	flights   *flight.Recorder
	breaker   breaker
	templates rendererCache
	relays    book[relays.Relay]
	signers   book[[]senders.Signer]
	journeys  *journeys.Engine
	realtime  *delivery.Pools // connections of journeys' mails, which must not wait behind a campaign's
	rules     book[messages.SendingRules]
	caller    *webhooks.Caller
	stopping  chan struct{} // closed when the worker shall take nothing new

	importing  atomic.Bool
	background sync.WaitGroup // what handlers began and did not wait for
}

// New returns a worker that runs once Run is called.
func New(d Deps) *Worker {
	if d.Concurrency <= 0 {
		d.Concurrency = 16
	}
	if d.Retry == nil {
		d.Retry = DefaultRetry
	}
	if d.Webhooks.Retry == nil {
		d.Webhooks.Retry = webhooks.DefaultRetry
	}
	d.Delivery.Logger = d.Log
	knocker := tasks.NewClient(d.Redis)
	knocker.Failed = func(typ string) { d.Pulse.Add(pulse.Knocks, tasks.Kind(typ), "failed", 1) }
	return &Worker{
		Deps:     d,
		tasks:    knocker,
		pools:    delivery.NewPools(d.Delivery),
		limiter:  delivery.NewLimiter(d.Redis),
		flights:  flight.NewRecorder(d.Redis),
		relays:   relayBook(d.Secret),
		signers:  signerBook(d.Secret),
		journeys: journeys.NewEngine(nil),
		realtime: delivery.NewPools(d.Delivery),
		rules:    rulesBook(),
		caller:   webhooks.NewCaller(d.Secret, d.Webhooks),
		stopping: make(chan struct{}),
	}
}

// GCPercent is a good GOGC for a process that works: a mail leaves much garbage and
// little that lives, so that collecting less often costs some tens of megabytes and
// saves a sixth of the CPU (docs/benchmarks.md).
const GCPercent = 400

// shutdownTimeout is how long Run waits for mails in flight after ctx ends.
const shutdownTimeout = 25 * time.Second

// Run works until ctx ends; then it takes nothing new, lets the mails in flight
// end, gives the rest back and returns.
func (w *Worker) Run(ctx context.Context) error {
	// A server each, because asynq's weights do not reserve capacity: planning must
	// not wait behind a million mails, nor a journey behind a shop's slow server.
	mux := asynq.NewServeMux()
	mux.HandleFunc(tasks.TypeRun, w.handle(w.run))
	mux.HandleFunc(tasks.TypeChunk, w.handle(w.chunk))
	mux.HandleFunc(tasks.TypeTriggered, w.handle(w.chunk))
	mux.HandleFunc(tasks.TypeHappenings, w.handle(w.happenings))
	mux.HandleFunc(tasks.TypeJourney, w.handle(w.journey))
	mux.HandleFunc(tasks.TypeWebhooks, w.handle(w.callWebhooks))
	mux.HandleFunc(tasks.TypeRelayTest, w.handle(w.testRelay))
	w.Pulse.IsWorker(w.state)
	mux.HandleFunc(tasks.TypeImport, w.handle(w.importFile))
	var servers []*asynq.Server
	end := func() {
		for i := len(servers) - 1; i >= 0; i-- {
			servers[i].Shutdown()
		}
		w.background.Wait()
		w.pools.Close()
		w.realtime.Close()
		w.caller.Close()
	}
	for _, s := range []struct {
		queue       string
		concurrency int
		look        time.Duration // how often an empty queue is looked at
	}{
		// The first ends last: what a receiver keeps waiting ends while mails do.
		{tasks.QueueWebhooks, 4, 200 * time.Millisecond},
		{tasks.QueueBulk, w.Concurrency, 200 * time.Millisecond},
		{tasks.QueueTriggered, RealtimeConcurrency, 100 * time.Millisecond},
		{tasks.QueueControl, 2, 200 * time.Millisecond},
		{tasks.QueueEvents, 2, 100 * time.Millisecond},
	} {
		server := w.server(s.concurrency, s.queue, s.look)
		if err := server.Start(mux); err != nil {
			end()
			return fmt.Errorf("worker: start the server of queue %s: %w", s.queue, err)
		}
		servers = append(servers, server)
	}
	w.Log.Info("worker ready", "concurrency", w.Concurrency)

	<-ctx.Done()
	close(w.stopping)
	end()
	return nil
}

// RealtimeConcurrency is how many chunks of journeys' mails a worker sends at once,
// beside its Concurrency, and how many connections to a relay it has for them.
const RealtimeConcurrency = 4

func (w *Worker) server(concurrency int, queue string, look time.Duration) *asynq.Server {
	return asynq.NewServerFromRedisClient(w.Redis, asynq.Config{
		Concurrency:       concurrency,
		Queues:            map[string]int{queue: 1},
		TaskCheckInterval: look,
		ShutdownTimeout:   shutdownTimeout,
		Logger:            asynqLog{w.Log},
		LogLevel:          asynq.WarnLevel,
	})
}

// handle turns a function of a row into an asynq handler that logs errors and
// panics and never fails, so that no TaskID stays taken.
func (w *Worker) handle(fn func(context.Context, tasks.Row) error) func(context.Context, *asynq.Task) error {
	return func(ctx context.Context, t *asynq.Task) error {
		row, err := tasks.ParseRow(t)
		if err == nil {
			err = protect(func() error { return fn(ctx, row) })
		}
		if err != nil {
			w.Log.Error("task failed; the scheduler will knock again", "task", t.Type(), "row", row.ID, "error", err)
		}
		w.counted(ctx, err)
		return nil
	}
}

func protect(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return fn()
}

// isStopping reports whether the worker shall take nothing new.
func (w *Worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// asynqLog hands asynq's own messages to slog.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug(fmt.Sprint(args...), "from", "asynq") }
func (l asynqLog) Info(args ...any)  { l.log.Info(fmt.Sprint(args...), "from", "asynq") }
func (l asynqLog) Warn(args ...any)  { l.log.Warn(fmt.Sprint(args...), "from", "asynq") }
func (l asynqLog) Error(args ...any) { l.log.Error(fmt.Sprint(args...), "from", "asynq") }

// Fatal logs only: a library does not end the process.
func (l asynqLog) Fatal(args ...any) { l.log.Error(fmt.Sprint(args...), "from", "asynq") }
