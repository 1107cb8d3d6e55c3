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

// No index is touched when a message changes its state: what finds the unknown ones
// must not cost every mail.
func TestAChangeOfStateIsAHOTUpdate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t, pgtest.New(t), 50)
	tx, err := l.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	// A claim only: within one transaction a page has no room for a third version.
	claimed, err := messages.Claim(ctx, tx, start, l.chunk, 1, 50, messages.SendingRules{})
	if err != nil || len(claimed) != 50 {
		t.Fatalf("%d, %v", len(claimed), err)
	}
	var all, hot int64
	if err := tx.QueryRow(ctx, `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'messages'`).Scan(&all, &hot); err != nil {
		t.Fatal(err)
	}
	if all != 50 || hot != all {
		t.Errorf("%d updates, of which %d HOT", all, hot)
	}
}
