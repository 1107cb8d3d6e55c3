package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
)

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if len(s.key) != 46 || !strings.HasPrefix(s.key, "ph_") {
		t.Errorf("key %q is not ph_ and 43 characters", s.key)
	}
	if n := s.count(`SELECT count(*) FROM api_keys WHERE strpos(encode(hash, 'escape'), $1) > 0`, s.key); n != 0 {
		t.Error("the key itself is stored")
	}

	with := func(header string) answer {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.http.URL+"/api/v1/relays", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		return s.send(r)
	}
	with("Bearer " + s.key).want(200)
	with("bearer " + s.key).want(200)
	for name, header := range map[string]string{
		"none":         "",
		"other scheme": "Basic " + s.key,
		"key alone":    s.key,
		"empty":        "Bearer ",
		"short":        "Bearer ph_short",
		"wrong":        "Bearer " + s.key[:45] + "~",
		"longer":       "Bearer " + s.key + "A",
		"without ph_":  "Bearer " + strings.Repeat("A", 46),
	} {
		a := with(header)
		a.problem(401, "")
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: WWW-Authenticate is %q", name, a.header.Get("WWW-Authenticate"))
		}
	}

	s.exec(`UPDATE api_keys SET revoked_at = $1`, s.clock.Now())
	with("Bearer "+s.key).problem(401, "")
}

// Every operation needs a key, but for those that are for anyone, and says so before it looks at anything else.
func TestEveryOperationNeedsAKey(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = ""
	_, api := build(s.deps())
	n := 0
	for path, item := range api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete} {
			if op == nil || len(op.Security) == 0 {
				continue
			}
			n++
			s.request(method, strings.NewReplacer("{", "", "}", "").Replace(path), "application/json", strings.NewReader(`{`)).problem(401, "")
		}
	}
	if n < 50 {
		t.Errorf("only %d operations", n)
	}
}

func TestNoRoute(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{"/api/", "/api/v1", "/api/v1/campaign", "/api/v2/campaigns", "/api/v1/campaigns/1/begin"} {
		s.do("GET", path, nil).problem(404, "")
	}
	a := s.do("PATCH", "/api/v1/campaigns/1", `{}`)
	a.problem(405, "")
	if a.header.Get("Allow") != "GET, PUT, DELETE" {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	a = s.do("DELETE", "/api/v1/events", nil)
	a.problem(405, "")
	if a.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	tests := []struct {
		name, body string
		status     int
		field      string
	}{
		{"empty", ``, 400, ""},
		{"not JSON", `{"host": `, 400, ""},
		{"two documents", `{"host":"a","port":25,"tls":"none"} {}`, 400, ""},
		{"an array", `[]`, 422, ""},
		{"unknown field", `{"host":"localhost","port":25,"tls":"none","colour":"red"}`, 422, "colour"},
		{"other case", `{"Host":"localhost","host":"localhost","port":25,"tls":"none"}`, 422, "Host"},
		{"missing field", `{"port":25,"tls":"none"}`, 422, "host"},
		{"wrong kind", `{"host":"localhost","port":"25","tls":"none"}`, 422, "port"},
		{"not a choice", `{"host":"localhost","port":25,"tls":"maybe"}`, 422, "tls"},
		{"too large a number", `{"host":"localhost","port":1e30,"tls":"none"}`, 422, "port"},
		{"NUL", `{"host":"local\u0000host","port":25,"tls":"none"}`, 422, "host"},
	}
	for _, tt := range tests {
		a := s.do("PUT", "/api/v1/relays/default", tt.body)
		a.problem(tt.status, tt.field)
		if bytes.Contains(a.body, []byte("maybe")) && tt.name != "not a choice" {
			t.Errorf("%s: the value is sent back", tt.name)
		}
	}
	if n := s.count(`SELECT count(*) FROM relays`); n != 0 {
		t.Errorf("%d relays were stored", n)
	}

	p := s.do("PUT", "/api/v1/relays/default", "{\n  \"host\": oops\n}").problem(400, "")
	if !strings.Contains(p["detail"].(string), "line 2, column 11") {
		t.Errorf("detail %q does not say where", p["detail"])
	}
	s.request("PUT", "/api/v1/relays/default", "application/x-www-form-urlencoded", strings.NewReader(`host=a`)).problem(415, "")
	s.request("PUT", "/api/v1/relays/default", "text/plain", strings.NewReader(`host=a`)).problem(415, "")
}

func TestBadURLs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("GET", "/api/v1/campaigns/abc", nil).problem(422, "path.id")
	s.do("GET", "/api/v1/campaigns/0", nil).problem(404, "")
	s.do("GET", "/api/v1/campaigns/-1", nil).problem(404, "")
	s.do("GET", "/api/v1/campaigns/99999999999999999999", nil).problem(422, "path.id")
	s.do("GET", "/api/v1/campaigns?limit=0", nil).problem(422, "query.limit")
	s.do("GET", "/api/v1/campaigns?limit=1001", nil).problem(422, "query.limit")
	s.do("GET", "/api/v1/campaigns?limit=ten", nil).problem(422, "query.limit")
	s.do("GET", "/api/v1/campaigns?cursor=%25%25", nil).problem(422, "query.cursor")
	s.do("GET", "/api/v1/campaigns?cursor=eHl6", nil).problem(422, "query.cursor")
	s.do("GET", "/api/v1/campaigns?page=2", nil).problem(422, "query.page")
	s.do("GET", "/api/v1/campaigns/1/messages?state=lost", nil).problem(422, "query.state")
	s.do("GET", "/api/v1/contacts/a%00b", nil).problem(400, "")
	s.do("GET", "/api/v1/contacts/a%ffb", nil).problem(400, "")
	s.do("GET", "/api/v1/contacts?query=%00", nil).problem(400, "")
}

