package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// orderFields are the columns ImportOrders knows.
var orderFields = []csvimport.Column{
	{Name: "order_id", Required: true, Synonyms: []string{"order", "order_number", "order_no", "invoice_no", "invoice_id", "invoice"}},
	{Name: "contact_external_id", Required: true, Synonyms: []string{"contact_id", "external_id", "customer_id", "contact", "customer", "customer_no"}},
	{Name: "placed_at", Required: true, Synonyms: []string{"ordered_at", "order_date", "invoice_date", "created_at", "date"}},
	{Name: "sku", Required: true, Synonyms: []string{"product_sku", "product_id", "stock_code", "product_code", "article_no"}},
	{Name: "quantity", Required: true, Synonyms: []string{"qty"}},
	{Name: "unit_price", Required: true, Synonyms: []string{"price", "item_price"}},
	{Name: "currency", Synonyms: []string{"currency_code"}},
	{Name: "status", Synonyms: []string{"order_status", "state"}},
}

// Orders are written this many at a time, or as many as have that many items.
const (
	maxImportOrders = 2_000
	maxImportItems  = 20_000
)

// ImportOrders reads orders from CSV, plain or gzipped, one row per item:
//
//	order_id, contact_external_id, placed_at, sku, quantity, unit_price, currency, status
//
// The last two columns may be missing or empty (currency unknown, status placed);
// any other column is passed over. Times are RFC 3339, or without a zone in UTC.
// The rows of one order may be anywhere in the file; its items keep the order they
// have there. Where rows of one order disagree, the earliest placed_at and the
// last status hold; a row that names another contact or currency than the rows
// before it is rejected.
//
// A rejected row is left out and the order is imported with the rest of its rows.
// Mend the row in the file and import the whole file again: what is there already
// stays as it is, whereas the one row alone would replace all items of its order.
//
// In the summary, Rows and Rejected count rows; Created, Updated and Unchanged
// count orders. A file that cannot be read to its end changes nothing; an import
// that is broken off later leaves whole orders, and can simply be run again.
func ImportOrders(ctx context.Context, pool *pgxpool.Pool, r io.Reader, opts ImportOptions) (csvimport.Summary, error) {
	in, err := csvimport.Open(r, opts.Options, orderFields)
	if err != nil {
		return csvimport.Summary{}, err
	}
	imp := &orderImport{pool: pool, in: in, now: opts.Now, counts: counts{}}
	err = imp.run(ctx)
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	summary := in.Summary()
	imp.counts.addTo(&summary)
	if err == nil && summary.Created+summary.Updated > 0 {
		err = postgres.Analyze(ctx, pool, "orders", "order_items")
	}
	if err != nil {
		err = fmt.Errorf("import orders: %w", err)
	}
	return summary, err
}

func (imp *orderImport) run(ctx context.Context) error {
	return staged(ctx, imp.pool, `
		CREATE TEMPORARY TABLE import_orders (
			line integer, order_id text, contact text, placed_at timestamptz, sku text,
			quantity integer, unit_price numeric, currency text, status text, cells text
		) ON COMMIT DROP`,
		func(tx pgx.Tx) error {
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"import_orders"},
				[]string{"line", "order_id", "contact", "placed_at", "sku", "quantity", "unit_price", "currency", "status", "cells"},
				pgx.CopyFromFunc(imp.next))
			if imp.broken != nil {
				return imp.broken
			}
			return err
		}, `
		SELECT line, order_id, contact, placed_at, sku, quantity, unit_price, currency, status, cells
		FROM import_orders
		ORDER BY order_id COLLATE "C", line`,
		func(rows pgx.Rows) error { return imp.write(ctx, rows) })
}

// orderRow is one row of the file: an item, with what the row says about its order.
type orderRow struct {
	line             int
	orderID, contact string
	placedAt         time.Time
	item             Item
	currency, status string // '' where the row does not say
	cells            string // the row as it stands in the file, see packCells
}

type orderImport struct {
	pool   *pgxpool.Pool
	in     *csvimport.File
	now    time.Time
	counts counts
	copy   [10]any // what next returns, used again for every row

	broken error // why the file could not be read to its end; COPY tells less

	batch []OrderInput
	rows  [][]orderRow // those that each order of the batch is made of
	items int          // in the batch
}

// next returns the next good row for COPY, nil at the end.
func (imp *orderImport) next() ([]any, error) {
	for {
		in, err := imp.in.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			imp.broken = err
			return nil, err
		}
		row, err := parseOrderRow(in)
		if err != nil {
			imp.in.RejectFault(in, err)
			continue
		}
		imp.copy = [10]any{row.line, row.orderID, row.contact, row.placedAt, row.item.SKU, row.item.Quantity, row.item.UnitPrice,
			row.currency, row.status, row.cells}
		return imp.copy[:], nil
	}
}

