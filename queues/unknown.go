package queues

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"posthorn/internal/check"
	"posthorn/messages"
)

// UnknownRun is a run with messages that were offered and never answered.
type UnknownRun struct {
	RunID      int64         `json:"run_id"`
	Kind       messages.Kind `json:"kind" enum:"campaign,test,journey"`
	CampaignID int64         `json:"campaign_id,omitempty"`
	JourneyID  int64         `json:"journey_id,omitempty"`
	Step       string        `json:"step,omitempty" doc:"Of the journey."`
	Name       string        `json:"name" doc:"The campaign's or the journey's."`
	StartedAt  time.Time     `json:"started_at"`
	Unknown    int64         `json:"unknown" doc:"How many messages."`
	Oldest     time.Time     `json:"oldest_at" doc:"When the first of them was offered."`
	CanResend  bool          `json:"can_resend" doc:"false: what it belongs to was cancelled, has failed or is archived, so that they can only be taken for sent."`
}

// UnknownMessage is such a message, without whom it is for.
type UnknownMessage struct {
	ID        int64     `json:"id"`
	MessageID string    `json:"message_id" doc:"As in the relay's log."`
	Reason    string    `json:"reason" example:"worker_lost"`
	Detail    string    `json:"detail,omitempty" doc:"Without addresses."`
	Attempts  int       `json:"attempts"`
	OfferedAt time.Time `json:"offered_at"`
}

// UnknownRuns lists the runs that have unknown messages, the newest first. cursor is
// the last run of the page before; next is that of this one, 0 where it is the last.
func (d *Desk) UnknownRuns(ctx context.Context, cursor int64, limit int) (list []UnknownRun, next int64, err error) {
	found, err := d.pool.Query(ctx, `
		WITH counted AS (
			SELECT run_id, sum(n)::bigint AS n
			FROM message_counts
			WHERE state = 'unknown' AND ($1 = 0 OR run_id < $1)
			GROUP BY run_id HAVING sum(n) > 0
			ORDER BY run_id DESC
			LIMIT $2
		)
		SELECT r.id, r.kind, coalesce(r.campaign_id, 0), coalesce(r.journey_id, 0), r.step, r.name, r.started_at, u.n,
		       coalesce((SELECT min(m.updated_at) FROM messages m WHERE m.run_id = r.id AND m.in_doubt AND m.state = 'unknown'), r.started_at),
		       CASE r.kind WHEN 'journey' THEN j.status <> 'archived'
		                   WHEN 'campaign' THEN c.status NOT IN ('cancelled', 'failed')
		                   ELSE true END
		FROM counted u
		JOIN runs r ON r.id = u.run_id
		LEFT JOIN campaigns c ON c.id = r.campaign_id
		LEFT JOIN journeys j ON j.id = r.journey_id
		ORDER BY r.id DESC`, cursor, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("queues: list runs with unknown messages: %w", err)
	}
	list, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (u UnknownRun, err error) {
		err = row.Scan(&u.RunID, &u.Kind, &u.CampaignID, &u.JourneyID, &u.Step, &u.Name, &u.StartedAt, &u.Unknown, &u.Oldest, &u.CanResend)
		u.StartedAt, u.Oldest = u.StartedAt.UTC(), u.Oldest.UTC()
		return u, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("queues: list runs with unknown messages: %w", err)
	}
	if len(list) <= limit {
		return list, 0, nil
	}
	return list[:limit], list[limit-1].RunID, nil
}

// UnknownMessages lists the unknown messages of a run in the order of their ids.
func (d *Desk) UnknownMessages(ctx context.Context, runID, cursor int64, limit int) (list []UnknownMessage, next int64, err error) {
	if _, err := messages.KindOf(ctx, d.pool, runID); err != nil {
		return nil, 0, err
	}
	found, err := d.pool.Query(ctx, `
		SELECT m.id, m.reason, m.detail, m.attempts, m.updated_at, r.key, r.sender_address
		FROM messages m JOIN runs r ON r.id = m.run_id
		WHERE m.run_id = $1 AND m.in_doubt AND m.state = 'unknown' AND m.id > $2
		ORDER BY m.id
		LIMIT $3`, runID, cursor, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("queues: list unknown messages of run %d: %w", runID, err)
	}
	list, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (m UnknownMessage, err error) {
		var key uuid.UUID
		var sender string
		err = row.Scan(&m.ID, &m.Reason, &m.Detail, &m.Attempts, &m.OfferedAt, &key, &sender)
		m.MessageID, m.Detail, m.OfferedAt = messages.MessageID(key, m.ID, sender), check.WithoutAddresses(m.Detail), m.OfferedAt.UTC()
		return m, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("queues: list unknown messages of run %d: %w", runID, err)
	}
	if len(list) <= limit {
		return list, 0, nil
	}
	return list[:limit], list[limit-1].ID, nil
}
