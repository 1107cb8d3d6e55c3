package journeys

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/segments"
)

// Simulation is what to replay.
type Simulation struct {
	From, To time.Time // happenings in [From, To) are replayed, and what they lead to before To
	Contact  string    // the shop's id of a contact whose path is shown in full; "": none
	Zone     *time.Location
	Each     func(Mail) error // called for every mail, also for those skipped; nil: they are only counted
}

// Mail is a mail that somebody would have got, or would have but for Skipped.
type Mail struct {
	Contact string    `json:"contact_external_id"`
	Step    string    `json:"step"`
	At      time.Time `json:"at"`
	Skipped string    `json:"skipped,omitempty"` // why it would not be sent: no_consent, invalid_address or suppressed
}

// Report is what a simulation comes to. It says what the journey would have
// decided; caps, quiet hours and stock, which hold single mails back, are not in it.
type Report struct {
	From        time.Time      `json:"from"`
	To          time.Time      `json:"to"`
	Contacts    int            `json:"contacts"`       // looked at
	Enrolled    int            `json:"enrolled"`       // entered
	Dropped     int            `json:"dropped"`        // what must not happen happened before they entered
	Statuses    map[Status]int `json:"statuses"`       // of those who entered, at the end
	Mails       int            `json:"mails"`          // that somebody would have got
	Skipped     map[string]int `json:"skipped"`        // mails that nobody would, by reason
	PerStep     map[string]int `json:"per_step"`       // steps taken
	Steps       map[string]*At `json:"steps"`          // what became of contacts at each step
	Reasons     map[string]int `json:"reasons"`        // of those who left, finished at an exit step or were dropped, by reason
	PerDay      map[string]int `json:"per_day"`        // mails, by day in UTC
	BusiestHour *Hour          `json:"busiest_hour"`   // null: no mail at all
	Path        []Moment       `json:"path,omitempty"` // of the one contact
}

// At is what became of contacts at a step.
type At struct {
	Came    int            `json:"came"`    // to the step; a contact comes to a step once for each enrolment
	Mails   int            `json:"mails"`   // send: that somebody would have got
	Skipped int            `json:"skipped"` // send: that nobody would
	Ways    map[string]int `json:"ways"`    // branch, wait_until: then, else; split: path 1, path 2, …
	Waiting int            `json:"waiting"` // wait, wait_until: still there at the end
	Left    int            `json:"left"`    // left, or finished at an exit step, here
}

// Hour is an hour with the most mails.
type Hour struct {
	At    time.Time `json:"at"`
	Mails int       `json:"mails"`
}

// Moment is one step of the contact whose path is shown.
type Moment struct {
	At   time.Time `json:"at"`
	Step string    `json:"step,omitempty"`
	What string    `json:"what"`
	Why  string    `json:"why"`
}

// longestSimulation bounds how much is replayed.
const longestSimulation = 5 * 366 * 24 * time.Hour

