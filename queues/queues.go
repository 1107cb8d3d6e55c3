// Package queues shows what is next, who works on it and how fast it goes, and lets
// a person hold a queue or put a task right.
//
// What there is to see comes from three places, and each is believed for what it
// knows: Postgres for what waits (rows.go), asynq for the tasks that knock for it
// (tasks.go) and for who works on them (workers.go), and package pulse for what was
// done in the last hour, by all processes together (series.go). Desk.Look puts it
// together. It is asked every second for each page that is open, so it looks once a
// second whoever asks, and less often at what costs more.
//
// That a queue is paused is a row, like everything that must not be forgotten
// (pause.go). Nobody here sees a contact: tasks carry ids, and the words of servers
// lose their addresses.
package queues

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/clock"
	"posthorn/internal/pulse"
	"posthorn/tasks"
)

// Overview is all queues, and what works on them.
type Overview struct {
	At         time.Time   `json:"at" doc:"When it was looked, by the clock that all times here are of."`
	Redis      string      `json:"redis" enum:"ok,unreachable" doc:"unreachable: only what waits in the database is shown, and nothing is worked on."`
	Queues     []Queue     `json:"queues" doc:"Those first whose delay somebody notices first."`
	Workers    []Worker    `json:"workers"`
	Schedulers []Scheduler `json:"schedulers"`
	Lag        *float64    `json:"scheduler_lag_seconds" doc:"Time since the last sweep that any scheduler finished without an error. null: no scheduler is heard of, or none has finished one."`
	Repairs    []Repair    `json:"repairs" doc:"What sweeps put right in the last hour."`
	Knocks     int64       `json:"knocks_failed" doc:"Knocks of the last hour that could not be made, because Redis was away; sweeps made up for them."`
	Relays     []Relay     `json:"relays"`
	Unknown    int64       `json:"unknown" doc:"Messages that were offered to a relay and never answered, and that nobody decided about."`
}

// Queue is one queue. Tasks are what it holds in Redis; what waits are rows in
// Postgres, of which one task may be about many.
type Queue struct {
	Name        string     `json:"name" enum:"triggered,bulk,events,control,webhooks"`
	Unit        string     `json:"unit" enum:"mails,happenings,runs,calls" doc:"What its rows are: mails; happenings and enrolments to look at; runs to plan; calls of webhooks."`
	PausedSince *time.Time `json:"paused_since" doc:"null: it is not paused."`

	Pending  int     `json:"pending" doc:"Tasks that a worker may take."`
	Active   int     `json:"active" doc:"Tasks in a worker's hands."`
	Retry    int     `json:"retry" doc:"Tasks whose worker died, to be handed out again."`
	Archived int     `json:"archived" doc:"Dead tasks: given up after their worker died too often."`
	Oldest   float64 `json:"oldest_seconds" doc:"How long the oldest pending task has waited."`

	Waiting    int64    `json:"waiting" doc:"Rows that could be worked on now; at most 100,000 are counted, but of mails all."`
	Deferred   int64    `json:"deferred" doc:"Mails to be tried again later."`
	Held       int64    `json:"held" doc:"Mails of paused campaigns and journeys."`
	OldestRow  *float64 `json:"oldest_row_seconds" doc:"events: how long the oldest happening has waited. null: none does, or it is not known."`
	Rate       float64  `json:"rate" doc:"Rows per second over the last minute, or since work began within it."`
	DrainIn    *float64 `json:"drain_seconds" doc:"waiting / rate. null: something waits and nothing moves."`
	TasksRate  float64  `json:"tasks_rate" doc:"Tasks per second over the last minute, or since work began within it."`
	Done       int      `json:"done_today" doc:"Tasks since midnight UTC."`
	Lost       int      `json:"lost_today" doc:"Of these, tasks whose worker died."`
	Failed     int64    `json:"failed" doc:"Tasks of the last hour that ended with an error, which is in the worker's log. What they were for is knocked for again."`
	Latency    *Latency `json:"latency" doc:"Of queues that send; null where nothing was sent in the last five minutes."`
	Throughput float64  `json:"sent_rate" doc:"Mails per second that relays accepted, over the last minute, or since work began within it."`
}

