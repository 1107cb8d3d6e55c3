// Package journeys is follow-ups: what a customer chose decides what they hear next.
//
// A journey has versions, each a Definition that Parse has checked. Its engine is a
// pure function (Decide, in decide.go): the version, where a contact is in it, what is
// known of the contact, and the time, give the steps to take. The rest of the
// package puts rows around it:
//
//  1. What happens in the shop leaves a row in happenings, in the transaction that
//     brought it (postgres/migrations/00005_journeys.sql). Eval looks at it: who
//     enters gets an enrolment, pinned to the version that is live.
//  2. Advance takes the steps of enrolments that are due. What a step does (a message,
//     a change of the contact, a call of a webhook) is written with the step and the
//     next due_at in one transaction: done once, or not at all.
//  3. Messages go the way of every mail (package messages): a run for each send step
//     of each version, chunks of messages that were written together.
//
// All decisions about one contact happen one after the other: both functions lock
// the contact's row first. A version is never changed: who is on it stays on it,
// until Migrate moves them.
package journeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Journey is a follow-up of several steps.
type Journey struct {
	ID           int64      `json:"id" db:"id"`
	Name         string     `json:"name" db:"name"`
	Status       string     `json:"status" db:"status"`                         // draft, live, paused, archived
	StatusReason string     `json:"status_reason,omitempty" db:"status_reason"` // why it paused itself
	Version      int        `json:"version" db:"version"`                       // the newest
	LiveVersion  *int       `json:"live_version" db:"live_version"`             // what new enrolments get; null: never published
	LiveSince    *time.Time `json:"live_since" db:"live_since"`
	CreatedAt    time.Time  `json:"created_at" db:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at" db:"updated_at"`
}

// Version is one state of a journey's definition.
type Version struct {
	Version     int             `json:"version" db:"version"`
	Definition  json.RawMessage `json:"definition" db:"definition"` // canonical
	CreatedAt   time.Time       `json:"created_at" db:"created_at"` // of a draft: when it was saved last
	CreatedBy   string          `json:"created_by" db:"created_by"` // "": not known
	PublishedAt *time.Time      `json:"published_at" db:"published_at"`
	PublishedBy string          `json:"published_by" db:"published_by"`
}

// Option says more about a change.
type Option func(*change)

type change struct {
	by   string
	over time.Time
}

// By notes who makes the change.
func By(name string) Option { return func(c *change) { c.by = name } }

// Over is when the newest version was saved that was changed: where somebody else has
// saved meanwhile, Update refuses with a fault.Conflict instead of hiding their work.
// Zero: not looked at.
func Over(saved time.Time) Option { return func(c *change) { c.over = saved } }

func said(opts []Option) change {
	var c change
	for _, o := range opts {
		o(&c)
	}
	return c
}

const columns = `id, name, status, status_reason, version, live_version, live_since, created_at, updated_at`

const (
	maxJourneyName = 200
	defaultLimit   = 50
	maxLimit       = 200
)

// Create keeps a new draft.
func Create(ctx context.Context, db postgres.DB, now time.Time, name string, definition []byte, opts ...Option) (Journey, error) {
	name, canonical, err := checked(ctx, db, name, definition)
	if err != nil {
		return Journey{}, err
	}
	var id int64
	err = db.QueryRow(ctx, `
		WITH made AS (
			INSERT INTO journeys (name, version, created_at, updated_at) VALUES ($1, 1, $3, $3) RETURNING id
		)
		INSERT INTO journey_versions (journey_id, version, definition, created_at, created_by)
		SELECT id, 1, $2, $3, $4 FROM made RETURNING journey_id`, name, canonical, now, said(opts).by).Scan(&id)
	if err != nil {
		return Journey{}, fmt.Errorf("create journey: %w", err)
	}
	return Get(ctx, db, id)
}