// zeros is a body that is longer than anybody should read.
type zeros struct{ left, read int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	z.left -= n
	z.read += n
	return int(n), nil
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	paths := map[string]string{
		"PUT /api/v1/relays/default":     "1 MB",
		"POST /api/v1/campaigns":         "1 MB",
		"POST /api/v1/segments/estimate": "1 MB",
		"POST /api/v1/templates":         "2 MB",
		"POST /api/v1/contacts/batch":    "16 MB",
	}
	for route, limit := range paths {
		method, path, _ := strings.Cut(route, " ")
		for _, announced := range []bool{true, false} {
			r, _ := http.NewRequestWithContext(t.Context(), method, s.http.URL+path, &zeros{left: 50 << 20})
			r.Header.Set("Authorization", "Bearer "+s.key)
			r.Header.Set("Content-Type", "application/json")
			if announced {
				r.ContentLength = 50 << 20
			}
			p := s.send(r).problem(413, "")
			if detail := p["detail"].(string); !strings.HasSuffix(detail, " up to "+limit) {
				t.Errorf("%s, announced %t: detail %q", route, announced, detail)
			}
		}
	}
}

// A body that says how large it is is refused unread where the client asks first.
func TestTooLargeIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := &zeros{left: 50 << 20}
	r, _ := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+"/api/v1/campaigns", body)
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Expect", "100-continue")
	r.ContentLength = 50 << 20
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 413 || body.read != 0 {
		t.Errorf("status %d after %d bytes, want 413 after none", res.StatusCode, body.read)
	}
}

// 50 MB must not be held in memory on their way to a 413.
func TestTooLargeIsNotHeld(t *testing.T) {
	s := newServer(t)
	handler := New(s.deps())
	send := func() {
		r := httptest.NewRequest("POST", "/api/v1/campaigns", io.NopCloser(&zeros{left: 50 << 20}))
		r.ContentLength = -1
		r.Header.Set("Authorization", "Bearer "+s.key)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != 413 {
			t.Fatalf("status %d", rec.Code)
		}
	}
	send()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	send()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 10<<20 {
		t.Errorf("a 50 MB body cost %d MB of allocations", used>>20)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	h := frame(slog.New(slog.NewTextHandler(log, nil)), nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("the secret reason")
	}))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 500 || rec.Header().Get("Content-Type") != problemType {
		t.Errorf("status %d, %s", rec.Code, rec.Header().Get("Content-Type"))
	}
	if strings.Contains(rec.Body.String(), "secret") {
		t.Errorf("the reason is shown: %s", rec.Body)
	}
	id := rec.Header().Get("X-Request-Id")
	if !strings.Contains(log.String(), "the secret reason") || !strings.Contains(log.String(), id) || !strings.Contains(rec.Body.String(), id) {
		t.Errorf("log and answer do not meet: id %s; log: %s; body: %s", id, log, rec.Body)
	}
}

