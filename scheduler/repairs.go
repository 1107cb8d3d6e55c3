package scheduler

import (
	"context"
	"time"

	"posthorn/internal/pulse"
	"posthorn/tasks"
)

// What a sweep repairs besides knocks that were lost, which are counted by the type
// of their task.
const (
	repairLease = "lease" // chunks taken away from a worker that died
	repairPause = "pause" // queues that Redis forgot to be paused, or to go on
)

const (
	// tardy is how old a row may be for which somebody else should have knocked
	// right after he wrote it.
	tardy = 300 * time.Millisecond

	// trust is how long something may be due for which the sweep is the one to knock:
	// the end of a wait, and what an import brought, which knocks for nothing.
	trust = 5 * time.Second
)

// late reports whether a row was written so long ago that its knock should be there.
func late(now, written time.Time) bool { return now.Sub(written) > tardy }

// overdue reports whether an earlier sweep should have knocked for what is due since.
func (s *Scheduler) overdue(now, since time.Time) bool {
	return now.Sub(since) > trust+s.Every
}

// knock knocks for a row. Where its task should have been there already and was not,
// that knock was lost, and this one is a repair.
func (s *Scheduler) knock(ctx context.Context, typ string, row tasks.Row, expected bool) error {
	fresh, err := s.Tasks.Again(ctx, typ, row)
	if err == nil && fresh && expected {
		s.Pulse.Add(pulse.Repairs, tasks.Kind(typ), "", 1)
	}
	return err
}
