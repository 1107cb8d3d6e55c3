package segments

import (
	"cmp"
	"slices"
	"time"

	"posthorn/catalog"
)

// Scope is what triggered the journey that a rule belongs to, and with it what the
// rule may ask about. The zero Scope is that of a segment, which nothing triggers.
type Scope string

// The scopes of journeys. In all of them a window may begin at the trigger.
const (
	ContactScope Scope = "contact" // something about the contact: there is a moment, and no more to ask about
	OrderScope   Scope = "order"   // also order.total and the like
	EventScope   Scope = "event"   // also properties.NAME
)

// triggerOnly is the sql of conditions on the trigger. Where sees the mark and
// returns an error in place of the text.
type triggerOnly struct{}

func (triggerOnly) sql(b *builder) string {
	b.triggered = true
	return "FALSE"
}

// order is the order that triggered the journey, nil where there is none.
func (f *Facts) order() *OrderFact {
	if f.Trigger == nil {
		return nil
	}
	return f.Trigger.Order
}

// triggeredBy says whether o is that order.
func (f *Facts) triggeredBy(o OrderFact) bool {
	trigger := f.order()
	return trigger != nil && trigger.ID == o.ID
}

// orderFigure is a number of the triggering order.
type orderFigure struct {
	triggerOnly
	field string
	test  numberTest
}

func readOrderFigure(in *input) condition {
	return orderFigure{field: in.field, test: in.numberTest(in.field != "order.total")}
}

func (c orderFigure) match(f *Facts, asOf time.Time) bool {
	o, n := f.order(), 0
	switch {
	case o == nil:
		return false
	case c.field == "order.total":
		return c.test.match(total(*o))
	case c.field == "order.quantity":
		n = pieces(*o, func(i ItemFact) bool { return i.Quantity > 0 })
	case !counts(o.Status): // as if it had never been, so it is not the n-th of anything
		return false
	default:
		n = 1
		for _, other := range (history{}).of(f, asOf) {
			if !f.triggeredBy(other) && cmp.Or(other.PlacedAt.Compare(o.PlacedAt), cmp.Compare(other.ID, o.ID)) < 0 {
				n++
			}
		}
	}
	d, _ := decimalOf(n)
	return c.test.match(d)
}

// pieces adds up the quantities of the lines that are looked for.
func pieces(o OrderFact, wanted func(ItemFact) bool) int {
	n := 0
	for _, i := range o.Items {
		if wanted(i) {
			n += i.Quantity
		}
	}
	return n
}

// orderCurrency is the currency of the triggering order; it may have none.
type orderCurrency struct {
	triggerOnly
	null bool // asks whether there is none; test is not used
	test textTest
}

func readOrderCurrency(in *input) condition {
	if in.op == "null" {
		in.noValue()
		return orderCurrency{null: true}
	}
	return orderCurrency{test: in.textTest(true)}
}

func (c orderCurrency) match(f *Facts, _ time.Time) bool {
	currency := ""
	if o := f.order(); o != nil {
		currency = fold(o.Currency)
	}
	if c.null {
		return currency == ""
	}
	return c.test.match(currency)
}

// orderStatus is the status of the triggering order, as it is today.
type orderStatus struct {
	triggerOnly
	statuses []string
}

var orderStatuses = []string{catalog.Placed, catalog.Paid, catalog.Cancelled, catalog.Refunded}

func readOrderStatus(in *input) condition { return orderStatus{statuses: in.oneOf(orderStatuses)} }

func (c orderStatus) match(f *Facts, _ time.Time) bool {
	o := f.order()
	return o != nil && slices.Contains(c.statuses, o.Status)
}

// orderGoods is that the triggering order holds at least so many pieces of goods.
// It asks what was ordered, not what counts: order.status tells whether it does.
type orderGoods struct {
	triggerOnly
	goods    goods
	quantity int
}

func readOrderGoods(in *input) condition {
	c := orderGoods{goods: in.goods(), quantity: 1}
	if n := in.whole("quantity", maxTimes); n > 0 {
		c.quantity, in.out.json.Quantity = n, n
	}
	return c
}

func (c orderGoods) match(f *Facts, _ time.Time) bool {
	o := f.order()
	return o != nil && pieces(*o, c.goods.has) >= c.quantity
}

// property is a property of the triggering event. It is compared as an attribute.
type property struct {
	triggerOnly
	attribute attribute
}

func readProperty(in *input) condition { return property{attribute: in.attribute()} }

func (c property) match(f *Facts, asOf time.Time) bool {
	var properties map[string]any
	if f.Trigger != nil && f.Trigger.Event != nil {
		properties = f.Trigger.Event.Properties
	}
	return c.attribute.among(properties, asOf)
}
