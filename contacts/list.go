package contacts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"posthorn/internal/fault"
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

// searched is the text that is searched, and indexed by trigrams where the server has
// them (contacts_search). Every word in it has a space before it.
const searched = `lower((' ' || c.external_id || ' ' || c.email || ' ' || c.first_name || ' ' || c.last_name) COLLATE posthorn_text)`

// maxFound is how many contacts a search may find to be sorted in one go. What finds
// more than that is so common that a walk along the list comes upon a page soon.
const maxFound = 5000

// counted are the orders that count, of contact c.
const counted = `SELECT FROM orders AS o WHERE o.contact_id = c.id AND o.status IN ('placed', 'paid')`

// List returns a page of contacts in the order of f.Sort, and the cursor of the next
// page: "" on the last. What changes between two pages neither doubles nor hides what
// stays as it is.
//
// A page is read along the index of its order and not from a count of pages, so the
// last one costs as much as the first. A search goes the other way round, first to
// what it finds: what is rare would else be looked for in the whole list.
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
			if s, err = s.find(ctx, tx); err != nil {
				return err
			}
		}
		places, err := s.page(ctx, tx, f, from, limit+1)
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
		return tx.QueryRow(ctx, `SELECT count(*) FROM contacts AS c WHERE `+s.where, s.args...).Scan(&total.Count)
	})
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "57014" && ctx.Err() == nil { // the timeout
		total.Exact = false
		total.Count, err = expected(ctx, db, s)
	}
	if err != nil {
		return Total{}, fmt.Errorf("count contacts: %w", err)
	}
	return total, nil
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

// selection is a Filter as a condition on the alias c.
type selection struct {
	where    string
	args     []any
	searches bool
	nobody   bool // it cannot be that somebody passes
}

func (s *selection) arg(v any) string {
	s.args = append(s.args, v)
	return "$" + strconv.Itoa(len(s.args))
}

func (s *selection) and(condition string) {
	if s.where != "" {
		s.where += "\n  AND "
	}
	s.where += condition
}

func (f Filter) selection() (selection, error) {
	var s selection
	for _, text := range []string{f.Query, f.Topic, f.Country} {
		if !storable(text) {
			s.nobody = true
			return s, nil
		}
	}
	for _, word := range strings.Fields(f.Query) {
		s.searches = true
		// Both sides are folded by the database, which knows how.
		s.and(searched + ` LIKE lower(` + s.arg(likePattern(word)) + `::text COLLATE posthorn_text)`)
	}
	if f.Topic != "" || f.State != "" {
		if err := ValidTopic(f.Topic); err != nil {
			return s, err
		}
		consent := `SELECT FROM consents AS k WHERE k.contact_id = c.id AND k.topic = ` + s.arg(f.Topic)
		switch {
		case f.State == NeverAsked:
			s.and(`NOT EXISTS (` + consent + `)`)
		case validState(f.State):
			s.and(`EXISTS (` + consent + ` AND k.state = ` + s.arg(f.State) + `)`)
		default:
			return s, fault.Invalidf("consent", "is not one of pending, subscribed, unsubscribed and never_asked")
		}
	}
	if f.Suppressed != nil {
		s.and(not(!*f.Suppressed) + `EXISTS (SELECT FROM suppressions AS x WHERE x.email_key = c.email_key AND c.email_key <> '')`)
	}
	if f.Ordered != nil {
		s.and(not(!*f.Ordered) + `EXISTS (` + counted + `)`)
	}
	if f.Country != "" {
		s.and(`c.country = ` + s.arg(f.Country))
	}
	if f.Where != nil {
		sql, args, err := f.Where(len(s.args) + 1)
		if err != nil {
			return s, err
		}
		s.and(sql)
		s.args = append(s.args, args...)
	}
	if s.where == "" {
		s.where = "TRUE"
	}
	return s, nil
}

func not(negated bool) string {
	if negated {
		return "NOT "
	}
	return ""
}

// likePattern is the LIKE pattern for a word of a search. One or two letters stand in
// every other address and have no trigrams: they are how a word begins.
func likePattern(word string) string {
	before := "%"
	if utf8.RuneCountInString(word) < 3 {
		before = "% "
	}
	return before + literally.Replace(word) + "%"
}

// literally escapes what has a meaning in LIKE.
var literally = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// containing is the LIKE pattern for what has s somewhere.
func containing(s string) string { return "%" + literally.Replace(s) + "%" }

// find looks who passes. Where these are few, they take the place of the condition.
func (s selection) find(ctx context.Context, tx pgx.Tx) (selection, error) {
	var ids []int64
	err := tx.QueryRow(ctx, `
		SELECT ARRAY (
			SELECT c.id
			FROM contacts AS c
			WHERE `+s.where+`
			LIMIT `+strconv.Itoa(maxFound+1)+`)`, s.args...).Scan(&ids)
	switch {
	case err != nil:
		return s, err
	case len(ids) > maxFound:
		return s, nil
	default:
		return selection{where: `c.id = ANY ($1)`, args: []any{ids}}, nil
	}
}

// page returns the places of a page in the list.
func (s selection) page(ctx context.Context, tx pgx.Tx, f Filter, from place, limit int) ([]place, error) {
	if f.Sort != ByLastOrder {
		o := orders[f.Sort]
		return s.walk(ctx, tx, o, `contacts AS c`, from, limit)
	}
	// First along the orders, from the newest: who has no later one. Then who has none.
	var list []place
	var err error
	if !from.without && (f.Ordered == nil || *f.Ordered) {
		list, err = s.walk(ctx, tx, byLastOrder, lastOrders, from, limit)
		if err != nil || len(list) == limit {
			return list, err
		}
		from = place{}
	}
	if f.Ordered != nil && *f.Ordered {
		return list, nil
	}
	s.where += "\n  AND NOT EXISTS (" + counted + ")"
	rest, err := s.walk(ctx, tx, withoutOrder, `contacts AS c`, from, limit-len(list))
	return append(list, rest...), err
}

