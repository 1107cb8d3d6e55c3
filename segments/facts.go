package segments

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/catalog"
	"posthorn/postgres"
)

// Facts are what rules may ask about one contact. Texts without a value are "".
type Facts struct {
	ExternalID, Email, FirstName, LastName, Phone, Country, Language, Timezone string

	CreatedAt  time.Time
	Attributes map[string]any    // as decoded from JSON; numbers best as json.Number, which is exact
	Consents   map[string]string // state by topic
	Orders     []OrderFact       // in any sequence, whatever their status
	Events     []EventFact       // in any sequence

	Trigger *TriggerFact // for rules of a journey; LoadFacts does not know it
}

// TriggerFact is what triggered a journey of the contact. A rule that asks about
// an order or event that is not there finds no value.
type TriggerFact struct {
	At    time.Time  // "from": "trigger" sees what is later
	Order *OrderFact // what triggered it in OrderScope; may be one of Facts.Orders
	Event *EventFact // what triggered it in EventScope, with its properties
}

// OrderFact is one order.
type OrderFact struct {
	ID         int64  // tells the triggering order from the others; not used otherwise
	ExternalID string // the shop's id; no rule asks about it
	PlacedAt   time.Time
	Status     string
	Currency   string
	Total      catalog.Amount
	Items      []ItemFact
}

// ItemFact is one line of an order.
type ItemFact struct {
	SKU      string
	Category string // of the product; "" where the product is not known
	Quantity int
}

// EventFact is one event.
type EventFact struct {
	Name       string
	OccurredAt time.Time

	// Properties are as Attributes are. Only those of a triggering event are asked
	// about, so LoadFacts does not read them.
	Properties map[string]any
}

// LoadFacts reads the facts of up to some thousand contacts in five statements,
// each of which sees what was committed when it began; db may be a transaction
// for one view of all. Contacts that do not exist are not in the result.
func LoadFacts(ctx context.Context, db postgres.DB, contactIDs []int64) (map[int64]Facts, error) {
	facts := make(map[int64]*Facts, len(contactIDs))
	for _, load := range []func(context.Context, postgres.DB, []int64, map[int64]*Facts) error{
		loadContacts, loadConsents, loadOrders, loadEvents,
	} {
		if err := load(ctx, db, contactIDs, facts); err != nil {
			return nil, fmt.Errorf("load facts of contacts: %w", err)
		}
	}
	out := make(map[int64]Facts, len(facts))
	for id, f := range facts {
		out[id] = *f
	}
	return out, nil
}

func loadContacts(ctx context.Context, db postgres.DB, ids []int64, facts map[int64]*Facts) error {
	rows, err := db.Query(ctx, `
		SELECT id, external_id, email, first_name, last_name, phone, country, language, timezone, created_at, attributes
		FROM contacts
		WHERE id = ANY ($1)`, ids)
	if err != nil {
		return err
	}
	var (
		id         int64
		f          Facts
		attributes []byte
	)
	_, err = pgx.ForEachRow(rows, []any{
		&id, &f.ExternalID, &f.Email, &f.FirstName, &f.LastName, &f.Phone, &f.Country, &f.Language, &f.Timezone, &f.CreatedAt, &attributes,
	}, func() error {
		one := f
		dec := json.NewDecoder(bytes.NewReader(attributes))
		dec.UseNumber()
		if err := dec.Decode(&one.Attributes); err != nil {
			return fmt.Errorf("attributes of contact %d: %w", id, err)
		}
		one.Consents = make(map[string]string)
		facts[id] = &one
		return nil
	})
	return err
}

func loadConsents(ctx context.Context, db postgres.DB, ids []int64, facts map[int64]*Facts) error {
	rows, err := db.Query(ctx, `SELECT contact_id, topic, state FROM consents WHERE contact_id = ANY ($1)`, ids)
	if err != nil {
		return err
	}
	var (
		id           int64
		topic, state string
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &topic, &state}, func() error {
		if f := facts[id]; f != nil { // a contact that came in between two statements has none
			f.Consents[topic] = state
		}
		return nil
	})
	return err
}

func loadOrders(ctx context.Context, db postgres.DB, ids []int64, facts map[int64]*Facts) error {
	items := make(map[int64][]ItemFact)
	rows, err := db.Query(ctx, `
		SELECT i.order_id, i.sku, COALESCE(p.category, ''), i.quantity
		FROM orders AS o
		JOIN order_items AS i ON i.order_id = o.id
		LEFT JOIN products AS p ON p.sku = i.sku
		WHERE o.contact_id = ANY ($1)`, ids)
	if err != nil {
		return err
	}
	var (
		orderID, id int64
		item        ItemFact
		order       OrderFact
	)
	_, err = pgx.ForEachRow(rows, []any{&orderID, &item.SKU, &item.Category, &item.Quantity}, func() error {
		items[orderID] = append(items[orderID], item)
		return nil
	})
	if err != nil {
		return err
	}
	rows, err = db.Query(ctx, `SELECT id, external_id, contact_id, placed_at, status, currency, total FROM orders WHERE contact_id = ANY ($1)`, ids)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&order.ID, &order.ExternalID, &id, &order.PlacedAt, &order.Status, &order.Currency, &order.Total}, func() error {
		if f := facts[id]; f != nil {
			one := order
			one.Items = items[order.ID]
			f.Orders = append(f.Orders, one)
		}
		return nil
	})
	return err
}

func loadEvents(ctx context.Context, db postgres.DB, ids []int64, facts map[int64]*Facts) error {
	rows, err := db.Query(ctx, `SELECT contact_id, name, occurred_at FROM events WHERE contact_id = ANY ($1)`, ids)
	if err != nil {
		return err
	}
	var (
		id    int64
		event EventFact
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &event.Name, &event.OccurredAt}, func() error {
		if f := facts[id]; f != nil {
			f.Events = append(f.Events, event)
		}
		return nil
	})
	return err
}
