package templates

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/osteele/liquid/values"
)

// The facts show themselves to Liquid as the types below, which implement
// values.Value: a name is looked up when a template asks for it, by a switch, so
// that no map is built per mail and no reflection is needed. names.go says what
// each name is; a test holds the two together.
//
// They are structs, not pointers, because the library prints what a pointer points
// to and calls String on the rest.

// object is what all of them have in common: not a number, equal to nothing, and
// without words of its own.
type object struct{}

func (object) Int() int                                { panic(values.TypeError("this is not a whole number")) }
func (object) Equal(values.Value) bool                 { return false }
func (object) Less(values.Value) bool                  { return false }
func (object) Contains(values.Value) bool              { return false }
func (object) IndexValue(values.Value) values.Value    { return absent }
func (object) PropertyValue(values.Value) values.Value { return absent }
func (object) Test() bool                              { return true }
func (object) String() string                          { return "" }

// absentValue is what a documented name without a value gives: it prints nothing,
// is false, and equals nil and the empty text. It also stands for the words "blank"
// and "empty".
type absentValue struct{ object }

var absent values.Value = absentValue{}

func (absentValue) Interface() any { return nil }
func (absentValue) Test() bool     { return false }
func (absentValue) Int() int       { return 0 } // (1..nothing) is an empty range
func (absentValue) Equal(o values.Value) bool {
	switch v := o.Interface().(type) {
	case nil:
		return true
	case string:
		return v == ""
	case list:
		return len(*v.items) == 0
	}
	return false
}

// text is a text, or absent where it is empty: a contact without a first name has
// no first name, rather than an empty one, so that {% if contact.first_name %} and
// the default filter do what they seem to.
func text(s string) values.Value {
	if s == "" {
		return absent
	}
	return values.ValueOf(s)
}

func name(index values.Value) string {
	s, _ := index.Interface().(string)
	return s
}

// moment is a time as text, and in UTC: it can be printed, compared and given to the
// date filter.
func moment(t time.Time) values.Value { return values.ValueOf(t.UTC().Format(time.RFC3339)) }

// value is what one of the names stands for.
func (d *Data) value(name string) values.Value {
	switch name {
	case "contact":
		return contactValue{c: &d.Contact}
	case "last_order":
		return orderOf(d.LastOrder)
	case "order":
		return orderOf(d.Order)
	case "event":
		if d.Event != nil {
			return eventValue{e: d.Event}
		}
	case "campaign":
		return campaignValue{c: &d.Campaign}
	case "unsubscribe_url":
		return text(d.UnsubscribeURL)
	}
	return absent
}

type contactValue struct {
	object
	c *Contact
}

func (v contactValue) Interface() any                         { return v }
func (v contactValue) IndexValue(i values.Value) values.Value { return v.PropertyValue(i) }
func (v contactValue) PropertyValue(i values.Value) values.Value {
	switch c := v.c; name(i) {
	case "external_id":
		return text(c.ExternalID)
	case "email":
		return text(c.Email)
	case "first_name":
		return text(c.FirstName)
	case "last_name":
		return text(c.LastName)
	case "name":
		return text(strings.TrimSpace(c.FirstName + " " + c.LastName))
	case "country":
		return text(c.Country)
	case "language":
		return text(c.Language)
	case "phone":
		return text(c.Phone)
	case "timezone":
		return text(c.Timezone)
	case "attributes":
		return attributes{m: &c.Attributes}
	}
	return absent
}

// attributes is a JSON object of the shop's own making: a contact's attributes, an
// event's properties, and what is in them.
type attributes struct {
	object
	m *map[string]any
}

func (v attributes) Interface() any                         { return v }
func (v attributes) IndexValue(i values.Value) values.Value { return v.PropertyValue(i) }
func (v attributes) PropertyValue(i values.Value) values.Value {
	found, ok := (*v.m)[name(i)]
	if !ok {
		return absent
	}
	return values.ValueOf(plain(found))
}
func (v attributes) Contains(i values.Value) bool {
	_, ok := (*v.m)[name(i)]
	return ok
}

