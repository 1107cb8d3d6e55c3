package campaigns

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Editor is somebody who has a campaign open.
type Editor struct {
	Name   string    `json:"name"` // "": not known
	SeenAt time.Time `json:"seen_at"`
}

// Presence is who else has a campaign open, and which revision is the present one.
type Presence struct {
	Editors   []Editor  `json:"editors"` // the last seen first
	Revision  int       `json:"revision"`
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by,omitempty"`
}

const (
	// EditorGone is how long somebody who is not heard of is believed to be there still.
	EditorGone = 45 * time.Second

	maxTab     = 64 // characters
	maxEditors = 50
)

// Here notes that a tab of somebody's browser has a campaign open, and returns who
// has it open besides.
func Here(ctx context.Context, db postgres.DB, now time.Time, id int64, tab, name string) (Presence, error) {
	var wrong fault.List
	tab = check.Required(&wrong, "tab", tab, maxTab)
	name = check.Text(&wrong, "name", name, maxName)
	if err := wrong.Err(); err != nil {
		return Presence{}, err
	}
	c, err := one(ctx, db, id, selectCampaign+` WHERE id = $1`)
	if err != nil {
		return Presence{}, err
	}
	// Those who went are removed by the next who comes: a campaign has few rows. Who would fill the table is not noted.
	_, err = db.Exec(ctx, `
		WITH gone AS (DELETE FROM campaign_editors WHERE campaign_id = $1 AND seen_at < $5 AND tab <> $2)
		INSERT INTO campaign_editors (campaign_id, tab, name, seen_at)
		SELECT $1, $2, $3, $4
		WHERE (SELECT count(*) FROM campaign_editors WHERE campaign_id = $1) < $6
		   OR EXISTS (SELECT FROM campaign_editors WHERE campaign_id = $1 AND tab = $2)
		ON CONFLICT (campaign_id, tab) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at`,
		id, tab, name, now, now.Add(-EditorGone), maxEditors)
	if err != nil {
		return Presence{}, fmt.Errorf("note who edits campaign %d: %w", id, err)
	}
	p := Presence{Revision: c.Revision, UpdatedAt: c.UpdatedAt, UpdatedBy: c.UpdatedBy}
	rows, err := db.Query(ctx, `
		SELECT name, seen_at FROM campaign_editors
		WHERE campaign_id = $1 AND tab <> $2 AND seen_at >= $3
		ORDER BY seen_at DESC, tab`, id, tab, now.Add(-EditorGone))
	if err != nil {
		return Presence{}, fmt.Errorf("look who edits campaign %d: %w", id, err)
	}
	if p.Editors, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Editor]); err != nil {
		return Presence{}, fmt.Errorf("look who edits campaign %d: %w", id, err)
	}
	return p, nil
}

// Gone notes that a tab was closed.
func Gone(ctx context.Context, db postgres.DB, id int64, tab string) error {
	if !utf8.ValidString(tab) || tab == "" {
		return nil
	}
	if _, err := db.Exec(ctx, `DELETE FROM campaign_editors WHERE campaign_id = $1 AND tab = $2`, id, tab); err != nil {
		return fmt.Errorf("note who edits campaign %d: %w", id, err)
	}
	return nil
}
