package web

import (
	"context"
	"net/http"
	"time"

	"posthorn/contacts"
)

// sourceAPI is the source of a consent that came through the API.
const sourceAPI = "api"

// ContactFields is what a contact's sender may say about it.
type ContactFields struct {
	Email      *string           `json:"email,omitempty" maxLength:"320" example:"edith@example.com" doc:"Empty: forget the address."`
	FirstName  *string           `json:"first_name,omitempty" example:"Edith"`
	LastName   *string           `json:"last_name,omitempty" example:"Holloway"`
	Phone      *string           `json:"phone,omitempty" example:"+354 555 0100"`
	Country    *string           `json:"country,omitempty" example:"Iceland" doc:"As the shop writes it: rules compare it as text."`
	Language   *string           `json:"language,omitempty" example:"is"`
	Timezone   *string           `json:"timezone,omitempty" example:"Atlantic/Reykjavik" doc:"IANA name."`
	Attributes map[string]any    `json:"attributes,omitempty" doc:"Merged by name into what is there; null deletes one."`
	CreatedAt  *time.Time        `json:"created_at,omitempty" doc:"When the shop has known the contact since. Default: now."`
	Topics     map[string]string `json:"topics,omitempty" doc:"Consent by topic: pending, subscribed or unsubscribed."`
}

// ContactItem is a contact in a batch.
type ContactItem struct {
	ExternalID string `json:"external_id,omitempty" maxLength:"200" example:"C-1001" doc:"The shop's id. Without one the contact is found by its address, and known by it."`
	ContactFields
}

func (f ContactFields) input(externalID string) contacts.Input {
	return contacts.Input{
		ExternalID: externalID,
		Email:      f.Email,
		FirstName:  f.FirstName,
		LastName:   f.LastName,
		Phone:      f.Phone,
		Country:    f.Country,
		Language:   f.Language,
		Timezone:   f.Timezone,
		Attributes: f.Attributes,
		CreatedAt:  f.CreatedAt,
		Topics:     f.Topics,
	}
}

// ContactChanged is a contact and what the request did to it.
type ContactChanged struct {
	contacts.Contact
	Change string `json:"change" enum:"created,updated,unchanged" doc:"What this request did."`
}

type ContactPath struct {
	ExternalID string `path:"external_id" maxLength:"200" example:"C-1001" doc:"The shop's id of the contact."`
}

var contactExample = map[string]any{
	"email": "edith@example.com", "first_name": "Edith", "last_name": "Holloway", "country": "Iceland",
	"attributes": map[string]any{"vip": true}, "topics": map[string]string{"news": "subscribed"},
}

type putContactInput struct {
	ContactPath
	Body ContactFields
}

var putContactDoc = operation{
	Description: "Fields that are left out stay as they are. The same request twice changes nothing the second time, not even `updated_at`. " +
		"A contact that was known by its address only is taken over: from then on it is known by this id.",
	Example: contactExample,
}

func (a *api) putContact(ctx context.Context, in *putContactInput) (*reply[ContactChanged], error) {
	c, change, err := contacts.Upsert(ctx, a.pool, a.now(), in.Body.input(in.ExternalID), sourceAPI)
	if err != nil {
		return nil, err
	}
	return ok(ContactChanged{Contact: c, Change: string(change)}), nil
}

var getContactDoc = operation{Description: "What is known about one contact. Consents and orders have lists of their own."}

func (a *api) getContact(ctx context.Context, in *ContactPath) (*reply[contacts.Contact], error) {
	c, err := contacts.ByExternalID(ctx, a.pool, in.ExternalID)
	if err != nil {
		return nil, err
	}
	return ok(c), nil
}

type listContactsInput struct {
	Paging
	Query string `query:"query" maxLength:"200" example:"holloway" doc:"How the id, the address or a name begins, upper and lower case alike."`
}

var listContactsDoc = operation{Description: "In the order in which they were created."}

func (a *api) listContacts(ctx context.Context, in *listContactsInput) (*reply[Page[contacts.Contact]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := contacts.List(ctx, a.pool, contacts.Filter{Query: in.Query, Cursor: cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

var deleteContactDoc = operation{
	Description: "The contact goes, with consents, orders and events. Messages that were sent to it stay in the ledger, and a suppression of its address stays too.",
	Status:      http.StatusNoContent,
}

func (a *api) deleteContact(ctx context.Context, in *ContactPath) (*none, error) {
	return nil, contacts.Delete(ctx, a.pool, in.ExternalID)
}

var batchContactsDoc = operation{
	Description: "Up to 1,000 contacts, as `{\"items\": […]}` or as an array. Each is handled like a PUT and reported; a bad one does not stop the others.",
	Example:     map[string]any{"items": []any{map[string]any{"external_id": "C-1001", "email": "edith@example.com", "country": "Iceland"}}},
	Limit:       batchLimit,
	Items:       true,
}

func (a *api) batchContacts(ctx context.Context, in *batchInput[ContactItem]) (*reply[BatchResult], error) {
	b := decodeBatch[ContactItem](a, in.Body, "external_id")
	inputs := make([]contacts.Input, len(b.Good))
	for i, item := range b.Good {
		inputs[i] = item.input(item.ExternalID)
	}
	results, err := contacts.UpsertBatch(ctx, a.pool, a.now(), inputs, sourceAPI)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		b.settle(ctx, a, r.Index, r.ExternalID, string(r.Change), r.Error)
	}
	return b.result(), nil
}

// Consents is what a contact agreed to.
type Consents struct {
	Items []contacts.Consent `json:"items"`
}

var listConsentsDoc = operation{Description: "One row for each topic the contact was ever asked about, with where the answer came from."}

func (a *api) listConsents(ctx context.Context, in *ContactPath) (*reply[Consents], error) {
	return a.consents(ctx, in.ExternalID)
}

func (a *api) consents(ctx context.Context, externalID string) (*reply[Consents], error) {
	c, err := contacts.ByExternalID(ctx, a.pool, externalID)
	if err != nil {
		return nil, err
	}
	list, err := contacts.Consents(ctx, a.pool, c.ID)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []contacts.Consent{}
	}
	return ok(Consents{Items: list}), nil
}

type putConsentInput struct {
	ContactPath
	Topic string `path:"topic" maxLength:"100" example:"news"`
	Body  struct {
		State  string `json:"state" enum:"pending,subscribed,unsubscribed" example:"subscribed"`
		Source string `json:"source,omitempty" maxLength:"200" example:"checkout form" doc:"Where the contact said so. Default: api."`
	}
}

var putConsentDoc = operation{
	Description: "Campaigns reach contacts that are `subscribed` to their topic. Answers all consents of the contact.",
	Example:     map[string]any{"state": "subscribed", "source": "checkout form"},
}

func (a *api) putConsent(ctx context.Context, in *putConsentInput) (*reply[Consents], error) {
	c, err := contacts.ByExternalID(ctx, a.pool, in.ExternalID)
	if err != nil {
		return nil, err
	}
	source := in.Body.Source
	if source == "" {
		source = sourceAPI
	}
	if err := contacts.SetConsent(ctx, a.pool, a.now(), c.ID, in.Topic, in.Body.State, source); err != nil {
		return nil, err
	}
	return a.consents(ctx, in.ExternalID)
}
