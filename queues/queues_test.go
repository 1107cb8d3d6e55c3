package queues_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/clock"
	"posthorn/internal/embedded"
	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
	"posthorn/internal/pulse"
	"posthorn/internal/redistest"
	"posthorn/queues"
	"posthorn/relays"
	"posthorn/tasks"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var start = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// house is Postgres, Redis and a desk between them.
type house struct {
	t         *testing.T
	ctx       context.Context
	pool      *pgxpool.Pool
	server    *embedded.Redis
	redis     *redis.Client
	tasks     *tasks.Client
	inspector *asynq.Inspector
	clock     *clock.Fake
	desk      *queues.Desk
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, ctx: t.Context(), pool: pgtest.New(t), server: redistest.New(t), clock: clock.NewFake(start)}
	var err error
	if h.redis, err = tasks.Open(h.ctx, h.server.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.redis.Close() })
	h.tasks, h.inspector = tasks.NewClient(h.redis), asynq.NewInspectorFromRedisClient(h.redis)
	h.desk = queues.NewDesk(h.pool, h.redis, h.clock.Now)
	return h
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.pool.Exec(h.ctx, sql, args...)
	h.ok(err)
}

func (h *house) look() queues.Overview {
	h.t.Helper()
	o, err := h.desk.Look(h.ctx, 0)
	h.ok(err)
	return o
}

func (h *house) queue(name string) queues.Queue {
	h.t.Helper()
	for _, q := range h.look().Queues {
		if q.Name == name {
			return q
		}
	}
	h.t.Fatalf("there is no queue %s", name)
	return queues.Queue{}
}

// run writes a run of a campaign, or with journey of a journey.
func (h *house) run(journey bool) (id int64) {
	h.t.Helper()
	var template int64
	h.ok(h.pool.QueryRow(h.ctx, `WITH t AS (INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1) RETURNING id)
		INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at) SELECT id, 1, 's', 'h', 't', $1 FROM t RETURNING template_id`, start).Scan(&template))
	if journey {
		h.ok(h.pool.QueryRow(h.ctx, `WITH j AS (INSERT INTO journeys (name, status, version, created_at, updated_at) VALUES ('follow', 'live', 1, $1, $1) RETURNING id)
			INSERT INTO runs (journey_id, journey_version, step, kind, tick, template_id, template_version, audience, as_of, started_at, planned_at, name, sender_address)
			SELECT id, 1, 'thanks', 'journey', 'thanks', $2, 1, '{}', $1, $1, $1, 'follow', 'news@shop.example' FROM j RETURNING id`, start, template).Scan(&id))
		return id
	}
	h.ok(h.pool.QueryRow(h.ctx, `WITH c AS (INSERT INTO campaigns (name, template_id, sender_address, topic, status, created_at, updated_at)
			VALUES ('spring', $2, 'news@shop.example', 'news', 'running', $1, $1) RETURNING id)
		INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, started_at, name, sender_address)
		SELECT id, 'campaign', 'start', $2, 1, '{}', $1, $1, 'spring', 'news@shop.example' FROM c RETURNING id`, start, template).Scan(&id))
	return id
}

// mails writes n messages of a run.
func (h *house) mails(run int64, state string, n int) {
	h.t.Helper()
	h.exec(`INSERT INTO messages (run_id, email, state, in_doubt, attempts, reason, detail, created_at, updated_at)
		SELECT $1, 'p' || i || '@x.example', $2, $2 = 'unknown', 1, 'reply_lost', 'after the end of content: for <p@x.example>', $3, $3 FROM generate_series(1, $4::int) AS i`, run, state, start, n)
}

