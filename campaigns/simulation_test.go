package campaigns_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"posthorn/campaigns"
	"posthorn/internal/flight"
	"posthorn/internal/redistest"
	"posthorn/messages"
)

// TestWhateverHappensNothingIsLostOrSentTwice simulates workers, step by step, with
// everything that can come between two steps: a death, a lease that runs out under
// a worker that was only slow, a flush of Redis, a pause, a cancel. In the end the
// ledger must agree with the relay, mail by mail.
func TestWhateverHappensNothingIsLostOrSentTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	client := redis.NewClient(must(redis.ParseURL(redistest.New(t).URL)))
	t.Cleanup(func() { _ = client.Close() })
	const people = 15
	b.people(1, people, "'p' || i || '@x.example'", "", "subscribed")
	rapid.Check(t, func(rt *rapid.T) {
		s := &simulation{T: rt, bench: b, redis: client, now: start, accepted: map[int64]int{}, hands: make([]*hand, 3)}
		in := b.input()
		if s.resend = rapid.Bool().Draw(rt, "resend"); s.resend {
			in.InDoubt = campaigns.SendAgain
		}
		c, _ := b.plan(b.create(in))
		s.id, s.run = c.ID, c.Run.ID
		// Three chunks of five, where one of 200 would do.
		b.exec(`INSERT INTO chunks (run_id, due_at) SELECT $1, '-infinity' FROM generate_series(1, 2)`, s.run)
		b.exec(`UPDATE messages m SET chunk_id = k.id
			FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM chunks WHERE run_id = $1) k
			WHERE m.run_id = $1 AND m.id % 3 = k.n`, s.run)
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			s.step()
			if run := *b.get(s.id).Run; run.Recipients != people {
				rt.Fatalf("the states add up to %d of %d: %+v", run.Recipients, people, run)
			}
		}
		s.drain()
		s.compare()
	})
}

// simulation is one campaign, the hands that work on it, and the relay.
type simulation struct {
	*rapid.T
	bench
	redis    *redis.Client
	now      time.Time
	id, run  int64
	resend   bool
	hands    []*hand       // nil: free
	accepted map[int64]int // by message: how often the relay took it
	deaths   int           // times that one mail could come to be in doubt
	claimed  int           // messages whose flight record may have been lost
}

// hand is one worker's hold on one chunk, at a point where it may be interrupted.
type hand struct {
	chunk   messages.Chunk
	flights *flight.Recorder
	record  *flight.Record
	begun   time.Time // zero: no claim was begun
	batch   []messages.Claimed
	next    int // of the batch
	offered bool
	last    *flight.Outcome
	results []messages.Result
}

func (s *simulation) step() {
	i := rapid.IntRange(0, len(s.hands)-1).Draw(s.T, "hand")
	s.now = s.now.Add(time.Second)
	switch what := rapid.SampledFrom([]string{
		"work", "work", "work", "work", "work", "work", "work", "work", "work", "work", "work", "work",
		"renew", "renew", "die", "recover", "outlast", "flush", "pause", "resume", "cancel",
	}).Draw(s.T, "what"); what {
	case "work":
		s.work(i)
	case "renew":
		if h := s.hands[i]; h != nil {
			_, _, err := messages.Renew(s.ctx, s.pool, s.now, h.chunk)
			s.ok(err)
		}
	case "die":
		if s.hands[i] != nil {
			s.deaths++
			s.hands[i] = nil
		}
	case "outlast": // leases run out, also those of the living
		s.now = s.now.Add(messages.Lease)
		s.recover()
	case "recover":
		s.recover()
	case "flush":
		if rapid.IntRange(0, 2).Draw(s.T, "flush") == 0 {
			s.ok(s.redis.FlushAll(s.ctx).Err())
			s.claimed = 15
		}
	case "pause", "resume", "cancel":
		if what == "cancel" && rapid.IntRange(0, 5).Draw(s.T, "cancel") > 0 {
			return
		}
		do := map[string]func() (campaigns.Campaign, error){
			"pause":  func() (campaigns.Campaign, error) { return campaigns.Pause(s.ctx, s.pool, s.now, s.id) },
			"resume": func() (campaigns.Campaign, error) { return campaigns.Resume(s.ctx, s.pool, s.now, s.id) },
			"cancel": func() (campaigns.Campaign, error) { return campaigns.Cancel(s.ctx, s.pool, s.now, s.id) },
		}
		_, _ = do[what]() // an illegal one is refused, which others test
	}
}

