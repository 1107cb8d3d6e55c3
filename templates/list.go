package templates

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Summary is a template as lists show it: without its sources, which are large.
type Summary struct {
	ID         int64      `json:"id" db:"id"`
	Name       string     `json:"name" db:"name"`
	Version    int        `json:"version" db:"version"` // the newest
	Kind       string     `json:"kind" db:"kind"`       // what the body is written in: html, mjml or text
	Subject    string     `json:"subject" db:"subject"`
	Preheader  string     `json:"preheader" db:"preheader"`
	CreatedAt  time.Time  `json:"created_at" db:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at" db:"updated_at"`
	UpdatedBy  string     `json:"updated_by" db:"updated_by"`
	ArchivedAt *time.Time `json:"archived_at" db:"archived_at"`
}

// Selection selects a page of templates. Its zero value is the first page of those that
// are not archived.
type Selection struct {
	Query    string // part of the name or the subject, upper and lower case alike
	Archived bool   // archived ones, and no others
	Cursor   Cursor
	Limit    int // 50 where 0, at most 200
}

// Cursor is the last template of the page before; the zero Cursor is before the first.
type Cursor struct {
	UpdatedAt time.Time
	ID        int64
}

// String writes a cursor for ParseCursor; "" for the zero Cursor.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return fmt.Sprintf("%d %d", c.UpdatedAt.UnixMicro(), c.ID)
}

// ParseCursor reads what String wrote.
func ParseCursor(s string) (Cursor, error) {
	var micros int64
	var c Cursor
	if n, err := fmt.Sscanf(s, "%d %d", &micros, &c.ID); err != nil || n != 2 || c.ID <= 0 {
		return Cursor{}, fmt.Errorf("%q is not a cursor", s)
	}
	c.UpdatedAt = time.UnixMicro(micros)
	return c, nil
}

// List returns a page of templates, those changed last first, and the cursor of the
// next page, zero on the last.
func List(ctx context.Context, db postgres.DB, f Selection) ([]Summary, Cursor, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 200)
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.TrimSpace(f.Query)) + "%"
	rows, err := db.Query(ctx, `
		SELECT t.id, t.name, t.version, CASE WHEN v.mjml <> '' THEN 'mjml' WHEN v.html <> '' THEN 'html' ELSE 'text' END AS kind,
		       v.subject, v.preheader, t.created_at, t.updated_at, v.created_by AS updated_by, t.archived_at
		FROM templates t
		JOIN template_versions v ON v.template_id = t.id AND v.version = t.version
		WHERE (t.archived_at IS NOT NULL) = @archived
		  AND (@pattern = '%%' OR t.name ILIKE @pattern OR v.subject ILIKE @pattern)
		  AND (@id::bigint = 0 OR (t.updated_at, t.id) < (@updated_at, @id))
		ORDER BY t.updated_at DESC, t.id DESC
		LIMIT @limit`,
		pgx.NamedArgs{"archived": f.Archived, "pattern": pattern, "id": f.Cursor.ID, "updated_at": f.Cursor.UpdatedAt, "limit": f.Limit + 1})
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("list templates: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Summary])
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("list templates: %w", err)
	}
	if len(list) > f.Limit {
		last := list[f.Limit-1]
		return list[:f.Limit], Cursor{last.UpdatedAt, last.ID}, nil
	}
	return list, Cursor{}, nil
}
