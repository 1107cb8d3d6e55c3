package templates

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Variable is a name that a template can use. This list is where they are described:
// the check knows these names and no others, an editor offers them, and
// docs/templates.md is written from it.
type Variable struct {
	Name        string       `json:"name"`
	Type        Type         `json:"type"`
	Group       string       `json:"group"` // contact, last_order, item, order, event, mail, forloop
	Available   Availability `json:"available"`
	Example     string       `json:"example"` // as it prints for the made-up contact
	Description string       `json:"description"`
	Insert      string       `json:"insert"` // what to write to show it

	sample string // what stands for NAME in the example
}

// Type is what kind of value a name has.
type Type string

const (
	TypeText    Type = "text"
	TypeNumber  Type = "number"
	TypeTime    Type = "time"
	TypeBoolean Type = "boolean"
	TypeLink    Type = "link"
	TypeList    Type = "list"   // for {% for %}
	TypeObject  Type = "object" // has fields of its own
	TypeAny     Type = "any"    // whatever the shop sent
)

// Types lists all.
var Types = []Type{TypeText, TypeNumber, TypeTime, TypeBoolean, TypeLink, TypeList, TypeObject, TypeAny}

// Availability is where a name has a value. Elsewhere it prints nothing.
type Availability string

const (
	Always       Availability = "always"
	WhereKnown   Availability = "where_known"   // the shop may not have told us
	WithOrder    Availability = "with_order"    // the contact has an order that is placed or paid
	OrderJourney Availability = "order_journey" // in a journey that an order triggers
	EventJourney Availability = "event_journey" // in a journey that an event triggers
	InCampaign   Availability = "campaign"      // not in a journey
	InItems      Availability = "items"         // in {% for item in last_order.items %} or order.items
	InLoop       Availability = "loop"          // in any {% for %}
)

// Availabilities lists all.
var Availabilities = []Availability{Always, WhereKnown, WithOrder, OrderJourney, EventJourney, InCampaign, InItems, InLoop}

