package contacts

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
)

// searched is the text that is searched, and indexed by trigrams where the server has
// them (contacts_search). Every word in it has a space before it.
const searched = `lower((' ' || c.external_id || ' ' || c.email || ' ' || c.first_name || ' ' || c.last_name) COLLATE posthorn_text)`

// maxFound is how many contacts a search may find to be sorted in one go. What finds
// more than that is so common that a walk along the list comes upon a page soon.
const maxFound = 5000

// maxMembers is the same for whom Filter.Where selects. It is more, as where they are
// looked for at all they do not come soon, and so much that the planner does not plan
// for the first few of them.
const maxMembers = 100_000

// counted are the orders that count, of contact c.
const counted = `SELECT FROM orders AS o WHERE o.contact_id = c.id AND o.status IN ('placed', 'paid')`

// selection is a Filter but for its Where, as a condition on the alias c.
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
	if s.where == "" {
		s.where = "TRUE"
	}
	return s, nil
}

// with adds a Filter's Where.
func (s selection) with(where func(int) (string, []any, error)) (selection, error) {
	if where == nil {
		return s, nil
	}
	sql, args, err := where(len(s.args) + 1)
	if err != nil {
		return s, err
	}
	s.and(sql)
	s.args = append(s.args, args...)
	return s, nil
}

// narrow is the whole condition. Where a search comes with a Where, it is asked first:
// the planner thinks of looking at all orders for the sake of a few contacts.
func (s selection) narrow(ctx context.Context, tx pgx.Tx, f Filter) (selection, error) {
	if s.searches && f.Where != nil {
		var err error
		if s, err = s.find(ctx, tx, maxFound); err != nil {
			return s, err
		}
	}
	return s.with(f.Where)
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

// find looks who passes. Where these are not more than most, they take the place of the
// condition.
func (s selection) find(ctx context.Context, tx pgx.Tx, most int) (selection, error) {
	var ids []int64
	err := tx.QueryRow(ctx, `
		SELECT ARRAY (
			SELECT c.id
			FROM contacts AS c
			WHERE `+s.where+`
			LIMIT `+strconv.Itoa(most+1)+`)`, s.args...).Scan(&ids)
	switch {
	case err != nil:
		return s, err
	case len(ids) > most:
		return s, nil
	default:
		return selection{where: `c.id = ANY ($1)`, args: []any{ids}}, nil
	}
}
