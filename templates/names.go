package templates

// shape is what is known about a value when a template is checked.
type shape struct {
	kind   kind
	fields map[string]*shape // of kindObject
	item   *shape            // of kindList
}

type kind int

const (
	kindAny    kind = iota // not known: attributes, results of filters
	kindValue              // a text, a number, a time, true or false
	kindObject             // has fields
	kindList               // can be looped over
)

var (
	anything = &shape{}
	value    = &shape{kind: kindValue}
)

func listOf(item *shape) *shape { return &shape{kind: kindList, item: item} }

var (
	productShape = &shape{kind: kindObject, fields: map[string]*shape{
		"sku": value, "name": value, "category": value, "price": value, "currency": value,
		"url": value, "image_url": value, "in_stock": value,
	}}
	itemShape = &shape{kind: kindObject, fields: map[string]*shape{
		"sku": value, "name": value, "category": value, "url": value, "image_url": value, "in_stock": value,
		"quantity": value, "unit_price": value, "total": value, "product": productShape,
	}}
	orderShape = &shape{kind: kindObject, fields: map[string]*shape{
		"id": value, "placed_at": value, "status": value, "currency": value, "total": value, "items": listOf(itemShape),
	}}
	forloopShape = &shape{kind: kindObject, fields: map[string]*shape{
		"first": value, "last": value, "index": value, "index0": value, "rindex": value, "rindex0": value, "length": value,
	}}
)

// names are all names that a template can use without defining them. They are a
// promise to whoever writes templates: docs/templates.md lists each of them.
var names = map[string]*shape{
	"contact": {kind: kindObject, fields: map[string]*shape{
		"external_id": value, "email": value, "first_name": value, "last_name": value, "name": value,
		"country": value, "language": value, "phone": value, "timezone": value, "attributes": anything,
	}},
	"last_order": orderShape,
	"order":      orderShape,
	"event": {kind: kindObject, fields: map[string]*shape{
		"name": value, "occurred_at": value, "properties": anything,
	}},
	"campaign": {kind: kindObject, fields: map[string]*shape{
		"id": value, "name": value, "topic": value,
	}},
	"unsubscribe_url": value,
	"blank":           value,
	"empty":           value,
}
