package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"posthorn/campaigns"
	"posthorn/delivery"
	"posthorn/internal/fault"
	"posthorn/internal/flight"
	"posthorn/journeys"
	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/relays"
	"posthorn/senders"
	"posthorn/tasks"
	"posthorn/templates"
)

const (
	// claimSize is how many messages are claimed and recorded together: large enough
	// to spread two round trips to Postgres, small enough that little is in doubt
	// when a worker dies.
	claimSize = 50

	// firstClaim is the same until the run's first mail was accepted, so that the
	// other workers can join soon.
	firstClaim = 10

	// chunkBudget is how long a chunk keeps its slot before it makes room for others.
	chunkBudget = 60 * time.Second

	renewEvery = time.Second

	// leaseMargin is how long before the end of a lease that could not be renewed a
	// worker stops offering mail, since its clock and Postgres' need not agree.
	leaseMargin = 5 * time.Second
)

// chunk sends one chunk, as far as its budget goes.
func (w *Worker) chunk(ctx context.Context, row tasks.Row) error {
	if w.isStopping() {
		return nil
	}
	began := time.Now()
	k, ok, err := messages.Take(ctx, w.Pool, w.Clock(), row.ID)
	if err != nil || !ok {
		return err
	}
	s := &shift{Worker: w, Chunk: k, warm: k.Warm}
	ctx, s.halt = context.WithCancel(ctx)
	defer s.halt()
	s.leaseUntil.Store(began.Add(messages.Lease).UnixNano())
	over, kept := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(kept)
		s.keepLease(context.WithoutCancel(ctx), over)
	}()
	endLease := sync.OnceFunc(func() { close(over); <-kept })
	defer endLease() // also after a panic, or nobody would ever recover what is claimed

	err = s.send(ctx)
	s.halt()
	endLease()
	if s.unsettled {
		// The ledger does not say what we know, or has claimed rows that we do not know of. When the lease runs out
		// they are settled from the flight record; giving the chunk back now would leave them claimed by nobody.
		return fmt.Errorf("chunk %d: left to its lease: %w", k.ID, err)
	}
	if err != nil && s.notBefore.IsZero() {
		s.notBefore = w.Clock().Add(minBreak) // what failed just now would fail again at once
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if s.flight != nil {
		_ = s.flight.Close(after) // what it told is in Postgres; if it stays, it expires
	}
	if putErr := messages.Put(after, w.Pool, w.Clock(), k, s.notBefore); putErr != nil && err == nil {
		err = putErr
	}
	if k.Kind == messages.OfJourney { // it has no end; what is due again, the scheduler knocks for
		return err
	}
	if goOnErr := w.goOn(after, campaigns.OpenRun{ID: k.RunID, Campaign: k.CampaignID, Kind: k.Kind}); goOnErr != nil && err == nil {
		err = goOnErr
	}
	return err
}

// shift is one worker's time with one chunk.
type shift struct {
	*Worker
	messages.Chunk
	relay      relays.Relay
	renderer   *templates.Renderer
	sign       []senders.Signer
	conn       *delivery.Conn
	flight     *flight.Record  // of the claim under way
	last       *flight.Outcome // of the message before, not yet in the flight record
	halt       context.CancelFunc
	leaseUntil atomic.Int64 // unix nanoseconds, by this machine's clock
	deadline   time.Time    // when the slot is needed for others
	notBefore  time.Time    // when the chunk may be worked on again, where something must pass first
	warm       bool         // the run has had a mail accepted
	unsettled  bool         // claimed rows may be left whose outcome could not be recorded
}

func (s *shift) isTest() bool { return s.Kind == messages.OfTest }

