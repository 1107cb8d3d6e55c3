package web

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"slices"
	"strings"
	"testing"
	"time"
)

// form posts fields as a page does.
func (s *server) form(path string, fields map[string]string) answer {
	s.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.request("POST", path, w.FormDataContentType(), &b)
}

// The frame that shows a mail can run nothing, send nothing and load nothing, and only
// pictures may be let in.
func TestPreviewPageIsASandbox(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const path = "/api/v1/templates/preview/page"
	mail := `<!DOCTYPE html><html><head lang="en"><title>x</title></head><body><script>alert(1)</script><!--[if mso]><td><![endif]--><p CLASS=x>a &lt; b</p></body></html>`
	a := s.form(path, map[string]string{"html": mail}).want(200)
	if got := string(a.body); got != strings.Replace(mail, `<head lang="en">`, `<head lang="en"><base target="_blank">`, 1) {
		t.Errorf("%s", got)
	}
	if ct := a.header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", ct)
	}
	directives := func(a answer) []string { return strings.Split(a.header.Get("Content-Security-Policy"), "; ") }
	want := []string{"sandbox", "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "form-action 'none'", "frame-ancestors 'self'"}
	if got := directives(a); !slices.Equal(got, want) {
		t.Errorf("policy %q", got)
	}
	if len(a.header.Values("Content-Security-Policy")) != 1 || a.header.Get("X-Frame-Options") != "SAMEORIGIN" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", a.header)
	}
	want[3] = "img-src data: https: http:"
	if got := directives(s.form(path, map[string]string{"html": mail, "pictures": "1"}).want(200)); !slices.Equal(got, want) {
		t.Errorf("with pictures: %q", got)
	}
	s.form(path, map[string]string{"pictures": "1"}).problem(422, "html")
	s.do("POST", path, obj{"html": mail}).want(422)
	s.form(path, map[string]string{"html": strings.Repeat("x", previewPageLimit)}).want(413)
	s.key = ""
	s.form(path, map[string]string{"html": mail}).want(401)
}

// Nothing is tried to load that may not, so that nothing of it is in the browser's log.
func TestPreviewLoadsNothingUnasked(t *testing.T) {
	t.Parallel()
	const box = `<style>img[data-hidden]{display:inline-block;min-width:24px;min-height:24px;outline:1px dashed #999;background:#f4f4f4;color:#555;font:12px/1.3 sans-serif;overflow:hidden}</style>`
	for _, c := range []struct{ html, with, without string }{
		{`<p>x</p><img src="https://a.example/x.png" alt="A > B" width=5>`, `<p>x</p><img src="https://a.example/x.png" alt="A > B" width=5>`, box + `<p>x</p><img data-hidden alt="A > B" width=5>`},
		{`<IMG width="5" SRC='//a.example/x' srcset="https://a.example/2x 2x"/>`, `<IMG width="5" SRC='//a.example/x' srcset="https://a.example/2x 2x"/>`, box + `<img data-hidden width="5"/>`},
		{`<td background=http://a.example/x.png>`, `<td background=http://a.example/x.png>`, `<td>`},
		{`<img src="data:image/png;base64,AA==">`, `<img src="data:image/png;base64,AA==">`, `<img src="data:image/png;base64,AA==">`},
		{`<link href="https://a.example/f.css" rel="stylesheet"><style>@import url(https://a.example/f);p{color:red}</style>`, `<style>p{color:red}</style>`, `<style>p{color:red}</style>`},
		{`<!--[if mso]><img src="https://a.example/x"><![endif]--><a href="https://a.example">@import x;</a>`, `<!--[if mso]><img src="https://a.example/x"><![endif]--><a href="https://a.example">@import x;</a>`, `<!--[if mso]><img src="https://a.example/x"><![endif]--><a href="https://a.example">@import x;</a>`},
	} {
		if got := withoutLoading(c.html, true); got != c.with {
			t.Errorf("with pictures: %s", got)
		}
		if got := withoutLoading(c.html, false); got != c.without {
			t.Errorf("without: %s, want %s", got, c.without)
		}
	}
}

