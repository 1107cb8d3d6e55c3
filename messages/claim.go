package messages

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Claimed is a message that its claimant, and nobody else, may offer to a relay.
type Claimed struct {
	ID        int64
	ContactID *int64     // nil: a test mail, or the contact was deleted
	Enrolment *Enrolment // nil: not of a journey
	Email     string     // as frozen
	Attempts  int        // this attempt included: 1 for the first
	Skip      string     // not empty: the reason why it must not be mailed after all, or not yet
	Why       string     // with Skip: the same in words, where there is more to say
	Until     time.Time  // with Skip: when it may be mailed; zero: never
}

// Enrolment is what a mail of a journey belongs to, and what triggered that.
type Enrolment struct {
	ID               int64
	TriggerAt        time.Time
	OrderID, EventID *int64 // nil: not by one, or it was deleted
}

// Refused is the result of a claimed message that must not be mailed, or not yet;
// false where it may.
func (c Claimed) Refused() (Result, bool) {
	r := Result{ID: c.ID, State: Skipped, Reason: c.Skip, Detail: c.Why, Unspent: true}
	if !c.Until.IsZero() {
		r.State, r.DueAt = Deferred, c.Until
	}
	return r, c.Skip != ""
}

// Claim takes up to n due messages of a chunk for the worker that holds the
// chunk's lease under this epoch. It returns none where that lease is over: a
// worker that was cut off for long cannot claim what is another's by now.
//
// It is the guard before every send: whether a mail may go is decided now, not at
// planning, and who must not get it comes back with Skip. In this order:
//
//   - the contact is gone, left the journey, or had the triggering order refunded;
//   - the address is suppressed, or there is no consent to the topic;
//   - it is quiet where the contact lives (then with Until);
//   - everything that the mail promotes is out of stock;
//   - the contact had as many mails as the rules allow.
//
// (Of a journey's mail, its caller then asks for the goal and entry.if again: see
// journeys.Engine.AskAgain.)
//
// A run of kind test skips nobody: its addresses are given by hand. A transactional
// mail is owed to whoever did not suppress the address, at any hour and beyond any cap.
func Claim(ctx context.Context, db postgres.DB, now time.Time, chunkID int64, epoch, n int, rules SendingRules) ([]Claimed, error) {
	var claimed []Claimed
	var err error
	if rules.FrequencyCap == nil {
		claimed, _, err = claim(ctx, db, now, chunkID, epoch, n, rules)
	} else {
		err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			var marketing Kind
			if claimed, marketing, err = claim(ctx, tx, now, chunkID, epoch, n, rules); err != nil || marketing == "" {
				return err
			}
			return rules.FrequencyCap.apply(ctx, tx, now, marketing, claimed)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("claim messages of chunk %d: %w", chunkID, err)
	}
	return claimed, nil
}