// keepLease renews the lease until over is closed or the lease is lost, and halts
// the shift where it must offer no more mail. A halted shift keeps its lease while
// the relay still owes it an answer.
func (s *shift) keepLease(ctx context.Context, over <-chan struct{}) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	stopping := s.stopping
	for {
		select {
		case <-over:
			return
		case <-stopping:
			s.halt()
			stopping = nil // seen
			continue
		case <-tick.C:
		}
		began := time.Now()
		call, cancel := context.WithTimeout(ctx, messages.Lease/4)
		held, goOn, err := messages.Renew(call, s.Pool, s.Clock(), s.Chunk)
		cancel()
		switch {
		case err == nil && held:
			s.leaseUntil.Store(began.Add(messages.Lease).UnixNano())
			if !goOn {
				s.halt()
			}
		case err == nil:
			s.halt()
			return
		case s.leaseEnds():
			s.halt()
		}
	}
}

func (s *shift) leaseEnds() bool {
	return time.Now().After(time.Unix(0, s.leaseUntil.Load()).Add(-leaseMargin))
}

// send claims and sends batch by batch until the chunk has nothing due, the budget
// is spent or the shift is halted.
func (s *shift) send(ctx context.Context) error {
	if until := s.breaker.openUntil(s.Relay); until.After(s.Clock()) {
		s.notBefore = until
		return nil
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer s.drop()
	s.deadline = time.Now().Add(chunkBudget)
	var err error
	for ctx.Err() == nil && s.notBefore.IsZero() && time.Now().Before(s.deadline) && !s.leaseEnds() {
		n := claimSize
		if !s.warm {
			n = firstClaim
		}
		if s.flight, err = s.flights.Begin(ctx, s.ID, s.Epoch); err != nil {
			s.notBefore = s.Clock().Add(minBreak) // no Redis, no sending
			return err
		}
		s.last = nil
		var batch []messages.Claimed
		if batch, err = s.claim(ctx, n); err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
		if err = s.sendBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// claim claims messages. A claim that fails may have been made all the same, where
// only its answer was lost. So it is not interrupted by a halt, and after such an
// error the chunk is not given back.
func (s *shift) claim(ctx context.Context, n int) ([]messages.Claimed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	rules, err := s.rules.get(ctx, s.Pool, s.Clock(), "")
	if err != nil {
		return nil, err
	}
	batch, err := messages.Claim(ctx, s.Pool, s.Clock(), s.ID, s.Epoch, n, rules)
	s.unsettled = s.unsettled || err != nil && !postgres.Refused(err)
	return batch, err
}

// prepare gets what all mails of the chunk share. Where a person has to mend
// something first, it pauses the campaign and says what.
func (s *shift) prepare(ctx context.Context) error {
	var err error
	if s.relay, err = s.relays.get(ctx, s.Pool, s.Clock(), s.Relay); err != nil {
		var missing *fault.NotFound
		var sealed *fault.Conflict // its password, under another secret
		switch {
		case errors.As(err, &missing):
			return s.giveUp(ctx, fmt.Sprintf("%s; set it with PUT /api/v1/relays/%s, then resume", missing, s.Relay))
		case errors.As(err, &sealed):
			return s.giveUp(ctx, fmt.Sprintf("%s; then resume", sealed))
		}
		return err
	}
	if s.renderer, err = s.templates.get(ctx, s.Pool, s.TemplateID, s.TemplateVersion); err != nil {
		return err
	}
	return s.loadSigners(ctx)
}

// giveUp pauses the campaign for a reason that only a person can mend. A test
// send has nothing to pause: its mails fail with that reason.
func (s *shift) giveUp(ctx context.Context, reason string) error {
	s.halt()
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if s.Kind == messages.OfJourney {
		s.Log.Warn("journey paused itself", "journey_id", s.JourneyID, "run_id", s.RunID, "reason", reason)
		return journeys.PauseItself(after, s.Pool, s.Clock(), s.JourneyID, reason)
	}
	if !s.isTest() {
		s.Log.Warn("campaign paused itself", "campaign_id", s.CampaignID, "run_id", s.RunID, "reason", reason)
		return campaigns.PauseItself(after, s.Pool, s.Clock(), s.Chunk, reason)
	}
	batch, err := s.claim(after, messages.ChunkSize)
	if err != nil {
		return err
	}
	results := make([]messages.Result, len(batch))
	for i, m := range batch {
		results[i] = messages.Result{ID: m.ID, State: messages.Failed, Reason: messages.ReasonNotConfigured, Detail: reason}
	}
	return s.record(after, results)
}

// sendBatch offers each message and records all outcomes together.
func (s *shift) sendBatch(ctx context.Context, batch []messages.Claimed) error {
	if s.Kind == messages.OfJourney {
		if err := s.journeys.AskAgain(ctx, s.Pool, s.Clock(), s.JourneyID, s.JourneyVersion, batch); err != nil {
			return errors.Join(err, s.record(ctx, released(batch)))
		}
	}
	facts, err := s.loadFacts(ctx, batch)
	if err != nil {
		return errors.Join(err, s.record(ctx, released(batch)))
	}
	results := make([]messages.Result, 0, len(batch))
	var strike *messages.Result
	for i, m := range batch {
		if ctx.Err() != nil || s.leaseEnds() || !s.notBefore.IsZero() {
			results = append(results, released(batch[i:])...)
			break
		}
		r, struck := s.sendOne(ctx, m, facts)
		s.settled(r)
		if struck {
			strike = &r
		}
		if r.State == messages.Sent {
			s.warm = true
		}
		results = append(results, r)
	}
	if err := s.record(ctx, results); err != nil {
		return err
	}
	if strike != nil && s.Kind == messages.OfCampaign && !s.warm {
		paused, err := campaigns.Strikes(ctx, s.Pool, s.Clock(), s.Chunk, strike.Reason, strike.Detail)
		if err != nil {
			return err
		}
		if paused {
			s.Log.Warn("campaign paused itself: its first mails all failed", "campaign_id", s.CampaignID, "run_id", s.RunID, "reason", strike.Reason)
			s.halt()
		}
	}
	return nil
}

// released are results that put messages back unoffered.
func released(batch []messages.Claimed) []messages.Result {
	results := make([]messages.Result, len(batch))
	for i, m := range batch {
		results[i] = messages.Result{ID: m.ID, State: messages.Planned}
	}
	return results
}

// sendOne renders and offers one message. struck says that its failure speaks
// against the campaign rather than the recipient.
func (s *shift) sendOne(ctx context.Context, m messages.Claimed, facts batchFacts) (r messages.Result, struck bool) {
	if r, refused := m.Refused(); refused {
		return r, false
	}
	mail, err := s.compose(ctx, m, facts)
	if err != nil {
		if ctx.Err() != nil {
			return messages.Result{ID: m.ID, State: messages.Planned}, false
		}
		return messages.Result{ID: m.ID, State: messages.Failed, Reason: messages.ReasonRenderFailed, Detail: err.Error()}, true
	}
	if r, ok := s.awaitRate(ctx, m); !ok {
		return r, false
	}
	if r, ok := s.connect(ctx, m); !ok {
		return r, false
	}
	if err := s.flight.Offer(ctx, m.ID, s.last); err != nil {
		// Redis is away, forgot the record, or another worker has the chunk by now: in each case nothing may be offered.
		s.Log.Warn("no flight record, no mail", "chunk", s.ID, "error", err)
		s.notBefore = s.Clock().Add(minBreak)
		return messages.Result{ID: m.ID, State: messages.Planned}, false
	}
	s.last = nil
	outcome := s.conn.Send(ctx, mail)
	if outcome.Class == delivery.Unreachable {
		if ctx.Err() != nil {
			return messages.Result{ID: m.ID, State: messages.Planned}, false
		}
		return s.unreachable(m, outcome), false
	}
	r = s.result(m, outcome)
	s.answered(m, r)
	if data, err := json.Marshal(r); err == nil { // it cannot fail; and if it did, the message would only be in doubt for longer
		s.last = &flight.Outcome{MessageID: m.ID, Data: data}
	}
	return r, strikes(r, outcome)
}

// longestRateWait is how long a message waits for the relay's rate before it makes
// room for other work.
const longestRateWait = 2 * time.Second

// awaitRate waits until the relay's rate allows one more mail; where that takes
// too long, the message and its chunk come back later.
func (s *shift) awaitRate(ctx context.Context, m messages.Claimed) (messages.Result, bool) {
	for s.relay.RatePerSecond > 0 {
		wait, err := s.limiter.Allow(ctx, s.relay)
		if err == nil && wait <= 0 {
			return messages.Result{}, true
		}
		if err != nil || wait > longestRateWait { // no Redis, no count of what the others send: wait for it
			s.notBefore = s.Clock().Add(max(wait, longestRateWait))
			return messages.Result{ID: m.ID, State: messages.Planned}, false
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return messages.Result{ID: m.ID, State: messages.Planned}, false
		}
	}
	return messages.Result{}, true
}

// connect borrows a connection where the shift has none that works, waiting for a
// free one until the slot is needed for others.
func (s *shift) connect(ctx context.Context, m messages.Claimed) (messages.Result, bool) {
	if s.conn != nil && s.conn.Usable() {
		return messages.Result{}, true
	}
	s.drop()
	back := messages.Result{ID: m.ID, State: messages.Planned}
	pools, relay := s.pools, s.relay
	if s.Kind == messages.OfJourney {
		pools, relay.Connections = s.realtime, RealtimeConcurrency
	}
	conn, err := pools.Acquire(ctx, relay, time.Until(s.deadline))
	var refused *delivery.ConnectError
	switch {
	case err == nil:
		s.breaker.worked(s.Relay)
		s.conn = conn
		return messages.Result{}, true
	case !errors.As(err, &refused): // halted, or no connection became free in time
		s.notBefore = s.Clock()
		return back, false
	case refused.Outcome.Class != delivery.Permanent:
		return s.unreachable(m, refused.Outcome), false
	case s.isTest():
		s.breaker.refused(s.Relay, s.Clock(), refused.Outcome)
		return s.result(m, refused.Outcome), false
	default: // the login, or TLS: waiting does not mend it
		s.breaker.refused(s.Relay, s.Clock(), refused.Outcome)
		if err := s.giveUp(ctx, fmt.Sprintf("relay %q refuses us: %s; mend it, then resume", s.Relay, refused.Outcome.Detail)); err != nil {
			s.Log.Error("cannot pause the campaign", "campaign_id", s.CampaignID, "error", err)
		}
		return back, false
	}
}

// unreachable defers a message, and with it the chunk, until the relay may be
// tried again.
func (s *shift) unreachable(m messages.Claimed, o delivery.Outcome) messages.Result {
	s.Log.Warn("relay cannot be reached; trying again", "relay", s.Relay, "reason", o.Reason, "detail", o.Detail)
	r := s.result(m, o)
	r.DueAt = s.breaker.failed(s.Relay, s.Clock(), o)
	s.notBefore = r.DueAt
	return r
}

// drop gives the connection back.
func (s *shift) drop() {
	if s.conn != nil {
		s.conn.Release()
		s.conn = nil
	}
}

// record writes outcomes, trying again while Postgres is away: they are worth more
// than the slot. Only when the worker has to end does it give up.
func (s *shift) record(ctx context.Context, results []messages.Result) error {
	ctx = context.WithoutCancel(ctx)
	var stopAt time.Time
	for {
		call, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, err := messages.Record(call, s.Pool, s.Clock(), s.Epoch, results)
		cancel()
		if err == nil {
			return nil
		}
		s.Log.Error("cannot record outcomes; trying again", "chunk", s.ID, "messages", len(results), "error", err)
		if s.isStopping() && stopAt.IsZero() {
			stopAt = time.Now().Add(15 * time.Second)
		}
		if !stopAt.IsZero() && time.Now().After(stopAt) {
			s.unsettled = true
			return err
		}
		time.Sleep(time.Second)
	}
}
