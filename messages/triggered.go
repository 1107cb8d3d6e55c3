package messages

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Triggered is a mail that a step of a journey asks for.
type Triggered struct {
	EnrolmentID, ContactID int64
	Email                  string // "": the contact has none
}

// PlanTriggered writes the messages of one run that are decided together, in chunks
// of up to ChunkSize. It returns their ids by enrolment, and the chunks to knock
// for. A mail without an address is written as skipped. One that was written
// before is an error: the caller takes each step once.
func PlanTriggered(ctx context.Context, tx pgx.Tx, now time.Time, runID int64, list []Triggered) (map[int64]int64, []DueChunk, error) {
	var chunks []DueChunk
	ids := make(map[int64]int64, len(list))
	for begin := 0; begin < len(list); begin += ChunkSize {
		part := list[begin:min(begin+ChunkSize, len(list))]
		enrolments, contacts, emails := make([]int64, len(part)), make([]int64, len(part)), make([]string, len(part))
		mailed := false
		for i, m := range part {
			enrolments[i], contacts[i], emails[i] = m.EnrolmentID, m.ContactID, m.Email
			mailed = mailed || m.Email != ""
		}
		var chunk DueChunk
		if mailed {
			err := tx.QueryRow(ctx, `
				INSERT INTO chunks (run_id, due_at, knocked_until, asked_at) VALUES ($1, '-infinity', $2, $3) RETURNING id, epoch`,
				runID, now.Add(knockTrust), now).Scan(&chunk.ID, &chunk.Epoch)
			if err != nil {
				return nil, nil, fmt.Errorf("plan mails of run %d: %w", runID, err)
			}
			chunks = append(chunks, chunk)
		}
		rows, err := tx.Query(ctx, `
			INSERT INTO messages (run_id, chunk_id, contact_id, enrolment_id, email, state, reason, created_at, updated_at)
			SELECT $1, CASE WHEN m <> '' THEN $2::bigint END, c, e, m, CASE WHEN m <> '' THEN 'planned' ELSE 'skipped' END,
			       CASE WHEN m <> '' THEN '' ELSE 'invalid_address' END, $3, $3
			FROM unnest($4::bigint[], $5::bigint[], $6::text[]) AS r (e, c, m)
			RETURNING id, enrolment_id`, runID, chunk.ID, now, enrolments, contacts, emails)
		if err != nil {
			return nil, nil, fmt.Errorf("plan mails of run %d: %w", runID, err)
		}
		var id, enrolment int64
		if _, err := pgx.ForEachRow(rows, []any{&id, &enrolment}, func() error { ids[enrolment] = id; return nil }); err != nil {
			return nil, nil, fmt.Errorf("plan mails of run %d: %w", runID, err)
		}
	}
	return ids, chunks, nil
}

// CancelEnrolments settles what was not offered yet of enrolments that left their
// journey. What a worker has claimed is left to it: its claim looks once more.
func CancelEnrolments(ctx context.Context, db postgres.DB, now time.Time, enrolments []int64, reason string) error {
	_, err := db.Exec(ctx, `
		UPDATE messages
		SET state = CASE WHEN in_doubt THEN 'unknown' ELSE 'cancelled' END, reason = $2, due_at = NULL, updated_at = $3
		WHERE enrolment_id = ANY($1) AND state IN ('planned', 'deferred')`, enrolments, reason, now)
	if err != nil {
		return fmt.Errorf("cancel mails of enrolments: %w", err)
	}
	return nil
}

// CancelJourney settles what an archived journey had not offered yet, some chunks at a
// time. Chunks that a worker holds are left for later. It returns how many it settled,
// none where the journey is not archived.
func CancelJourney(ctx context.Context, tx pgx.Tx, now time.Time, journeyID int64) (int, error) {
	rows, err := tx.Query(ctx, `
		SELECT k.id
		FROM runs r
		JOIN chunks k ON k.run_id = r.id
		WHERE r.journey_id = $1 AND k.done_at IS NULL AND k.lease_until IS NULL
		  AND EXISTS (SELECT FROM journeys WHERE id = $1 AND status = 'archived')
		ORDER BY k.id LIMIT 50
		FOR UPDATE OF k SKIP LOCKED`, journeyID)
	if err != nil {
		return 0, fmt.Errorf("find chunks of journey %d: %w", journeyID, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, fmt.Errorf("find chunks of journey %d: %w", journeyID, err)
	}
	for _, id := range ids {
		if err := Cancel(ctx, tx, now, id, ReasonJourneyArchived); err != nil {
			return 0, err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE chunks SET done_at = $2 WHERE id = ANY($1)`, ids, now); err != nil {
		return 0, fmt.Errorf("settle chunks of journey %d: %w", journeyID, err)
	}
	return len(ids), nil
}

// DueTriggered returns chunks of journeys that may be worked on and are not knocked
// for, and notes that they will be.
func DueTriggered(ctx context.Context, db postgres.DB, now time.Time) ([]DueChunk, error) {
	rows, err := db.Query(ctx, `
		WITH due AS (
			SELECT k.id, k.knocked_until IS NOT NULL AS again
			FROM runs r
			JOIN chunks k ON k.run_id = r.id
			WHERE r.kind = 'journey' AND r.finished_at IS NULL AND NOT r.held
			  AND k.done_at IS NULL AND k.lease_until IS NULL AND k.due_at <= $1
			  AND (k.knocked_until IS NULL OR k.knocked_until NOT BETWEEN $1 AND $2)
			ORDER BY k.due_at, k.id
			LIMIT 500
			FOR UPDATE OF k SKIP LOCKED
		)
		UPDATE chunks k SET knocked_until = $3, asked_at = coalesce(k.asked_at, $1)
		FROM due WHERE k.id = due.id RETURNING k.id, k.epoch, due.again`, now, now.Add(2*knockTrust), now.Add(knockTrust))
	if err != nil {
		return nil, fmt.Errorf("find due chunks of journeys: %w", err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByName[DueChunk])
	if err != nil {
		return nil, fmt.Errorf("find due chunks of journeys: %w", err)
	}
	return due, nil
}
