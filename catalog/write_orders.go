package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// noContact does not name the contact: where the shop gave no id, the id is an address.
const noContact = "there is no contact with this external id"

// writeOrder is an OrderInput that passed, on its way into the database.
type writeOrder struct {
	OrderInput
	total     Amount
	contactID int64
	id        int64 // of the row, once known
}

// upsertOrders checks and writes in one transaction; then, where given, calls
// after in it with what passed the checks, and what became of all.
func upsertOrders(ctx context.Context, db postgres.DB, now time.Time, in []OrderInput, after func(pgx.Tx, []OrderInput, []ItemResult) error) ([]ItemResult, error) {
	checkedResults := make([]ItemResult, len(in))
	checked := make([]writeOrder, 0, len(in))
	index := make([]int, 0, len(in))
	for i, order := range in {
		checkedResults[i] = ItemResult{Index: i, ID: order.OrderID}
		good, total, err := order.check()
		if err != nil {
			checkedResults[i].Error = err
			continue
		}
		checked = append(checked, writeOrder{OrderInput: good, total: total})
		index = append(index, i)
	}
	var results []ItemResult
	err := retry(ctx, func(again bool) error {
		results = slices.Clone(checkedResults)
		return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			contacts, err := contactIDs(ctx, tx, checked, again)
			if err != nil {
				return err
			}
			var known []*writeOrder
			var knownIndex []int
			var keys []string
			var written []OrderInput
			for i := range checked {
				order := &checked[i]
				if order.contactID = contacts[order.ContactExternalID]; order.contactID == 0 {
					results[index[i]].Error = fault.Invalidf("contact_external_id", "%s", noContact)
					continue
				}
				known, knownIndex, keys = append(known, order), append(knownIndex, index[i]), append(keys, order.OrderID)
				written = append(written, order.OrderInput)
			}
			for _, round := range rounds(keys) {
				batch := make([]*writeOrder, len(round))
				for i, n := range round {
					batch[i] = known[n]
				}
				changes, err := writeOrders(ctx, tx, now, batch)
				if err != nil {
					return err
				}
				for i, n := range round {
					results[knownIndex[n]].Change = changes[i]
				}
			}
			if after != nil {
				return after(tx, written, results)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// contactIDs returns the contacts that orders name and that exist, and where
// locked says so, keeps them from being deleted until the end of the transaction.
func contactIDs(ctx context.Context, tx pgx.Tx, orders []writeOrder, locked bool) (map[string]int64, error) {
	names := make(map[string]bool, len(orders))
	for i := range orders {
		names[orders[i].ContactExternalID] = true
	}
	if len(names) == 0 {
		return nil, nil
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	// Not locked at first: a lock writes to the contact's row, and an import that
	// changes nothing should write nothing.
	lock := ""
	if locked {
		lock = ` FOR KEY SHARE`
	}
	rows, err := tx.Query(ctx, `SELECT external_id, id FROM contacts WHERE external_id = ANY($1)`+lock, list)
	if err != nil {
		return nil, fmt.Errorf("look up contacts: %w", err)
	}
	ids := make(map[string]int64, len(names))
	var name string
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &id}, func() error { ids[name] = id; return nil }); err != nil {
		return nil, fmt.Errorf("look up contacts: %w", err)
	}
	return ids, nil
}

// writeOrders writes orders of distinct ids.
//
// What is new is inserted. What exists is compared without a lock, since mostly
// nothing differs; what differs is locked, read again under the lock and written.
// The lock on the order's row is what guards its items. Inserts and locks happen
// in the order of the shop's id, so that two batches queue instead of ending in a
// deadlock.
func writeOrders(ctx context.Context, tx pgx.Tx, now time.Time, batch []*writeOrder) ([]Change, error) {
	changes := make([]Change, len(batch))
	created, err := insertOrders(ctx, tx, now, batch)
	if err != nil {
		return nil, err
	}
	var fresh, old []*writeOrder
	for i, order := range batch {
		if order.id = created[order.OrderID]; order.id != 0 {
			changes[i] = Created
			fresh = append(fresh, order)
		} else {
			changes[i] = Unchanged
			old = append(old, order)
		}
	}
	if err := insertItems(ctx, tx, fresh); err != nil {
		return nil, err
	}
	if len(old) == 0 {
		return changes, nil
	}

	stored, err := readStored(ctx, tx, old)
	if err != nil {
		return nil, err
	}
	var differ []*writeOrder
	for _, order := range old {
		was, ok := stored[order.OrderID]
		if !ok {
			return nil, errRace // deleted since the insert met it
		}
		if header, items := was.differs(order); header || items {
			differ = append(differ, order)
		}
	}
	if len(differ) == 0 {
		return changes, nil
	}
	updated, err := updateOrders(ctx, tx, now, differ)
	if err != nil {
		return nil, err
	}
	for i, order := range batch {
		if updated[order.OrderID] {
			changes[i] = Updated
		}
	}
	return changes, nil
}

// insertOrders inserts the rows of those orders that are not there yet, without
// their items, and returns their ids by the shop's id.
func insertOrders(ctx context.Context, tx pgx.Tx, now time.Time, batch []*writeOrder) (map[string]int64, error) {
	args := orderArgs(batch)
	args["now"] = now
	rows, err := tx.Query(ctx, `
		INSERT INTO orders (external_id, contact_id, placed_at, status, currency, total, created_at, updated_at)
		SELECT v.order_id, v.contact_id, v.placed_at, v.status, v.currency, v.total, @now, @now
		FROM `+givenOrders+`
		WHERE NOT EXISTS (SELECT FROM orders AS o WHERE o.external_id = v.order_id) -- spares the sequence
		ORDER BY v.order_id
		ON CONFLICT (external_id) DO NOTHING
		RETURNING external_id, id`, args)
	if err != nil {
		return nil, fmt.Errorf("insert orders: %w", err)
	}
	created := map[string]int64{}
	var orderID string
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&orderID, &id}, func() error { created[orderID] = id; return nil }); err != nil {
		return nil, fmt.Errorf("insert orders: %w", err)
	}
	return created, nil
}

// updateOrders locks the rows of batch, and makes them and their items what they
// should be. It returns those where there was something to do.
func updateOrders(ctx context.Context, tx pgx.Tx, now time.Time, batch []*writeOrder) (map[string]bool, error) {
	orderIDs := make([]string, len(batch))
	for i, order := range batch {
		orderIDs[i] = order.OrderID
	}
	if _, err := tx.Exec(ctx, `
		SELECT FROM orders WHERE external_id = ANY($1) ORDER BY external_id FOR NO KEY UPDATE`, orderIDs); err != nil {
		return nil, fmt.Errorf("lock orders: %w", err)
	}
	stored, err := readStored(ctx, tx, batch)
	if err != nil {
		return nil, err
	}
	var touched, reitemed []*writeOrder
	updated := map[string]bool{}
	for _, order := range batch {
		was, ok := stored[order.OrderID]
		if !ok {
			return nil, errRace
		}
		header, items := was.differs(order)
		if !header && !items {
			continue
		}
		order.id = was.id
		updated[order.OrderID] = true
		touched = append(touched, order) // for updated_at, also where only items differ
		if items {
			reitemed = append(reitemed, order)
		}
	}
	if len(touched) == 0 {
		return updated, nil
	}
	args := orderArgs(touched)
	args["now"] = now
	if _, err := tx.Exec(ctx, `
		UPDATE orders AS o
		SET contact_id = v.contact_id, placed_at = v.placed_at, status = v.status, currency = v.currency,
		    total = v.total, updated_at = @now
		FROM `+givenOrders+`
		WHERE o.external_id = v.order_id`, args); err != nil {
		return nil, fmt.Errorf("update orders: %w", err)
	}
	if len(reitemed) == 0 {
		return updated, nil
	}
	ids := make([]int64, len(reitemed))
	for i, order := range reitemed {
		ids[i] = order.id
	}
	if _, err := tx.Exec(ctx, `DELETE FROM order_items WHERE order_id = ANY($1)`, ids); err != nil {
		return nil, fmt.Errorf("delete order items: %w", err)
	}
	return updated, insertItems(ctx, tx, reitemed)
}

// givenOrders is the batch as rows.
const givenOrders = `
	unnest(@order_id::text[], @contact_id::bigint[], @placed_at::timestamptz[], @status::text[],
	       @currency::text[], @total::numeric[])
	AS v (order_id, contact_id, placed_at, status, currency, total)`

func orderArgs(batch []*writeOrder) pgx.NamedArgs {
	orderIDs, contactIDs := make([]string, len(batch)), make([]int64, len(batch))
	placed, totals := make([]time.Time, len(batch)), make([]Amount, len(batch))
	statuses, currencies := make([]string, len(batch)), make([]string, len(batch))
	for i, o := range batch {
		orderIDs[i], contactIDs[i], placed[i] = o.OrderID, o.contactID, o.PlacedAt
		statuses[i], currencies[i], totals[i] = o.Status, o.Currency, o.total
	}
	return pgx.NamedArgs{
		"order_id": orderIDs, "contact_id": contactIDs, "placed_at": placed,
		"status": statuses, "currency": currencies, "total": totals,
	}
}

// insertItems writes the items of orders that have none, by COPY: an import
// brings tens of thousands at once.
func insertItems(ctx context.Context, tx pgx.Tx, orders []*writeOrder) error {
	if len(orders) == 0 {
		return nil
	}
	order, line := 0, 0
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"order_items"}, []string{"order_id", "line", "sku", "quantity", "unit_price"},
		pgx.CopyFromFunc(func() ([]any, error) {
			for order < len(orders) && line == len(orders[order].Items) {
				order, line = order+1, 0
			}
			if order == len(orders) {
				return nil, nil
			}
			item := orders[order].Items[line]
			line++
			return []any{orders[order].id, line, item.SKU, item.Quantity, item.UnitPrice}, nil
		}))
	if err != nil {
		return fmt.Errorf("insert order items: %w", err)
	}
	return nil
}

