package sandbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jhillyerd/enmime/v2"
)

//go:embed inbox.css list.html mail.html
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.Local().Format("15:04:05") },
	"day":   func(t time.Time) string { return t.Local().Format("Mon 2 Jan 2006, 15:04:05") },
	"size":  size,
	"join":  func(s []string) string { return strings.Join(s, ", ") },
}).ParseFS(files, "*.html"))

// perPage is how many mails the list shows at once.
const perPage = 50

// What the pages may load: nothing but their own style. Mails are shown in a
// frame whose own answer carries bodyCSP, so that a mail can run no script and
// reaches nothing of the page around it, even where it is opened by itself.
const (
	pageCSP = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action http: https:; base-uri 'none'; frame-ancestors 'none'"
	bodyCSP = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline' http: https:; font-src http: https: data:; frame-ancestors 'self'"
)

// Handler serves the inbox below prefix ("/inbox", or "" for the root).
func (s *Sandbox) Handler(prefix string) http.Handler {
	in := inbox{s, prefix}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"/{$}", in.list)
	mux.HandleFunc("GET "+prefix+"/inbox.css", in.style)
	mux.HandleFunc("GET "+prefix+"/{id}", in.mail)
	mux.HandleFunc("GET "+prefix+"/{id}/body", in.body)
	mux.HandleFunc("GET "+prefix+"/{id}/raw", in.raw)
	return mux
}

type inbox struct {
	*Sandbox
	prefix string
}

type listPage struct {
	Prefix, Query  string
	Stats          Stats
	Mails          []*Mail
	Total, Kept    int
	Page, Pages    int
	Previous, Next string // links, empty where there is none
	Duplicates     int64
	Busy           bool // mails are still coming in: the page reloads itself
}

func (in inbox) list(w http.ResponseWriter, r *http.Request) {
	query := r.FormValue("q")
	_, total := in.Find(query, 0, 0)
	pages := max((total+perPage-1)/perPage, 1)
	page, _ := strconv.Atoi(r.FormValue("page"))
	page = min(max(page, 1), pages)
	mails, _ := in.Find(query, page-1, perPage)
	p := listPage{Prefix: in.prefix, Query: query, Stats: in.Stats(), Mails: mails, Total: total, Page: page, Pages: pages}
	_, p.Kept = in.Find("", 0, 0)
	p.Duplicates = p.Stats.Accepted - p.Stats.Distinct
	link := func(n int) string {
		return in.prefix + "/?" + url.Values{"q": {query}, "page": {strconv.Itoa(n)}}.Encode()
	}
	if page > 1 {
		p.Previous = link(page - 1)
	}
	if page < p.Pages {
		p.Next = link(page + 1)
	}
	idle := in.opts.Clock().Sub(p.Stats.Last)
	p.Busy = page == 1 && query == "" && (p.Stats.Accepted == 0 || idle < 10*time.Second)
	in.show(w, "list.html", p)
}

type mailPage struct {
	Prefix       string
	Mail         *Mail
	Headers      []header
	View         string // html, text or raw
	HTML         bool   // there is an HTML part
	Text, Raw    string
	Attachments  []attachment
	Unsubscribe  string // the http(s) link of List-Unsubscribe
	OneClick     bool   // and a POST to it is enough (RFC 8058)
	Newer, Older int64
	Problems     []string
}

type header struct{ Name, Value string }

type attachment struct {
	Name, Type string
	Size       int
}

// shownHeaders are those worth a look without opening the source.
var shownHeaders = []string{"From", "To", "Reply-To", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "Content-Type"}

