package journeys

import (
	"fmt"
	"hash/fnv"
	"time"

	"posthorn/internal/clock"
	"posthorn/segments"
)

// Status is where an enrolment stands.
type Status string

const (
	Pending  Status = "pending"  // the trigger happened, and it is to be seen whether something else does; leaves to waiting, finished, exited, dropped
	Active   Status = "active"   // entered, and its first step is due: for a moment, or for as long as the journey is paused; leaves to waiting, finished, exited
	Waiting  Status = "waiting"  // at a wait; leaves to waiting, finished, exited
	Finished Status = "finished" // came to the end, or to an exit step
	Exited   Status = "exited"   // left before it: the goal was met, the order refunded, the contact unsubscribed, …
	Dropped  Status = "dropped"  // never entered: what must not happen happened
)

// Statuses lists all.
var Statuses = []Status{Pending, Active, Waiting, Finished, Exited, Dropped}

// transitions is the whole life of an enrolment: write refuses what is not in it. It
// begins as pending or active. docs/states.md draws it.
var transitions = map[Status][]Status{
	Pending: {Waiting, Finished, Exited, Dropped},
	Active:  {Waiting, Finished, Exited},
	Waiting: {Waiting, Finished, Exited},
}

// CanBecome reports whether an enrolment may go from one status to the other.
func (s Status) CanBecome(next Status) bool {
	for _, t := range transitions[s] {
		if t == next {
			return true
		}
	}
	return false
}

// Over reports whether nothing more will happen.
func (s Status) Over() bool { return len(transitions[s]) == 0 }

// Reasons why an enrolment ended before its last step, or was never begun.
const (
	ReasonGoal         = "goal_met"
	ReasonRefunded     = "order_refunded"
	ReasonCancelled    = "order_cancelled"
	ReasonUnsubscribed = "unsubscribed"
	ReasonSuppressed   = "suppressed"
	ReasonFilter       = "no_longer_wanted" // entry.if does not hold any more
	ReasonHappened     = "happened_meanwhile"
	ReasonNotWanted    = "not_wanted" // entry.if does not hold
	ReasonStep         = "exit_step"
	ReasonEntered      = "entered_before"
	ReasonArchived     = "archived" // the journey was
)

// State is where one contact is in a journey.
type State struct {
	Status   Status
	Position string    // the step it is at; "": before the first
	Since    time.Time // when it came there; pending: when the trigger happened
	DueAt    time.Time // when to look again
	Seed     uint64    // decides splits: the same for a contact in all versions of a journey
}

// Seed makes the seed of a contact in a journey.
func Seed(journey int64, contact string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", journey, contact)
	return h.Sum64()
}

// World is what a decision looks at besides the state. All of it is as of Now.
type World struct {
	Now        time.Time
	Facts      segments.Facts // with Trigger
	Suppressed bool           // the contact's address
	Zone       *time.Location // where the contact has none
}

// Taken is one step that was taken, or one decision.
type Taken struct {
	Step string // "" for what concerns the whole: entering, leaving
	Type StepType
	What string // a short code: sent, waited, then, else, path 2, …
	Why  string // one sentence
}

// Outcome is what a look at an enrolment comes to. The caller writes it down in one
// transaction, with the messages and changes that the steps taken ask for.
type Outcome struct {
	State
	Reason string // exited, finished, dropped: why
	Taken  []Taken
	Wakes  bool // look again also when something happens to the contact: it waits for a rule or an event, or has a goal
}

// Decide takes all steps that are due. It is the whole engine: it reads nothing but
// its arguments and changes nothing, so that the live worker and the simulator give
// the same answers.
func (p *Program) Decide(s State, w World) Outcome {
	d := decision{Program: p, World: w, out: Outcome{State: s, Wakes: p.Exit.Goal != nil}}
	// Decisions before this one may have changed these for the steps after them, not for the caller.
	d.Facts.Attributes = copied(d.Facts.Attributes)
	d.Facts.Consents = copied(d.Facts.Consents)
	d.run()
	return d.out
}

