package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// The states of an order. The shop decides; any may follow any.
const (
	Placed    = "placed"
	Paid      = "paid"
	Cancelled = "cancelled"
	Refunded  = "refunded"
)

// Order is what a contact chose at one time.
type Order struct {
	ID                int64     `json:"-" db:"id"`
	OrderID           string    `json:"order_id" db:"order_id"` // the shop's id
	ContactID         int64     `json:"-" db:"contact_id"`
	ContactExternalID string    `json:"contact_external_id" db:"contact_external_id"`
	PlacedAt          time.Time `json:"placed_at" db:"placed_at"`
	Status            string    `json:"status" db:"status"`
	Currency          string    `json:"currency" db:"currency"` // three letters or ''
	Total             Amount    `json:"total" db:"total"`       // sum of quantity * unit price
	Items             []Item    `json:"items" db:"-"`
	CreatedAt         time.Time `json:"created_at" db:"created_at"`
	UpdatedAt         time.Time `json:"updated_at" db:"updated_at"`
}

// Item is one line of an order. A quantity below zero is goods returned, a price
// of zero a gift, a price below zero a discount.
type Item struct {
	SKU       string `json:"sku"`
	Quantity  int    `json:"quantity"`
	UnitPrice Amount `json:"unit_price"`
	Name      string `json:"name,omitempty"` // of the product, where it is known; only ever read
}

// OrderInput is an order as the shop sends it: always the whole order.
type OrderInput struct {
	OrderID           string    `json:"order_id"`
	ContactExternalID string    `json:"contact_external_id"` // must exist
	PlacedAt          time.Time `json:"placed_at"`           // kept to the microsecond
	Currency          string    `json:"currency"`            // three letters, '' where unknown
	Status            string    `json:"status"`              // placed where empty
	Items             []Item    `json:"items"`               // at least one, in the order's own sequence
}

// check returns in with its text trimmed, its defaults filled in, and its total.
func (in OrderInput) check() (OrderInput, Amount, error) {
	var wrong fault.List
	out := in
	out.OrderID = check.Required(&wrong, "order_id", in.OrderID, maxKey)
	out.ContactExternalID = check.Required(&wrong, "contact_external_id", in.ContactExternalID, maxKey)
	out.PlacedAt = check.Time(&wrong, "placed_at", in.PlacedAt)
	out.Currency = currency(&wrong, "currency", in.Currency)
	out.Status = status(&wrong, "status", in.Status)
	switch {
	case len(in.Items) == 0:
		wrong.Add("items", "is empty: an order has at least one item")
	case len(in.Items) > maxItems:
		wrong.Add("items", "holds %d items, an order has at most %d", len(in.Items), maxItems)
		return out, 0, wrong.Err()
	}
	out.Items = make([]Item, len(in.Items))
	var total Amount
	for i, item := range in.Items {
		prefix := fmt.Sprintf("items[%d].", i)
		out.Items[i] = Item{SKU: check.Required(&wrong, prefix+"sku", item.SKU, maxKey), Quantity: item.Quantity, UnitPrice: item.UnitPrice}
		if item.Quantity < -maxQuantity || item.Quantity > maxQuantity {
			wrong.Add(prefix+"quantity", "is not between -%d and %d", maxQuantity, maxQuantity)
			continue
		}
		sum, ok := item.UnitPrice.times(item.Quantity)
		if !ok || !item.UnitPrice.valid() {
			wrong.Add(prefix+"unit_price", "times the quantity is larger than %s", maxAmount)
			continue
		}
		total += sum // both are below 1e18, so this cannot overflow before the check
		if !total.valid() {
			wrong.Add("items", "add up to more than %s", maxAmount)
			break
		}
	}
	return out, total, wrong.Err()
}

func status(wrong *fault.List, field, s string) string {
	switch s = strings.ToLower(strings.TrimSpace(s)); s {
	case "":
		return Placed
	case Placed, Paid, Cancelled, Refunded:
	default:
		wrong.Add(field, "is not one of placed, paid, cancelled, refunded")
	}
	return s
}

// UpsertOrder creates the order or makes it what in says, items included. Its
// errors for bad input, a contact that does not exist among them, are
// fault.Invalid or fault.List.
func UpsertOrder(ctx context.Context, db postgres.DB, now time.Time, in OrderInput) (Order, Change, error) {
	var order Order
	results, err := upsertOrders(ctx, db, now, []OrderInput{in}, func(tx pgx.Tx, checked []OrderInput, _ []ItemResult) (err error) {
		if len(checked) == 0 {
			return nil
		}
		order, err = OrderByID(ctx, tx, checked[0].OrderID)
		var gone *fault.NotFound
		if errors.As(err, &gone) { // deleted with its contact, after we found nothing to change
			return errRace
		}
		return err
	})
	if err != nil {
		return Order{}, "", err
	}
	if results[0].Error != nil {
		return Order{}, "", results[0].Error
	}
	return order, results[0].Change, nil
}