// recover takes chunks away whose lease ran out: those of the dead, and also of
// hands that nobody renewed for in time.
func (s *simulation) recover() {
	for _, h := range s.hands {
		if h != nil { // what it was answered last is not in its record before the next offer
			s.deaths++
		}
	}
	_, _, err := messages.Recover(s.ctx, s.pool, flight.NewRecorder(s.redis), s.now)
	s.ok(err)
}

// work takes a hand one step further, as worker/chunk.go would.
func (s *simulation) work(i int) {
	h := s.hands[i]
	switch {
	case h == nil:
		s.hands[i] = s.take()
	case h.batch == nil && h.begun.IsZero():
		var err error
		h.record, err = h.flights.Begin(s.ctx, h.chunk.ID, h.chunk.Epoch)
		if errors.Is(err, flight.ErrLost) {
			s.ok(messages.Put(s.ctx, s.pool, s.now, h.chunk, time.Time{}))
			s.hands[i] = nil
			return
		}
		s.ok(err)
		h.begun = s.now
	case h.batch == nil:
		// By the clock of when it began: it may have been stopped in between, for longer than its lease.
		var err error
		h.batch, err = messages.Claim(s.ctx, s.pool, h.begun, h.chunk.ID, h.chunk.Epoch, rapid.IntRange(1, 4).Draw(s.T, "claim"), messages.SendingRules{})
		s.ok(err)
		h.next, h.last, h.results, h.begun = 0, nil, nil, time.Time{}
		if len(h.batch) == 0 {
			s.ok(h.record.Close(s.ctx))
			s.ok(messages.Put(s.ctx, s.pool, s.now, h.chunk, time.Time{}))
			s.hands[i] = nil
			s.finish()
		}
	case h.next == len(h.batch):
		_, err := messages.Record(s.ctx, s.pool, s.now, h.chunk.Epoch, h.results)
		s.ok(err)
		h.batch = nil
	case h.batch[h.next].Skip != "":
		h.settle(messages.Result{State: messages.Skipped, Reason: h.batch[h.next].Skip})
	case !h.offered:
		err := h.record.Offer(s.ctx, h.batch[h.next].ID, h.last)
		if errors.Is(err, flight.ErrLost) {
			for h.next < len(h.batch) {
				h.settle(messages.Result{State: messages.Planned})
			}
			return
		}
		s.ok(err)
		h.offered, h.last = true, nil
	default:
		m := h.batch[h.next]
		r := messages.Result{State: messages.Sent}
		switch rapid.SampledFrom([]string{"yes", "yes", "yes", "later", "no", "silent yes", "silent no"}).Draw(s.T, "answer") {
		case "yes":
			s.accepted[m.ID]++
		case "later":
			r = messages.Result{State: messages.Deferred, Reason: "recipient_deferred", DueAt: s.now.Add(3 * time.Second)}
		case "no":
			r = messages.Result{State: messages.Failed, Reason: "recipient_refused"}
		case "silent yes":
			s.accepted[m.ID]++
			r = s.unanswered()
		case "silent no":
			r = s.unanswered()
		}
		data, err := json.Marshal(h.settle(r))
		s.ok(err)
		h.last = &flight.Outcome{MessageID: m.ID, Data: data}
	}
}

