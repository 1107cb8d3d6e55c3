package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// candidate is an order or event that fits a journey and has no enrolment.
type candidate struct {
	OrderID, EventID *int64
	Name             string
	At               time.Time // when it happened
	Came             time.Time // when it was heard of
}

// tooSoon finds, of the newest orders or events without an enrolment, those that the
// journey would take and that came before the contact may enter again. They leave no row,
// so it is computed from what is stored. (Triggers that wait leave one in any case: it is
// dropped, with its reason.)
func (q *questioner) tooSoon(ctx context.Context) ([]Sentence, error) {
	t, entry := q.program.Trigger, q.program.Entry
	if entry.Key != KeyContact && entry.AgainAfter.IsZero() {
		return nil, nil
	}
	var list []candidate
	var err error
	h := Happening{What: t.On}
	switch t.Type {
	case OnOrder:
		h.Kind = "order"
		list, err = q.candidates(ctx, `
			SELECT o.id, NULL::bigint, 'order ' || o.external_id, r.at, r.came
			FROM orders o, LATERAL (
				SELECT CASE WHEN $3 = 'placed' OR o.updated_at = o.created_at THEN o.placed_at ELSE o.updated_at END AS at,
				       CASE WHEN $3 = 'placed' THEN o.created_at ELSE o.updated_at END AS came) AS r
			WHERE o.contact_id = $1 AND (o.status = $3 OR $3 = 'placed' AND o.status = 'paid') AND r.at >= $4
			  AND NOT EXISTS (SELECT FROM enrolments e WHERE e.journey_id = $2 AND e.order_id = o.id)
			  AND NOT EXISTS (SELECT FROM happenings h WHERE h.order_id = o.id)
			ORDER BY r.at DESC, o.id DESC
			LIMIT $5`, t.On)
	case OnEvent:
		h.Kind, h.What = "event", t.Name
		list, err = q.candidates(ctx, `
			SELECT NULL::bigint, v.id, format('event "%s"', v.name), v.occurred_at, v.received_at
			FROM events v
			WHERE v.contact_id = $1 AND v.name = $3 AND v.occurred_at >= $4
			  AND NOT EXISTS (SELECT FROM enrolments e WHERE e.journey_id = $2 AND e.event_id = v.id)
			  AND NOT EXISTS (SELECT FROM happenings h WHERE h.event_id = v.id)
			ORDER BY v.occurred_at DESC, v.id DESC
			LIMIT $5`, t.Name)
	}
	if err != nil || len(list) == 0 {
		return nil, err
	}
	entrances, err := q.entrances(ctx)
	if err != nil {
		return nil, err
	}
	events, err := eventFacts(ctx, q.db, eventsOf(list))
	if err != nil {
		return nil, err
	}
	var out []Sentence
	for _, c := range list {
		w := q.world
		w.Facts.Trigger = trigger(w.Facts, c.At, c.OrderID, c.EventID, events)
		h.At = c.At
		last, before := lastBefore(entrances, c)
		if _, fits := q.program.Starts(h, w); !fits || !before || q.program.MayEnter(&last, c.Came) {
			continue
		}
		text := fmt.Sprintf("%s of %s did not enter: the contact had entered on %s and ", c.Name, minute(c.At), minute(last))
		if entry.AgainAfter.IsZero() {
			text += "enters only once"
		} else {
			text += "may again from " + minute(entry.AgainAfter.After(last))
		}
		out = append(out, Sentence{At: c.At, Text: text})
	}
	return out, nil
}

func (q *questioner) candidates(ctx context.Context, sql, what string) ([]candidate, error) {
	rows, err := q.db.Query(ctx, sql, q.contact, q.journey.ID, what, q.since(), explained)
	if err != nil {
		return nil, fmt.Errorf("find what did not enter: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return nil, fmt.Errorf("find what did not enter: %w", err)
	}
	return list, nil
}

func eventsOf(list []candidate) []int64 {
	var ids []int64
	for _, c := range list {
		if c.EventID != nil {
			ids = append(ids, *c.EventID)
		}
	}
	return ids
}

// entrance is when a contact entered, and when that happened which it entered for.
type entrance struct{ TriggerAt, EnteredAt time.Time }

// entrances are the contact's, the newest first.
func (q *questioner) entrances(ctx context.Context) ([]entrance, error) {
	rows, err := q.db.Query(ctx, `
		SELECT trigger_at, entered_at
		FROM enrolments
		WHERE contact_id = $1 AND journey_id = $2 AND entered_at IS NOT NULL
		ORDER BY entered_at DESC, id DESC`, q.contact, q.journey.ID)
	if err != nil {
		return nil, fmt.Errorf("find entrances: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entrance])
	if err != nil {
		return nil, fmt.Errorf("find entrances: %w", err)
	}
	return list, nil
}

// lastBefore is when the contact had last entered as the candidate was looked at, which
// was some time after it came: also the entrance of what happened before it counts,
// though both may have been looked at together, and later.
func lastBefore(entrances []entrance, c candidate) (time.Time, bool) {
	for _, e := range entrances {
		if !e.EnteredAt.After(c.Came) || !e.TriggerAt.After(c.At) {
			return e.EnteredAt, true
		}
	}
	return time.Time{}, false
}
