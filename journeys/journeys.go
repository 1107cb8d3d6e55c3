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
	CreatedAt   time.Time       `json:"created_at" db:"created_at"`
	PublishedAt *time.Time      `json:"published_at" db:"published_at"`
}

const columns = `id, name, status, status_reason, version, live_version, live_since, created_at, updated_at`

const (
	maxJourneyName = 200
	defaultLimit   = 50
	maxLimit       = 200
)

// Create keeps a new draft.
func Create(ctx context.Context, db postgres.DB, now time.Time, name string, definition []byte) (Journey, error) {
	name, canonical, err := checked(ctx, db, name, definition)
	if err != nil {
		return Journey{}, err
	}
	var id int64
	err = db.QueryRow(ctx, `
		WITH made AS (
			INSERT INTO journeys (name, version, created_at, updated_at) VALUES ($1, 1, $3, $3) RETURNING id
		)
		INSERT INTO journey_versions (journey_id, version, definition, created_at)
		SELECT id, 1, $2, $3 FROM made RETURNING journey_id`, name, canonical, now).Scan(&id)
	if err != nil {
		return Journey{}, fmt.Errorf("create journey: %w", err)
	}
	return Get(ctx, db, id)
}

// Update makes a new draft version; what is live stays live until Publish. A draft
// that was never published is replaced. The same name and definition change nothing.
func Update(ctx context.Context, db postgres.DB, now time.Time, id int64, name string, definition []byte) (Journey, error) {
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
		case same && name == j.Name:
			return nil
		case same:
		case newest.PublishedAt == nil:
			_, err = tx.Exec(ctx, `UPDATE journey_versions SET definition = $3, created_at = $4 WHERE journey_id = $1 AND version = $2`, id, j.Version, canonical, now)
		default:
			j.Version++
			_, err = tx.Exec(ctx, `INSERT INTO journey_versions (journey_id, version, definition, created_at) VALUES ($1, $2, $3, $4)`, id, j.Version, canonical, now)
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
	var wrong fault.List
	missing := func(table string, id int64) (bool, error) {
		var there bool
		err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+table+` WHERE id = $1)`, id).Scan(&there)
		return !there, err
	}
	var first error
	d.Walk(func(s *Step) {
		if s.Type != SendStep || first != nil {
			return
		}
		gone, err := missing("templates", s.TemplateID)
		if first = err; gone && err == nil {
			wrong.Add("steps("+s.ID+").template_id", "there is no template %d", s.TemplateID)
		}
	})
	if first != nil {
		return fmt.Errorf("look up templates: %w", first)
	}
	if d.Trigger.Type == OnSegment {
		gone, err := missing("segments", d.Trigger.SegmentID)
		if err != nil {
			return fmt.Errorf("look up segment: %w", err)
		}
		if gone {
			wrong.Add("trigger.segment_id", "there is no segment %d", d.Trigger.SegmentID)
		}
	}
	return wrong.Err()
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

// List returns a page of journeys, the newest first, and the cursor of the next
// page, 0 on the last.
func List(ctx context.Context, db postgres.DB, cursor int64, limit int) ([]Journey, int64, error) {
	limit = pageSize(limit)
	rows, err := db.Query(ctx, `SELECT `+columns+` FROM journeys WHERE $1::bigint = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, cursor, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list journeys: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Journey])
	if err != nil {
		return nil, 0, fmt.Errorf("list journeys: %w", err)
	}
	if len(list) > limit {
		return list[:limit], list[limit-1].ID, nil
	}
	return list, 0, nil
}

// GetVersion returns one version of a journey.
func GetVersion(ctx context.Context, db postgres.DB, id int64, version int) (Version, error) {
	rows, err := db.Query(ctx, `
		SELECT version, definition, created_at, published_at FROM journey_versions WHERE journey_id = $1 AND version = $2`, id, version)
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
		SELECT version, definition, created_at, published_at FROM journey_versions WHERE journey_id = $1 ORDER BY version DESC`, id)
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
