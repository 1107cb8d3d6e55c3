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

// Due says what a scheduler has to knock for.
type Due struct {
	Happenings bool        // there is something to Eval
	NotedAt    time.Time   // of the oldest happening
	Journeys   []int64     // have enrolments to Advance, or were archived and have something to end
	Since      []time.Time // when the first enrolment of each was due; of an archived one: now
}

// FindDue looks for work whose knock may have got lost.
func FindDue(ctx context.Context, db postgres.DB, now time.Time) (Due, error) {
	var due Due
	err := db.QueryRow(ctx, `SELECT noted_at FROM happenings ORDER BY id LIMIT 1`).Scan(&due.NotedAt)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return due, fmt.Errorf("look for happenings: %w", err)
	}
	due.Happenings = err == nil
	rows, err := db.Query(ctx, `
		SELECT j.id, coalesce(e.due_at, $1)
		FROM journeys j
		LEFT JOIN LATERAL (SELECT due_at FROM enrolments WHERE journey_id = j.id AND due_at <= $1 ORDER BY due_at LIMIT 1) e ON j.status = 'live'
		WHERE j.status = 'live' AND e.due_at IS NOT NULL
		   OR j.status = 'archived' AND (EXISTS (SELECT FROM enrolments e WHERE e.journey_id = j.id AND e.due_at IS NOT NULL)
		                                 OR EXISTS (SELECT FROM runs r JOIN chunks k ON k.run_id = r.id WHERE r.journey_id = j.id AND k.done_at IS NULL))
		ORDER BY j.id`, now)
	if err != nil {
		return due, fmt.Errorf("find journeys that are due: %w", err)
	}
	var id int64
	var since time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &since}, func() error {
		due.Journeys, due.Since = append(due.Journeys, id), append(due.Since, since)
		return nil
	})
	if err != nil {
		return due, fmt.Errorf("find journeys that are due: %w", err)
	}
	return due, nil
}

// lookEvery is how often segments and dates are looked at.
const lookEvery = time.Minute