func TestAnEmptyHouse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.look()
	if o.Redis != "ok" || len(o.Queues) != len(tasks.Queues) || o.Lag != nil || o.Unknown != 0 || o.Workers == nil || o.Relays == nil || o.Repairs == nil || o.Schedulers == nil {
		t.Errorf("%+v", o)
	}
	for _, q := range o.Queues {
		if q.Pending != 0 || q.PausedSince != nil || q.Waiting != 0 || q.DrainIn == nil || *q.DrainIn != 0 || q.Latency != nil {
			t.Errorf("%+v", q)
		}
	}
}

func TestWhatWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	campaign, held, journey := h.run(false), h.run(false), h.run(true)
	h.mails(campaign, "planned", 30)
	h.mails(campaign, "sending", 3)
	h.mails(campaign, "deferred", 2)
	h.mails(campaign, "sent", 50)
	h.mails(campaign, "unknown", 4)
	h.mails(journey, "planned", 7)
	h.mails(held, "planned", 11)
	h.exec(`UPDATE runs SET held = true WHERE id = $1`, held)
	h.exec(`INSERT INTO contacts (external_id, email, email_key, created_at, updated_at) VALUES ('c', '', '', $1, $1)`, start)
	h.exec(`INSERT INTO happenings (kind, contact_id, at, noted_at) SELECT 'order', id, $1, $2::timestamptz - interval '3 seconds' FROM contacts`, start.Add(-time.Hour), start)
	h.exec(`INSERT INTO enrolments (journey_id, version, contact_id, key, status, since, due_at, trigger_at, created_at, updated_at)
		SELECT j.id, 1, c.id, 'k', 'waiting', $1, $1, $1, $1, $1 FROM journeys j, contacts c`, start)
	h.ok(h.tasks.KnockRun(h.ctx, campaign, 0))

	// 66 mails in the 11 s since the last minute's slot began.
	rec := pulse.New(h.redis, h.clock.Now, "worker", "1")
	rec.Add(pulse.Rows, tasks.QueueBulk, "", 66)
	rec.Add(pulse.Mails, tasks.QueueBulk, "sent", 60)
	rec.Add(pulse.Tasks, tasks.QueueBulk, "done", 2)
	rec.Add(pulse.Tasks, tasks.QueueBulk, "failed", 1)
	for i := range 100 {
		rec.Observe(pulse.Latency, tasks.QueueBulk, time.Duration(i+1)*10*time.Millisecond)
	}
	h.ok(rec.Tell(h.ctx))
	h.clock.Advance(8 * time.Second) // 9:27:01; the slot began at 9:26:50

	if q := h.queue(tasks.QueueBulk); q.Waiting != 33 || q.Deferred != 2 || q.Held != 11 || q.Rate != 6 || *q.DrainIn != 5.5 || q.Failed != 1 ||
		q.Latency.Mails != 100 || q.Latency.P50 < 0.4 || q.Latency.P50 > 0.6 || q.Latency.P95 < 0.8 || q.Latency.P95 > 1.2 || q.Throughput < 5 || q.Throughput > 6 {
		t.Errorf("%+v %+v %v", q, q.Latency, *q.DrainIn)
	}
	if q := h.queue(tasks.QueueTriggered); q.Waiting != 7 || q.DrainIn != nil || q.Rate != 0 || q.Latency != nil {
		t.Errorf("%+v", q)
	}
	if q := h.queue(tasks.QueueEvents); q.Waiting != 2 || q.OldestRow == nil || *q.OldestRow != 11 {
		t.Errorf("%+v %v", q, q.OldestRow)
	}
	if q := h.queue(tasks.QueueControl); q.Waiting != 1 || q.Pending != 1 || q.Oldest < 0 {
		t.Errorf("%+v", q)
	}
	if o := h.look(); o.Unknown != 4 {
		t.Errorf("%d unknown", o.Unknown)
	}

	h.clock.Advance(15 * time.Second)
	minutes, err := h.desk.Minutes(h.ctx, tasks.QueueBulk, 2)
	h.ok(err)
	if len(minutes) != 2 || minutes[0].Rows != 0 || minutes[0].P50 != nil || minutes[1].Rows != 66 || minutes[1].Mails["sent"] != 60 || minutes[1].Tasks != 2 ||
		minutes[1].Failed != 1 || *minutes[1].P95 < 0.8 || !minutes[1].At.Equal(time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC)) {
		t.Errorf("%+v", minutes)
	}
	days, err := h.desk.Days(h.ctx, tasks.QueueBulk, 30)
	if err != nil || len(days) != 30 || days[29].Date != time.Now().UTC().Format(time.DateOnly) {
		t.Errorf("%+v, %v", days, err)
	}
	var invalid *fault.Invalid
	if _, err := h.desk.Minutes(h.ctx, tasks.QueueBulk, 61); !errors.As(err, &invalid) {
		t.Error(err)
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 2 { // twice is no error
		h.ok(h.desk.Pause(h.ctx, tasks.QueueBulk))
	}
	paused := func() bool {
		t.Helper()
		info, err := h.inspector.GetQueueInfo(tasks.QueueBulk)
		h.ok(err)
		if q := h.queue(tasks.QueueBulk); (q.PausedSince != nil) != info.Paused {
			t.Errorf("asynq: %v, the desk: %v", info.Paused, q.PausedSince)
		}
		return info.Paused
	}
	h.look()
	if !paused() {
		t.Error("it is not paused")
	}
	if n, err := h.desk.KeepPaused(h.ctx); n != 0 || err != nil {
		t.Errorf("nothing is to be repaired: %d, %v", n, err)
	}
	h.redis.FlushAll(h.ctx)
	if n, err := h.desk.KeepPaused(h.ctx); n != 1 || err != nil {
		t.Errorf("after a flush: %d, %v", n, err)
	}
	h.look()
	if !paused() {
		t.Error("it is not paused after a flush")
	}
	for range 2 {
		h.ok(h.desk.Resume(h.ctx, tasks.QueueBulk))
	}
	if paused() {
		t.Error("it is still paused")
	}
	var missing *fault.NotFound
	if err := h.desk.Pause(h.ctx, "mail"); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	h.server.Stop()
	h.ok(h.desk.Pause(h.ctx, tasks.QueueEvents)) // the row is enough: a sweep tells Redis
}

