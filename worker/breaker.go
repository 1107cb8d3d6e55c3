package worker

import (
	"sync"
	"time"

	"posthorn/delivery"
	"posthorn/internal/check"
	"posthorn/internal/pulse"
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
	failures       int
	since          time.Time
	until          time.Time
	reason, detail string
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
func (b *breaker) failed(relay string, now time.Time, o delivery.Outcome) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.note(relay, now, o)
	if !r.until.After(now) {
		r.until = now.Add(min(minBreak<<min(r.failures, 10), maxBreak))
		r.failures++
	}
	return r.until
}

// refused notes that the relay was reached and does not want us: waiting does not
// mend that, so that the next mail may try.
func (b *breaker) refused(relay string, now time.Time, o delivery.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(relay, now, o).failures++
}

func (b *breaker) note(relay string, now time.Time, o delivery.Outcome) *broken {
	if b.relays == nil {
		b.relays = map[string]*broken{}
	}
	r := b.relays[relay]
	if r == nil {
		r = &broken{since: now}
		b.relays[relay] = r
	}
	r.reason, r.detail = o.Reason, check.WithoutAddresses(o.Detail)
	return r
}

// worked forgets the failures.
func (b *breaker) worked(relay string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.relays, relay)
}

// circuits returns the relays that cannot be reached, by name.
func (b *breaker) circuits(now time.Time) map[string]pulse.RelayCircuit {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make(map[string]pulse.RelayCircuit, len(b.relays))
	for name, r := range b.relays {
		c := pulse.RelayCircuit{Relay: name, State: pulse.HalfOpen, Since: r.since, Failures: r.failures, Reason: r.reason, Detail: r.detail}
		if r.until.After(now) {
			c.State, c.Until = pulse.Open, r.until
		}
		list[name] = c
	}
	return list
}