// Update makes a new draft version; what is live stays live until Publish. A draft
// that was never published is replaced. The same name and definition change nothing. It
// returns a fault.Conflict where the journey is archived (and see Over).
func Update(ctx context.Context, db postgres.DB, now time.Time, id int64, name string, definition []byte, opts ...Option) (Journey, error) {
	how := said(opts)
	name, canonical, err := checked(ctx, db, name, definition)
	if err != nil {
		return Journey{}, err
	}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		j, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		newest, err := GetVersion(ctx, tx, id, j.Version)
		if err != nil {
			return err
		}
		same := sameJSON(newest.Definition, canonical)
		switch {
		case j.Status == Archived:
			return fault.Conflictf(j.Status, "cannot change: the journey is archived")
		case !how.over.IsZero() && !how.over.Equal(newest.CreatedAt):
			return fault.Conflictf(j.Status, "somebody has saved version %d meanwhile: look at it first", newest.Version)
		case same && name == j.Name:
			return nil
		case same:
		case newest.PublishedAt == nil:
			_, err = tx.Exec(ctx, `UPDATE journey_versions SET definition = $3, created_at = $4, created_by = $5 WHERE journey_id = $1 AND version = $2`, id, j.Version, canonical, now, how.by)
		default:
			j.Version++
			_, err = tx.Exec(ctx, `INSERT INTO journey_versions (journey_id, version, definition, created_at, created_by) VALUES ($1, $2, $3, $4, $5)`, id, j.Version, canonical, now, how.by)
		}
		if err != nil {
			return fmt.Errorf("write version of journey %d: %w", id, err)
		}
		_, err = tx.Exec(ctx, `UPDATE journeys SET name = $2, version = $3, updated_at = $4 WHERE id = $1`, id, name, j.Version, now)
		if err != nil {
			return fmt.Errorf("update journey %d: %w", id, err)
		}
		return nil
	})
	if err != nil {
		return Journey{}, err
	}
	return Get(ctx, db, id)
}

// checked returns the name and the canonical definition, or what is wrong with them.
func checked(ctx context.Context, db postgres.DB, name string, definition []byte) (string, []byte, error) {
	var wrong fault.List
	name = check.Required(&wrong, "name", name, maxJourneyName)
	d, err := Parse(definition)
	if err == nil {
		err = d.checkReferences(ctx, db)
	}
	var list fault.List
	var one *fault.Invalid
	switch {
	case errors.As(err, &list):
		wrong = append(wrong, list...)
	case errors.As(err, &one):
		wrong = append(wrong, one)
	case err != nil:
		return "", nil, err
	}
	if err := wrong.Err(); err != nil {
		return "", nil, err
	}
	canonical, err := json.Marshal(d)
	return name, canonical, err
}

// checkReferences looks for the templates and segments that a definition names.
func (d *Definition) checkReferences(ctx context.Context, db postgres.DB) error {
	wrong, err := d.references(ctx, db)
	if err != nil {
		return err
	}
	return wrong.Err()
}

