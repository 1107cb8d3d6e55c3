package journeys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
	"posthorn/segments"
)

// questioner finds out why a contact did not enter a journey.
type questioner struct {
	db      postgres.DB
	journey Journey
	contact int64
	program *Program
	world   World
	answer  string
}

func (q *questioner) say(format string, args ...any) error {
	q.answer = fmt.Sprintf(format, args...)
	return nil
}

func (q *questioner) ask(ctx context.Context) error {
	switch t := q.program.Trigger; t.Type {
	case OnEvent, OnAbandoned:
		return q.askEvent(ctx)
	case OnSegment:
		return q.askSegment(ctx)
	case OnDate:
		return q.askDate(ctx)
	default:
		return q.askOrder(ctx)
	}
}

// since is from when on orders and events count; see begin.
func (q *questioner) since() time.Time {
	t := q.program.Trigger
	switch t.Type {
	case OnAbandoned, OnNotBought, OnWinBack:
		return q.journey.LiveSince.Add(-t.Within.rough())
	case OnReplenish:
		return q.journey.LiveSince.Add(-t.lasts())
	}
	return *q.journey.LiveSince
}

// live is "the journey went live on …", or what goes back further.
func (q *questioner) live() string {
	if since := q.since(); since.Before(*q.journey.LiveSince) {
		return fmt.Sprintf("%s, which is as far back as the journey looks", minute(since))
	}
	return fmt.Sprintf("the journey went live on %s", minute(*q.journey.LiveSince))
}

// askOrder asks about the newest order, which is what people mean.
func (q *questioner) askOrder(ctx context.Context) error {
	var id int64
	var name, status string
	var placed, reached time.Time
	err := q.db.QueryRow(ctx, `
		SELECT id, external_id, status, placed_at, CASE WHEN updated_at > created_at THEN updated_at ELSE placed_at END AS reached_at
		FROM orders
		WHERE contact_id = $1
		ORDER BY placed_at DESC, id DESC
		LIMIT 1`, q.contact).Scan(&id, &name, &status, &placed, &reached)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return q.say("the contact has no order")
	case err != nil:
		return fmt.Errorf("find the newest order: %w", err)
	}
	t := q.program.Trigger
	wanted := t.On
	if t.Type != OnOrder {
		wanted = "placed"
	}
	if wanted == "placed" {
		reached = placed
	}
	q.world.Facts.Trigger = trigger(q.world.Facts, reached, &id, nil, nil)
	switch {
	case reached.Before(q.since()):
		return q.say("no order since %s; the newest, %s, is of %s", q.live(), name, minute(placed))
	case status != wanted && !(wanted == "placed" && status == "paid"):
		return q.say("order %s does not fit: it is %s, not %s", name, status, wanted)
	}
	if t.Type == OnReplenish {
		if !q.program.brings(*q.world.Facts.Trigger.Order) {
			return q.say("order %s does not fit: it holds nothing of what is asked for", name)
		}
		if _, ok := q.program.usedUp(q.world); !ok {
			return q.say("how often the contact needs it cannot be told yet: it takes %d orders of it, and there are %d", leastOrders, len(q.program.boughtAt(q.world)))
		}
	}
	return q.fits(ctx, "order "+name, `order_id`, id)
}

func (q *questioner) askEvent(ctx context.Context) error {
	name := q.program.Trigger.Name
	var id int64
	var at time.Time
	err := q.db.QueryRow(ctx, `
		SELECT id, occurred_at
		FROM events
		WHERE contact_id = $1 AND name = $2
		ORDER BY occurred_at DESC, id DESC
		LIMIT 1`, q.contact, name).Scan(&id, &at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return q.say("the contact has no event %q", name)
	case err != nil:
		return fmt.Errorf("find the newest event: %w", err)
	case at.Before(q.since()):
		return q.say("no event %q since %s; the newest is of %s", name, q.live(), minute(at))
	}
	events, err := eventFacts(ctx, q.db, []int64{id})
	if err != nil {
		return err
	}
	q.world.Facts.Trigger = trigger(q.world.Facts, at, nil, &id, events)
	return q.fits(ctx, fmt.Sprintf("event %q of %s", name, minute(at)), `event_id`, id)
}

