package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Enrolment is one contact's way through one version of a journey, as people see it.
type Enrolment struct {
	ID                int64      `json:"id" db:"id"`
	Version           int        `json:"version" db:"version"`
	ContactExternalID string     `json:"contact_external_id" db:"contact_external_id"`
	Status            Status     `json:"status" db:"status"`
	Position          string     `json:"position" db:"position"` // the step it is at, or ended at; "": before the first
	Since             time.Time  `json:"since" db:"since"`       // when it came there
	DueAt             *time.Time `json:"due_at" db:"due_at"`     // when it is looked at next; null: it is over
	Reason            string     `json:"reason" db:"reason"`     // why it ended: a short code
	OrderID           string     `json:"order_id,omitempty" db:"order_id"`
	TriggerAt         time.Time  `json:"trigger_at" db:"trigger_at"`
	EnteredAt         *time.Time `json:"entered_at" db:"entered_at"` // null: pending or dropped
}

// EnrolmentFilter selects enrolments; zero fields do not filter.
type EnrolmentFilter struct {
	Status  Status
	Step    string // where they are, or ended
	Contact string // the shop's id
	Cursor  int64  // the last id of the page before
	Limit   int    // 50 where 0, at most 200
}

// Enrolments returns a page of a journey's enrolments, the newest first, and the
// cursor of the next page, 0 on the last. It returns a fault.NotFound where there is
// no such journey.
func Enrolments(ctx context.Context, db postgres.DB, id int64, f EnrolmentFilter) ([]Enrolment, int64, error) {
	if _, err := Get(ctx, db, id); err != nil {
		return nil, 0, err
	}
	limit := pageSize(f.Limit)
	rows, err := db.Query(ctx, `
		SELECT e.id, e.version, c.external_id AS contact_external_id, e.status, e.position, e.since, e.due_at, e.reason,
		       coalesce(o.external_id, '') AS order_id, e.trigger_at, e.entered_at
		FROM enrolments e
		JOIN contacts c ON c.id = e.contact_id
		LEFT JOIN orders o ON o.id = e.order_id
		WHERE e.journey_id = @journey
		  AND (@cursor::bigint = 0 OR e.id < @cursor)
		  AND (@status = '' OR e.status = @status)
		  AND (@status NOT IN ('pending', 'active', 'waiting') OR e.due_at IS NOT NULL) -- few of many: enrolments_due has them alone
		  AND (@step = '' OR e.position = @step)
		  AND (@contact = '' OR e.contact_id = (SELECT id FROM contacts WHERE external_id = @contact))
		ORDER BY e.id DESC
		LIMIT @limit`,
		pgx.NamedArgs{"journey": id, "cursor": f.Cursor, "status": f.Status, "step": f.Step, "contact": f.Contact, "limit": limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("list enrolments of journey %d: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Enrolment])
	if err != nil {
		return nil, 0, fmt.Errorf("list enrolments of journey %d: %w", id, err)
	}
	if len(list) > limit {
		return list[:limit], list[limit-1].ID, nil
	}
	return list, 0, nil
}

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}
