package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/segments"
)

// predicate compiles the frozen rules to a condition over the alias c (contacts).
// Its placeholders begin at $start.
func (f frozen) predicate(asOf time.Time, start int) (string, []any, error) {
	var args []any
	compile := func(list []frozenSegment) ([]string, error) {
		var parts []string
		for _, s := range list {
			rule, err := segments.Parse(s.Rule)
			if err != nil {
				return nil, fmt.Errorf("segment %d (%s): %w", s.ID, s.Name, err)
			}
			q, err := rule.Where(asOf, start+len(args))
			if err != nil {
				return nil, fmt.Errorf("segment %d (%s): %w", s.ID, s.Name, err)
			}
			parts, args = append(parts, q.SQL), append(args, q.Args...)
		}
		return parts, nil
	}
	include, err := compile(f.Include)
	if err != nil {
		return "", nil, err
	}
	where := "s.state = 'subscribed'" // s: the contact's consent to the topic, see judge
	if len(include) > 0 {
		where = "(" + strings.Join(include, " OR ") + ")"
	}
	exclude, err := compile(f.Exclude)
	if err != nil {
		return "", nil, err
	}
	if len(exclude) > 0 {
		where += " AND NOT (" + strings.Join(exclude, " OR ") + ")" // a rule is never NULL
	}
	return where, args, nil
}

// verdict is why one contact is not mailed, or empty. c is the contact, s its consent
// to the topic, x the suppression of its address.
const verdict = `
		CASE WHEN c.email_key = ''                      THEN 'invalid_address'
		     WHEN s.state = 'unsubscribed'              THEN 'unsubscribed'
		     WHEN s.state IS DISTINCT FROM 'subscribed' THEN 'no_consent'
		     WHEN x.email_key IS NOT NULL               THEN 'suppressed'
		     ELSE '' END`

// judge is the statement that decides for each contact of the audience whether it
// is mailed (”) or why not. Arguments: $1 run, $2 topic, $3 the contact id to
// begin after, $4 how many contacts at most (NULL: all), $5… the audience's.
//
// A window finds the second contact of an address within the page; the EXISTS
// finds it on an earlier page, through the contacts that share the address (few)
// and the ledger's unique key, so that no index on addresses is kept per run.
const judge = `
	page AS MATERIALIZED (
		SELECT c.id, c.email, c.email_key, ` + verdict + ` AS reason
		FROM contacts c
		LEFT JOIN consents s ON s.contact_id = c.id AND s.topic = $2
		LEFT JOIN suppressions x ON x.email_key = c.email_key
		WHERE c.id > $3 AND %s
		ORDER BY c.id
		LIMIT $4
	), judged AS MATERIALIZED (
		SELECT id, email,
		       CASE WHEN reason <> '' THEN reason
		            WHEN row_number() OVER (PARTITION BY email_key, reason ORDER BY id) > 1 THEN 'duplicate_address'
		            WHEN EXISTS (
		                SELECT FROM contacts twin
		                JOIN messages m ON m.run_id = $1 AND m.contact_id = twin.id AND m.state <> 'skipped'
		                WHERE twin.email_key = page.email_key AND twin.email_key <> '' AND twin.id < page.id) THEN 'duplicate_address'
		            ELSE '' END AS reason
		FROM page
	)`

// noJIT goes before a statement with many conditions, which Postgres takes 0.5 s
// to compile and 0.05 s to run. (As a setting of the connection it would not pass
// through PgBouncer.)
const noJIT = `SET LOCAL jit = off`

// pageSize is how many contacts one planning transaction takes: long enough to
// spread the cost of evaluating the rules, short enough to lose little when it is
// interrupted.
const pageSize = 10_000

