package messages_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"posthorn/internal/pgtest"
	"posthorn/messages"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var start = time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)

// ledger is a run with one leased chunk of n planned messages.
type ledger struct {
	pool  *pgxpool.Pool
	run   int64
	chunk int64
	rules messages.SendingRules // claimed under
}

func newLedger(t testing.TB, pool *pgxpool.Pool, n int) ledger {
	t.Helper()
	l := ledger{pool: pool}
	ctx := context.Background()
	suffix := uuid.NewString()
	err := pool.QueryRow(ctx, `
		WITH t AS (INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1) RETURNING id),
		     v AS (INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at)
		           SELECT id, 1, 's', 'h', 't', $1 FROM t RETURNING template_id),
		     c AS (INSERT INTO campaigns (name, template_id, sender_address, topic, status, created_at, updated_at)
		           SELECT 'c', template_id, 'news@shop.example', 'news', 'running', $1, $1 FROM v RETURNING id, template_id)
		INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, started_at, planned_at, topic, sender_address)
		SELECT id, 'campaign', 'start', template_id, 1, '{}', $1, $1, $1, 'news', 'news@shop.example' FROM c RETURNING id`, start).Scan(&l.run)
	if err != nil {
		t.Fatal(err)
	}
	err = pool.QueryRow(ctx, `INSERT INTO chunks (run_id, due_at, epoch, lease_until) VALUES ($1, $2, 1, $3) RETURNING id`,
		l.run, start, start.Add(time.Hour)).Scan(&l.chunk)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pool.Exec(ctx, `
		WITH people AS (
			INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
			SELECT $4 || i, 'P' || i || $4 || '@x.example', 'p' || i || $4 || '@x.example', $3, $3 FROM generate_series(1, $5::int) AS i RETURNING id, email
		), consent AS (
			INSERT INTO consents (contact_id, topic, state, updated_at) SELECT id, 'news', 'subscribed', $3 FROM people
		)
		INSERT INTO messages (run_id, chunk_id, contact_id, email, state, created_at, updated_at)
		SELECT $1, $2, id, email, 'planned', $3, $3 FROM people`, l.run, l.chunk, start, suffix, n)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l ledger) claim(t testing.TB, now time.Time, epoch, n int) []messages.Claimed {
	t.Helper()
	claimed, err := messages.Claim(context.Background(), l.pool, now, l.chunk, epoch, n, l.rules)
	if err != nil {
		t.Fatal(err)
	}
	return claimed
}

