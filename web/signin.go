package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"posthorn/internal/fault"
	"posthorn/users"
)

// Session is who is signed in, if anybody.
type Session struct {
	SetupRequired bool        `json:"setup_required" doc:"There is nobody yet: the first person sets up the installation (POST /setup)."`
	User          *users.User `json:"user" doc:"Who is signed in; null: nobody."`
}

// sessionReply is an answer that begins or ends a session.
type sessionReply struct {
	SetCookie string `header:"Set-Cookie" doc:"The session's cookie."`
	Body      Session
}

// cookieReply is one without a body.
type cookieReply struct {
	SetCookie string `header:"Set-Cookie" doc:"The session's cookie."`
}

var getSessionDoc = operation{
	Description: "Who is signed in with the request's cookie, and whether there is anybody at all. It answers everybody.",
}

func (a *api) getSession(ctx context.Context, _ *none) (*reply[Session], error) {
	if u := whoIs(ctx).User; u != nil {
		return ok(Session{User: u}), nil
	}
	any, err := users.Any(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return ok(Session{SetupRequired: !any}), nil
}

var tooMany = []int{http.StatusTooManyRequests}

var postSessionDoc = operation{
	Description: "Signs in: the answer sets a cookie, which the browser sends from then on. It is over after a day without a request, after 14 days in all, or when it is ended. " +
		"401 where address and password do not fit together, whatever is wrong with them; 429 with `Retry-After` after repeated failures. Requests from other sites are refused (403).",
	Example: map[string]any{"email": "anna@shop.example", "password": "correct horse battery staple"},
	Errors:  tooMany,
}

type postSessionInput struct {
	Body struct {
		Email    string `json:"email" maxLength:"320" example:"anna@shop.example"`
		Password string `json:"password" maxLength:"1024" format:"password"`
	}
}

func (a *api) postSession(ctx context.Context, in *postSessionInput) (*sessionReply, error) {
	var u users.User
	err := a.attempt(ctx, in.Body.Email, func() (err error) {
		u, err = users.SignIn(ctx, a.pool, a.passwords, a.now(), in.Body.Email, in.Body.Password)
		return err
	})
	if errors.Is(err, users.ErrRefused) {
		a.log.WarnContext(ctx, "sign-in refused", "request_id", requestID(ctx))
		return nil, unauthorized("", "the address or the password is wrong", `Bearer realm="posthorn"`)
	}
	if err != nil {
		return nil, err
	}
	return a.signedIn(ctx, u)
}

// attempt does what strangers may try only so often. After too many failures it refuses
// before try is called. It failed where try says that what is guessed was wrong.
func (a *api) attempt(ctx context.Context, account string, try func() error) error {
	if a.attempts == nil {
		return errNoRedis
	}
	source := whereFrom(ctx).source
	count, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	wait, err := a.attempts.Begin(count, a.now(), account, source)
	if err != nil {
		return redisAway(err)
	}
	if wait > 0 {
		a.log.WarnContext(ctx, "attempt refused after repeated failures", "request_id", requestID(ctx), "wait", wait)
		p := newProblem("", http.StatusTooManyRequests, fmt.Sprintf("too many failed attempts; try again in %s", spoken(wait)))
		p.RetryAfter = int(wait.Seconds())
		p.headers.Set("Retry-After", strconv.Itoa(p.RetryAfter))
		return p
	}
	err = try()
	if errors.Is(err, users.ErrRefused) || errors.Is(err, users.ErrSetupCode) || errors.Is(err, users.ErrNoInvitation) {
		return err
	}
	end, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	if e := a.attempts.End(end, account, source, err == nil); e != nil && err == nil {
		return redisAway(e)
	}
	return err
}

// spoken is a wait as people say it.
func spoken(d time.Duration) string {
	if d > time.Minute {
		return fmt.Sprintf("%d minutes", int((d+time.Minute-1)/time.Minute))
	}
	if d <= time.Second {
		return "a second"
	}
	return fmt.Sprintf("%d seconds", int(d.Seconds()))
}

// signedIn opens a session in place of the one that the browser had.
func (a *api) signedIn(ctx context.Context, u users.User) (*sessionReply, error) {
	cookie, err := a.sessions.open(ctx, a.now(), u)
	if err != nil {
		return nil, err
	}
	if _, err := a.sessions.close(ctx, whereFrom(ctx).token); err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "signed in", "user_id", u.ID, "request_id", requestID(ctx))
	return &sessionReply{SetCookie: cookie, Body: Session{User: &u}}, nil
}

