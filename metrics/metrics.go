// Package metrics shows Prometheus how a process and the whole house are.
//
// What a process did comes from package pulse, which counts it anyway (process.go);
// how the house is comes from the desk of package queues, looked at no more often than
// every ten seconds, however many scrape (house.go). What a label may hold is bounded:
// queues, outcomes, kinds, route patterns, and relays, of which somebody has to put up
// each one by hand. Never an id, never an address.
//
// deploy/ has alert rules and a dashboard that use these names; a test holds them
// together, and docs/operations.md says what each alert asks one to do.
package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/pulse"
	"posthorn/queues"
)

// Source is what a process's metrics are read from.
type Source struct {
	Version string
	Pulse   *pulse.Recorder
	Pool    *pgxpool.Pool
	Redis   *redis.Client
	Desk    *queues.Desk // nil: this process says nothing of the house
	Log     *slog.Logger
}

// Metrics is a process's metrics. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	streams  *prometheus.CounterVec
	log      *slog.Logger
}

// New returns the metrics of a process, in a registry of their own.
func New(s Source) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		log:      s.Log,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "posthorn_http_requests_total", Help: "Requests by route pattern, method and class of the status."}, []string{"route", "method", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "posthorn_http_request_seconds", Help: "How long requests took, but for streams.",
			Buckets: []float64{.005, .02, .05, .1, .25, 1, 5, 30}}, []string{"route", "method"}),
		streams: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "posthorn_http_streams_total", Help: "Streams of live figures that ended."}, []string{"route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "posthorn_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": s.Version, "go": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(build, m.requests, m.took, m.streams,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&process{pulse: s.Pulse, pool: s.Pool, redis: s.Redis})
	if s.Desk != nil {
		m.registry.MustRegister(&house{desk: s.Desk})
	}
	return m
}

const (
	scrapeTimeout  = 9 * time.Second // Prometheus gives up after ten
	scrapesAtATime = 4
)

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: scrapesAtATime,
		Timeout:             scrapeTimeout,
	})
}

// Request counts a request that was answered. route is the pattern that it matched,
// with or without its method; streamed says that it was open for as long as somebody
// listened.
func (m *Metrics) Request(method, route string, status int, took time.Duration, streamed bool) {
	if _, path, found := strings.Cut(route, " "); found {
		route = path
	}
	if route == "" {
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other" // it is the client's word
	}
	if status < 100 || status > 599 {
		status = 0
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status/100)+"xx").Inc()
	if streamed {
		m.streams.WithLabelValues(route).Inc()
		return
	}
	m.took.WithLabelValues(route, method).Observe(took.Seconds())
}
