package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/catalog"
	"posthorn/internal/clock"
	"posthorn/queues"
	"posthorn/users"
)

const apiPrefix = "/api/v1"

// api is what the handlers of /api/v1 share.
type api struct {
	mux     *http.ServeMux
	huma    huma.API
	pool    *pgxpool.Pool
	knocker Knocker
	queues  *queues.Desk
	metrics http.Handler
	secret  string
	baseURL string
	log     *slog.Logger
	now     clock.Clock
	ending  <-chan struct{}

	sessions  *sessions
	passwords *users.Passwords
	attempts  *users.Attempts // nil: there is no Redis to count in
	origins   *http.CrossOriginProtection
	proxies   []netip.Prefix

	pictures *http.Client
	editing  chan struct{} // holds one for each check or preview of a template: they cost time, and come while one types

	meter campaigns.Meter // how quickly runs go

	tag string // of the section that routes are being added to
}

func newAPI(mux *http.ServeMux, deps Deps) *api {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[catalog.Amount](), reflect.TypeFor[float64]())
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Posthorn",
				Version:     "1",
				Description: apiDescription,
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer":  {Type: "http", Scheme: "bearer", Description: "A key made with `posthorn apikey create NAME`, or by an owner."},
					"session": {Type: "apiKey", In: "cookie", Name: cookieName(deps.BaseURL), Description: "What `POST /session` sets. It is only taken from Posthorn's own pages."},
				},
			},
			Security: []map[string][]string{{"bearer": {}}, {"session": {}}},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		// A misspelt parameter would otherwise select everything.
		RejectUnknownQueryParameters: true,
	}
	a := &api{
		mux:     mux,
		huma:    humago.New(mux, config),
		pool:    deps.Pool,
		knocker: deps.Knocker,
		queues:  deps.Queues,
		metrics: deps.Metrics,
		secret:  deps.Secret,
		baseURL: strings.TrimSuffix(deps.BaseURL, "/"),
		log:     deps.Logger,
		now:     deps.Clock,
		ending:  deps.Ending,

		sessions:  newSessions(deps.Sessions, deps.BaseURL),
		passwords: deps.Passwords,
		origins:   http.NewCrossOriginProtection(),
		proxies:   deps.Proxies,
		pictures:  newPictures(deps.Loopback),
		editing:   make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
	}
	if deps.Sessions != nil {
		a.attempts = users.NewAttempts(deps.Sessions)
	}
	if a.passwords == nil {
		a.passwords = users.NewPasswords(users.DefaultCost)
	}
	// A proxy may name this server otherwise than the browser does.
	if u, err := url.Parse(deps.BaseURL); err == nil && u.Host != "" {
		_ = a.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host) // what cannot be one has no pages
	}
	return a
}

// schemaName names a type in the OpenAPI document. Types of other packages whose
// short names say too little get their package's word in front.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	pkg := t.PkgPath()
	if i := strings.LastIndexByte(pkg, '/'); i >= 0 {
		pkg = pkg[i+1:]
	}
	thing := map[string]string{"campaigns": "Campaign", "segments": "Segment", "templates": "Template", "catalog": "Catalog", "csvimport": "Import", "imports": "Import", "messages": "Message", "contacts": "Contact", "senders": "DKIM", "preflight": "Checklist", "home": "Home", "journeys": "Journey", "timeline": "Timeline", "queues": "Queue", "relays": "Relay"}[pkg]
	if thing == "" || strings.HasPrefix(name, thing) || pkg == "catalog" && slices.Contains([]string{"Order", "Product"}, name) || slices.Contains([]string{"SendingRules", "FrequencyCap", "QuietHours"}, name) {
		return name
	}
	return thing + name
}

const apiDescription = `Send contacts, products, orders and events; select contacts by what they bought; mail them, at once or step by step after what they chose.

**Keys.** A program's request carries ` + "`Authorization: Bearer KEY`" + `. Make a key with ` + "`posthorn apikey create NAME`" + `. A browser's carries the cookie of a session instead. ` + "`x-roles`" + ` of an operation lists the roles that it is for.

**Errors** are [problem documents](https://www.rfc-editor.org/rfc/rfc9457) (` + "`application/problem+json`" + `): ` + "`detail`" + ` says what was wrong, ` + "`field`" + ` names the field at fault, ` + "`errors`" + ` lists all of them. 400: not JSON. 401: no valid key, and not signed in. 403: not for this role, or from another site. 404: no such thing. 409: not possible in the present ` + "`state`" + `. 413: too large. 422: a field is wrong. 503: the database is away; try again after ` + "`Retry-After`" + ` seconds. Nothing has changed after any of them, save that an import which fails while it writes keeps what it wrote: run it again.

**Lists** take ` + "`limit`" + ` and ` + "`cursor`" + ` and answer ` + "`{items, next_cursor}`" + `. Pass ` + "`next_cursor`" + ` as ` + "`cursor`" + ` until it is empty.

**Batches** take up to 1,000 items as ` + "`{\"items\": […]}`" + ` or as an array, and report each one: a bad item does not stop the good ones.

**Sizes.** JSON up to 1 MB, templates up to 2 MB, batches up to 16 MB, CSV files up to 2 GB.

**Times** are RFC 3339; answers are in UTC.`

// section begins a part of the list of routes.
func (a *api) section(name, description string) {
	a.tag = name
	doc := a.huma.OpenAPI()
	doc.Tags = append(doc.Tags, &huma.Tag{Name: name, Description: description})
}