// claim is Claim but for the cap. marketing is the kind of the chunk's run, or empty
// where the rules do not apply to it.
func claim(ctx context.Context, db postgres.DB, now time.Time, chunkID int64, epoch, n int, rules SendingRules) (claimed []Claimed, marketing Kind, err error) {
	// The subqueries for zone and sold_out do not run where nobody asks: without rules and promoted products the
	// statement costs what it would cost without them.
	rows, err := db.Query(ctx, `
		WITH due AS (
			SELECT m.id
			FROM messages m
			WHERE m.chunk_id = @chunk
			  AND (m.state = 'planned' OR m.state = 'deferred' AND m.due_at <= @now)
			  AND EXISTS (SELECT FROM chunks k WHERE k.id = @chunk AND k.epoch = @epoch AND k.lease_until > @now)
			ORDER BY m.id
			LIMIT @n
			FOR UPDATE SKIP LOCKED
		), claimed AS (
			UPDATE messages m
			SET state = 'sending', reason = '', claim = @epoch, attempts = m.attempts + 1, due_at = NULL, updated_at = @now
			FROM due WHERE m.id = due.id
			RETURNING m.id, m.run_id, m.contact_id, m.email, m.attempts, m.enrolment_id
		)
		SELECT m.id, m.contact_id, m.email, m.attempts,
		       e.id, e.trigger_at, e.order_id, e.event_id,
		       CASE WHEN r.kind = 'test'                       THEN ''
		            WHEN m.contact_id IS NULL                  THEN 'contact_deleted'
		            WHEN e.status IN ('exited', 'dropped')     THEN 'journey_left'
		            WHEN r.on_refund AND o.status IN ('refunded', 'cancelled') THEN 'order_refunded'
		            WHEN x.email_key IS NOT NULL               THEN 'suppressed'
		            WHEN r.transactional                       THEN ''
		            WHEN s.state = 'unsubscribed'              THEN 'unsubscribed'
		            WHEN s.state IS DISTINCT FROM 'subscribed' THEN 'no_consent'
		            ELSE '' END AS skip,
		       CASE WHEN r.kind = 'test' OR r.transactional    THEN ''
		            ELSE r.kind END AS marketing,
		       CASE WHEN @quiet THEN (SELECT c.timezone FROM contacts c WHERE c.id = m.contact_id) END AS zone,
		       r.kind <> 'test' AND r.promotes <> '{}' AND NOT EXISTS ( -- one that is in stock, or of which nothing is known
		           SELECT FROM unnest(r.promotes) AS sku LEFT JOIN products p USING (sku)
		           WHERE p.in_stock IS NOT FALSE) AS sold_out
		FROM claimed m
		JOIN runs r ON r.id = m.run_id
		LEFT JOIN suppressions x ON x.email_key = lower(m.email)
		LEFT JOIN consents s ON s.contact_id = m.contact_id AND s.topic = r.topic
		LEFT JOIN enrolments e ON e.id = m.enrolment_id
		LEFT JOIN orders o ON o.id = e.order_id
		ORDER BY m.id`,
		pgx.NamedArgs{"chunk": chunkID, "epoch": epoch, "now": now, "n": n, "quiet": rules.QuietHours != nil})
	if err != nil {
		return nil, "", err
	}
	quietUntil := rules.quietUntil(now)
	claimed, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Claimed, err error) {
		var enrolment, order, event *int64
		var triggered *time.Time
		var zone *string
		var soldOut bool
		err = row.Scan(&c.ID, &c.ContactID, &c.Email, &c.Attempts, &enrolment, &triggered, &order, &event, &c.Skip, &marketing, &zone, &soldOut)
		if enrolment != nil {
			c.Enrolment = &Enrolment{ID: *enrolment, TriggerAt: *triggered, OrderID: order, EventID: event}
		}
		if c.Skip == "" && marketing != "" && zone != nil {
			if c.Until = quietUntil(*zone); !c.Until.IsZero() {
				c.Skip = ReasonQuietHours
			}
		}
		if c.Skip == "" && soldOut {
			c.Skip = ReasonOutOfStock
		}
		return c, err
	})
	return claimed, marketing, err
}

// Result is what became of a claimed message.
type Result struct {
	ID       int64
	State    State // Sent, Deferred, Failed, Skipped, Unknown; Planned: it was never offered
	Reason   string
	Detail   string // the relay's words; at most 500 bytes are kept
	Code     int
	Enhanced string
	QueueID  string
	DueAt    time.Time // Deferred: when to try again
	Unspent  bool      // the attempt does not count, since nothing was offered
	InDoubt  bool      // it was offered and not answered: it may have been sent, although it is to be tried again
}

const maxDetail = 500

// Record writes results in one statement. It changes only rows that are still
// this claim's: a row that another worker claimed since then keeps its state. A
// row that became unknown because the lease ran out while its worker was merely
// slow is put right where the result settles it, and so is one that was to be sent
// again for that reason and was not claimed yet. (A late "not sent" does not: the
// chunk may be done by now, and nobody would pick the row up again.) It returns
// how many rows it changed.
//
// A result of state Planned puts the row back: as planned where it was never
// tried, else as deferred and due at once.
func Record(ctx context.Context, db postgres.DB, now time.Time, epoch int, results []Result) (int64, error) {
	if len(results) == 0 {
		return 0, nil
	}
	n := len(results)
	ids, states, reasons, details := make([]int64, n), make([]string, n), make([]string, n), make([]string, n)
	codes, enhanced, queueIDs := make([]int32, n), make([]string, n), make([]string, n)
	due, unspent, inDoubt := make([]*time.Time, n), make([]bool, n), make([]bool, n)
	for i, r := range results {
		ids[i], states[i], reasons[i] = r.ID, string(r.State), r.Reason
		details[i] = clip(r.Detail, maxDetail)
		codes[i], enhanced[i], queueIDs[i] = int32(r.Code), clip(r.Enhanced, 20), clip(r.QueueID, 100)
		unspent[i] = r.Unspent || r.State == Planned
		inDoubt[i] = r.InDoubt
		if r.State == Deferred {
			due[i] = &r.DueAt
		}
	}
	tag, err := db.Exec(ctx, `
		UPDATE messages m
		SET state = CASE WHEN r.state = 'planned' AND m.attempts > 1 THEN 'deferred' ELSE r.state END,
		    reason = CASE WHEN r.state = 'planned' AND m.attempts > 1 THEN 'released' ELSE r.reason END,
		    due_at = CASE WHEN r.state = 'planned' AND m.attempts > 1 THEN $2 ELSE r.due_at END,
		    detail = r.detail,
		    code = r.code,
		    enhanced_code = r.enhanced,
		    queue_id = r.queue_id,
		    attempts = m.attempts - r.unspent::int,
		    in_doubt = m.in_doubt OR r.in_doubt OR r.state = 'unknown',
		    sent_at = CASE WHEN r.state = 'sent' THEN $2 END,
		    updated_at = $2
		FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[], $10::timestamptz[], $11::boolean[], $12::boolean[])
		     AS r (id, state, reason, detail, code, enhanced, queue_id, due_at, unspent, in_doubt)
		WHERE m.id = r.id
		  AND m.claim = $1
		  AND (m.state = 'sending'
		       OR m.state IN ('unknown', 'deferred') AND m.reason = 'worker_lost' AND r.state IN ('sent', 'failed', 'skipped'))`,
		epoch, now, ids, states, reasons, details, codes, enhanced, queueIDs, due, unspent, inDoubt)
	if err != nil {
		return 0, fmt.Errorf("record %d messages: %w", n, err)
	}
	return tag.RowsAffected(), nil
}

