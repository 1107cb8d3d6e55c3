package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// The statuses of a journey. docs/states.md draws them.
const (
	Draft    = "draft"    // never published
	Live     = "live"     // contacts enter and go on
	Paused   = "paused"   // contacts enter and stay where they are; nothing is sent
	Archived = "archived" // nobody enters or goes on any more; who was under way left
)

// actions are what may be asked of a journey, from which statuses, and what it then is.
var actions = map[string]map[string]string{
	"publish": {Draft: Live, Live: Live, Paused: Paused},
	"pause":   {Live: Paused},
	"resume":  {Paused: Live},
	"archive": {Draft: Archived, Live: Archived, Paused: Archived},
}

// after returns the status after an action, or a fault.Conflict.
func after(status, action string) (string, error) {
	if to, ok := actions[action][status]; ok {
		return to, nil
	}
	return "", fault.Conflictf(status, "cannot %s: the journey is %s", action, status)
}

// Publish makes the newest version live: who enters from now on gets it, who is
// under way stays where they are. It freezes the versions of the templates that it
// sends; published again after a template was changed, the same definition becomes a
// new version. A paused journey stays paused.
func Publish(ctx context.Context, db postgres.DB, now time.Time, id int64, opts ...Option) (Journey, error) {
	by := said(opts).by
	return act(ctx, db, id, "publish", func(tx pgx.Tx, j Journey, to string) error {
		if err := renew(ctx, tx, now, &j, by); err != nil {
			return err
		}
		d, err := DefinitionOf(ctx, tx, id, j.Version)
		if err == nil {
			err = d.checkReferences(ctx, tx) // which may be gone since it was written
		}
		if err != nil {
			return err
		}
		if err := openRuns(ctx, tx, now, j, d); err != nil {
			return err
		}
		begins, err := beginsAnew(ctx, tx, j, d)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			WITH v AS (
				UPDATE journey_versions SET published_at = $3, published_by = $6 WHERE journey_id = $1 AND version = $2 AND published_at IS NULL
			)
			UPDATE journeys
			SET status = $4, version = $2, live_version = $2, live_since = coalesce(live_since, $3), looked_until = CASE WHEN $5 THEN $3 ELSE looked_until END, updated_at = $3
			WHERE id = $1`, id, j.Version, now, to, begins, by)
		if err != nil {
			return fmt.Errorf("publish journey %d: %w", id, err)
		}
		if begins {
			return begin(ctx, tx, now, j.ID, d)
		}
		return nil
	})
}

// renew makes a new version of a published one whose templates have newer versions.
func renew(ctx context.Context, tx pgx.Tx, now time.Time, j *Journey, by string) error {
	made, err := tx.Exec(ctx, `
		INSERT INTO journey_versions (journey_id, version, definition, created_at, created_by)
		SELECT journey_id, version + 1, definition, $3, $4 FROM journey_versions
		WHERE journey_id = $1 AND version = $2 AND EXISTS (
			SELECT FROM runs r JOIN templates t ON t.id = r.template_id
			WHERE r.journey_id = $1 AND r.journey_version = $2 AND r.template_version <> t.version)`, j.ID, j.Version, now, by)
	if err != nil {
		return fmt.Errorf("renew version %d of journey %d: %w", j.Version, j.ID, err)
	}
	j.Version += int(made.RowsAffected())
	return nil
}

// beginsAnew reports whether a journey goes live for the first time, or with a trigger
// of another kind than before: what was looked for until now says nothing about it.
func beginsAnew(ctx context.Context, tx pgx.Tx, j Journey, d *Definition) (bool, error) {
	if j.LiveVersion == nil {
		return true, nil
	}
	was, err := DefinitionOf(ctx, tx, j.ID, *j.LiveVersion)
	if err != nil {
		return false, err
	}
	return was.Trigger.Type != d.Trigger.Type || was.Trigger.SegmentID != d.Trigger.SegmentID, nil
}

// openRuns makes the run of each send step.
func openRuns(ctx context.Context, tx pgx.Tx, now time.Time, j Journey, d *Definition) error {
	var first error
	d.Walk(func(s *Step) {
		if s.Type != SendStep || first != nil {
			return
		}
		_, first = tx.Exec(ctx, `
			INSERT INTO runs (journey_id, journey_version, step, kind, tick, template_id, template_version, audience, as_of, planned_at, started_at,
			                  name, topic, sender_name, sender_address, relay, resend, transactional, promotes, on_refund, held)
			SELECT $1, $2, $3, 'journey', '', t.id, t.version, '{}', $4, $4, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13
			FROM templates t WHERE t.id = $14
			ON CONFLICT (journey_id, journey_version, step) WHERE journey_id IS NOT NULL DO NOTHING`,
			j.ID, j.Version, s.ID, now, j.Name, s.Topic, s.Sender.Name, s.Sender.Address, s.Relay, s.Transactional,
			orEmpty(s.Promotes), d.Exit.OnRefund, j.Status == Paused, s.TemplateID)
	})
	if first != nil {
		return fmt.Errorf("open the runs of journey %d: %w", j.ID, first)
	}
	return nil
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Pause holds everybody where they are: contacts go on entering, nobody goes on.
func Pause(ctx context.Context, db postgres.DB, now time.Time, id int64) (Journey, error) {
	return move(ctx, db, now, id, "pause", "")
}

// PauseItself pauses a live journey for a reason that only a person can mend. It
// does nothing where the journey is not live.
func PauseItself(ctx context.Context, db postgres.DB, now time.Time, id int64, reason string) error {
	_, err := move(ctx, db, now, id, "pause", reason)
	if _, conflict := err.(*fault.Conflict); conflict {
		return nil
	}
	return err
}

// Resume goes on with what is still due.
func Resume(ctx context.Context, db postgres.DB, now time.Time, id int64) (Journey, error) {
	return move(ctx, db, now, id, "resume", "")
}

// Archive ends a journey: nobody enters or goes on any more. Who is under way leaves
// within moments, with reason "archived", and mails that wait are cancelled: a worker
// does that (see Engine.Advance).
func Archive(ctx context.Context, db postgres.DB, now time.Time, id int64) (Journey, error) {
	return move(ctx, db, now, id, "archive", "")
}

func move(ctx context.Context, db postgres.DB, now time.Time, id int64, action, reason string) (Journey, error) {
	return act(ctx, db, id, action, func(tx pgx.Tx, j Journey, to string) error {
		// Workers look at the runs, not at the journey.
		_, err := tx.Exec(ctx, `
			WITH moved AS (UPDATE journeys SET status = $2, status_reason = $3, updated_at = $4 WHERE id = $1)
			UPDATE runs SET held = $5, resumed_at = CASE WHEN held AND NOT $5 THEN $4 ELSE resumed_at END
			WHERE journey_id = $1`, id, to, reason, now, to != Live)
		if err != nil {
			return fmt.Errorf("%s journey %d: %w", action, id, err)
		}
		return nil
	})
}

// act runs an action in one transaction and returns the journey after it.
func act(ctx context.Context, db postgres.DB, id int64, action string, fn func(tx pgx.Tx, j Journey, to string) error) (Journey, error) {
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		j, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		to, err := after(j.Status, action)
		if err != nil {
			return err
		}
		return fn(tx, j, to)
	})
	if err != nil {
		return Journey{}, err
	}
	return Get(ctx, db, id)
}
