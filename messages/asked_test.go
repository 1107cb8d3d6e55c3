package messages_test

import (
	"context"
	"testing"
	"time"

	"posthorn/internal/pgtest"
	"posthorn/messages"
)

// A mail's latency counts from the moment its chunk was first knocked for: not from
// a knock that was made again, nor over a time in which nobody was to work on it.
func TestSinceWhenAChunkIsAskedFor(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t, pgtest.New(t), 3)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := l.pool.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`UPDATE chunks SET lease_until = NULL, due_at = '-infinity'`)
	due := func(after time.Duration, want, again bool) {
		t.Helper()
		list, err := messages.DueChunks(ctx, l.pool, start.Add(after), l.run)
		if err != nil || (len(list) == 1) != want || want && list[0].Again != again {
			t.Fatalf("after %s: %+v, %v", after, list, err)
		}
	}
	take := func(after, wantAfter time.Duration) messages.Chunk {
		t.Helper()
		k, ok, err := messages.Take(ctx, l.pool, start.Add(after), l.chunk)
		if err != nil || !ok || !k.AskedAt.Equal(start.Add(wantAfter)) {
			t.Fatalf("taken %v, asked for at %s, %v; want %s", ok, k.AskedAt, err, start.Add(wantAfter))
		}
		return k
	}
	put := func(k messages.Chunk, after time.Duration, notBefore time.Time) {
		t.Helper()
		if err := messages.Put(ctx, l.pool, start.Add(after), k, notBefore); err != nil {
			t.Fatal(err)
		}
	}
	due(0, true, false)
	due(3*time.Second, false, false) // the knock is trusted
	due(7*time.Second, true, true)   // it was lost
	k := take(8*time.Second, 0)
	put(k, 20*time.Second, time.Time{}) // its budget is spent; the rest has waited all the while
	due(21*time.Second, true, false)
	k = take(22*time.Second, 0)
	put(k, 23*time.Second, start.Add(time.Minute)) // the relay is away
	due(time.Minute, true, false)
	k = take(61*time.Second, time.Minute)
	put(k, 62*time.Second, time.Time{})
	exec(`UPDATE runs SET resumed_at = $1`, start.Add(time.Hour)) // it was paused meanwhile
	due(time.Hour+time.Second, true, false)
	take(time.Hour+2*time.Second, time.Hour)
}
