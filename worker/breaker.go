package worker

import (
	"sync"
	"time"
)

const (
	minBreak = 2 * time.Second
	maxBreak = time.Minute
)

// breaker keeps a worker from dialling a relay that just could not be reached:
// after each failure in a row it waits twice as long.
type breaker struct {
	mu     sync.Mutex
	relays map[string]*broken
}

type broken struct {
	failures int
	until    time.Time
}

// openUntil returns when the relay may be tried again; a time that has passed
// means now.
func (b *breaker) openUntil(relay string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.relays[relay]; r != nil {
		return r.until
	}
	return time.Time{}
}

// failed notes a failed connection and returns when to try again. Failures of
// several connections at the same moment count once.
func (b *breaker) failed(relay string, now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.relays == nil {
		b.relays = map[string]*broken{}
	}
	r := b.relays[relay]
	if r == nil {
		r = &broken{}
		b.relays[relay] = r
	}
	if !r.until.After(now) {
		r.until = now.Add(min(minBreak<<min(r.failures, 10), maxBreak))
		r.failures++
	}
	return r.until
}

// worked forgets the failures.
func (b *breaker) worked(relay string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.relays, relay)
}