func (in inbox) mail(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(w, r)
	if !ok {
		return
	}
	p := mailPage{Prefix: in.prefix, Mail: m, View: r.FormValue("view"), Raw: string(m.Raw)}
	if _, ok := in.Mail(m.ID + 1); ok {
		p.Newer = m.ID + 1
	}
	if _, ok := in.Mail(m.ID - 1); ok {
		p.Older = m.ID - 1
	}
	env, err := enmime.ReadEnvelope(bytes.NewReader(m.Raw))
	if err != nil {
		p.Problems = append(p.Problems, "This mail cannot be read: "+err.Error())
		env = &enmime.Envelope{}
	} else {
		p.read(env)
	}
	if p.View != "text" && p.View != "raw" {
		p.View = "html"
	}
	if p.View == "html" && !p.HTML {
		p.View = "text"
	}
	in.show(w, "mail.html", p)
}

// read takes from the parsed mail what the page shows.
func (p *mailPage) read(env *enmime.Envelope) {
	for _, name := range shownHeaders {
		for _, value := range env.GetHeaderValues(name) {
			p.Headers = append(p.Headers, header{name, value})
		}
	}
	p.HTML = env.HTML != ""
	// enmime derives a text where there is none; only a real one is shown.
	if env.Root != nil && env.Root.BreadthMatchFirst(func(q *enmime.Part) bool {
		return q.ContentType == "" || strings.HasPrefix(q.ContentType, "text/plain")
	}) != nil {
		p.Text = env.Text
	}
	for _, part := range append(append([]*enmime.Part{}, env.Inlines...), env.Attachments...) {
		p.Attachments = append(p.Attachments, attachment{part.FileName, part.ContentType, len(part.Content)})
	}
	for _, e := range env.Errors {
		p.Problems = append(p.Problems, e.Name+": "+e.Detail)
	}
	p.Unsubscribe = webLink(env.GetHeader("List-Unsubscribe"))
	p.OneClick = strings.EqualFold(strings.TrimSpace(env.GetHeader("List-Unsubscribe-Post")), "List-Unsubscribe=One-Click")
	for _, name := range []string{"From", "Date", "Message-ID"} {
		if env.GetHeader(name) == "" {
			p.Problems = append(p.Problems, "There is no "+name+" header.")
		}
	}
	if _, err := mail.ParseDate(env.GetHeader("Date")); err != nil && env.GetHeader("Date") != "" {
		p.Problems = append(p.Problems, "The Date header is not a date.")
	}
}

// webLink returns the first http(s) link of a List-Unsubscribe header (RFC 2369 2).
func webLink(value string) string {
	for part := range strings.SplitSeq(value, ",") {
		part = strings.Trim(strings.TrimSpace(part), "<>")
		if u, err := url.Parse(part); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			return part
		}
	}
	return ""
}

// body answers with the HTML part alone, locked in by bodyCSP.
func (in inbox) body(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(w, r)
	if !ok {
		return
	}
	env, err := enmime.ReadEnvelope(bytes.NewReader(m.Raw))
	if err != nil {
		http.Error(w, "This mail cannot be read.", http.StatusUnprocessableEntity)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", bodyCSP)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write([]byte(openOutside(env.HTML)))
}

// openOutside makes the links of a mail open in a tab of their own: in the frame
// they would lead nowhere.
func openOutside(html string) string {
	const base = `<base target="_blank">`
	if i := strings.Index(strings.ToLower(html), "<head>"); i >= 0 {
		i += len("<head>")
		return html[:i] + base + html[i:]
	}
	return base + html
}

func (in inbox) raw(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(w, r)
	if !ok {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(m.Raw)
}

func (in inbox) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, files, "inbox.css")
}

func (in inbox) find(w http.ResponseWriter, r *http.Request) (*Mail, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err == nil {
		if m, ok := in.Mail(id); ok {
			return m, true
		}
	}
	http.Error(w, "This mail is not here (only the newest are kept).", http.StatusNotFound)
	return nil, false
}

func (in inbox) show(w http.ResponseWriter, page string, data any) {
	var buf bytes.Buffer
	if err := pages.ExecuteTemplate(&buf, page, data); err != nil {
		in.opts.Log.Error("sandbox: inbox page", "page", page, "error", err)
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pageCSP)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	_, _ = buf.WriteTo(w)
}

func size(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
}
