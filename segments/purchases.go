package segments

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"posthorn/catalog"
)

// An order counts while it is placed or paid; a cancelled or refunded one is as if
// it had never been.
func counts(status string) bool { return status == catalog.Placed || status == catalog.Paid }

const countsSQL = "o.status IN ('" + catalog.Placed + "', '" + catalog.Paid + "')"

// history is which orders a condition looks at.
type history struct {
	window   window
	currency string // "" is any
}

func (h history) where(b *builder) string {
	out := countsSQL + " AND " + h.window.sql(b, "o.placed_at")
	if h.currency != "" {
		out += " AND o.currency = " + b.text(h.currency)
	}
	return out
}

func (h history) of(f *Facts, asOf time.Time) []OrderFact {
	span := h.window.of(f, asOf)
	var out []OrderFact
	for _, o := range f.Orders {
		switch {
		case h.window.sinceTrigger && f.triggeredBy(o): // whatever moment the trigger's is
		case counts(o.Status) && span.holds(o.PlacedAt) && (h.currency == "" || o.Currency == h.currency):
			out = append(out, o)
		}
	}
	return out
}

func (in *input) history() history {
	h := history{window: in.window()}
	if v := decode(in.keys["currency"]); v != nil {
		s, _ := v.(string)
		h.currency = strings.ToUpper(s)
		if len(s) != 3 || strings.Trim(h.currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			in.fault(in.path+".currency", "is not a currency code of three letters such as EUR (ISO 4217)")
		}
		in.out.json.Currency = h.currency
	}
	return h
}

// grouped is EXISTS over the contacts whose rows, taken together, satisfy having.
// rows names the contact as contact_id. It is a set of contacts rather than a
// sub-select per contact, so that Postgres may compute it once and hash it.
func (b *builder) grouped(from []string, contact, having string) string {
	b.depth += 2
	var s strings.Builder
	s.WriteString("SELECT FROM (")
	for _, clause := range append([]string{"SELECT " + contact}, from...) {
		b.line(&s)
		s.WriteString(clause)
	}
	b.line(&s)
	s.WriteString("GROUP BY " + contact)
	b.line(&s)
	s.WriteString("HAVING " + having)
	b.depth--
	b.line(&s)
	b.depth--
	s.WriteString(") AS g")
	return b.exists(s.String(), "WHERE g.contact_id = c.id")
}

// orderNumber is the number of a contact's orders, or the sum of their totals;
// both are 0 for a contact without orders.
type orderNumber struct {
	history history
	sum     bool
	test    numberTest
}

func readOrderNumber(in *input) condition {
	sum := in.field == "orders.sum"
	return orderNumber{sum: sum, test: in.numberTest(!sum), history: in.history()}
}

func (c orderNumber) sql(b *builder) string {
	expr := "count(*)"
	if c.sum {
		expr = "sum(o.total)"
	}
	having := c.test.sql(b, expr)
	// A contact without orders is in no group. Where 0 passes the test, those are looked for who do not.
	zeroPasses := c.test.match(decimal{})
	if zeroPasses {
		having = "NOT (" + having + ")"
	}
	out := b.grouped([]string{"FROM orders AS o", "WHERE " + c.history.where(b)}, "o.contact_id", having)
	if zeroPasses {
		return not(out)
	}
	return out
}

func (c orderNumber) match(f *Facts, asOf time.Time) bool {
	orders := c.history.of(f, asOf)
	if !c.sum {
		n, _ := decimalOf(len(orders))
		return c.test.match(n)
	}
	return c.test.match(total(orders...))
}

// total is the sum of the orders' totals.
func total(orders ...OrderFact) decimal {
	sum := new(big.Int) // a few totals of the largest size are more than an int64 holds
	for _, o := range orders {
		sum.Add(sum, big.NewInt(int64(o.Total)))
	}
	d, _ := parseDecimal(sum.String() + "e-4") // an Amount is in ten-thousandths
	return d
}

// orderTime is when a contact's first or last order was placed.
type orderTime struct {
	history history
	last    bool
	any     bool // asks whether there is one; test is not used
	test    timeTest
}

func readOrderTime(in *input) condition {
	c := orderTime{last: in.field == "orders.last"}
	if in.op == "null" {
		in.noValue()
		in.out.negated = !in.out.negated // the condition is that there is one
		c.any = true
	} else {
		c.test = in.timeTest()
	}
	c.history = in.history()
	return c
}

