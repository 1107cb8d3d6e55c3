package campaigns

import (
	"errors"
	"slices"
	"testing"

	"posthorn/internal/fault"
)

// TestEveryTransition lists each status with each action: what it leads to, or
// that it is refused.
func TestEveryTransition(t *testing.T) {
	t.Parallel()
	actions := []Action{ActStart, ActSchedule, ActBegin, ActPause, ActResume, ActCancel, ActFinish, ActRest, ActFail, ActReopen, ActUnschedule}
	const no = Status("")
	table := map[Status][]Status{
		//           start    schedule   begin    pause   resume   cancel     finish    rest       fail reopen unschedule
		Draft:     {Running, Scheduled, no, no, no, no, no, no, no, no, no},
		Scheduled: {no, no, Running, no, no, Cancelled, no, Scheduled, Failed, no, Draft},
		Running:   {no, no, no, Paused, no, Cancelled, Finished, Scheduled, Failed, no, no},
		Paused:    {no, no, no, no, Running, Cancelled, no, no, no, no, no},
		Finished:  {no, no, no, no, no, no, no, no, no, Running, no},
		Cancelled: {no, no, no, no, no, no, no, no, no, no, no},
		Failed:    {no, no, no, no, no, no, no, no, no, no, no},
	}
	for from, row := range table {
		for i, action := range actions {
			to, err := from.next(action)
			if want := row[i]; want != no {
				if err != nil || to != want {
					t.Errorf("%s %s: got %s, %v; want %s", from, action, to, err, want)
				}
				continue
			}
			var conflict *fault.Conflict
			if !errors.As(err, &conflict) || conflict.State != string(from) || to != from {
				t.Errorf("%s %s: got %s, %v; want a conflict that names the state", from, action, to, err)
			}
		}
	}
	for from := range transitions {
		if !slices.ContainsFunc(actions, func(a Action) bool { _, err := from.next(a); return err == nil }) {
			t.Errorf("%s has transitions that this table does not know", from)
		}
	}
}
