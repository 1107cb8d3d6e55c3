package web

import (
	"context"
	"net/http"
	"time"

	"posthorn/events"
)

// EventFields is an event as it is sent.
type EventFields struct {
	ContactExternalID string         `json:"contact_external_id,omitempty" maxLength:"200" example:"C-1001" doc:"The shop's id of the contact. Without email the contact must exist."`
	Email             string         `json:"email,omitempty" maxLength:"320" example:"edith@example.com" doc:"The contact's address, in place of the id or beside it: who is not known yet becomes a contact, without any consent. A contact that exists is not changed."`
	Name              string         `json:"name" example:"left a cart"`
	Properties        map[string]any `json:"properties,omitempty"`
	OccurredAt        *time.Time     `json:"occurred_at,omitempty" example:"2026-03-14T09:26:53Z" doc:"Default: now."`
	IdempotencyKey    string         `json:"idempotency_key,omitempty" maxLength:"200" example:"cart-77-left" doc:"The same key twice is one event. Without one every request is a new event."`
}

func (f EventFields) input() events.Input {
	return events.Input{
		ContactExternalID: f.ContactExternalID,
		Email:             f.Email,
		Name:              f.Name,
		Properties:        f.Properties,
		OccurredAt:        f.OccurredAt,
		IdempotencyKey:    f.IdempotencyKey,
	}
}

type postEventInput struct {
	Body EventFields
}

var eventExample = map[string]any{
	"contact_external_id": "C-1001", "name": "left a cart", "properties": map[string]any{"value": 49.9},
	"occurred_at": "2026-03-14T09:26:53Z", "idempotency_key": "cart-77-left",
}

var postEventDoc = operation{
	Description: "Answers 201 with the stored event, or 200 with the one that has this idempotency key already. `contact_external_id` or `email` says whose it is; with `email` an unknown contact is made.",
	Example:     eventExample,
	Status:      http.StatusCreated,
}

func (a *api) postEvent(ctx context.Context, in *postEventInput) (*replyStatus[events.Event], error) {
	e, created, err := events.Record(ctx, a.pool, a.now(), in.Body.input())
	if err != nil {
		return nil, err
	}
	out := &replyStatus[events.Event]{Status: http.StatusCreated, Body: e}
	if created {
		a.knockHappenings(ctx)
	} else {
		out.Status = http.StatusOK
	}
	return out, nil
}

var batchEventsDoc = operation{
	Description: "Up to 1,000 events, as `{\"items\": […]}` or as an array. Each is reported; one whose idempotency key is known is `unchanged`, and a bad one does not stop the others.",
	Example:     map[string]any{"items": []any{eventExample}},
	Limit:       batchLimit,
	Items:       true,
}

func (a *api) batchEvents(ctx context.Context, in *batchInput[EventFields]) (*reply[BatchResult], error) {
	b := decodeBatch[EventFields](a, in.Body, "idempotency_key")
	inputs := make([]events.Input, len(b.Good))
	for i, item := range b.Good {
		inputs[i] = item.input()
	}
	results, err := events.RecordBatch(ctx, a.pool, a.now(), inputs)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		change := "unchanged"
		if r.Created {
			change = itemCreated
		}
		b.settle(ctx, a, r.Index, b.Good[r.Index].IdempotencyKey, change, r.Error)
	}
	return a.happened(ctx, b.result()), nil
}

type listEventsInput struct {
	Paging
	ContactExternalID string `query:"contact_external_id" maxLength:"200" doc:"Events of this contact only."`
	Name              string `query:"name" maxLength:"200" doc:"Events of this name only."`
}

var listEventsDoc = operation{Description: "Those that arrived last come first."}

func (a *api) listEvents(ctx context.Context, in *listEventsInput) (*reply[Page[events.Event]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := events.List(ctx, a.pool, events.Filter{ContactExternalID: in.ContactExternalID, Name: in.Name, Cursor: cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}