// Look finds who entered or left the segments, and whose dates came, since the last
// look, and leaves a happening for each. One scheduler looks at a journey at a time.
func (e *Engine) Look(ctx context.Context, db postgres.DB, now time.Time) error {
	for {
		var found bool
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			var id int64
			var version int
			var since time.Time
			err := tx.QueryRow(ctx, `
				SELECT j.id, j.live_version, j.looked_until
				FROM journeys j JOIN journey_versions v ON v.journey_id = j.id AND v.version = j.live_version
				WHERE j.status IN ('live', 'paused') AND j.looked_until <= $1 AND v.definition #>> '{trigger,type}' IN ('segment', 'date')
				ORDER BY j.looked_until LIMIT 1
				FOR NO KEY UPDATE OF j SKIP LOCKED`, now.Add(-lookEvery)).Scan(&id, &version, &since)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("find journeys to look for: %w", err)
			}
			found = true
			p, err := e.programs.get(ctx, tx, id, version)
			if err != nil {
				return err
			}
			if p.Trigger.Type == OnSegment {
				err = lookAtSegment(ctx, tx, now, id, p.Trigger, true)
			} else {
				err = lookAtDates(ctx, tx, now, since, id, p.Trigger, e.zone)
			}
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE journeys SET looked_until = $2 WHERE id = $1`, id, now)
			return err
		})
		if err != nil || !found {
			return err
		}
	}
}

// lookAtSegment compares who is in the segment with who was. Without notify it only
// takes down who is.
func lookAtSegment(ctx context.Context, tx pgx.Tx, now time.Time, journeyID int64, t Trigger, notify bool) error {
	s, err := segments.Get(ctx, tx, t.SegmentID)
	if err != nil {
		return err
	}
	rule, err := segments.Parse(s.Rule)
	if err != nil {
		return err
	}
	where, err := rule.Where(now, 4)
	if err != nil {
		return err
	}
	on := t.On
	if !notify {
		on = ""
	}
	_, err = tx.Exec(ctx, `
		WITH inside AS MATERIALIZED (
			SELECT c.id FROM contacts c WHERE `+where.SQL+`
		), entered AS (
			INSERT INTO journey_members (journey_id, contact_id) SELECT $1, id FROM inside ON CONFLICT DO NOTHING RETURNING contact_id
		), gone AS (
			DELETE FROM journey_members m WHERE m.journey_id = $1 AND NOT EXISTS (SELECT FROM inside WHERE id = m.contact_id) RETURNING contact_id
		)
		INSERT INTO happenings (kind, what, contact_id, journey_id, at)
		SELECT 'segment', 'entered', contact_id, $1::bigint, $3::timestamptz FROM entered WHERE $2 = 'entered'
		UNION ALL
		SELECT 'segment', 'left', contact_id, $1, $3 FROM gone WHERE $2 = 'left'
		ORDER BY 3`, append([]any{journeyID, on, now}, where.Args...)...)
	if err != nil {
		return fmt.Errorf("look at segment %d: %w", t.SegmentID, err)
	}
	return nil
}

// lookAtDates leaves a happening for each contact whose date came since the last look.
func lookAtDates(ctx context.Context, tx pgx.Tx, now, since time.Time, journeyID int64, t Trigger, zone *time.Location) error {
	part := `left(attributes ->> $1, 10)`
	if t.Yearly {
		part = `CASE WHEN attributes ->> $1 LIKE '--%' THEN substring(attributes ->> $1 FROM 3 FOR 5) ELSE substring(attributes ->> $1 FROM 6 FOR 5) END`
	}
	rows, err := tx.Query(ctx, `SELECT id, attributes ->> $1, timezone FROM contacts WHERE attributes ? $1 AND `+part+` = ANY($2)`,
		t.Attribute, t.days(since, now))
	if err != nil {
		return fmt.Errorf("look for dates: %w", err)
	}
	var ids []int64
	var at []time.Time
	var id int64
	var value *string
	var f segments.Facts
	_, err = pgx.ForEachRow(rows, []any{&id, &value, &f.Timezone}, func() error {
		if value == nil {
			return nil
		}
		f.Attributes = map[string]any{t.Attribute: *value}
		for _, moment := range t.moments(f, since, now, zone) {
			ids, at = append(ids, id), append(at, moment)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for dates: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO happenings (kind, contact_id, journey_id, at)
		SELECT 'date', c, $1, a FROM unnest($2::bigint[], $3::timestamptz[]) AS r (c, a) ORDER BY a, c`, journeyID, ids, at)
	if err != nil {
		return fmt.Errorf("note dates: %w", err)
	}
	return nil
}

// begin prepares a journey that goes live for the first time, or with a trigger of
// another kind. Who is in its segment
// already has not entered it. Where it waits for what does not happen, the
// orders and events count from which it is still waiting: a win-back is for those
// who bought long ago, too.
func begin(ctx context.Context, tx pgx.Tx, now time.Time, id int64, d *Definition) error {
	t := d.Trigger
	var err error
	switch t.Type {
	case OnSegment:
		return lookAtSegment(ctx, tx, now, id, t, false)
	case OnNotBought, OnWinBack, OnReplenish:
		back := t.Within.rough()
		if t.Type == OnReplenish {
			back = t.lasts()
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO happenings (kind, what, contact_id, order_id, journey_id, at)
			SELECT 'order', 'placed', contact_id, id, $1, placed_at FROM orders
			WHERE placed_at > $2 AND placed_at <= $3 AND status IN ('placed', 'paid')
			ORDER BY placed_at, id`, id, now.Add(-back), now)
	case OnAbandoned:
		_, err = tx.Exec(ctx, `
			INSERT INTO happenings (kind, what, contact_id, event_id, journey_id, at)
			SELECT 'event', name, contact_id, id, $1, occurred_at FROM events
			WHERE name = $4 AND occurred_at > $2 AND occurred_at <= $3
			ORDER BY occurred_at, id`, id, now.Add(-t.Within.rough()), now, t.Name)
	}
	if err != nil {
		return fmt.Errorf("begin journey %d: %w", id, err)
	}
	return nil
}

// longestLearned bounds how far back orders are looked at for what should be used up.
const longestLearned = 366 * 24 * time.Hour
