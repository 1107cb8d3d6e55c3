package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"posthorn/internal/fault"
)

// batchInput is the body of a batch operation: {"items": [T, …]}, or the array
// alone. Its items are decoded one by one, so that a bad one is reported and
// does not stop the others.
type batchInput[T any] struct {
	Body batchBody[T]
}

type batchBody[T any] struct {
	items []json.RawMessage
}

// UnmarshalJSON takes the items apart without looking into them.
func (b *batchBody[T]) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '[' {
		if err := json.Unmarshal(data, &b.items); err != nil {
			return err
		}
	} else {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(data, &object); err != nil {
			return fault.Invalidf("items", "is required: the body is an object with items, or an array of them")
		}
		for k := range object {
			if k != "items" {
				return fault.Invalidf(k, "is not a field of this object")
			}
		}
		if err := json.Unmarshal(object["items"], &b.items); err != nil {
			return fault.Invalidf("items", "is required: an array of objects")
		}
	}
	if len(b.items) > maxBatch {
		return fault.Invalidf("items", "has %d items; at most %d are taken at once", len(b.items), maxBatch)
	}
	return nil
}

// Schema is the one to show; validation goes item by item.
func (b batchBody[T]) Schema(r huma.Registry) *huma.Schema {
	most := maxBatch
	items := func() *huma.Schema {
		return &huma.Schema{
			Type:     huma.TypeArray,
			Items:    r.Schema(reflect.TypeFor[T](), true, ""),
			MaxItems: &most,
		}
	}
	return &huma.Schema{OneOf: []*huma.Schema{
		{
			Type:                 huma.TypeObject,
			Properties:           map[string]*huma.Schema{"items": items()},
			Required:             []string{"items"},
			AdditionalProperties: false,
		},
		items(),
	}}
}

// Outcomes of an item of a batch.
const (
	itemRejected = "rejected"
	itemCreated  = "created"
)

// BatchItem says what became of one item.
type BatchItem struct {
	Index  int          `json:"index" example:"0" doc:"Place in the batch, from 0."`
	ID     string       `json:"id,omitempty" example:"C-1001" doc:"The item's own id: external_id, sku, order_id or idempotency_key."`
	Status string       `json:"status" enum:"created,updated,unchanged,rejected" example:"created"`
	Errors []FieldError `json:"errors,omitempty" doc:"Why it was rejected. Locations are within the item."`
}

// BatchResult reports a batch item by item. Good items are kept although others
// were rejected.
type BatchResult struct {
	Items     []BatchItem `json:"items"`
	Created   int         `json:"created" example:"1"`
	Updated   int         `json:"updated" example:"0"`
	Unchanged int         `json:"unchanged" example:"0"`
	Rejected  int         `json:"rejected" example:"0"`
}

// batch is a batch on its way: decoded items that were good so far, and what is
// known of each.
type batch[T any] struct {
	Good   []T
	places []int // of Good in the batch
	items  []BatchItem
}

// decodeBatch decodes the items and checks each against T's schema. idField is
// the field by which a rejected item is named.
func decodeBatch[T any](a *api, in batchBody[T], idField string) *batch[T] {
	registry := a.huma.OpenAPI().Components.Schemas
	schema := registry.Schema(reflect.TypeFor[T](), true, "")
	b := &batch[T]{items: make([]BatchItem, len(in.items))}
	for i, raw := range in.items {
		b.items[i].Index = i
		value, errs := decodeItem[T](registry, schema, raw)
		if len(errs) > 0 {
			b.items[i].ID, b.items[i].Errors = itemID(raw, idField), errs
			continue
		}
		b.Good = append(b.Good, value)
		b.places = append(b.places, i)
	}
	return b
}

// maxItemID is how many characters an item's id may have.
const maxItemID = 200

// itemID reads the id of an item that does not fit its schema; it is empty where
// it is missing or is no id.
func itemID(raw json.RawMessage, field string) string {
	var fields map[string]json.RawMessage
	var id string
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields[field], &id) != nil {
		return ""
	}
	if utf8.RuneCountInString(id) > maxItemID || !storable(id) {
		return ""
	}
	return id
}

func decodeItem[T any](registry huma.Registry, schema *huma.Schema, raw json.RawMessage) (T, []FieldError) {
	var (
		value  T
		parsed any
	)
	if err := decodeJSON(raw, &parsed); err != nil {
		return value, faultFields(err)
	}
	var res huma.ValidateResult
	huma.Validate(registry, schema, huma.NewPathBuffer([]byte("body"), 0), huma.ModeWriteToServer, parsed, &res)
	if len(res.Errors) > 0 {
		errs := make([]FieldError, len(res.Errors))
		for i, err := range res.Errors {
			errs[i] = fieldError(err)
		}
		return value, errs
	}
	if err := decodeJSON(raw, &value); err != nil {
		return value, faultFields(err)
	}
	return value, nil
}

// settle records what became of the i-th good item: its change, or the error.
func (b *batch[T]) settle(ctx context.Context, a *api, i int, id, change string, err error) {
	item := &b.items[b.places[i]]
	item.ID = id
	if err == nil {
		item.Status = change
		return
	}
	item.Errors = faultFields(err)
	if item.Errors == nil {
		a.log.ErrorContext(ctx, "item of a batch failed", "request_id", requestID(ctx), "err", err)
		item.Errors = []FieldError{{Message: "could not be stored; the server's log has more under request " + requestID(ctx)}}
	}
}

// result counts the items.
func (b *batch[T]) result() *reply[BatchResult] {
	out := &reply[BatchResult]{Body: BatchResult{Items: b.items}}
	for i := range b.items {
		item := &b.items[i]
		if item.Errors != nil {
			item.Status = itemRejected
		}
		switch item.Status {
		case itemCreated:
			out.Body.Created++
		case "updated":
			out.Body.Updated++
		case "unchanged":
			out.Body.Unchanged++
		case itemRejected:
			out.Body.Rejected++
		}
	}
	return out
}

// faultFields are the fields of an error that is the caller's to mend; nil for
// any other error.
func faultFields(err error) []FieldError {
	var (
		list     fault.List
		invalid  *fault.Invalid
		notFound *fault.NotFound
		conflict *fault.Conflict
	)
	switch {
	case errors.As(err, &list):
		return fieldErrors(list)
	case errors.As(err, &invalid):
		return fieldErrors(fault.List{invalid})
	case errors.As(err, &notFound), errors.As(err, &conflict):
		return []FieldError{{Message: err.Error()}}
	}
	return nil
}

// converted are the items that could be converted for their package, and where
// they are in Good.
type converted[D any] struct {
	list   []D
	places []int
}

// convertItems converts good items; those that cannot be are settled as rejected.
func convertItems[T, D any](ctx context.Context, a *api, b *batch[T], convert func(T) (id string, out D, err error)) converted[D] {
	var c converted[D]
	for i, item := range b.Good {
		id, out, err := convert(item)
		if err != nil {
			b.settle(ctx, a, i, id, "", err)
			continue
		}
		c.list = append(c.list, out)
		c.places = append(c.places, i)
	}
	return c
}
