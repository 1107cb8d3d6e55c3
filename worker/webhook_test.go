package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/clock"
	"posthorn/journeys"
	"posthorn/webhooks"
	"posthorn/worker"
)

// receiver is a server of the shop's that answers its first calls as the test says,
// and takes the others.
type receiver struct {
	url     string
	mu      sync.Mutex
	answers []int
	calls   []received
}

type received struct {
	id, signature, body string
}

func newReceiver(t *testing.T, answers ...int) *receiver {
	r := &receiver{answers: answers}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := len(r.calls); n < len(r.answers) {
			w.WriteHeader(r.answers[n])
		}
		r.calls = append(r.calls, received{req.Header.Get("Posthorn-Id"), req.Header.Get("Posthorn-Signature"), string(body)})
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) list() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.calls...)
}

// tell publishes a journey that calls a URL for every order.
func (s *shop) tell(url string) {
	s.t.Helper()
	ctx, now := context.Background(), clock.System()
	j, err := journeys.Create(ctx, s.pool, now, "tell", fmt.Appendf(nil, `{"trigger": {"type": "order", "on": "placed"},
		"steps": [{"id": "tell", "type": "webhook", "url": %q}]}`, url))
	if err == nil {
		_, err = journeys.Publish(ctx, s.pool, now, j.ID)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func toLoopback(d *worker.Deps) {
	d.Webhooks = webhooks.Options{Loopback: true, Retry: []time.Duration{50 * time.Millisecond, 50 * time.Millisecond}}
}

// calls waits until n calls are over and returns "STATE, N attempts: DETAIL" of each.
func (s *shop) calls(n int) []string {
	s.t.Helper()
	for until := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var list []string
		err := s.pool.QueryRow(context.Background(), `
			SELECT coalesce(array_agg(format('%s, %s attempts: %s', state, attempts, detail) ORDER BY id), '{}')
			FROM webhook_calls WHERE due_at IS NULL`).Scan(&list)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(list) == n {
			return list
		}
		if time.Now().After(until) {
			s.t.Fatalf("waited in vain for %d calls; over are %q", n, list)
		}
	}
}

func TestAWebhookIsCalledUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(1)
	r := newReceiver(t, 503)
	s.tell(r.url + "/hook?token=abc")
	s.schedule()
	s.work(toLoopback)
	s.work(toLoopback)
	s.order("O1", 1)
	_ = s.tasks.KnockHappenings(context.Background())
	if got := s.calls(1); got[0] != "done, 2 attempts: 200 OK" {
		t.Fatalf("%q", got)
	}
	calls := r.list()
	if len(calls) != 2 || calls[0].id == "" || calls[0].id != calls[1].id || calls[0].body != calls[1].body {
		t.Fatalf("%+v", calls)
	}
	for _, c := range calls {
		var body struct {
			ID      int64  `json:"id"`
			Step    string `json:"step"`
			Contact string `json:"contact_external_id"`
		}
		if err := json.Unmarshal([]byte(c.body), &body); err != nil || strconv.FormatInt(body.ID, 10) != c.id || body.Step != "tell" || body.Contact != "c1" {
			t.Errorf("%s, %v", c.body, err)
		}
		at, _, _ := strings.Cut(strings.TrimPrefix(c.signature, "t="), ",")
		unix, err := strconv.ParseInt(at, 10, 64)
		if err != nil || c.signature != webhooks.Sign(webhooks.Key(secret), time.Unix(unix, 0), []byte(c.body)) {
			t.Errorf("signature %q, %v", c.signature, err)
		}
	}
}

// The step's worker knocks: nobody waits for a sweep.
func TestAWebhookIsCalledAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(1)
	r := newReceiver(t)
	s.tell(r.url)
	s.work(toLoopback)
	s.order("O1", 1)
	if err := s.tasks.KnockHappenings(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := s.calls(1); got[0] != "done, 1 attempts: 200 OK" || len(r.list()) != 1 {
		t.Fatalf("%q, %+v", got, r.list())
	}
}

// Whoever writes journeys gets no further than the public network.
func TestAWebhookDoesNotReachThisMachine(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(1)
	r := newReceiver(t)
	s.tell(r.url)
	s.schedule()
	s.work(func(d *worker.Deps) { d.Webhooks.Retry = []time.Duration{50 * time.Millisecond} })
	s.order("O1", 1)
	if got := s.calls(1); got[0] != "failed, 2 attempts: the URL does not lead to a public address" || len(r.list()) != 0 {
		t.Fatalf("%q, %+v", got, r.list())
	}
}

// A receiver that does not answer holds up neither the mails of a journey nor what
// comes after it.
func TestASlowReceiverHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(40)
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	s.tell(slow.URL)
	s.follow(`{}`)
	s.schedule()
	s.work(toLoopback)
	t.Cleanup(func() { close(release) }) // before the worker is ended, which waits for its calls
	for i := range 40 {
		s.order(fmt.Sprint("O", i), i+1)
	}
	s.relay.WaitMails(t, 40)
	s.exactlyOnce(40)
}

// A worker dies with a call in its hands: after the lease another makes it.
func TestTheWebhookOfADeadWorkerIsCalled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(1)
	r := newReceiver(t)
	s.tell(r.url)
	s.order("O1", 1)
	ctx := context.Background()
	if _, err := journeys.NewEngine(nil).Eval(ctx, s.pool, clock.System()); err != nil {
		t.Fatal(err)
	}
	if dead, err := webhooks.Claim(ctx, s.pool, clock.System()); err != nil || len(dead) != 1 {
		t.Fatalf("%+v, %v", dead, err)
	}
	// Not half a minute for a test.
	if _, err := s.pool.Exec(ctx, `UPDATE webhook_calls SET due_at = due_at - $1::interval`, webhooks.Lease); err != nil {
		t.Fatal(err)
	}
	s.schedule()
	s.work(toLoopback)
	if got := s.calls(1); got[0] != "done, 2 attempts: 200 OK" || len(r.list()) != 1 {
		t.Fatalf("%q, %+v", got, r.list())
	}
}