func (q *questioner) askSegment(ctx context.Context) error {
	t := q.program.Trigger
	s, err := segments.Get(ctx, q.db, t.SegmentID)
	if err != nil {
		return err
	}
	rule, err := segments.Parse(s.Rule)
	if err != nil {
		return fmt.Errorf("rule of segment %d: %v", s.ID, err)
	}
	var noted bool
	err = q.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM journey_members WHERE journey_id = $1 AND contact_id = $2)`, q.journey.ID, q.contact).Scan(&noted)
	if err != nil {
		return fmt.Errorf("look for members: %w", err)
	}
	switch outside := rule.WhyNot(q.world.Facts, q.world.Now); {
	case t.On == "entered" && outside != "":
		return q.say("the contact is not in segment %q: %s", s.Name, outside)
	case t.On == "entered" && noted:
		return q.enters(fmt.Sprintf("the contact is in segment %q, but was before the journey looked for who enters it", s.Name))
	case t.On == "left" && outside == "":
		return q.say("the contact is in segment %q and has not left it", s.Name)
	case t.On == "left" && !noted:
		return q.enters(fmt.Sprintf("the contact is not in segment %q, but was not when the journey began to look for who leaves it either", s.Name))
	}
	return q.enters(fmt.Sprintf("the contact has %s segment %q, which the journey looks at every minute", t.On, s.Name))
}

func (q *questioner) askDate(context.Context) error {
	t, f := q.program.Trigger, q.world.Facts
	if _, _, _, ok := day(f.Attributes[t.Attribute]); !ok {
		return q.say("attribute %q holds no date", t.Attribute)
	}
	if came := t.moments(f, *q.journey.LiveSince, q.world.Now, q.world.Zone); len(came) > 0 {
		return q.enters(fmt.Sprintf("the date in attribute %q came on %s, but was another then, or the journey was", t.Attribute, minute(came[len(came)-1])))
	}
	out := fmt.Sprintf("the date in attribute %q has not come since %s", t.Attribute, q.live())
	if next := t.moments(f, q.world.Now, q.world.Now.Add(2*longest), q.world.Zone); len(next) > 0 {
		out += "; it comes on " + minute(next[0])
	}
	return q.enters(out)
}

// fits asks the journey's rules about an order or event that could have triggered it.
func (q *questioner) fits(ctx context.Context, what, column string, id int64) error {
	t, w := q.program.Trigger, q.world
	if t.Where != nil && !t.Where.Match(w.Facts, w.Now) {
		return q.say("%s does not fit: %s", what, t.Where.WhyNot(w.Facts, w.Now))
	}
	if e := q.program.Entry; e.If != nil && !e.If.Match(w.Facts, w.Now) {
		return q.say("%s fits, but the contact may not enter: %s", what, e.If.WhyNot(w.Facts, w.Now))
	}
	var coming bool
	if err := q.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM happenings WHERE `+column+` = $1)`, id).Scan(&coming); err != nil {
		return fmt.Errorf("look for happenings: %w", err)
	}
	if coming {
		return q.say("%s fits: the contact enters as soon as a worker has looked at it", what)
	}
	return q.say("%s fits now, but did not when it was looked at: since then the contact or the journey has changed", what)
}

// enters says why not, and adds what keeps the contact out besides.
func (q *questioner) enters(why string) error {
	if e := q.program.Entry; e.If != nil {
		if out := e.If.WhyNot(q.world.Facts, q.world.Now); out != "" {
			return q.say("%s; and the contact may not enter: %s", why, out)
		}
	}
	return q.say("%s", why)
}