// pairs are what a loop over attributes goes through: [name, value], by name.
func (v attributes) pairs() []any {
	names := make([]string, 0, len(*v.m))
	for n := range *v.m {
		names = append(names, n)
	}
	sort.Strings(names)
	out := make([]any, 0, min(len(names), maxList))
	for _, n := range names[:min(len(names), maxList)] {
		out = append(out, newList([]any{n, plain((*v.m)[n])}))
	}
	return out
}

// plain turns a decoded JSON value into what expressions can compare and count
// with.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, int:
		return v
	case string:
		if v == "" {
			return absent
		}
		return v
	case float64:
		// Liquid's ranges and limits want whole numbers to be int.
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
		return v
	case map[string]any:
		return attributes{m: &v}
	case []any:
		items := make([]any, min(len(v), maxList))
		for i := range items {
			items[i] = plain(v[i])
		}
		return newList(items)
	case time.Time:
		return v.Format(time.RFC3339)
	default:
		return fmt.Sprint(v)
	}
}

func orderOf(o *Order) values.Value {
	if o == nil {
		return absent
	}
	return orderValue{o: o}
}

type orderValue struct {
	object
	o *Order
}

func (v orderValue) Interface() any                         { return v }
func (v orderValue) IndexValue(i values.Value) values.Value { return v.PropertyValue(i) }
func (v orderValue) PropertyValue(i values.Value) values.Value {
	switch o := v.o; name(i) {
	case "id":
		return text(o.ID)
	case "placed_at":
		return moment(o.PlacedAt)
	case "status":
		return text(o.Status)
	case "currency":
		return text(o.Currency)
	case "total":
		return values.ValueOf(o.Total)
	case "items":
		items := make([]any, len(o.Items))
		for i := range o.Items {
			items[i] = itemValue{i: &o.Items[i]}
		}
		return newList(items)
	}
	return absent
}

type itemValue struct {
	object
	i *Item
}

func (v itemValue) Interface() any                         { return v }
func (v itemValue) IndexValue(i values.Value) values.Value { return v.PropertyValue(i) }
func (v itemValue) PropertyValue(i values.Value) values.Value {
	switch n := name(i); n {
	case "quantity":
		return values.ValueOf(v.i.Quantity)
	case "unit_price":
		return values.ValueOf(v.i.UnitPrice)
	case "total":
		return values.ValueOf(v.i.Total)
	case "product":
		return productValue{p: &v.i.Product, sku: v.i.SKU}
	case "sku", "name", "category", "url", "image_url", "in_stock":
		return productValue{p: &v.i.Product, sku: v.i.SKU}.PropertyValue(i)
	}
	return absent
}

type productValue struct {
	object
	p   *Product
	sku string // the item's
}

func (v productValue) Interface() any                         { return v }
func (v productValue) IndexValue(i values.Value) values.Value { return v.PropertyValue(i) }
func (v productValue) PropertyValue(i values.Value) values.Value {
	switch p := v.p; name(i) {
	case "sku":
		return text(v.sku)
	case "name":
		// A sku reads better in a mail than a hole.
		if p.Name == "" {
			return text(v.sku)
		}
		return text(p.Name)
	case "category":
		return text(p.Category)
	case "price":
		if p.Price == nil {
			return absent
		}
		return values.ValueOf(*p.Price)
	case "currency":
		return text(p.Currency)
	case "url":
		return text(p.URL)
	case "image_url":
		return text(p.ImageURL)
	case "in_stock":
		return values.ValueOf(p.InStock)
	}
	return absent
}

type eventValue struct {
	object
	e *Event
}