// unanswered is the result of a mail whose answer the relay withheld.
func (s *simulation) unanswered() messages.Result {
	s.deaths++ // it may be unknown for this, too
	if s.resend {
		return messages.Result{State: messages.Deferred, Reason: "reply_lost", DueAt: s.now.Add(time.Second), InDoubt: true}
	}
	return messages.Result{State: messages.Unknown, Reason: "reply_lost", InDoubt: true}
}

// settle notes the result of the next message.
func (h *hand) settle(r messages.Result) messages.Result {
	r.ID = h.batch[h.next].ID
	h.results = append(h.results, r)
	h.next++
	h.offered = false
	return r
}

func (s *simulation) take() *hand {
	due, err := messages.DueChunks(s.ctx, s.pool, s.now, s.run)
	s.ok(err)
	for _, k := range due {
		chunk, ok, err := messages.Take(s.ctx, s.pool, s.now, k.ID)
		s.ok(err)
		if ok {
			return &hand{chunk: chunk, flights: flight.NewRecorder(s.redis)}
		}
	}
	return nil
}

// finish does what a knock for the run does.
func (s *simulation) finish() {
	run, open, err := campaigns.LookAt(s.ctx, s.pool, s.run)
	s.ok(err)
	if !open {
		return
	}
	if run.Status == campaigns.Cancelled {
		_, err = campaigns.CancelRest(s.ctx, s.pool, s.now, run)
		s.ok(err)
	}
	_, err = campaigns.Finish(s.ctx, s.pool, s.now, run)
	s.ok(err)
}

// drain ends all trouble and lets the campaign end.
func (s *simulation) drain() {
	for range 200 {
		s.now = s.now.Add(messages.Lease / 2)
		s.recover()
		if c := s.get(s.id); c.Status == campaigns.Paused {
			_, err := campaigns.Resume(s.ctx, s.pool, s.now, s.id)
			s.ok(err)
		}
		s.finish()
		if s.get(s.id).Run.FinishedAt != nil && !slices.ContainsFunc(s.hands, func(h *hand) bool { return h != nil }) {
			return
		}
		for i := range s.hands {
			for range 12 {
				if h := s.hands[i]; h != nil {
					_, goOn, err := messages.Renew(s.ctx, s.pool, s.now, h.chunk)
					s.ok(err)
					if !goOn && !h.offered { // a halted worker puts back what it did not offer
						for h.batch != nil && h.next < len(h.batch) {
							h.settle(messages.Result{State: messages.Planned})
						}
						_, err := messages.Record(s.ctx, s.pool, s.now, h.chunk.Epoch, h.results)
						s.ok(err)
						s.ok(messages.Put(s.ctx, s.pool, s.now, h.chunk, time.Time{}))
						s.hands[i] = nil
						break
					}
				}
				s.work(i)
			}
		}
	}
	s.Fatalf("the campaign does not end: %+v", *s.get(s.id).Run)
}

// compare holds the ledger against the relay.
func (s *simulation) compare() {
	list, _, err := messages.List(s.ctx, s.pool, messages.Filter{RunID: s.run, Limit: 1000})
	s.ok(err)
	unknown := 0
	for _, m := range list {
		n := s.accepted[m.ID]
		says := fmt.Sprintf("message %d is %s (%s), in doubt: %v; the relay took it %d times", m.ID, m.State, m.Reason, m.InDoubt, n)
		switch {
		case n > 1 && !(s.resend && m.InDoubt):
			s.Errorf("doubled: %s", says)
		case m.State == messages.Sent && n == 0, !m.State.Settled():
			s.Errorf("lost: %s", says)
		case m.State == messages.Unknown:
			unknown++
		case m.State != messages.Sent && n > 0 && !m.InDoubt:
			s.Errorf("wrong: %s", says)
		}
	}
	if unknown > s.deaths+s.claimed {
		s.Errorf("%d unknown, with %d deaths and %d claimed when Redis forgot", unknown, s.deaths, s.claimed)
	}
}

func (s *simulation) ok(err error) {
	s.T.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