// Account is what is known of a dead worker's claim.
type Account struct {
	Lost    bool     // nothing: every row of the claim may or may not have been offered
	Offered int64    // the message that was offered last; 0: none was
	Results []Result // of those that were answered
}

// maxResends bounds how often a mail in doubt is offered again: one that brings
// down every worker that offers it must not do so for ever.
const maxResends = 10

// Settle settles what a dead worker had claimed in a chunk under this epoch and
// not recorded. Answered messages get their results; the one that was being
// offered is in doubt; the others were never offered and are put back. Where the
// account is lost, all are in doubt. What is in doubt becomes unknown, or with
// resend is due again. The caller has seen that the chunk's lease ran out, and
// holds the chunk's row lock. It returns how many became unknown.
func Settle(ctx context.Context, db postgres.DB, now time.Time, chunkID int64, epoch int, account Account, resend bool) (unknown int64, err error) {
	if !account.Lost {
		if _, err := Record(ctx, db, now, epoch, account.Results); err != nil {
			return 0, err
		}
		if _, err := db.Exec(ctx, putBack, chunkID, now, account.Offered); err != nil {
			return 0, fmt.Errorf("put messages of chunk %d back: %w", chunkID, err)
		}
	}
	detail := "the worker ended while it offered this mail; it may or may not have been sent"
	if account.Lost {
		detail = "the worker ended, and with it what it knew of this mail; it may or may not have been sent"
	}
	if resend {
		_, err := db.Exec(ctx, `
			UPDATE messages
			SET state = 'deferred', reason = 'worker_lost', detail = $3, due_at = $2, in_doubt = true, updated_at = $2
			WHERE chunk_id = $1 AND state = 'sending' AND attempts < $4`, chunkID, now, detail, maxResends)
		if err != nil {
			return 0, fmt.Errorf("defer what is in doubt in chunk %d: %w", chunkID, err)
		}
	}
	tag, err := db.Exec(ctx, `
		UPDATE messages
		SET state = 'unknown', reason = 'worker_lost', detail = $3, in_doubt = true, updated_at = $2
		WHERE chunk_id = $1 AND state = 'sending'`, chunkID, now, detail)
	if err != nil {
		return 0, fmt.Errorf("settle claims of chunk %d: %w", chunkID, err)
	}
	return tag.RowsAffected(), nil
}

// putBack does for rows that are still claimed what Record does with a result of
// state Planned.
const putBack = `
	UPDATE messages
	SET state = CASE WHEN attempts > 1 THEN 'deferred' ELSE 'planned' END,
	    reason = CASE WHEN attempts > 1 THEN 'released' ELSE '' END,
	    due_at = CASE WHEN attempts > 1 THEN $2::timestamptz END,
	    attempts = attempts - 1,
	    updated_at = $2
	WHERE chunk_id = $1 AND state = 'sending' AND id <> $3`

// Cancel settles what was not offered yet in a chunk. What was offered before and
// never answered becomes unknown, since it may have been sent. Claimed messages are
// left to their worker, which sees that the campaign has ended.
func Cancel(ctx context.Context, db postgres.DB, now time.Time, chunkID int64, reason string) error {
	_, err := db.Exec(ctx, `
		UPDATE messages
		SET state = CASE WHEN in_doubt THEN 'unknown' ELSE 'cancelled' END, reason = $3, due_at = NULL, updated_at = $2
		WHERE chunk_id = $1 AND state IN ('planned', 'deferred')`, chunkID, now, reason)
	if err != nil {
		return fmt.Errorf("cancel messages of chunk %d: %w", chunkID, err)
	}
	return nil
}

// clip shortens s to at most n bytes without cutting a character, and drops what
// Postgres cannot hold.
func clip(s string, n int) string {
	s = toText(s)
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
