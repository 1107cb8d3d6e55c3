package main_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"posthorn/internal/pgtest"
	"posthorn/internal/redistest"
)

func TestMigrateThenKey(t *testing.T) {
	t.Parallel()
	env := []string{"POSTHORN_DATABASE_URL=" + emptyDatabase(t)}
	if got := finish(t, program(t, env, "apikey", "create", "shop")); got.code != 1 || !strings.Contains(got.err, "run posthorn migrate") || got.out != "" {
		t.Errorf("apikey before migrate: %+v", got)
	}
	if got := finish(t, program(t, env, "migrate")); got.code != 0 || !strings.Contains(got.out, "from version 0 to") {
		t.Fatalf("migrate: %+v", got)
	}
	if got := finish(t, program(t, env, "migrate")); got.code != 0 || !strings.Contains(got.out, "up to date") {
		t.Errorf("migrate again: %+v", got)
	}
	got := finish(t, program(t, env, "apikey", "create", "shop"))
	if key, end, _ := strings.Cut(got.out, "\n"); got.code != 0 || len(key) < 20 || strings.ContainsAny(key, " \t") || end != "" || got.err != "" {
		t.Errorf("apikey create: %+v, want the key alone on stdout", got)
	}
	if got := finish(t, program(t, env, "apikey", "create", "shop")); got.code != 1 || got.out != "" || !strings.Contains(got.err, "shop") {
		t.Errorf("the same name again: %+v", got)
	}
}

// The whole way, over the outside contract alone: a mail server, Posthorn, and a
// campaign made and sent with HTTP requests.
func TestACampaignOverTheAPI(t *testing.T) {
	t.Parallel()
	env := []string{
		"POSTHORN_DATABASE_URL=" + emptyDatabase(t), "POSTHORN_REDIS_URL=" + redistest.New(t).URL, "POSTHORN_SECRET=" + secret,
		"POSTHORN_LISTEN=127.0.0.1:0", "POSTHORN_BASE_URL=https://mail.shop.example/",
	}
	sandbox := start(t, program(t, nil, "sandbox", "--smtp", "127.0.0.1:0", "--inbox", "127.0.0.1:0"))
	ready := sandbox.await(t, "mail sandbox is ready")
	serve := start(t, program(t, env, "serve"))
	base := "http://" + serve.await(t, "posthorn serves")["listen"].(string)

	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/api/docs": 200, "/api/openapi.json": 200, "/api/v1/campaigns": 401, "/nothing": 404,
	} {
		if status, body := get(t, base+path); status != want {
			t.Errorf("GET %s: %d, want %d: %s", path, status, want, body)
		}
	}
	if got := finish(t, program(t, []string{"POSTHORN_LISTEN=" + strings.TrimPrefix(base, "http://")}, "health")); got.code != 0 {
		t.Errorf("health: %+v", got)
	}

	key := finish(t, program(t, env, "apikey", "create", "test"))
	a := api{base, strings.TrimSpace(key.out)}
	_, port, err := net.SplitHostPort(ready["smtp"].(string))
	if err != nil {
		t.Fatal(err)
	}
	a.call(t, "PUT", "/relays/default", fmt.Sprintf(`{"host": "127.0.0.1", "port": %s, "tls": "none", "connections": 2}`, port), nil)
	for i := range 3 {
		a.call(t, "PUT", fmt.Sprintf("/contacts/c%d", i),
			fmt.Sprintf(`{"email": "c%d@web.example", "first_name": "Zoë", "topics": {"news": "subscribed"}}`, i), nil)
	}
	a.call(t, "PUT", "/contacts/refused", `{"email": "perm@web.example", "topics": {"news": "subscribed"}}`, nil)
	var template, campaign struct{ ID int64 }
	a.call(t, "POST", "/templates", `{"name": "hello", "subject": "Hello {{ contact.first_name }}",
		"html": "<p>Hello</p><p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>"}`, &template)
	a.call(t, "POST", "/campaigns", fmt.Sprintf(`{"name": "hello", "template_id": %d, "sender": {"name": "Shop", "address": "news@shop.example"},
		"topic": "news", "audience": {"include": [], "exclude": []}, "schedule": null}`, template.ID), &campaign)
	path := fmt.Sprintf("/campaigns/%d", campaign.ID)
	a.call(t, "POST", path+"/start", "", nil)

	var state struct {
		Status string
		Run    struct{ Recipients, Sent, Failed int }
	}
	for state.Status != "finished" {
		time.Sleep(20 * time.Millisecond)
		a.call(t, "GET", path, "", &state)
		if state.Status != "running" && state.Status != "finished" {
			t.Fatalf("the campaign is %+v", state)
		}
	}
	if state.Run.Recipients != 4 || state.Run.Sent != 3 || state.Run.Failed != 1 {
		t.Errorf("run = %+v", state.Run)
	}
	var page struct {
		Items []struct {
			Email string
			Code  int
		}
	}
	a.call(t, "GET", path+"/messages?state=failed", "", &page)
	if len(page.Items) != 1 || page.Items[0].Email != "perm@web.example" || page.Items[0].Code != 550 {
		t.Errorf("failed messages = %+v", page)
	}
	inbox := ready["inbox"].(string)
	if status, body := get(t, inbox+"/"); status != http.StatusOK || strings.Count(body, "Hello Zoë") != 3 {
		t.Errorf("inbox: %d: %s", status, body)
	}
	if _, body := get(t, inbox+"/1/raw"); !strings.Contains(body, "https://mail.shop.example/u/") || !strings.Contains(body, "List-Unsubscribe=One-Click") {
		t.Errorf("the mail:\n%s", body)
	}
	serve.stop(t)
	sandbox.stop(t)
}

