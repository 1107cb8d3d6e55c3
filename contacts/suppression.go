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
	switch cause {
	case CauseUnsubscribe, CauseComplaint, CauseBounce, CauseManual:
	default:
		return fault.Invalidf("cause", "is not one of unsubscribe, complaint, bounce and manual")
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

// Suppressions returns a page of suppressed addresses in their order, and the
// cursor of the next page: "" on the last. limit is 50 where 0, at most 1000.
func Suppressions(ctx context.Context, db postgres.DB, cursor string, limit int) (list []Suppression, next string, err error) {
	if !storable(cursor) {
		return nil, "", nil
	}
	limit = pageSize(limit)
	rows, err := db.Query(ctx, `
		SELECT email_key, cause, detail, created_at
		FROM suppressions
		WHERE email_key > $1
		ORDER BY email_key
		LIMIT $2`, cursor, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list suppressions: %w", err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Suppression, error) {
		s, err := pgx.RowToStructByName[Suppression](row)
		s.CreatedAt = s.CreatedAt.UTC()
		return s, err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list suppressions: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].EmailKey
	}
	return list, next, nil
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