// failing has the tasks of bulk end badly: asynq keeps them for retry or, after the
// last, as archived. Our own handlers never do that; a worker that dies does.
func (h *house) failing(n, maxRetry int) {
	h.t.Helper()
	client := asynq.NewClientFromRedisClient(h.redis)
	for i := range n {
		_, err := client.EnqueueContext(h.ctx, asynq.NewTask(tasks.TypeChunk, fmt.Appendf(nil, `{"id":%d,"epoch":1}`, i+1)),
			asynq.Queue(tasks.QueueBulk), asynq.TaskID(fmt.Sprintf("campaign:chunk:%d:1", i+1)), asynq.MaxRetry(maxRetry))
		h.ok(err)
	}
	var failed sync.WaitGroup
	failed.Add(n)
	server := asynq.NewServerFromRedisClient(h.redis, asynq.Config{Queues: map[string]int{tasks.QueueBulk: 1}, Concurrency: 1, LogLevel: asynq.FatalLevel,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour },
		ErrorHandler:   asynq.ErrorHandlerFunc(func(context.Context, *asynq.Task, error) { failed.Done() })})
	h.ok(server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		return errors.New("550 <ann@shop.example> is unknown")
	})))
	failed.Wait()
	server.Shutdown()
}

func TestTasksAreRunAgainOrDeleted(t *testing.T) {
	t.Parallel()
	for _, state := range []queues.State{queues.Retry, queues.Archived} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			maxRetry := 5
			if state == queues.Archived {
				maxRetry = 0
			}
			h.failing(5, maxRetry)
			list := func(page, limit int) ([]queues.Task, bool) {
				t.Helper()
				list, more, err := h.desk.Tasks(h.ctx, tasks.QueueBulk, state, page, limit)
				h.ok(err)
				return list, more
			}
			all, more := list(1, 100)
			if len(all) != 5 || more {
				t.Fatalf("%+v, %v", all, more)
			}
			seen := map[int64]bool{}
			for _, task := range all {
				seen[task.Row] = true
				if task.Type != tasks.TypeChunk || task.State != state || task.LastError != "550 <…@…> is unknown" || task.LastFailedAt == nil ||
					(task.NextAt != nil) != (state == queues.Retry) || task.MaxRetry != maxRetry || !strings.HasPrefix(task.ID, "campaign:chunk:") {
					t.Errorf("%+v", task)
				}
			}
			if len(seen) != 5 {
				t.Errorf("%v", seen)
			}
			if first, more := list(1, 2); len(first) != 2 || !more {
				t.Errorf("%+v, %v", first, more)
			}
			q := h.queue(tasks.QueueBulk)
			if q.Retry+q.Archived != 5 || (q.Archived == 5) != (state == queues.Archived) || q.Lost != 5 {
				t.Errorf("%+v", q)
			}

			h.ok(h.desk.Run(h.ctx, tasks.QueueBulk, all[0].ID))
			var conflict *fault.Conflict
			if err := h.desk.Run(h.ctx, tasks.QueueBulk, all[0].ID); !errors.As(err, &conflict) || conflict.State != "pending" {
				t.Errorf("run what is pending: %v", err)
			}
			h.ok(h.desk.Delete(h.ctx, tasks.QueueBulk, all[1].ID))
			var missing *fault.NotFound
			if err := h.desk.Delete(h.ctx, tasks.QueueBulk, all[1].ID); !errors.As(err, &missing) {
				t.Errorf("delete what is gone: %v", err)
			}
			if rest, _ := list(1, 100); len(rest) != 3 {
				t.Errorf("%+v", rest)
			}
			if q := h.queue(tasks.QueueBulk); q.Pending != 1 {
				t.Errorf("%+v", q)
			}
			if n, err := h.desk.RunAll(h.ctx, tasks.QueueBulk, state); n != 3 || err != nil {
				t.Errorf("run all: %d, %v", n, err)
			}
			if n, err := h.desk.RunAll(h.ctx, tasks.QueueBulk, state); n != 0 || err != nil {
				t.Errorf("again: %d, %v", n, err)
			}
			if n, err := h.desk.DeleteAll(h.ctx, tasks.QueueBulk, state); n != 0 || err != nil {
				t.Errorf("delete all: %d, %v", n, err)
			}
			if q := h.queue(tasks.QueueBulk); q.Pending != 4 || q.Retry+q.Archived != 0 {
				t.Errorf("%+v", q)
			}
		})
	}
}