func TestEachProcessStopsInOrder(t *testing.T) {
	t.Parallel()
	env := []string{
		"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t), "POSTHORN_REDIS_URL=" + redistest.New(t).URL,
		"POSTHORN_SECRET=" + secret, "POSTHORN_LISTEN=127.0.0.1:0",
	}
	for name, ready := range map[string]string{"web": "web serves", "worker": "worker ready", "scheduler": "scheduler starts"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, program(t, env, name))
			p.await(t, ready)
			p.stop(t)
		})
	}
}

// A service manager takes anything but 0 for a failure.
func TestToBeAskedToEndIsNoFailureHoweverEarly(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	dialed := make(chan net.Conn, 100)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			dialed <- conn // and never a word
		}
	}()
	database, queue := "POSTHORN_DATABASE_URL=postgres://u@"+silent.Addr().String()+"/db", "POSTHORN_REDIS_URL=redis://"+silent.Addr().String()+"/0"
	for what, env := range map[string][]string{
		"PostgreSQL does not answer": {database, queue},
		"Redis does not answer":      {"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t), queue},
	} {
		for _, command := range []string{"serve", "web", "worker", "scheduler"} {
			t.Run(what+"/"+command, func(t *testing.T) { // one after the other: who dialed is who was started
				p := start(t, program(t, append(env, "POSTHORN_SECRET="+secret, "POSTHORN_LISTEN=127.0.0.1:0"), command))
				conn := <-dialed
				p.stop(t)
				_ = conn.Close()
			})
		}
	}
}