// Simulate replays the stored orders and events of a period through a definition
// with a virtual clock. It sends nothing and writes nothing. What has no history (an
// order's status, attributes, consents) is taken as it is today.
func Simulate(ctx context.Context, db postgres.DB, journeyID int64, d *Definition, s Simulation) (Report, error) {
	r := Report{From: s.From, To: s.To, Skipped: map[string]int{}, Statuses: map[Status]int{}, PerStep: map[string]int{}, PerDay: map[string]int{},
		Steps: map[string]*At{}, Reasons: map[string]int{}}
	d.Walk(func(step *Step) { r.Steps[step.ID] = &At{Ways: map[string]int{}} })
	switch {
	case !s.To.After(s.From):
		return r, fault.Invalidf("to", "is not after from")
	case s.To.Sub(s.From) > longestSimulation:
		return r, fault.Invalidf("to", "is more than 5 years after from")
	case d.Trigger.Type == OnSegment:
		return r, fault.Invalidf("trigger", "a segment has no history: a journey that it triggers cannot be simulated")
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	run := simulator{Simulation: s, program: Compile(d), journey: journeyID, report: &r, hours: map[time.Time]int{}}
	for cursor := int64(0); ; {
		ids, err := candidates(ctx, db, d, s, cursor)
		if err != nil {
			return r, err
		}
		if len(ids) == 0 {
			break
		}
		cursor = ids[len(ids)-1]
		if err := run.page(ctx, db, ids); err != nil {
			return r, err
		}
	}
	for at, n := range run.hours {
		if r.BusiestHour == nil || n > r.BusiestHour.Mails || n == r.BusiestHour.Mails && at.Before(r.BusiestHour.At) {
			r.BusiestHour = &Hour{at, n}
		}
	}
	return r, nil
}

// candidates returns the next page of contacts to whom something happened.
func candidates(ctx context.Context, db postgres.DB, d *Definition, s Simulation, cursor int64) ([]int64, error) {
	which := `EXISTS (SELECT FROM orders o WHERE o.contact_id = c.id AND o.placed_at >= $2 AND o.placed_at < $3)`
	args := []any{cursor, s.From, s.To}
	switch d.Trigger.Type {
	case OnEvent, OnAbandoned:
		which = `EXISTS (SELECT FROM events e WHERE e.contact_id = c.id AND e.name = $4 AND e.occurred_at >= $2 AND e.occurred_at < $3)`
		args = append(args, d.Trigger.Name)
	case OnDate:
		which = `c.attributes ? $4 AND $2::timestamptz < $3::timestamptz`
		args = append(args, d.Trigger.Attribute)
	}
	rows, err := db.Query(ctx, `SELECT c.id FROM contacts c WHERE c.id > $1 AND `+which+` ORDER BY c.id LIMIT 1000`, args...)
	if err != nil {
		return nil, fmt.Errorf("simulate: find contacts: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("simulate: find contacts: %w", err)
	}
	return ids, nil
}

type simulator struct {
	Simulation
	program *Program
	journey int64
	report  *Report
	hours   map[time.Time]int
}

// page simulates one contact after the other: they have nothing to do with each other.
func (r *simulator) page(ctx context.Context, db postgres.DB, ids []int64) error {
	facts, err := segments.LoadFacts(ctx, db, ids)
	if err != nil {
		return err
	}
	happened, events, err := r.happenings(ctx, db, ids, facts)
	if err != nil {
		return err
	}
	suppressed, err := suppressedOf(ctx, db, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		f, ok := facts[id]
		if !ok {
			continue
		}
		c := simulated{simulator: r, id: id, world: World{Facts: f, Suppressed: suppressed[id], Zone: r.Zone}, events: events}
		if err := c.live(happened[id]); err != nil {
			return err
		}
		r.report.Contacts++
	}
	return ctx.Err()
}

func suppressedOf(ctx context.Context, db postgres.DB, ids []int64) (map[int64]bool, error) {
	rows, err := db.Query(ctx, `
		SELECT c.id FROM contacts c JOIN suppressions x ON x.email_key = c.email_key WHERE c.id = ANY($1) AND c.email_key <> ''`, ids)
	if err != nil {
		return nil, fmt.Errorf("look for suppressions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("look for suppressions: %w", err)
	}
	out := make(map[int64]bool, len(list))
	for _, id := range list {
		out[id] = true
	}
	return out, nil
}

// happenings are what would have left a row in happenings, by contact, in the
// sequence in which the rows would have come.
func (r *simulator) happenings(ctx context.Context, db postgres.DB, ids []int64, facts map[int64]segments.Facts) (map[int64][]happened, map[int64]segments.EventFact, error) {
	out := map[int64][]happened{}
	within := func(at time.Time) bool { return !at.Before(r.From) && at.Before(r.To) }
	for id, f := range facts {
		for _, o := range f.Orders {
			if !within(o.PlacedAt) {
				continue
			}
			order := o.ID
			add := func(what string) {
				out[id] = append(out[id], happened{ID: order, Kind: "order", What: what, ContactID: id, OrderID: &order, At: o.PlacedAt})
			}
			if o.Status == "placed" || o.Status == "paid" {
				add("placed")
			}
			if o.Status != "placed" {
				add(o.Status)
			}
		}
		if r.program.Trigger.Type == OnDate {
			for _, at := range r.program.Trigger.moments(f, r.From, r.To, r.Zone) {
				out[id] = append(out[id], happened{Kind: "date", ContactID: id, At: at})
			}
		}
	}
	rows, err := db.Query(ctx, `
		SELECT id, contact_id, name, occurred_at FROM events WHERE contact_id = ANY($1) AND occurred_at >= $2 AND occurred_at < $3`, ids, r.From, r.To)
	if err != nil {
		return nil, nil, fmt.Errorf("simulate: read events: %w", err)
	}
	var eventIDs []int64
	var id, contact int64
	var name string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &contact, &name, &at}, func() error {
		event := id
		eventIDs = append(eventIDs, id)
		out[contact] = append(out[contact], happened{ID: id, Kind: "event", What: name, ContactID: contact, EventID: &event, At: at})
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("simulate: read events: %w", err)
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b happened) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	}
	events, err := eventFacts(ctx, db, eventIDs)
	return out, events, err
}

// simulated is one contact under way.
type simulated struct {
	*simulator
	id     int64
	world  World
	events map[int64]segments.EventFact
	open   []*enrolment
	keys   map[string]bool
	placed map[int64]bool // orders that have happened
	person person
	ahead  []happened // what has not happened yet
}

// seen is the world without what happens at this very moment, but later: two orders
// may be placed in one second, and one while a wait ends.
func (c *simulated) seen() World {
	w := c.world
	if len(c.ahead) == 0 || c.ahead[0].At.After(w.Now) {
		return w
	}
	hidden := func(o segments.OrderFact) bool {
		return slices.ContainsFunc(c.ahead, func(h happened) bool { return h.OrderID != nil && *h.OrderID == o.ID }) && !o.PlacedAt.Before(w.Now) && !c.placed[o.ID]
	}
	w.Facts.Orders = slices.DeleteFunc(slices.Clone(w.Facts.Orders), hidden)
	w.Facts.Events = slices.DeleteFunc(slices.Clone(w.Facts.Events), func(e segments.EventFact) bool {
		return slices.ContainsFunc(c.ahead, func(h happened) bool {
			return h.Kind == "event" && h.What == e.Name && h.At.Equal(e.OccurredAt) && h.At.Equal(w.Now)
		})
	})
	return w
}

// live goes through a contact's time, from one thing that happens or is due to the next.
func (c *simulated) live(happened []happened) error {
	c.keys, c.placed, c.person = map[string]bool{}, map[int64]bool{}, person{World: c.world, last: map[int64]entry{}}
	for {
		c.ahead = happened
		at, due := c.next(happened)
		if at.IsZero() || !at.Before(c.To) {
			break
		}
		c.world.Now = at
		if due != nil {
			if err := c.decide(due); err != nil {
				return err
			}
			continue
		}
		h := happened[0]
		happened = happened[1:]
		c.ahead = happened
		if h.OrderID != nil {
			c.placed[*h.OrderID] = true
		}
		if err := c.happens(h); err != nil {
			return err
		}
	}
	for _, e := range c.open {
		c.report.Statuses[e.Status]++
		if at := c.report.Steps[e.Position]; at != nil && e.Status == Waiting {
			at.Came++ // and has not gone on
			at.Waiting++
		}
	}
	return nil
}

// next is when something comes next: a happening, or an enrolment that is due (and
// of several those that have been enrolled for longest). What is due comes first.
func (c *simulated) next(happened []happened) (at time.Time, due *enrolment) {
	if len(happened) > 0 {
		at = happened[0].At
	}
	for _, e := range c.open {
		if !e.Status.Over() && (at.IsZero() || e.DueAt.Before(at) || due == nil && e.DueAt.Equal(at)) {
			at, due = e.DueAt, e
		}
	}
	return at, due
}

func (c *simulated) happens(h happened) error {
	w := c.seen()
	w.Facts.Trigger = trigger(w.Facts, h.At, h.OrderID, h.EventID, c.events)
	if s, ok := c.program.Starts(Happening{Kind: h.Kind, What: h.What, At: h.At}, w); ok {
		e := &enrolment{JourneyID: c.journey, ContactID: c.id, OrderID: h.OrderID, EventID: h.EventID, TriggerAt: h.At, State: s, program: c.program, person: &c.person}
		e.Seed = Seed(c.journey, w.Facts.ExternalID)
		enters := true
		if s.Status == Pending {
			e.Key = e.program.PendingKey(h.Kind, e.subject())
		} else if enters = e.enter(w.Now); enters {
			c.report.Enrolled++
		}
		if enters && !c.keys[e.Key] {
			c.keys[e.Key] = true
			c.open = append(c.open, e)
			if s.Status != Pending {
				if err := c.decide(e); err != nil {
					return err
				}
			}
		}
	}
	for _, e := range c.open {
		about := h.OrderID != nil && h.What != "placed" && e.OrderID != nil && *e.OrderID == *h.OrderID
		if !e.Status.Over() && e.Status != Pending && e.DueAt.After(h.At) && (about || e.out.Wakes) {
			if err := c.decide(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *simulated) decide(e *enrolment) error {
	w := c.seen()
	w.Facts.Trigger = trigger(w.Facts, e.TriggerAt, e.OrderID, e.EventID, c.events)
	was := e.Status
	out := c.program.Decide(e.State, w)
	if was == Pending && out.Status != Pending {
		switch {
		case out.Status == Dropped:
			c.report.Dropped++
		case !e.enter(w.Now):
			c.report.Dropped++
			out = Outcome{State: State{Status: Dropped}, Reason: ReasonEntered}
		default:
			c.report.Enrolled++
		}
	}
	left := was != out.Status && out.Status.Over()
	if left && out.Reason != "" {
		c.report.Reasons[out.Reason]++
	}
	if at := c.report.Steps[out.Position]; at != nil && left && out.Reason != "" {
		at.Left++
		if !slices.ContainsFunc(out.Taken, func(t Taken) bool { return t.Step == out.Position }) {
			at.Came++ // and did not take it
		}
	}
	e.State, e.out = out.State, out
	for _, t := range out.Taken {
		if t.Step != "" {
			c.report.PerStep[t.Step]++
			at := c.report.Steps[t.Step]
			at.Came++
			if t.Type == BranchStep || t.Type == WaitUntilStep || t.Type == SplitStep {
				at.Ways[t.What]++
			}
		}
		if c.Contact != "" && c.Contact == w.Facts.ExternalID {
			c.report.Path = append(c.report.Path, Moment{At: w.Now, Step: t.Step, What: t.What, Why: t.Why})
		}
		switch t.Type {
		case SendStep:
			step := c.program.code[c.program.at[t.Step]].Step
			if err := c.mail(Mail{Contact: w.Facts.ExternalID, Step: t.Step, At: w.Now, Skipped: c.skipped(step)}); err != nil {
				return err
			}
		case UpdateStep: // what it changed is so from now on
			s := c.program.code[c.program.at[t.Step]].Step
			facts := c.world.Facts
			facts.Attributes, facts.Consents = maps.Clone(facts.Attributes), maps.Clone(facts.Consents)
			s.apply(&facts)
			c.world.Facts = facts
		}
	}
	return nil
}

// skipped is why a mail would not be sent although the journey decides on it: what
// planning it (messages.PlanTriggered) and claiming it (messages.Claim) ask besides the
// order and the enrolment. It sees what the steps before changed.
func (c *simulated) skipped(s *Step) string {
	switch {
	case c.world.Facts.Email == "":
		return messages.ReasonInvalidAddress
	case c.world.Suppressed:
		return messages.ReasonSuppressed
	case !s.Transactional && c.world.Facts.Consents[s.Topic] != "subscribed":
		return messages.ReasonNoConsent
	}
	return ""
}

func (c *simulated) mail(m Mail) error {
	if m.Skipped != "" {
		c.report.Skipped[m.Skipped]++
		c.report.Steps[m.Step].Skipped++
	} else {
		c.report.Mails++
		c.report.Steps[m.Step].Mails++
		c.report.PerDay[m.At.UTC().Format(time.DateOnly)]++
		c.hours[m.At.UTC().Truncate(time.Hour)]++
	}
	if c.Each == nil {
		return nil
	}
	return c.Each(m)
}
