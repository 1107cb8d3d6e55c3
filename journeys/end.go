package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/messages"
	"posthorn/postgres"
)

// endBatch is how many enrolments one transaction ends. Nothing is decided about them,
// so it may be more than Advance takes.
const endBatch = 1000

// end ends what is under way in an archived journey, some of it at a time: who entered
// leaves, who had not entered is dropped, and mails that wait are cancelled. Archive
// itself only changes the journey, so that a million who wait keep nobody waiting. It
// does nothing where the journey is not archived.
func (e *Engine) end(ctx context.Context, db postgres.DB, now time.Time, journeyID int64) (Work, error) {
	var work Work
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		work = Work{}
		list, err := lockUnderWay(ctx, tx, journeyID)
		if err != nil {
			return err
		}
		if work.Seen = len(list); work.Seen > 0 {
			return write(ctx, tx, now, list, &work)
		}
		// In the same transaction: whoever is enrolled meanwhile is found by the next sweep.
		work.Seen, err = messages.CancelJourney(ctx, tx, now, journeyID)
		return err
	})
	if err != nil {
		return Work{}, fmt.Errorf("end journey %d: %w", journeyID, err)
	}
	return work, nil
}

// lockUnderWay reads and locks enrolments of an archived journey that are not over, with
// what becomes of them. Contacts are locked before their enrolments, as everywhere.
func lockUnderWay(ctx context.Context, tx pgx.Tx, journeyID int64) ([]*enrolment, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, contact_id FROM enrolments
		WHERE journey_id = $1 AND due_at IS NOT NULL AND EXISTS (SELECT FROM journeys WHERE id = $1 AND status = 'archived')
		ORDER BY due_at LIMIT $2`, journeyID, endBatch)
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
	if _, err := tx.Exec(ctx, `SELECT id FROM contacts WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, contacts); err != nil {
		return nil, fmt.Errorf("lock contacts: %w", err)
	}
	rows, err = tx.Query(ctx, `
		SELECT id, key, status, position, since, due_at, entered_at, taken
		FROM enrolments
		WHERE id = ANY($1) AND due_at IS NOT NULL
		ORDER BY id
		FOR NO KEY UPDATE`, ids)
	if err != nil {
		return nil, fmt.Errorf("lock enrolments: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*enrolment, error) {
		en := &enrolment{}
		err := row.Scan(&en.ID, &en.Key, &en.Status, &en.Position, &en.Since, &en.DueAt, &en.EnteredAt, &en.taken)
		if err != nil {
			return nil, err
		}
		over := Exited
		if en.Status == Pending {
			over = Dropped
		}
		en.out = Outcome{
			State:  State{Status: over, Position: en.Position, Since: en.Since},
			Reason: ReasonArchived,
			Taken:  []Taken{{What: string(over), Why: "the journey was archived"}},
		}
		return en, nil
	})
	if err != nil {
		return nil, fmt.Errorf("lock enrolments: %w", err)
	}
	return list, nil
}
