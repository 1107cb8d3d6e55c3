package contacts

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Sort is the order of a list.
type Sort string

const (
	ByID        Sort = ""           // as they became known here
	ByNewest    Sort = "newest"     // whom the shop knows since last first
	ByOldest    Sort = "oldest"     // and the other way round
	ByName      Sort = "name"       // by last name and first name; who has none comes last
	ByLastOrder Sort = "last_order" // who ordered last comes first; who never did comes last
)

// Filter selects a page of contacts. The zero value is the first page of all.
type Filter struct {
	Query      string // words, each of which is part of the id, the address or a name; of one or two letters: how one of these begins
	Topic      string // with State: whose consent to it is in that state
	State      string // Pending, Subscribed, Unsubscribed, or NeverAsked
	Suppressed *bool  // whether the address is suppressed
	Ordered    *bool  // whether there is an order that counts (placed or paid)
	Country    string // exactly as the shop writes it
	Sort       Sort
	Cursor     string // what the page before returned as next
	Limit      int    // 50 where 0, at most 1000

	// Where is one more condition on the alias c (contacts): SQL, never NULL, whose
	// placeholders begin at $start. A segment's rule is one. May be nil.
	Where func(start int) (sql string, args []any, err error)
}

// NeverAsked, as a Filter's State, is that there is no consent to the topic.
const NeverAsked = "never_asked"

// Row is a contact in a list.
type Row struct {
	Contact
	Orders      int64      `json:"orders" db:"orders"`               // that count: placed or paid
	LastOrderAt *time.Time `json:"last_order_at" db:"last_order_at"` // of these
	Suppression string     `json:"suppression" db:"suppression"`     // the cause; '' where the address may be mailed
}

// Total is how many contacts a filter selects.
type Total struct {
	Count int64 `json:"count"`
	Exact bool  `json:"exact"` // false: what the database expects, as counting would take long
}

// Limits of a page.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

