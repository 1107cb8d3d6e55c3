package messages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Message is a row of the ledger as users see it.
type Message struct {
	ID                int64      `json:"id"`
	RunID             int64      `json:"run_id"`
	Kind              Kind       `json:"kind" enum:"campaign,test,journey"`
	CampaignID        int64      `json:"campaign_id,omitempty"`
	JourneyID         int64      `json:"journey_id,omitempty"`
	Topic             string     `json:"topic,omitempty"`
	Relay             string     `json:"relay,omitempty"`
	Email             string     `json:"email"`
	ContactExternalID string     `json:"contact_external_id,omitempty"`
	State             State      `json:"state" enum:"planned,sending,deferred,sent,failed,skipped,cancelled,unknown"`
	Reason            string     `json:"reason,omitempty"`
	Why               string     `json:"why"` // the same in a sentence, see Why
	Detail            string     `json:"detail,omitempty"`
	Code              int        `json:"code,omitempty"`
	EnhancedCode      string     `json:"enhanced_code,omitempty"`
	Attempts          int        `json:"attempts"`
	InDoubt           bool       `json:"in_doubt,omitempty"` // an earlier offer was never answered: it may have been sent already
	Held              bool       `json:"held,omitempty"`     // nothing more of its run is sent: it is paused, or ended
	MessageID         string     `json:"message_id"`
	QueueID           string     `json:"queue_id,omitempty"`
	DueAt             *time.Time `json:"due_at,omitempty"`
	SentAt            *time.Time `json:"sent_at,omitempty"`
	UpdatedAt         time.Time  `json:"updated_at"`
}

// Filter selects messages; zero fields do not filter.
type Filter struct {
	CampaignID int64 // without RunID: not those of the campaign's test runs
	RunID      int64
	State      State
	Reason     string
	Contact    string // how the address or the shop's id of the contact begins; of contacts, the first maxCandidates are looked at
	Cursor     int64  // the last id of the page before
	Limit      int    // 1 to 1000; 0 means 100
}

const maxCandidates = 1000

// selectMessage has the columns scanMessage reads.
const selectMessage = `
	SELECT m.id, m.run_id, r.kind, coalesce(r.campaign_id, 0), coalesce(r.journey_id, 0), r.topic, r.relay,
	       m.email, coalesce(p.external_id, ''), m.state, m.reason, m.detail, m.code, m.enhanced_code,
	       m.attempts, m.in_doubt, r.held AND r.finished_at IS NULL, m.queue_id, m.due_at, m.sent_at, m.updated_at, r.key, r.sender_address
	FROM messages m
	JOIN runs r ON r.id = m.run_id
	LEFT JOIN contacts p ON p.id = m.contact_id`

func scanMessage(row pgx.CollectableRow) (Message, error) {
	var m Message
	var key uuid.UUID
	var sender string
	err := row.Scan(&m.ID, &m.RunID, &m.Kind, &m.CampaignID, &m.JourneyID, &m.Topic, &m.Relay,
		&m.Email, &m.ContactExternalID, &m.State, &m.Reason, &m.Detail, &m.Code, &m.EnhancedCode,
		&m.Attempts, &m.InDoubt, &m.Held, &m.QueueID, &m.DueAt, &m.SentAt, &m.UpdatedAt, &key, &sender)
	m.MessageID = MessageID(key, m.ID, sender)
	m.Why = Why(m)
	return m, err
}

// List returns messages in the order of their ids, and the cursor of the next
// page (0: there is none).
func List(ctx context.Context, db postgres.DB, f Filter) ([]Message, int64, error) {
	if f.State != "" && !f.State.Valid() {
		return nil, 0, fault.Invalidf("state", "%q is not a state; there are %s", f.State, joinStates())
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, 1000)
	q, err := f.query(ctx, db)
	if err != nil {
		return nil, 0, fmt.Errorf("list messages: %w", err)
	}
	list, err := q.page(ctx, db, f.Cursor, f.Limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list messages: %w", err)
	}
	if len(list) <= f.Limit {
		return list, 0, nil
	}
	list = list[:f.Limit]
	return list, list[f.Limit-1].ID, nil
}

// query is a Filter that was looked up: only what the ledger itself can answer is left.
type query struct {
	where string
	args  pgx.NamedArgs
	last  int64 // no message has a later id; 0: not known
}