// Latency is how long mails took of late.
type Latency struct {
	P50   float64 `json:"p50_seconds" doc:"Half of them took no longer, from the knock to the relay's 250."`
	P95   float64 `json:"p95_seconds" doc:"19 of 20 took no longer."`
	Mails int64   `json:"mails" doc:"Accepted at the first attempt, in the last five minutes. One that a relay put off is not counted: that time is the relay's."`
}

// Repair counts what sweeps put right.
type Repair struct {
	Kind string `json:"kind" example:"journey_chunk" doc:"A task whose knock was lost (campaign_run, campaign_chunk, journey_chunk, trigger_eval, journey_step, webhook_call); lease: a chunk of a worker that died; pause: a queue that Redis forgot to be paused."`
	N    int64  `json:"n"`
}

// units says what the rows of a queue are.
var units = map[string]string{
	tasks.QueueTriggered: "mails", tasks.QueueBulk: "mails", tasks.QueueEvents: "happenings",
	tasks.QueueControl: "runs", tasks.QueueWebhooks: "calls",
}

// sends reports whether a queue's tasks send mails.
func sends(queue string) bool { return units[queue] == "mails" }

const (
	rateOver    = time.Minute
	latencyOver = 5 * time.Minute
	rowsFresh   = 2 * time.Second // counting rows costs more than the rest
	lookTimeout = 8 * time.Second
	pingTimeout = 2 * time.Second
)

// Desk is where the queues are looked at and put right. It is safe for concurrent use.
type Desk struct {
	pool      *pgxpool.Pool
	redis     redis.UniversalClient
	inspector *asynq.Inspector
	now       clock.Clock

	mu   sync.Mutex
	last *look // that has ended
	next *look // that is under way

	rowsMu sync.Mutex
	rows   rows
}

// look is one look, or one under way.
type look struct {
	done     chan struct{} // closed when the rest is set
	at       time.Time
	overview Overview
	err      error
}

// NewDesk returns a desk for the queues in r and the rows in pool.
func NewDesk(pool *pgxpool.Pool, r redis.UniversalClient, now clock.Clock) *Desk {
	return &Desk{pool: pool, redis: r, inspector: asynq.NewInspectorFromRedisClient(r), now: now}
}

// Look returns what there is to see, at most so old. Whoever asks while somebody
// looks gets what that one sees. Its error is that of Postgres; that Redis is away
// is part of the answer.
func (d *Desk) Look(ctx context.Context, within time.Duration) (Overview, error) {
	d.mu.Lock()
	if d.last != nil && d.last.err == nil && time.Since(d.last.at) < within {
		defer d.mu.Unlock()
		return d.last.overview, nil
	}
	l := d.next
	if l == nil {
		l = &look{done: make(chan struct{}), at: time.Now()}
		d.next = l
		// Not in the time of who asked first: others wait for it, too.
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
			defer cancel()
			l.overview, l.err = d.look(ctx)
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.next == l { // else something was changed since it began
				d.last, d.next = l, nil
			}
			close(l.done)
		}()
	}
	d.mu.Unlock()
	select {
	case <-l.done:
		return l.overview, l.err
	case <-ctx.Done():
		return Overview{}, ctx.Err()
	}
}

func (d *Desk) look(ctx context.Context) (Overview, error) {
	now := d.now()
	r, err := d.countRows(ctx, now)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{At: now, Redis: "ok", Workers: []Worker{}, Schedulers: []Scheduler{}, Repairs: []Repair{}, Unknown: r.unknown}
	for _, name := range tasks.Queues {
		q := Queue{Name: name, Unit: units[name], Waiting: r.waiting[name], Deferred: r.deferred[name], Held: r.held[name]}
		if since, ok := r.paused[name]; ok {
			q.PausedSince = &since
		}
		if name == tasks.QueueEvents && !r.noted.IsZero() {
			q.OldestRow = seconds(now.Sub(r.noted))
		}
		o.Queues = append(o.Queues, q)
	}
	processes, counted, err := d.lookAtRedis(ctx, now, &o)
	if err != nil {
		o.Redis = "unreachable"
		o.Workers, o.Schedulers, o.Repairs, o.Lag = []Worker{}, []Scheduler{}, []Repair{}, nil
		processes, counted = nil, nil
	}
	if o.Relays, err = d.relays(ctx, now, processes, counted); err != nil {
		return Overview{}, err
	}
	return o, nil
}