func (l ledger) record(t testing.TB, now time.Time, epoch int, results ...messages.Result) int64 {
	t.Helper()
	n, err := messages.Record(context.Background(), l.pool, now, epoch, results)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (l ledger) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := l.pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (l ledger) one(t testing.TB, id int64) messages.Message {
	t.Helper()
	m, err := messages.Get(context.Background(), l.pool, id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// counts returns the kept counts after checking them against the rows.
func (l ledger) counts(t interface{ Fatalf(string, ...any) }) messages.Counts {
	ctx := context.Background()
	kept, err := messages.CountReasons(ctx, l.pool, l.run)
	if err != nil {
		t.Fatalf("%v", err)
	}
	rows, err := l.pool.Query(ctx, `SELECT state || '/' || reason, count(*) FROM messages WHERE run_id = $1 GROUP BY 1`, l.run)
	if err != nil {
		t.Fatalf("%v", err)
	}
	counted, byReason := map[string]int64{}, map[string]int64{}
	for rows.Next() {
		var key string
		var n int64
		if err := rows.Scan(&key, &n); err != nil {
			t.Fatalf("%v", err)
		}
		counted[key] = n
	}
	for _, c := range kept {
		byReason[fmt.Sprintf("%s/%s", c.State, c.Reason)] = c.N
	}
	if diff := cmp.Diff(counted, byReason); diff != "" {
		t.Fatalf("kept counts differ from the rows (-rows +kept):\n%s", diff)
	}
	return messages.Sum(kept)
}

func TestClaimHonoursWhatHappenedAfterTheFreeze(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 5)
	first := l.claim(t, start, 1, 1)[0]
	l.record(t, start, 1, messages.Result{ID: first.ID, State: messages.Planned})

	rows := l.claim(t, start, 1, 5)
	for _, m := range rows {
		if m.Skip != "" || m.Attempts != 1 {
			t.Fatalf("before anything happened: %+v", m)
		}
		l.record(t, start, 1, messages.Result{ID: m.ID, State: messages.Planned})
	}
	l.exec(t, `INSERT INTO suppressions (email_key, cause, created_at) VALUES (lower($1), 'unsubscribe', $2)`, rows[0].Email, start)
	l.exec(t, `UPDATE consents SET state = 'unsubscribed' WHERE contact_id = $1`, *rows[1].ContactID)
	l.exec(t, `DELETE FROM consents WHERE contact_id = $1`, *rows[2].ContactID)
	l.exec(t, `DELETE FROM contacts WHERE id = $1`, *rows[3].ContactID)
	want := []string{"suppressed", "unsubscribed", "no_consent", "contact_deleted", ""}
	for i, m := range l.claim(t, start, 1, 5) {
		if m.Skip != want[i] {
			t.Errorf("message %d: skip %q, want %q", i, m.Skip, want[i])
		}
	}
}

func TestClaimNeedsTheLease(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 3)
	if got := l.claim(t, start, 2, 3); len(got) != 0 {
		t.Fatalf("claimed %d under another epoch", len(got))
	}
	if got := l.claim(t, start.Add(2*time.Hour), 1, 3); len(got) != 0 {
		t.Fatalf("claimed %d after the lease", len(got))
	}
	if got := l.claim(t, start, 1, 3); len(got) != 3 {
		t.Fatalf("claimed %d of 3", len(got))
	}
	if got := l.claim(t, start, 1, 3); len(got) != 0 {
		t.Fatalf("claimed %d twice", len(got))
	}
}

func TestRecordKeepsTheAnswerAndRetriesInTime(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 2)
	m := l.claim(t, start, 1, 1)[0]
	due := start.Add(time.Minute)
	l.record(t, start, 1, messages.Result{ID: m.ID, State: messages.Deferred, Reason: "greylisted", Code: 451, Enhanced: "4.7.1",
		Detail: strings.Repeat("ü", 600) + "\x00\xff", DueAt: due})
	got := l.one(t, m.ID)
	if got.State != messages.Deferred || got.Code != 451 || got.EnhancedCode != "4.7.1" || !got.DueAt.Equal(due) || len(got.Detail) != 500 || got.Attempts != 1 {
		t.Fatalf("deferred: %+v", got)
	}
	for _, again := range l.claim(t, start, 1, 2) {
		if again.ID == m.ID {
			t.Fatal("claimed before it was due")
		}
	}
	again := l.claim(t, due, 1, 2)
	if len(again) != 1 || again[0].Attempts != 2 {
		t.Fatalf("when due: %+v", again)
	}
	// Put back unoffered: the attempt is not spent, and the row does not become new again.
	l.record(t, due, 1, messages.Result{ID: m.ID, State: messages.Planned})
	if got := l.one(t, m.ID); got.State != messages.Deferred || got.Reason != messages.ReasonReleased || got.Attempts != 1 {
		t.Fatalf("released: %+v", got)
	}
	l.claim(t, due, 1, 2)
	l.record(t, due, 1, messages.Result{ID: m.ID, State: messages.Sent, QueueID: "Q1"})
	got = l.one(t, m.ID)
	if got.State != messages.Sent || got.QueueID != "Q1" || !got.SentAt.Equal(due) || got.Reason != "" || got.DueAt != nil {
		t.Fatalf("sent: %+v", got)
	}
	if n := l.record(t, due, 1, messages.Result{ID: m.ID, State: messages.Failed}); n != 0 {
		t.Fatal("a settled message was changed")
	}
}

func TestALateRecordSettlesWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 2)
	claimed := l.claim(t, start, 1, 2)
	if n, err := messages.Settle(context.Background(), l.pool, start, l.chunk, 1, messages.Account{Lost: true}, false); err != nil || n != 2 {
		t.Fatalf("Recover: %d, %v", n, err)
	}
	l.record(t, start, 1,
		messages.Result{ID: claimed[0].ID, State: messages.Sent},
		messages.Result{ID: claimed[1].ID, State: messages.Deferred, Reason: "greylisted", DueAt: start})
	if got := l.one(t, claimed[0].ID).State; got != messages.Sent {
		t.Errorf("late sent: %s", got)
	}
	if got := l.one(t, claimed[1].ID).State; got != messages.Unknown {
		t.Errorf("late deferral: %s; nobody would pick it up again", got)
	}
}

func TestRecoverBelievesTheFlightRecord(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 6)
	first := l.claim(t, start, 1, 1)[0] // has been tried before
	l.record(t, start, 1, messages.Result{ID: first.ID, State: messages.Deferred, Reason: "greylisted", DueAt: start})
	claimed := l.claim(t, start, 1, 5)
	unknown, err := messages.Settle(context.Background(), l.pool, start, l.chunk, 1, messages.Account{
		Offered: claimed[3].ID,
		Results: []messages.Result{
			{ID: claimed[1].ID, State: messages.Sent, QueueID: "Q", Code: 250},
			{ID: claimed[2].ID, State: messages.Failed, Reason: "recipient_refused", Code: 550},
		},
	}, false)
	if err != nil || unknown != 1 {
		t.Fatalf("%d unknown, %v", unknown, err)
	}
	want := []struct {
		state    messages.State
		reason   string
		attempts int
	}{
		{messages.Deferred, messages.ReasonReleased, 1}, {messages.Sent, "", 1}, {messages.Failed, "recipient_refused", 1},
		{messages.Unknown, messages.ReasonWorkerLost, 1}, {messages.Planned, "", 0},
	}
	for i, w := range want {
		if m := l.one(t, claimed[i].ID); m.State != w.state || m.Reason != w.reason || m.Attempts != w.attempts {
			t.Errorf("message %d: %s %q after %d attempts, want %+v", i, m.State, m.Reason, m.Attempts, w)
		}
	}
}

// TestStatesAlwaysAddUp drives the ledger with random interleavings of everything
// that happens to it, with two workers of which one may have lost its lease, and
// checks after each step that every change is a legal one, that the kept counts
// are exact and that nobody is lost.
func TestStatesAlwaysAddUp(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		const n = 12
		l := newLedger(t, pool, n)
		ctx, now, epoch := context.Background(), start, 1
		held := map[int][]messages.Claimed{}
		states := func() map[int64]messages.State {
			out := map[int64]messages.State{}
			rows, err := pool.Query(ctx, `SELECT id, state FROM messages WHERE run_id = $1`, l.run)
			if err != nil {
				rt.Fatal(err)
			}
			for rows.Next() {
				var id int64
				var s messages.State
				if err := rows.Scan(&id, &s); err != nil {
					rt.Fatal(err)
				}
				out[id] = s
			}
			return out
		}
		before := states()
		resend := rapid.Bool().Draw(rt, "resend")
		for range rapid.IntRange(1, 19).Draw(rt, "steps") { // too few for ten claims of one message, after which it is not sent again
			now = now.Add(time.Second)
			switch rapid.SampledFrom([]string{"claim", "record", "lose", "cancel", "suppress", "wait"}).Draw(rt, "step") {
			case "claim":
				held[epoch] = append(held[epoch], l.claim(t, now, epoch, rapid.IntRange(1, 5).Draw(rt, "n"))...)
			case "record":
				e := rapid.IntRange(1, epoch).Draw(rt, "epoch") // an older epoch: a worker that lost its lease
				var results []messages.Result
				for _, m := range held[e] {
					s := rapid.SampledFrom([]messages.State{messages.Sent, messages.Deferred, messages.Failed, messages.Skipped, messages.Unknown, messages.Planned}).Draw(rt, "result")
					results = append(results, messages.Result{ID: m.ID, State: s, Reason: "r", DueAt: now.Add(3 * time.Second)})
				}
				l.record(t, now, e, results...)
				held[e] = nil
			case "lose":
				account := messages.Account{Lost: rapid.Bool().Draw(rt, "lost")}
				for i, m := range held[epoch] {
					switch {
					case i < 2:
						account.Results = append(account.Results, messages.Result{ID: m.ID, State: messages.Sent})
					case i == 2:
						account.Offered = m.ID
					}
				}
				unknown, err := messages.Settle(ctx, pool, now, l.chunk, epoch, account, resend)
				if err != nil {
					rt.Fatal(err)
				}
				if unknown > 0 && resend {
					rt.Fatalf("%d messages unknown that are to be sent again", unknown)
				}
				if unknown > 1 && !account.Lost {
					rt.Fatalf("%d messages in doubt", unknown)
				}
				epoch++
				l.exec(t, `UPDATE chunks SET epoch = $2 WHERE id = $1`, l.chunk, epoch)
			case "cancel":
				if err := messages.Cancel(ctx, pool, now, l.chunk, messages.ReasonCampaignCancelled); err != nil {
					rt.Fatal(err)
				}
			case "suppress":
				l.exec(t, `INSERT INTO suppressions SELECT lower(email), 'manual', '', $2 FROM messages WHERE run_id = $1 LIMIT 1 ON CONFLICT DO NOTHING`, l.run, now)
			case "wait":
				now = now.Add(time.Minute)
			}
			after := states()
			for id, to := range after {
				if from := before[id]; from != to && !from.CanBecome(to) {
					rt.Fatalf("message %d went from %s to %s", id, from, to)
				}
			}
			before = after
			var sum int64
			for _, c := range l.counts(rt) {
				sum += c
			}
			if sum != n {
				rt.Fatalf("states add up to %d of %d", sum, n)
			}
		}
	})
}