// storedOrder is an order as it is in the database.
type storedOrder struct {
	id, contactID    int64
	placedAt         time.Time
	status, currency string
	total            Amount
	items            []Item
}

// differs says whether the row and whether the items of s are not what order says.
func (s *storedOrder) differs(order *writeOrder) (header, items bool) {
	header = s.contactID != order.contactID || !s.placedAt.Equal(order.PlacedAt) ||
		s.status != order.Status || s.currency != order.Currency || s.total != order.total
	return header, !slices.Equal(s.items, order.Items)
}

// readStored reads what is stored of batch, rows and items in one statement and
// so as of one moment.
func readStored(ctx context.Context, tx pgx.Tx, batch []*writeOrder) (map[string]*storedOrder, error) {
	orderIDs := make([]string, len(batch))
	for i, order := range batch {
		orderIDs[i] = order.OrderID
	}
	rows, err := tx.Query(ctx, `
		SELECT o.external_id, o.id, o.contact_id, o.placed_at, o.status, o.currency, o.total,
		       i.sku, i.quantity, i.unit_price
		FROM orders AS o LEFT JOIN order_items AS i ON i.order_id = o.id
		WHERE o.external_id = ANY($1)
		ORDER BY o.id, i.line`, orderIDs)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	stored := make(map[string]*storedOrder, len(batch))
	var orderID string
	var row storedOrder
	var sku *string
	var quantity *int
	var price *Amount
	_, err = pgx.ForEachRow(rows, []any{&orderID, &row.id, &row.contactID, &row.placedAt, &row.status, &row.currency, &row.total,
		&sku, &quantity, &price}, func() error {
		order := stored[orderID]
		if order == nil {
			copied := row
			order = &copied
			stored[orderID] = order
		}
		if sku != nil {
			order.items = append(order.items, Item{SKU: *sku, Quantity: *quantity, UnitPrice: *price})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return stored, nil
}