// parseOrderRow reads one row, as an order of one item. The fields of its error
// are columns.
func parseOrderRow(in csvimport.Row) (orderRow, error) {
	var wrong fault.List
	order := OrderInput{
		OrderID: in.Get("order_id"), ContactExternalID: in.Get("contact_external_id"), Currency: in.Get("currency"), Status: in.Get("status"),
		PlacedAt: parseTime(&wrong, "placed_at", in.Get("placed_at")),
		Items: []Item{{
			SKU:       in.Get("sku"),
			Quantity:  parseQuantity(&wrong, "quantity", in.Get("quantity")),
			UnitPrice: parseAmount(&wrong, "unit_price", in.Get("unit_price")),
		}},
	}
	if err := wrong.Err(); err != nil {
		return orderRow{}, err
	}
	order, _, err := order.check()
	if err != nil {
		return orderRow{}, withoutPrefix(err, "items[0].")
	}
	row := orderRow{
		line: in.Line, orderID: order.OrderID, contact: order.ContactExternalID, placedAt: order.PlacedAt, item: order.Items[0],
		currency: order.Currency, cells: packCells(in, orderFields),
	}
	if in.Get("status") != "" {
		row.status = order.Status
	}
	return row, nil
}

// write reads the rows back, order by order, and writes the orders.
func (imp *orderImport) write(ctx context.Context, rows pgx.Rows) error {
	var order []orderRow // the rows of the present order
	for rows.Next() {
		var row orderRow
		if err := rows.Scan(&row.line, &row.orderID, &row.contact, &row.placedAt, &row.item.SKU, &row.item.Quantity, &row.item.UnitPrice,
			&row.currency, &row.status, &row.cells); err != nil {
			return err
		}
		if len(order) > 0 && order[0].orderID != row.orderID {
			if err := imp.add(ctx, order); err != nil {
				return err
			}
			order = nil
		}
		switch first := firstOf(order, row); {
		case first.contact != row.contact:
			imp.reject(row, "contact_external_id", "the order belongs to another contact on line %d", first.line)
		case first.currency != "" && row.currency != "" && first.currency != row.currency:
			imp.reject(row, "currency", "the order is in %s on line %d", first.currency, first.line)
		case len(order) == maxItems:
			imp.reject(row, "order_id", "the order has more than %d items", maxItems)
		default:
			order = append(order, row)
			if order[0].currency == "" {
				order[0].currency = row.currency
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := imp.add(ctx, order); err != nil {
		return err
	}
	return imp.flush(ctx)
}

func firstOf(order []orderRow, row orderRow) orderRow {
	if len(order) == 0 {
		return row
	}
	return order[0]
}

func (imp *orderImport) reject(row orderRow, field, format string, args ...any) {
	imp.in.Reject(csvimport.Row{Line: row.line, Cells: unpackCells(row.cells)}, field, fmt.Sprintf(format, args...))
}

// add makes one order of its rows.
func (imp *orderImport) add(ctx context.Context, rows []orderRow) error {
	if len(rows) == 0 {
		return nil
	}
	order := OrderInput{
		OrderID: rows[0].orderID, ContactExternalID: rows[0].contact, PlacedAt: rows[0].placedAt, Currency: rows[0].currency,
		Items: make([]Item, len(rows)),
	}
	for i, row := range rows {
		order.Items[i] = row.item
		if row.placedAt.Before(order.PlacedAt) {
			order.PlacedAt = row.placedAt
		}
		if row.status != "" {
			order.Status = row.status
		}
	}
	imp.batch = append(imp.batch, order)
	imp.rows = append(imp.rows, rows)
	imp.items += len(rows)
	if len(imp.batch) >= maxImportOrders || imp.items >= maxImportItems {
		return imp.flush(ctx)
	}
	return nil
}

// flush writes the batch.
func (imp *orderImport) flush(ctx context.Context) error {
	if len(imp.batch) == 0 {
		return nil
	}
	results, err := UpsertOrders(ctx, imp.pool, imp.now, imp.batch)
	if err != nil {
		return err
	}
	for i, result := range results {
		if result.Error == nil {
			imp.counts[result.Change]++
			continue
		}
		for _, row := range imp.rows[i] {
			if !imp.in.RejectFault(csvimport.Row{Line: row.line, Cells: unpackCells(row.cells)}, result.Error) {
				return result.Error
			}
		}
	}
	imp.in.Stored(int64(len(results)))
	imp.batch, imp.rows, imp.items = imp.batch[:0], imp.rows[:0], 0
	return nil
}
