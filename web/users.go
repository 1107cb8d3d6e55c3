package web

import (
	"context"
	"net/http"

	"posthorn/users"
	"posthorn/web/ui"
)

type UserPath struct {
	ID int64 `path:"id" example:"1"`
}

// Invitation is a person and the link with which they choose their password.
type Invitation struct {
	User users.User `json:"user"`
	Link string     `json:"link" example:"https://mail.shop.example/app/invitation#m1yT…" doc:"Hand it over yourself: it is not sent, cannot be shown again, and works once."`
}

var listUsersDoc = operation{Description: "Everybody, by name, also who is disabled: there are few, so this is always the last page."}

func (a *api) listUsers(ctx context.Context, in *Paging) (*reply[Page[users.User]], error) {
	if _, err := in.text(); err != nil {
		return nil, err
	}
	list, err := users.List(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return pageOf(list, ""), nil
}

var getUserDoc = operation{Description: "One person."}

func (a *api) getUser(ctx context.Context, in *UserPath) (*reply[users.User], error) {
	u, err := users.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(u), nil
}

// UserFields is what an owner says about a person.
type UserFields struct {
	Email string     `json:"email" maxLength:"320" example:"ben@shop.example"`
	Name  string     `json:"name,omitempty" maxLength:"100" example:"Ben Roth"`
	Role  users.Role `json:"role" enum:"owner,marketer,ops" example:"marketer" doc:"owner: everything. marketer: contacts, content, campaigns, journeys. ops: queues, workers and relays, without any contact's data."`
}

type postUserInput struct {
	Body UserFields
}

var postUserDoc = operation{
	Description: "Makes an account without a password, and the link with which its owner chooses one.",
	Example:     map[string]any{"email": "ben@shop.example", "name": "Ben Roth", "role": "marketer"},
	Status:      http.StatusCreated,
}

func (a *api) postUser(ctx context.Context, in *postUserInput) (*reply[Invitation], error) {
	u, err := users.Create(ctx, a.pool, a.now(), users.Input(in.Body))
	if err != nil {
		return nil, err
	}
	return a.invite(ctx, u.ID)
}

type putUserInput struct {
	UserPath
	Body struct {
		UserFields
		Disabled bool `json:"disabled,omitempty" doc:"They cannot sign in, and are signed out everywhere."`
	}
}

var putUserDoc = operation{
	Description: "The person becomes what the body says; a new role holds from their next request on. 409 where no owner who can sign in would be left.",
	Example:     map[string]any{"email": "ben@shop.example", "name": "Ben Roth", "role": "ops", "disabled": false},
	Errors:      conflict,
}

func (a *api) putUser(ctx context.Context, in *putUserInput) (*reply[users.User], error) {
	u, err := users.Update(ctx, a.pool, a.now(), in.ID, users.Change{Input: users.Input(in.Body.UserFields), Disabled: in.Body.Disabled})
	if err != nil {
		return nil, err
	}
	return ok(u), nil
}

var inviteUserDoc = operation{
	Description: "A new link, in place of an earlier one; also for somebody who forgot their password, which holds until the link is used.",
	Errors:      conflict,
}

func (a *api) inviteUser(ctx context.Context, in *UserPath) (*reply[Invitation], error) {
	return a.invite(ctx, in.ID)
}

func (a *api) invite(ctx context.Context, id int64) (*reply[Invitation], error) {
	token, u, err := users.Invite(ctx, a.pool, a.now(), id)
	if err != nil {
		return nil, err
	}
	return ok(Invitation{u, InvitationLink(a.baseURL, token)}), nil
}

// InvitationLink is where a person goes to choose a password. What follows the # stays
// in the browser: no log and no proxy sees it.
func InvitationLink(baseURL, token string) string { return baseURL + ui.Prefix + "invitation#" + token }

// SetupLink is where the first person goes.
func SetupLink(baseURL, secret string) string {
	return baseURL + ui.Prefix + "set-up#" + users.SetupCode(secret)
}

// NewAPIKey is a key that was just made.
type NewAPIKey struct {
	users.APIKey
	Key string `json:"key" example:"ph_…" doc:"The key itself. It is not stored and cannot be shown again."`
}

var listAPIKeysDoc = operation{Description: "The active keys, the newest first: there are few, so this is always the last page. The keys themselves are not stored."}

func (a *api) listAPIKeys(ctx context.Context, in *Paging) (*reply[Page[users.APIKey]], error) {
	if _, err := in.text(); err != nil {
		return nil, err
	}
	list, err := users.ListAPIKeys(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return pageOf(list, ""), nil
}

type postAPIKeyInput struct {
	Body struct {
		Name string     `json:"name" maxLength:"100" example:"Shop" doc:"Who or what will use it."`
		Role users.Role `json:"role" enum:"owner,marketer,ops,shop" example:"shop" doc:"shop: brings contacts, products, orders and events in, and reads nothing. The others may what a person of the role may."`
	}
}

var postAPIKeyDoc = operation{
	Description: "Makes a key. The answer is the only one that shows it.",
	Example:     map[string]any{"name": "Shop", "role": "shop"},
	Status:      http.StatusCreated,
	Errors:      conflict,
}

func (a *api) postAPIKey(ctx context.Context, in *postAPIKeyInput) (*reply[NewAPIKey], error) {
	key, k, err := users.CreateAPIKey(ctx, a.pool, a.now(), in.Body.Name, in.Body.Role)
	if err != nil {
		return nil, err
	}
	return ok(NewAPIKey{k, key}), nil
}

type APIKeyPath struct {
	ID int64 `path:"id" example:"1"`
}

var deleteAPIKeyDoc = operation{
	Description: "Revokes a key for good: the next request with it is answered with 401.",
	Status:      http.StatusNoContent,
}

func (a *api) deleteAPIKey(ctx context.Context, in *APIKeyPath) (*none, error) {
	return nil, users.RevokeAPIKey(ctx, a.pool, a.now(), in.ID)
}
