package catalog

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"posthorn/internal/csvimport"
)

// PreviewProducts says what ImportProducts would make of the first rows of a file,
// which may be cut off behind them. Its error, a fault.Invalid, is for what is no CSV
// file at all.
func PreviewProducts(r io.Reader, opts csvimport.Options, rows int, cut bool) (csvimport.Preview, error) {
	return csvimport.Look(r, opts, productFields, rows, cut, func(*csvimport.File) (csvimport.Parse, error) {
		return func(row csvimport.Row) (map[string]string, error) {
			p, err := parseProduct(row)
			if err != nil {
				return nil, err
			}
			out := map[string]string{"sku": p.SKU}
			for field, v := range map[string]*string{"name": p.Name, "category": p.Category, "currency": p.Currency, "url": p.URL, "image_url": p.ImageURL} {
				if v != nil {
					out[field] = *v
				}
			}
			if p.Price != nil {
				out["price"] = p.Price.String()
			}
			if p.InStock != nil {
				out["in_stock"] = strconv.FormatBool(*p.InStock)
			}
			row.Extras(out)
			return out, nil
		}, nil
	})
}

// PreviewOrders is PreviewProducts for ImportOrders. Whether the contacts exist, and
// whether the rows of an order agree, is seen only by the import.
func PreviewOrders(r io.Reader, opts csvimport.Options, rows int, cut bool) (csvimport.Preview, error) {
	return csvimport.Look(r, opts, orderFields, rows, cut, func(*csvimport.File) (csvimport.Parse, error) {
		return func(row csvimport.Row) (map[string]string, error) {
			o, err := parseOrderRow(row)
			if err != nil {
				return nil, err
			}
			out := map[string]string{
				"order_id": o.orderID, "contact_external_id": o.contact, "placed_at": o.placedAt.Format(time.RFC3339),
				"sku": o.item.SKU, "quantity": fmt.Sprint(o.item.Quantity), "unit_price": o.item.UnitPrice.String(), "status": Placed,
			}
			if o.currency != "" {
				out["currency"] = o.currency
			}
			if o.status != "" {
				out["status"] = o.status
			}
			return out, nil
		}, nil
	})
}
