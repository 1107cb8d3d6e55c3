package journeys

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/segments"
)

// Engine runs live journeys on rows. Its zero value is not usable; see NewEngine.
// It is safe for concurrent use, and any number of them may run.
type Engine struct {
	zone     *time.Location // of contacts that have none
	programs programs
}

// NewEngine returns an engine. zone is the time zone of contacts without one; nil: UTC.
func NewEngine(zone *time.Location) *Engine {
	if zone == nil {
		zone = time.UTC
	}
	return &Engine{zone: zone}
}

// Work is what a call left to knock for.
type Work struct {
	Chunks   []messages.DueChunk // of messages that were written
	Journeys []int64             // that have something due at once
	Webhooks bool                // there are calls to make
	Seen     int                 // happenings or enrolments looked at; 0: there was nothing
}

// batchSize is how many happenings or enrolments one transaction takes: enough to
// spread its cost, few enough to let others at the same contacts soon.
const batchSize = 300

// Eval looks at the oldest happenings that nobody looks at yet: enrols who enters,
// takes their first steps, and wakes those who waited for it. Everything is written
// in one transaction, which also removes the happenings.
func (e *Engine) Eval(ctx context.Context, db postgres.DB, now time.Time) (Work, error) {
	var work Work
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		work = Work{}
		happened, err := takeHappenings(ctx, tx)
		if err != nil || len(happened) == 0 {
			return err
		}
		work.Seen = len(happened)
		people, err := lockPeople(ctx, tx, now, contactsOf(happened), e.zone)
		if err != nil {
			return err
		}
		live, err := e.programs.live(ctx, tx)
		if err != nil {
			return err
		}
		events, err := loadEvents(ctx, tx, happened)
		if err != nil {
			return err
		}
		if err := enrol(ctx, tx, now, live, people, events, happened, &work); err != nil {
			return err
		}
		if err := wake(ctx, tx, now, happened, &work); err != nil {
			return err
		}
		ids := make([]int64, len(happened))
		for i, h := range happened {
			ids[i] = h.ID
		}
		if _, err := tx.Exec(ctx, `DELETE FROM happenings WHERE id = ANY($1)`, ids); err != nil {
			return fmt.Errorf("remove happenings: %w", err)
		}
		return nil
	})
	if err != nil {
		return Work{}, err
	}
	return work, nil
}

// happened is a row of happenings.
type happened struct {
	ID        int64
	Kind      string
	What      string
	ContactID int64
	OrderID   *int64
	EventID   *int64
	JourneyID *int64
	At        time.Time
}

