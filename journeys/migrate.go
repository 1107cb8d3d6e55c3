package journeys

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Migration is what Migrate did, or would do.
type Migration struct {
	LiveVersion int    `json:"live_version"`
	DryRun      bool   `json:"dry_run"` // nothing was written
	Moved       int64  `json:"moved"`
	Stayed      int64  `json:"stayed"`
	Parts       []Part `json:"parts"` // by version and step
}

// Part is what becomes of the enrolments of one version that are at one step.
type Part struct {
	Version int    `json:"version"`
	Step    string `json:"step"` // "": before the first
	Moved   int64  `json:"moved"`
	Stayed  int64  `json:"stayed"`
	Why     string `json:"why,omitempty"` // why they, or some of them, stay
}

// migrateBatch is how many enrolments one transaction moves.
const migrateBatch = 500

// Migrate moves enrolments under way on older versions to the live one: those that
// wait at a step which is still there with the same type, and those before their first
// step where the trigger still is of the same type. Who would get a mail of the same step a second
// time stays. A moved enrolment keeps the time since which it waits, and is looked at
// at once, since the live version may say another length.
//
// It works in batches, each its own transaction: where ctx ends it in the middle, what
// was moved stays moved, and calling it again does the rest.
func Migrate(ctx context.Context, db postgres.DB, now time.Time, id int64, dryRun bool) (Migration, error) {
	j, err := Get(ctx, db, id)
	if err != nil {
		return Migration{}, err
	}
	if j.LiveVersion == nil || j.Status == Archived {
		return Migration{}, fault.Conflictf(j.Status, "cannot migrate: the journey is %s, so that there is no version to move to", j.Status)
	}
	m := migration{journey: id, now: now, parts: map[partKey]*Part{}, report: Migration{LiveVersion: *j.LiveVersion, DryRun: dryRun, Parts: []Part{}}}
	if m.live, err = m.programs.get(ctx, db, id, *j.LiveVersion); err != nil {
		return Migration{}, err
	}
	for more := true; more; {
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			more, err = m.batch(ctx, tx)
			return err
		})
		if err != nil {
			return Migration{}, fmt.Errorf("migrate journey %d: %w", id, err)
		}
	}
	for _, p := range m.parts {
		m.report.Moved, m.report.Stayed = m.report.Moved+p.Moved, m.report.Stayed+p.Stayed
		m.report.Parts = append(m.report.Parts, *p)
	}
	slices.SortFunc(m.report.Parts, func(a, b Part) int {
		return slices.Compare([]string{fmt.Sprintf("%010d", a.Version), a.Step}, []string{fmt.Sprintf("%010d", b.Version), b.Step})
	})
	return m.report, nil
}

type partKey struct {
	version int
	step    string
}

type migration struct {
	journey  int64
	now      time.Time
	programs programs
	live     *Program
	cursor   int64
	parts    map[partKey]*Part
	report   Migration
}

// underWay is an enrolment that may be moved.
type underWay struct {
	ID        int64
	ContactID int64
	Version   int
	Status    Status
	Position  string
	DueAt     time.Time
	TriggerAt time.Time
	Sent      []string // the send steps it has taken
}

