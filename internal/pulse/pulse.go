// Package pulse is how running processes tell how they are: what they did in the
// last hour, how long it took, and what they see of relays and of the clock.
//
//  1. A process counts in memory (Recorder.Add, Observe): a map entry per kind of
//     figure, nothing per mail leaves the process.
//  2. Every two seconds it adds what is new to the present slot, a Redis hash for
//     ten seconds that lives for an hour, and writes a line about itself.
//  3. Who wants to know reads the slots of all processes together (Read), and the
//     lines (Processes). One that ended in order takes its line along; that of one
//     that died stays for a while, with when it was last heard of.
//
// Nothing depends on these figures: where Redis is away or forgets, they are gone,
// and counting goes on. Keys hold queues, relays, outcomes and kinds, of which there
// are few; never ids or addresses.
package pulse

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"posthorn/internal/clock"
)

const (
	// Every is how often a process tells what is new.
	Every = 2 * time.Second

	// Slot is how much time the figures of one hash are of.
	Slot = 10 * time.Second

	// Keep is how far back slots can be read.
	Keep = time.Hour

	// Silent is after how long without a word a process counts as lost.
	Silent = 10 * time.Second

	// remember is how long the line of a process that died stays.
	remember = 10 * time.Minute

	// maxKeys bounds the figures of a process, whatever is counted by mistake.
	maxKeys = 2000
)

const (
	prefix    = "posthorn:pulse:"
	processes = prefix + "processes"
)

func slotKey(at time.Time) string {
	return fmt.Sprint(prefix, "slot:", at.Truncate(Slot).Unix())
}

// Key names a figure, e.g. mails of the queue bulk that were sent.
type Key struct{ What, Of, As string }

// What is counted. Of is a queue, but where it says something else.
const (
	Tasks   = "tasks"   // handled tasks; As: done, failed
	Rows    = "rows"    // rows that needed no more work for now: the unit of a queue's work
	Mails   = "mails"   // As: what became of them, a state of the ledger
	Latency = "latency" // from knock to acceptance; As: the bucket
	Relay   = "relay"   // Of: its name; As: what became of mails that were offered
	Repairs = "repairs" // Of: what the sweep had to put right
	Sweeps  = "sweeps"  // As: done, failed; without Of
	Knocks  = "knocks"  // Of: the type; As: failed
)

func (k Key) String() string { return k.What + ":" + k.Of + ":" + k.As }

func parseKey(s string) (Key, bool) {
	parts := strings.SplitN(s, ":", 3)
	if len(parts) != 3 {
		return Key{}, false
	}
	return Key{parts[0], parts[1], parts[2]}, true
}

// Process is what a process tells about itself.
type Process struct {
	ID        string     `json:"id"`
	Host      string     `json:"host"`
	PID       int        `json:"pid"`
	Command   string     `json:"command"` // serve, web, worker, scheduler
	Version   string     `json:"version"`
	StartedAt time.Time  `json:"started_at"`
	SeenAt    time.Time  `json:"seen_at"`
	Worker    *Worker    `json:"worker,omitempty"`
	Scheduler *Scheduler `json:"scheduler,omitempty"`
}

// Worker is what a worker sees.
type Worker struct {
	Concurrency int            `json:"concurrency"` // chunks of campaigns at once
	Relays      []RelayCircuit `json:"relays"`
}

// States of a circuit.
const (
	Closed   = "closed"    // the relay is used
	Open     = "open"      // it could not be reached: nothing is tried until Until
	HalfOpen = "half-open" // the next mail tries it
)

// RelayCircuit is how a worker gets on with a relay.
type RelayCircuit struct {
	Relay    string    `json:"relay"`
	State    string    `json:"state"`
	Since    time.Time `json:"since,omitzero"` // not closed: since when it cannot be reached
	Until    time.Time `json:"until,omitzero"` // open: until when nothing is tried
	Failures int       `json:"failures"`       // in a row
	Reason   string    `json:"reason,omitempty"`
	Detail   string    `json:"detail,omitempty"` // the relay's words, or the error's, without addresses
	InUse    int       `json:"in_use"`           // connections that carry mails
	Idle     int       `json:"idle"`             // connections that wait for some
	Limit    int       `json:"limit"`            // most connections at once, for campaigns and follow-ups together
}

// Scheduler is what a scheduler did last.
type Scheduler struct {
	Every      float64   `json:"every_seconds"`
	FinishedAt time.Time `json:"finished_at,omitzero"` // of the last sweep; zero: none yet
	Took       float64   `json:"took_seconds"`
	Error      string    `json:"error,omitempty"` // of the last sweep
	Sweeps     int64     `json:"sweeps"`
}

