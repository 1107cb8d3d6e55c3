package metrics

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.yaml.in/yaml/v3"

	"posthorn/internal/clock"
	"posthorn/internal/embedded"
	"posthorn/internal/pgtest"
	"posthorn/internal/pulse"
	"posthorn/internal/redistest"
	"posthorn/queues"
	"posthorn/relays"
	"posthorn/tasks"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// house is a process of which all there is to measure was done once.
type testHouse struct {
	pool    *pgxpool.Pool
	server  *embedded.Redis
	redis   *redis.Client
	pulse   *pulse.Recorder
	metrics *Metrics
}

func newHouse(t *testing.T) *testHouse {
	t.Helper()
	ctx := t.Context()
	h := &testHouse{pool: pgtest.New(t), server: redistest.New(t)}
	var err error
	if h.redis, err = tasks.Open(ctx, h.server.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.redis.Close() })
	if _, err := relays.Put(ctx, h.pool, clock.System(), "a secret for tests, long enough", relays.PutInput{Name: "default", Host: "smtp.example.com", Port: 25, TLS: "none"}); err != nil {
		t.Fatal(err)
	}
	h.pulse = pulse.New(h.redis, clock.System, "serve", "1")
	h.pulse.IsWorker(func() pulse.Worker {
		return pulse.Worker{Relays: []pulse.RelayCircuit{{Relay: "default", State: pulse.Open, Until: clock.System().Add(time.Hour), InUse: 3}}}
	})
	h.pulse.IsScheduler(func() pulse.Scheduler { return pulse.Scheduler{FinishedAt: clock.System()} })
	h.pulse.Add(pulse.Relay, "default", "sent", 5)
	h.pulse.Add(pulse.Mails, tasks.QueueBulk, "sent", 5)
	h.pulse.Add(pulse.Repairs, "journey_chunk", "", 2)
	for _, took := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, time.Second, 2 * time.Hour} {
		h.pulse.Observe(pulse.Latency, tasks.QueueBulk, took)
	}
	if err := h.pulse.Tell(ctx); err != nil {
		t.Fatal(err)
	}
	h.metrics = New(Source{Version: "1", Pulse: h.pulse, Pool: h.pool, Redis: h.redis, Desk: queues.NewDesk(h.pool, h.redis, clock.System),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	h.metrics.Request("GET", "GET /api/v1/campaigns/{id}", 200, 30*time.Millisecond, false)
	h.metrics.Request("BREW", "", 404, time.Millisecond, false)
	h.metrics.Request("GET", "GET /api/v1/queues/live", 200, time.Minute, true)
	return h
}

// scrape is the page that Prometheus would get.
func (h *testHouse) scrape(t *testing.T) string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.metrics.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != 200 {
		t.Fatalf("%d: %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func TestAScrape(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	page := h.scrape(t)
	for _, want := range []string{
		`posthorn_up{dependency="postgres"} 1`, `posthorn_up{dependency="redis"} 1`,
		`posthorn_queue_tasks{queue="bulk",state="archived"} 0`, `posthorn_queue_paused{queue="bulk"} 0`, `posthorn_queue_drain_seconds{queue="bulk"} 0`,
		`posthorn_workers{state="alive"} 1`, `posthorn_workers{state="lost"} 0`, `posthorn_schedulers{state="alive"} 1`, `posthorn_unknown_messages 0`,
		`posthorn_relay_circuit{relay="default",state="open"} 1`, `posthorn_relay_circuit{relay="default",state="closed"} 0`, `posthorn_relay_connections{relay="default",state="in_use"} 3`,
		`posthorn_mails_total{outcome="sent",queue="bulk"} 5`, `posthorn_mails_total{outcome="failed",queue="triggered"} 0`,
		`posthorn_relay_mails_total{outcome="sent",relay="default"} 5`, `posthorn_sweep_repairs_total{kind="journey_chunk"} 2`, `posthorn_sweeps_total{outcome="failed"} 0`,
		`posthorn_mail_latency_seconds_bucket{queue="bulk",le="0.008"} 1`, `posthorn_mail_latency_seconds_bucket{queue="bulk",le="0.032"} 2`,
		`posthorn_mail_latency_seconds_bucket{queue="bulk",le="1.024"} 3`, `posthorn_mail_latency_seconds_bucket{queue="bulk",le="+Inf"} 4`,
		`posthorn_mail_latency_seconds_count{queue="bulk"} 4`, `posthorn_mail_latency_seconds_sum{queue="bulk"} 7201.025`, `posthorn_mail_latency_seconds_count{queue="triggered"} 0`,
		`posthorn_http_requests_total{method="GET",route="/api/v1/campaigns/{id}",status="2xx"} 1`, `posthorn_http_requests_total{method="other",route="none",status="4xx"} 1`,
		`posthorn_http_streams_total{route="/api/v1/queues/live"} 1`, `posthorn_http_request_seconds_count{method="GET",route="/api/v1/campaigns/{id}"} 1`,
		`posthorn_postgres_connections_max 20`, `go_goroutines `, `process_cpu_seconds_total `, `posthorn_build_info{`,
	} {
		if !strings.Contains(page, "\n"+want) {
			t.Errorf("not on the page: %s", want)
		}
	}
	if strings.Contains(page, `posthorn_http_request_seconds_count{method="GET",route="/api/v1/queues/live"`) {
		t.Error("a stream counts as a slow request")
	}

	// What is scraped again soon is not looked at again; what cannot be looked at is said.
	if _, err := h.pool.Exec(t.Context(), `INSERT INTO paused_queues VALUES ('bulk', now())`); err != nil {
		t.Fatal(err)
	}
	if page := h.scrape(t); !strings.Contains(page, `posthorn_queue_paused{queue="bulk"} 0`) {
		t.Error("the house is looked at for every scrape")
	}
}

func TestAScrapeWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.server.Stop()
	page := h.scrape(t)
	for _, want := range []string{`posthorn_up{dependency="postgres"} 1`, `posthorn_up{dependency="redis"} 0`, `posthorn_queue_waiting_rows{queue="bulk"} 0`, `posthorn_mails_total{outcome="sent",queue="bulk"} 5`} {
		if !strings.Contains(page, "\n"+want) {
			t.Errorf("not on the page: %s", want)
		}
	}
	if strings.Contains(page, "posthorn_workers{") {
		t.Error("workers are counted without Redis")
	}
}

func TestAScrapeWithoutPostgres(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pool.Close()
	page := h.scrape(t)
	if !strings.Contains(page, "\n"+`posthorn_up{dependency="postgres"} 0`) || !strings.Contains(page, `posthorn_mails_total{outcome="sent",queue="bulk"} 5`) {
		t.Errorf("%s", page)
	}
}

// A worker says nothing of the house, which all of them would see alike.
func TestAWorkerTellsOfItself(t *testing.T) {
	t.Parallel()
	m := New(Source{Version: "1", Pulse: pulse.New(nil, clock.System, "worker", "1"), Log: slog.Default()})
	h := &testHouse{metrics: m}
	if page := h.scrape(t); strings.Contains(page, "posthorn_up") || !strings.Contains(page, "posthorn_tasks_total") {
		t.Errorf("%s", page)
	}
}

// names maps each metric to the labels that it is shown with.
func (h *testHouse) names(t *testing.T) map[string][]string {
	t.Helper()
	families, err := h.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		names[f.GetName()] = labels
		if f.GetMetric()[0].Histogram != nil {
			names[f.GetName()+"_bucket"], names[f.GetName()+"_sum"], names[f.GetName()+"_count"] = append(labels, "le"), labels, labels
		}
	}
	return names
}

