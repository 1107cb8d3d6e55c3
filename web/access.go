package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Role is what somebody, or a key, is allowed to do.
type Role string

const (
	Owner    Role = "owner"    // everything, also people, keys and settings
	Marketer Role = "marketer" // contacts, content, campaigns, journeys
	Ops      Role = "ops"      // queues, workers, relays; sees no contact's data
	Shop     Role = "shop"     // of keys only: brings contacts, products, orders and events in
)

// access is the set of roles that an operation is for. The owner may do anything.
type access uint8

const (
	owners    access = 0
	marketers access = 1 << (iota - 1)
	operators
	shops

	members = marketers | operators // everyone who signs in
)

// roles lists who may use an operation, the owner first.
func (a access) roles() []Role {
	list := []Role{Owner}
	for _, r := range []struct {
		access
		Role
	}{{marketers, Marketer}, {operators, Ops}, {shops, Shop}} {
		if a&r.access != 0 {
			list = append(list, r.Role)
		}
	}
	return list
}

func (a access) allows(role Role) bool {
	for _, r := range a.roles() {
		if r == role {
			return true
		}
	}
	return false
}

// principal is who sent a request.
type principal struct {
	Role Role
}

const principalKey contextKey = 1

// whoIs returns who sent the request that ctx belongs to.
func whoIs(ctx context.Context) principal {
	p, _ := ctx.Value(principalKey).(principal)
	return p
}

// authorize answers 403 where the operation is not for the role of who asks.
func (a *api) authorize(who access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if role := whoIs(ctx.Context()).Role; !who.allows(role) {
			a.refuse(ctx, newProblem(requestID(ctx.Context()), http.StatusForbidden, "this is not for the role "+string(role)+"; it takes "+roleNames(who.roles())))
			return
		}
		next(ctx)
	}
}

func roleNames(roles []Role) string {
	text := ""
	for i, r := range roles {
		switch {
		case i == 0:
		case i == len(roles)-1:
			text += " or "
		default:
			text += ", "
		}
		text += string(r)
	}
	return text
}