// Recorder counts what a process does. The nil Recorder counts nothing. It is safe
// for concurrent use.
type Recorder struct {
	redis redis.UniversalClient
	now   clock.Clock
	self  Process

	mu        sync.Mutex
	total     map[Key]int64 // since the start
	spent     map[Key]time.Duration
	fresh     map[Key]int64 // since it was last told
	worker    func() Worker
	scheduler func() Scheduler
}

// New returns the recorder of this process.
func New(r redis.UniversalClient, now clock.Clock, command, version string) *Recorder {
	host, _ := os.Hostname()
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	return &Recorder{
		redis: r,
		now:   now,
		self: Process{
			ID:   fmt.Sprintf("%s-%d-%s", host, os.Getpid(), hex.EncodeToString(id[:])),
			Host: host, PID: os.Getpid(), Command: command, Version: version, StartedAt: now(),
		},
		total: map[Key]int64{},
		spent: map[Key]time.Duration{},
		fresh: map[Key]int64{},
	}
}

// Add counts n more.
func (r *Recorder) Add(what, of, as string, n int64) {
	if r == nil || n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(Key{what, of, as}, n)
}

func (r *Recorder) add(k Key, n int64) {
	if _, known := r.total[k]; !known && len(r.total) >= maxKeys {
		return
	}
	r.total[k] += n
	r.fresh[k] += n
}

// Observe counts something that took so long, e.g. Latency of the queue bulk.
func (r *Recorder) Observe(what, of string, took time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(Key{what, of, bucketNames[bucketOf(took)]}, 1)
	r.spent[Key{What: what, Of: of}] += max(took, 0)
}

// Totals returns all that was counted since the start, and for what was observed
// the sums of its durations (without As).
func (r *Recorder) Totals() (counts map[Key]int64, spent map[Key]time.Duration) {
	counts, spent = map[Key]int64{}, map[Key]time.Duration{}
	if r == nil {
		return counts, spent
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, n := range r.total {
		counts[k] = n
	}
	for k, d := range r.spent {
		spent[k] = d
	}
	return counts, spent
}

// IsWorker has the process tell what state returns.
func (r *Recorder) IsWorker(state func() Worker) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.worker = state
}

// IsScheduler has the process tell what state returns.
func (r *Recorder) IsScheduler(state func() Scheduler) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scheduler = state
}

// Run tells every two seconds how the process is, until ctx ends, and then that it
// is no more.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		_ = r.Tell(ctx) // Redis is away: those who need it say so
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), Every)
			defer cancel()
			_ = r.Tell(end)
			r.leave(end)
			return
		case <-tick.C:
		}
	}
}

// Tell writes what is new. What cannot be written is forgotten: told later, it would
// be told of the wrong time.
func (r *Recorder) Tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Every)
	defer cancel()
	now := r.now()
	self := r.self
	self.SeenAt = now

	r.mu.Lock()
	fresh := r.fresh
	r.fresh = make(map[Key]int64, len(fresh))
	worker, scheduler := r.worker, r.scheduler
	r.mu.Unlock()
	if worker != nil {
		w := worker()
		self.Worker = &w
	}
	if scheduler != nil {
		s := scheduler()
		self.Scheduler = &s
	}
	line, err := json.Marshal(self)
	if err != nil {
		return fmt.Errorf("pulse: %w", err)
	}

	pipe := r.redis.Pipeline()
	if len(fresh) > 0 {
		slot := slotKey(now)
		for k, n := range fresh {
			pipe.HIncrBy(ctx, slot, k.String(), n)
		}
		pipe.Expire(ctx, slot, Keep+time.Minute)
	}
	pipe.Set(ctx, prefix+"process:"+self.ID, line, remember)
	pipe.ZAdd(ctx, processes, redis.Z{Score: float64(now.Unix()), Member: self.ID})
	pipe.ZRemRangeByScore(ctx, processes, "-inf", fmt.Sprint(now.Add(-remember).Unix()))
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("pulse: %w", err)
	}
	return nil
}

func (r *Recorder) leave(ctx context.Context) {
	pipe := r.redis.Pipeline()
	pipe.Del(ctx, prefix+"process:"+r.self.ID)
	pipe.ZRem(ctx, processes, r.self.ID)
	_, _ = pipe.Exec(ctx)
}