var variables = []Variable{
	{Name: "contact.external_id", Type: TypeText, Group: "contact", Available: Always, Description: "The shop's id of the contact"},
	{Name: "contact.email", Type: TypeText, Group: "contact", Available: Always, Description: "The address that the mail goes to"},
	{Name: "contact.first_name", Type: TypeText, Group: "contact", Available: WhereKnown, Description: "First name"},
	{Name: "contact.last_name", Type: TypeText, Group: "contact", Available: WhereKnown, Description: "Last name"},
	{Name: "contact.name", Type: TypeText, Group: "contact", Available: WhereKnown, Description: "First and last name, as far as they are known"},
	{Name: "contact.country", Type: TypeText, Group: "contact", Available: WhereKnown, Description: "Country, as the shop writes it"},
	{Name: "contact.language", Type: TypeText, Group: "contact", Available: WhereKnown, Description: "Language, such as `sv`; the filter `money` understands it"},
	{Name: "contact.phone", Type: TypeText, Group: "contact", Available: WhereKnown, Description: "Telephone number, as the shop writes it"},
	{Name: "contact.timezone", Type: TypeText, Group: "contact", Available: WhereKnown, Description: "Time zone; the filter `date` understands it"},
	{Name: "contact.attributes.NAME", Type: TypeAny, Group: "contact", Available: WhereKnown, sample: "loyalty",
		Description: "Whatever else the shop keeps, of any name: `contact.attributes.address.city`, `contact.attributes[\"shoe size\"]`. A list prints with \", \" between its items"},

	{Name: "last_order.id", Type: TypeText, Group: "last_order", Available: WithOrder, Description: "The shop's order id"},
	{Name: "last_order.placed_at", Type: TypeTime, Group: "last_order", Available: WithOrder, Description: "When it was placed, in UTC"},
	{Name: "last_order.status", Type: TypeText, Group: "last_order", Available: WithOrder, Description: "`placed` or `paid`"},
	{Name: "last_order.currency", Type: TypeText, Group: "last_order", Available: WithOrder, Description: "Currency, three letters"},
	{Name: "last_order.total", Type: TypeNumber, Group: "last_order", Available: WithOrder, Description: "What it cost in all"},
	{Name: "last_order.items", Type: TypeList, Group: "last_order", Available: WithOrder,
		Description: "What was bought, in the order's own sequence, without goods returned; the first 200. `last_order.items.size`, `.first`, `.last` and `[0]` work"},

	{Name: "item.sku", Type: TypeText, Group: "item", Available: InItems, Description: "The product's id in the shop"},
	{Name: "item.name", Type: TypeText, Group: "item", Available: InItems, Description: "The product's name, or the sku where the product is not known"},
	{Name: "item.quantity", Type: TypeNumber, Group: "item", Available: InItems, Description: "How many pieces"},
	{Name: "item.unit_price", Type: TypeNumber, Group: "item", Available: InItems, Description: "What the contact paid for one piece"},
	{Name: "item.total", Type: TypeNumber, Group: "item", Available: InItems, Description: "Quantity times unit price"},
	{Name: "item.category", Type: TypeText, Group: "item", Available: InItems, Description: "The product's category"},
	{Name: "item.url", Type: TypeLink, Group: "item", Available: InItems, Description: "The product's page; `http` or `https`, or absent"},
	{Name: "item.image_url", Type: TypeLink, Group: "item", Available: InItems, Description: "The product's picture; `http` or `https`, or absent"},
	{Name: "item.in_stock", Type: TypeBoolean, Group: "item", Available: InItems, Description: "Whether the product can be bought now"},
	{Name: "item.product", Type: TypeObject, Group: "item", Available: InItems, Description: "The same product whole"},
	{Name: "item.product.sku", Type: TypeText, Group: "item", Available: InItems, Description: "The product's id in the shop; absent where the product is not known"},
	{Name: "item.product.name", Type: TypeText, Group: "item", Available: InItems, Description: "As `item.name`"},
	{Name: "item.product.category", Type: TypeText, Group: "item", Available: InItems, Description: "As `item.category`"},
	{Name: "item.product.price", Type: TypeNumber, Group: "item", Available: InItems, Description: "What the product costs now"},
	{Name: "item.product.currency", Type: TypeText, Group: "item", Available: InItems, Description: "The currency of that price"},
	{Name: "item.product.url", Type: TypeLink, Group: "item", Available: InItems, Description: "As `item.url`"},
	{Name: "item.product.image_url", Type: TypeLink, Group: "item", Available: InItems, Description: "As `item.image_url`"},
	{Name: "item.product.in_stock", Type: TypeBoolean, Group: "item", Available: InItems, Description: "As `item.in_stock`"},

	{Name: "order.id", Type: TypeText, Group: "order", Available: OrderJourney, Description: "The shop's order id"},
	{Name: "order.placed_at", Type: TypeTime, Group: "order", Available: OrderJourney, Description: "When it was placed, in UTC"},
	{Name: "order.status", Type: TypeText, Group: "order", Available: OrderJourney, Description: "`placed`, `paid`, `cancelled` or `refunded`, as it is when the mail is sent"},
	{Name: "order.currency", Type: TypeText, Group: "order", Available: OrderJourney, Description: "Currency, three letters"},
	{Name: "order.total", Type: TypeNumber, Group: "order", Available: OrderJourney, Description: "What it cost in all"},
	{Name: "order.items", Type: TypeList, Group: "order", Available: OrderJourney, Description: "What was bought, as `last_order.items`"},

	{Name: "event.name", Type: TypeText, Group: "event", Available: EventJourney, Description: "The event's name"},
	{Name: "event.occurred_at", Type: TypeTime, Group: "event", Available: EventJourney, Description: "When it happened, in UTC"},
	{Name: "event.properties.NAME", Type: TypeAny, Group: "event", Available: EventJourney, sample: "cart_url",
		Description: "Whatever came with the event, of any name, as with `contact.attributes`"},

	{Name: "unsubscribe_url", Type: TypeLink, Group: "mail", Available: Always, Description: "The link to unsubscribe, of this contact and mail. Every mail needs it"},
	{Name: "campaign.name", Type: TypeText, Group: "mail", Available: Always, Description: "The campaign that sends the mail; in a journey the journey's name"},
	{Name: "campaign.topic", Type: TypeText, Group: "mail", Available: Always, Description: "The topic that the mail belongs to"},
	{Name: "campaign.id", Type: TypeNumber, Group: "mail", Available: InCampaign, Description: "The campaign's number; absent in a journey"},
	{Name: "blank", Type: TypeAny, Group: "mail", Available: Always, Description: "To compare with what has no value: `{% if contact.phone == blank %}`"},
	{Name: "empty", Type: TypeAny, Group: "mail", Available: Always, Description: "The same for a text or a list with nothing in it"},

	{Name: "forloop.index", Type: TypeNumber, Group: "forloop", Available: InLoop, Description: "Which turn of the loop this is, from 1"},
	{Name: "forloop.index0", Type: TypeNumber, Group: "forloop", Available: InLoop, Description: "The same from 0"},
	{Name: "forloop.rindex", Type: TypeNumber, Group: "forloop", Available: InLoop, Description: "How many turns are left, this one among them"},
	{Name: "forloop.rindex0", Type: TypeNumber, Group: "forloop", Available: InLoop, Description: "How many turns come after this one"},
	{Name: "forloop.first", Type: TypeBoolean, Group: "forloop", Available: InLoop, Description: "Whether this is the first turn"},
	{Name: "forloop.last", Type: TypeBoolean, Group: "forloop", Available: InLoop, Description: "Whether this is the last turn"},
	{Name: "forloop.length", Type: TypeNumber, Group: "forloop", Available: InLoop, Description: "How many turns there are in all"},
}