func TestProblemMapping(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	both := fault.List{{Field: "a", Message: "x"}, {Field: "b", Message: "y"}}
	tests := []struct {
		err    error
		status int
		field  string
	}{
		{fault.Invalidf("name", "is wrong"), 422, "name"},
		{fault.Under("items[2]", fault.Invalidf("sku", "is wrong")), 422, "items[2].sku"},
		{both, 422, ""},
		{fault.NotFoundf("campaign", 7), 404, ""},
		{fault.Conflictf("finished", "cannot start"), 409, ""},
		{&http.MaxBytesError{Limit: 1 << 20}, 413, ""},
		{context.DeadlineExceeded, 503, ""},
		{fmt.Errorf("look up API key: %w", io.ErrUnexpectedEOF), 503, ""}, // Postgres ended while it was asked
		{errors.New("pq: password is hunter2"), 500, ""},
	}
	for _, tt := range tests {
		p := problem(t.Context(), logger, tt.err)
		if p.Status != tt.status || p.Field != tt.field || p.Detail == "" {
			t.Errorf("%v: %+v", tt.err, p)
		}
		if strings.Contains(p.Detail, "hunter2") {
			t.Errorf("internal text is shown: %q", p.Detail)
		}
	}
	if p := problem(t.Context(), logger, both); len(p.Errors) != 2 {
		t.Errorf("errors of a list: %v", p.Errors)
	}
	if p := problem(t.Context(), logger, fault.Conflictf("finished", "x")); p.State != "finished" {
		t.Errorf("state: %q", p.State)
	}
}

func TestPostgresAway(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	deps := s.deps()
	pool, err := pgxpool.New(t.Context(), "postgres://posthorn@127.0.0.1:1/none?connect_timeout=2")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	deps.Pool = pool
	s.http.Config.Handler = New(deps)

	a := s.do("GET", "/api/v1/campaigns", nil)
	a.problem(503, "")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	a = s.do("GET", "/readyz", nil).want(503)
	if a.get("postgres") != "unreachable" || a.get("redis") != "ok" {
		t.Errorf("readyz: %s", a.body)
	}
	s.do("GET", "/healthz", nil).want(200)
	s.do("GET", s.links.Unsubscribe(7)[len("https://mail.shop.example"):], nil).want(503)
}

func TestReady(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if a := s.do("GET", "/readyz", nil).want(200); a.get("status") != "ok" {
		t.Errorf("%s", a.body)
	}
	deps := s.deps()
	deps.Redis = func(context.Context) error { return errors.New("gone") }
	s.http.Config.Handler = New(deps)
	if a := s.do("GET", "/readyz", nil).want(200); a.get("status") != "degraded" || a.get("redis") != "unreachable" {
		t.Errorf("without Redis: %s", a.body)
	}
	s.exec(`DELETE FROM goose_db_version WHERE version_id > 0`)
	s.http.Config.Handler = New(s.deps()) // a new process: one that found the schema fit does not look again
	if a := s.do("GET", "/readyz", nil).want(503); a.get("postgres") != "schema is old" {
		t.Errorf("with an old schema: %s", a.body)
	}
}

func TestHeadersAndLog(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{"/", "/healthz", "/api/v1/relays", "/api/v1/nothing", "/api/docs", "/u/none", "/nothing"} {
		a := s.do("GET", path, nil)
		for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options", "X-Request-Id"} {
			if a.header.Get(h) == "" {
				t.Errorf("%s: no %s", path, h)
			}
		}
	}
	s.do("GET", "/api/v1/contacts/edith@example.com?limit=5", nil)
	s.do("GET", "/api/v1/contacts?query=edith@example.com", nil)
	s.do("GET", "/u/secret-token", nil)
	log := s.log.String()
	for _, private := range []string{"edith", "secret-token", "query", s.key} {
		if strings.Contains(log, private) {
			t.Errorf("the log holds %q", private)
		}
	}
	if !strings.Contains(log, `route="GET /api/v1/contacts/{external_id}"`) {
		t.Errorf("the log does not name the route: %s", log)
	}
}

func TestNewServerHasTimeouts(t *testing.T) {
	t.Parallel()
	srv := NewServer("127.0.0.1:0", http.NotFoundHandler())
	if srv.ReadHeaderTimeout == 0 || srv.ReadTimeout == 0 || srv.WriteTimeout == 0 || srv.IdleTimeout == 0 {
		t.Errorf("%+v", srv)
	}
}