// operation is what the documentation says about a route, and its limits.
type operation struct {
	Description string
	Example     any           // of the request's body
	Status      int           // of success, where it is not 200
	Errors      []int         // besides those that every operation has
	Limit       int64         // of the body, in bytes; 0: bodyLimit
	Items       bool          // the body's items are checked one by one
	Files       bool          // the body is a CSV file, which the handler reads
	Timeout     time.Duration // of the handler; 0: handlerTimeout
	Text        string        // the answer is text, and this says of what kind
	stream      reflect.Type  // of what a live operation tells
	csv         bool          // the answer is a CSV file, see download
}

// handlerTimeout ends a handler that hangs, before the connection's deadlines do.
const handlerTimeout = time.Minute

// reply is an answer with a body.
type reply[T any] struct {
	Body T
}

// replyStatus is an answer whose status says what happened.
type replyStatus[T any] struct {
	Status int
	Body   T
}

func ok[T any](body T) *reply[T] { return &reply[T]{Body: body} }

// none is the input or output of an operation without any.
type none struct{}

// route adds one operation. who is whom it is for, pattern a method and a path
// under /api/v1.
func route[I, O any](a *api, who access, pattern, summary string, handler func(context.Context, *I) (*O, error), doc operation) {
	method, path, _ := strings.Cut(pattern, " ")
	path = apiPrefix + path
	op := huma.Operation{
		OperationID:   operationID(method, path),
		Method:        method,
		Path:          path,
		Summary:       summary,
		Description:   doc.Description,
		Tags:          []string{a.tag},
		DefaultStatus: doc.Status,
		Security:      []map[string][]string{{"bearer": {}}, {"session": {}}},
		Errors:        append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}, doc.Errors...),
		Middlewares:   huma.Middlewares{a.authenticate(who), a.authorize(who)},
		Extensions:    map[string]any{"x-roles": who.roles()},
	}
	switch {
	case who&anyone != 0:
		op.Security = []map[string][]string{}
	case who&onlyPeople != 0:
		op.Security = []map[string][]string{{"session": {}}}
	}
	if strings.Contains(path, "{") {
		op.Errors = append(op.Errors, http.StatusNotFound)
	}
	if method == http.MethodPost || method == http.MethodPut {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	}
	limit := doc.Limit
	if limit == 0 {
		limit = bodyLimit
	}
	op.Middlewares = append(op.Middlewares, a.limitBody(limit))
	switch {
	case doc.Files:
		op.RequestBody, op.MaxBodyBytes = csvBody(), limit
	case doc.Items:
		op.SkipValidateBody = true
		op.MaxBodyBytes, op.BodyReadTimeout = limit, batchReadTimeout
	default:
		op.MaxBodyBytes, op.BodyReadTimeout = limit, bodyReadTimeout
	}
	if doc.Example != nil {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: doc.Example}}}
	}
	if doc.stream != nil {
		schema := a.huma.OpenAPI().Components.Schemas.Schema(doc.stream, true, "")
		op.Responses = map[string]*huma.Response{"200": {Description: "Server-sent events: `state`, again whenever it changes, and `beat`.",
			Content: map[string]*huma.MediaType{"text/event-stream": {Schema: schema}}}}
	}
	if doc.csv {
		op.Responses = map[string]*huma.Response{"200": {Description: "A CSV file.",
			Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	}
	if doc.Text != "" {
		op.Responses = map[string]*huma.Response{"200": {Description: doc.Text,
			Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	}
	timeout := doc.Timeout
	if timeout == 0 {
		timeout = handlerTimeout
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		if !doc.Files {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problem(ctx, a.log, err)
		}
		return out, nil
	})
}

var betweenWords = regexp.MustCompile(`[^a-z0-9]+`)

// operationID makes a name for generated clients: put-contacts-by-external-id.
func operationID(method, path string) string {
	path = strings.TrimPrefix(path, apiPrefix)
	id := strings.ToLower(method + strings.ReplaceAll(path, "{", "by-"))
	return strings.Trim(betweenWords.ReplaceAllString(id, "-"), "-")
}

// limitBody refuses a body that says it is too large before reading it. One that
// does not say is stopped at its limit by whoever reads it.
func (a *api) limitBody(limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if r.ContentLength > limit {
			a.refuse(ctx, problem(ctx.Context(), a.log, &http.MaxBytesError{Limit: limit}))
			return
		}
		r.Body = newDrainingBody(w, r)
		next(ctx)
	}
}

// refuse answers before huma has read anything.
func (a *api) refuse(ctx huma.Context, p *Problem) {
	r, w := humago.Unwrap(ctx)
	drain(w, r)
	writeProblem(w, p)
}

// noRoute answers what no route matched: 405 where another method would have.
func (a *api) noRoute(w http.ResponseWriter, r *http.Request) {
	id := requestID(r.Context())
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := &http.Request{Method: method, Host: r.Host, URL: r.URL}
		if _, pattern := a.mux.Handler(other); strings.HasPrefix(pattern, method+" ") {
			allow = append(allow, method)
		}
	}
	drain(w, r)
	if len(allow) == 0 {
		writeProblem(w, newProblem(id, http.StatusNotFound, "there is no such path in the API; /api/docs lists all"))
		return
	}
	p := newProblem(id, http.StatusMethodNotAllowed, "this path takes "+strings.Join(allow, ", ")+", not "+r.Method)
	p.headers.Set("Allow", strings.Join(allow, ", "))
	writeProblem(w, p)
}