// Variables are all names, with examples from the made-up contact.
var Variables = sync.OnceValue(func() []Variable {
	out := make([]Variable, len(variables))
	for i, v := range variables {
		path := v.Name
		if v.sample != "" {
			path = strings.Replace(path, "NAME", v.sample, 1)
		}
		v.Insert = v.snippet()
		switch v.Type {
		case TypeObject:
		case TypeList:
			v.Example = exampleOf(`{{ ` + path + ` | map: "name" | join: "; " }}`)
		default:
			v.Example = exampleOf(inContext(v.Group, `{{ `+path+` }}`))
		}
		out[i] = v
	}
	return out
})

// snippet is what an editor puts into the template.
func (v Variable) snippet() string {
	switch {
	case v.Name == "unsubscribe_url":
		return `<a href="{{ unsubscribe_url }}">Unsubscribe</a>`
	case v.Type == TypeList:
		return "{% for item in " + v.Name + " %}\n{{ item.name }}\n{% endfor %}"
	case v.Name == "blank" || v.Name == "empty":
		return "{% if contact.phone == " + v.Name + " %}{% endif %}"
	case v.Type == TypeTime:
		return "{{ " + v.Name + ` | date: "%-d %B %Y" }}`
	case v.Type == TypeBoolean:
		return "{% if " + v.Name + " %}{% endif %}"
	case v.Group == "order" && v.Type == TypeNumber:
		return "{{ " + v.Name + " | money: order.currency, contact.language }}"
	case v.Name == "item.product.price":
		return "{{ item.product.price | money: item.product.currency, contact.language }}"
	case (v.Group == "last_order" || v.Group == "item") && v.Type == TypeNumber && v.Name != "item.quantity":
		return "{{ " + v.Name + " | money: last_order.currency, contact.language }}"
	case v.Name == "contact.first_name":
		return `{{ contact.first_name | default: "friend" }}`
	}
	return "{{ " + v.Name + " }}"
}

// inContext puts a piece of Liquid where its names mean something.
func inContext(group, piece string) string {
	if group == "item" || group == "forloop" {
		return "{% for item in last_order.items limit: 1 %}" + piece + "{% endfor %}"
	}
	return piece
}

// exampleOf renders a piece of Liquid for the made-up contact.
func exampleOf(piece string) string {
	r, err := NewRenderer(Version{CompiledText: piece})
	if err != nil {
		panic(fmt.Sprintf("templates: the example %s: %v", piece, err)) // a mistake in this package, seen by every test
	}
	m, err := r.Render(context.Background(), madeUp())
	if err != nil {
		panic(fmt.Sprintf("templates: the example %s: %v", piece, err))
	}
	return strings.TrimSpace(m.Text)
}

// madeUp is what a mail to the made-up contact is rendered with.
func madeUp() Data {
	return Data{Facts: SampleFacts(), Campaign: Campaign{ID: 1, Name: "Sample", Topic: "news"}, UnsubscribeURL: sampleUnsubscribe}
}
