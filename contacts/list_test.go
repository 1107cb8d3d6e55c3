package contacts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

// listed reads a whole list in pages of a size.
func listed(t testing.TB, pool *pgxpool.Pool, f Filter, limit int) []string {
	t.Helper()
	ids, _ := paged(t, pool, f, limit)
	return ids
}

// paged returns the cursors of the second and further pages as well.
func paged(t testing.TB, pool *pgxpool.Pool, f Filter, limit int) (ids, cursors []string) {
	t.Helper()
	ids, cursors = []string{}, []string{}
	for f.Limit = limit; ; {
		list, next, err := List(context.Background(), pool, f)
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		for _, c := range list {
			ids = append(ids, c.ExternalID)
		}
		if f.Cursor = next; next == "" {
			return ids, cursors
		}
		cursors = append(cursors, next)
	}
}

func TestListSearches(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	for _, in := range []Input{
		{ExternalID: "C-1", Email: ptr("Edith@x.example"), FirstName: ptr("Edith"), LastName: ptr("Holloway")},
		{ExternalID: "C-2", Email: ptr("otto@x.example"), FirstName: ptr("Otto"), LastName: ptr("Ünal")},
		{ExternalID: "C%3", Email: ptr("anna@x.example"), FirstName: ptr("Edith"), LastName: ptr("Jansen")},
		{Email: ptr("c_d@x.example")},
		{ExternalID: "<b>", FirstName: ptr(`O'Hara "x"`), LastName: ptr(`back\slash`)},
	} {
		upsert(t, pool, monday, in)
	}
	for query, want := range map[string]string{
		"": "C-1 C-2 C%3 c_d@x.example <b>", "c": "C-1 C-2 C%3 c_d@x.example", "c-": "C-1 C-2", "EDITH": "C-1 C%3",
		"edith h": "C-1", "holl": "C-1", "oway": "C-1", "oway dith": "C-1", "holloway jansen": "", "ünal": "C-2", "ÜNAL": "C-2", "@x.ex": "C-1 C-2 C%3 c_d@x.example",
		"C%": "C%3", "c_": "c_d@x.example", `\`: "", `back\sl`: "<b>", "%": "", "___": "", "'hara": "<b>", `"x"`: "<b>", "<b>": "<b>",
		" jansen ": "C%3", "\x00": "", "\xff": "", "th": "", strings.Repeat("x", 300): "", "; DROP TABLE contacts": "",
	} {
		for _, sort := range []Sort{ByID, ByName, ByLastOrder} {
			got := listed(t, pool, Filter{Query: query, Sort: sort}, 2)
			wanted := strings.Fields(want)
			slices.Sort(got)
			slices.Sort(wanted)
			if !slices.Equal(got, wanted) {
				t.Errorf("%q by %q: %q, want %q", query, sort, got, wanted)
			}
		}
		total, err := Count(t.Context(), pool, Filter{Query: query})
		if err != nil || !total.Exact || int(total.Count) != len(strings.Fields(want)) {
			t.Errorf("%q: %+v, %v", query, total, err)
		}
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	upsert(t, pool, monday, Input{ExternalID: "1"})
	upsert(t, pool, monday, Input{ExternalID: "2"})
	_, byName, err := List(t.Context(), pool, Filter{Sort: ByName, Limit: 1})
	if err != nil || byName == "" {
		t.Fatal(byName, err)
	}
	for field, filters := range map[string][]Filter{
		"sort":    {{Sort: "age"}},
		"topic":   {{Topic: "no topic", State: Subscribed}, {State: Subscribed}},
		"consent": {{Topic: "news"}, {Topic: "news", State: "perhaps"}},
		"cursor": {{Cursor: "x"}, {Cursor: byName}, {Sort: ByNewest, Cursor: `{"s":"newest","k":["yesterday","1"]}`}, {Sort: ByNewest, Cursor: `{"s":"newest","k":["1"]}`},
			{Sort: ByName, Cursor: `{"s":"name","k":["true","\u0000","","1"]}`}, {Sort: ByName, Cursor: `{"s":"name","w":true,"k":["1"]}`}, {Cursor: `{"k":["99999999999999999999"]}`}, {Cursor: `{"k":null}`}},
	} {
		for _, f := range filters {
			_, _, err := List(t.Context(), pool, f)
			var invalid *fault.Invalid
			if !errors.As(err, &invalid) || invalid.Field != field {
				t.Errorf("%+v: %v, want one about %s", f, err, field)
			}
		}
	}
}

// person is a contact as the filters see it, in the order of creation.
type person struct {
	id, first, last, country string
	created                  time.Time
	consent                  string // to news; "" never asked
	suppressed               bool
	orders                   []time.Time // that count
}

// TestListAtRandom compares every filter, search, order and size of page with the
// same done in Go.
func TestListAtRandom(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var people []person
	order := 0
	for i := range 100 {
		p := person{
			id: fmt.Sprintf("P%02d", i), first: pick("", "Ada", "ada", "Bo", "Zoë"), last: pick("", "", "Holm", "holm", "Öz", "Oz", "Pym", "Zed"),
			country: pick("", "Iceland", "Norway"), created: monday.AddDate(0, 0, -r.IntN(5)), consent: pick("", Subscribed, Subscribed, Unsubscribed, Pending), suppressed: r.IntN(4) == 0,
		}
		in := Input{ExternalID: p.id, Email: ptr(strings.ToLower(p.id) + "@x.example"), FirstName: &p.first, LastName: &p.last, Country: &p.country, CreatedAt: &p.created}
		if p.consent != "" {
			in.Topics = map[string]string{"news": p.consent}
		}
		c, _ := upsert(t, pool, monday, in)
		if p.suppressed {
			if err := Suppress(t.Context(), pool, monday, c.Email, CauseManual, ""); err != nil {
				t.Fatal(err)
			}
		}
		for range r.IntN(4) {
			at, status := monday.AddDate(0, 0, -r.IntN(6)), pick("placed", "paid", "cancelled", "refunded")
			order++
			_, err := pool.Exec(t.Context(), `INSERT INTO orders (external_id, contact_id, placed_at, status, created_at, updated_at) VALUES ($1, $2, $3, $4, $3, $3)`, fmt.Sprint(order), c.ID, at, status)
			if err != nil {
				t.Fatal(err)
			}
			if status == "placed" || status == "paid" {
				p.orders = append(p.orders, at)
			}
		}
		people = append(people, p)
	}
	yes, no := true, false
	for range 400 {
		below := fmt.Sprintf("P%02d", r.IntN(1+r.IntN(100))) // for Where
		f := Filter{
			Query: pick("", "", "", "holm", "p0", "öz", "ada", "x.example"), Country: pick("", "", "Norway", "Nowhere"),
			Sort: Sort(pick("", string(ByNewest), string(ByOldest), string(ByName), string(ByLastOrder), string(ByLastOrder))),
		}
		if r.IntN(2) == 0 {
			f.Topic, f.State = "news", pick(Subscribed, Unsubscribed, Pending, NeverAsked)
		}
		f.Suppressed = []*bool{nil, nil, &yes, &no}[r.IntN(4)]
		f.Ordered = []*bool{nil, nil, &yes, &no}[r.IntN(4)]
		if r.IntN(3) == 0 {
			f.Where = func(start int) (string, []any, error) {
				return fmt.Sprintf("(c.external_id < $%d)", start), []any{below}, nil
			}
		}
		want := map[string]bool{}
		for _, p := range people {
			text := strings.ToLower(" " + p.id + " " + p.id + "@x.example " + p.first + " " + p.last)
			if strings.Contains(text, map[bool]string{true: " "}[len([]rune(f.Query)) == 2]+f.Query) && (f.Country == "" || f.Country == p.country) &&
				(f.State == "" || f.State == p.consent || f.State == NeverAsked && p.consent == "") &&
				(f.Suppressed == nil || *f.Suppressed == p.suppressed) && (f.Ordered == nil || *f.Ordered == (len(p.orders) > 0)) && (f.Where == nil || p.id < below) {
				want[p.id] = true
			}
		}
		size := 1 + r.IntN(1+r.IntN(20))
		got, cursors := paged(t, pool, f, size)
		seen := map[string]bool{}
		for _, id := range got {
			if seen[id] || !want[id] {
				t.Fatalf("%+v: %s is there twice, or should not be: %q", f, id, got)
			}
			seen[id] = true
		}
		if len(seen) != len(want) {
			t.Fatalf("%+v: %q, want %v", f, got, want)
		}
		if !slices.IsSortedFunc(got, func(a, b string) int { return compare(f.Sort, people, a, b) }) {
			t.Fatalf("%+v is not sorted: %q", f, got)
		}
		f.Limit = size
		if pages, err := Pages(t.Context(), pool, f); err != nil || !slices.Equal(pages, cursors) {
			t.Fatalf("%+v: the pages begin at %q, %v, want %q", f, pages, err, cursors)
		}
		if total, err := Count(t.Context(), pool, f); err != nil || total != (Total{Count: int64(len(want)), Exact: true}) {
			t.Fatalf("%+v: %+v, %v", f, total, err)
		}
	}
}

// compare puts two contacts into the order of a list, as far as it is told by more
// than the database's ids.
func compare(sort Sort, people []person, a, b string) int {
	at := func(id string) person {
		return people[slices.IndexFunc(people, func(p person) bool { return p.id == id })]
	}
	p, q := at(a), at(b)
	last := func(p person) time.Time {
		var newest time.Time
		for _, o := range p.orders {
			if o.After(newest) {
				newest = o
			}
		}
		return newest
	}
	switch sort {
	case ByNewest:
		return q.created.Compare(p.created)
	case ByOldest:
		return p.created.Compare(q.created)
	case ByLastOrder:
		return last(q).Compare(last(p))
	case ByName:
		key := func(p person) string {
			name := p.last
			if name == "" {
				name = p.first
			}
			if name == "" {
				return "~"
			}
			return strings.Replace(strings.ToLower(name), "öz", "ozz", 1) // Oz, Öz, Pym
		}
		return strings.Compare(key(p), key(q))
	default:
		return strings.Compare(a, b)
	}
}

func TestListShows(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c, _ := upsert(t, pool, monday, Input{ExternalID: "1", Email: ptr("one@x.example")})
	upsert(t, pool, monday, Input{ExternalID: "2"})
	if err := Suppress(t.Context(), pool, monday, "ONE@x.example", CauseComplaint, ""); err != nil {
		t.Fatal(err)
	}
	for i, status := range []string{"paid", "placed", "cancelled"} {
		_, err := pool.Exec(t.Context(), `INSERT INTO orders (external_id, contact_id, placed_at, status, created_at, updated_at) VALUES ($1, $2, $3, $4, $3, $3)`, status, c.ID, monday.AddDate(0, 0, i), status)
		if err != nil {
			t.Fatal(err)
		}
	}
	list, _, err := List(t.Context(), pool, Filter{})
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if one := list[0]; one.Orders != 2 || one.LastOrderAt == nil || !one.LastOrderAt.Equal(tuesday) || one.Suppression != CauseComplaint {
		t.Errorf("%+v", one)
	}
	if two := list[1]; two.Orders != 0 || two.LastOrderAt != nil || two.Suppression != "" {
		t.Errorf("%+v", two)
	}
}

// The lists are walked along their indexes: no page sorts or reads the whole table,
// wherever it is, and a search looks in its own index.
func TestListPlans(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	_, err := pool.Exec(ctx, `
		INSERT INTO contacts (external_id, email, email_key, first_name, last_name, country, created_at, updated_at)
		SELECT 'C-' || i, 'a' || md5(i::text) || '@x.example', 'a' || md5(i::text) || '@x.example', 'Ada' || i % 97, 'Holm' || i % 1013, 'Norway', $1::timestamptz - i * interval '1 minute', $1
		FROM generate_series(1, 20000) AS i`, monday)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `
		INSERT INTO orders (external_id, contact_id, placed_at, status, created_at, updated_at)
		SELECT i::text, 1 + i % 15000, $1::timestamptz - i * interval '1 minute', 'paid', $1, $1 FROM generate_series(1, 40000) AS i`, monday); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `ANALYZE contacts, orders`); err != nil {
		t.Fatal(err)
	}
	for sort, index := range map[Sort]string{ByID: "contacts_pkey", ByNewest: "contacts_created", ByOldest: "contacts_created", ByName: "contacts_name", ByLastOrder: "orders_placed_at"} {
		var after string
		for n := range 2 { // the first page, and one in the middle
			f := Filter{Sort: sort, Cursor: after, Limit: 50}
			plan := explained(t, pool, f)
			if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%q, page %d:\n%s", sort, n, plan)
			}
			f.Limit = 1000
			if _, after, err = List(ctx, pool, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	var plan string
	s, _ := Filter{Query: "7f3a9c1"}.selection()
	rows, err := pool.Query(ctx, `EXPLAIN SELECT c.id FROM contacts AS c WHERE `+strings.ReplaceAll(s.where, "$1", "'%7f3a9c1%'"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		_ = rows.Scan(&line)
		plan += line + "\n"
	}
	if !strings.Contains(plan, "contacts_search") {
		t.Errorf("search:\n%s", plan)
	}
}

// explained is the plan of a page that no search narrows.
func explained(t *testing.T, pool *pgxpool.Pool, f Filter) string {
	t.Helper()
	from, err := parsePlace(f.Sort, f.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.selection()
	if err != nil {
		t.Fatal(err)
	}
	sql, args, err := s.statement(halves(f)[0], nil, from, f.Limit)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Query(t.Context(), "EXPLAIN "+sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	plan := ""
	for rows.Next() {
		var line string
		_ = rows.Scan(&line)
		plan += line + "\n"
	}
	return plan
}
