package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// ImportOptions says how a CSV file is read, and what time it is.
type ImportOptions struct {
	csvimport.Options
	Now time.Time
}

// staged brings the rows of a file together that belong together, wherever they
// are in it, in a database that others use meanwhile and in bounded memory: fill
// copies them into the temporary table that create makes, and use reads them back
// sorted, by query, and writes with the pool, in transactions of its own. The
// table lives in one transaction that touches nothing else; it is gone whatever
// happens, holds no lock that anybody waits for, and needs no session.
func staged(ctx context.Context, pool *pgxpool.Pool, create string, fill func(pgx.Tx) error, query string, use func(pgx.Rows) error) error {
	if pool.Config().MaxConns < 2 {
		return errors.New("catalog: an import needs two database connections, the pool is limited to one (pool_max_conns)")
	}
	end, err := csvimport.Turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	return postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, create); err != nil {
			return fmt.Errorf("create staging table: %w", err)
		}
		if err := fill(tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("read staging table: %w", err)
		}
		defer rows.Close()
		if err := use(rows); err != nil {
			return err
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("read staging table: %w", err)
		}
		return nil
	})
}

// counts is how many things saw which change.
type counts map[Change]int64

// wrote tells whoever wants to know what a batch did, in its transaction.
func wrote(ctx context.Context, tx pgx.Tx, tell func(context.Context, pgx.Tx, csvimport.Counts) error, results []ItemResult) error {
	if tell == nil {
		return nil
	}
	var n csvimport.Counts
	for _, r := range results {
		switch {
		case r.Error != nil:
		case r.Change == Created:
			n.Created++
		case r.Change == Updated:
			n.Updated++
		default:
			n.Unchanged++
		}
	}
	return tell(ctx, tx, n)
}

func (c counts) addTo(s *csvimport.Summary) {
	s.Created, s.Updated, s.Unchanged = c[Created], c[Updated], c[Unchanged]
}

// withoutPrefix takes prefix off the fields of err, which comes from a check.
func withoutPrefix(err error, prefix string) error {
	list := fault.List{}
	var one *fault.Invalid
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = fault.List{one}
	}
	out := make(fault.List, len(list))
	for i, e := range list {
		out[i] = &fault.Invalid{Field: strings.TrimPrefix(e.Field, prefix), Message: e.Message}
	}
	return out.Err()
}

// A row is kept next to what was read from it, for the case that it is rejected
// after all. No cell holds a control character, so one can stand between them.
const cellSeparator = "\x1f"

// maxCells is how many bytes of a row are kept. A batch holds thousands of rows.
const maxCells = 2 << 10

// packCells returns the cells of row; where they are very long, those of columns
// that nobody knows are empty.
func packCells(row csvimport.Row) string {
	packed := strings.Join(row.Cells, cellSeparator)
	if len(packed) > maxCells {
		packed = strings.Join(row.Known(), cellSeparator)
	}
	return packed
}

// packBadCells is packCells for a row that is rejected for certain: it is read back
// one at a time, and so kept whole. What cannot be stored becomes another control
// character, so that it is rejected again where nobody mends it.
func packBadCells(row csvimport.Row) string {
	cells := make([]string, len(row.Cells))
	for i, cell := range row.Cells {
		cells[i] = kept(cell)
	}
	return strings.Join(cells, cellSeparator)
}

// kept is a cell as it can be stored between others.
var kept = strings.NewReplacer("\x00", "\x01", cellSeparator, "\x01").Replace

func unpackCells(s string) []string { return strings.Split(s, cellSeparator) }

// timeLayouts are those a file may use. Without a zone it is UTC.
var timeLayouts = []string{time.RFC3339Nano, time.DateTime, time.DateOnly,
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05-07", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"}

func parseTime(wrong *fault.List, field, s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	if s == "" {
		wrong.Add(field, "is missing")
	} else {
		wrong.Add(field, "is not a time such as 2026-03-02T09:00:00Z, 2026-03-02 09:00:00 (UTC) or 2026-03-02")
	}
	return time.Time{}
}

func parseAmount(wrong *fault.List, field, s string) Amount {
	s = strings.TrimSpace(s)
	if s == "" {
		wrong.Add(field, "is missing")
		return 0
	}
	a, err := ParseAmount(s)
	if err != nil {
		wrong.Add(field, "%s", err.Error())
	}
	return a
}

// parseQuantity reads a whole number, also one written as 6.0 or 6.000, as
// spreadsheets and databases like to.
func parseQuantity(wrong *fault.List, field, s string) int {
	a, err := ParseAmount(strings.TrimSpace(s))
	if err != nil || a%amountUnit != 0 {
		wrong.Add(field, "is not a whole number such as 6 or -2")
		return 0
	}
	return int(a / amountUnit)
}
