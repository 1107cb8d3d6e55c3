package tasks

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"posthorn/internal/redistest"
)

func TestKnockingTwiceIsOneTask(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, err := Open(ctx, redistest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	c := NewClient(r)
	for range 3 {
		if err := c.KnockChunk(ctx, 7, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.KnockChunk(ctx, 7, 2); err != nil { // a new epoch is a new task
		t.Fatal(err)
	}
	if err := c.KnockRun(ctx, 7, 1); err != nil {
		t.Fatal(err)
	}
	inspector := asynq.NewInspectorFromRedisClient(r)
	for queue, want := range map[string]int{QueueBulk: 2, QueueControl: 1} {
		list, err := inspector.ListPendingTasks(queue)
		if err != nil || len(list) != want {
			t.Errorf("%s: %d tasks, %v; want %d", queue, len(list), err, want)
		}
		for _, info := range list {
			if row, err := ParseRow(asynq.NewTask(info.Type, info.Payload)); err != nil || row.ID != 7 {
				t.Errorf("%s: %+v, %v", info.Type, row, err)
			}
		}
	}
}

// A worker that dies between taking a task and beginning with it leaves the epoch
// as it was, and asynq keeps the TaskID for minutes.
func TestAKnockIsMadeAgainWhereItsWorkerDied(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, err := Open(ctx, redistest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	c := NewClient(r)
	inspector := asynq.NewInspectorFromRedisClient(r)
	for death := range maxAgain - 1 {
		for range 2 {
			if err := c.KnockChunk(ctx, 7, 1); err != nil {
				t.Fatal(err)
			}
		}
		list, err := inspector.ListPendingTasks(QueueBulk)
		if err != nil || len(list) != 1 {
			t.Fatalf("after %d deaths: %d tasks, %v; want 1", death, len(list), err)
		}
		// What asynq does when a worker takes a task.
		prefix := "asynq:{" + QueueBulk + "}:"
		pipe := r.TxPipeline()
		pipe.LMove(ctx, prefix+"pending", prefix+"active", "RIGHT", "LEFT")
		pipe.HSet(ctx, prefix+"t:"+list[0].ID, "state", "active")
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAKnockIsBounded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := redistest.New(t)
	r, err := Open(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	server.Stop()
	done := make(chan error, 1)
	c, failed := NewClient(r), ""
	c.Failed = func(typ string) { failed += typ }
	go func() { done <- c.KnockRun(ctx, 1, 1) }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a knock without Redis succeeded")
		}
		if failed != TypeRun {
			t.Errorf("it failed for %q", failed)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("a knock without Redis hangs")
	}
}

func TestOpenRefusesWhatIsNotFit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := redistest.New(t)
	r, err := Open(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.ConfigSet(ctx, "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		server.URL:                         "noeviction",
		"redis://:s3cret@127.0.0.1:1/0":    "cannot reach",
		"http://:s3cret@127.0.0.1:1/":      "not a Redis URL",
		"redis://:s3cret@127.0.0.1:1/zero": "not a Redis URL",
	} {
		_, err := Open(ctx, url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("Open(%s): %v; want %q", url, err, want)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"6.2.0": true, "6.0.16": false, "7.0.15": true, "5.0": false, "8.0.0-rc1": true, "10.1.0": true, "odd": true} {
		if atLeast(version, 6, 2) != want {
			t.Errorf("%s: want %v", version, want)
		}
	}
}

// A flush forgets the names of the queues, which asynq's client writes only once.
// Without them a task in a dead worker's hands looked as if it were gone, and nobody
// knocked again.
func TestAKnockGetsThroughAfterAFlush(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, err := Open(ctx, redistest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	c := NewClient(r)
	if err := c.KnockRun(ctx, 1, 1); err != nil { // the queue's name is written, and remembered as such
		t.Fatal(err)
	}
	if err := r.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.KnockHappenings(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.KnockRun(ctx, 1, 1); err != nil {
		t.Fatal(err)
	}
	prefix := "asynq:{" + QueueControl + "}:"
	pipe := r.TxPipeline() // a worker takes it, and dies
	pipe.LMove(ctx, prefix+"pending", prefix+"active", "RIGHT", "LEFT")
	pipe.HSet(ctx, prefix+"t:campaign:run:1:1", "state", "active")
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.KnockRun(ctx, 1, 1); err != nil {
		t.Fatal(err)
	}
	if n := r.LLen(ctx, prefix+"pending").Val(); n != 1 {
		t.Fatalf("%d tasks are queued, want 1", n)
	}
}

// A knock that finds a task queued or under way was not lost before; one that finds
// none, or only one that was given up, was.
func TestAgainTellsWhetherTheKnockWasLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, err := Open(ctx, redistest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	c := NewClient(r)
	again := func(want bool, when string) {
		t.Helper()
		if fresh, err := c.Again(ctx, TypeTriggered, Row{ID: 7, Epoch: 1}); err != nil || fresh != want {
			t.Errorf("%s: %v, %v; want %v", when, fresh, err, want)
		}
	}
	again(true, "at first")
	again(false, "while it is queued")
	prefix := "asynq:{" + QueueTriggered + "}:"
	take := func(id string) {
		pipe := r.TxPipeline()
		pipe.LMove(ctx, prefix+"pending", prefix+"active", "RIGHT", "LEFT")
		pipe.HSet(ctx, prefix+"t:"+id, "state", "active")
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	take("journey:chunk:7:1")
	again(false, "while somebody works on it")
	r.FlushAll(ctx)
	again(true, "after a flush")
	if err := NameQueues(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := c.inspector.ArchiveTask(QueueTriggered, "journey:chunk:7:1"); err != nil {
		t.Fatal(err)
	}
	again(true, "after it was given up")
}

func TestEveryTypeHasAQueue(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{TypeRun, TypeChunk, TypeTriggered, TypeHappenings, TypeJourney, TypeWebhooks, TypeRelayTest, TypeImport} {
		if !slices.Contains(Queues, queueOf[typ]) {
			t.Errorf("%s goes to %q", typ, queueOf[typ])
		}
	}
	if len(queueOf) != 8 {
		t.Errorf("%d types", len(queueOf))
	}
}
