package web

import (
	"context"
	"net/http"

	"posthorn/contacts"
	"posthorn/internal/fault"
)

type listSuppressionsInput struct {
	Paging
	Query string `query:"query" maxLength:"200" example:"@example.com" doc:"Part of the address."`
	Cause string `query:"cause" enum:"unsubscribe,complaint,bounce,manual"`
	Sort  string `query:"sort" enum:"newest" doc:"The latest first. Default: by address."`
}

var listSuppressionsDoc = operation{Description: "In the order of their addresses, unless sort says otherwise."}

func (a *api) listSuppressions(ctx context.Context, in *listSuppressionsInput) (*reply[Page[contacts.SuppressionRow]], error) {
	cursor, err := in.text()
	if err != nil {
		return nil, err
	}
	list, next, err := contacts.Suppressions(ctx, a.pool, contacts.SuppressionFilter{Query: in.Query, Cause: in.Cause, Newest: in.Sort != "", Cursor: cursor, Limit: in.Limit})
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return pageOf(list, next), nil
}

// SuppressionCounts is how many addresses are suppressed for which cause.
type SuppressionCounts struct {
	Unsubscribe int64 `json:"unsubscribe"`
	Complaint   int64 `json:"complaint"`
	Bounce      int64 `json:"bounce"`
	Manual      int64 `json:"manual"`
}

var countSuppressionsDoc = operation{Description: "How many addresses are suppressed for each cause."}

func (a *api) countSuppressions(ctx context.Context, _ *none) (*reply[SuppressionCounts], error) {
	n, err := contacts.SuppressionCounts(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return ok(SuppressionCounts{n[contacts.CauseUnsubscribe], n[contacts.CauseComplaint], n[contacts.CauseBounce], n[contacts.CauseManual]}), nil
}

type postSuppressionInput struct {
	Body struct {
		Email  string `json:"email" maxLength:"320" example:"edith@example.com"`
		Cause  string `json:"cause,omitempty" enum:"unsubscribe,complaint,bounce,manual" default:"manual"`
		Detail string `json:"detail,omitempty" maxLength:"500" example:"asked by phone"`
	}
}

// SuppressedAddress names the address that is now suppressed.
type SuppressedAddress struct {
	Email string `json:"email" example:"edith@example.com" doc:"In the form in which addresses are compared."`
}

var postSuppressionDoc = operation{
	Description: "Nothing is mailed to the address from now on, not even what a running campaign has planned. An address that is suppressed already keeps its first cause.",
	Example:     map[string]any{"email": "edith@example.com", "cause": "manual", "detail": "asked by phone"},
	Status:      http.StatusCreated,
}

func (a *api) postSuppression(ctx context.Context, in *postSuppressionInput) (*reply[SuppressedAddress], error) {
	_, key, err := contacts.NormalizeEmail(in.Body.Email)
	if err != nil {
		return nil, err
	}
	if err := contacts.Suppress(ctx, a.pool, a.now(), in.Body.Email, in.Body.Cause, in.Body.Detail); err != nil {
		return nil, err
	}
	return ok(SuppressedAddress{Email: key}), nil
}

type deleteSuppressionInput struct {
	Email string `path:"email" maxLength:"320" example:"edith@example.com"`
}

var deleteSuppressionDoc = operation{
	Description: "The address may be mailed again, as far as its contacts' consents go. Only do so where the person asked for it.",
	Status:      http.StatusNoContent,
}

func (a *api) deleteSuppression(ctx context.Context, in *deleteSuppressionInput) (*none, error) {
	return nil, contacts.Unsuppress(ctx, a.pool, in.Email)
}