// batch moves the next enrolments. more is false where there are none.
func (m *migration) batch(ctx context.Context, tx pgx.Tx) (more bool, err error) {
	ids, err := m.next(ctx, tx)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	lock := ""
	if !m.report.DryRun {
		lock = "FOR NO KEY UPDATE OF e"
	}
	rows, err := tx.Query(ctx, `
		SELECT e.id, e.contact_id, e.version, e.status, e.position, e.due_at, e.trigger_at,
		       ARRAY (SELECT s.step FROM enrolment_steps s WHERE s.enrolment_id = e.id AND s.type = 'send')
		FROM enrolments e
		WHERE e.id = ANY($1) AND e.version <> $2 AND e.due_at IS NOT NULL
		ORDER BY e.id `+lock, ids, m.report.LiveVersion)
	if err != nil {
		return false, fmt.Errorf("read enrolments: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[underWay])
	if err != nil {
		return false, fmt.Errorf("read enrolments: %w", err)
	}
	moved := list[:0]
	for _, e := range list {
		old, err := m.programs.get(ctx, tx, m.journey, e.Version)
		if err != nil {
			return false, err
		}
		key := partKey{e.Version, e.Position}
		if m.parts[key] == nil {
			m.parts[key] = &Part{Version: e.Version, Step: e.Position}
		}
		part := m.parts[key]
		if why := m.stays(old, e); why != "" {
			part.Stayed++
			part.Why = why
			continue
		}
		part.Moved++
		e.DueAt = m.due(e)
		moved = append(moved, e)
	}
	return true, m.move(ctx, tx, moved)
}

// next returns the next enrolments under way on other versions. Where they are to be
// moved it locks their contacts, and these before the enrolments, as Advance does.
func (m *migration) next(ctx context.Context, tx pgx.Tx) ([]int64, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, contact_id FROM enrolments
		WHERE journey_id = $1 AND id > $2 AND version <> $3 AND due_at IS NOT NULL
		ORDER BY id LIMIT $4`, m.journey, m.cursor, m.report.LiveVersion, migrateBatch)
	if err != nil {
		return nil, fmt.Errorf("find enrolments: %w", err)
	}
	var ids, contacts []int64
	var id, contact int64
	if _, err := pgx.ForEachRow(rows, []any{&id, &contact}, func() error { ids, contacts = append(ids, id), append(contacts, contact); return nil }); err != nil {
		return nil, fmt.Errorf("find enrolments: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	m.cursor = id
	if m.report.DryRun {
		return ids, nil
	}
	if _, err := tx.Exec(ctx, `SELECT id FROM contacts WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, contacts); err != nil {
		return nil, fmt.Errorf("lock contacts: %w", err)
	}
	return ids, nil
}

// stays says why an enrolment cannot be moved; "": it can.
func (m *migration) stays(old *Program, e underWay) string {
	if e.Position == "" {
		switch {
		case old.Trigger.Type != m.live.Trigger.Type:
			return fmt.Sprintf("the live version's trigger is %s, not %s", m.live.Trigger.Type, old.Trigger.Type)
		case e.Status == Pending && old.Entry.Key != m.live.Entry.Key:
			return fmt.Sprintf("the live version enters once per %s, not once per %s", m.live.Entry.Key, old.Entry.Key)
		}
		return ""
	}
	at, there := m.live.at[e.Position]
	if !there {
		return "the step is not in the live version"
	}
	if was, is := old.code[old.at[e.Position]].Type, m.live.code[at].Type; was != is {
		return fmt.Sprintf("the step is of type %s in the live version, not %s", is, was)
	}
	for _, step := range m.live.sendsFrom(at) {
		if slices.Contains(e.Sent, step) {
			return fmt.Sprintf("some got the mail of step %q already, which comes after it in the live version", step)
		}
	}
	return ""
}

// due is when a moved enrolment is looked at: at once, which for one that waits finds
// out when its wait ends now; of one that is pending the time itself decides.
func (m *migration) due(e underWay) time.Time {
	if e.Status != Pending {
		return m.now
	}
	return m.live.pendingUntil(e.TriggerAt, e.DueAt)
}

// sendsFrom are the send steps that may still come from a step on, itself included.
func (p *Program) sendsFrom(at int) []string {
	var out []string
	seen := map[int]bool{end: true}
	var visit func(at int)
	visit = func(at int) {
		if seen[at] {
			return
		}
		seen[at] = true
		in := p.code[at]
		switch in.Type {
		case SendStep:
			out = append(out, in.ID)
		case BranchStep, WaitUntilStep:
			visit(in.then)
			visit(in.els)
			return
		case SplitStep:
			for _, path := range in.path {
				visit(path)
			}
			return
		case ExitStep:
			return
		}
		visit(in.next)
	}
	visit(at)
	return out
}

func (m *migration) move(ctx context.Context, tx pgx.Tx, list []underWay) error {
	if m.report.DryRun || len(list) == 0 {
		return nil
	}
	ids, due := make([]int64, len(list)), make([]time.Time, len(list))
	for i, e := range list {
		ids[i], due[i] = e.ID, e.DueAt
	}
	_, err := tx.Exec(ctx, `
		WITH moved AS (
			UPDATE enrolments e
			SET version = $3, due_at = r.due, taken = e.taken + 1, updated_at = $4
			FROM (SELECT was.id, was.version, n.due
			      FROM unnest($1::bigint[], $2::timestamptz[]) AS n (id, due) JOIN enrolments was ON was.id = n.id) AS r
			WHERE e.id = r.id
			RETURNING e.id, e.taken, e.position, r.version AS was
		)
		INSERT INTO enrolment_steps (enrolment_id, n, step, what, why, at)
		SELECT id, taken, position, 'migrated', format('moved from version %s to version %s', was, $3::int), $4 FROM moved`,
		ids, due, m.report.LiveVersion, m.now)
	if err != nil {
		return fmt.Errorf("move enrolments: %w", err)
	}
	return nil
}