func TestOnlyWhatWaitsForItsTimeIsChangedTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var invalid *fault.Invalid
	if _, err := h.desk.DeleteAll(h.ctx, tasks.QueueBulk, queues.Pending); !errors.As(err, &invalid) || invalid.Field != "state" {
		t.Errorf("%v", err)
	}
	if _, _, err := h.desk.Tasks(h.ctx, tasks.QueueBulk, "gone", 1, 10); !errors.As(err, &invalid) {
		t.Errorf("%v", err)
	}
	h.failing(3, 0)
	if n, err := h.desk.DeleteAll(h.ctx, tasks.QueueBulk, queues.Archived); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestWorkersAndSchedulersAreHeardOf(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := relays.Put(h.ctx, h.pool, start, "a secret for tests, long enough", relays.PutInput{Name: "default", Host: "smtp.example.com", Port: 25, TLS: "none", RatePerSecond: 10})
	h.ok(err)
	circuit := func(state string) func() pulse.Worker {
		return func() pulse.Worker {
			return pulse.Worker{Concurrency: 4, Relays: []pulse.RelayCircuit{{Relay: "default", State: state, Since: start, Until: start.Add(30 * time.Second),
				Failures: 2, Reason: "relay_unreachable", InUse: 2, Idle: 1, Limit: 12}, {Relay: "deleted", State: pulse.Open}}}
		}
	}
	a, b, s := pulse.New(h.redis, h.clock.Now, "worker", "1"), pulse.New(h.redis, h.clock.Now, "worker", "1"), pulse.New(h.redis, h.clock.Now, "scheduler", "1")
	a.IsWorker(circuit(pulse.Closed))
	b.IsWorker(circuit(pulse.Open))
	finished := start.Add(-3 * time.Second)
	s.IsScheduler(func() pulse.Scheduler { return pulse.Scheduler{Every: 2, FinishedAt: finished, Took: 0.1, Sweeps: 9} })
	for _, rec := range []*pulse.Recorder{a, b, s} {
		h.ok(rec.Tell(h.ctx))
	}
	o := h.look()
	if len(o.Workers) != 2 || o.Workers[0].Lost || len(o.Schedulers) != 1 || o.Lag == nil || *o.Lag != 3 || o.Schedulers[0].Sweeps != 9 {
		t.Errorf("%+v %+v %v", o.Workers, o.Schedulers, o.Lag)
	}
	r := o.Relays[0]
	if len(o.Relays) != 1 || r.State != pulse.Open || r.InUse != 4 || r.Idle != 2 || r.Limit != 24 || len(r.Workers) != 2 || r.Since == nil || r.RateMax != 10 || r.Reason != "relay_unreachable" {
		t.Errorf("%+v", r)
	}
	// After its break the circuit is half open, although b told of it before.
	h.clock.Advance(9 * time.Second)
	h.ok(a.Tell(h.ctx))
	h.ok(s.Tell(h.ctx))
	h.clock.Advance(2 * time.Second) // b was silent for 11 s
	o = h.look()
	lost := 0
	for _, w := range o.Workers {
		if w.Lost {
			lost++
		}
	}
	if lost != 1 || o.Relays[0].State != pulse.Closed || len(o.Relays[0].Workers) != 1 || *o.Lag != 14 {
		t.Errorf("%+v %+v %v", o.Workers, o.Relays, *o.Lag)
	}
	h.clock.Advance(20 * time.Second)
	h.ok(b.Tell(h.ctx))
	if r := h.look().Relays[0]; r.State != pulse.HalfOpen {
		t.Errorf("%+v", r)
	}
}