var (
	inExpression = regexp.MustCompile(`\b((?:posthorn|go|process)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?`)
	matcher      = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"[^"]*"`)
	grouping     = regexp.MustCompile(`\bby \(([a-z_, ]+)\)`)
)

// unknownIn lists what an expression asks for and nobody shows.
func unknownIn(expression string, names map[string][]string) (wrong []string) {
	allowed := []string{"instance", "job", "le"} // these come from Prometheus
	for _, m := range inExpression.FindAllStringSubmatch(expression, -1) {
		labels, known := names[m[1]]
		if m[1] != "up" && !known {
			wrong = append(wrong, m[1])
		}
		allowed = append(allowed, labels...)
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(append([]string{"instance", "job"}, labels...), l[1]) {
				wrong = append(wrong, m[1]+"{"+l[1]+"}")
			}
		}
	}
	for _, m := range grouping.FindAllStringSubmatch(expression, -1) {
		for _, label := range strings.Split(m[1], ",") {
			if !slices.Contains(allowed, strings.TrimSpace(label)) {
				wrong = append(wrong, "by "+label)
			}
		}
	}
	return wrong
}

func TestUnknownIn(t *testing.T) {
	t.Parallel()
	names := map[string][]string{"posthorn_up": {"dependency"}, "posthorn_x_bucket": {"queue", "le"}}
	for expression, want := range map[string]int{
		`min by (dependency) (posthorn_up{dependency="redis"}) == 0`: 0, `up{job="posthorn"} == 0`: 0, `posthorn_down`: 1, `posthorn_up{queue="a"}`: 1, `max by (queue) (posthorn_up)`: 1,
		`histogram_quantile(0.5, sum by (le) (rate(posthorn_x_bucket{queue=~"a|b"}[5m])))`: 0,
	} {
		if got := unknownIn(expression, names); len(got) != want {
			t.Errorf("%s: %v", expression, got)
		}
	}
}

