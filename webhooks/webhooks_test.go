package webhooks

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// newCalls returns a database with n calls that are due now, as journeys leave them.
func newCalls(t *testing.T, n int) *pgxpool.Pool {
	t.Helper()
	pool := pgtest.New(t)
	_, err := pool.Exec(context.Background(), `
		WITH c AS (
			INSERT INTO contacts (external_id, created_at, updated_at) VALUES ('c1', $1, $1) RETURNING id
		), j AS (
			INSERT INTO journeys (name, version, created_at, updated_at) VALUES ('j', 1, $1, $1) RETURNING id
		), e AS (
			INSERT INTO enrolments (journey_id, version, contact_id, key, status, since, trigger_at, created_at, updated_at)
			SELECT j.id, 1, c.id, 'contact:1:1', 'finished', $1, $1, $1, $1 FROM j, c RETURNING id
		)
		INSERT INTO webhook_calls (enrolment_id, step, url, body, due_at, created_at)
		SELECT e.id, 'step ' || n, 'https://shop.example/' || n % 2, '{"step": "tell"}', $1, $1 FROM e, generate_series(1, $2::int) n`, now, n)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func claim(t *testing.T, pool *pgxpool.Pool, now time.Time) []Call {
	t.Helper()
	calls, err := Claim(context.Background(), pool, now)
	if err != nil {
		t.Fatal(err)
	}
	_, due, err := AnyDue(context.Background(), pool, now)
	if err != nil || due && len(calls) == 0 {
		t.Fatalf("something is due, and nothing was claimed: %v", err)
	}
	return calls
}

func record(t *testing.T, pool *pgxpool.Pool, now time.Time, c Call, a Answer) State {
	t.Helper()
	state, err := Record(context.Background(), pool, now, c, a, DefaultRetry)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// row returns what is kept of a call.
func row(t *testing.T, pool *pgxpool.Pool, id int64) string {
	t.Helper()
	var s string
	err := pool.QueryRow(context.Background(), `
		SELECT format('%s, %s attempts, due %s: %s', state, attempts, coalesce((due_at - $2)::text, 'never'), detail) FROM webhook_calls WHERE id = $1`,
		id, now).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	accepted = Answer{Status: 200, Detail: "200 OK"}
	broken   = Answer{Status: 500, Detail: "500 Internal Server Error"}
)

func TestACallIsMadeAgainUntilItIsGivenUp(t *testing.T) {
	t.Parallel()
	pool := newCalls(t, 1)
	at := now
	for i := range len(DefaultRetry) + 1 {
		calls := claim(t, pool, at)
		if len(calls) != 1 || calls[0].Attempts != i+1 || string(calls[0].Body) != fmt.Sprintf(`{"id": %d, "step": "tell"}`, calls[0].ID) {
			t.Fatalf("%d: %+v", i, calls)
		}
		state := record(t, pool, at, calls[0], broken)
		if i == len(DefaultRetry) {
			if got := row(t, pool, calls[0].ID); state != Failed || got != "failed, 6 attempts, due never: 500 Internal Server Error" {
				t.Fatal(state, got)
			}
			return
		}
		at = at.Add(DefaultRetry[i])
		if state != Due || len(claim(t, pool, at.Add(-time.Millisecond))) != 0 {
			t.Fatalf("%d: %s, or due too early", i, state)
		}
	}
}

func TestAnAnswerMayEndIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer Answer
		want   string
	}{
		"accepted": {accepted, "done, 1 attempts, due never: 200 OK"},
		"gone":     {Answer{Status: 410, Detail: "410 Gone"}, "failed, 1 attempts, due never: 410 Gone"},
		"none":     {Answer{Detail: "no answer"}, "due, 1 attempts, due 00:00:30: no answer"},
		"moved":    {Answer{Status: 301, Detail: "301"}, "due, 1 attempts, due 00:00:30: 301"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newCalls(t, 1)
			c := claim(t, pool, now)[0]
			record(t, pool, now, c, test.answer)
			if got := row(t, pool, c.ID); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestCallsAreClaimedOnce(t *testing.T) {
	t.Parallel()
	pool := newCalls(t, 2*batchSize+1)
	seen := map[int64]bool{}
	for _, want := range []int{batchSize, batchSize, 1, 0} {
		calls := claim(t, pool, now)
		if len(calls) != want {
			t.Fatalf("%d calls, want %d", len(calls), want)
		}
		for _, c := range calls {
			if seen[c.ID] {
				t.Fatalf("call %d is claimed twice", c.ID)
			}
			seen[c.ID] = true
		}
	}
}

// The worker that claimed a call dies: another makes it once the lease is over. Of
// what the first still says, only a success counts.
func TestTheCallOfADeadWorkerIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		late, then Answer
		want       string
	}{
		"a late failure":         {broken, accepted, "done, 2 attempts, due never: 200 OK"},
		"a late success":         {accepted, broken, "done, 2 attempts, due never: 200 OK"},
		"a late end, then later": {Answer{Status: 410, Detail: "410 Gone"}, broken, "due, 2 attempts, due 00:05:30: 500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newCalls(t, 1)
			dead := claim(t, pool, now)[0]
			if len(claim(t, pool, now.Add(Lease-time.Millisecond))) != 0 {
				t.Fatal("the lease does not hold")
			}
			at := now.Add(Lease)
			again := claim(t, pool, at)
			if len(again) != 1 || again[0].ID != dead.ID || again[0].Attempts != 2 || string(again[0].Body) != string(dead.Body) {
				t.Fatalf("%+v", again)
			}
			record(t, pool, at, dead, test.late)
			record(t, pool, at, again[0], test.then)
			if got := row(t, pool, dead.ID); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestOnlyTheLateReceiversCallsWait(t *testing.T) {
	t.Parallel()
	pool := newCalls(t, 20)
	if err := PutOff(context.Background(), pool, now, "https://shop.example/1"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for calls := claim(t, pool, now); len(calls) > 0; calls = claim(t, pool, now) {
		for _, c := range calls {
			n++
			if c.URL == "https://shop.example/1" {
				t.Fatalf("%+v", c)
			}
			record(t, pool, now, c, accepted)
		}
	}
	if n != 10 {
		t.Fatalf("%d calls", n)
	}
	if calls := claim(t, pool, now.Add(rest)); len(calls) != batchSize || calls[0].Attempts != 1 {
		t.Fatalf("%+v", calls)
	}
}
