package campaigns

import "posthorn/internal/fault"

// Status is where a campaign stands. docs/states.md draws it.
type Status string

const (
	Draft     Status = "draft"     // being written, perhaps with gaps; leaves by start
	Scheduled Status = "scheduled" // waits for its time, or for the next tick of its schedule; before its first run it may become a draft again
	Running   Status = "running"   // a run is under way
	Paused    Status = "paused"    // a run is held, by a person or by itself (status_reason)
	Finished  Status = "finished"  // every recipient of its only run is settled
	Cancelled Status = "cancelled" // a person ended it; what was not sent is cancelled
	Failed    Status = "failed"    // it could not begin, and says why (status_reason)
)

// Action is what moves a campaign on.
type Action string

const (
	ActStart    Action = "start"    // a person, without a schedule: send now
	ActSchedule Action = "schedule" // a person, with a schedule
	ActBegin    Action = "begin"    // the clock: a tick is due
	ActPause    Action = "pause"
	ActResume   Action = "resume"
	ActCancel   Action = "cancel"
	ActFinish   Action = "finish" // the worker: everybody is settled
	ActRest     Action = "rest"   // the same, where the schedule goes on
	ActFail     Action = "fail"
	ActReopen   Action = "reopen" // a person: unknown mails are to be sent again

	ActUnschedule Action = "unschedule" // a person: back to draft, before the first run
)

// transitions is the whole life of a campaign: what is not in it is refused.
var transitions = map[Status]map[Action]Status{
	Draft:     {ActStart: Running, ActSchedule: Scheduled},
	Scheduled: {ActBegin: Running, ActCancel: Cancelled, ActFail: Failed, ActRest: Scheduled, ActUnschedule: Draft},
	Running:   {ActPause: Paused, ActCancel: Cancelled, ActFinish: Finished, ActRest: Scheduled, ActFail: Failed},
	Paused:    {ActResume: Running, ActCancel: Cancelled},
	Finished:  {ActReopen: Running},
}

// next returns the status that action leads to, or a fault.Conflict that names
// the present one and what it allows.
func (s Status) next(action Action) (Status, error) {
	if to, ok := transitions[s][action]; ok {
		return to, nil
	}
	hint := "nothing more can be done with it; copy it to a new campaign to send again"
	switch s {
	case Draft:
		hint = "it can be changed, tested or started"
	case Scheduled:
		hint = "it can be cancelled, or unscheduled before it has run"
	case Running:
		hint = "it can be paused or cancelled"
	case Paused:
		hint = "it can be resumed or cancelled"
	}
	return s, fault.Conflictf(string(s), "cannot %s: the campaign is %s; %s", verb(action), s, hint)
}

func verb(a Action) string {
	if a == ActSchedule {
		return "start"
	}
	return string(a)
}
