package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"posthorn/internal/fault"
	"posthorn/users"
)

// access is the set of roles that an operation is for. The owner may do anything
// that is not for people alone.
type access uint8

const (
	owners    access = 0
	marketers access = 1 << (iota - 1)
	operators
	shops
	onlyPeople // not for keys
	anyone     // also who is not signed in

	members = marketers | operators // everyone who signs in, and their keys
	people  = members | onlyPeople  // everyone who signs in, about themselves
)

// roles lists who may use an operation, the owner first; nobody in particular where
// it is for anyone.
func (a access) roles() []users.Role {
	if a&anyone != 0 {
		return []users.Role{}
	}
	list := []users.Role{users.Owner}
	for _, r := range []struct {
		access
		users.Role
	}{{marketers, users.Marketer}, {operators, users.Ops}, {shops, users.Shop}} {
		if a&r.access != 0 {
			list = append(list, r.Role)
		}
	}
	return list
}

// refuses says why an operation is not for p; "" where it is.
func (a access) refuses(p principal) string {
	switch roles := a.roles(); {
	case a&anyone != 0:
		return ""
	case !slices.Contains(roles, p.Role):
		return "this is not for the role " + string(p.Role) + "; it takes " + roleNames(roles)
	case a&onlyPeople != 0 && p.UserID == 0:
		return "this is for people who are signed in, not for keys"
	}
	return ""
}

// principal is who sent a request: a person who is signed in, a key, or nobody (the
// zero principal, which only operations for anyone see).
type principal struct {
	Role   users.Role
	UserID int64  // of the person; 0: not a person
	KeyID  int64  // of the key; 0: not a key
	Name   string // the person's, their address where they gave none, or the key's
	User   *users.User

	holds func(context.Context) error // asks again; nil: nobody
}

// caller is where a request comes from.
type caller struct {
	source string // its network address, of IPv6 the network; see sourceOf
	token  string // the session's, as the browser sent it; ""
}

const (
	principalKey contextKey = iota + 1
	callerKey
)

// whoIs returns who sent the request that ctx belongs to.
func whoIs(ctx context.Context) principal {
	p, _ := ctx.Value(principalKey).(principal)
	return p
}

func whereFrom(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey).(caller)
	return c
}

// stillHolds reports whether who sent a long request could send it again.
func stillHolds(ctx context.Context) bool {
	holds := whoIs(ctx).holds
	return holds == nil || holds(ctx) == nil
}

// authTimeout bounds how long it may take to find out who sends a request.
const authTimeout = 10 * time.Second

// authenticate finds out who sends a request, before its body is read: the owner of
// a key, where there is one in the header, or of a session. A browser sends the cookie
// of a session with requests that other sites made it send, so without a key what
// changes something has to come from our own pages. Nobody is let through to
// operations for anyone only.
func (a *api) authenticate(who access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		id := requestID(ctx.Context())
		r, _ := humago.Unwrap(ctx)
		from := caller{source: sourceOf(r, a.proxies), token: a.sessions.token(r)}
		lookup, cancel := context.WithTimeout(ctx.Context(), authTimeout)
		defer cancel()

		var p principal
		var err error
		key, found := bearer(ctx.Header("Authorization"))
		switch {
		case found:
			p, err = a.byKey(lookup, key)
		case a.origins.Check(r) != nil:
			a.refuse(ctx, newProblem(id, http.StatusForbidden, "this request comes from another site; what signs in by cookie is only taken from Posthorn's own pages"))
			return
		case from.token != "":
			p, err = a.bySession(lookup, from.token)
		}
		switch {
		case errors.Is(err, users.ErrBadKey):
			a.refuse(ctx, unauthorized(id, "the key is unknown or revoked", `Bearer realm="posthorn", error="invalid_token"`))
		case err != nil && who&anyone != 0 && !found:
			// To sign in must not take what keeps sessions already open.
			next(huma.WithValue(ctx, callerKey, from))
		case err != nil:
			a.refuse(ctx, problem(ctx.Context(), a.log, err))
		case p.Role == "" && who&anyone == 0:
			a.refuse(ctx, unauthorized(id, "sign in, or send a key in the header Authorization: Bearer KEY (posthorn apikey create NAME makes one)", `Bearer realm="posthorn"`))
		default:
			next(huma.WithValue(huma.WithValue(ctx, callerKey, from), principalKey, p))
		}
	}
}

func (a *api) byKey(ctx context.Context, key string) (principal, error) {
	k, err := users.CheckAPIKey(ctx, a.pool, a.now(), key)
	if err != nil {
		return principal{}, err
	}
	return principal{Role: k.Role, KeyID: k.ID, Name: k.Name, holds: func(ctx context.Context) error {
		_, err := users.CheckAPIKey(ctx, a.pool, a.now(), key)
		return err
	}}, nil
}

// bySession returns nobody where the session is over.
func (a *api) bySession(ctx context.Context, token string) (principal, error) {
	s, found, err := a.sessions.find(ctx, a.now(), token)
	if err != nil || !found {
		return principal{}, err
	}
	u, err := users.Get(ctx, a.pool, s.userID)
	var missing *fault.NotFound
	switch {
	case errors.As(err, &missing):
		return principal{}, nil
	case err != nil:
		return principal{}, err
	case u.State != users.Active || u.Epoch != s.epoch:
		return principal{}, nil
	}
	p := principal{Role: u.Role, UserID: u.ID, Name: u.Name, User: &u, holds: func(ctx context.Context) error {
		now, err := users.Get(ctx, a.pool, u.ID)
		if err == nil && (now.State != users.Active || now.Epoch != u.Epoch || now.Role != u.Role) {
			err = errSessionOver
		}
		return err
	}}
	if p.Name == "" {
		p.Name = u.Email
	}
	return p, nil
}

var errSessionOver = errors.New("web: the session is over")

// authorize answers 403 where the operation is not for who asks.
func (a *api) authorize(who access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if why := who.refuses(whoIs(ctx.Context())); why != "" {
			a.refuse(ctx, newProblem(requestID(ctx.Context()), http.StatusForbidden, why))
			return
		}
		next(ctx)
	}
}

func roleNames(roles []users.Role) string {
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
