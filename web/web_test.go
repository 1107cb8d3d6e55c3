package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/clock"
	"posthorn/internal/pgtest"
	"posthorn/internal/redistest"
	"posthorn/tasks"
	"posthorn/tracking"
	"posthorn/users"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// What cmd hands in.
var _ Knocker = (*tasks.Client)(nil)

const testSecret = "a secret of the tests, long enough"

// server is a whole server with an empty database and a key.
type server struct {
	t      *testing.T
	pool   *pgxpool.Pool
	http   *httptest.Server
	key    string
	clock  *clock.Fake
	knocks *knocks
	links  tracking.Links
	log    *lockedBuffer
	redis  *redis.Client // nil: nobody can sign in
	base   string        // as outsiders name the server
}

// knocks records what a worker was asked, and fails on request.
type knocks struct {
	mu         sync.Mutex
	runs       []int64
	journeys   []int64
	happenings int
	imports    []int64
	err        error
}

func (k *knocks) KnockRun(_ context.Context, runID int64, _ int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.runs = append(k.runs, runID)
	return k.err
}

func (k *knocks) KnockJourney(_ context.Context, id int64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.journeys = append(k.journeys, id)
	return k.err
}

func (k *knocks) KnockImport(_ context.Context, id int64, _ int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.imports = append(k.imports, id)
	return k.err
}

func (k *knocks) KnockHappenings(context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.happenings++
	return k.err
}

func (k *knocks) KnockRelayTest(context.Context, string, int) error { return nil }

// sinceLast returns what was asked of journeys since the last call.
func (k *knocks) sinceLast() (journeys []int64, happenings int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	journeys, happenings = k.journeys, k.happenings
	k.journeys, k.happenings = nil, 0
	return journeys, happenings
}

func (k *knocks) seen() []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]int64(nil), k.runs...)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newServer(t *testing.T) *server {
	t.Helper()
	return serverWith(t, nil, "https://mail.shop.example")
}

// newSignInServer is one that people can sign in to, by plain HTTP.
func newSignInServer(t *testing.T) *server {
	t.Helper()
	return serverWith(t, newRedis(t), "http://mail.shop.example")
}

func newRedis(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: redistest.New(t).Addr, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func serverWith(t *testing.T, client *redis.Client, base string) *server {
	t.Helper()
	s := &server{
		redis: client, base: base,
		t:      t,
		pool:   pgtest.New(t),
		clock:  clock.NewFake(time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)),
		knocks: &knocks{},
		log:    &lockedBuffer{},
	}
	s.links = tracking.NewLinks("https://mail.shop.example", testSecret)
	s.http = httptest.NewServer(New(s.deps()))
	t.Cleanup(s.http.Close)
	key, _, err := users.CreateAPIKey(t.Context(), s.pool, s.clock.Now(), "tests", users.Owner)
	if err != nil {
		t.Fatal(err)
	}
	s.key = key
	return s
}

func (s *server) deps() Deps {
	return Deps{
		Pool:    s.pool,
		Knocker: s.knocks,
		Redis:   func(context.Context) error { return nil },
		Links:   s.links,
		Secret:  testSecret,
		BaseURL: s.base,
		Logger:  slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock:   s.clock.Now,

		Sessions:  s.redis,
		Passwords: users.NewPasswords(users.Cost{Memory: 64, Iterations: 1}),
	}
}

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

// request sends a body as it is; contentType "" sends none.
func (s *server) request(method, path, contentType string, body io.Reader) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.key != "" {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return s.send(r)
}

func (s *server) send(r *http.Request) answer {
	s.t.Helper()
	res, err := s.http.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{t: s.t, what: r.Method + " " + r.URL.Path, status: res.StatusCode, header: res.Header, body: b}
}

// do sends body as JSON; a string is sent as it is, nil sends nothing.
func (s *server) do(method, path string, body any) answer {
	s.t.Helper()
	switch b := body.(type) {
	case nil:
		return s.request(method, path, "", nil)
	case string:
		return s.request(method, path, "application/json", strings.NewReader(b))
	default:
		data, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		return s.request(method, path, "application/json", bytes.NewReader(data))
	}
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d; body: %s", a.what, a.status, status, a.body)
	}
	return a
}

func (a answer) json() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		a.t.Fatalf("%s: body is not a JSON object: %v: %.300s", a.what, err, a.body)
	}
	return m
}

// get walks into the body: get("run", "sent").
func (a answer) get(path ...any) any {
	a.t.Helper()
	var v any = a.json()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				a.t.Fatalf("%s: no %v in %s", a.what, path, a.body)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				a.t.Fatalf("%s: no %v in %s", a.what, path, a.body)
			}
			v = l[p]
		}
	}
	return v
}

// problem checks a problem document: its status, and the field at fault.
func (a answer) problem(status int, field string) map[string]any {
	a.t.Helper()
	a.want(status)
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		a.t.Errorf("%s: Content-Type %q, want application/problem+json", a.what, ct)
	}
	p := a.json()
	if p["status"] != float64(status) || p["title"] == "" || p["detail"] == "" || p["type"] != "about:blank" {
		a.t.Errorf("%s: incomplete problem: %s", a.what, a.body)
	}
	if p["request_id"] != a.header.Get("X-Request-Id") || p["request_id"] == "" {
		a.t.Errorf("%s: request_id %v does not match the header %q", a.what, p["request_id"], a.header.Get("X-Request-Id"))
	}
	if field != "" {
		if p["field"] != field {
			a.t.Errorf("%s: field %v, want %q; %s", a.what, p["field"], field, a.body)
		}
		errs, _ := p["errors"].([]any)
		if len(errs) != 1 {
			a.t.Errorf("%s: errors: %v, want one", a.what, p["errors"])
		}
	}
	return p
}

// count runs a query for one number.
func (s *server) count(sql string, args ...any) int64 {
	s.t.Helper()
	var n int64
	if err := s.pool.QueryRow(s.t.Context(), sql, args...).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *server) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.pool.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatal(err)
	}
}