// references returns what is wrong with the templates and segments that a definition names.
func (d *Definition) references(ctx context.Context, db postgres.DB) (fault.List, error) {
	var templates []int64
	d.Walk(func(s *Step) {
		if s.Type == SendStep {
			templates = append(templates, s.TemplateID)
		}
	})
	rows, err := db.Query(ctx, `SELECT id, archived_at IS NOT NULL FROM templates WHERE id = ANY($1)`, templates)
	if err != nil {
		return nil, fmt.Errorf("look up templates: %w", err)
	}
	archived := map[int64]bool{}
	var id int64
	var is bool
	if _, err := pgx.ForEachRow(rows, []any{&id, &is}, func() error { archived[id] = is; return nil }); err != nil {
		return nil, fmt.Errorf("look up templates: %w", err)
	}
	var wrong fault.List
	d.WalkPaths(func(path string, s *Step) {
		is, there := archived[s.TemplateID]
		switch {
		case s.Type != SendStep:
		case !there:
			wrong.Add(path+".template_id", "there is no template %d", s.TemplateID)
		case is:
			wrong.Add(path+".template_id", "template %d is archived: bring it back, or take another", s.TemplateID)
		}
	})
	if d.Trigger.Type == OnSegment {
		var there bool
		if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM segments WHERE id = $1)`, d.Trigger.SegmentID).Scan(&there); err != nil {
			return nil, fmt.Errorf("look up segment: %w", err)
		}
		if !there {
			wrong.Add("trigger.segment_id", "there is no segment %d", d.Trigger.SegmentID)
		}
	}
	return wrong, nil
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	ca, _ := json.Marshal(x)
	cb, _ := json.Marshal(y)
	return string(ca) == string(cb)
}

// Get returns one journey.
func Get(ctx context.Context, db postgres.DB, id int64) (Journey, error) {
	return one(ctx, db, id, `SELECT `+columns+` FROM journeys WHERE id = $1`)
}

// lock reads a journey and holds its row until the transaction ends.
func lock(ctx context.Context, tx pgx.Tx, id int64) (Journey, error) {
	return one(ctx, tx, id, `SELECT `+columns+` FROM journeys WHERE id = $1 FOR NO KEY UPDATE`)
}

func one(ctx context.Context, db postgres.DB, id int64, sql string) (Journey, error) {
	rows, err := db.Query(ctx, sql, id)
	if err != nil {
		return Journey{}, fmt.Errorf("get journey %d: %w", id, err)
	}
	j, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Journey])
	if errors.Is(err, pgx.ErrNoRows) {
		return Journey{}, fault.NotFoundf("journey", id)
	}
	if err != nil {
		return Journey{}, fmt.Errorf("get journey %d: %w", id, err)
	}
	return j, nil
}

// Named returns the journey of a name, and whether there is one. Archived ones are
// passed over. Names need not be unique: where several have it, that is a
// fault.Conflict.
func Named(ctx context.Context, db postgres.DB, name string) (Journey, bool, error) {
	rows, err := db.Query(ctx, `SELECT `+columns+` FROM journeys WHERE name = $1 AND status <> 'archived' ORDER BY id LIMIT 2`, name)
	if err != nil {
		return Journey{}, false, fmt.Errorf("find journey %q: %w", name, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Journey])
	switch {
	case err != nil:
		return Journey{}, false, fmt.Errorf("find journey %q: %w", name, err)
	case len(list) == 0:
		return Journey{}, false, nil
	case len(list) > 1:
		return Journey{}, false, fault.Conflictf("", "several journeys are named %q (ids %d and %d): give them names of their own, or go by the id", name, list[0].ID, list[1].ID)
	}
	return list[0], true, nil
}

// Find returns the journey of an id or, where it is none, of a name.
func Find(ctx context.Context, db postgres.DB, idOrName string) (Journey, error) {
	var notFound *fault.NotFound
	if id, err := strconv.ParseInt(idOrName, 10, 64); err == nil {
		if j, err := Get(ctx, db, id); !errors.As(err, &notFound) {
			return j, err
		}
	}
	j, found, err := Named(ctx, db, idOrName)
	if err == nil && !found {
		err = fault.NotFoundf("journey", idOrName)
	}
	return j, err
}

// GetVersion returns one version of a journey.
func GetVersion(ctx context.Context, db postgres.DB, id int64, version int) (Version, error) {
	rows, err := db.Query(ctx, `
		SELECT version, definition, created_at, created_by, published_at, published_by FROM journey_versions WHERE journey_id = $1 AND version = $2`, id, version)
	if err != nil {
		return Version{}, fmt.Errorf("get version %d of journey %d: %w", version, id, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Version])
	if errors.Is(err, pgx.ErrNoRows) {
		return Version{}, fault.NotFoundf("version of the journey", version)
	}
	if err != nil {
		return Version{}, fmt.Errorf("get version %d of journey %d: %w", version, id, err)
	}
	return v.canonical()
}

// DefinitionOf returns the definition of a version; 0: of the newest.
func DefinitionOf(ctx context.Context, db postgres.DB, id int64, version int) (*Definition, error) {
	if version == 0 {
		j, err := Get(ctx, db, id)
		if err != nil {
			return nil, err
		}
		version = j.Version
	}
	v, err := GetVersion(ctx, db, id, version)
	if err != nil {
		return nil, err
	}
	return v.parse(id)
}

// Versions returns all versions of a journey, the newest first.
func Versions(ctx context.Context, db postgres.DB, id int64) ([]Version, error) {
	rows, err := db.Query(ctx, `
		SELECT version, definition, created_at, created_by, published_at, published_by FROM journey_versions WHERE journey_id = $1 ORDER BY version DESC`, id)
	if err != nil {
		return nil, fmt.Errorf("list versions of journey %d: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Version])
	if err != nil {
		return nil, fmt.Errorf("list versions of journey %d: %w", id, err)
	}
	for i := range list {
		if list[i], err = list[i].canonical(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (v Version) parse(journey int64) (*Definition, error) {
	d, err := Parse(v.Definition)
	if err != nil { // it was written by another program
		return nil, fmt.Errorf("definition of journey %d, version %d: %v", journey, v.Version, err)
	}
	return d, nil
}

// canonical writes the definition in its own sequence of keys, which jsonb does
// not keep.
func (v Version) canonical() (Version, error) {
	d, err := Parse(v.Definition)
	if err != nil {
		return v, fmt.Errorf("stored definition: %v", err) // written by another program: not the caller's fault
	}
	v.Definition, err = json.Marshal(d)
	return v, err
}