// lastOrders is each contact's last order that counts.
const lastOrders = `(
		SELECT o.id AS order_id, o.contact_id, o.placed_at
		FROM orders AS o
		WHERE o.status IN ('placed', 'paid')
		  AND NOT EXISTS (
			SELECT FROM orders AS later
			WHERE later.contact_id = o.contact_id AND later.status IN ('placed', 'paid')
			  AND (later.placed_at, later.id) > (o.placed_at, o.id))
	) AS o JOIN contacts AS c ON c.id = o.contact_id`

// order is how a list is walked: by what, to compare as a whole, and in which direction.
type order struct {
	sort    Sort
	without bool // the second half of ByLastOrder
	keys    []string
	types   []string
	down    bool
}

var orders = map[Sort]order{
	ByID:     {sort: ByID, keys: []string{"c.id"}, types: []string{"bigint"}},
	ByNewest: {sort: ByNewest, keys: []string{"c.created_at", "c.id"}, types: []string{"timestamptz", "bigint"}, down: true},
	ByOldest: {sort: ByOldest, keys: []string{"c.created_at", "c.id"}, types: []string{"timestamptz", "bigint"}},
	ByName: {sort: ByName, keys: []string{ // as contacts_name has them
		"(c.first_name = '' AND c.last_name = '')",
		"lower(COALESCE(NULLIF(c.last_name, ''), c.first_name) COLLATE posthorn_text)",
		"lower(c.first_name COLLATE posthorn_text)",
		"c.id",
	}, types: []string{"boolean", "text", "text", "bigint"}},
}

var (
	byLastOrder  = order{sort: ByLastOrder, keys: []string{"o.placed_at", "o.order_id"}, types: []string{"timestamptz", "bigint"}, down: true}
	withoutOrder = order{sort: ByLastOrder, without: true, keys: []string{"c.id"}, types: []string{"bigint"}}
)

// walk reads along an order, from behind a place.
func (s selection) walk(ctx context.Context, tx pgx.Tx, o order, source string, from place, limit int) ([]place, error) {
	sql, args := s.statement(o, source, from, limit)
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (place, error) {
		p := place{sort: o.sort, without: o.without}
		return p, row.Scan(&p.id, &p.keys)
	})
}

// statement reads ids with what they are sorted by, as text.
func (s selection) statement(o order, source string, from place, limit int) (string, []any) {
	direction, compare := "", ">"
	if o.down {
		direction, compare = " DESC", "<"
	}
	if from.keys != nil {
		marks := make([]string, len(o.keys))
		for i, key := range from.keys {
			marks[i] = s.arg(key) + "::text"
			if o.types[i] != "text" {
				marks[i] += "::" + o.types[i]
			}
		}
		s.and("(" + strings.Join(o.keys, ", ") + ") " + compare + " (" + strings.Join(marks, ", ") + ")")
	}
	texts := make([]string, len(o.keys))
	for i, key := range o.keys {
		texts[i] = "(" + key + ")::text"
	}
	return `
		SELECT c.id, ARRAY [` + strings.Join(texts, ", ") + `]
		FROM ` + source + `
		WHERE ` + s.where + `
		ORDER BY ` + strings.Join(o.keys, direction+", ") + direction + `
		LIMIT ` + strconv.Itoa(limit), s.args
}

// place is where a contact stands in a list: what it is sorted by, as text.
type place struct {
	id      int64
	sort    Sort
	without bool
	keys    []string // nil: the beginning
}

type cursor struct {
	Sort    Sort     `json:"s,omitempty"`
	Without bool     `json:"w,omitempty"`
	Keys    []string `json:"k"`
}

func (p place) String() string {
	text, _ := json.Marshal(cursor{p.sort, p.without, p.keys}) // of texts
	return string(text)
}

func parsePlace(sort Sort, text string) (place, error) {
	o, ok := orders[sort]
	if sort == ByLastOrder {
		o, ok = byLastOrder, true
	}
	if !ok {
		return place{}, fault.Invalidf("sort", "is not one of newest, oldest, name and last_order")
	}
	if text == "" {
		return place{}, nil
	}
	var c cursor
	err := json.Unmarshal([]byte(text), &c)
	if c.Without {
		o = withoutOrder
	}
	ok = err == nil && c.Sort == sort && len(c.Keys) == len(o.keys) && (!c.Without || sort == ByLastOrder)
	for i := 0; ok && i < len(c.Keys); i++ {
		ok = storable(c.Keys[i]) && fits(c.Keys[i], o.types[i])
	}
	if !ok {
		return place{}, fault.Invalidf("cursor", "is not a cursor of this list; pass next_cursor of the page before as it is")
	}
	return place{sort: sort, without: c.Without, keys: c.Keys}, nil
}

// fits says whether Postgres reads a key of a cursor as its type, as it wrote it.
func fits(key, sqlType string) bool {
	var err error
	switch sqlType {
	case "bigint":
		_, err = strconv.ParseInt(key, 10, 64)
	case "boolean":
		_, err = strconv.ParseBool(key)
	case "timestamptz":
		_, err = time.Parse("2006-01-02 15:04:05.999999-07", key)
	}
	return err == nil
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