func TestDarkPreview(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		`<style>@media (Prefers-Color-Scheme: DARK){p{color:#fff}} @media screen and (prefers-color-scheme:light){p{color:#000}}</style>`: `<style>@media (min-width:0){p{color:#fff}} @media screen and (max-width:0){p{color:#000}}</style>`,
		`<!doctype html><p>x</p>`: `<!doctype html><style>html{background:#fff;filter:invert(1) hue-rotate(180deg)}img{filter:invert(1) hue-rotate(180deg)}</style><p>x</p>`,
	} {
		if got := dark(html); got != want {
			t.Errorf("%s", got)
		}
	}
}

func TestPreviewOfWhatIsNotSaved(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.putContact("C-1", "c1@example.com")
	s.putOrder("O-1", "C-1", s.clock.Now().Add(-time.Hour))
	s.putOrder("O-2", "C-1", s.clock.Now())
	s.do("POST", "/api/v1/events", obj{"contact_external_id": "C-1", "name": "left a cart", "properties": obj{"n": 7}}).want(201)
	source := obj{"subject": "{{ order.id }} {{ event.name }} {{ event.properties.n }}", "preheader": "For {{ contact.email }}",
		"html": `<p>{{ order.total | money: order.currency }}</p><a href="{{ unsubscribe_url }}">x</a>`}
	preview := func(more obj) answer {
		body := obj{"source": source}
		for k, v := range more {
			body[k] = v
		}
		return s.do("POST", "/api/v1/templates/preview", body)
	}
	a := preview(obj{"contact_external_id": "C-1"}).want(200)
	if a.get("ok") != true || a.get("subject") != "O-2 left a cart 7" || a.get("preheader") != "For c1@example.com" || a.get("order_id") != "O-2" || a.get("event", "name") != "left a cart" {
		t.Errorf("%s", a.body)
	}
	if html := a.get("html").(string); !strings.Contains(html, "€10.00") || a.get("html_bytes") != float64(len(html)) || a.get("text_bytes") != float64(len(a.get("text").(string))) {
		t.Errorf("%s", a.body)
	}
	if a := preview(obj{"contact_external_id": "C-1", "order_id": "O-1", "event": "left a cart"}).want(200); a.get("order_id") != "O-1" {
		t.Errorf("%s", a.body)
	}
	if a := preview(obj{}).want(200); a.get("order_id") != "O-20481" {
		t.Errorf("%s", a.body)
	}
	if a := preview(obj{"sample": "bare"}).want(200); a.get("preheader") != "For someone@example.com" || a.json()["order_id"] != nil || a.json()["event"] != nil {
		t.Errorf("%s", a.body)
	}
	preview(obj{"contact_external_id": "C-9"}).problem(404, "")
	preview(obj{"contact_external_id": "C-1", "order_id": "O-9"}).problem(422, "order_id")
	preview(obj{"contact_external_id": "C-1", "event": "nothing"}).problem(422, "event")

	source["html"] = "<p>{{ contact.frist_name }}</p>"
	a = preview(obj{"contact_external_id": "C-1"}).want(200)
	if a.get("ok") != false || a.get("html") != "" || a.get("problems", 1, "line") != 1.0 || a.get("problems", 1, "column") != 7.0 || a.get("problems", 1, "length") != 18.0 {
		t.Errorf("%s", a.body)
	}
	// The saved one has the same order and event.
	source["html"] = `<a href="{{ unsubscribe_url }}">x</a>`
	source["name"] = "T"
	s.do("POST", "/api/v1/templates", source).want(201)
	if a := s.do("POST", "/api/v1/templates/1/preview", obj{"contact_external_id": "C-1"}).want(200); a.get("subject") != "O-2 left a cart 7" || a.get("version") != 1.0 || a.get("preheader") != "For c1@example.com" {
		t.Errorf("%s", a.body)
	}
}

func TestVariablesAreWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("PUT", "/api/v1/contacts/C-1", obj{"attributes": obj{"loyalty": "gold"}}).want(200)
	a := s.do("GET", "/api/v1/templates/variables", nil).want(200)
	doc := s.do("GET", "/api/openapi.json", nil).want(200)
	for list, schema := range map[string]string{"variables": "TemplateVariable", "filters": "TemplateFilter", "tags": "TemplateTag"} {
		items := a.get(list).([]any)
		if len(items) < 9 {
			t.Errorf("%s: %d", list, len(items))
		}
		for field, v := range doc.get("components", "schemas", schema, "properties").(map[string]any) {
			known, _ := v.(map[string]any)["enum"].([]any)
			for _, item := range items {
				if value := item.(map[string]any)[field]; len(known) > 0 && !slices.Contains(known, value) {
					t.Errorf("%s: %v is not among %v", list, value, known)
				}
			}
			if field == "name" && len(known) != len(items) {
				t.Errorf("%s: %d names in the document, %d in the answer", list, len(known), len(items))
			}
		}
	}
	if a.get("in_use", "attributes", 0) != "loyalty" {
		t.Errorf("%s", a.body)
	}
	if de := s.do("GET", "/api/v1/templates/samples?language=de", nil).want(200); de.get("items", 0, "language") != "de" || len(de.get("items").([]any)) != 3 {
		t.Errorf("%s", de.body)
	}
}

func TestTemplatesComeAndGo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for i := range 3 {
		s.do("POST", "/api/v1/templates", templateBody(fmt.Sprint("T", i+1))).want(201)
		s.clock.Advance(time.Second)
	}
	change := templateBody("T1")
	change["subject"], change["version"] = "Changed", 1
	if a := s.do("PUT", "/api/v1/templates/1", change).want(200); a.get("version") != 2.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PUT", "/api/v1/templates/1", change).want(409); a.get("state") != "version 2" {
		t.Errorf("%s", a.body)
	}
	if seen := s.walk("/api/v1/templates", "name", 1); !slices.Equal(seen, []string{"T1", "T3", "T2"}) {
		t.Errorf("%v", seen)
	}
	if a := s.do("GET", "/api/v1/templates?query=chang", nil).want(200); len(a.get("items").([]any)) != 1 || a.get("items", 0, "kind") != "html" {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/templates?cursor=eHg", nil).problem(422, "query.cursor")

	a := s.do("GET", "/api/v1/templates/1/versions?sources=false&limit=1", nil).want(200)
	if a.get("items", 0, "version") != 2.0 || a.get("items", 0, "subject") != "Changed" || a.json()["next_cursor"] == "" {
		t.Errorf("%s", a.body)
	}
	if seen := s.walk("/api/v1/templates/1/versions", "subject", 1); len(seen) != 2 || seen[0] != "Changed" {
		t.Errorf("%v", seen)
	}
	if a := s.do("POST", "/api/v1/templates/1/restore", obj{"version": 1}).want(200); a.get("version") != 3.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/templates/1/versions/3", nil).want(200); a.get("restored_from") != 1.0 || a.get("html") == "" {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/templates/1/versions/9", nil).problem(404, "")
	if a := s.do("POST", "/api/v1/templates/1/duplicate", obj{}).want(201); a.get("name") != "T1 (copy)" || a.get("id") != 4.0 {
		t.Errorf("%s", a.body)
	}

	s.do("POST", "/api/v1/journeys", thanks()).want(201)
	if a := s.do("GET", "/api/v1/templates/1/uses", nil).want(200); a.get("items", 0, "kind") != "journey" || a.get("items", 0, "steps", 0) != "thanks" {
		t.Errorf("%s", a.body)
	}
	if p := s.do("POST", "/api/v1/templates/1/archive", nil).problem(409, ""); !strings.Contains(p["detail"].(string), `journey "Thanks" (draft)`) {
		t.Errorf("%v", p)
	}
	s.do("DELETE", "/api/v1/templates/1", nil).problem(409, "")
	s.do("DELETE", "/api/v1/templates/4", nil).want(204)
	s.do("POST", "/api/v1/templates/2/archive", nil).want(200)
	if a := s.do("GET", "/api/v1/templates?archived=true", nil).want(200); len(a.get("items").([]any)) != 1 || a.get("items", 0, "name") != "T2" {
		t.Errorf("%s", a.body)
	}
	s.do("PUT", "/api/v1/templates/2", templateBody("T2")).problem(409, "")
	s.do("POST", "/api/v1/templates/2/unarchive", nil).want(200)
	s.do("PUT", "/api/v1/templates/2", templateBody("T2")).want(200)
}