// query names the runs, so that a list begins at their first message and not at the
// first one ever, and the contacts, which are found by their own indexes.
func (f Filter) query(ctx context.Context, db postgres.DB) (query, error) {
	q := query{where: "true", args: pgx.NamedArgs{"state": string(f.State), "reason": f.Reason}}
	if f.State != "" {
		q.where += " AND m.state = @state"
	}
	if f.Reason != "" {
		q.where += " AND m.reason = @reason"
	}
	if f.RunID != 0 || f.CampaignID != 0 {
		var runs []int64
		var first *int64
		err := db.QueryRow(ctx, `
			SELECT coalesce(array_agg(id), '{}'),
			       CASE WHEN bool_and(first_message IS NOT NULL) THEN min(first_message) END,
			       coalesce(CASE WHEN bool_and(planned_at IS NOT NULL AND first_message IS NOT NULL) THEN max(last_message) END, 0)
			FROM runs
			WHERE (@run::bigint = 0 OR id = @run)
			  AND (@campaign::bigint = 0 OR campaign_id = @campaign AND (@run <> 0 OR kind = 'campaign'))`,
			pgx.NamedArgs{"run": f.RunID, "campaign": f.CampaignID}).Scan(&runs, &first, &q.last)
		if err != nil {
			return query{}, err
		}
		q.where += " AND m.run_id = ANY (@runs)"
		q.args["runs"] = runs
		if first != nil {
			q.where += " AND m.id >= @first"
			q.args["first"] = *first
		}
		if q.last > 0 {
			q.where += " AND m.id <= @last"
			q.args["last"] = q.last
		}
	}
	if f.Contact = strings.TrimSpace(f.Contact); f.Contact == "" {
		return q, nil
	}
	if toText(f.Contact) != f.Contact { // nobody has such a name, and Postgres would call it an error
		q.where += " AND false"
		return q, nil
	}
	q.args["begins"] = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(f.Contact)) + "%"
	rows, err := db.Query(ctx, `
		SELECT id FROM contacts
		WHERE email_key LIKE $1 OR lower(external_id) LIKE $1
		ORDER BY id
		LIMIT $2`, q.args["begins"], maxCandidates)
	if err != nil {
		return query{}, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return query{}, err
	}
	q.args["contacts"] = ids
	q.where += " AND (m.contact_id = ANY (@contacts) OR m.contact_id IS NULL AND lower(m.email) LIKE @begins)"
	return q, nil
}

// page returns up to n messages after a cursor.
func (q query) page(ctx context.Context, db postgres.DB, cursor int64, n int) ([]Message, error) {
	args := maps.Clone(q.args)
	args["cursor"], args["limit"] = cursor, n
	rows, err := db.Query(ctx, selectMessage+` WHERE m.id > @cursor AND `+q.where+` ORDER BY m.id LIMIT @limit`, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanMessage)
}

// Get returns one message.
func Get(ctx context.Context, db postgres.DB, id int64) (Message, error) {
	rows, err := db.Query(ctx, selectMessage+` WHERE m.id = $1`, id)
	if err != nil {
		return Message{}, fmt.Errorf("get message: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, scanMessage)
	if errors.Is(err, pgx.ErrNoRows) {
		return Message{}, fault.NotFoundf("message", id)
	}
	if err != nil {
		return Message{}, fmt.Errorf("get message %d: %w", id, err)
	}
	return m, nil
}

// MessageID is a message's Message-ID (RFC 5322 3.6.4) without the angle
// brackets: the same for every attempt, and, through the run's random key,
// different from any other installation's.
func MessageID(runKey uuid.UUID, id int64, sender string) string {
	_, domain, _ := strings.Cut(sender, "@")
	return fmt.Sprintf("%d.%x@%s", id, runKey[:8], domain)
}

// Counts is how many messages of a run are in each state; a state without any is
// missing.
type Counts map[State]int64

// ReasonCount is how many messages of a run are in a state for a reason.
type ReasonCount struct {
	State  State  `json:"state" enum:"planned,sending,deferred,sent,failed,skipped,cancelled,unknown"`
	Reason string `json:"reason"`
	N      int64  `json:"n"`
}

// CountReasons reads the kept counts of a run: exact, and as cheap for a million
// rows as for ten.
func CountReasons(ctx context.Context, db postgres.DB, runID int64) ([]ReasonCount, error) {
	rows, err := db.Query(ctx, `
		SELECT state, reason, sum(n)::bigint AS n
		FROM message_counts
		WHERE run_id = $1
		GROUP BY state, reason
		HAVING sum(n) <> 0
		ORDER BY state, n DESC, reason`, runID)
	if err != nil {
		return nil, fmt.Errorf("count messages of run %d: %w", runID, err)
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByName[ReasonCount])
	if err != nil {
		return nil, fmt.Errorf("count messages of run %d: %w", runID, err)
	}
	return counts, nil
}

// CountStates is CountReasons for several runs, without the reasons. A run without
// any message is missing.
func CountStates(ctx context.Context, db postgres.DB, runIDs []int64) (map[int64]Counts, error) {
	counts := make(map[int64]Counts, len(runIDs))
	if len(runIDs) == 0 {
		return counts, nil
	}
	rows, err := db.Query(ctx, `
		SELECT run_id, state, sum(n)::bigint
		FROM message_counts
		WHERE run_id = ANY ($1)
		GROUP BY run_id, state
		HAVING sum(n) <> 0`, runIDs)
	if err != nil {
		return nil, fmt.Errorf("count messages of runs: %w", err)
	}
	var run, n int64
	var state State
	_, err = pgx.ForEachRow(rows, []any{&run, &state, &n}, func() error {
		if counts[run] == nil {
			counts[run] = Counts{}
		}
		counts[run][state] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count messages of runs: %w", err)
	}
	return counts, nil
}

// Sum adds up counts by state.
func Sum(counts []ReasonCount) Counts {
	sum := Counts{}
	for _, c := range counts {
		sum[c.State] += c.N
	}
	return sum
}

func joinStates() string {
	names := make([]string, len(States))
	for i, s := range States {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// toText drops what a Postgres text cannot hold: invalid UTF-8 and NUL. A
// relay's words are not ours to trust.
func toText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "")
}
