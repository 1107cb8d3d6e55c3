package pulse

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"posthorn/internal/clock"
	"posthorn/internal/redistest"
)

func newRedis(t *testing.T) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(redistest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	r := redis.NewClient(opt)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

var start = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func TestWhatProcessesCountIsReadTogether(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := newRedis(t)
	now := clock.NewFake(start)
	a, b := New(r, now.Now, "worker", "1"), New(r, now.Now, "worker", "1")
	a.Add(Mails, "bulk", "sent", 40)
	b.Add(Mails, "bulk", "sent", 2)
	b.Add(Mails, "bulk", "failed", 1)
	for _, rec := range []*Recorder{a, b, a} { // the third time nothing is new
		if err := rec.Tell(ctx); err != nil {
			t.Fatal(err)
		}
	}
	now.Advance(25 * time.Second)
	a.Add(Mails, "bulk", "sent", 5)
	if err := a.Tell(ctx); err != nil {
		t.Fatal(err)
	}

	list, err := Read(ctx, r, start, now.Now())
	if err != nil || len(list) != 3 { // 9:26:50, 9:27:00, 9:27:10
		t.Fatalf("%+v, %v", list, err)
	}
	sent := Key{Mails, "bulk", "sent"}
	if list[0].Counts[sent] != 42 || list[1].Counts[sent] != 0 || list[2].Counts[sent] != 5 || !list[2].At.Equal(start.Add(17*time.Second)) {
		t.Errorf("%+v", list)
	}
	sum := Sum(list)
	if sum[sent] != 47 || sum.Sum(Mails, "bulk") != 48 || sum.Sum(Mails, "triggered") != 0 {
		t.Errorf("%+v", sum)
	}
	if counts, _ := a.Totals(); counts[sent] != 45 {
		t.Errorf("%+v", counts)
	}
	if ttl := r.TTL(ctx, slotKey(start)).Val(); ttl <= 0 || ttl > Keep+time.Minute {
		t.Errorf("a slot lives for %s", ttl)
	}
}

func TestProcessesAreHeardOfAndLost(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := newRedis(t)
	now := clock.NewFake(start)
	worker, scheduler := New(r, now.Now, "worker", "1"), New(r, now.Now, "scheduler", "1")
	worker.IsWorker(func() Worker {
		return Worker{Concurrency: 4, Relays: []RelayCircuit{{Relay: "default", State: Open, Failures: 2, Reason: "relay_unreachable"}}}
	})
	scheduler.IsScheduler(func() Scheduler { return Scheduler{Every: 2, Sweeps: 7} })
	for _, rec := range []*Recorder{worker, scheduler} {
		if err := rec.Tell(ctx); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Processes(ctx, r)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, p := range list {
		switch p.Command {
		case "worker":
			if p.Worker == nil || p.Scheduler != nil || p.Worker.Relays[0].State != Open || !p.SeenAt.Equal(start) {
				t.Errorf("%+v", p)
			}
		case "scheduler":
			if p.Scheduler == nil || p.Scheduler.Sweeps != 7 {
				t.Errorf("%+v", p)
			}
		}
	}
	scheduler.leave(ctx)
	now.Advance(remember + time.Second)
	other := New(r, now.Now, "web", "1")
	if err := other.Tell(ctx); err != nil {
		t.Fatal(err)
	}
	if list, err = Processes(ctx, r); err != nil || len(list) != 1 || list[0].Command != "web" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestRunTellsAndLeaves(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	rec := New(r, clock.System, "web", "1")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); rec.Run(ctx) }()
	for {
		list, err := Processes(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 {
			break
		}
	}
	cancel()
	<-done
	if list, err := Processes(t.Context(), r); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestWithoutRedisCountingGoesOn(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	opt, err := redis.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := redis.NewClient(opt)
	t.Cleanup(func() { _ = r.Close() })
	server.Stop()
	rec := New(r, clock.System, "worker", "1")
	rec.Add(Tasks, "bulk", "done", 1)
	if err := rec.Tell(t.Context()); err == nil {
		t.Error("told without Redis")
	}
	rec.Add(Tasks, "bulk", "done", 1)
	if counts, _ := rec.Totals(); counts[Key{Tasks, "bulk", "done"}] != 2 {
		t.Errorf("%+v", counts)
	}
	if _, err := Read(t.Context(), r, start, start); err == nil {
		t.Error("read without Redis")
	}
}

func TestTheNilRecorderCountsNothing(t *testing.T) {
	t.Parallel()
	var r *Recorder
	r.Add(Tasks, "bulk", "done", 1)
	r.Observe(Latency, "bulk", time.Second)
	r.IsWorker(nil)
	r.IsScheduler(nil)
	if counts, spent := r.Totals(); len(counts) != 0 || len(spent) != 0 {
		t.Error(counts, spent)
	}
}

func TestFiguresAreBounded(t *testing.T) {
	t.Parallel()
	r := New(nil, clock.System, "worker", "1")
	for i := range 3 * maxKeys {
		r.Add(Relay, string(rune('a'+i)), "sent", 1)
	}
	if counts, _ := r.Totals(); len(counts) != maxKeys {
		t.Errorf("%d figures", len(counts))
	}
}

// A quantile is never further off than its bucket is wide.
func TestQuantilesAreNearTheTruth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		var all []time.Duration
		r := New(nil, clock.System, "worker", "1")
		for range n {
			d := time.Duration(float64(time.Millisecond) * math.Exp(random.Float64()*18))
			all = append(all, d)
			r.Observe(Latency, "bulk", d)
		}
		slices.Sort(all)
		counts, spent := r.Totals()
		var sum time.Duration
		for _, d := range all {
			sum += d
		}
		if spent[Key{What: Latency, Of: "bulk"}] != sum {
			t.Fatalf("sum %v, want %v", spent, sum)
		}
		for _, q := range []float64{0, 0.5, 0.95, 1} {
			got, ok := Counts(counts).Quantile(Latency, "bulk", q)
			want := all[min(max(int(math.Ceil(q*float64(n)))-1, 0), n-1)]
			if ratio := float64(got) / float64(want); !ok || ratio < 0.79 || ratio > 1.27 {
				t.Fatalf("quantile %v of %d: %s, want about %s", q, n, got, want)
			}
		}
	})
	if _, ok := (Counts{}).Quantile(Latency, "bulk", 0.5); ok {
		t.Error("a quantile of nothing")
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]int{-time.Second: 0, 0: 0, time.Millisecond: 0, 2 * time.Millisecond: 3, 2*time.Millisecond + 1: 4, 1000 * time.Hour: Buckets - 1} {
		if got := bucketOf(d); got != want {
			t.Errorf("%s is in bucket %d, want %d", d, got, want)
		}
	}
	if Bound(Buckets-2) < 12*time.Hour {
		t.Errorf("the last bound is %s", Bound(Buckets-2))
	}
}