// Each of these says in one line what is wrong, without a password, and ends with 1.
func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	pg, rd := pgtest.NewURL(t), redistest.New(t)
	evicting := redistest.New(t)
	client := redis.NewClient(&redis.Options{Addr: evicting.Addr})
	t.Cleanup(func() { _ = client.Close() })
	if err := client.ConfigSet(context.Background(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })

	const away = "127.0.0.1:1"
	good := map[string]string{
		"POSTHORN_DATABASE_URL": pg, "POSTHORN_REDIS_URL": rd.URL, "POSTHORN_SECRET": secret, "POSTHORN_LISTEN": "127.0.0.1:0",
	}
	for _, c := range []struct {
		name, variable, value string
		commands              string
		want                  string
	}{
		{"no secret", "POSTHORN_SECRET", "", "serve web worker", "POSTHORN_SECRET is not set"},
		{"blank secret", "POSTHORN_SECRET", "  ", "serve", "POSTHORN_SECRET is not set"},
		{"no database", "POSTHORN_DATABASE_URL", "", "serve web worker scheduler migrate", "POSTHORN_DATABASE_URL is not set"},
		{"no redis", "POSTHORN_REDIS_URL", "", "serve scheduler", "POSTHORN_REDIS_URL is not set"},
		{"database away", "POSTHORN_DATABASE_URL", "postgres://u:hidden@" + away + "/db", "serve web worker scheduler migrate", "cannot reach postgres://u@" + away + "/db"},
		{"redis away", "POSTHORN_REDIS_URL", "redis://:hidden@" + away + "/0", "serve web worker scheduler", "redis://" + away},
		{"no database URL", "POSTHORN_DATABASE_URL", "hidden", "migrate", "POSTHORN_DATABASE_URL"},
		{"no redis URL", "POSTHORN_REDIS_URL", "http://:hidden@x", "serve", "POSTHORN_REDIS_URL"},
		{"redis that forgets", "POSTHORN_REDIS_URL", evicting.URL, "serve worker", "noeviction"},
		{"proxies", "POSTHORN_TRUSTED_PROXIES", "everybody", "serve web", "POSTHORN_TRUSTED_PROXIES"},
		{"base URL", "POSTHORN_BASE_URL", "mail.shop.example", "serve worker", "POSTHORN_BASE_URL"},
		{"port taken", "POSTHORN_LISTEN", taken.Addr().String(), "serve web", taken.Addr().String()},
	} {
		for _, command := range strings.Fields(c.commands) {
			t.Run(c.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				var env []string
				for k, v := range good {
					if k != c.variable {
						env = append(env, k+"="+v)
					}
				}
				got := finish(t, program(t, append(env, c.variable+"="+c.value), command))
				line := lastLine(got.err)
				if got.code != 1 || !strings.HasPrefix(line, "posthorn: ") || !strings.Contains(line, c.want) {
					t.Errorf("code %d, %q, want 1 and a line with %q", got.code, got.err, c.want)
				}
				for _, l := range strings.Split(strings.TrimSpace(got.err), "\n") {
					if l != line && !strings.HasPrefix(l, "{") {
						t.Errorf("more than one line: %q", got.err)
					}
				}
				if strings.Contains(got.err, "hidden") {
					t.Errorf("the password shows: %q", got.err)
				}
			})
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestUsage(t *testing.T) {
	t.Parallel()
	if got := finish(t, program(t, nil, "version")); got.code != 0 || !strings.HasPrefix(got.out, "posthorn ") {
		t.Errorf("version: %+v", got)
	}
	if got := finish(t, program(t, nil)); got.code != 0 || !strings.Contains(got.out, "POSTHORN_SECRET") || !strings.Contains(got.out, "scheduler") {
		t.Errorf("without arguments: %+v", got)
	}
	key := finish(t, program(t, []string{"POSTHORN_SECRET=" + secret}, "webhook-key"))
	if key.code != 0 || key.err != "" || len(strings.TrimSpace(key.out)) != 64 || strings.Contains(key.out, secret) {
		t.Errorf("webhook-key: %+v, want the key alone on stdout", key)
	}
	if got := finish(t, program(t, nil, "webhook-key")); got.code != 1 || got.out != "" || !strings.Contains(got.err, "POSTHORN_SECRET") {
		t.Errorf("webhook-key without a secret: %+v", got)
	}
	for _, args := range [][]string{{"frobnicate"}, {"serve", "--no-such-flag"}, {"apikey", "create"}, {"import", "contacts"}, {"demo", "extra"}, {"serve", "--log-level=loud"}} {
		if got := finish(t, program(t, nil, args...)); got.code != 2 || !strings.HasPrefix(got.err, "posthorn: ") {
			t.Errorf("%q: %+v", args, got)
		}
	}
}