func (c orderTime) sql(b *builder) string {
	if c.any {
		return b.exists("SELECT FROM orders AS o", "WHERE o.contact_id = c.id AND "+c.history.where(b))
	}
	expr := "min(o.placed_at)"
	if c.last {
		expr = "max(o.placed_at)"
	}
	having := c.test.span(b.asOf).sql(b, expr)
	return b.grouped([]string{"FROM orders AS o", "WHERE " + c.history.where(b)}, "o.contact_id", having)
}

func (c orderTime) match(f *Facts, asOf time.Time) bool {
	orders := c.history.of(f, asOf)
	if len(orders) == 0 || c.any {
		return len(orders) > 0
	}
	at := orders[0].PlacedAt
	for _, o := range orders[1:] {
		if o.PlacedAt.After(at) == c.last {
			at = o.PlacedAt
		}
	}
	return c.test.span(asOf).holds(at)
}

// bought is that a contact has at least so many orders with one of the products,
// or a product of one of the categories.
type bought struct {
	history history
	times   int
	goods   goods
}

func readBought(in *input) condition {
	return bought{history: in.history(), times: in.times(), goods: in.goods()}
}

// goods are the products that a condition names, each or by their category.
type goods struct {
	skus       []string
	categories []string // folded; where skus is empty
}

// goods reads the value of a field that ends in ".product" or ".category".
func (in *input) goods() goods {
	var g goods
	values, out := in.oneOrMore()
	in.out.json.Value = out
	if strings.HasSuffix(in.field, ".product") {
		g.skus = values
		return g
	}
	for _, v := range values {
		g.categories = append(g.categories, fold(v))
	}
	return g
}

// has says whether the line of an order holds one of the goods.
func (g goods) has(i ItemFact) bool {
	switch {
	case i.Quantity <= 0: // goods returned
		return false
	case g.skus != nil:
		return slices.Contains(g.skus, i.SKU)
	default:
		return slices.Contains(g.categories, fold(i.Category))
	}
}

// times reads the option "at least so many times", 1 where it was not given.
func (in *input) times() int {
	n := in.whole("times", maxTimes)
	if n > 0 {
		in.out.json.Times = n
	}
	return max(n, 1)
}

func (c bought) sql(b *builder) string {
	from := []string{
		"FROM orders AS o",
		"JOIN order_items AS i ON i.order_id = o.id AND i.quantity > 0",
	}
	which := ""
	if c.goods.skus != nil {
		which = "i.sku = ANY (" + b.texts(c.goods.skus) + ")"
	} else {
		from = append(from, "JOIN products AS p ON p.sku = i.sku")
		which = folded("p.category") + " = ANY (" + b.texts(c.goods.categories) + ")"
	}
	where := c.history.where(b) + " AND " + which
	if c.times == 1 {
		from[0] = "SELECT " + from[0]
		return b.exists(append(from, "WHERE o.contact_id = c.id AND "+where)...)
	}
	having := "count(DISTINCT o.id) >= " + b.arg(c.times, "bigint")
	return b.grouped(append(from, "WHERE "+where), "o.contact_id", having)
}

func (c bought) match(f *Facts, asOf time.Time) bool {
	n := 0
	for _, o := range c.history.of(f, asOf) {
		if slices.ContainsFunc(o.Items, c.goods.has) {
			n++
		}
	}
	return n >= c.times
}

// did is that a contact has at least so many events of a name.
type did struct {
	name   string
	window window
	times  int
}

func readDid(in *input) condition {
	in.noValue()
	return did{name: strings.TrimPrefix(in.field, "event."), window: in.window(), times: in.times()}
}

func (c did) sql(b *builder) string {
	where := "e.name = " + b.text(c.name) + " AND " + c.window.sql(b, "e.occurred_at")
	if c.times == 1 {
		return b.exists("SELECT FROM events AS e", "WHERE e.contact_id = c.id AND "+where)
	}
	return b.grouped([]string{"FROM events AS e", "WHERE " + where}, "e.contact_id", "count(*) >= "+b.arg(c.times, "bigint"))
}

func (c did) match(f *Facts, asOf time.Time) bool {
	span, n := c.window.of(f, asOf), 0
	for _, e := range f.Events {
		if e.Name == c.name && span.holds(e.OccurredAt) {
			n++
		}
	}
	return n >= c.times
}
