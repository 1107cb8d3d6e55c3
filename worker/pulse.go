package worker

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hibiken/asynq"

	"posthorn/delivery"
	"posthorn/internal/pulse"
	"posthorn/messages"
	"posthorn/tasks"
)

// maxCircuits bounds how many relays a worker tells of.
const maxCircuits = 100

// state is what the worker tells of itself.
func (w *Worker) state() pulse.Worker {
	circuits := w.breaker.circuits(w.Clock())
	for _, pools := range []*delivery.Pools{w.pools, w.realtime} {
		for name, use := range pools.Use() {
			c, ok := circuits[name]
			if !ok {
				c = pulse.RelayCircuit{Relay: name, State: pulse.Closed}
			}
			c.InUse, c.Idle, c.Limit = c.InUse+use.Lent, c.Idle+use.Idle, c.Limit+use.Limit
			circuits[name] = c
		}
	}
	list := slices.SortedFunc(maps.Values(circuits), func(a, b pulse.RelayCircuit) int { return cmp.Compare(a.Relay, b.Relay) })
	return pulse.Worker{Concurrency: w.Concurrency, Relays: list[:min(len(list), maxCircuits)]}
}

// counted counts a task that was handled.
func (w *Worker) counted(ctx context.Context, err error) {
	queue, _ := asynq.GetQueueName(ctx)
	as := "done"
	if err != nil {
		as = "failed"
	}
	w.Pulse.Add(pulse.Tasks, queue, as, 1)
}

// queue is where the shift's chunk was knocked for.
func (s *shift) queue() string {
	if s.Kind == messages.OfJourney {
		return tasks.QueueTriggered
	}
	return tasks.QueueBulk
}

// answered counts what a relay said to a mail. How long a mail took is counted where
// the first attempt was accepted: the time for which a relay puts a mail off is not ours.
func (s *shift) answered(m messages.Claimed, r messages.Result) {
	s.Pulse.Add(pulse.Relay, s.Relay, string(r.State), 1)
	if r.State == messages.Sent && m.Attempts == 1 && !s.AskedAt.IsZero() {
		s.Pulse.Observe(pulse.Latency, s.queue(), s.Clock().Sub(s.AskedAt))
	}
}

// settled counts what became of a message, before it is recorded: a batch at a slow
// relay takes a while. What is put back as it was does not count.
func (s *shift) settled(r messages.Result) {
	if r.State != messages.Planned {
		s.Pulse.Add(pulse.Mails, s.queue(), string(r.State), 1)
		s.Pulse.Add(pulse.Rows, s.queue(), "", 1)
	}
}
