// Package clock is how the rest of Posthorn learns what time it is: a function
// handed in at wiring, so that a test can say "it is now a year later".
package clock

import (
	"sync"
	"time"
)

// Clock returns the present moment in UTC, to the microsecond (the resolution
// of a Postgres timestamptz, so that a time survives the round trip unchanged).
type Clock func() time.Time

// System is the machine's clock.
func System() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

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
