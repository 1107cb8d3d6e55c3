package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// sentMessage writes a contact, subscribed to news and offers, and a message
// that was sent to it by a campaign of topic news.
func (s *server) sentMessage(kind string) (messageID int64) {
	s.t.Helper()
	now := s.clock.Now()
	err := s.pool.QueryRow(s.t.Context(), `
		WITH c AS (
			INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
			VALUES ('C-1', 'Edith@example.com', 'edith@example.com', $1, $1) RETURNING id
		), consent AS (
			INSERT INTO consents (contact_id, topic, state, updated_at)
			SELECT id, topic, 'subscribed', $1 FROM c, unnest(ARRAY['news', 'offers']) AS topic
		), t AS (
			INSERT INTO templates (name, version, created_at, updated_at) VALUES ('T', 1, $1, $1) RETURNING id
		), v AS (
			INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at)
			SELECT id, 1, 'S', '', '', $1 FROM t RETURNING template_id
		), campaign AS (
			INSERT INTO campaigns (name, template_id, sender_address, topic, status, created_at, updated_at)
			SELECT 'Spring', template_id, 'news@shop.example', 'news', 'running', $1, $1 FROM v RETURNING id, template_id
		), run AS (
			INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, started_at, name, topic, sender_address)
			SELECT id, $2, 'now', template_id, 1, '{}', $1, $1, 'Spring', 'news', 'news@shop.example' FROM campaign RETURNING id
		)
		INSERT INTO messages (run_id, contact_id, email, state, created_at, updated_at)
		SELECT run.id, CASE $2 WHEN 'campaign' THEN c.id END, 'Edith@example.com', 'sent', $1, $1 FROM run, c
		RETURNING id`, now, kind).Scan(&messageID)
	if err != nil {
		s.t.Fatal(err)
	}
	return messageID
}

// unsubscribePath is the path of the message's link.
func (s *server) unsubscribePath(messageID int64) string {
	s.t.Helper()
	u, err := url.Parse(s.links.Unsubscribe(messageID))
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Path
}

func (s *server) suppressed() int64 {
	return s.count(`SELECT count(*) FROM suppressions WHERE email_key = 'edith@example.com' AND cause = 'unsubscribe'`)
}

func (s *server) subscribed() int64 {
	return s.count(`SELECT count(*) FROM consents WHERE state = 'subscribed'`)
}

func TestUnsubscribePage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = ""
	path := s.unsubscribePath(s.sentMessage("campaign"))

	for _, method := range []string{"GET", "HEAD", "GET"} {
		a := s.request(method, path, "", nil).want(200)
		if cc := a.header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("Cache-Control: %q", cc)
		}
	}
	if s.suppressed() != 0 || s.subscribed() != 2 {
		t.Fatal("looking at the page has changed something")
	}

	page := string(s.request("GET", path, "", nil).body)
	for _, part := range []string{`<form method="post">`, `value="all"`, `value="topic"`, "news", "E…@example.com", "noindex"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	for _, part := range []string{"<script", "Edith@", "http://", "https://", "onclick"} {
		if strings.Contains(page, part) {
			t.Errorf("the page holds %q", part)
		}
	}
	a := s.request("GET", path, "", nil)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindSubmatch(a.body)
	if style == nil || !strings.Contains(a.header.Get("Content-Security-Policy"), hashSource(style[1])) {
		t.Errorf("the policy %q does not allow the page's style", a.header.Get("Content-Security-Policy"))
	}
	if a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("X-Robots-Tag") != "noindex, nofollow" {
		t.Errorf("headers: %v", a.header)
	}
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	form := "application/x-www-form-urlencoded"
	tests := []struct {
		name              string
		contentType, body string
		suppressed, topic bool
	}{
		{"everything", form, "scope=all", true, true},
		{"only the topic", form, "scope=topic", false, true},
		{"one click", form, "List-Unsubscribe=One-Click", true, true},
		{"one click wins", form, "List-Unsubscribe=One-Click&scope=topic", true, true},
		{"nothing said", "", "", true, true},
		{"an unknown scope", form, "scope=some", true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.key = ""
			path := s.unsubscribePath(s.sentMessage("campaign"))
			for range 2 { // a second time is as good as the first
				s.request("POST", path, tt.contentType, strings.NewReader(tt.body)).want(200)
			}
			if got := s.suppressed() == 1; got != tt.suppressed {
				t.Errorf("suppressed: %t, want %t", got, tt.suppressed)
			}
			if got := s.count(`SELECT count(*) FROM consents WHERE topic = 'news' AND state = 'unsubscribed'`) == 1; got != tt.topic {
				t.Errorf("left the topic: %t, want %t", got, tt.topic)
			}
			if n := s.count(`SELECT count(*) FROM consents WHERE topic = 'offers' AND state = 'subscribed'`); n != 1 && !tt.suppressed {
				t.Error("another topic was touched")
			}
			s.request("GET", path, "", nil).want(200)
		})
	}
}

// RFC 8058 3.2 also allows multipart/form-data.
func TestOneClickMultipart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = ""
	path := s.unsubscribePath(s.sentMessage("campaign"))
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("List-Unsubscribe", "One-Click"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s.request("POST", path, w.FormDataContentType(), &b).want(200)
	if s.suppressed() != 1 {
		t.Error("not suppressed")
	}
}

func TestUnsubscribeFromTestMail(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = ""
	path := s.unsubscribePath(s.sentMessage("test"))
	if a := s.request("GET", path, "", nil).want(200); !strings.Contains(string(a.body), "test mail") {
		t.Errorf("the page does not say so: %s", a.body)
	}
	s.request("POST", path, "application/x-www-form-urlencoded", strings.NewReader("scope=all")).want(200)
	if s.suppressed() != 0 || s.subscribed() != 2 {
		t.Error("a test mail's link has changed something")
	}
}

func TestBadLinks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = ""
	id := s.sentMessage("campaign")
	good := s.unsubscribePath(id)
	paths := []string{"/u/x", "/u/" + strings.Repeat("A", 5000), good[:len(good)-1], good + "A", "/u/%00", s.unsubscribePath(id + 1000)}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST"} {
			a := s.request(method, path, "", nil)
			if a.status != http.StatusNotFound && a.status != http.StatusBadRequest {
				t.Errorf("%s %.40s: status %d", method, path, a.status)
			}
		}
	}
	if s.suppressed() != 0 {
		t.Error("a bad link has suppressed somebody")
	}
	big := io.LimitReader(strings.NewReader(strings.Repeat("scope=all&", 20_000)), 200_000)
	s.request("POST", good, "application/x-www-form-urlencoded", big).want(400)
	if s.suppressed() != 0 {
		t.Error("a form that is no form has suppressed somebody")
	}
	s.request("PUT", good, "", nil).want(404)
	s.request("GET", "/u/", "", nil).want(404)
}

func TestHomePage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if a := s.do("GET", "/", nil).want(200); !strings.Contains(string(a.body), `href="/api/docs"`) {
		t.Errorf("no link to the reference: %s", a.body)
	}
	if a := s.do("GET", "/robots.txt", nil).want(200); !strings.Contains(string(a.body), "Disallow: /") {
		t.Errorf("robots.txt: %s", a.body)
	}
}

func TestMaskEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"edith@example.com": "e…@example.com", "é@x.is": "é…@x.is", "": "", "no address": "", "@x.is": ""} {
		if got := maskEmail(in); got != want {
			t.Errorf("maskEmail(%q) = %q, want %q", in, got, want)
		}
	}
}