// lookAtRedis fills in what only Redis knows.
func (d *Desk) lookAtRedis(ctx context.Context, now time.Time, o *Overview) ([]pulse.Process, []pulse.Interval, error) {
	if err := d.ask(ctx); err != nil {
		return nil, nil, err
	}
	hour, err := pulse.Read(ctx, d.redis, now.Add(-pulse.Keep), now)
	if err != nil {
		return nil, nil, err
	}
	for i := range o.Queues {
		if err := d.fill(now, &o.Queues[i], hour); err != nil {
			return nil, nil, err
		}
	}
	processes, err := pulse.Processes(ctx, d.redis)
	if err != nil {
		return nil, nil, err
	}
	servers, err := d.inspector.Servers()
	if err != nil {
		return nil, nil, fmt.Errorf("queues: list workers: %w", err)
	}
	o.Workers = workers(now, processes, servers)
	o.Schedulers, o.Lag = schedulers(now, processes)
	o.Repairs = repairs(hour)
	for k, n := range pulse.Sum(hour) {
		if k.What == pulse.Knocks {
			o.Knocks += n
		}
	}
	return processes, hour, nil
}

// ErrAway says that Redis cannot be reached.
var ErrAway = errors.New("queues: Redis cannot be reached")

// ask comes before each question to asynq's inspector, which does not know how long
// it may take, nor the names of the queues after a flush.
func (d *Desk) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := tasks.NameQueues(ctx, d.redis); err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return nil
}

// fill adds asynq's figures and those of the last hour.
func (d *Desk) fill(now time.Time, q *Queue, hour []pulse.Interval) error {
	info, err := d.inspector.GetQueueInfo(q.Name)
	if err != nil {
		return fmt.Errorf("queues: look at %s: %w", q.Name, err)
	}
	q.Pending, q.Active, q.Archived = info.Pending, info.Active, info.Archived
	q.Retry = info.Retry
	q.Oldest = info.Latency.Seconds()
	q.Done, q.Lost = info.Processed, info.Failed
	q.Failed = pulse.Sum(hour)[pulse.Key{What: pulse.Tasks, Of: q.Name, As: "failed"}]

	minute := since(hour, now.Add(-rateOver))
	q.TasksRate = rate(minute, now, func(c pulse.Counts) int64 { return c.Sum(pulse.Tasks, q.Name) })
	q.Rate = rate(minute, now, func(c pulse.Counts) int64 { return c.Sum(pulse.Rows, q.Name) })
	switch {
	case q.Waiting == 0:
		q.DrainIn = seconds(0)
	case q.Rate > 0 && q.PausedSince == nil:
		s := float64(q.Waiting) / q.Rate
		q.DrainIn = &s
	}
	if sends(q.Name) {
		sent := pulse.Key{What: pulse.Mails, Of: q.Name, As: "sent"}
		q.Throughput = rate(minute, now, func(c pulse.Counts) int64 { return c[sent] })
		q.Latency = latency(pulse.Sum(since(hour, now.Add(-latencyOver))), q.Name)
	}
	return nil
}

func latency(c pulse.Counts, queue string) *Latency {
	p50, ok := c.Quantile(pulse.Latency, queue, 0.5)
	if !ok {
		return nil
	}
	p95, _ := c.Quantile(pulse.Latency, queue, 0.95)
	return &Latency{P50: p50.Seconds(), P95: p95.Seconds(), Mails: c.Sum(pulse.Latency, queue)}
}

// rate is so much per second, from the first slot in which there was anything: work
// that began ten seconds ago has not been slow for a minute.
func rate(list []pulse.Interval, now time.Time, count func(pulse.Counts) int64) float64 {
	var n int64
	var from time.Time
	for _, i := range list {
		c := count(i.Counts)
		if c > 0 && n == 0 {
			from = i.At
		}
		n += c
	}
	if n == 0 {
		return 0
	}
	return float64(n) / max(now.Sub(from).Seconds(), 1)
}

// since returns the intervals that were under way at from, and later ones.
func since(list []pulse.Interval, from time.Time) []pulse.Interval {
	for i := range list {
		if list[i].At.Add(pulse.Slot).After(from) {
			return list[i:]
		}
	}
	return nil
}

func seconds(d time.Duration) *float64 {
	s := max(d.Seconds(), 0)
	return &s
}