// List returns a page of contacts in the order of f.Sort, and the cursor of the next
// page: "" on the last. What changes between two pages neither doubles nor hides what
// stays as it is.
//
// A page is read along the index of its order and not from a count of pages, so the
// last one costs as much as the first. A search goes the other way round, first to
// what it finds: what is rare would else be looked for in the whole list. f.Where is
// put to those who come next, one by one, since a rule about orders takes a few
// microseconds for one contact and tenths of a second for all; where hardly anybody
// passes, all who do are looked for after all.
func List(ctx context.Context, db postgres.DB, f Filter) (list []Row, next string, err error) {
	s, err := f.selection()
	if err != nil || s.nobody {
		return nil, "", err
	}
	from, err := parsePlace(f.Sort, f.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageSize(f.Limit)
	err = readOnly(ctx, db, "30s", func(tx pgx.Tx) error {
		if s.searches {
			if s, err = s.find(ctx, tx, maxFound); err != nil {
				return err
			}
		}
		places, err := s.sift(ctx, tx, f, from, limit+1)
		if err != nil {
			return err
		}
		if len(places) > limit {
			places = places[:limit]
			next = places[limit-1].String()
		}
		list, err = rowsAt(ctx, tx, places)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list contacts: %w", err)
	}
	return list, next, nil
}

// Count says how many contacts a filter selects, whatever its Sort, Cursor and Limit.
// It counts for up to two seconds, and then says what the database expects.
func Count(ctx context.Context, db postgres.DB, f Filter) (Total, error) {
	s, err := f.selection()
	if err != nil {
		return Total{}, err
	}
	if s.nobody {
		return Total{Exact: true}, nil
	}
	total := Total{Exact: true}
	err = readOnly(ctx, db, "2s", func(tx pgx.Tx) error {
		whole, err := s.narrow(ctx, tx, f)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM contacts AS c WHERE `+whole.where, whole.args...).Scan(&total.Count)
	})
	if tooLong(ctx, err) {
		total.Exact = false
		if s, err = s.with(f.Where); err == nil {
			total.Count, err = expected(ctx, db, s)
		}
	}
	if err != nil {
		return Total{}, fmt.Errorf("count contacts: %w", err)
	}
	return total, nil
}

// maxPages is how many cursors Pages returns: with pages of 200, the list can be opened
// anywhere up to contact 200,000.
const maxPages = 1000

// Pages returns the cursors of the second and further pages of f.Limit contacts, so that
// a list can be opened in its middle: each is what List returned as next on the page
// before. It looks for up to two seconds, and returns nil where that is not enough.
func Pages(ctx context.Context, db postgres.DB, f Filter) ([]string, error) {
	s, err := f.selection()
	if err != nil {
		return nil, err
	}
	cursors := []string{}
	if _, err := parsePlace(f.Sort, ""); err != nil || s.nobody {
		return cursors, err
	}
	err = readOnly(ctx, db, "2s", func(tx pgx.Tx) error {
		if s, err = s.narrow(ctx, tx, f); err != nil {
			return err
		}
		size, before := pageSize(f.Limit), 0
		for _, half := range halves(f) {
			n, places, err := half.of(s).places(ctx, tx, half, size, before)
			if err != nil {
				return err
			}
			for _, p := range places {
				cursors = append(cursors, p.String())
			}
			before += n
		}
		// After the last contact there is no page.
		if before > 0 && before%size == 0 && len(cursors) == before/size {
			cursors = cursors[:len(cursors)-1]
		}
		cursors = cursors[:min(len(cursors), maxPages)]
		return nil
	})
	switch {
	case tooLong(ctx, err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find the pages of contacts: %w", err)
	}
	return cursors, nil
}

// tooLong reports whether err is a statement that took longer than readOnly let it.
func tooLong(ctx context.Context, err error) bool {
	return postgres.TimedOut(err) && ctx.Err() == nil
}

// expected is how many rows the planner expects.
func expected(ctx context.Context, db postgres.DB, s selection) (int64, error) {
	var plan []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	var text []byte
	err := readOnly(ctx, db, "2s", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `EXPLAIN (FORMAT json) SELECT FROM contacts AS c WHERE `+s.where, append([]any{pgx.QueryExecModeExec}, s.args...)...).Scan(&text)
	})
	if err == nil {
		err = json.Unmarshal(text, &plan)
	}
	if err != nil || len(plan) == 0 {
		return 0, err
	}
	return int64(plan[0].Plan.Rows), nil
}

// readOnly runs fn in a transaction that can be broken off. Statements are planned for
// the values they have: a common word wants another plan than a rare one. Compiling
// them to machine code would take longer than they run.
func readOnly(ctx context.Context, db postgres.DB, timeout string, fn func(pgx.Tx) error) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = '`+timeout+`'; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off`); err != nil {
			return err
		}
		return fn(tx)
	})
}

// rowsAt reads what is shown of the contacts at these places.
func rowsAt(ctx context.Context, tx pgx.Tx, places []place) ([]Row, error) {
	ids := make([]int64, len(places))
	for i, p := range places {
		ids[i] = p.id
	}
	rows, err := tx.Query(ctx, `
		SELECT c.id, c.external_id, c.email, c.email_key, c.first_name, c.last_name, c.phone, c.country, c.language, c.timezone,
		       c.attributes, c.created_at, c.updated_at, o.orders, o.last_order_at, COALESCE(x.cause, '') AS suppression
		FROM unnest($1::bigint[]) WITH ORDINALITY AS v (id, n)
		JOIN contacts AS c ON c.id = v.id
		LEFT JOIN suppressions AS x ON x.email_key = c.email_key AND c.email_key <> ''
		CROSS JOIN LATERAL (
			SELECT count(*) AS orders, max(placed_at) AS last_order_at
			FROM orders
			WHERE contact_id = c.id AND status IN ('placed', 'paid')) AS o
		ORDER BY v.n`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Row])
}
