package metrics

import (
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/pulse"
	"posthorn/tasks"
)

// process tells what this process did.
type process struct {
	pulse *pulse.Recorder
	pool  *pgxpool.Pool
	redis *redis.Client
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("posthorn_"+name, help, labels, nil)
}

var (
	tasksTotal   = desc("tasks_total", "Tasks that this process handled, by queue and outcome (done, failed).", "queue", "outcome")
	rowsTotal    = desc("rows_total", "Rows that this process worked on (mails, happenings and enrolments, runs planned, webhook calls), by queue.", "queue")
	mailsTotal   = desc("mails_total", "Mails by what became of them at an attempt, by queue.", "queue", "outcome")
	relayTotal   = desc("relay_mails_total", "Mails that were offered to a relay, by what became of them.", "relay", "outcome")
	mailLatency  = desc("mail_latency_seconds", "From the knock for a mail to the relay's 250, of mails that were accepted at the first attempt, by queue.", "queue")
	repairsTotal = desc("sweep_repairs_total", "What this process found lost and put right: tasks by type, leases of dead workers, pauses that Redis forgot.", "kind")
	knocksTotal  = desc("knocks_failed_total", "Knocks that this process could not make, by the type of task; a sweep makes up for each.", "kind")
	sweepsTotal  = desc("sweeps_total", "Sweeps of this process's scheduler, by outcome (done, failed).", "outcome")

	poolConns  = desc("postgres_connections", "Connections of this process to Postgres, by state (in_use, idle, opening).", "state")
	poolMax    = desc("postgres_connections_max", "Most connections of this process to Postgres.")
	poolWaits  = desc("postgres_waits_total", "How often this process had to wait for a connection to Postgres.")
	poolWaited = desc("postgres_wait_seconds_total", "How long this process waited for connections to Postgres.")
	redisConns = desc("redis_connections", "Connections of this process to Redis, by state (in_use, idle).", "state")
	redisWaits = desc("redis_timeouts_total", "How often this process waited in vain for a connection to Redis.")
)

// Describe is part of prometheus.Collector.
func (p *process) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tasksTotal, rowsTotal, mailsTotal, relayTotal, mailLatency, repairsTotal, knocksTotal, sweepsTotal,
		poolConns, poolMax, poolWaits, poolWaited, redisConns, redisWaits} {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (p *process) Collect(out chan<- prometheus.Metric) {
	counts, spent := p.pulse.Totals()
	// What was not counted yet is 0, so that a first occurrence shows as an increase.
	for _, queue := range tasks.Queues {
		for _, as := range []string{"done", "failed"} {
			counts[pulse.Key{What: pulse.Tasks, Of: queue, As: as}] += 0
		}
		counts[pulse.Key{What: pulse.Rows, Of: queue}] += 0
	}
	for _, queue := range sending {
		for _, as := range []string{"sent", "deferred", "failed", "skipped", "unknown"} {
			counts[pulse.Key{What: pulse.Mails, Of: queue, As: as}] += 0
		}
	}
	for _, as := range []string{"done", "failed"} {
		counts[pulse.Key{What: pulse.Sweeps, As: as}] += 0
	}
	counts[pulse.Key{What: pulse.Repairs, Of: "lease"}] += 0
	counts[pulse.Key{What: pulse.Knocks, Of: tasks.Kind(tasks.TypeHappenings), As: "failed"}] += 0
	buckets := map[string][]int64{}
	for k, n := range counts {
		value := float64(n)
		switch k.What {
		case pulse.Tasks:
			out <- counter(tasksTotal, value, k.Of, k.As)
		case pulse.Rows:
			out <- counter(rowsTotal, value, k.Of)
		case pulse.Mails:
			out <- counter(mailsTotal, value, k.Of, k.As)
		case pulse.Relay:
			out <- counter(relayTotal, value, k.Of, k.As)
		case pulse.Repairs:
			out <- counter(repairsTotal, value, k.Of)
		case pulse.Knocks:
			out <- counter(knocksTotal, value, k.Of)
		case pulse.Sweeps:
			out <- counter(sweepsTotal, value, k.As)
		case pulse.Latency:
			if i, err := strconv.Atoi(k.As); err == nil && i >= 0 && i < pulse.Buckets {
				if buckets[k.Of] == nil {
					buckets[k.Of] = make([]int64, pulse.Buckets)
				}
				buckets[k.Of][i] += n
			}
		}
	}
	for _, queue := range sending {
		out <- histogram(buckets[queue], spent[pulse.Key{What: pulse.Latency, Of: queue}], queue)
	}
	p.connections(out)
}

// sending are the queues whose tasks send mails.
var sending = []string{tasks.QueueTriggered, tasks.QueueBulk}

// histogram makes one of every third bucket, each twice as wide as the one before:
// from 8 ms to an hour and a bit.
func histogram(counts []int64, spent time.Duration, queue string) prometheus.Metric {
	cumulative := map[float64]uint64{}
	var all uint64
	for i := range pulse.Buckets {
		if counts != nil {
			all += uint64(counts[i])
		}
		if i%3 == 0 && i >= 9 && i <= 66 {
			cumulative[pulse.Bound(i).Seconds()] = all
		}
	}
	return prometheus.MustNewConstHistogram(mailLatency, all, spent.Seconds(), cumulative, queue)
}

func (p *process) connections(out chan<- prometheus.Metric) {
	if p.pool != nil {
		s := p.pool.Stat()
		out <- gauge(poolConns, float64(s.AcquiredConns()), "in_use")
		out <- gauge(poolConns, float64(s.IdleConns()), "idle")
		out <- gauge(poolConns, float64(s.ConstructingConns()), "opening")
		out <- gauge(poolMax, float64(s.MaxConns()))
		out <- counter(poolWaits, float64(s.EmptyAcquireCount()))
		out <- counter(poolWaited, s.EmptyAcquireWaitTime().Seconds())
	}
	if p.redis != nil {
		s := p.redis.PoolStats()
		out <- gauge(redisConns, float64(s.TotalConns-s.IdleConns), "in_use")
		out <- gauge(redisConns, float64(s.IdleConns), "idle")
		out <- counter(redisWaits, float64(s.Timeouts))
	}
}

func counter(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
