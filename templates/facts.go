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

// Facts is what a template can say about one contact.
type Facts struct {
	Contact   Contact
	LastOrder *Order // the newest that is placed or paid; nil where there is none
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

// Campaign is what a mail is part of.
type Campaign struct {
	ID    int64
	Name  string
	Topic string
}

// maxItems bounds what one order brings into memory and into a mail: LoadFacts is
// called for a thousand contacts at once.
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
		// Most contacts have none, and then there is nothing to decode.
		if len(attributes) > len("{}") {
			if err := json.Unmarshal(attributes, &f.Contact.Attributes); err != nil {
				return fmt.Errorf("attributes of contact %d: %w", c.ID, err)
			}
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

// SampleFacts is a made-up contact with an order, for previews and test mails.
func SampleFacts() Facts {
	product := func(sku, name, category string, price float64) Product {
		return Product{
			SKU: sku, Name: name, Category: category, Price: &price, Currency: "EUR", InStock: true,
			URL: "https://shop.example/p/" + sku, ImageURL: "https://shop.example/images/" + sku + ".jpg",
		}
	}
	return Facts{
		Contact: Contact{
			ID: 1, ExternalID: "C-1001", Email: "maria.lindqvist@example.com", FirstName: "Maria", LastName: "Lindqvist",
			Country: "Sweden", Language: "en", Phone: "+46 8 123 456 78", Timezone: "Europe/Stockholm",
			Attributes: map[string]any{"loyalty": "gold", "points": 120.0},
		},
		LastOrder: &Order{
			ID: "O-20481", PlacedAt: time.Date(2026, time.March, 14, 9, 26, 0, 0, time.UTC),
			Status: "paid", Currency: "EUR", Total: 39.70,
			Items: []Item{
				{SKU: "COF-ETH-250", Quantity: 2, UnitPrice: 12.90, Total: 25.80, Product: product("COF-ETH-250", "Ethiopia Yirgacheffe, 250 g", "coffee", 12.90)},
				{SKU: "COF-KEN-250", Quantity: 1, UnitPrice: 13.90, Total: 13.90, Product: product("COF-KEN-250", "Kenya AA, 250 g", "coffee", 13.90)},
			},
		},
	}
}