// UpsertOrders is UpsertOrder for many, in one transaction, and reports what
// became of each. An order given twice is written twice, in order.
func UpsertOrders(ctx context.Context, pool *pgxpool.Pool, now time.Time, in []OrderInput) ([]ItemResult, error) {
	if len(in) > MaxBatch {
		return nil, fault.Invalidf("", "a batch holds at most %d orders, this one has %d", MaxBatch, len(in))
	}
	return upsertOrders(ctx, pool, now, in, nil)
}

const orderColumns = `
	o.id, o.external_id AS order_id, o.contact_id, c.external_id AS contact_external_id,
	o.placed_at, o.status, o.currency, o.total, o.created_at, o.updated_at`

// OrderByID returns the order that has the shop's id orderID, or fault.NotFound.
func OrderByID(ctx context.Context, db postgres.DB, orderID string) (Order, error) {
	if !storable(orderID) {
		return Order{}, fault.NotFoundf("order", orderID)
	}
	rows, err := db.Query(ctx, `
		SELECT `+orderColumns+`
		FROM orders AS o JOIN contacts AS c ON c.id = o.contact_id
		WHERE o.external_id = $1`, orderID)
	if err != nil {
		return Order{}, fmt.Errorf("read order: %w", err)
	}
	order, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Order])
	if errors.Is(err, pgx.ErrNoRows) {
		return Order{}, fault.NotFoundf("order", orderID)
	}
	if err != nil {
		return Order{}, fmt.Errorf("read order: %w", err)
	}
	one := []Order{order}
	err = readItems(ctx, db, one)
	return one[0], err
}

// OrderFilter selects a page of orders. Its zero value is the first page of all.
type OrderFilter struct {
	ContactExternalID string // of this contact only
	Cursor            int64  // what the page before returned as next
	Limit             int    // 50 where 0, at most 1000
}

// ListOrders returns a page of orders with their items, those that arrived last
// first, and the cursor of the next page, 0 on the last. A contact that does not
// exist has no orders.
func ListOrders(ctx context.Context, db postgres.DB, f OrderFilter) (orders []Order, next int64, err error) {
	if !storable(f.ContactExternalID) {
		return nil, 0, nil
	}
	limit := pageSize(f.Limit)
	rows, err := db.Query(ctx, `
		SELECT `+orderColumns+`
		FROM orders AS o JOIN contacts AS c ON c.id = o.contact_id
		WHERE (@cursor::bigint = 0 OR o.id < @cursor)
		  AND (@contact = '' OR o.contact_id = (SELECT id FROM contacts WHERE external_id = @contact))
		ORDER BY o.id DESC
		LIMIT @limit`,
		pgx.NamedArgs{"cursor": f.Cursor, "contact": f.ContactExternalID, "limit": limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("list orders: %w", err)
	}
	orders, err = pgx.CollectRows(rows, pgx.RowToStructByName[Order])
	if err != nil {
		return nil, 0, fmt.Errorf("list orders: %w", err)
	}
	if len(orders) > limit {
		orders = orders[:limit]
		next = orders[limit-1].ID
	}
	return orders, next, readItems(ctx, db, orders)
}

// readItems fills in the items of orders.
func readItems(ctx context.Context, db postgres.DB, orders []Order) error {
	if len(orders) == 0 {
		return nil
	}
	ids := make([]int64, len(orders))
	at := make(map[int64]*Order, len(orders))
	for i := range orders {
		ids[i] = orders[i].ID
		at[ids[i]] = &orders[i]
	}
	rows, err := db.Query(ctx, `
		SELECT i.order_id, i.sku, i.quantity, i.unit_price, COALESCE(p.name, '')
		FROM order_items AS i
		LEFT JOIN products AS p ON p.sku = i.sku
		WHERE i.order_id = ANY($1)
		ORDER BY i.order_id, i.line`, ids)
	if err != nil {
		return fmt.Errorf("read order items: %w", err)
	}
	var id int64
	var item Item
	_, err = pgx.ForEachRow(rows, []any{&id, &item.SKU, &item.Quantity, &item.UnitPrice, &item.Name}, func() error {
		at[id].Items = append(at[id].Items, item)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read order items: %w", err)
	}
	return nil
}
