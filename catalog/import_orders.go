package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/check"
	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// orderFields are the columns ImportOrders knows.
var orderFields = []csvimport.Column{
	{Name: "order_id", Required: true, Whole: true, Synonyms: []string{"order", "order_number", "order_no", "invoice_no", "invoice_id", "invoice", "bestellnummer", "bestell_nr", "bestellung", "auftragsnummer", "auftrags_nr", "rechnungsnummer", "rechnungs_nr"}},
	{Name: "contact_external_id", Required: true, Synonyms: []string{"contact_id", "external_id", "customer_id", "contact", "customer", "customer_no", "kundennummer", "kunden_nr", "kunden_id", "kunde"}},
	{Name: "placed_at", Required: true, Synonyms: []string{"ordered_at", "order_date", "invoice_date", "created_at", "date", "bestelldatum", "bestellt_am", "rechnungsdatum", "datum"}},
	{Name: "sku", Required: true, Synonyms: []string{"product_sku", "product_id", "stock_code", "product_code", "article_no", "artikelnummer", "artikel_nr", "art_nr", "produktnummer"}},
	{Name: "quantity", Required: true, Synonyms: []string{"qty", "menge", "anzahl", "stück", "stueck"}},
	{Name: "unit_price", Required: true, Synonyms: []string{"price", "item_price", "einzelpreis", "stückpreis", "stueckpreis", "preis"}},
	{Name: "currency", Synonyms: []string{"currency_code", "währung", "waehrung"}},
	{Name: "status", Synonyms: []string{"order_status", "state", "bestellstatus"}},
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
// Rows replace the items of their order, so an order is imported with all of its
// rows or not at all. Where one is rejected, the order is left as it is in the
// database and its other rows are rejected, too, each with a reason that names the
// line at fault: the file of rejected rows, mended, can be imported as it is. Only a
// row whose order id cannot be read, because it is missing or in broken quotes, is
// rejected alone.
//
// In the summary, Rows and Rejected count rows; Created, Updated and Unchanged
// count orders. A file that cannot be read to its end changes nothing; an import
// that is broken off later leaves whole orders, and can simply be run again.
func ImportOrders(ctx context.Context, pool *pgxpool.Pool, r io.Reader, opts ImportOptions) (csvimport.Summary, error) {
	in, err := csvimport.Open(r, opts.Options, orderFields)
	if err != nil {
		return csvimport.Summary{}, err
	}
	imp := &orderImport{pool: pool, in: in, now: opts.Now, wrote: opts.Wrote, counts: counts{}}
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
			quantity integer, unit_price numeric, currency text, status text, cells text, raw text,
			field text, reason text -- why the row is rejected; '' for a good one
		) ON COMMIT DROP`,
		func(tx pgx.Tx) error {
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"import_orders"},
				[]string{"line", "order_id", "contact", "placed_at", "sku", "quantity", "unit_price", "currency", "status", "cells", "raw",
					"field", "reason"},
				pgx.CopyFromFunc(imp.next))
			if imp.broken != nil {
				return imp.broken
			}
			return err
		}, `
		SELECT line, order_id, contact, placed_at, sku, quantity, unit_price, currency, status, cells, raw, field, reason
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
	raw              string // and where it did not fall into cells

	// Why it is rejected: reason is '' for a good row. Of a bad one, only line,
	// orderID, cells and raw are set besides.
	field, reason string
}

type orderImport struct {
	pool   *pgxpool.Pool
	in     *csvimport.File
	now    time.Time
	wrote  func(context.Context, pgx.Tx, csvimport.Counts) error
	counts counts
	copy   [13]any // what next returns, used again for every row

	broken error // why the file could not be read to its end; COPY tells less

	first orderRow   // the first row of the present order that could be read; what all agree on
	order []orderRow // the rows of the present order, nil once one is bad
	bad   orderRow   // the first bad one; its reason is '' while there is none

	batch []OrderInput
	rows  [][]orderRow // those that each order of the batch is made of
	items int          // in the batch
}

// next returns the next row whose order is known for COPY, nil at the end.
func (imp *orderImport) next() ([]any, error) {
	for {
		in, wrong, err := imp.in.NextAny()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			imp.broken = err
			return nil, err
		}
		var row orderRow
		if wrong == nil {
			row, wrong = parseOrderRow(in)
		}
		if wrong != nil {
			var ok bool
			if row, ok = badOrderRow(in, wrong); !ok {
				imp.in.RejectFault(in, wrong)
				continue
			}
		}
		imp.copy = [13]any{row.line, row.orderID, row.contact, row.placedAt, row.item.SKU, row.item.Quantity, row.item.UnitPrice,
			row.currency, row.status, row.cells, row.raw, row.field, row.reason}
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
		currency: order.Currency, cells: packCells(in),
	}
	if in.Get("status") != "" {
		row.status = order.Status
	}
	return row, nil
}

