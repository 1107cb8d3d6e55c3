package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"posthorn/internal/embedded"
	"posthorn/internal/redistest"
	"posthorn/queues"
	"posthorn/relays"
	"posthorn/tasks"
)

// withQueues is a server that has Redis, too.
func withQueues(t *testing.T) (*server, *redis.Client, *embedded.Redis) {
	t.Helper()
	s, real := newServer(t), redistest.New(t)
	r, err := tasks.Open(t.Context(), real.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	deps := s.deps()
	deps.Queues = queues.NewDesk(s.pool, r, s.clock.Now)
	s.http = httptest.NewServer(New(deps))
	t.Cleanup(s.http.Close)
	return s, r, real
}

func TestQueues(t *testing.T) {
	t.Parallel()
	s, r, real := withQueues(t)
	ctx := t.Context()
	client := tasks.NewClient(r)
	for i := range 3 {
		if err := client.KnockChunk(ctx, int64(i+1), 1); err != nil {
			t.Fatal(err)
		}
	}
	a := s.do("GET", "/api/v1/queues", nil).want(200)
	if a.get("redis") != "ok" || a.get("queues", 1, "name") != "bulk" || a.get("queues", 1, "pending") != 3.0 || a.get("queues", 1, "paused_since") != nil {
		t.Errorf("%s", a.body)
	}
	next := s.listen("/api/v1/queues/live")
	if event, data := next(); event != "state" || !strings.Contains(data, `"pending":3`) {
		t.Errorf("%s %s", event, data)
	}

	if a := s.do("POST", "/api/v1/queues/bulk/pause", nil).want(200); a.get("paused") != true {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/queues", nil).want(200); a.get("queues", 1, "paused_since") == nil {
		t.Errorf("%s", a.body)
	}
	for {
		event, data := next()
		var o queues.Overview
		if event == "" {
			t.Fatal("the stream ended before it told of the pause")
		}
		if json.Unmarshal([]byte(data), &o) == nil && len(o.Queues) > 1 && o.Queues[1].PausedSince != nil {
			break
		}
	}
	s.do("POST", "/api/v1/queues/bulk/resume", nil).want(200)
	s.do("POST", "/api/v1/queues/mail/pause", nil).problem(422, "path.queue")

	if a = s.do("GET", "/api/v1/queues/bulk/tasks?state=pending&limit=2", nil).want(200); len(a.get("items").([]any)) != 2 || a.get("items", 0, "row") == nil {
		t.Errorf("%s", a.body)
	}
	if a = s.do("GET", "/api/v1/queues/bulk/tasks?state=pending&limit=2&cursor="+a.get("next_cursor").(string), nil).want(200); len(a.get("items").([]any)) != 1 || a.get("next_cursor") != "" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/queues/bulk/tasks", nil).want(200); len(a.get("items").([]any)) != 0 { // those to be retried
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/queues/bulk/tasks?state=gone", nil).problem(422, "query.state")
	archive := func(id string) { // as asynq does for a task whose worker died too often
		t.Helper()
		pipe := r.TxPipeline()
		pipe.LRem(ctx, "asynq:{bulk}:pending", 1, id)
		pipe.ZAdd(ctx, "asynq:{bulk}:archived", redis.Z{Score: 1, Member: id})
		pipe.HSet(ctx, "asynq:{bulk}:t:"+id, "state", "archived")
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		archive(fmt.Sprintf("campaign:chunk:%d:1", i+1))
	}
	if a := s.do("GET", "/api/v1/queues/bulk/tasks?state=archived", nil).want(200); len(a.get("items").([]any)) != 3 || a.get("items", 0, "state") != "archived" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/queues/bulk/tasks/campaign:chunk:1:1/run", nil).want(200)
	if p := s.do("POST", "/api/v1/queues/bulk/tasks/campaign:chunk:1:1/run", nil).problem(409, ""); p["state"] != "pending" {
		t.Errorf("%v", p)
	}
	s.do("DELETE", "/api/v1/queues/bulk/tasks/campaign:chunk:2:1", nil).want(204)
	s.do("DELETE", "/api/v1/queues/bulk/tasks/campaign:chunk:2:1", nil).problem(404, "")
	if a := s.do("POST", "/api/v1/queues/bulk/tasks/run", obj{"state": "archived"}).want(200); a.get("tasks") != 1.0 {
		t.Errorf("%s", a.body)
	}
	archive("campaign:chunk:3:1")
	if a := s.do("POST", "/api/v1/queues/bulk/tasks/delete", obj{"state": "archived"}).want(200); a.get("tasks") != 1.0 {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/queues/bulk/tasks/delete", obj{"state": "pending"}).problem(422, "state")

	if a := s.do("GET", "/api/v1/queues/bulk/minutes?minutes=5", nil).want(200); len(a.get("items").([]any)) != 5 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/queues/bulk/minutes?minutes=61", nil).problem(422, "query.minutes")
	if a := s.do("GET", "/api/v1/queues/bulk/days", nil).want(200); len(a.get("items").([]any)) != 30 {
		t.Errorf("%s", a.body)
	}

	real.Stop()
	for _, path := range []string{"/bulk/tasks", "/bulk/minutes", "/bulk/days"} {
		if p := s.do("GET", "/api/v1/queues"+path, nil).problem(503, ""); !strings.Contains(p["detail"].(string), "Redis") {
			t.Errorf("%v", p)
		}
	}
	if a := s.do("GET", "/api/v1/queues", nil).want(200); a.get("redis") == "ok" {
		t.Errorf("%s", a.body)
	}
}

func TestARelayIsTested(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("PUT", "/api/v1/relays/default", obj{"host": "localhost", "port": 2525, "tls": "none"}).want(200)
	for body, field := range map[string]string{`{"to": "a@x.example"}`: "from", `{"from": "a@x.example"}`: "to", `{"to": "a b@x.example", "from": "a@x.example"}`: "to",
		`{"to": "A <a@x.example>", "from": "a@x.example"}`: "to", `{"to": "a@x.example", "from": "x@localhost"}`: "from"} {
		s.do("POST", "/api/v1/relays/default/test", body).problem(422, field)
	}
	s.do("POST", "/api/v1/relays/other/test", nil).problem(404, "")

	made := make(chan error, 1)
	go func() { // what a worker does
		for {
			from, to, ok, err := relays.BeginTest(context.WithoutCancel(t.Context()), s.pool, s.clock.Now(), "default", 1, "host")
			if err != nil || ok {
				if err == nil && (from != "news@shop.example" || to != "me@x.example") {
					err = fmt.Errorf("from %s to %s", from, to)
				}
				if err == nil {
					err = relays.EndTest(context.WithoutCancel(t.Context()), s.pool, s.clock.Now(), "default", 1, []relays.Step{{Name: "connect", OK: true, Took: 0.01}, {Name: "login", Reason: "login_failed", Code: 535}}, false)
				}
				made <- err
				return
			}
		}
	}()
	a := s.do("POST", "/api/v1/relays/default/test", obj{"to": "me@x.example", "from": "news@shop.example"}).want(200)
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	if a.get("ok") != false || a.get("mailed") != true || a.get("worker") != "host" || a.get("steps", 1, "code") != 535.0 || strings.Contains(string(a.body), "x.example") {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/relays/default/test", nil).problem(409, "") // a moment ago
	if strings.Contains(s.log.String(), "x.example") {
		t.Error("the log holds the address")
	}
	s.clock.Advance(time.Minute)
	a = s.do("POST", "/api/v1/relays/default/test", nil).want(200) // nobody makes it
	if a.get("ok") != false || a.get("steps", 0, "name") != "worker" || a.get("finished_at") == nil {
		t.Errorf("%s", a.body)
	}
}

func TestUnknownMailsAreResolved(t *testing.T) {
	t.Parallel()
	s, _, _ := withQueues(t)
	s.readyCampaign()
	s.do("POST", "/api/v1/journeys", thanks()).want(201)
	s.do("POST", "/api/v1/journeys/1/publish", nil).want(200)
	s.do("POST", "/api/v1/campaigns/1/start", nil).want(200)
	for run := 1; run <= 2; run++ {
		for i := range 2 {
			s.exec(`WITH k AS (INSERT INTO chunks (run_id, due_at, done_at) VALUES ($1, now(), now()) RETURNING id)
				INSERT INTO messages (run_id, chunk_id, email, state, in_doubt, reason, detail, created_at, updated_at)
				SELECT $1, id, 'c' || $2::int || '@example.com', 'unknown', true, 'reply_lost', 'lost: <c1@example.com>', now(), now() FROM k`, run, i)
		}
	}
	a := s.do("GET", "/api/v1/unknown", nil).want(200)
	if len(a.get("items").([]any)) != 2 || a.get("items", 1, "kind") != "journey" || a.get("items", 1, "unknown") != 2.0 || a.get("items", 0, "name") != "Spring" {
		t.Errorf("%s", a.body)
	}
	if seen := s.walk("/api/v1/unknown", "run_id", 1); len(seen) != 2 {
		t.Errorf("%v", seen)
	}
	a = s.do("GET", "/api/v1/unknown/1", nil).want(200)
	if len(a.get("items").([]any)) != 2 || strings.Contains(string(a.body), "example.com") || !strings.HasSuffix(a.get("items", 0, "message_id").(string), "@shop.example") {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/unknown/99", nil).problem(404, "")

	// One of a journey, then the rest of it, then a campaign's.
	id := int64(a.get("items", 0, "id").(float64))
	path := fmt.Sprintf("/api/v1/messages/%d/resolve", id)
	s.do("POST", path, obj{"as": "lost"}).problem(422, "as")
	if a := s.do("POST", path, obj{"as": "resend"}).want(200); a.get("state") != "planned" || a.get("in_doubt") != true {
		t.Errorf("%s", a.body)
	}
	if n := s.count(`SELECT count(*) FROM chunks k JOIN messages m ON m.chunk_id = k.id WHERE m.id = $1 AND k.done_at IS NULL`, id); n != 1 {
		t.Error("its chunk is still done")
	}
	if p := s.do("POST", path, obj{"as": "sent"}).problem(409, ""); p["state"] != "planned" {
		t.Errorf("%v", p)
	}
	s.do("POST", "/api/v1/journeys/1/archive", nil).want(200)
	if p := s.do("POST", "/api/v1/unknown/1/resolve", obj{"as": "resend"}).problem(409, ""); p["state"] != "archived" {
		t.Errorf("%v", p)
	}
	if a := s.do("POST", "/api/v1/unknown/1/resolve", obj{"as": "sent"}).want(200); a.get("resolved") != 1.0 {
		t.Errorf("%s", a.body)
	}
	before := len(s.knocks.seen())
	if a := s.do("POST", "/api/v1/unknown/2/resolve", obj{"as": "resend"}).want(200); a.get("resolved") != 2.0 {
		t.Errorf("%s", a.body)
	}
	if seen := s.knocks.seen(); !slices.Equal(seen[before:], []int64{2}) {
		t.Errorf("knocked for %v", seen)
	}
	if a := s.do("GET", "/api/v1/unknown", nil).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
}
