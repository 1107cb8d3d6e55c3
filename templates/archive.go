package templates

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Use is what names a template: a campaign, or steps of a journey in its newest or its
// live version.
type Use struct {
	Kind   string   `json:"kind" db:"kind"` // campaign or journey
	ID     int64    `json:"id" db:"id"`
	Name   string   `json:"name" db:"name"`
	Status string   `json:"status" db:"status"`
	Steps  []string `json:"steps" db:"steps"` // of a journey
	Ended  bool     `json:"ended" db:"ended"` // finished, cancelled, failed or archived: it may still send nothing new
}

// maxUses bounds how many uses are told, those that have not ended first.
const maxUses = 100

// sendSteps finds the steps of a definition that send template $1, wherever they are
// nested. In lax mode it would find each twice.
const sendSteps = `jsonb_path_query_array(v.definition, 'strict $.** ? (@.type == "send" && @.template_id == $id).id', jsonb_build_object('id', $1::bigint))`

// Uses returns what names a template, at most 100.
func Uses(ctx context.Context, db postgres.DB, id int64) ([]Use, error) {
	if _, err := Get(ctx, db, id); err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, `
		SELECT 'campaign' AS kind, id, name, status, '{}'::text[] AS steps, status IN ('finished', 'cancelled', 'failed') AS ended
		FROM campaigns
		WHERE template_id = $1
		UNION ALL
		SELECT 'journey', j.id, j.name, j.status, array_agg(DISTINCT s ORDER BY s), j.status = 'archived'
		FROM journeys j
		JOIN journey_versions v ON v.journey_id = j.id AND v.version IN (j.version, j.live_version)
		CROSS JOIN LATERAL jsonb_array_elements_text(`+sendSteps+`) AS s
		GROUP BY j.id
		ORDER BY ended, kind DESC, id DESC
		LIMIT $2`, id, maxUses)
	if err != nil {
		return nil, fmt.Errorf("look for uses of template %d: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Use])
	if err != nil {
		return nil, fmt.Errorf("look for uses of template %d: %w", id, err)
	}
	return list, nil
}

// Archive takes a template out of what is offered. What was sent with it can still be
// shown, and what is under way with it goes on. It returns a fault.Conflict that names
// them while campaigns or journeys that have not ended use it.
func Archive(ctx context.Context, db postgres.DB, now time.Time, id int64) (Template, error) {
	return locked(ctx, db, id, func(tx pgx.Tx) error {
		if err := unused(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE templates SET archived_at = coalesce(archived_at, $2) WHERE id = $1`, id, now)
		return err
	})
}

// Unarchive brings a template back.
func Unarchive(ctx context.Context, db postgres.DB, id int64) (Template, error) {
	return locked(ctx, db, id, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE templates SET archived_at = NULL WHERE id = $1`, id)
		return err
	})
}

// Delete removes a template with all its versions for good. It returns a
// fault.Conflict where a campaign or a journey names it or a mail was sent with it:
// such a template can only be archived.
func Delete(ctx context.Context, db postgres.DB, id int64) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if err := lockRow(ctx, tx, id); err != nil {
			return err
		}
		if err := unused(ctx, tx, id); err != nil {
			return err
		}
		var kept bool
		err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM campaigns WHERE template_id = $1)
			    OR EXISTS (SELECT FROM runs WHERE template_id = $1)
			    OR EXISTS (SELECT FROM journey_versions v WHERE jsonb_array_length(`+sendSteps+`) > 0)`, id).Scan(&kept)
		if err != nil {
			return fmt.Errorf("delete template %d: %w", id, err)
		}
		if kept {
			return fault.Conflictf("in use", "campaigns or journeys that have ended, or earlier versions of a journey, name this template: archive it instead")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM templates WHERE id = $1`, id); err != nil {
			return fmt.Errorf("delete template %d: %w", id, err)
		}
		return nil
	})
}

// unused is a fault.Conflict while something that has not ended uses a template.
func unused(ctx context.Context, tx pgx.Tx, id int64) error {
	uses, err := Uses(ctx, tx, id)
	if err != nil {
		return err
	}
	var users []string
	for _, u := range uses {
		if !u.Ended {
			users = append(users, fmt.Sprintf("%s %q (%s)", u.Kind, u.Name, u.Status))
		}
	}
	if len(users) > 4 {
		users = append(users[:3], fmt.Sprintf("and %d more", len(users)-3))
	}
	if len(users) > 0 {
		return fault.Conflictf("in use", "the template is used by %s", strings.Join(users, ", "))
	}
	return nil
}

func lockRow(ctx context.Context, tx pgx.Tx, id int64) error {
	err := tx.QueryRow(ctx, `SELECT id FROM templates WHERE id = $1 FOR UPDATE`, id).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.NotFoundf("template", id)
	}
	if err != nil {
		return fmt.Errorf("lock template %d: %w", id, err)
	}
	return nil
}

// locked runs fn under the template's lock and returns the template after it.
func locked(ctx context.Context, db postgres.DB, id int64, fn func(tx pgx.Tx) error) (t Template, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if err := lockRow(ctx, tx, id); err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		t, err = Get(ctx, tx, id)
		return err
	})
	return t, err
}

// Duplicate makes a new template of the newest version of another. Without a name it
// is called as the other, with "(copy)" behind.
func Duplicate(ctx context.Context, db postgres.DB, now time.Time, id int64, name string, opts ...Option) (Template, []Problem, error) {
	t, err := Get(ctx, db, id)
	if err != nil {
		return Template{}, nil, err
	}
	if strings.TrimSpace(name) == "" {
		const suffix = " (copy)"
		r := []rune(t.Name)
		name = string(r[:min(len(r), maxName-len(suffix))]) + suffix
	}
	return Create(ctx, db, now, name, t.Source, opts...)
}

// Restore brings an earlier version back, as a new version with its source. Errors are
// those of Update: what was right once may not pass today's checks.
func Restore(ctx context.Context, db postgres.DB, now time.Time, id int64, version int, opts ...Option) (Template, []Problem, error) {
	t, err := Get(ctx, db, id)
	if err != nil {
		return Template{}, nil, err
	}
	v, err := GetVersion(ctx, db, id, version)
	if err != nil {
		return Template{}, nil, err
	}
	opts = append(opts, func(s *saving) { s.restored = &version })
	return Update(ctx, db, now, id, t.Name, v.Source(), opts...)
}

// VersionSummary is a version as lists show it.
type VersionSummary struct {
	Version      int       `json:"version" db:"version"`
	CreatedAt    time.Time `json:"created_at" db:"created_at"`
	CreatedBy    string    `json:"created_by" db:"created_by"`       // "": not known
	RestoredFrom *int      `json:"restored_from" db:"restored_from"` // the version that was brought back; null: it was written
	Subject      string    `json:"subject" db:"subject"`
}

// Versions returns versions below before (0: all), the newest first, at most limit.
func Versions(ctx context.Context, db postgres.DB, id int64, before, limit int) ([]VersionSummary, error) {
	if _, err := Get(ctx, db, id); err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, `
		SELECT version, created_at, created_by, restored_from, subject
		FROM template_versions
		WHERE template_id = $1 AND ($2 = 0 OR version < $2)
		ORDER BY version DESC
		LIMIT $3`, id, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list versions of template %d: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[VersionSummary])
	if err != nil {
		return nil, fmt.Errorf("list versions of template %d: %w", id, err)
	}
	return list, nil
}
