package journeys

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/contacts"
	"posthorn/messages"
)

func bytesReader(b []byte) io.Reader { return bytes.NewReader(b) }

// enrolment is a row of enrolments on its way through a decision.
type enrolment struct {
	ID, JourneyID    int64
	Version          int
	ContactID        int64
	Key              string
	OrderID, EventID *int64
	TriggerAt        time.Time
	EnteredAt        *time.Time
	State            // as it was
	taken            int
	paused           bool // its journey: it is enrolled, and goes no further
	program          *Program
	person           *person
	out              Outcome
}

// insertEnrolments writes new rows and returns those that were not there before:
// the same order delivered three times enrols once.
func insertEnrolments(ctx context.Context, tx pgx.Tx, now time.Time, list []*enrolment) ([]*enrolment, error) {
	if len(list) == 0 {
		return nil, nil
	}
	n := len(list)
	journeys, versions, people := make([]int64, n), make([]int32, n), make([]int64, n)
	keys, statuses := make([]string, n), make([]string, n)
	since, due, at := make([]time.Time, n), make([]time.Time, n), make([]time.Time, n)
	orders, events, entered := make([]*int64, n), make([]*int64, n), make([]*time.Time, n)
	byKey := map[enrolmentKey]*enrolment{}
	for i, e := range list {
		journeys[i], versions[i], people[i], keys[i], statuses[i] = e.JourneyID, int32(e.Version), e.ContactID, e.Key, string(e.Status)
		since[i], due[i], at[i], orders[i], events[i], entered[i] = e.Since, e.DueAt, e.TriggerAt, e.OrderID, e.EventID, e.EnteredAt
		if _, twice := byKey[enrolmentKey{e.JourneyID, e.Key}]; !twice {
			byKey[enrolmentKey{e.JourneyID, e.Key}] = e
		}
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO enrolments (journey_id, version, contact_id, key, status, since, due_at, order_id, event_id, trigger_at, entered_at, created_at, updated_at)
		SELECT j, v, c, k, s, si, du, o, e, ta, en, $12, $12
		FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::bigint[],
		            $10::timestamptz[], $11::timestamptz[]) AS r (j, v, c, k, s, si, du, o, e, ta, en)
		ON CONFLICT (journey_id, key) DO NOTHING
		RETURNING id, journey_id, key`, journeys, versions, people, keys, statuses, since, due, orders, events, at, entered, now)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	var fresh []*enrolment
	var row enrolmentKey
	var rowID int64
	_, err = pgx.ForEachRow(rows, []any{&rowID, &row.journey, &row.key}, func() error {
		e := byKey[row]
		e.ID = rowID
		fresh = append(fresh, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	slices.SortFunc(fresh, func(a, b *enrolment) int { return int(a.ID - b.ID) })
	return fresh, nil
}

// write writes outcomes: where the enrolments are now, the steps taken, and what
// these ask for.
func write(ctx context.Context, tx pgx.Tx, now time.Time, list []*enrolment, work *Work) error {
	if len(list) == 0 {
		return nil
	}
	for _, e := range list {
		if e.out.Status != e.Status && !e.Status.CanBecome(e.out.Status) {
			return fmt.Errorf("enrolment %d is %s and cannot become %s", e.ID, e.Status, e.out.Status)
		}
	}
	mails, err := writeMails(ctx, tx, now, list, work)
	if err != nil {
		return err
	}
	if err := writeSteps(ctx, tx, now, list, mails); err != nil {
		return err
	}
	for _, e := range list {
		for _, t := range e.out.Taken {
			if err := e.carryOut(ctx, tx, now, t, work); err != nil {
				return err
			}
		}
	}
	return writeEnrolments(ctx, tx, now, list)
}

func writeEnrolments(ctx context.Context, tx pgx.Tx, now time.Time, list []*enrolment) error {
	n := len(list)
	ids, keys, statuses, positions, reasons := make([]int64, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	since, due, entered := make([]time.Time, n), make([]*time.Time, n), make([]*time.Time, n)
	wakes, taken := make([]bool, n), make([]int32, n)
	var over []int64
	for i, e := range list {
		o := e.out
		ids[i], keys[i], statuses[i], positions[i], reasons[i], since[i] = e.ID, e.Key, string(o.Status), o.Position, o.Reason, o.Since
		wakes[i], taken[i], entered[i] = o.Wakes, int32(len(o.Taken)), e.EnteredAt
		if o.Status.Over() {
			over = append(over, e.ID)
		} else {
			due[i] = &o.DueAt
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE enrolments e
		SET key = r.key, status = r.status, position = r.position, since = r.since, due_at = r.due, wakes = r.wakes, reason = r.reason,
		    entered_at = r.entered, taken = e.taken + r.taken, updated_at = $11
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::boolean[], $8::text[], $9::timestamptz[], $10::int[])
		     AS r (id, key, status, position, since, due, wakes, reason, entered, taken)
		WHERE e.id = r.id`, ids, keys, statuses, positions, since, due, wakes, reasons, entered, taken, now)
	if err != nil {
		return fmt.Errorf("write enrolments: %w", err)
	}
	return cancelMails(ctx, tx, now, list, over)
}