// PlanPage freezes the next page of a run's audience: message rows, their chunks
// and the cursor in one transaction. It returns true while there is more to plan;
// false when the audience is frozen in full, or the campaign is not running. Two
// planners of one run take turns.
func PlanPage(ctx context.Context, db postgres.DB, now time.Time, runID int64) (more bool, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var (
			audience []byte
			asOf     time.Time
			cursor   int64
			planned  *time.Time
			status   Status
		)
		err := tx.QueryRow(ctx, `
			SELECT r.audience, r.as_of, r.cursor, r.planned_at, c.status
			FROM runs r JOIN campaigns c ON c.id = r.campaign_id
			WHERE r.id = $1
			FOR NO KEY UPDATE OF r`, runID).Scan(&audience, &asOf, &cursor, &planned, &status)
		if err != nil {
			return fmt.Errorf("lock run %d: %w", runID, err)
		}
		if planned != nil || status != Running {
			return nil
		}
		if _, err := tx.Exec(ctx, noJIT); err != nil {
			return err
		}
		var f frozen
		if err := json.Unmarshal(audience, &f); err != nil {
			return fmt.Errorf("audience of run %d: %w", runID, err)
		}
		where, args, err := f.predicate(asOf, 7)
		if err != nil {
			return err
		}
		args = append([]any{runID, f.Topic, cursor, pageSize, now, messages.ChunkSize}, args...)
		var last, firstID, lastID *int64
		var n int
		err = tx.QueryRow(ctx, `
			WITH `+fmt.Sprintf(judge, where)+`, mailed AS (
				SELECT id, (row_number() OVER (ORDER BY id) - 1) / $6 AS chunk FROM judged WHERE reason = ''
			), made AS (
				INSERT INTO chunks (run_id, due_at)
				SELECT $1, '-infinity' FROM generate_series(0, (SELECT max(chunk) FROM mailed))
				RETURNING id
			), numbered AS (
				SELECT id, row_number() OVER (ORDER BY id) - 1 AS chunk FROM made
			), written AS (
				INSERT INTO messages (run_id, chunk_id, contact_id, email, state, reason, created_at, updated_at)
				SELECT $1, numbered.id, j.id, j.email, CASE j.reason WHEN '' THEN 'planned' ELSE 'skipped' END, j.reason, $5, $5
				FROM judged j
				LEFT JOIN mailed USING (id)
				LEFT JOIN numbered USING (chunk)
				ORDER BY j.id
				RETURNING id
			)
			SELECT max(id), count(*), (SELECT min(id) FROM written), (SELECT max(id) FROM written) FROM judged`, args...).Scan(&last, &n, &firstID, &lastID)
		if err != nil {
			return fmt.Errorf("plan a page of run %d: %w", runID, err)
		}
		more = n == pageSize
		if last == nil {
			last = &cursor
		}
		_, err = tx.Exec(ctx, `
			UPDATE runs
			SET cursor = $2, planned_at = CASE WHEN $3 THEN NULL ELSE $4::timestamptz END,
			    first_message = least(first_message, $5), last_message = greatest(last_message, $6)
			WHERE id = $1`, runID, *last, more, now, firstID, lastID)
		if err != nil {
			return fmt.Errorf("move the cursor of run %d: %w", runID, err)
		}
		return nil
	})
	return more && err == nil, err
}

// Estimate is how a campaign's audience breaks down if it were frozen now:
// Matched is the sum of all the others.
type Estimate struct {
	Matched        int64 `json:"matched"`
	Duplicates     int64 `json:"duplicates"`
	Suppressed     int64 `json:"suppressed"`
	Unsubscribed   int64 `json:"unsubscribed"`
	NoConsent      int64 `json:"no_consent"`
	InvalidAddress int64 `json:"invalid_address"`
	WillReceive    int64 `json:"will_receive"`
}

// estimateTimeout bounds how long an estimate may keep a database busy.
const estimateTimeout = "30s"

// EstimateAudience breaks a campaign's audience down as planning would, writing
// nothing. It returns a fault.Invalid where the campaign has no topic yet.
func EstimateAudience(ctx context.Context, db postgres.DB, now time.Time, id int64) (Estimate, error) {
	c, err := one(ctx, db, id, selectCampaign+` WHERE id = $1`)
	if err != nil {
		return Estimate{}, err
	}
	return EstimateFor(ctx, db, now, c.Topic, c.Audience)
}

// EstimateFor is EstimateAudience for an audience that need not be saved anywhere. It
// ends, in the database too, when ctx does: who edits an audience asks again and again.
func EstimateFor(ctx context.Context, db postgres.DB, now time.Time, topic string, audience Audience) (Estimate, error) {
	in := Input{Name: "estimate", Topic: topic, Audience: audience}
	if err := in.check(now); err != nil {
		return Estimate{}, err
	}
	if topic == "" {
		return Estimate{}, fault.Invalidf("topic", "is missing: choose what recipients must be subscribed to")
	}
	if err := in.checkReferences(ctx, db); err != nil {
		return Estimate{}, err
	}
	f, err := freeze(ctx, db, Campaign{Topic: topic, Audience: audience})
	if err != nil {
		return Estimate{}, err
	}
	where, args, err := f.predicate(now, 2)
	if err != nil {
		return Estimate{}, err
	}
	var e Estimate
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, noJIT+`; SET LOCAL statement_timeout = '`+estimateTimeout+`'`); err != nil {
			return err
		}
		// Of those who share an address one is mailed: there are as many as there are addresses. Hashing them costs
		// less than the window of judge, and there is no ledger yet to look into.
		rows, err := tx.Query(ctx, `
			WITH audience AS MATERIALIZED (
				SELECT c.email_key, `+verdict+` AS reason
				FROM contacts c
				LEFT JOIN consents s ON s.contact_id = c.id AND s.topic = $1
				LEFT JOIN suppressions x ON x.email_key = c.email_key
				WHERE `+where+`
			), addresses AS (
				SELECT count(*) AS n FROM audience WHERE reason = '' GROUP BY email_key
			)
			SELECT reason, count(*) FROM audience WHERE reason <> '' GROUP BY reason
			UNION ALL
			SELECT '', count(*) FROM addresses
			UNION ALL
			SELECT 'duplicate_address', coalesce(sum(n - 1), 0)::bigint FROM addresses`,
			append([]any{topic}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var reason string
			var n int64
			if err := rows.Scan(&reason, &n); err != nil {
				return err
			}
			e.Matched += n
			*e.part(reason) += n
		}
		return rows.Err()
	})
	if err != nil {
		return Estimate{}, fmt.Errorf("estimate an audience: %w", err)
	}
	return e, nil
}

