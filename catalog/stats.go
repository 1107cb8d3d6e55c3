package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Stats is what a contact has ordered. Orders that are cancelled or refunded are as if
// they had never been, as they are for segments.
type Stats struct {
	Orders    int64      `json:"orders"`    // placed or paid
	Undone    int64      `json:"undone"`    // cancelled or refunded
	FirstAt   *time.Time `json:"first_at"`  // when the first of Orders was placed
	LastAt    *time.Time `json:"last_at"`   // and the last
	Spent     []Spent    `json:"spent"`     // the sum of their totals, the largest currency first
	Favourite []Bought   `json:"favourite"` // the products of most pieces, at most 5
}

// Spent is the sum of the totals in one currency.
type Spent struct {
	Currency string `json:"currency" db:"currency"` // '' where the shop did not say
	Orders   int64  `json:"orders" db:"orders"`
	Total    Amount `json:"total" db:"total"`
}

// Bought is how many pieces of a product somebody bought.
type Bought struct {
	SKU      string `json:"sku" db:"sku"`
	Name     string `json:"name" db:"name"` // '' where the product is not known
	Quantity int64  `json:"quantity" db:"quantity"`
}

// StatsOf adds up what a contact has ordered.
func StatsOf(ctx context.Context, db postgres.DB, contactID int64) (Stats, error) {
	s := Stats{Spent: []Spent{}, Favourite: []Bought{}}
	err := db.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE status IN ('placed', 'paid')), count(*) FILTER (WHERE status NOT IN ('placed', 'paid')),
		       min(placed_at) FILTER (WHERE status IN ('placed', 'paid')), max(placed_at) FILTER (WHERE status IN ('placed', 'paid'))
		FROM orders
		WHERE contact_id = $1`, contactID).Scan(&s.Orders, &s.Undone, &s.FirstAt, &s.LastAt)
	if err != nil {
		return s, fmt.Errorf("add up orders: %w", err)
	}
	if s.Orders == 0 {
		return s, nil
	}
	rows, err := db.Query(ctx, `
		SELECT currency, count(*) AS orders, LEAST(GREATEST(sum(total), -99999999999999.9999), 99999999999999.9999) AS total -- what an Amount holds
		FROM orders
		WHERE contact_id = $1 AND status IN ('placed', 'paid')
		GROUP BY currency
		ORDER BY orders DESC, currency
		LIMIT 20`, contactID)
	if err == nil {
		s.Spent, err = pgx.CollectRows(rows, pgx.RowToStructByName[Spent])
	}
	if err != nil {
		return s, fmt.Errorf("add up orders: %w", err)
	}
	rows, err = db.Query(ctx, `
		SELECT i.sku, COALESCE(max(p.name), '') AS name, sum(i.quantity) AS quantity
		FROM orders AS o
		JOIN order_items AS i ON i.order_id = o.id
		LEFT JOIN products AS p ON p.sku = i.sku
		WHERE o.contact_id = $1 AND o.status IN ('placed', 'paid') AND i.quantity > 0
		GROUP BY i.sku
		ORDER BY quantity DESC, i.sku
		LIMIT 5`, contactID)
	if err == nil {
		s.Favourite, err = pgx.CollectRows(rows, pgx.RowToStructByName[Bought])
	}
	if err != nil {
		return s, fmt.Errorf("add up what was bought: %w", err)
	}
	return s, nil
}
