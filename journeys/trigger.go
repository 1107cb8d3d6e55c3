package journeys

import (
	"encoding/json"
	"fmt"
	"time"

	"posthorn/segments"
)

// Happening is something that may make a contact enter: an order that reached a
// status, an event, a segment entered or left, a date. The facts' Trigger holds the
// order or the event itself.
type Happening struct {
	Kind      string // order, event, segment, date
	What      string // order: the status; event: its name; segment: entered or left
	JourneyID int64  // segment, date: the journey that it is for
	At        time.Time
}

// Starts reports whether a happening is the journey's trigger, and from when on the
// contact is to be looked at: at once, or when it shows whether something else
// happens meanwhile (pending).
func (p *Program) Starts(h Happening, w World) (s State, ok bool) {
	t := p.Trigger
	state := State{Status: Active, Since: h.At, DueAt: w.Now}
	matches := func(rule *segments.Rule) bool { return rule == nil || rule.Match(w.Facts, w.Now) }
	pending := func(due time.Time) State { return State{Status: Pending, Since: h.At, DueAt: due} }
	switch t.Type {
	case OnOrder:
		return state, h.Kind == "order" && h.What == t.On && matches(t.Where) && p.admits(w)
	case OnEvent:
		return state, h.Kind == "event" && h.What == t.Name && matches(t.Where) && p.admits(w)
	case OnAbandoned:
		return pending(t.Within.After(h.At)), h.Kind == "event" && h.What == t.Name && matches(t.Where)
	case OnNotBought, OnWinBack:
		return pending(t.Within.After(h.At)), h.Kind == "order" && h.What == "placed" && matches(t.Where)
	case OnReplenish:
		if h.Kind != "order" || h.What != "placed" {
			return State{}, false
		}
		due, ok := p.usedUp(w)
		return pending(due), ok
	case OnSegment:
		return state, h.Kind == "segment" && h.What == t.On && p.admits(w)
	case OnDate:
		return state, h.Kind == "date" && p.admits(w)
	}
	return State{}, false
}

// pendingUntil is when it shows whether something else happened after a trigger at
// that time. What was learned from the contact's orders, or goes by its products,
// stays as it was.
func (p *Program) pendingUntil(trigger, was time.Time) time.Time {
	switch t := p.Trigger; {
	case t.Type == OnAbandoned || t.Type == OnNotBought || t.Type == OnWinBack:
		return t.Within.After(trigger)
	case t.Type == OnReplenish && t.Interval != "learned" && len(t.intervals) == 0:
		return t.interval.After(trigger)
	default:
		return was
	}
}

func (p *Program) admits(w World) bool { return p.Entry.If == nil || p.Entry.If.Match(w.Facts, w.Now) }

// orderedSince is that there was an order after the trigger.
var orderedSince = mustRule(`{"field":"orders.count","operator":">","value":0,"from":"trigger"}`)

func mustRule(raw string) segments.Rule {
	r, err := segments.ParseTriggered([]byte(raw), segments.ContactScope)
	if err != nil {
		panic(err)
	}
	return r
}

// bought is that one of the products of a replenishment was bought, at any time or
// from a moment on.
func (t Trigger) bought(from string) segments.Rule {
	leaf := func(field string, values []string) map[string]any {
		m := map[string]any{"field": field, "operator": "bought", "value": values}
		if from != "" {
			m["from"] = from
		}
		return m
	}
	var rules []any
	if len(t.Products) > 0 {
		rules = append(rules, leaf("bought.product", t.Products))
	}
	if len(t.Categories) > 0 {
		rules = append(rules, leaf("bought.category", t.Categories))
	}
	raw, err := json.Marshal(map[string]any{"combinator": "or", "rules": rules})
	if err != nil {
		panic(err) // texts only
	}
	return mustRule(string(raw))
}

// usedUp is when what the triggering order brought should be used up. Where the
// interval is learned, it is the contact's own: the median time between the orders
// that brought it, which takes at least three of them. Else, or before that is known,
// it is that of the product that lasts shortest, or the one that is given for all.
func (p *Program) usedUp(w World) (time.Time, bool) {
	t, order := p.Trigger, w.Facts.Trigger.Order
	if order == nil || !p.brings(*order) {
		return time.Time{}, false
	}
	learned := t.Interval == "learned"
	if usual, ok := usualInterval(p.boughtAt(w)); learned && ok {
		return order.PlacedAt.Add(usual), true
	}
	var due time.Time
	for _, item := range order.Items {
		one := *order
		one.Items = []segments.ItemFact{item}
		if d, ok := t.intervals[item.SKU]; ok && p.brings(one) {
			if at := d.After(order.PlacedAt); due.IsZero() || at.Before(due) {
				due = at
			}
		}
	}
	if due.IsZero() && !learned {
		due = t.interval.After(order.PlacedAt)
	}
	return due, !due.IsZero()
}

// lasts is the longest time that something of a replenishment lasts.
func (t Trigger) lasts() time.Duration {
	longest := t.interval.rough()
	for _, d := range t.intervals {
		longest = max(longest, d.rough())
	}
	if t.Interval == "learned" {
		longest = max(longest, longestLearned)
	}
	return longest
}

// boughtAt is when the contact bought what is used up, up to now.
func (p *Program) boughtAt(w World) []time.Time {
	var at []time.Time
	for _, o := range w.Facts.Orders {
		if !o.PlacedAt.After(w.Now) && (o.Status == "placed" || o.Status == "paid") && p.brings(o) {
			at = append(at, o.PlacedAt)
		}
	}
	return at
}

func (p *Program) brings(o segments.OrderFact) bool {
	return p.used.Match(segments.Facts{Orders: []segments.OrderFact{asPlaced(o)}}, o.PlacedAt)
}

// asPlaced is an order as it was when it was placed: whether it was cancelled later
// is asked elsewhere.
func asPlaced(o segments.OrderFact) segments.OrderFact {
	o.Status = "placed"
	return o
}

// EntryKey is what an enrolment is once for. of is the id of the order or event, n
// how often the contact has entered before.
func (p *Program) EntryKey(of, contact int64, n int) string {
	switch p.Entry.Key {
	case KeyOrder:
		return fmt.Sprintf("order:%d", of)
	case KeyEvent:
		return fmt.Sprintf("event:%d", of)
	default:
		return fmt.Sprintf("contact:%d:%d", contact, n+1)
	}
}

// PendingKey is the key of an enrolment that is only pending. Where a contact enters
// once per order or event it is the key that it enters with: an order that is placed,
// cancelled and placed again is one, however far the first enrolment has come. Else
// each order or event may become one.
func (p *Program) PendingKey(kind string, of int64) string {
	if p.Entry.Key != KeyContact {
		return p.EntryKey(of, 0, 0)
	}
	return fmt.Sprintf("pending:%s:%d", kind, of)
}

// MayEnter reports whether a contact that entered last at some time (nil: never) may
// enter again now. Without again_after it may for every order or event, where these are
// the key; where the contact is, never.
func (p *Program) MayEnter(last *time.Time, now time.Time) bool {
	switch {
	case last == nil:
		return true
	case p.Entry.AgainAfter.IsZero():
		return p.Entry.Key != KeyContact
	default:
		return !p.Entry.AgainAfter.After(*last).After(now)
	}
}
