package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Sales is how often a product was bought: orders that are placed or paid and hold it
// with a quantity above 0.
type Sales struct {
	SKU      string     `json:"sku"`
	Orders   int64      `json:"orders"`
	Contacts int64      `json:"contacts"` // who placed them
	Pieces   int64      `json:"pieces"`
	FirstAt  *time.Time `json:"first_at"` // null: never bought
	LastAt   *time.Time `json:"last_at"`
	Months   []Month    `json:"months"`   // the last twelve, this one last
	AtLeast  bool       `json:"at_least"` // only the first 100,000 lines of orders were looked at: there is more
}

// Month is how many orders held a product in a month of UTC.
type Month struct {
	Month  string `json:"month"` // 2026-03
	Orders int64  `json:"orders"`
}

// maxLines bounds what a look at one product costs: about a third of a second.
const maxLines = 100_000

// SalesOf counts how often a product was bought, or returns fault.NotFound. A sku that
// orders hold and the shop never described is found, too.
func SalesOf(ctx context.Context, db postgres.DB, now time.Time, sku string) (Sales, error) {
	s := Sales{SKU: sku, Months: make([]Month, 0, 12)}
	if !storable(sku) {
		return s, fault.NotFoundf("product", sku)
	}
	var known bool
	// The index on order_items finds the lines; what is read twice is kept.
	const lines = `WITH lines AS MATERIALIZED (
		SELECT order_id, quantity FROM order_items WHERE sku = @sku AND quantity > 0 LIMIT @limit + 1
	), sold AS MATERIALIZED (
		SELECT o.id, o.contact_id, o.placed_at, l.quantity FROM lines l JOIN orders o ON o.id = l.order_id WHERE o.status IN ('placed', 'paid')
	) `
	args := pgx.NamedArgs{"sku": sku, "limit": maxLines, "now": now}
	err := db.QueryRow(ctx, lines+`
		SELECT EXISTS (SELECT FROM products WHERE sku = @sku) OR EXISTS (SELECT FROM lines), (SELECT count(*) FROM lines) > @limit,
		       count(DISTINCT id), count(DISTINCT contact_id), coalesce(sum(quantity), 0), min(placed_at), max(placed_at)
		FROM sold`, args).Scan(&known, &s.AtLeast, &s.Orders, &s.Contacts, &s.Pieces, &s.FirstAt, &s.LastAt)
	if err != nil {
		return s, fmt.Errorf("count sales of a product: %w", err)
	}
	if !known {
		return s, fault.NotFoundf("product", sku)
	}
	rows, err := db.Query(ctx, lines+`
		SELECT to_char(m, 'YYYY-MM'), count(DISTINCT id)
		FROM generate_series(date_trunc('month', @now::timestamptz AT TIME ZONE 'UTC') - interval '11 months', date_trunc('month', @now::timestamptz AT TIME ZONE 'UTC'), '1 month') AS m
		LEFT JOIN sold ON date_trunc('month', placed_at AT TIME ZONE 'UTC') = m
		GROUP BY m
		ORDER BY m`, args)
	if err != nil {
		return s, fmt.Errorf("count sales of a product by month: %w", err)
	}
	if s.Months, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Month]); err != nil {
		return s, fmt.Errorf("count sales of a product by month: %w", err)
	}
	return s, nil
}

// Category is a category with how many products it has.
type Category struct {
	Name     string `json:"name" db:"name"`
	Products int64  `json:"products" db:"products"`
}

// Categories returns the categories of all products by name, at most 1,000.
func Categories(ctx context.Context, db postgres.DB) ([]Category, error) {
	rows, err := db.Query(ctx, `
		SELECT category AS name, count(*) AS products
		FROM products
		WHERE category <> ''
		GROUP BY category
		ORDER BY category
		LIMIT 1000`)
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Category])
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	return list, nil
}

// DeleteProduct removes a product that no order holds: one that came in by mistake. It
// returns a fault.Conflict where one does, since orders would lose its name and
// rules its category; such a product can only be out of stock.
func DeleteProduct(ctx context.Context, db postgres.DB, sku string) error {
	if !storable(sku) {
		return fault.NotFoundf("product", sku)
	}
	tag, err := db.Exec(ctx, `
		DELETE FROM products AS p
		WHERE sku = $1 AND NOT EXISTS (SELECT FROM order_items AS i WHERE i.sku = p.sku AND i.quantity > 0)`, sku)
	if err != nil {
		return fmt.Errorf("delete product: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return nil
	}
	if _, err := ProductBySKU(ctx, db, sku); err != nil {
		return err
	}
	return fault.Conflictf("in use", "orders hold the product: set in_stock to false instead, so that no mail promotes it any more")
}