func TestDeletedRowsAreCountedDown(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 4)
	l.exec(t, `DELETE FROM messages WHERE id IN (SELECT min(id) FROM messages WHERE run_id = $1)`, l.run)
	if got := l.counts(t)[messages.Planned]; got != 3 {
		t.Fatalf("%d planned, want 3", got)
	}
}

func TestListPagesAndFilters(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 5)
	l.claim(t, start, 1, 2)
	ctx := context.Background()
	var ids []int64
	for cursor := int64(0); ; {
		page, next, err := messages.List(ctx, l.pool, messages.Filter{RunID: l.run, State: messages.Planned, Cursor: cursor, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			ids = append(ids, m.ID)
			if !strings.HasSuffix(m.MessageID, "@shop.example") {
				t.Errorf("Message-ID %q", m.MessageID)
			}
		}
		if next == 0 {
			break
		}
		cursor = next
	}
	if len(ids) != 3 {
		t.Fatalf("%d planned messages listed, want 3", len(ids))
	}
	// The run becomes a test's: its messages are found by the run only.
	var campaign int64
	if err := l.pool.QueryRow(ctx, `SELECT campaign_id FROM runs WHERE id = $1`, l.run).Scan(&campaign); err != nil {
		t.Fatal(err)
	}
	listed := func(f messages.Filter) int {
		t.Helper()
		page, _, err := messages.List(ctx, l.pool, f)
		if err != nil {
			t.Fatal(err)
		}
		return len(page)
	}
	if n := listed(messages.Filter{CampaignID: campaign}); n != 5 {
		t.Errorf("%d messages of the campaign listed, want 5", n)
	}
	l.exec(t, `UPDATE runs SET kind = 'test' WHERE id = $1`, l.run)
	if n := listed(messages.Filter{CampaignID: campaign}); n != 0 {
		t.Errorf("%d messages of a test listed as the campaign's", n)
	}
	if n := listed(messages.Filter{CampaignID: campaign, RunID: l.run}); n != 5 {
		t.Errorf("%d messages of the test's run listed, want 5", n)
	}
	if _, _, err := messages.List(ctx, l.pool, messages.Filter{State: "lost"}); err == nil || !strings.Contains(err.Error(), "planned") {
		t.Fatalf("unknown state: %v", err)
	}
}
