package web

import (
	"context"
	"fmt"
	"time"

	"posthorn/catalog"
)

// OrderFields is an order as the shop sends it: always the whole order.
type OrderFields struct {
	ContactExternalID string      `json:"contact_external_id" maxLength:"200" example:"C-1001" doc:"The shop's id of the contact, who must exist."`
	PlacedAt          time.Time   `json:"placed_at" example:"2026-03-14T09:26:53Z"`
	Currency          string      `json:"currency,omitempty" example:"EUR" doc:"Three letters (ISO 4217)."`
	Status            string      `json:"status,omitempty" enum:"placed,paid,cancelled,refunded" default:"placed" doc:"Placed and paid orders count as bought."`
	Items             []OrderLine `json:"items" nullable:"false" minItems:"1" maxItems:"10000"`
}

// OrderLine is one line of an order.
type OrderLine struct {
	SKU       string  `json:"sku" maxLength:"200" example:"GR-02"`
	Quantity  int     `json:"quantity" example:"1" doc:"Below zero for goods returned."`
	UnitPrice Decimal `json:"unit_price"`
}

// OrderItem is an order in a batch.
type OrderItem struct {
	OrderID string `json:"order_id" maxLength:"200" example:"O-5001"`
	OrderFields
}

func (f OrderFields) input(orderID string) (catalog.OrderInput, error) {
	in := catalog.OrderInput{
		OrderID:           orderID,
		ContactExternalID: f.ContactExternalID,
		PlacedAt:          f.PlacedAt,
		Currency:          f.Currency,
		Status:            f.Status,
		Items:             make([]catalog.Item, len(f.Items)),
	}
	for i, line := range f.Items {
		price, err := line.UnitPrice.amount(fmt.Sprintf("items[%d].unit_price", i))
		if err != nil {
			return in, err
		}
		in.Items[i] = catalog.Item{SKU: line.SKU, Quantity: line.Quantity, UnitPrice: price}
	}
	return in, nil
}

// OrderChanged is an order and what the request did to it.
type OrderChanged struct {
	catalog.Order
	Change string `json:"change" enum:"created,updated,unchanged" doc:"What this request did."`
}

type OrderPath struct {
	OrderID string `path:"order_id" maxLength:"200" example:"O-5001" doc:"The shop's id of the order."`
}

type putOrderInput struct {
	OrderPath
	Body OrderFields
}

var orderExample = map[string]any{
	"contact_external_id": "C-1001", "placed_at": "2026-03-14T09:26:53Z", "currency": "EUR", "status": "paid",
	"items": []any{map[string]any{"sku": "GR-02", "quantity": 1, "unit_price": 49.9}},
}

var putOrderDoc = operation{
	Description: "The order becomes what the body says, items included. The same request twice changes nothing the second time. Products need not exist yet; the contact must.",
	Example:     orderExample,
}

func (a *api) putOrder(ctx context.Context, in *putOrderInput) (*reply[OrderChanged], error) {
	input, err := in.Body.input(in.OrderID)
	if err != nil {
		return nil, err
	}
	o, change, err := catalog.UpsertOrder(ctx, a.pool, a.now(), input)
	if err != nil {
		return nil, err
	}
	if change != catalog.Unchanged {
		a.knockHappenings(ctx)
	}
	return ok(OrderChanged{Order: o, Change: string(change)}), nil
}

var getOrderDoc = operation{Description: "One order with its items and its total."}

func (a *api) getOrder(ctx context.Context, in *OrderPath) (*reply[catalog.Order], error) {
	o, err := catalog.OrderByID(ctx, a.pool, in.OrderID)
	if err != nil {
		return nil, err
	}
	return ok(o), nil
}

type listOrdersInput struct {
	Paging
	ContactExternalID string `query:"contact_external_id" maxLength:"200" doc:"Orders of this contact only."`
}

var listOrdersDoc = operation{Description: "Those that arrived last come first."}

func (a *api) listOrders(ctx context.Context, in *listOrdersInput) (*reply[Page[catalog.Order]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := catalog.ListOrders(ctx, a.pool, catalog.OrderFilter{ContactExternalID: in.ContactExternalID, Cursor: cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

var batchOrdersDoc = operation{
	Description: "Up to 1,000 orders, as `{\"items\": […]}` or as an array. Each is handled like a PUT and reported; a bad one does not stop the others.",
	Example:     map[string]any{"items": []any{withField(orderExample, "order_id", "O-5001")}},
	Limit:       batchLimit,
	Items:       true,
}

func (a *api) batchOrders(ctx context.Context, in *batchInput[OrderItem]) (*reply[BatchResult], error) {
	b := decodeBatch[OrderItem](a, in.Body, "order_id")
	inputs := convertItems(ctx, a, b, func(o OrderItem) (string, catalog.OrderInput, error) {
		input, err := o.input(o.OrderID)
		return o.OrderID, input, err
	})
	results, err := catalog.UpsertOrders(ctx, a.pool, a.now(), inputs.list)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		b.settle(ctx, a, inputs.places[r.Index], r.ID, string(r.Change), r.Error)
	}
	return a.happened(ctx, b.result()), nil
}

// withField is an example's copy with one more field.
func withField(example map[string]any, name string, value any) map[string]any {
	out := map[string]any{name: value}
	for k, v := range example {
		out[k] = v
	}
	return out
}