// cancelMails settles mails that wait, where their enrolment left before its end:
// nothing more is sent.
func cancelMails(ctx context.Context, tx pgx.Tx, now time.Time, list []*enrolment, over []int64) error {
	left := over[:0]
	for _, e := range list {
		if e.out.Status == Exited {
			left = append(left, e.ID)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return messages.CancelEnrolments(ctx, tx, now, left, messages.ReasonJourneyLeft)
}

// mailKey names a message by what it is unique for.
type mailKey struct {
	enrolment int64
	step      string
}

// writeMails writes the messages of all send steps, in chunks of what goes out
// together.
func writeMails(ctx context.Context, tx pgx.Tx, now time.Time, list []*enrolment, work *Work) (map[mailKey]int64, error) {
	type run struct {
		journey int64
		version int
		step    string
	}
	groups := map[run][]messages.Triggered{}
	for _, e := range list {
		for _, t := range e.out.Taken {
			if t.Type == SendStep && t.What == "mail" {
				key := run{e.JourneyID, e.Version, t.Step}
				groups[key] = append(groups[key], messages.Triggered{EnrolmentID: e.ID, ContactID: e.ContactID, Email: e.person.email})
			}
		}
	}
	written := map[mailKey]int64{}
	// In one order, so that two transactions do not wait for each other's counters.
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b run) int {
		return slices.Compare([]string{fmt.Sprintf("%020d %010d", a.journey, a.version), a.step}, []string{fmt.Sprintf("%020d %010d", b.journey, b.version), b.step})
	})
	for _, key := range keys {
		var runID int64
		err := tx.QueryRow(ctx, `SELECT id FROM runs WHERE journey_id = $1 AND journey_version = $2 AND step = $3`, key.journey, key.version, key.step).Scan(&runID)
		if err != nil {
			return nil, fmt.Errorf("find the run of step %q of journey %d, version %d: %w", key.step, key.journey, key.version, err)
		}
		ids, chunks, err := messages.PlanTriggered(ctx, tx, now, runID, groups[key])
		if err != nil {
			return nil, err
		}
		for enrolment, id := range ids {
			written[mailKey{enrolment, key.step}] = id
		}
		work.Chunks = append(work.Chunks, chunks...)
	}
	return written, nil
}

func writeSteps(ctx context.Context, tx pgx.Tx, now time.Time, list []*enrolment, mails map[mailKey]int64) error {
	var (
		enrolments, ns              []int64
		steps, types, whats, reason []string
		ids                         []*int64
	)
	for _, e := range list {
		for i, t := range e.out.Taken {
			enrolments, ns = append(enrolments, e.ID), append(ns, int64(e.taken+i+1))
			steps, types, whats, reason = append(steps, t.Step), append(types, string(t.Type)), append(whats, t.What), append(reason, t.Why)
			var id *int64
			if m, ok := mails[mailKey{e.ID, t.Step}]; ok {
				id = &m
			}
			ids = append(ids, id)
		}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO enrolment_steps (enrolment_id, n, step, type, what, why, message_id, at)
		SELECT e, n, s, t, wh, wy, m, $8
		FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[]) AS r (e, n, s, t, wh, wy, m)`,
		enrolments, ns, steps, types, whats, reason, ids, now)
	if err != nil {
		return fmt.Errorf("write steps: %w", err)
	}
	return nil
}

// carryOut writes what a step changes or asks for, besides mails.
func (e *enrolment) carryOut(ctx context.Context, tx pgx.Tx, now time.Time, t Taken, work *Work) error {
	switch t.Type {
	case UpdateStep:
		return e.update(ctx, tx, now, e.program.code[e.program.at[t.Step]].Step)
	case WebhookStep:
		s := e.program.code[e.program.at[t.Step]].Step
		body, err := json.Marshal(map[string]any{
			"journey_id": e.JourneyID, "version": e.Version, "enrolment_id": e.ID, "step": s.ID, "contact_external_id": e.person.Facts.ExternalID, "at": now,
		})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO webhook_calls (enrolment_id, step, url, body, due_at, created_at) VALUES ($1, $2, $3, $4, $5, $5)
			ON CONFLICT (enrolment_id, step) DO NOTHING`, e.ID, s.ID, s.URL, body, now)
		if err != nil {
			return fmt.Errorf("ask for a webhook: %w", err)
		}
		work.Webhooks = true
	}
	return nil
}

func (e *enrolment) update(ctx context.Context, tx pgx.Tx, now time.Time, s *Step) error {
	set, remove := map[string]any{}, []string{}
	for name, v := range s.Set {
		if v == nil {
			remove = append(remove, name)
		} else {
			set[name] = v
		}
	}
	if len(s.Set) > 0 {
		_, err := tx.Exec(ctx, `UPDATE contacts SET attributes = (attributes - $2::text[]) || $3::jsonb, updated_at = $4 WHERE id = $1`,
			e.ContactID, remove, set, now)
		if err != nil {
			return fmt.Errorf("update contact %d: %w", e.ContactID, err)
		}
	}
	source := fmt.Sprintf("journey %d", e.JourneyID)
	for _, topic := range s.Subscribe {
		if err := contacts.Subscribe(ctx, tx, now, e.ContactID, topic, source); err != nil {
			return err
		}
	}
	for _, topic := range s.Unsubscribe {
		if err := contacts.SetConsent(ctx, tx, now, e.ContactID, topic, contacts.Unsubscribed, source); err != nil {
			return err
		}
	}
	return nil
}