// badOrderRow is what is kept of a row with something wrong; not ok where it does
// not say which order it belongs to. In a row with too many or too few cells, the
// order id is looked for at its place from the left.
func badOrderRow(in csvimport.Row, wrong error) (row orderRow, ok bool) {
	var unreadable fault.List
	row = orderRow{line: in.Line, orderID: check.Required(&unreadable, "order_id", in.Get("order_id"), maxKey), cells: packBadCells(in), raw: kept(in.Raw)}
	row.field, row.reason, ok = csvimport.Explain(wrong)
	return row, ok && unreadable.Err() == nil
}

// write reads the rows back, order by order, and writes the orders.
func (imp *orderImport) write(ctx context.Context, rows pgx.Rows) error {
	present := "" // order
	for rows.Next() {
		var row orderRow
		if err := rows.Scan(&row.line, &row.orderID, &row.contact, &row.placedAt, &row.item.SKU, &row.item.Quantity, &row.item.UnitPrice,
			&row.currency, &row.status, &row.cells, &row.raw, &row.field, &row.reason); err != nil {
			return err
		}
		if row.orderID != present {
			if err := imp.add(ctx); err != nil {
				return err
			}
			present, imp.first, imp.order, imp.bad = row.orderID, orderRow{}, nil, orderRow{}
		}
		imp.gather(row)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := imp.add(ctx); err != nil {
		return err
	}
	return imp.flush(ctx)
}

// gather takes the next row of the present order. The first bad one sends back
// those before it; from then on nothing is kept. All are sent back as they follow
// each other in the file, so that the items keep their sequence.
func (imp *orderImport) gather(row orderRow) {
	if row.reason == "" {
		row.field, row.reason = imp.contradicts(row)
	}
	switch {
	case row.reason != "" && imp.bad.reason == "":
		imp.bad = row
		for _, good := range imp.order {
			imp.rejectWith(good)
		}
		imp.order = nil
		fallthrough
	case row.reason != "":
		imp.in.Reject(row.asRead(), row.field, row.reason)
	case imp.bad.reason != "":
		imp.rejectWith(row)
	default:
		imp.order = append(imp.order, row)
	}
}

// contradicts says what keeps a good row from being one more of the present order;
// reason is empty where nothing does.
func (imp *orderImport) contradicts(row orderRow) (field, reason string) {
	first := &imp.first
	if first.line == 0 {
		*first = row
	}
	if first.currency == "" && first.contact == row.contact {
		first.currency = row.currency
	}
	switch {
	case first.contact != row.contact:
		return "contact_external_id", fmt.Sprintf("the order belongs to another contact on line %d", first.line)
	case first.currency != row.currency && row.currency != "":
		return "currency", fmt.Sprintf("the order is in %s on a line before", first.currency)
	case len(imp.order) == maxItems:
		return "order_id", fmt.Sprintf("the order has more than %d items", maxItems)
	}
	return "", ""
}

// rejectWith rejects a good row because of the bad one of its order.
func (imp *orderImport) rejectWith(row orderRow) {
	field := ""
	if imp.bad.field != "" {
		field = " (" + imp.bad.field + ")"
	}
	imp.in.Reject(row.asRead(), "order_id", fmt.Sprintf("line %d of the same order was rejected%s; the order is left as it is", imp.bad.line, field))
}

// asRead is the row as csvimport returned it, as far as rejecting it needs.
func (row orderRow) asRead() csvimport.Row {
	return csvimport.Row{Line: row.line, Cells: unpackCells(row.cells), Raw: row.raw}
}

// add makes one order of the rows of the present one, unless it is bad.
func (imp *orderImport) add(ctx context.Context) error {
	rows := imp.order
	if len(rows) == 0 {
		return nil
	}
	order := OrderInput{
		OrderID: imp.first.orderID, ContactExternalID: imp.first.contact, PlacedAt: imp.first.placedAt, Currency: imp.first.currency,
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
	results, err := upsertOrders(ctx, imp.pool, imp.now, imp.batch, func(tx pgx.Tx, _ []OrderInput, results []ItemResult) error {
		return wrote(ctx, tx, imp.wrote, results)
	})
	if err != nil {
		return err
	}
	for i, result := range results {
		if result.Error == nil {
			imp.counts[result.Change]++
			continue
		}
		for _, row := range imp.rows[i] {
			if !imp.in.RejectFault(row.asRead(), result.Error) {
				return result.Error
			}
		}
	}
	imp.in.Stored(int64(len(results)))
	imp.batch, imp.rows, imp.items = imp.batch[:0], imp.rows[:0], 0
	return nil
}
