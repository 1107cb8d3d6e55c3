package templates

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Facts is what a template can say about one contact, and about what triggered the
// mail. In a mail of a campaign nothing did.
type Facts struct {
	Contact   Contact
	LastOrder *Order // the newest that is placed or paid; nil where there is none
	Order     *Order // that triggered the mail, whatever its status; nil where none did
	Event     *Event // that triggered the mail; nil where none did
}

// Contact is a person. Fields that are not known are empty.
type Contact struct {
	ID         int64
	ExternalID string
	Email      string
	FirstName  string
	LastName   string
	Country    string
	Language   string
	Phone      string
	Timezone   string
	Attributes map[string]any // as decoded from JSON
}

// Order is what a contact chose.
type Order struct {
	ID       string // the shop's
	PlacedAt time.Time
	Status   string
	Currency string
	Total    float64
	Items    []Item // in the order's own sequence, without goods returned; at most maxItems
}

// Item is one line of an order.
type Item struct {
	SKU       string
	Quantity  int
	UnitPrice float64
	Total     float64 // Quantity * UnitPrice
	Product   Product // zero where the shop has not told us about the sku
}

// Product is what the shop sells. URL and ImageURL are http or https, or empty.
type Product struct {
	SKU      string
	Name     string
	Category string
	Price    *float64
	Currency string
	URL      string
	ImageURL string
	InStock  bool
}

// Event is what a contact did.
type Event struct {
	Name       string
	OccurredAt time.Time
	Properties map[string]any // as decoded from JSON
}

// Campaign is what a mail is part of: a campaign, or a step of a journey.
type Campaign struct {
	ID    int64  // 0: a journey, which is no campaign
	Name  string // the journey's for a step
	Topic string
}

// maxItems bounds what one order brings into memory and into a mail: LoadFacts and
// LoadTriggers are called for a thousand at once.
const maxItems = 200

// LoadFacts reads the facts of a batch of contacts (up to about 1,000) in two
// statements. A contact that is not there is not in the result.
func LoadFacts(ctx context.Context, db postgres.DB, contactIDs []int64) (map[int64]Facts, error) {
	if len(contactIDs) == 0 {
		return map[int64]Facts{}, nil
	}
	facts, orders, err := loadContacts(ctx, db, contactIDs)
	if err != nil {
		return nil, fmt.Errorf("load facts: %w", err)
	}
	if err := loadItems(ctx, db, orders); err != nil {
		return nil, fmt.Errorf("load facts: items: %w", err)
	}
	return facts, nil
}

// LoadTriggers reads the orders and events, by row id, that triggered a batch of mails
// (up to about 1,000), in at most three statements. One that is not there, since it was
// deleted, is not in the result.
func LoadTriggers(ctx context.Context, db postgres.DB, orderIDs, eventIDs []int64) (orders map[int64]*Order, events map[int64]*Event, err error) {
	if orders, err = loadOrders(ctx, db, orderIDs); err != nil {
		return nil, nil, fmt.Errorf("load triggers: orders: %w", err)
	}
	if err = loadItems(ctx, db, orders); err != nil {
		return nil, nil, fmt.Errorf("load triggers: items: %w", err)
	}
	if events, err = loadEvents(ctx, db, eventIDs); err != nil {
		return nil, nil, fmt.Errorf("load triggers: events: %w", err)
	}
	return orders, events, nil
}

// loadContacts returns the facts without items, and the orders among them by row id.
func loadContacts(ctx context.Context, db postgres.DB, contactIDs []int64) (map[int64]Facts, map[int64]*Order, error) {
	// LATERAL with LIMIT 1 reads one entry of orders_contact per contact, however
	// many orders the contact has.
	rows, err := db.Query(ctx, `
		SELECT c.id, c.external_id, c.email, c.first_name, c.last_name, c.country, c.language, c.phone, c.timezone,
		       c.attributes,
		       o.id, o.external_id, o.placed_at, o.status, o.currency, o.total::float8
		FROM contacts c
		LEFT JOIN LATERAL (
			SELECT id, external_id, placed_at, status, currency, total
			FROM orders
			WHERE contact_id = c.id AND status IN ('placed', 'paid')
			ORDER BY placed_at DESC, id DESC
			LIMIT 1
		) o ON true
		WHERE c.id = ANY($1)`, contactIDs)
	if err != nil {
		return nil, nil, err
	}
	facts := make(map[int64]Facts, len(contactIDs))
	orders := make(map[int64]*Order, len(contactIDs))
	var (
		c                        Contact
		attributes               []byte
		orderID                  *int64
		external, status, curren *string
		placedAt                 *time.Time
		total                    *float64
	)
	_, err = pgx.ForEachRow(rows, []any{
		&c.ID, &c.ExternalID, &c.Email, &c.FirstName, &c.LastName, &c.Country, &c.Language, &c.Phone, &c.Timezone,
		&attributes,
		&orderID, &external, &placedAt, &status, &curren, &total,
	}, func() error {
		f := Facts{Contact: c}
		if err := decode(attributes, &f.Contact.Attributes); err != nil {
			return fmt.Errorf("attributes of contact %d: %w", c.ID, err)
		}
		if orderID != nil {
			f.LastOrder = &Order{ID: *external, PlacedAt: placedAt.UTC(), Status: *status, Currency: *curren, Total: *total}
			orders[*orderID] = f.LastOrder
		}
		facts[c.ID] = f
		return nil
	})
	return facts, orders, err
}