var deleteSessionDoc = operation{Description: "Signs out here. It is no error not to be signed in.", Status: http.StatusNoContent}

func (a *api) deleteSession(ctx context.Context, _ *none) (*cookieReply, error) {
	cookie, err := a.sessions.close(ctx, whereFrom(ctx).token)
	if err != nil {
		return nil, err
	}
	return &cookieReply{cookie}, nil
}

var deleteSessionsDoc = operation{Description: "Signs out everywhere, also here.", Status: http.StatusNoContent}

func (a *api) deleteSessions(ctx context.Context, _ *none) (*cookieReply, error) {
	if err := users.EndSessions(ctx, a.pool, a.now(), whoIs(ctx).UserID); err != nil {
		return nil, err
	}
	cookie, err := a.sessions.close(ctx, whereFrom(ctx).token)
	if err != nil {
		return nil, err
	}
	return &cookieReply{cookie}, nil
}

var putProfileDoc = operation{
	Description: "What people say about themselves. Texts and times are shown to them in their language and zone.",
	Example:     map[string]any{"name": "Anna Weber", "language": "de", "timezone": "Europe/Berlin"},
}

type putProfileInput struct {
	Body struct {
		Name     string `json:"name,omitempty" maxLength:"100" example:"Anna Weber"`
		Language string `json:"language,omitempty" enum:",en,de" example:"de" doc:"Empty: the browser's."`
		Timezone string `json:"timezone,omitempty" maxLength:"64" example:"Europe/Berlin" doc:"IANA name. Empty: the browser's."`
	}
}

func (a *api) putProfile(ctx context.Context, in *putProfileInput) (*reply[Session], error) {
	u, err := users.SetProfile(ctx, a.pool, a.now(), whoIs(ctx).UserID, users.Profile{Name: in.Body.Name, Language: in.Body.Language, Timezone: in.Body.Timezone})
	if err != nil {
		return nil, err
	}
	return ok(Session{User: &u}), nil
}

var putPasswordDoc = operation{
	Description: "Changes one's own password and signs out everywhere else. At least 12 characters; what is easy to guess is refused.",
	Example:     map[string]any{"current_password": "correct horse battery staple", "new_password": "purple otters juggle lanterns"},
	Errors:      tooMany,
}

type putPasswordInput struct {
	Body struct {
		CurrentPassword string `json:"current_password" maxLength:"1024" format:"password"`
		NewPassword     string `json:"new_password" maxLength:"1024" format:"password"`
	}
}

func (a *api) putPassword(ctx context.Context, in *putPasswordInput) (*sessionReply, error) {
	me := whoIs(ctx).User
	var u users.User
	err := a.attempt(ctx, me.Email, func() (err error) {
		u, err = users.ChangePassword(ctx, a.pool, a.passwords, a.now(), me.ID, in.Body.CurrentPassword, in.Body.NewPassword)
		return err
	})
	if errors.Is(err, users.ErrRefused) {
		return nil, fault.Invalidf("current_password", "is not your password")
	}
	if err != nil {
		return nil, err
	}
	return a.signedIn(ctx, u)
}

