package main_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"posthorn/internal/redistest"
)

// Processes of their own: what each tells is seen by the others, as metrics, over the
// API and in the terminal; and a relay is tested from where mails leave.
func TestProcessesSeeEachOther(t *testing.T) {
	t.Parallel()
	env := []string{
		"POSTHORN_DATABASE_URL=" + emptyDatabase(t), "POSTHORN_REDIS_URL=" + redistest.New(t).URL, "POSTHORN_SECRET=" + secret,
		"POSTHORN_LISTEN=127.0.0.1:0", "POSTHORN_BASE_URL=https://mail.shop.example/", "POSTHORN_METRICS_LISTEN=127.0.0.1:0",
	}
	if got := finish(t, program(t, env, "migrate")); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	sandbox := start(t, program(t, nil, "sandbox", "--smtp", "127.0.0.1:0", "--inbox", "127.0.0.1:0"))
	ready := sandbox.await(t, "mail sandbox is ready")
	web, worker, scheduler := start(t, program(t, env, "web")), start(t, program(t, env, "worker")), start(t, program(t, env, "scheduler"))
	pages := map[string]string{}
	for name, p := range map[string]*process{"worker": worker, "scheduler": scheduler} {
		pages[name] = p.await(t, "metrics are shown")["url"].(string)
	}
	base := "http://" + web.await(t, "web serves")["listen"].(string)
	pages["web"] = web.await(t, "metrics are shown")["url"].(string)

	ops := api{base, strings.TrimSpace(finish(t, program(t, env, "apikey", "create", "prometheus", "--role", "ops")).out)}
	var o struct {
		Redis   string
		Workers []struct {
			Command string
			Slots   []struct{ Queue string }
		}
		Schedulers []struct{ Command string }
		Lag        *float64 `json:"scheduler_lag_seconds"`
	}
	for len(o.Workers) != 1 || o.Lag == nil || len(o.Workers[0].Slots) != 5 {
		time.Sleep(50 * time.Millisecond)
		ops.call(t, "GET", "/queues", "", &o)
	}
	if o.Redis != "ok" || o.Workers[0].Command != "worker" || len(o.Schedulers) != 1 || o.Schedulers[0].Command != "scheduler" || *o.Lag > 30 {
		t.Errorf("%+v", o)
	}

	_, port, err := net.SplitHostPort(ready["smtp"].(string))
	if err != nil {
		t.Fatal(err)
	}
	ops.call(t, "PUT", "/relays/default", fmt.Sprintf(`{"host": "127.0.0.1", "port": %s, "tls": "none"}`, port), nil)
	var test struct {
		OK    bool
		Steps []struct {
			Name string
			OK   bool
		}
	}
	ops.call(t, "POST", "/relays/default/test", `{"to": "me@web.example", "from": "ops@shop.example"}`, &test)
	if !test.OK || len(test.Steps) != 5 {
		t.Errorf("%+v", test)
	}
	if status, body := get(t, ready["inbox"].(string)+"/"); status != http.StatusOK || !strings.Contains(body, "Test of the relay default") {
		t.Errorf("inbox: %d: %s", status, body)
	}

	for name, want := range map[string]string{"web": `posthorn_http_requests_total{method="POST",route="/api/v1/relays/{name}/test",status="2xx"} 1`,
		"worker": `posthorn_tasks_total{outcome="done",queue="control"} 1`, "scheduler": `posthorn_workers{state="alive"} 1`} {
		if status, body := get(t, pages[name]); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("metrics of %s: %d, without %s", name, status, want)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", base+"/api/v1/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", ops.key} {
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if want := map[bool]int{true: 200, false: 401}[key != ""]; res.StatusCode != want {
			t.Errorf("metrics with the key %q: %s", key, res.Status)
		}
	}

	// What is not a terminal gets the figures once.
	got := finish(t, program(t, env, "top"))
	if got.code != 0 || !strings.Contains(got.out, "triggered 0/4") || !strings.Contains(got.out, "QUEUE") || strings.Contains(got.out, "\x1b") || got.err != "" {
		t.Errorf("%+v", got)
	}
	worker.stop(t)
	if got := finish(t, program(t, env, "top", "--once")); !strings.Contains(got.out, "no worker is alive") {
		t.Errorf("%+v", got)
	}
	for _, p := range []*process{web, scheduler, sandbox} {
		p.stop(t)
	}
}
