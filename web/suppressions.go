package web

import (
	"context"
	"net/http"

	"posthorn/contacts"
)

var listSuppressionsDoc = operation{Description: "In the order of their addresses."}

func (a *api) listSuppressions(ctx context.Context, in *Paging) (*reply[Page[contacts.Suppression]], error) {
	cursor, err := in.text()
	if err != nil {
		return nil, err
	}
	list, next, err := contacts.Suppressions(ctx, a.pool, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return pageOf(list, next), nil
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