// What deploy/ asks for is there, by name and label, and each alert says what to do.
func TestDeployAsksForWhatIsThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	// Some figures have no sample before something happened.
	h.pulse.Observe(pulse.Latency, tasks.QueueTriggered, time.Second)
	if err := h.pulse.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := h.names(t)

	var rules struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	decode(t, "../deploy/prometheus/posthorn.rules.yml", &rules)
	operations, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rules.Groups[0].Rules {
		if wrong := unknownIn(r.Expr, names); wrong != nil {
			t.Errorf("alert %s asks for %v", r.Alert, wrong)
		}
		if !strings.Contains(string(operations), "\n#### "+r.Alert+"\n") {
			t.Errorf("docs/operations.md does not say what to do about %s", r.Alert)
		}
		if r.Annotations["runbook_url"] != "docs/operations.md#"+strings.ToLower(r.Alert) || r.Annotations["summary"] == "" || !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%+v", r)
		}
		if seen[r.Alert] || r.Expr == "" {
			t.Errorf("%+v", r)
		}
		seen[r.Alert] = true
	}
	for _, m := range regexp.MustCompile(`\n#### (Posthorn\w+)\n`).FindAllStringSubmatch(string(operations), -1) {
		if !seen[m[1]] {
			t.Errorf("docs/operations.md has %s, which is no alert", m[1])
		}
	}

	var prometheus map[string]any
	decode(t, "../deploy/prometheus/prometheus.yml", &prometheus)
	if files := prometheus["rule_files"].([]any); len(files) != 1 || files[0] != "posthorn.rules.yml" {
		t.Errorf("%v", files)
	}

	data, err := os.ReadFile("../deploy/grafana/posthorn.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	asked := map[string]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" || (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("%+v", p)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			if wrong := unknownIn(target.Expr, names); wrong != nil {
				t.Errorf("panel %q asks for %v", p.Title, wrong)
			}
			for _, m := range inExpression.FindAllStringSubmatch(target.Expr, -1) {
				asked[m[1]] = true
			}
		}
	}
	if len(asked) < 20 {
		t.Errorf("the dashboard shows only %v", slices.Sorted(maps.Keys(asked)))
	}
}

// Where promtool is installed, it has the last word on the rules.
func TestPromtool(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	dir, err := filepath.Abs("../deploy/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", filepath.Join(dir, "posthorn.rules.yml")}, {"check", "config", "--syntax-only", filepath.Join(dir, "prometheus.yml")}} {
		if out, err := exec.CommandContext(context.Background(), tool, args...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := yaml.NewDecoder(f).Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
