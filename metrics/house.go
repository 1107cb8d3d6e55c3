package metrics

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"posthorn/internal/pulse"
	"posthorn/queues"
)

// lookWithin is how old what is scraped may be: asynq samples the memory of its
// tasks whenever it is asked for the state of a queue.
const lookWithin = 10 * time.Second

// lookTimeout leaves a scrape time to answer.
const lookTimeout = 8 * time.Second

// maxRelays bounds the label.
const maxRelays = 100

// house tells how all processes together are. Each process that has a desk tells the
// same, so that rules take the max over instances.
type house struct{ desk *queues.Desk }

var (
	up           = desc("up", "Whether Postgres and Redis can be reached from here.", "dependency")
	queueTasks   = desc("queue_tasks", "Tasks in a queue, by state (pending, active, retry, archived).", "queue", "state")
	queueOldest  = desc("queue_oldest_seconds", "How long the oldest pending task of a queue has waited.", "queue")
	queueWaiting = desc("queue_waiting_rows", "Rows that could be worked on now: mails, happenings and enrolments, runs to plan, webhook calls.", "queue")
	queueLater   = desc("queue_deferred_mails", "Mails to be tried again later.", "queue")
	queueHeld    = desc("queue_held_mails", "Mails of paused campaigns and journeys.", "queue")
	queuePaused  = desc("queue_paused", "1 where somebody paused the queue.", "queue")
	queueRate    = desc("queue_rows_per_second", "Rows per second over the last minute, all workers together.", "queue")
	queueDrain   = desc("queue_drain_seconds", "Waiting rows by rows per second; +Inf where something waits and nothing moves.", "queue")
	queueP50     = desc("queue_latency_p50_seconds", "Half of the mails of the last five minutes took no longer from the knock to the relay's 250, all workers together.", "queue")
	queueP95     = desc("queue_latency_p95_seconds", "19 of 20 mails of the last five minutes took no longer, all workers together.", "queue")

	workersNow   = desc("workers", "Worker processes, by state (alive, lost: not heard of for ten seconds).", "state")
	schedulers   = desc("schedulers", "Scheduler processes, by state (alive, lost).", "state")
	lag          = desc("scheduler_lag_seconds", "Time since the last sweep that any scheduler finished; +Inf where none is heard of.")
	unknown      = desc("unknown_messages", "Messages of which nobody knows whether the relay took them.")
	relayCircuit = desc("relay_circuit", "1 for the state that a relay's circuit is in (closed, half-open, open, unused).", "relay", "state")
	relayConns   = desc("relay_connections", "Connections to a relay of all workers, by state (in_use, idle).", "relay", "state")
)

// Describe is part of prometheus.Collector.
func (h *house) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{up, queueTasks, queueOldest, queueWaiting, queueLater, queueHeld, queuePaused, queueRate, queueDrain, queueP50, queueP95,
		workersNow, schedulers, lag, unknown, relayCircuit, relayConns} {
		out <- d
	}
}

// Collect is part of prometheus.Collector. What cannot be known is left out, and up
// says why.
func (h *house) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	o, err := h.desk.Look(ctx, lookWithin)
	if err != nil {
		out <- gauge(up, 0, "postgres")
		return
	}
	redis := o.Redis == "ok"
	out <- gauge(up, 1, "postgres")
	out <- gauge(up, truth(redis), "redis")
	out <- gauge(unknown, float64(o.Unknown))
	for _, q := range o.Queues {
		collectRows(out, q)
		if redis {
			collectTasks(out, q)
		}
	}
	if !redis {
		return
	}
	collectProcesses(out, o)
	for _, r := range o.Relays[:min(len(o.Relays), maxRelays)] {
		for _, state := range []string{pulse.Closed, pulse.HalfOpen, pulse.Open, queues.Unused} {
			out <- gauge(relayCircuit, truth(r.State == state), r.Name, state)
		}
		out <- gauge(relayConns, float64(r.InUse), r.Name, "in_use")
		out <- gauge(relayConns, float64(r.Idle), r.Name, "idle")
	}
}

func collectRows(out chan<- prometheus.Metric, q queues.Queue) {
	out <- gauge(queueWaiting, float64(q.Waiting), q.Name)
	out <- gauge(queuePaused, truth(q.PausedSince != nil), q.Name)
	if q.Unit == "mails" {
		out <- gauge(queueLater, float64(q.Deferred), q.Name)
		out <- gauge(queueHeld, float64(q.Held), q.Name)
	}
}

func collectTasks(out chan<- prometheus.Metric, q queues.Queue) {
	for state, n := range map[string]int{"pending": q.Pending, "active": q.Active, "retry": q.Retry, "archived": q.Archived} {
		out <- gauge(queueTasks, float64(n), q.Name, state)
	}
	out <- gauge(queueOldest, q.Oldest, q.Name)
	out <- gauge(queueRate, q.Rate, q.Name)
	drain := math.Inf(1)
	if q.DrainIn != nil {
		drain = *q.DrainIn
	}
	out <- gauge(queueDrain, drain, q.Name)
	if q.Latency != nil {
		out <- gauge(queueP50, q.Latency.P50, q.Name)
		out <- gauge(queueP95, q.Latency.P95, q.Name)
	}
}

func collectProcesses(out chan<- prometheus.Metric, o queues.Overview) {
	var alive, gone, sweeping, silent float64
	for _, w := range o.Workers {
		if w.Lost {
			gone++
		} else {
			alive++
		}
	}
	for _, s := range o.Schedulers {
		if s.Lost {
			silent++
		} else {
			sweeping++
		}
	}
	out <- gauge(workersNow, alive, "alive")
	out <- gauge(workersNow, gone, "lost")
	out <- gauge(schedulers, sweeping, "alive")
	out <- gauge(schedulers, silent, "lost")
	behind := math.Inf(1)
	if o.Lag != nil {
		behind = *o.Lag
	}
	out <- gauge(lag, behind)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