// Sample returns up to n contacts who would receive a campaign now, spread over its
// whole audience and the same ones each time, and whether there are no others.
func Sample(ctx context.Context, db postgres.DB, now time.Time, c Campaign, n int) (ids []int64, all bool, err error) {
	f, err := freeze(ctx, db, c)
	if err != nil {
		return nil, false, err
	}
	where, args, err := f.predicate(now, 3)
	if err != nil {
		return nil, false, err
	}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, noJIT+`; SET LOCAL statement_timeout = '`+estimateTimeout+`'`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			SELECT c.id
			FROM contacts c
			LEFT JOIN consents s ON s.contact_id = c.id AND s.topic = $1
			LEFT JOIN suppressions x ON x.email_key = c.email_key
			WHERE `+verdict+` = '' AND `+where+`
			ORDER BY hashint8(c.id), c.id
			LIMIT $2`, append([]any{c.Topic, n + 1}, args...)...)
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("sample the audience of campaign %d: %w", c.ID, err)
	}
	return ids[:min(n, len(ids))], len(ids) <= n, nil
}

func (e *Estimate) part(reason string) *int64 {
	switch reason {
	case "":
		return &e.WillReceive
	case "duplicate_address":
		return &e.Duplicates
	case "suppressed":
		return &e.Suppressed
	case "unsubscribed":
		return &e.Unsubscribed
	case "no_consent":
		return &e.NoConsent
	default:
		return &e.InvalidAddress
	}
}

// TestInput says where a test mail goes and as whom it is rendered.
type TestInput struct {
	Addresses         []string
	ContactExternalID string // "" renders a made-up contact
}

// maxTestAddresses keeps test sends from becoming a way around consent.
const maxTestAddresses = 20

// Test sends the campaign as it is now to given addresses, whatever its status.
// It makes a run of kind test that goes the same way as any other, so that what is
// tested is what will be sent. The caller knocks for it.
func Test(ctx context.Context, db postgres.DB, now time.Time, id int64, in TestInput) (Run, error) {
	addresses, err := in.check()
	if err != nil {
		return Run{}, err
	}
	var runID int64
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		c, err := one(ctx, tx, id, selectCampaign+` WHERE id = $1`)
		if err != nil {
			return err
		}
		if c.TemplateID == 0 || c.Sender.Address == "" { // a topic it needs not: nobody is asked for consent
			c.Topic = "test"
			return c.gaps()
		}
		var renderAs *int64
		if in.ContactExternalID != "" {
			err := tx.QueryRow(ctx, `SELECT id FROM contacts WHERE external_id = $1`, in.ContactExternalID).Scan(&renderAs)
			if errors.Is(err, pgx.ErrNoRows) {
				return fault.Invalidf("contact_external_id", "there is no contact %q", in.ContactExternalID)
			}
			if err != nil {
				return fmt.Errorf("look up contact: %w", err)
			}
		}
		var tick string
		if err := tx.QueryRow(ctx, `SELECT 'test ' || gen_random_uuid()`).Scan(&tick); err != nil {
			return err
		}
		if runID, err = insertRun(ctx, tx, now, c, messages.OfTest, tick, frozen{Topic: c.Topic}, renderAs); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			WITH chunk AS (INSERT INTO chunks (run_id, due_at) VALUES ($1, '-infinity') RETURNING id),
			     written AS (
			         INSERT INTO messages (run_id, chunk_id, email, state, created_at, updated_at)
			         SELECT $1, chunk.id, address, 'planned', $2, $2 FROM chunk, unnest($3::text[]) AS address
			         RETURNING id)
			UPDATE runs
			SET planned_at = $2, first_message = (SELECT min(id) FROM written), last_message = (SELECT max(id) FROM written)
			WHERE id = $1`, runID, now, addresses)
		if err != nil {
			return fmt.Errorf("plan test of campaign %d: %w", id, err)
		}
		return nil
	})
	if err != nil {
		return Run{}, err
	}
	run, err := queryRun(ctx, db, `WHERE id = @id`, runID)
	if err != nil {
		return Run{}, err
	}
	return *run, nil
}

func (in TestInput) check() ([]string, error) {
	if len(in.Addresses) == 0 {
		return nil, fault.Invalidf("addresses", "is empty; name at least one address")
	}
	if len(in.Addresses) > maxTestAddresses {
		return nil, fault.Invalidf("addresses", "names %d addresses; a test goes to at most %d", len(in.Addresses), maxTestAddresses)
	}
	var faults fault.List
	addresses := make([]string, len(in.Addresses))
	for i, a := range in.Addresses {
		address, err := senderAddress(a)
		if err != nil {
			faults.Add(fmt.Sprintf("addresses[%d]", i), "%s", err)
		}
		addresses[i] = address
	}
	return addresses, faults.Err()
}
