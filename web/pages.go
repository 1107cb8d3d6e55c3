package web

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/clock"
	"posthorn/internal/fault"
	"posthorn/tracking"
)

//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

// pages serves what recipients see. It works without JavaScript and without
// cookies, and loads nothing: the style sheet stands in the page, allowed by its
// hash.
type pages struct {
	templates *template.Template
	style     template.CSS
	policy    string
	pool      *pgxpool.Pool
	links     tracking.Links
	log       *slog.Logger
	now       clock.Clock
}

func mountPages(mux *http.ServeMux, deps Deps) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	p := &pages{
		templates: template.Must(template.ParseFS(pageFiles, "pages/*.html")),
		style:     template.CSS(css),
		policy: strings.Join([]string{
			"default-src 'none'",
			"style-src " + hashSource(css),
			"base-uri 'none'",
			"form-action 'self'",
			"frame-ancestors 'none'",
		}, "; "),
		pool:  deps.Pool,
		links: deps.Links,
		log:   deps.Logger,
		now:   deps.Clock,
	}
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /robots.txt", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n"))
	})
	mux.HandleFunc("GET /u/{token}", p.showUnsubscribe)
	mux.HandleFunc("POST /u/{token}", p.unsubscribe)
	mux.HandleFunc("/", p.notFound)
}

// pageData is what the templates know.
type pageData struct {
	Style   template.CSS
	Title   string
	Topic   string
	Email   string // shortened: the link may have been forwarded
	Scope   string // done: what was asked for
	Test    bool   // the link is from a test mail
	Already bool   // the address is suppressed already
	Left    bool   // the contact has left the topic already
}

func (p *pages) home(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusOK, "home.html", pageData{Title: "Posthorn"})
}

func (p *pages) notFound(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusNotFound, "notfound.html", pageData{Title: "Not found"})
}

// showUnsubscribe shows the choices and changes nothing: mail scanners follow
// links.
func (p *pages) showUnsubscribe(w http.ResponseWriter, r *http.Request) {
	sub, found := p.lookUp(w, r)
	if !found {
		return
	}
	p.render(w, r, http.StatusOK, "unsubscribe.html", pageData{
		Title:   "Unsubscribe",
		Topic:   sub.Topic,
		Email:   maskEmail(sub.Email),
		Test:    sub.Test,
		Already: sub.Suppressed,
		Left:    sub.Unsubscribed,
	})
}

// maxForm bounds the body of a form, which is one short field.
const maxForm = 64 << 10

// unsubscribe does it: for a button of the page (scope=all or scope=topic), and
// for a mail program's one-click request (RFC 8058: List-Unsubscribe=One-Click,
// as a form of either kind).
func (p *pages) unsubscribe(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := parseForm(r); err != nil {
		p.render(w, r, http.StatusBadRequest, "failed.html", pageData{Title: "That did not work"})
		return
	}
	scope := tracking.ScopeAll // also where a mail program sends something unexpected: it was asked to unsubscribe
	if r.PostForm.Get("scope") == tracking.ScopeTopic && r.PostForm.Get("List-Unsubscribe") == "" {
		scope = tracking.ScopeTopic
	}
	sub, found := p.lookUp(w, r)
	if !found {
		return
	}
	if err := tracking.Unsubscribe(r.Context(), p.pool, p.now(), sub.MessageID, scope); err != nil {
		p.fail(w, r, err)
		return
	}
	p.log.InfoContext(r.Context(), "unsubscribed", "message_id", sub.MessageID, "scope", scope, "request_id", requestID(r.Context()))
	p.render(w, r, http.StatusOK, "done.html", pageData{
		Title: "You are unsubscribed",
		Topic: sub.Topic,
		Email: maskEmail(sub.Email),
		Scope: scope,
		Test:  sub.Test,
	})
}

// parseForm reads a form of either kind. (ParseMultipartForm alone forgets what
// was wrong with a form of the plain kind.)
func parseForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	if err := r.ParseMultipartForm(maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return err
	}
	return nil
}

// lookUp finds what the link is about, or answers.
func (p *pages) lookUp(w http.ResponseWriter, r *http.Request) (tracking.Subscription, bool) {
	id, err := p.links.Parse(r.PathValue("token"))
	if err != nil {
		p.render(w, r, http.StatusNotFound, "badlink.html", pageData{Title: "This link does not work"})
		return tracking.Subscription{}, false
	}
	sub, err := tracking.Lookup(r.Context(), p.pool, id)
	if err != nil {
		p.fail(w, r, err)
		return tracking.Subscription{}, false
	}
	return sub, true
}

func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	var notFound *fault.NotFound
	if errors.As(err, &notFound) {
		p.render(w, r, http.StatusNotFound, "badlink.html", pageData{Title: "This link does not work"})
		return
	}
	status := http.StatusInternalServerError
	if unavailable(err) != "" {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", retryAfter)
	}
	p.log.ErrorContext(r.Context(), "unsubscribe failed", "request_id", requestID(r.Context()), "err", err)
	p.render(w, r, status, "failed.html", pageData{Title: "That did not work"})
}

func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, data pageData) {
	data.Style = p.style
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		p.log.ErrorContext(r.Context(), "render page", "page", name, "request_id", requestID(r.Context()), "err", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", p.policy)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// maskEmail shows enough of an address for its owner to recognise it.
func maskEmail(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return ""
	}
	first := []rune(local)[0]
	return string(first) + "…@" + domain
}