func takeHappenings(ctx context.Context, tx pgx.Tx) ([]happened, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, kind, what, contact_id, order_id, event_id, journey_id, at
		FROM happenings
		ORDER BY id
		LIMIT $1
		FOR UPDATE SKIP LOCKED`, batchSize)
	if err != nil {
		return nil, fmt.Errorf("take happenings: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[happened])
	if err != nil {
		return nil, fmt.Errorf("take happenings: %w", err)
	}
	return list, nil
}

func contactsOf(list []happened) []int64 {
	ids := make([]int64, len(list))
	for i, h := range list {
		ids[i] = h.ContactID
	}
	return ids
}

// person is what is known of a contact while its row is locked.
type person struct {
	World
	email string
	last  map[int64]entry // by journey
}

// entry is how often and when last a contact entered a journey.
type entry struct {
	n    int
	last *time.Time
}

// lockPeople locks contacts, in the order of their ids, and reads what decisions
// about them look at. A contact that is gone is not in the result.
func lockPeople(ctx context.Context, tx pgx.Tx, now time.Time, ids []int64, zone *time.Location) (map[int64]*person, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	rows, err := tx.Query(ctx, `SELECT id FROM contacts WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, ids)
	if err != nil {
		return nil, fmt.Errorf("lock contacts: %w", err)
	}
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return nil, fmt.Errorf("lock contacts: %w", err)
	}
	facts, err := segments.LoadFacts(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	suppressed, err := suppressedOf(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	people := make(map[int64]*person, len(facts))
	for id, f := range facts {
		people[id] = &person{World: World{Now: now, Facts: f, Suppressed: suppressed[id], Zone: zone}, email: f.Email, last: map[int64]entry{}}
	}
	rows, err = tx.Query(ctx, `
		SELECT contact_id, journey_id, count(*), max(entered_at)
		FROM enrolments
		WHERE contact_id = ANY($1) AND entered_at IS NOT NULL
		GROUP BY contact_id, journey_id`, ids)
	if err != nil {
		return nil, fmt.Errorf("look for earlier enrolments: %w", err)
	}
	var id, journey int64
	var was entry
	_, err = pgx.ForEachRow(rows, []any{&id, &journey, &was.n, &was.last}, func() error { people[id].last[journey] = was; return nil })
	if err != nil {
		return nil, fmt.Errorf("look for earlier enrolments: %w", err)
	}
	return people, nil
}

// loadEvents reads the events that happened, by id.
func loadEvents(ctx context.Context, tx pgx.Tx, list []happened) (map[int64]segments.EventFact, error) {
	var ids []int64
	for _, h := range list {
		if h.EventID != nil {
			ids = append(ids, *h.EventID)
		}
	}
	return eventFacts(ctx, tx, ids)
}

func eventFacts(ctx context.Context, db postgres.DB, ids []int64) (map[int64]segments.EventFact, error) {
	events := map[int64]segments.EventFact{}
	if len(ids) == 0 {
		return events, nil
	}
	rows, err := db.Query(ctx, `SELECT id, name, occurred_at, properties FROM events WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	var (
		id         int64
		fact       segments.EventFact
		properties []byte
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &fact.Name, &fact.OccurredAt, &properties}, func() error {
		f := fact
		f.Properties = decodeProperties(properties)
		events[id] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// trigger is the fact that a happening or an enrolment is about.
func trigger(f segments.Facts, at time.Time, orderID, eventID *int64, events map[int64]segments.EventFact) *segments.TriggerFact {
	t := &segments.TriggerFact{At: at}
	if orderID != nil {
		for i := range f.Orders {
			if f.Orders[i].ID == *orderID {
				t.Order = &f.Orders[i]
			}
		}
	}
	if eventID != nil {
		if e, ok := events[*eventID]; ok {
			t.Event = &e
		}
	}
	return t
}

// enrol enters who enters and takes their first steps.
func enrol(ctx context.Context, tx pgx.Tx, now time.Time, live []liveJourney, people map[int64]*person, events map[int64]segments.EventFact, list []happened, work *Work) error {
	var starting []*enrolment
	for _, h := range list {
		p := people[h.ContactID]
		if p == nil {
			continue
		}
		for _, j := range live {
			if h.JourneyID != nil && *h.JourneyID != j.id || h.JourneyID == nil && h.At.Before(j.since) {
				continue
			}
			w := p.World
			w.Facts.Trigger = trigger(p.Facts, h.At, h.OrderID, h.EventID, events)
			if h.Kind == "order" && w.Facts.Trigger.Order == nil || h.Kind == "event" && w.Facts.Trigger.Event == nil {
				continue // deleted since
			}
			s, starts := j.program.Starts(Happening{Kind: h.Kind, What: h.What, At: h.At}, w)
			if !starts {
				continue
			}
			e := &enrolment{JourneyID: j.id, Version: j.version, ContactID: h.ContactID, OrderID: h.OrderID, EventID: h.EventID, TriggerAt: h.At,
				State: s, program: j.program, paused: j.paused, person: p}
			e.Seed = Seed(j.id, p.Facts.ExternalID)
			if s.Status == Pending {
				e.Key = e.program.PendingKey(h.Kind, e.subject())
			}
			starting = append(starting, e)
		}
	}
	entered, err := enteredBefore(ctx, tx, starting)
	if err != nil {
		return err
	}
	var fresh []*enrolment
	for _, e := range starting {
		if e.Status == Pending || !entered[e.entryKey()] && e.enter(now) {
			fresh = append(fresh, e)
		}
	}
	fresh, err = insertEnrolments(ctx, tx, now, fresh)
	if err != nil {
		return err
	}
	return settle(ctx, tx, now, fresh, events, work)
}

// enrolmentKey is what there is one enrolment for.
type enrolmentKey struct {
	journey int64
	key     string
}

// entryKey is the key with which an order or event enters.
func (e *enrolment) entryKey() enrolmentKey {
	return enrolmentKey{e.JourneyID, e.program.EntryKey(e.subject(), e.ContactID, 0)}
}

// enteredBefore finds, of orders and events that are about to enter, those that did
// long ago and happened again. The insert passes over them; but where a contact may not
// enter again for a while, they must not count as an entrance and keep another order out.
// Only such journeys are asked about.
func enteredBefore(ctx context.Context, tx pgx.Tx, starting []*enrolment) (map[enrolmentKey]bool, error) {
	var journeys []int64
	var keys []string
	for _, e := range starting {
		if entry := e.program.Entry; e.Status != Pending && entry.Key != KeyContact && !entry.AgainAfter.IsZero() {
			k := e.entryKey()
			journeys, keys = append(journeys, k.journey), append(keys, k.key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		SELECT e.journey_id, e.key
		FROM unnest($1::bigint[], $2::text[]) AS r (journey_id, key)
		JOIN enrolments e USING (journey_id, key)`, journeys, keys)
	if err != nil {
		return nil, fmt.Errorf("look for keys of earlier enrolments: %w", err)
	}
	found := map[enrolmentKey]bool{}
	var k enrolmentKey
	if _, err := pgx.ForEachRow(rows, []any{&k.journey, &k.key}, func() error { found[k] = true; return nil }); err != nil {
		return nil, fmt.Errorf("look for keys of earlier enrolments: %w", err)
	}
	return found, nil
}

// enter gives an enrolment its key, where the contact may enter (again).
func (e *enrolment) enter(now time.Time) bool {
	was := e.person.last[e.JourneyID]
	if !e.program.MayEnter(was.last, now) {
		return false
	}
	e.Key = e.program.EntryKey(e.subject(), e.ContactID, was.n)
	e.EnteredAt = &now
	e.person.last[e.JourneyID] = entry{was.n + 1, &now}
	return true
}

// subject is the id of the order or event that the enrolment is about.
func (e *enrolment) subject() int64 {
	switch {
	case e.OrderID != nil:
		return *e.OrderID
	case e.EventID != nil:
		return *e.EventID
	default:
		return e.ContactID
	}
}

// wake has enrolments looked at again that what happened may concern: those about
// an order that changed, and those of its contact that wait for something.
func wake(ctx context.Context, tx pgx.Tx, now time.Time, list []happened, work *Work) error {
	var orders []int64
	for _, h := range list {
		if h.OrderID != nil && h.What != "placed" {
			orders = append(orders, *h.OrderID)
		}
	}
	rows, err := tx.Query(ctx, `
		UPDATE enrolments SET due_at = $1, updated_at = $1
		WHERE due_at > $1 AND status <> 'pending'
		  AND (order_id = ANY($2) OR wakes AND contact_id = ANY($3))
		RETURNING journey_id`, now, orders, contactsOf(list))
	if err != nil {
		return fmt.Errorf("wake enrolments: %w", err)
	}
	woken, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("wake enrolments: %w", err)
	}
	slices.Sort(woken)
	work.Journeys = append(work.Journeys, slices.Compact(woken)...)
	return nil
}

