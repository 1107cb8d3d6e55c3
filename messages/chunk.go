package messages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"posthorn/internal/flight"
	"posthorn/postgres"
)

// ChunkSize is how many recipients one task works through.
const ChunkSize = 200

const (
	// Lease is how long a chunk stays with a worker that is not heard of. A worker
	// renews it every second; after its death others take over this much later.
	Lease = 12 * time.Second

	// impossible is how far ahead a lease cannot end: one that does was taken before the
	// database's clock was put back, and its owner, if it lived, would have renewed it.
	impossible = 2 * Lease

	// knockTrust is how long a knock is believed to be still queued. Knocking again
	// is harmless (the TaskID is the same); not knocking again after Redis lost it
	// is not.
	knockTrust = 5 * time.Second

	// maxInFlight bounds the chunks of one run that are knocked for or leased: enough
	// to keep many workers busy, few enough to keep Redis small and to let two
	// campaigns share the workers.
	maxInFlight = 128

	// perConnection bounds them further for a relay with few connections, whose
	// chunks would otherwise sit in every worker slot and wait for each other. It is
	// how many worker processes such a relay can keep busy.
	perConnection = 8
)

// Sender is the From identity of a mail.
type Sender struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// DueChunk names a chunk to knock for.
type DueChunk struct {
	ID    int64
	Epoch int
	Again bool // it was knocked for before, and nobody has taken it
}

