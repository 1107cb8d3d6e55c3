package messages

import (
	"context"
	"errors"
	"fmt"
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
	Email             string     `json:"email"`
	ContactExternalID string     `json:"contact_external_id,omitempty"`
	State             State      `json:"state"`
	Reason            string     `json:"reason,omitempty"`
	Detail            string     `json:"detail,omitempty"`
	Code              int        `json:"code,omitempty"`
	EnhancedCode      string     `json:"enhanced_code,omitempty"`
	Attempts          int        `json:"attempts"`
	InDoubt           bool       `json:"in_doubt,omitempty"` // an earlier offer was never answered: it may have been sent already
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
	Cursor     int64 // the last id of the page before
	Limit      int   // 1 to 1000; 0 means 100
}

// selectMessage has the columns scanMessage reads.
const selectMessage = `
	SELECT m.id, m.run_id, m.email, coalesce(p.external_id, ''), m.state, m.reason, m.detail, m.code, m.enhanced_code,
	       m.attempts, m.in_doubt, m.queue_id, m.due_at, m.sent_at, m.updated_at, r.key, r.sender_address
	FROM messages m
	JOIN runs r ON r.id = m.run_id
	LEFT JOIN contacts p ON p.id = m.contact_id`

func scanMessage(row pgx.CollectableRow) (Message, error) {
	var m Message
	var key uuid.UUID
	var sender string
	err := row.Scan(&m.ID, &m.RunID, &m.Email, &m.ContactExternalID, &m.State, &m.Reason, &m.Detail, &m.Code, &m.EnhancedCode,
		&m.Attempts, &m.InDoubt, &m.QueueID, &m.DueAt, &m.SentAt, &m.UpdatedAt, &key, &sender)
	m.MessageID = MessageID(key, m.ID, sender)
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
	rows, err := db.Query(ctx, selectMessage+`
		WHERE m.id > @cursor
		  AND (@run = 0 OR m.run_id = @run)
		  AND (@campaign = 0 OR m.run_id IN (SELECT id FROM runs WHERE campaign_id = @campaign AND (@run <> 0 OR kind = 'campaign')))
		  AND (@state = '' OR m.state = @state)
		  AND (@reason = '' OR m.reason = @reason)
		ORDER BY m.id
		LIMIT @limit`,
		pgx.NamedArgs{"cursor": f.Cursor, "run": f.RunID, "campaign": f.CampaignID, "state": string(f.State), "reason": f.Reason, "limit": f.Limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("list messages: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanMessage)
	if err != nil {
		return nil, 0, fmt.Errorf("list messages: %w", err)
	}
	if len(list) <= f.Limit {
		return list, 0, nil
	}
	list = list[:f.Limit]
	return list, list[f.Limit-1].ID, nil
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
	State  State  `json:"state"`
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
