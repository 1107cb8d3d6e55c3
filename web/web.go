// Package web is Posthorn's face over HTTP: the JSON API under /api/v1 with its
// OpenAPI document and reference pages, the web app (web/ui), the public
// unsubscribe page, and the health checks.
//
// A request goes through these steps:
//
//  1. The frame (middleware.go) gives it an id, sets the security headers, logs
//     it by its route pattern and turns a panic into an answer.
//  2. The route is looked up in one list, api.go. What is not there is answered
//     with a problem document: 404, or 405 where only the method is wrong.
//  3. Who sends it is found out before a byte of the body is read, by key or by the
//     cookie of a session, and whether the operation is for them (access.go); then
//     the size that the body claims to have (limits.go).
//  4. huma decodes the body and checks it against the schema that the OpenAPI
//     document shows. Unknown fields are refused.
//  5. The handler acts through the package whose thing it is, and answers.
//
// Every failure leaves as application/problem+json with the field at fault
// (problem.go). Errors of package fault are the caller's and are shown as they
// are; Postgres being away is 503 with Retry-After; anything else is 500 with a
// request id, and its text only goes to the log.
//
// Handlers that give a worker something to do knock after the commit. A knock
// that fails is logged and forgotten: the scheduler's sweep finds the row.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/clock"
	"posthorn/queues"
	"posthorn/tracking"
	"posthorn/users"
	"posthorn/web/ui"
)

// Deps is what the handlers work with. All fields are required except Redis,
// without which /readyz does not speak of Redis, Sessions, and those that say so.
type Deps struct {
	Pool    *pgxpool.Pool
	Knocker Knocker
	Redis   func(ctx context.Context) error // one round trip to Redis
	Queues  *queues.Desk                    // nil: they cannot be looked at here
	Links   tracking.Links
	Secret  string // POSTHORN_SECRET: seals the relays' passwords
	BaseURL string // POSTHORN_BASE_URL: where this server is reached from outside
	Logger  *slog.Logger
	Clock   clock.Clock
	Ending  <-chan struct{} // closed when the server is to end: streams end then; nil: never

	Metrics http.Handler // answers scrapes; nil: there are none
	Observe Observe      // hears of each answer; nil: nobody does

	Sessions  *redis.Client    // where sessions and failed attempts are kept; nil: nobody can sign in
	Passwords *users.Passwords // nil: of users.DefaultCost
	Proxies   []netip.Prefix   // whose X-Forwarded-For is believed; nil: nobody's
	Loopback  bool             // pictures of products may be on this machine: tests and the demo
}

// New returns the handler of the whole server.
func New(deps Deps) http.Handler {
	h, _ := build(deps)
	return h
}

// build is New for tests, which also look at the OpenAPI document.
func build(deps Deps) (http.Handler, huma.API) {
	mux := http.NewServeMux()
	a := newAPI(mux, deps)
	a.routes()
	allowNull(a.huma.OpenAPI().Components.Schemas)
	mux.HandleFunc("/api/", a.noRoute)

	mountDocs(mux, a.huma.OpenAPI())
	mountPages(mux, deps)
	mux.Handle("GET "+ui.Prefix, ui.Handler())
	mux.Handle("GET "+strings.TrimSuffix(ui.Prefix, "/"), http.RedirectHandler(ui.Prefix, http.StatusPermanentRedirect))
	mountHealth(mux, deps)
	return frame(deps.Logger, deps.Observe, mux), a.huma
}

// Timeouts of a connection. An operation that takes longer to read or to answer
// (a batch, an import) moves its own deadlines.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 90 * time.Second
	writeTimeout  = 2 * time.Minute
	idleTimeout   = 2 * time.Minute
)

// NewServer returns a server for handler with timeouts at every step, so that a
// slow or silent client does not hold a connection for ever.
func NewServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
	}
}