// Advance takes the steps of a journey's enrolments that are due, those that have
// been due for longest first. It does nothing while the journey is not live, unless it
// is archived: then it ends what is under way.
func (e *Engine) Advance(ctx context.Context, db postgres.DB, now time.Time, journeyID int64) (Work, error) {
	var work Work
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		work = Work{}
		// Contacts are locked before their enrolments, as in Eval: so the ids come first, without a lock.
		rows, err := tx.Query(ctx, `
			SELECT id, contact_id FROM enrolments
			WHERE journey_id = $1 AND due_at <= $2 AND EXISTS (SELECT FROM journeys WHERE id = $1 AND status = 'live')
			ORDER BY due_at LIMIT $3`, journeyID, now, batchSize)
		if err != nil {
			return fmt.Errorf("find due enrolments: %w", err)
		}
		var ids, contacts []int64
		var id, contact int64
		if _, err := pgx.ForEachRow(rows, []any{&id, &contact}, func() error { ids, contacts = append(ids, id), append(contacts, contact); return nil }); err != nil {
			return fmt.Errorf("find due enrolments: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		work.Seen = len(ids)
		people, err := lockPeople(ctx, tx, now, contacts, e.zone)
		if err != nil {
			return err
		}
		due, err := e.lockDue(ctx, tx, now, ids, people)
		if err != nil {
			return err
		}
		var triggers []int64
		for _, en := range due {
			if en.EventID != nil {
				triggers = append(triggers, *en.EventID)
			}
		}
		events, err := eventFacts(ctx, tx, triggers)
		if err != nil {
			return err
		}
		return settle(ctx, tx, now, due, events, &work)
	})
	if err != nil {
		return Work{}, err
	}
	if work.Seen == 0 {
		return e.end(ctx, db, now, journeyID)
	}
	return work, nil
}