// DueChunks returns chunks of a run that may be worked on and are not knocked for,
// and notes that they will be. Until the run's first mail was accepted it hands out
// one chunk at a time: a mistake that makes every mail fail shall not cost the
// whole audience before it is noticed (see campaigns.Strikes).
func DueChunks(ctx context.Context, db postgres.DB, now time.Time, runID int64) ([]DueChunk, error) {
	rows, err := db.Query(ctx, `
		WITH flight AS (
			SELECT count(*) AS n
			FROM chunks
			WHERE run_id = $1 AND done_at IS NULL AND (lease_until IS NOT NULL OR knocked_until IS NOT NULL)
			  AND (lease_until >= $2 OR knocked_until BETWEEN $2 AND $6 AND due_at <= $2)
		), warm AS (
			SELECT coalesce(sum(n), 0) > 0 AS yes FROM message_counts WHERE run_id = $1 AND state = 'sent'
		), bound AS (
			SELECT least($3::bigint, coalesce(max(l.connections) * $5::bigint, $3::bigint)) AS n
			FROM runs r LEFT JOIN relays l ON l.name = r.relay
			WHERE r.id = $1
		), due AS (
			SELECT id, knocked_until IS NOT NULL AS again
			FROM chunks
			WHERE run_id = $1 AND done_at IS NULL AND due_at <= $2
			  AND lease_until IS NULL -- one that ran out is settled by Recover first
			  AND (knocked_until IS NULL OR knocked_until NOT BETWEEN $2 AND $6) -- later: before the clock was put back
			ORDER BY due_at, id
			LIMIT greatest(0, (SELECT CASE WHEN warm.yes THEN bound.n ELSE 1 END - flight.n FROM flight, warm, bound))
			FOR UPDATE SKIP LOCKED
		)
		UPDATE chunks k SET knocked_until = $4, asked_at = coalesce(k.asked_at, $2)
		FROM due WHERE k.id = due.id RETURNING k.id, k.epoch, due.again`,
		runID, now, int64(maxInFlight), now.Add(knockTrust), int64(perConnection), now.Add(2*knockTrust))
	if err != nil {
		return nil, fmt.Errorf("find due chunks of run %d: %w", runID, err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByName[DueChunk])
	if err != nil {
		return nil, fmt.Errorf("find due chunks of run %d: %w", runID, err)
	}
	return due, nil
}

// Chunk is a leased chunk with what is needed to send its mails, as its run holds it.
type Chunk struct {
	ID              int64
	Epoch           int // of this lease
	RunID           int64
	RunKey          uuid.UUID
	Kind            Kind
	CampaignID      int64 // 0: it is a journey's
	JourneyID       int64 // 0: it is a campaign's
	JourneyVersion  int
	Name            string // the campaign's or the journey's
	Topic           string
	Sender          Sender
	Relay           string
	TemplateID      int64
	TemplateVersion int
	RenderAs        *int64    // test: the contact whose facts are shown
	Warm            bool      // the run has had a mail accepted
	Resend          bool      // a mail in doubt is sent again
	AskedAt         time.Time // when it was first knocked for, or its run went on, whichever is later
}

// Kind is what a run belongs to.
type Kind string

const (
	OfCampaign Kind = "campaign"
	OfTest     Kind = "test" // a campaign's, sent to given addresses
	OfJourney  Kind = "journey"
)

// Take leases a chunk to the caller for Lease. It returns false where there is
// nothing to do: the chunk is done, not due, leased by another worker, or its run
// is held.
func Take(ctx context.Context, db postgres.DB, now time.Time, chunkID int64) (Chunk, bool, error) {
	k := Chunk{ID: chunkID}
	var asked *time.Time
	err := db.QueryRow(ctx, `
		UPDATE chunks k
		SET epoch = k.epoch + 1, lease_until = $3, knocked_until = NULL
		FROM runs r
		WHERE k.id = $1 AND k.done_at IS NULL AND k.due_at <= $2
		  AND (k.lease_until IS NULL OR k.lease_until < $2)
		  AND r.id = k.run_id AND r.finished_at IS NULL AND NOT r.held
		  -- What a dead worker had claimed is settled first, by Recover.
		  AND NOT EXISTS (SELECT FROM messages m WHERE m.chunk_id = $1 AND m.state = 'sending')
		RETURNING k.epoch, r.id, r.key, r.kind, coalesce(r.campaign_id, 0), coalesce(r.journey_id, 0), coalesce(r.journey_version, 0), r.name, r.topic, r.sender_name,
		          r.sender_address, r.relay, r.template_id, r.template_version, r.render_as,
		          EXISTS (SELECT FROM message_counts n WHERE n.run_id = r.id AND n.state = 'sent'), r.resend,
		          greatest(k.asked_at, r.resumed_at)`,
		chunkID, now, now.Add(Lease)).
		Scan(&k.Epoch, &k.RunID, &k.RunKey, &k.Kind, &k.CampaignID, &k.JourneyID, &k.JourneyVersion, &k.Name, &k.Topic, &k.Sender.Name,
			&k.Sender.Address, &k.Relay, &k.TemplateID, &k.TemplateVersion, &k.RenderAs, &k.Warm, &k.Resend, &asked)
	if errors.Is(err, pgx.ErrNoRows) {
		return Chunk{}, false, nil
	}
	if err != nil {
		return Chunk{}, false, fmt.Errorf("take chunk %d: %w", chunkID, err)
	}
	if asked != nil {
		k.AskedAt = *asked
	}
	return k, true, nil
}

// Renew extends a lease. held is false where it is lost. goOn is false where the
// caller must offer no more mail: the lease is lost, or the run is held.
func Renew(ctx context.Context, db postgres.DB, now time.Time, k Chunk) (held, goOn bool, err error) {
	err = db.QueryRow(ctx, `
		UPDATE chunks SET lease_until = $4
		WHERE id = $1 AND epoch = $2 AND lease_until >= $3
		RETURNING (SELECT NOT held FROM runs WHERE id = $5)`,
		k.ID, k.Epoch, now, now.Add(Lease), k.RunID).Scan(&goOn)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("renew chunk %d: %w", k.ID, err)
	}
	return true, goOn, nil
}

// Put gives a lease back. The chunk is done where none of its messages needs more
// work; else it is due when the first of them is, but not before notBefore (zero:
// no limit). What is due at once has been asked for all the while. A lease that was
// lost meanwhile is left alone.
func Put(ctx context.Context, db postgres.DB, now time.Time, k Chunk, notBefore time.Time) error {
	_, err := db.Exec(ctx, `
		WITH open AS (
			SELECT min(CASE WHEN state = 'deferred' THEN due_at ELSE '-infinity' END) AS due_at
			FROM messages
			WHERE chunk_id = $1 AND state IN ('planned', 'sending', 'deferred')
		)
		UPDATE chunks k
		SET lease_until = NULL,
		    knocked_until = NULL,
		    due_at = greatest(coalesce(open.due_at, k.due_at), $4),
		    asked_at = CASE WHEN open.due_at <= $3 AND $4 <= $3 THEN k.asked_at END,
		    done_at = CASE WHEN open.due_at IS NULL THEN $3::timestamptz END
		FROM open
		WHERE k.id = $1 AND k.epoch = $2 AND k.done_at IS NULL`,
		k.ID, k.Epoch, now, notBefore)
	if err != nil {
		return fmt.Errorf("put chunk %d back: %w", k.ID, err)
	}
	return nil
}

