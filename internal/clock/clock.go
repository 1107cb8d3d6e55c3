// Package clock is how the rest of Posthorn learns what time it is: a function
// handed in at wiring, so that a test can say "it is now a year later".
package clock

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Clock returns the present moment in UTC, to the microsecond (the resolution
// of a Postgres timestamptz, so that a time survives the round trip unchanged).
type Clock func() time.Time

// System is the machine's clock.
func System() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Shared is a clock that all processes of an installation agree on, whatever their
// machines' clocks say: a lease that one of them takes must mean the same to the
// others. It asks a common source (the database) from time to time and goes by the
// machine's monotonic clock in between, which no change of the date moves.
type Shared struct {
	ask func(context.Context) (time.Time, error)
	log *slog.Logger

	mu   sync.Mutex
	then time.Time // what the source said
	at   time.Time // when, by this machine
}

const (
	lookEvery   = 5 * time.Second
	lookTimeout = 3 * time.Second
	slack       = 50 * time.Millisecond // below this, a difference may be the way's rather than the clocks'
	jump        = 2 * time.Second       // above this, somebody should hear of it
)

// NewShared asks the source once. Run keeps the clock right from then on.
func NewShared(ctx context.Context, log *slog.Logger, ask func(context.Context) (time.Time, error)) (*Shared, error) {
	s := &Shared{ask: ask, log: log}
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Now is the Clock to hand in.
func (s *Shared) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.then.Add(time.Since(s.at)).UTC().Truncate(time.Microsecond)
}

// Run looks at the source until ctx ends. While the source is away, the clock goes on.
func (s *Shared) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = s.look(ctx)
		}
	}
}

func (s *Shared) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	began := time.Now()
	then, err := s.ask(ctx)
	if err != nil {
		return err
	}
	way := time.Since(began)
	at := began.Add(way / 2)
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.at.IsZero()
	if !first {
		off := then.Sub(s.then.Add(at.Sub(s.at)))
		if off.Abs() <= way/2+slack {
			return nil
		}
		if off.Abs() >= jump {
			s.log.Warn("the database's clock jumped; following it", "by", off.Round(time.Millisecond))
		}
	}
	s.then, s.at = then, at
	return nil
}

// Fake is a clock that stands still until told otherwise. Its zero value stands
// at the zero time; use NewFake. It is safe for concurrent use.
type Fake struct {
	mu  sync.Mutex
	now time.Time
}

// NewFake returns a clock that stands at t.
func NewFake(t time.Time) *Fake { return &Fake{now: t.UTC().Truncate(time.Microsecond)} }

// Now is the Clock to hand in.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Advance moves the clock forward (or, with a negative d, back).
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}