// lockDue reads and locks enrolments that are still due.
func (e *Engine) lockDue(ctx context.Context, tx pgx.Tx, now time.Time, ids []int64, people map[int64]*person) ([]*enrolment, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, journey_id, version, contact_id, key, status, position, since, due_at, order_id, event_id, trigger_at, entered_at, taken
		FROM enrolments
		WHERE id = ANY($1) AND due_at <= $2
		ORDER BY id
		FOR NO KEY UPDATE`, ids, now)
	if err != nil {
		return nil, fmt.Errorf("lock enrolments: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*enrolment, error) {
		en := &enrolment{}
		err := row.Scan(&en.ID, &en.JourneyID, &en.Version, &en.ContactID, &en.Key, &en.Status, &en.Position, &en.Since, &en.DueAt,
			&en.OrderID, &en.EventID, &en.TriggerAt, &en.EnteredAt, &en.taken)
		return en, err
	})
	if err != nil {
		return nil, fmt.Errorf("lock enrolments: %w", err)
	}
	due := list[:0]
	for _, en := range list {
		if en.person = people[en.ContactID]; en.person == nil {
			continue
		}
		if en.program, err = e.programs.get(ctx, tx, en.JourneyID, en.Version); err != nil {
			return nil, err
		}
		en.Seed = Seed(en.JourneyID, en.person.Facts.ExternalID)
		due = append(due, en)
	}
	return due, nil
}

// settle decides about enrolments and writes what comes of it.
func settle(ctx context.Context, tx pgx.Tx, now time.Time, list []*enrolment, events map[int64]segments.EventFact, work *Work) error {
	decided := make([]*enrolment, 0, len(list))
	for _, en := range list {
		if en.paused {
			continue // it stays due, until the journey goes on
		}
		w := en.person.World
		w.Facts.Trigger = trigger(en.person.Facts, en.TriggerAt, en.OrderID, en.EventID, events)
		en.out = en.program.Decide(en.State, w)
		if en.Status == Pending && en.out.Status != Pending && en.out.Status != Dropped && !en.enter(now) {
			en.out = Outcome{State: State{Status: Dropped, Since: now}, Reason: ReasonEntered,
				Taken: []Taken{{What: string(Dropped), Why: "entered before, and not to enter again yet"}}}
		}
		decided = append(decided, en)
	}
	return write(ctx, tx, now, decided, work)
}

func decodeProperties(raw []byte) map[string]any {
	var m map[string]any
	dec := json.NewDecoder(bytesReader(raw))
	dec.UseNumber()
	_ = dec.Decode(&m) // it was checked when it was stored
	return m
}
