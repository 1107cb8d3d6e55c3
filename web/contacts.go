package web

import (
	"context"
	"net/http"
	"time"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/internal/fault"
	"posthorn/segments"
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
	Query      string `query:"query" maxLength:"200" example:"holloway" doc:"Words, each of which is part of the id, the address or a name, upper and lower case alike. One or two letters are how one of these begins."`
	Topic      string `query:"topic" maxLength:"100" example:"news" doc:"Together with consent: whose consent to this topic is in that state."`
	Consent    string `query:"consent" enum:"subscribed,pending,unsubscribed,never_asked" doc:"State of the consent to topic."`
	Segment    int64  `query:"segment" minimum:"0" example:"1" doc:"Only who is in this segment now."`
	Suppressed string `query:"suppressed" enum:"yes,no" doc:"Whether the address is suppressed."`
	Ordered    string `query:"ordered" enum:"yes,no" doc:"Whether there is an order that is placed or paid."`
	Country    string `query:"country" maxLength:"100" example:"Iceland" doc:"Exactly as the shop writes it."`
	Sort       string `query:"sort" enum:"newest,oldest,name,last_order" doc:"newest and oldest: by created_at; name: by last name; last_order: who ordered last comes first. Default: as they became known here."`
	Total      bool   `query:"total" doc:"Say also how many there are."`
	Pages      int    `query:"pages" minimum:"0" maximum:"1000" example:"200" doc:"Say also where the pages of so many contacts begin, so that the list can be opened in its middle."`
}

// ContactPage is a page of contacts.
type ContactPage struct {
	Items      []contacts.Row  `json:"items"`
	NextCursor string          `json:"next_cursor" example:"MTAw" doc:"Pass it as cursor to get the next page. Empty: this is the last one."`
	Total      *contacts.Total `json:"total,omitempty" doc:"With total: how many there are in all. Not exact: what the database expects, where counting would take long."`
	Pages      []string        `json:"pages,omitempty" doc:"With pages: the cursors of the second and further pages, up to 1,000. Missing: finding them would take long, or there is one page."`
}

var listContactsDoc = operation{Description: "In the order in which they became known here, unless sort says otherwise. All conditions hold together."}

func (a *api) listContacts(ctx context.Context, in *listContactsInput) (*reply[ContactPage], error) {
	cursor, err := in.text()
	if err != nil {
		return nil, err
	}
	f := contacts.Filter{
		Query: in.Query, Topic: in.Topic, State: in.Consent, Suppressed: yesNo(in.Suppressed), Ordered: yesNo(in.Ordered), Country: in.Country,
		Sort: contacts.Sort(in.Sort), Cursor: cursor, Limit: in.Limit,
	}
	if in.Segment != 0 {
		s, err := segments.Get(ctx, a.pool, in.Segment)
		if err != nil {
			return nil, err
		}
		rule, err := segments.Parse(s.Rule)
		if err != nil {
			return nil, err
		}
		f.Where = func(start int) (string, []any, error) {
			q, err := rule.Where(a.now(), start)
			return q.SQL, q.Args, err
		}
	}
	list, next, err := contacts.List(ctx, a.pool, f)
	if err != nil {
		return nil, fault.Under("query", err)
	}
	page := pageOf(list, next).Body
	out := ContactPage{Items: page.Items, NextCursor: page.NextCursor}
	if in.Total {
		total, err := contacts.Count(ctx, a.pool, f)
		if err != nil {
			return nil, err
		}
		out.Total = &total
	}
	if f.Limit = in.Pages; in.Pages != 0 {
		cursors, err := contacts.Pages(ctx, a.pool, f)
		if err != nil {
			return nil, fault.Under("query", err)
		}
		for _, c := range cursors {
			out.Pages = append(out.Pages, opaque(c))
		}
	}
	return ok(out), nil
}

// yesNo is nil where a parameter says neither.
func yesNo(s string) *bool {
	if s == "" {
		return nil
	}
	yes := s == "yes"
	return &yes
}

// ContactProfile is what a contact's page shows besides its orders and its timeline,
// which have lists of their own.
type ContactProfile struct {
	Contact     contacts.Contact      `json:"contact"`
	Consents    []contacts.Consent    `json:"consents"`
	Suppression *contacts.Suppression `json:"suppression" doc:"Of the address; null where it may be mailed."`
	Segments    []segments.Membership `json:"segments" doc:"The segments the contact is in now."`
	Stats       catalog.Stats         `json:"stats" doc:"What was ordered. Cancelled and refunded orders are as if they had never been, as for segments."`
	Deletes     contacts.Deletion     `json:"deletes" doc:"What deleting the contact would take along; messages would stay in the ledger."`
}

var getContactProfileDoc = operation{Description: "What is known about one contact, what belongs to it, and which segments it is in, in one answer."}

func (a *api) getContactProfile(ctx context.Context, in *ContactPath) (*reply[ContactProfile], error) {
	var (
		p   ContactProfile
		err error
	)
	if p.Contact, err = contacts.ByExternalID(ctx, a.pool, in.ExternalID); err != nil {
		return nil, err
	}
	id := p.Contact.ID
	if p.Consents, err = contacts.Consents(ctx, a.pool, id); err != nil {
		return nil, err
	}
	if p.Suppression, err = contacts.SuppressionOf(ctx, a.pool, p.Contact); err != nil {
		return nil, err
	}
	if p.Segments, err = segments.Of(ctx, a.pool, id, a.now()); err != nil {
		return nil, err
	}
	if p.Stats, err = catalog.StatsOf(ctx, a.pool, id); err != nil {
		return nil, err
	}
	if p.Deletes, err = contacts.Deletes(ctx, a.pool, id); err != nil {
		return nil, err
	}
	return ok(p), nil
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