// loadOrders reads orders without items.
func loadOrders(ctx context.Context, db postgres.DB, ids []int64) (map[int64]*Order, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := db.Query(ctx, `
		SELECT id, external_id, placed_at, status, currency, total::float8
		FROM orders
		WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	orders := make(map[int64]*Order, len(ids))
	var (
		id int64
		o  Order
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &o.ID, &o.PlacedAt, &o.Status, &o.Currency, &o.Total}, func() error {
		order := o
		order.PlacedAt = o.PlacedAt.UTC()
		orders[id] = &order
		return nil
	})
	return orders, err
}

func loadEvents(ctx context.Context, db postgres.DB, ids []int64) (map[int64]*Event, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := db.Query(ctx, `
		SELECT id, name, occurred_at, properties
		FROM events
		WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	events := make(map[int64]*Event, len(ids))
	var (
		id         int64
		e          Event
		properties []byte
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &e.Name, &e.OccurredAt, &properties}, func() error {
		event := &Event{Name: e.Name, OccurredAt: e.OccurredAt.UTC()}
		if err := decode(properties, &event.Properties); err != nil {
			return fmt.Errorf("properties of event %d: %w", id, err)
		}
		events[id] = event
		return nil
	})
	return events, err
}

// decode reads a JSON object. Most are empty, and then there is nothing to decode.
func decode(object []byte, into *map[string]any) error {
	if len(object) <= len("{}") {
		return nil
	}
	return json.Unmarshal(object, into)
}

// loadItems fills in the items of orders, which are given by row id.
func loadItems(ctx context.Context, db postgres.DB, orders map[int64]*Order) error {
	if len(orders) == 0 {
		return nil
	}
	ids := make([]int64, 0, len(orders))
	for id := range orders {
		ids = append(ids, id)
	}
	rows, err := db.Query(ctx, `
		SELECT i.order_id, i.sku, i.quantity, i.unit_price::float8, (i.quantity * i.unit_price)::float8,
		       coalesce(p.sku, ''), coalesce(p.name, ''), coalesce(p.category, ''), p.price::float8,
		       coalesce(p.currency, ''), coalesce(p.url, ''), coalesce(p.image_url, ''), coalesce(p.in_stock, false)
		FROM order_items i
		LEFT JOIN products p ON p.sku = i.sku
		WHERE i.order_id = ANY($1) AND i.quantity > 0
		ORDER BY i.order_id, i.line`, ids)
	if err != nil {
		return err
	}
	var (
		orderID int64
		item    Item
	)
	p := &item.Product
	_, err = pgx.ForEachRow(rows, []any{
		&orderID, &item.SKU, &item.Quantity, &item.UnitPrice, &item.Total,
		&p.SKU, &p.Name, &p.Category, &p.Price, &p.Currency, &p.URL, &p.ImageURL, &p.InStock,
	}, func() error {
		order := orders[orderID]
		if len(order.Items) >= maxItems {
			return nil
		}
		p.URL, p.ImageURL = webAddress(p.URL), webAddress(p.ImageURL)
		order.Items = append(order.Items, item)
		return nil
	})
	return err
}

// webAddress returns s where it is an absolute http or https URL, else "": the
// shop's data must not be able to put a javascript: link into a mail.
func webAddress(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return s
}

// SampleFacts is a made-up contact with an order and an event, for previews and test
// mails.
func SampleFacts() Facts {
	product := func(sku, name, category string, price float64) Product {
		return Product{
			SKU: sku, Name: name, Category: category, Price: &price, Currency: "EUR", InStock: true,
			URL: "https://shop.example/p/" + sku, ImageURL: "https://shop.example/images/" + sku + ".jpg",
		}
	}
	order := &Order{
		ID: "O-20481", PlacedAt: time.Date(2026, time.March, 14, 9, 26, 0, 0, time.UTC),
		Status: "paid", Currency: "EUR", Total: 39.70,
		Items: []Item{
			{SKU: "COF-ETH-250", Quantity: 2, UnitPrice: 12.90, Total: 25.80, Product: product("COF-ETH-250", "Ethiopia Yirgacheffe, 250 g", "coffee", 12.90)},
			{SKU: "COF-KEN-250", Quantity: 1, UnitPrice: 13.90, Total: 13.90, Product: product("COF-KEN-250", "Kenya AA, 250 g", "coffee", 13.90)},
		},
	}
	return Facts{
		Contact: Contact{
			ID: 1, ExternalID: "C-1001", Email: "maria.lindqvist@example.com", FirstName: "Maria", LastName: "Lindqvist",
			Country: "Sweden", Language: "en", Phone: "+46 8 123 456 78", Timezone: "Europe/Stockholm",
			Attributes: map[string]any{"loyalty": "gold", "points": 120.0},
		},
		LastOrder: order,
		Order:     order,
		Event: &Event{
			Name: "cart_abandoned", OccurredAt: time.Date(2026, time.March, 16, 17, 5, 0, 0, time.UTC),
			Properties: map[string]any{
				"cart_url": "https://shop.example/cart/7f3a", "total": 49.0, "currency": "EUR",
				"items": []any{map[string]any{"name": "Hand grinder", "url": "https://shop.example/p/GRI-HAND", "quantity": 1.0}},
			},
		},
	}
}