func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mails(h.run(false), "planned", 3)
	h.server.Stop()
	o := h.look()
	if o.Redis != "unreachable" || o.Queues[1].Waiting != 3 || o.Queues[1].DrainIn != nil || o.Workers == nil {
		t.Errorf("%+v", o)
	}
	for _, err := range []error{
		func() error { _, _, err := h.desk.Tasks(h.ctx, tasks.QueueBulk, queues.Retry, 1, 1); return err }(),
		func() error { _, err := h.desk.Minutes(h.ctx, tasks.QueueBulk, 5); return err }(),
		func() error { _, err := h.desk.Days(h.ctx, tasks.QueueBulk, 5); return err }(),
		func() error { _, err := h.desk.RunAll(h.ctx, tasks.QueueBulk, queues.Retry); return err }(),
		h.desk.Run(h.ctx, tasks.QueueBulk, "x"),
	} {
		if !errors.Is(err, queues.ErrAway) {
			t.Errorf("%v", err)
		}
	}
}

// Pages that are open at the same time share a look, and none of them sees what was
// before a change that it made.
func TestLooksAreShared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var pages sync.WaitGroup
	for range 20 {
		pages.Go(func() {
			if _, err := h.desk.Look(h.ctx, time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
	pages.Wait()
	for _, want := range []bool{true, false} {
		if want {
			h.ok(h.desk.Pause(h.ctx, tasks.QueueControl))
		} else {
			h.ok(h.desk.Resume(h.ctx, tasks.QueueControl))
		}
		o, err := h.desk.Look(h.ctx, time.Minute)
		h.ok(err)
		for _, q := range o.Queues {
			if q.Name == tasks.QueueControl && (q.PausedSince != nil) != want {
				t.Errorf("%+v, want paused: %v", q, want)
			}
		}
	}
	ended, cancel := context.WithCancel(h.ctx)
	cancel()
	if _, err := h.desk.Look(ended, 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestUnknownMessages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	campaign, journey, none := h.run(false), h.run(true), h.run(false)
	h.mails(campaign, "unknown", 3)
	h.mails(campaign, "sent", 5)
	h.mails(journey, "unknown", 1)
	h.mails(none, "sent", 2)
	list, next, err := h.desk.UnknownRuns(h.ctx, 0, 10)
	h.ok(err)
	if len(list) != 2 || next != 0 || list[0].RunID != journey || list[0].Step != "thanks" || list[0].JourneyID == 0 || list[0].Unknown != 1 || !list[0].CanResend ||
		list[1].RunID != campaign || list[1].Unknown != 3 || list[1].CampaignID == 0 || list[1].Name != "spring" || !list[1].Oldest.Equal(start) {
		t.Errorf("%+v", list)
	}
	first, next, err := h.desk.UnknownRuns(h.ctx, 0, 1)
	h.ok(err)
	if len(first) != 1 || next != journey {
		t.Errorf("%+v, %d", first, next)
	}
	if rest, next, err := h.desk.UnknownRuns(h.ctx, next, 1); err != nil || len(rest) != 1 || rest[0].RunID != campaign || next != 0 {
		t.Errorf("%+v, %d, %v", rest, next, err)
	}
	h.exec(`UPDATE campaigns SET status = 'cancelled'`)
	h.exec(`UPDATE journeys SET status = 'archived'`)
	if list, _, err = h.desk.UnknownRuns(h.ctx, 0, 10); err != nil || list[0].CanResend || list[1].CanResend {
		t.Errorf("%+v, %v", list, err)
	}
	mails, next, err := h.desk.UnknownMessages(h.ctx, campaign, 0, 2)
	h.ok(err)
	if len(mails) != 2 || next != mails[1].ID || mails[0].Reason != "reply_lost" || mails[0].Attempts != 1 || !strings.HasSuffix(mails[0].MessageID, "@shop.example") ||
		mails[0].Detail != "after the end of content: for <…@…>" {
		t.Errorf("%+v, %d", mails, next)
	}
	if mails, next, err = h.desk.UnknownMessages(h.ctx, campaign, next, 2); err != nil || len(mails) != 1 || next != 0 {
		t.Errorf("%+v, %d, %v", mails, next, err)
	}
	var missing *fault.NotFound
	if _, _, err := h.desk.UnknownMessages(h.ctx, 999, 0, 2); !errors.As(err, &missing) {
		t.Error(err)
	}
}

// The demo may run on a stand-in for Redis.
func TestOnTheStandIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mini, err := embedded.StartMiniRedis()
	h.ok(err)
	t.Cleanup(mini.Stop)
	r, err := tasks.Open(h.ctx, mini.URL)
	h.ok(err)
	t.Cleanup(func() { _ = r.Close() })
	rec := pulse.New(r, h.clock.Now, "demo", "1")
	rec.Add(pulse.Rows, tasks.QueueBulk, "", 1)
	h.ok(rec.Tell(h.ctx))
	h.ok(tasks.NewClient(r).KnockRun(h.ctx, 1, 0))
	desk := queues.NewDesk(h.pool, r, h.clock.Now)
	o, err := desk.Look(h.ctx, 0)
	if err != nil || o.Redis != "ok" || o.Queues[3].Pending != 1 || o.Queues[1].Rate == 0 {
		t.Errorf("%+v, %v", o, err)
	}
	h.ok(desk.Pause(h.ctx, tasks.QueueBulk))
}