func (v eventValue) Interface() any                         { return v }
func (v eventValue) IndexValue(i values.Value) values.Value { return v.PropertyValue(i) }
func (v eventValue) PropertyValue(i values.Value) values.Value {
	switch e := v.e; name(i) {
	case "name":
		return text(e.Name)
	case "occurred_at":
		return moment(e.OccurredAt)
	case "properties":
		return attributes{m: &e.Properties}
	}
	return absent
}

type campaignValue struct {
	object
	c *Campaign
}

func (v campaignValue) Interface() any                         { return v }
func (v campaignValue) IndexValue(i values.Value) values.Value { return v.PropertyValue(i) }
func (v campaignValue) PropertyValue(i values.Value) values.Value {
	switch c := v.c; name(i) {
	case "id":
		if c.ID == 0 {
			return absent
		}
		return values.ValueOf(int(c.ID))
	case "name":
		return text(c.Name)
	case "topic":
		return text(c.Topic)
	}
	return absent
}

// list is every list a template meets: order items, lists among the attributes,
// and what filters make.
type list struct {
	object
	items *[]any // a pointer, so that two lists can be compared without a panic
}

func newList(items []any) list { return list{items: &items} }

func (l list) Interface() any { return l }

func (l list) PropertyValue(i values.Value) values.Value {
	items := *l.items
	switch name(i) {
	case "size":
		return values.ValueOf(len(items))
	case "first":
		if len(items) > 0 {
			return values.ValueOf(items[0])
		}
	case "last":
		if len(items) > 0 {
			return values.ValueOf(items[len(items)-1])
		}
	}
	return absent
}

func (l list) IndexValue(i values.Value) values.Value {
	n, ok := toInt(i.Interface())
	if !ok {
		return l.PropertyValue(i)
	}
	if n < 0 {
		n += len(*l.items)
	}
	if n < 0 || n >= len(*l.items) {
		return absent
	}
	return values.ValueOf((*l.items)[n])
}

func (l list) Contains(v values.Value) bool {
	for _, item := range *l.items {
		if values.Equal(item, v.Interface()) {
			return true
		}
	}
	return false
}

func (l list) Equal(o values.Value) bool {
	switch v := o.Interface().(type) {
	case nil:
		return len(*l.items) == 0 // == empty
	case list:
		if len(*l.items) != len(*v.items) {
			return false
		}
		for i, item := range *l.items {
			if !values.ValueOf(item).Equal(values.ValueOf((*v.items)[i])) {
				return false
			}
		}
		return true
	}
	return false
}

// String is how a list prints: its items with ", " between.
func (l list) String() string {
	var b strings.Builder
	for i, item := range *l.items {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(toText(item))
		if b.Len() > maxText {
			break
		}
	}
	return b.String()
}

// captured is what {% capture %} made in HTML. It has been escaped already, so it
// is not escaped again where it is printed as it is; a filter gets its plain text.
type captured struct {
	object
	html *string
}

func (c captured) Interface() any { return values.SafeValue{Value: *c.html} }
func (c captured) Equal(o values.Value) bool {
	return toText(c.Interface()) == toText(o.Interface())
}
func (c captured) Contains(o values.Value) bool {
	return strings.Contains(toText(c.Interface()), toText(o.Interface()))
}

// forloop is the state of the loop around.
type forloop struct {
	object
	s *loopState
}

type loopState struct {
	index, length int
	cycles        map[string]int
}

func (f forloop) Interface() any { return f }
func (f forloop) PropertyValue(i values.Value) values.Value {
	switch s := f.s; name(i) {
	case "first":
		return values.ValueOf(s.index == 0)
	case "last":
		return values.ValueOf(s.index == s.length-1)
	case "index":
		return values.ValueOf(s.index + 1)
	case "index0":
		return values.ValueOf(s.index)
	case "rindex":
		return values.ValueOf(s.length - s.index)
	case "rindex0":
		return values.ValueOf(s.length - s.index - 1)
	case "length":
		return values.ValueOf(s.length)
	}
	return absent
}