var postSetupDoc = operation{
	Description: "Makes the first person, who owns the installation, and signs them in. The code is in the log of the server's start, and `posthorn user setup-code` prints it. 409 once there is anybody.",
	Example: map[string]any{"code": "ABCDE-12345-FGHJK-67890", "email": "anna@shop.example", "name": "Anna Weber", "password": "correct horse battery staple",
		"language": "de", "timezone": "Europe/Berlin"},
	Status: http.StatusCreated,
	Errors: []int{http.StatusConflict, http.StatusTooManyRequests},
}

type postSetupInput struct {
	Body struct {
		Code     string `json:"code" maxLength:"100"`
		Email    string `json:"email" maxLength:"320" example:"anna@shop.example"`
		Name     string `json:"name,omitempty" maxLength:"100" example:"Anna Weber"`
		Password string `json:"password" maxLength:"1024" format:"password"`
		Language string `json:"language,omitempty" enum:",en,de"`
		Timezone string `json:"timezone,omitempty" maxLength:"64" example:"Europe/Berlin"`
	}
}

func (a *api) postSetup(ctx context.Context, in *postSetupInput) (*sessionReply, error) {
	var u users.User
	err := a.attempt(ctx, "", func() (err error) {
		u, err = users.Setup(ctx, a.pool, a.passwords, a.now(), a.secret, users.SetupInput(in.Body))
		return err
	})
	if errors.Is(err, users.ErrSetupCode) {
		return nil, fault.Invalidf("code", "is not this installation's: it is in the log of the server's start, and posthorn user setup-code prints it")
	}
	if err != nil {
		return nil, err
	}
	return a.signedIn(ctx, u)
}

// Invitee is whom an invitation is for.
type Invitee struct {
	Email string     `json:"email"`
	Name  string     `json:"name"`
	Role  users.Role `json:"role" enum:"owner,marketer,ops"`
}

var postInvitationDoc = operation{
	Description: "Whom an invitation is for. The token is what follows the # in the link that an owner was given. 404 where it was used, replaced, or is older than 7 days.",
	Example:     map[string]any{"token": "m1yT…"},
	Errors:      []int{http.StatusNotFound, http.StatusTooManyRequests},
}

type postInvitationInput struct {
	Body struct {
		Token string `json:"token" maxLength:"100"`
	}
}

func (a *api) postInvitation(ctx context.Context, in *postInvitationInput) (*reply[Invitee], error) {
	var u users.User
	err := a.attempt(ctx, "", func() (err error) {
		u, err = users.Invitee(ctx, a.pool, a.now(), in.Body.Token)
		return err
	})
	if err != nil {
		return nil, invitationProblem(err)
	}
	return ok(Invitee{u.Email, u.Name, u.Role}), nil
}

var putInvitationDoc = operation{
	Description: "Accepts an invitation: sets the password, and the name where one is given, and signs in. The link works once.",
	Example:     map[string]any{"token": "m1yT…", "name": "Ben Roth", "password": "correct horse battery staple"},
	Errors:      []int{http.StatusNotFound, http.StatusTooManyRequests},
}

type putInvitationInput struct {
	Body struct {
		Token    string `json:"token" maxLength:"100"`
		Name     string `json:"name,omitempty" maxLength:"100" example:"Ben Roth"`
		Password string `json:"password" maxLength:"1024" format:"password"`
	}
}

func (a *api) putInvitation(ctx context.Context, in *putInvitationInput) (*sessionReply, error) {
	var u users.User
	err := a.attempt(ctx, "", func() (err error) {
		u, err = users.Accept(ctx, a.pool, a.passwords, a.now(), in.Body.Token, in.Body.Name, in.Body.Password)
		return err
	})
	if err != nil {
		return nil, invitationProblem(err)
	}
	return a.signedIn(ctx, u)
}

func invitationProblem(err error) error {
	if errors.Is(err, users.ErrNoInvitation) {
		return newProblem("", http.StatusNotFound, "this link was used, replaced by a newer one, or is older than 7 days; ask an owner for a new one")
	}
	return err
}