func copied[V any](m map[string]V) map[string]V {
	out := make(map[string]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

type decision struct {
	*Program
	World
	out Outcome
}

func (d *decision) run() {
	if d.out.Status.Over() || d.leaves() {
		return
	}
	at := d.start
	switch {
	case d.out.Status == Pending:
		if d.out.DueAt.After(d.Now) {
			return // too early, whoever asked
		}
		if why, happened := d.happened(); happened {
			d.end(Dropped, ReasonHappened, why)
			return
		}
		if !d.wanted() {
			d.end(Dropped, ReasonNotWanted, "the contact does not fit who may enter: "+d.Entry.If.String())
			return
		}
		d.take("", "", "entered", d.entering())
	case d.out.Position == "" && d.out.Status == Active:
		d.take("", "", "entered", d.entering())
	case d.out.Position != "":
		var ok bool
		if at, ok = d.at[d.out.Position]; !ok { // a migration leaves nobody at a step that is not there
			d.end(Exited, ReasonStep, fmt.Sprintf("the step %q is not there any more", d.out.Position))
			return
		}
		if d.out.Status == Waiting {
			if at, ok = d.waited(d.code[at]); !ok {
				return
			}
		}
	}
	d.out.Status = Active
	for at != end {
		in := d.code[at]
		d.out.Position, d.out.Since = in.ID, d.Now
		next, goOn := d.step(in)
		if !goOn {
			return
		}
		at = next
	}
	d.end(Finished, "", "came to the end")
}

// leaves ends the enrolment where something says so, whatever step it is at.
func (d *decision) leaves() bool {
	over := Exited
	if d.out.Status == Pending {
		over = Dropped
	}
	if t := d.Facts.Trigger; d.Exit.OnRefund && t != nil && t.Order != nil {
		switch t.Order.Status {
		case "refunded":
			return d.end(over, ReasonRefunded, "the order was refunded")
		case "cancelled":
			return d.end(over, ReasonCancelled, "the order was cancelled")
		}
	}
	if d.Exit.Goal != nil && d.Exit.Goal.Match(d.Facts, d.Now) {
		return d.end(over, ReasonGoal, d.goalMet())
	}
	return false
}

// happened reports whether what a delayed trigger waits for not to happen did.
func (d *decision) happened() (why string, yes bool) {
	switch d.Trigger.Type {
	case OnNotBought:
		if d.Trigger.Unless.Match(d.Facts, d.Now) {
			return "meanwhile: " + d.Trigger.Unless.String(), true
		}
	case OnWinBack, OnAbandoned:
		if orderedSince.Match(d.Facts, d.Now) {
			return "there was an order meanwhile", true
		}
	case OnReplenish:
		if r := d.Trigger.bought("trigger"); r.Match(d.Facts, d.Now) {
			return "bought again meanwhile", true
		}
	}
	return "", false
}

func (d *decision) wanted() bool { return d.Entry.If == nil || d.Entry.If.Match(d.Facts, d.Now) }

func (d *decision) goalMet() string { return "the goal is met: " + d.Exit.Goal.String() }

func (d *decision) noLongerWanted() string {
	return "does not fit any more who may enter: " + d.Entry.If.String()
}

func (d *decision) entering() string {
	switch t := d.Trigger; t.Type {
	case OnOrder:
		return fmt.Sprintf("%s was %s", d.order(), t.On)
	case OnEvent:
		return fmt.Sprintf("event %q happened", t.Name)
	case OnAbandoned:
		return fmt.Sprintf("event %q happened, and no order within %s", t.Name, t.Within)
	case OnNotBought:
		return fmt.Sprintf("%s was placed, and within %s it did not come true that %s", d.order(), t.Within, t.Unless)
	case OnWinBack:
		return fmt.Sprintf("no other order within %s of %s", t.Within, d.order())
	case OnReplenish:
		return fmt.Sprintf("what %s brought should be used up", d.order())
	case OnSegment:
		return fmt.Sprintf("the contact %s segment %d", t.On, t.SegmentID)
	default:
		return fmt.Sprintf("the date in attribute %q came", t.Attribute)
	}
}

// order names the triggering order, which may be deleted by now.
func (d *decision) order() string {
	if t := d.Facts.Trigger; t != nil && t.Order != nil {
		return "order " + t.Order.ExternalID
	}
	return "an order that was deleted"
}

// waited looks at a wait the contact is at. ok is false while it is not over.
func (d *decision) waited(in instruction) (next int, ok bool) {
	if in.Type == WaitStep {
		if due := d.waitEnds(in.Step, d.out.Since); due.After(d.Now) {
			d.out.DueAt = due
			return 0, false
		}
		d.take(in.ID, in.Type, "waited", "the wait is over")
		return in.next, true
	}
	late := in.Timeout.After(d.out.Since)
	switch {
	case d.came(in.Step):
		d.take(in.ID, in.Type, "then", in.Step.awaited("came", "it came true that"))
		return in.then, true
	case !late.After(d.Now):
		d.take(in.ID, in.Type, "else", in.Step.awaited("did not come within "+in.Timeout.String(), "within "+in.Timeout.String()+" it did not come true that"))
		return in.els, true
	default:
		d.out.DueAt, d.out.Wakes = late, true
		return 0, false
	}
}

// awaited says of what a wait_until waits for what became of it: of the event, or of
// the rule.
func (s *Step) awaited(event, rule string) string {
	if s.Event != "" {
		return fmt.Sprintf("event %q %s", s.Event, event)
	}
	return rule + " " + s.If.String()
}

// came reports whether what a wait_until waits for is there: an event since the
// contact came to the step, or a rule that holds.
func (d *decision) came(s *Step) bool {
	if s.If != nil {
		return s.If.Match(d.Facts, d.Now)
	}
	for _, e := range d.Facts.Events {
		if e.Name == s.Event && !e.OccurredAt.Before(d.out.Since) && !e.OccurredAt.After(d.Now) {
			return true
		}
	}
	return false
}

func (d *decision) waitEnds(s *Step, since time.Time) time.Time {
	due := s.For.After(since)
	if s.at.given || s.on != (weekdays{}) {
		due = next(due, clock.Zone(d.Facts.Timezone, d.Zone), s.at, s.on)
	}
	return due
}

// step takes one step. goOn is false where the contact stays or leaves.
func (d *decision) step(in instruction) (next int, goOn bool) {
	switch in.Type {
	case SendStep:
		return in.next, d.send(in.Step)
	case WaitStep:
		if d.waitEnds(in.Step, d.Now).After(d.Now) {
			d.wait(d.waitEnds(in.Step, d.Now))
			return 0, false
		}
		return in.next, true
	case WaitUntilStep:
		if d.came(in.Step) {
			d.take(in.ID, in.Type, "then", in.Step.awaited("is there already", "it is true already that"))
			return in.then, true
		}
		d.out.Wakes = true
		d.wait(in.Timeout.After(d.Now))
		return 0, false
	case BranchStep:
		if in.If.Match(d.Facts, d.Now) {
			d.take(in.ID, in.Type, "then", "so it is: "+in.If.String())
			return in.then, true
		}
		d.take(in.ID, in.Type, "else", "not so: "+in.If.String())
		return in.els, true
	case SplitStep:
		n := d.pick(in.Step)
		d.take(in.ID, in.Type, fmt.Sprintf("path %d", n+1), "by lot")
		return in.path[n], true
	case UpdateStep:
		in.Step.apply(&d.Facts)
		d.take(in.ID, in.Type, "updated", "the contact was changed")
		return in.next, true
	case WebhookStep:
		d.take(in.ID, in.Type, "called", "the webhook is to be called")
		return in.next, true
	default:
		reason := in.Reason
		if reason == "" {
			reason = "came to an exit step"
		}
		d.out.Status, d.out.Reason, d.out.DueAt = Finished, ReasonStep, time.Time{}
		d.take(in.ID, in.Type, "exit", reason)
		return 0, false
	}
}

// send decides about a mail. What only holds it back for now (caps, quiet hours,
// stock) is decided when it is claimed, as for every mail; then the goal and entry.if
// are asked once more (AskAgain).
func (d *decision) send(s *Step) bool {
	if !d.wanted() {
		return !d.end(Exited, ReasonFilter, d.noLongerWanted())
	}
	if !s.Transactional {
		switch {
		case d.Suppressed:
			return !d.end(Exited, ReasonSuppressed, "the address is suppressed")
		case d.Facts.Consents[s.Topic] == "unsubscribed":
			return !d.end(Exited, ReasonUnsubscribed, fmt.Sprintf("unsubscribed from %q", s.Topic))
		}
	}
	d.take(s.ID, SendStep, "mail", "the mail was due")
	return true
}

// apply does to facts what an update does to the contact.
func (s *Step) apply(f *segments.Facts) {
	for name, v := range s.Set {
		if v == nil {
			delete(f.Attributes, name)
		} else {
			f.Attributes[name] = v
		}
	}
	for _, topic := range s.Subscribe {
		if f.Consents[topic] != "unsubscribed" { // which only the contact's own word changes
			f.Consents[topic] = "subscribed"
		}
	}
	for _, topic := range s.Unsubscribe {
		f.Consents[topic] = "unsubscribed"
	}
}

// pick draws a path by weight, the same for a contact whenever it is asked.
func (d *decision) pick(s *Step) int {
	sum := uint64(0)
	for _, p := range s.Paths {
		sum += uint64(p.Weight)
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", d.out.Seed, s.ID)
	n := h.Sum64() % sum
	for i, p := range s.Paths {
		if n < uint64(p.Weight) {
			return i
		}
		n -= uint64(p.Weight)
	}
	return 0 // not reached: the weights add up to sum
}

func (d *decision) wait(until time.Time) { d.out.Status, d.out.DueAt = Waiting, until }

func (d *decision) take(step string, typ StepType, what, why string) {
	d.out.Taken = append(d.out.Taken, Taken{Step: step, Type: typ, What: what, Why: why})
}

// end ends the enrolment; it returns true, so that it can be returned.
func (d *decision) end(status Status, reason, why string) bool {
	d.out.Status, d.out.Reason, d.out.DueAt, d.out.Wakes = status, reason, time.Time{}, false
	d.take("", "", string(status), why)
	return true
}
