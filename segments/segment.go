// Package segments selects contacts by what they are and what they did.
//
// A rule is a tree in JSON, in the shape of react-querybuilder: groups ("and",
// "or", "not") of conditions on fields. docs/rules.md lists fields and operators.
//
//  1. Parse checks a tree and reads it into typed conditions. What it does not
//     know it refuses, with the path of the node: an option that is silently not
//     looked at would select the wrong people.
//  2. Where compiles the rule to SQL over many contacts. Names in it come from
//     this package alone, what the user wrote is an argument.
//  3. Match evaluates the same rule in Go for one contact, from Facts.
//  4. String says in English what a rule asks, for explanations.
//
// Both evaluations say the same; a property test holds random rules over random
// contacts against a real Postgres. Three decisions make that possible. There is
// no third truth value: a contact without a value passes no positive operator,
// and a negative operator is the exact opposite of its positive one. Texts are
// compared by bytes, with ASCII letters folded. Numbers are exact decimals.
//
// A rule is asked as of a moment: relative dates count back from it, and orders
// and events after it are not seen. What has no history (a contact's fields,
// attributes and consents, the status of an order, the category of a product) is
// as it is today.
//
// A rule of a journey (ParseTriggered) may also ask about the order or event that
// triggered the journey. It is evaluated in Go alone: which order that was is known
// for one contact on one journey, not for a table of contacts.
//
// A segment is a rule with a name. It keeps no list of its contacts: they are
// looked up whenever it is used.
package segments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Segment is a live rule that selects contacts.
type Segment struct {
	ID        int64           `json:"id" db:"id"`
	Name      string          `json:"name" db:"name"`
	Rule      json.RawMessage `json:"rule" db:"rule"` // for Parse; in its canonical form
	CreatedAt time.Time       `json:"created_at" db:"created_at"`
	UpdatedAt time.Time       `json:"updated_at" db:"updated_at"`

	// Sentence is the rule as one sentence, for whoever asks Describe for it; empty where
	// this version cannot read the rule.
	Sentence Sentences `json:"sentence" db:"-"`
}

// Limits of names and pages.
const (
	maxSegmentName = 200
	defaultLimit   = 50
	maxLimit       = 200
)

const columns = `id, name, rule, created_at, updated_at`

// Create keeps a new segment. Names need not be unique.
func Create(ctx context.Context, db postgres.DB, now time.Time, name string, rule []byte) (Segment, error) {
	name, rule, err := check(name, rule)
	if err != nil {
		return Segment{}, err
	}
	s, err := one(ctx, db, `
		INSERT INTO segments (name, rule, created_at, updated_at)
		VALUES ($1, $2, $3, $3)
		RETURNING `+columns, name, rule, now)
	if err != nil {
		return Segment{}, fmt.Errorf("create segment: %w", err)
	}
	return s, nil
}

// Update replaces a segment's name and rule. A run that has begun goes on with the
// rule it began with. The same name and rule change nothing, not even updated_at.
func Update(ctx context.Context, db postgres.DB, now time.Time, id int64, name string, rule []byte) (Segment, error) {
	name, rule, err := check(name, rule)
	if err != nil {
		return Segment{}, err
	}
	s, err := one(ctx, db, `
		UPDATE segments
		SET name = $2, rule = $3, updated_at = CASE WHEN (name, rule) = ($2, $3::jsonb) THEN updated_at ELSE $4 END
		WHERE id = $1
		RETURNING `+columns, id, name, rule, now)
	if errors.Is(err, pgx.ErrNoRows) {
		return Segment{}, fault.NotFoundf("segment", id)
	}
	if err != nil {
		return Segment{}, fmt.Errorf("update segment %d: %w", id, err)
	}
	return s, nil
}