// Recover takes chunks whose lease ran out away from their worker. What it had
// claimed and not recorded is settled from its flight record: what was answered
// gets its outcome, what was being offered becomes unknown (or is sent again, where
// the run says so), the rest is due again.
// Where Redis cannot be asked, the chunks wait: an unread record is not a lost one.
// It returns how many chunks it took, and how many messages became unknown.
func Recover(ctx context.Context, db postgres.DB, flights *flight.Recorder, now time.Time) (chunks int, unknown int64, err error) {
	rows, err := db.Query(ctx, `SELECT id, epoch, false AS again FROM chunks WHERE done_at IS NULL AND lease_until NOT BETWEEN $1 AND $2 ORDER BY id LIMIT 10000`,
		now, now.Add(impossible))
	if err != nil {
		return 0, 0, fmt.Errorf("find lost leases: %w", err)
	}
	lost, err := pgx.CollectRows(rows, pgx.RowToStructByName[DueChunk])
	if err != nil {
		return 0, 0, fmt.Errorf("find lost leases: %w", err)
	}
	for _, k := range lost {
		took, n, err := recoverChunk(ctx, db, flights, now, k)
		unknown += n
		if took {
			chunks++
		}
		if err != nil {
			return chunks, unknown, err
		}
	}
	return chunks, unknown, nil
}

func recoverChunk(ctx context.Context, db postgres.DB, flights *flight.Recorder, now time.Time, k DueChunk) (took bool, unknown int64, err error) {
	// From here on the worker, if it was only slow, cannot offer another mail.
	record, err := flights.Seize(ctx, k.ID, k.Epoch)
	if err != nil {
		return false, 0, fmt.Errorf("recover chunk %d: %w", k.ID, err)
	}
	account := Account{Lost: record.Lost, Offered: record.Offered}
	for id, data := range record.Outcomes {
		r := Result{ID: id}
		if err := json.Unmarshal(data, &r); err != nil {
			account = Account{Lost: true}
			break
		}
		account.Results = append(account.Results, r)
	}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var still, resend bool
		err := tx.QueryRow(ctx, `
			SELECT k.epoch = $2 AND k.lease_until NOT BETWEEN $3 AND $4 AND k.done_at IS NULL, r.resend
			FROM chunks k JOIN runs r ON r.id = k.run_id
			WHERE k.id = $1
			FOR UPDATE OF k`, k.ID, k.Epoch, now, now.Add(impossible)).Scan(&still, &resend)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && !still {
			return nil // another scheduler was first
		}
		if err != nil {
			return fmt.Errorf("lock chunk %d: %w", k.ID, err)
		}
		if unknown, err = Settle(ctx, tx, now, k.ID, k.Epoch, account, resend); err != nil {
			return err
		}
		// The epoch moves on, so that the late worker's Put cannot touch the chunk any more.
		_, err = tx.Exec(ctx, `
			UPDATE chunks k
			SET lease_until = NULL, knocked_until = NULL, epoch = epoch + 1,
			    done_at = CASE WHEN NOT EXISTS (
			        SELECT FROM messages m WHERE m.chunk_id = k.id AND m.state IN ('planned', 'deferred')) THEN $2::timestamptz END
			WHERE id = $1`, k.ID, now)
		if err != nil {
			return fmt.Errorf("recover chunk %d: %w", k.ID, err)
		}
		took = true
		return nil
	})
	if err != nil {
		return false, 0, err
	}
	if err := flights.Forget(ctx, k.ID, k.Epoch); err != nil {
		return took, unknown, fmt.Errorf("recover chunk %d: %w", k.ID, err)
	}
	return took, unknown, nil
}
