package contacts

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Causes of a suppression.
const (
	CauseUnsubscribe = "unsubscribe" // the contact left, by link or one click
	CauseComplaint   = "complaint"   // the contact called it spam
	CauseBounce      = "bounce"      // the address does not exist
	CauseManual      = "manual"      // somebody of ours decided so
)

// Suppression is an address that is never to be mailed.
type Suppression struct {
	EmailKey  string    `json:"email" db:"email_key"`
	Cause     string    `json:"cause" db:"cause"`
	Detail    string    `json:"detail" db:"detail"`
	CreatedAt time.Time `json:"created_at" db:"created_at"`
}

// Suppress sees to it that nothing is mailed to an address from now on. An address
// that is suppressed already keeps its first cause. detail is one line for people;
// control characters in it become spaces, and it is cut at 500 characters, because
// it often is what another server said.
func Suppress(ctx context.Context, db postgres.DB, now time.Time, email, cause, detail string) error {
	_, key, err := NormalizeEmail(email)
	if err != nil {
		return err
	}
	if !validCause(cause) {
		return errCause
	}
	_, err = db.Exec(ctx, `
		INSERT INTO suppressions (email_key, cause, detail, created_at)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (email_key) DO NOTHING`, key, cause, oneLine(detail), now)
	if err != nil {
		return fmt.Errorf("suppress: %w", err)
	}
	return nil
}

func validCause(s string) bool {
	return s == CauseUnsubscribe || s == CauseComplaint || s == CauseBounce || s == CauseManual
}

var errCause = fault.Invalidf("cause", "is not one of unsubscribe, complaint, bounce and manual")

// Unsuppress lets an address be mailed again, as far as consents go. It returns
// fault.NotFound where it was not suppressed.
func Unsuppress(ctx context.Context, db postgres.DB, email string) error {
	_, key, err := NormalizeEmail(email)
	if err != nil {
		return err
	}
	tag, err := db.Exec(ctx, `DELETE FROM suppressions WHERE email_key = $1`, key)
	if err != nil {
		return fmt.Errorf("unsuppress: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fault.NotFoundf("suppression", key)
	}
	return nil
}

// SuppressionFilter selects a page of suppressions. The zero value is the first page of
// all, by address.
type SuppressionFilter struct {
	Query  string // part of the address
	Cause  string // only those of this cause
	Newest bool   // the latest first
	Cursor string // what the page before returned as next
	Limit  int    // 50 where 0, at most 1000
}

// SuppressionRow is a suppression in a list.
type SuppressionRow struct {
	Suppression
	Contacts int64 `json:"contacts" db:"contacts"` // that have the address
}

// Suppressions returns a page of suppressed addresses, and the cursor of the next
// page: "" on the last.
func Suppressions(ctx context.Context, db postgres.DB, f SuppressionFilter) (list []SuppressionRow, next string, err error) {
	if !storable(f.Query) || !storable(f.Cursor) {
		return nil, "", nil
	}
	if f.Cause != "" && !validCause(f.Cause) {
		return nil, "", errCause
	}
	limit := pageSize(f.Limit)
	args := pgx.NamedArgs{"pattern": containing(strings.ToLower(strings.TrimSpace(f.Query))), "cause": f.Cause, "key": f.Cursor, "at": time.Time{}, "limit": limit + 1}
	place, order := `@key::text = '' OR s.email_key > @key`, `s.email_key`
	if f.Newest {
		place, order = `@key::text = '' OR (s.created_at, s.email_key) < (@at::timestamptz, @key)`, `s.created_at DESC, s.email_key DESC`
		if f.Cursor != "" {
			at, key, _ := strings.Cut(f.Cursor, " ")
			t, err := time.Parse(time.RFC3339Nano, at)
			if err != nil || key == "" {
				return nil, "", fault.Invalidf("cursor", "is not a cursor of this list; pass next_cursor of the page before as it is")
			}
			args["at"], args["key"] = t, key
		}
	}
	err = readOnly(ctx, db, "30s", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT s.email_key, s.cause, s.detail, s.created_at, (SELECT count(*) FROM contacts AS c WHERE c.email_key = s.email_key AND c.email_key <> '') AS contacts
			FROM suppressions AS s
			WHERE (`+place+`) AND (@pattern::text = '%%' OR s.email_key LIKE @pattern) AND (@cause::text = '' OR s.cause = @cause)
			ORDER BY `+order+`
			LIMIT @limit`, args)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[SuppressionRow])
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list suppressions: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = last.EmailKey
		if f.Newest {
			next = last.CreatedAt.UTC().Format(time.RFC3339Nano) + " " + last.EmailKey
		}
	}
	return list, next, nil
}

// SuppressionCounts is how many addresses are suppressed for each cause.
func SuppressionCounts(ctx context.Context, db postgres.DB) (map[string]int64, error) {
	counts := map[string]int64{CauseUnsubscribe: 0, CauseComplaint: 0, CauseBounce: 0, CauseManual: 0}
	rows, err := db.Query(ctx, `SELECT cause, count(*) FROM suppressions GROUP BY cause`)
	if err != nil {
		return nil, fmt.Errorf("count suppressions: %w", err)
	}
	var cause string
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&cause, &n}, func() error { counts[cause] = n; return nil }); err != nil {
		return nil, fmt.Errorf("count suppressions: %w", err)
	}
	return counts, nil
}

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > maxDetail {
		s = string(r[:maxDetail])
	}
	return s
}
