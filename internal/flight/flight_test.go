package flight

import (
	"context"
	"errors"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/redistest"
)

func open(t *testing.T) (*Recorder, *redis.Client) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: redistest.New(t).Addr})
	t.Cleanup(func() { _ = client.Close() })
	return NewRecorder(client), client
}

func begin(t *testing.T, r *Recorder, chunk int64, epoch int) *Record {
	t.Helper()
	rec, err := r.Begin(context.Background(), chunk, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func offer(t *testing.T, rec *Record, id int64, before *Outcome) {
	t.Helper()
	if err := rec.Offer(context.Background(), id, before); err != nil {
		t.Fatal(err)
	}
}

func seize(t *testing.T, r *Recorder, chunk int64, epoch int) Account {
	t.Helper()
	a, err := r.Seize(context.Background(), chunk, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestARecordTellsWhatWasOffered(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	rec := begin(t, r, 1, 1)
	if diff := cmp.Diff(Account{Outcomes: map[int64][]byte{}}, seize(t, r, 1, 1)); diff != "" {
		t.Errorf("nothing was offered (-want +got):\n%s", diff)
	}
	if err := rec.Offer(context.Background(), 5, nil); !errors.Is(err, ErrLost) {
		t.Errorf("an offer under a seized record: %v", err)
	}

	rec = begin(t, r, 1, 2)
	offer(t, rec, 10, nil)
	offer(t, rec, 11, &Outcome{10, []byte("sent")})
	offer(t, rec, 12, nil) // 11 was not offered after all
	offer(t, rec, 13, &Outcome{12, []byte("refused")})
	want := Account{Offered: 13, Outcomes: map[int64][]byte{10: []byte("sent"), 12: []byte("refused")}}
	for range 2 { // a recovery that dies is repeated
		if diff := cmp.Diff(want, seize(t, r, 1, 2)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if err := rec.Offer(context.Background(), 14, &Outcome{13, nil}); !errors.Is(err, ErrLost) {
		t.Errorf("an offer under a seized record: %v", err)
	}
	if diff := cmp.Diff(want, seize(t, r, 1, 2)); diff != "" {
		t.Errorf("after a slow worker's write (-want +got):\n%s", diff)
	}
	if err := r.Forget(context.Background(), 1, 2); err != nil {
		t.Fatal(err)
	}
	if a := seize(t, r, 1, 2); !a.Lost {
		t.Errorf("after Forget: %+v", a)
	}
}

func TestABeginForgetsTheClaimBefore(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	offer(t, begin(t, r, 1, 1), 10, nil)
	begin(t, r, 1, 1)
	if a := seize(t, r, 1, 1); a.Lost || a.Offered != 0 {
		t.Errorf("%+v", a)
	}
}

func TestALossIsNoticed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, client := open(t)
	for name, lose := range map[string]func(key string){
		"flushed":            func(string) { client.FlushAll(ctx) },
		"an outcome missing": func(key string) { client.HDel(ctx, key, "10") },
		"another server":     func(key string) { client.HSet(ctx, key, fieldRunID, "other") },
		"no server":          func(key string) { client.HDel(ctx, key, fieldRunID) },
		"no count":           func(key string) { client.HDel(ctx, key, fieldCount) },
		"garbage":            func(key string) { client.HSet(ctx, key, "x", "y") },
	} {
		rec := begin(t, r, 7, 1)
		offer(t, rec, 10, nil)
		offer(t, rec, 11, &Outcome{10, []byte("sent")})
		lose(key(7, 1))
		if a := seize(t, r, 7, 1); !a.Lost {
			t.Errorf("%s: %+v", name, a)
		}
		_ = r.Forget(ctx, 7, 1)
	}
}

func TestAFlushStopsTheWorker(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, client := open(t)
	rec := begin(t, r, 1, 1)
	offer(t, rec, 10, nil)
	client.FlushAll(ctx)
	if err := rec.Offer(ctx, 11, &Outcome{10, []byte("sent")}); !errors.Is(err, ErrLost) {
		t.Fatalf("%v", err)
	}
	if n := client.DBSize(ctx).Val(); n != 0 {
		t.Errorf("%d keys were left", n)
	}
	if a := seize(t, r, 1, 1); !a.Lost {
		t.Errorf("%+v", a)
	}
}

func TestRedisAwayIsNotALoss(t *testing.T) {
	t.Parallel()
	r := NewRecorder(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}))
	if _, err := r.Seize(context.Background(), 1, 1); err == nil {
		t.Error("Seize without Redis succeeded")
	}
	if _, err := r.Begin(context.Background(), 1, 1); err == nil {
		t.Error("Begin without Redis succeeded")
	}
}

func TestTheInProcessRedisWorks(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	r := NewRecorder(client)
	rec := begin(t, r, 1, 1)
	offer(t, rec, 10, nil)
	offer(t, rec, 11, &Outcome{10, []byte("sent")})
	if a := seize(t, r, 1, 1); a.Lost || a.Offered != 11 || len(a.Outcomes) != 1 {
		t.Errorf("%+v", a)
	}
	if a := seize(t, r, 1, 2); !a.Lost {
		t.Errorf("without a record: %+v", a)
	}
}

// A worker that was stopped between two claims, for longer than its lease, must not
// open a record that whoever settles the lease does not know of.
func TestNoRecordBeginsUnderASeizedLease(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	ctx := context.Background()
	begin(t, r, 7, 1)
	seize(t, r, 7, 1)
	if _, err := r.Begin(ctx, 7, 1); !errors.Is(err, ErrLost) {
		t.Errorf("with a record before: %v", err)
	}
	if a := seize(t, r, 7, 2); !a.Lost {
		t.Errorf("there never was a record: %+v", a)
	}
	if _, err := r.Begin(ctx, 7, 2); !errors.Is(err, ErrLost) {
		t.Errorf("without a record before: %v", err)
	}
	if a := seize(t, r, 7, 2); !a.Lost {
		t.Errorf("after the vain attempt: %+v", a)
	}
	begin(t, r, 7, 3) // another lease is another matter
}