// Get returns one segment, or a fault.NotFound.
func Get(ctx context.Context, db postgres.DB, id int64) (Segment, error) {
	s, err := one(ctx, db, `SELECT `+columns+` FROM segments WHERE id = $1`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Segment{}, fault.NotFoundf("segment", id)
	}
	if err != nil {
		return Segment{}, fmt.Errorf("read segment %d: %w", id, err)
	}
	return s, nil
}

// Named returns the segment of a name, and whether there is one. Names need not be
// unique: where several segments have it, that is a fault.Conflict.
func Named(ctx context.Context, db postgres.DB, name string) (Segment, bool, error) {
	rows, err := db.Query(ctx, `SELECT `+columns+` FROM segments WHERE name = $1 ORDER BY id LIMIT 2`, name)
	if err != nil {
		return Segment{}, false, fmt.Errorf("find segment %q: %w", name, err)
	}
	list, err := pgx.CollectRows(rows, scan)
	switch {
	case err != nil:
		return Segment{}, false, fmt.Errorf("find segment %q: %w", name, err)
	case len(list) == 0:
		return Segment{}, false, nil
	case len(list) > 1:
		return Segment{}, false, fault.Conflictf("", "several segments are named %q (ids %d and %d): give them names of their own", name, list[0].ID, list[1].ID)
	}
	return list[0], true, nil
}

// List returns a page of segments, the newest first, and the cursor of the next
// page, 0 on the last. cursor is 0 for the first page; limit is 50 where 0, at
// most 200.
func List(ctx context.Context, db postgres.DB, cursor int64, limit int) (list []Segment, next int64, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	rows, err := db.Query(ctx, `
		SELECT `+columns+`
		FROM segments
		WHERE $1::bigint = 0 OR id < $1
		ORDER BY id DESC
		LIMIT $2`, cursor, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list segments: %w", err)
	}
	list, err = pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, 0, fmt.Errorf("list segments: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, nil
}

// Delete removes a segment. It returns a fault.Conflict while a campaign that may
// still send names it, since without the segment the audience would be another one,
// or a journey that it triggers.
func Delete(ctx context.Context, db postgres.DB, id int64) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT id FROM segments WHERE id = $1 FOR UPDATE`, id).Scan(&id); errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFoundf("segment", id)
		} else if err != nil {
			return fmt.Errorf("delete segment %d: %w", id, err)
		}
		list, err := uses(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := kept(list); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM segments WHERE id = $1`, id); err != nil {
			return fmt.Errorf("delete segment %d: %w", id, err)
		}
		return nil
	})
}

// check returns the name without surrounding space and the rule in its canonical
// form.
func check(name string, rule []byte) (string, []byte, error) {
	var wrong fault.List
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		wrong.Add("name", "is missing")
	case !utf8.ValidString(name):
		wrong.Add("name", "is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		wrong.Add("name", "holds a control character (such as NUL, tab or a line break)")
	case utf8.RuneCountInString(name) > maxSegmentName:
		wrong.Add("name", "is longer than %d characters", maxSegmentName)
	}
	parsed, err := Parse(rule)
	var list fault.List
	var single *fault.Invalid
	switch {
	case errors.As(err, &list):
		wrong = append(wrong, list...)
	case errors.As(err, &single):
		wrong = append(wrong, single)
	case err != nil:
		return "", nil, err
	}
	if err := wrong.Err(); err != nil {
		return "", nil, err
	}
	rule, err = parsed.MarshalJSON()
	return name, rule, err
}

func one(ctx context.Context, db postgres.DB, sql string, args ...any) (Segment, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Segment{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

// scan reads a row and puts the rule's keys back into the sequence people write
// them in, which jsonb does not keep.
func scan(row pgx.CollectableRow) (Segment, error) {
	s, err := pgx.RowToStructByName[Segment](row)
	if err != nil {
		return Segment{}, err
	}
	if rule, err := Parse(s.Rule); err == nil {
		if canonical, err := rule.MarshalJSON(); err == nil {
			s.Rule = canonical
		}
	} // else it was kept by another version; whoever uses it says what is wrong with it
	return s, nil
}
