package campaigns_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/campaigns"
	"posthorn/internal/fault"
)

// An estimate is what planning then does, for any audience: the two have statements of
// their own.
func TestEstimatesAreWhatIsPlanned(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		address := fmt.Sprintf("'p%d@x.example'", random.IntN(120))
		if random.IntN(10) == 0 {
			address = "''"
		}
		b.people(i, i, address, []string{"Finland", "Italy", ""}[random.IntN(3)], []string{"subscribed", "subscribed", "subscribed", "unsubscribed", "pending", ""}[random.IntN(6)])
	}
	b.exec(`INSERT INTO suppressions SELECT DISTINCT email_key, 'bounce', '', $1::timestamptz FROM contacts WHERE email_key <> '' AND id % 7 = 0`, start)
	fi, it := b.segment(finland), b.segment(italy)
	for _, a := range []campaigns.Audience{{}, {Include: []int64{fi}}, {Include: []int64{fi, it}}, {Exclude: []int64{it}}, {Include: []int64{fi, it}, Exclude: []int64{fi}}, {Include: []int64{fi}, Exclude: []int64{fi}}} {
		e, err := campaigns.EstimateFor(b.ctx, b.pool, start, "news", a)
		if err != nil {
			t.Fatal(err)
		}
		in := b.input()
		in.Audience = a
		c, _ := b.plan(b.create(in))
		report, err := campaigns.GetReport(b.ctx, b.pool, c.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := campaigns.Estimate{Matched: c.Run.Recipients}
		for _, r := range report.Reasons {
			switch r.Reason {
			case "":
				got.WillReceive = r.N
			case "duplicate_address":
				got.Duplicates = r.N
			case "suppressed":
				got.Suppressed = r.N
			case "unsubscribed":
				got.Unsubscribed = r.N
			case "no_consent":
				got.NoConsent = r.N
			default:
				got.InvalidAddress = r.N
			}
		}
		if diff := cmp.Diff(got, e); diff != "" {
			t.Errorf("%+v: (-planned +estimated):\n%s", a, diff)
		}
		ids, all, err := campaigns.Sample(b.ctx, b.pool, start, c, 20)
		if err != nil {
			t.Fatal(err)
		}
		var wrong int
		b.query(&wrong, `SELECT count(*) FROM unnest($2::bigint[]) AS sampled
			WHERE NOT EXISTS (SELECT FROM messages m WHERE m.run_id = $1 AND m.contact_id = sampled AND (m.state = 'planned' OR m.reason = 'duplicate_address'))`, c.Run.ID, ids)
		if wrong != 0 || len(ids) != min(20, int(e.WillReceive+e.Duplicates)) || all != (e.WillReceive+e.Duplicates <= 20) {
			t.Errorf("%+v: %d of a sample of %d (all %t) are not mailed, of %d", a, wrong, len(ids), all, e.WillReceive)
		}
	}
}

func TestBadAudiencesAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for field, tt := range map[string]struct {
		topic    string
		audience campaigns.Audience
	}{
		"topic":               {"", campaigns.Audience{}},
		"audience.include[0]": {"news", campaigns.Audience{Include: []int64{7}}},
		"audience.exclude":    {"news", campaigns.Audience{Exclude: make([]int64, 51)}},
	} {
		_, err := campaigns.EstimateFor(b.ctx, b.pool, start, tt.topic, tt.audience)
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%v, want %s", err, field)
		}
	}
}

// Who does not wait for an estimate does not keep the database busy with it.
func TestAnEstimateEndsWithWhoAskedForIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 2, "'p' || i || '@x.example'", "", "subscribed")
	// Whoever holds the table makes every estimate wait.
	blocker, err := b.pool.Begin(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blocker.Rollback(b.ctx) }()
	if _, err := blocker.Exec(b.ctx, `LOCK TABLE suppressions`); err != nil {
		t.Fatal(err)
	}
	const waiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	until := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			var got int
			if b.query(&got, waiting); got == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d statements wait, want %d", got, n)
			}
		}
	}
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() {
		_, err := campaigns.EstimateFor(ctx, b.pool, start, "news", campaigns.Audience{})
		done <- err
	}()
	until(1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	until(0)
}
