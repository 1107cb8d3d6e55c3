package web

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// anyRule selects everybody.
var anyRule = obj{"combinator": "and", "rules": []any{}}

func templateBody(name string) obj {
	return obj{
		"name": name, "subject": "Hello {{ contact.first_name }}",
		"html": `<html><body><p>Dear {{ contact.first_name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`,
	}
}

func campaignBody(templateID int, more obj) obj {
	body := obj{
		"name": "Spring", "template_id": templateID, "sender": obj{"name": "Shop", "address": "news@shop.example"},
		"topic": "news", "audience": obj{"include": []int{}, "exclude": []int{}}, "schedule": nil,
	}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func TestRelays(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := obj{"host": "smtp.example.com", "port": 587, "tls": "starttls", "username": "u", "password": "hunter2", "connections": 3, "rate_per_second": 50}
	for range 2 {
		a := s.do("PUT", "/api/v1/relays/default", body).want(200)
		if a.get("name") != "default" || a.get("port") != 587.0 || a.get("connections") != 3.0 || a.get("rate_per_second") != 50.0 {
			t.Errorf("%s", a.body)
		}
	}
	s.do("PUT", "/api/v1/relays/second", obj{"host": "localhost", "port": 25, "tls": "none"}).want(200)
	for _, path := range []string{"/api/v1/relays/default", "/api/v1/relays"} {
		if a := s.do("GET", path, nil).want(200); strings.Contains(string(a.body), "hunter2") {
			t.Errorf("%s shows the password: %s", path, a.body)
		}
	}
	if a := s.do("GET", "/api/v1/relays", nil).want(200); len(a.get("items").([]any)) != 2 || a.get("next_cursor") != "" {
		t.Errorf("%s", a.body)
	}
	if n := s.count(`SELECT count(*) FROM relays WHERE strpos(encode(sealed_password, 'escape'), 'hunter2') > 0`); n != 0 {
		t.Error("the password is stored as it is")
	}
	s.do("PUT", "/api/v1/relays/x", obj{"host": "a b", "port": 25, "tls": "none"}).problem(422, "host")
	s.do("PUT", "/api/v1/relays/x", obj{"host": "a\r\nb", "port": 25, "tls": "none"}).problem(422, "host")
	s.do("PUT", "/api/v1/relays/x", obj{"host": "a.example", "port": 0, "tls": "none"}).problem(422, "port")
	s.do("PUT", "/api/v1/relays/x", obj{"host": "a.example", "port": 25, "tls": "none", "encoding": "base64"}).problem(422, "encoding")
	for want, more := range map[string]obj{"auto": {}, "quoted-printable": {"encoding": "quoted-printable"}} {
		body := obj{"host": "localhost", "port": 25, "tls": "none"}
		maps.Copy(body, more)
		if a := s.do("PUT", "/api/v1/relays/second", body).want(200); a.get("encoding") != want {
			t.Errorf("%s", a.body)
		}
	}
	s.do("PUT", "/api/v1/relays/x", obj{"host": "a.example", "port": 25, "tls": "none", "connections": 501}).problem(422, "connections")
	s.do("DELETE", "/api/v1/relays/second", nil).want(204)
	s.do("GET", "/api/v1/relays/second", nil).problem(404, "")
	s.do("DELETE", "/api/v1/relays/second", nil).problem(404, "")
	if strings.Contains(s.log.String(), "hunter2") {
		t.Error("the log holds the password")
	}
}

func TestDKIMKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const path = "/api/v1/domains/shop.example/dkim/2026a"
	made := s.do("PUT", path, obj{"algorithm": "rsa-sha256", "active": false}).want(200)
	if made.get("domain") != "shop.example" || made.get("selector") != "2026a" || made.get("algorithm") != "rsa-sha256" || made.get("active") != false ||
		made.get("record", "name") != "2026a._domainkey.shop.example" || !strings.HasPrefix(made.get("record", "value").(string), "v=DKIM1; k=rsa; p=MII") {
		t.Errorf("%s", made.body)
	}
	for range 2 { // active is the default, and the key stays
		a := s.do("PUT", path, obj{"algorithm": "rsa-sha256"}).want(200)
		if a.get("active") != true || a.get("record", "value") != made.get("record", "value") {
			t.Errorf("%s", a.body)
		}
	}

	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	secretLine := strings.Split(private, "\n")[1]
	s.do("PUT", "/api/v1/domains/K%C3%A4se.example/dkim/ed", obj{"algorithm": "ed25519-sha256", "private_key": private}).want(200)
	s.do("PUT", path, obj{"algorithm": "ed25519-sha256"}).problem(422, "algorithm")
	for _, bad := range []map[string]any{
		s.do("PUT", path, obj{"algorithm": "rsa-sha256", "private_key": private}).problem(422, "private_key"),
		s.do("PUT", path, obj{"algorithm": "rsa-sha256", "private_key": private[1:]}).problem(422, "private_key"),
		s.do("PUT", path, obj{"algorithm": "rsa-sha1", "private_key": private}).problem(422, "algorithm"),
		s.do("PUT", "/api/v1/domains/localhost/dkim/a", obj{"algorithm": "rsa-sha256", "private_key": private}).problem(422, "domain"),
		s.do("PUT", "/api/v1/domains/shop.example/dkim/a_b", obj{"algorithm": "rsa-sha256", "private_key": private}).problem(422, "selector"),
	} {
		if strings.Contains(fmt.Sprint(bad), secretLine) {
			t.Errorf("the key is sent back: %v", bad)
		}
	}
	s.do("PUT", path, obj{}).problem(422, "algorithm")

	for path, want := range map[string]int{"/api/v1/dkim": 2, "/api/v1/domains/shop.example/dkim": 1, "/api/v1/domains/k%C3%A4se.example/dkim": 1, "/api/v1/domains/other.example/dkim": 0} {
		a := s.do("GET", path, nil).want(200)
		if len(a.get("items").([]any)) != want || a.get("next_cursor") != "" {
			t.Errorf("%s: %s", path, a.body)
		}
		if strings.Contains(string(a.body), secretLine) || strings.Contains(string(a.body), "private") {
			t.Errorf("%s shows the private key: %s", path, a.body)
		}
	}
	if a := s.do("GET", "/api/v1/domains/xn--kse-qla.example/dkim/ed", nil).want(200); a.get("record", "value") != "v=DKIM1; k=ed25519; p=O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=" {
		t.Errorf("%s", a.body)
	}
	s.do("DELETE", path, nil).want(204)
	s.do("DELETE", path, nil).problem(404, "")
	s.do("GET", path, nil).problem(404, "")
	s.do("GET", "/api/v1/domains/a%00b/dkim/x", nil).problem(400, "")
	if strings.Contains(s.log.String(), secretLine) {
		t.Error("the log holds the private key")
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.do("POST", "/api/v1/templates", templateBody("First")).want(201)
	if a.get("id") != 1.0 || a.get("version") != 1.0 || a.get("name") != "First" {
		t.Errorf("%s", a.body)
	}
	if _, ok := a.get("problems").([]any); !ok {
		t.Errorf("no list of problems: %s", a.body)
	}
	s.do("POST", "/api/v1/templates", obj{
		"name": "MJML", "subject": "S", "mjml": `<mjml><mj-body><mj-section><mj-column><mj-text><a href="{{ unsubscribe_url }}">x</a></mj-text></mj-column></mj-section></mj-body></mjml>`,
	}).want(201)

	second := templateBody("First")
	second["subject"] = "Good day {{ contact.first_name }}"
	if a := s.do("PUT", "/api/v1/templates/1", second).want(200); a.get("version") != 2.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/templates/1", nil).want(200); a.get("subject") != second["subject"] {
		t.Errorf("%s", a.body)
	}
	if seen := s.walk("/api/v1/templates/1/versions", "version", 1); !slices.Equal(seen, []string{"2", "1"}) {
		t.Errorf("versions: %v", seen)
	}

	s.do("PUT", "/api/v1/contacts/C-1", obj{"email": "e@example.com", "first_name": "<b>Edith</b>"}).want(200)
	a = s.do("POST", "/api/v1/templates/1/preview", obj{"contact_external_id": "C-1"}).want(200)
	if a.get("version") != 2.0 || a.get("subject") != "Good day <b>Edith</b>" {
		t.Errorf("%s", a.body)
	}
	if html := a.get("html").(string); !strings.Contains(html, "&lt;b&gt;Edith") || !strings.Contains(html, "https://mail.shop.example/u/") {
		t.Errorf("html: %s", html)
	}
	if a := s.do("POST", "/api/v1/templates/1/preview", obj{"contact_external_id": "C-1", "version": 1}).want(200); a.get("subject") != "Hello <b>Edith</b>" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/templates/1/preview", obj{}).want(200)
	s.do("POST", "/api/v1/templates/1/preview", obj{"contact_external_id": "C-9"}).problem(404, "")
	s.do("POST", "/api/v1/templates/1/preview", obj{"version": 9}).problem(404, "")
	s.do("POST", "/api/v1/templates/99/preview", obj{}).problem(404, "")
	s.do("GET", "/api/v1/templates/99", nil).problem(404, "")
	s.do("GET", "/api/v1/templates/99/versions", nil).problem(404, "")
	s.do("PUT", "/api/v1/templates/99", second).problem(404, "")
}

func TestTemplatesBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	post := func(field string, value any) answer {
		body := templateBody("T")
		body[field] = value
		return s.do("POST", "/api/v1/templates", body)
	}
	post("name", "").problem(422, "name")
	post("name", "a\r\nb").problem(422, "name")
	post("subject", "Hello {{ contact.first_name").want(422)
	post("subject", "a\r\nBcc: everybody@example.com").want(422)
	post("html", "{% for i in (1..1000000000) %}x{% endfor %}{{ unsubscribe_url }}").want(422)
	post("html", "{% if contact %}{{ unsubscribe_url }}").want(422)
	post("html", "").want(422)
	post("mjml", "<mjml></mjml>").want(422) // html and mjml
	if n := s.count(`SELECT count(*) FROM templates`); n != 0 {
		t.Errorf("%d templates were stored", n)
	}

	a := s.do("POST", "/api/v1/templates/check", obj{"source": obj{"subject": "{{ contact.", "html": "<p>{{ unsubscribe_url }}</p>"}}).want(200)
	if a.get("ok") != false || a.get("problems", 0, "severity") != "error" || a.get("problems", 0, "part") != "subject" {
		t.Errorf("%s", a.body)
	}
	a = s.do("POST", "/api/v1/templates/check", obj{"source": obj{"subject": "Hi", "html": "<p><a href=\"{{ unsubscribe_url }}\">u</a></p>"}}).want(200)
	if a.get("ok") != true || !strings.Contains(a.get("html").(string), "unsubscribe_url") {
		t.Errorf("%s", a.body)
	}
	if n := s.count(`SELECT count(*) FROM templates`); n != 0 {
		t.Error("a check has saved something")
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.putContact("C-1", "c1@example.com")
	s.do("PUT", "/api/v1/contacts/C-2", obj{"email": "c2@example.com", "country": "Iceland"}).want(200)
	iceland := obj{"combinator": "and", "rules": []any{obj{"field": "country", "operator": "=", "value": "Iceland"}}}

	a := s.do("POST", "/api/v1/segments", obj{"name": "Iceland", "rule": iceland}).want(201)
	if a.get("id") != 1.0 || a.get("rule", "rules", 0, "value") != "Iceland" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/segments/1", nil).want(200); a.get("name") != "Iceland" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PUT", "/api/v1/segments/1", obj{"name": "All", "rule": anyRule}).want(200); a.get("name") != "All" {
		t.Errorf("%s", a.body)
	}
	a = s.do("POST", "/api/v1/segments/estimate", obj{"rule": iceland}).want(200)
	if a.get("count") != 1.0 || a.get("sample", 0, "external_id") != "C-2" || a.get("sql") == "" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("POST", "/api/v1/segments/estimate", obj{"rule": anyRule, "as_of": "2011-12-10T00:00:00Z"}).want(200); a.get("count") == nil {
		t.Errorf("%s", a.body)
	}

	leaf := func(field, operator string, value any) obj {
		return obj{"combinator": "and", "rules": []any{iceland, obj{"combinator": "or", "rules": []any{obj{"field": field, "operator": operator, "value": value}}}}}
	}
	for _, rule := range []any{leaf("shoe_size", "=", 9), leaf("country", "resembles", "Ireland"), leaf("country; DROP TABLE contacts", "=", "x"), obj{"combinator": "xor", "rules": []any{}}, "all", 5, nil, []any{}} {
		for _, path := range []string{"/api/v1/segments", "/api/v1/segments/estimate"} {
			body := obj{"rule": rule}
			if path == "/api/v1/segments" {
				body["name"] = "x"
			}
			p := s.do("POST", path, body).problem(422, "")
			if field, _ := p["field"].(string); !strings.HasPrefix(field, "rule") {
				t.Errorf("%s %v: field %v", path, rule, p["field"])
			}
		}
	}
	if p := s.do("POST", "/api/v1/segments/estimate", obj{"rule": leaf("shoe_size", "=", 9)}).problem(422, ""); !strings.HasPrefix(p["field"].(string), "rule.rules[1].rules[0]") {
		t.Errorf("the node is not named: %v", p)
	}
	s.do("POST", "/api/v1/segments", obj{"name": "a\r\nb", "rule": anyRule}).problem(422, "name")
	s.do("POST", "/api/v1/segments", obj{"rule": anyRule}).problem(422, "name")
	s.do("POST", "/api/v1/segments", obj{"name": "x"}).problem(422, "rule")
	s.do("POST", "/api/v1/segments/estimate", obj{"rule": anyRule, "as_of": "soon"}).problem(422, "as_of")
	s.do("POST", "/api/v1/segments/estimate", obj{"rule": obj{"combinator": "and", "rules": []any{obj{"field": "country", "operator": "=", "value": "a\x00"}}}}).
		problem(422, "rule.rules[0].value")
	s.do("DELETE", "/api/v1/segments/1", nil).want(204)
	s.do("GET", "/api/v1/segments/1", nil).problem(404, "")
	s.do("PUT", "/api/v1/segments/1", obj{"name": "x", "rule": anyRule}).problem(404, "")
	s.do("DELETE", "/api/v1/segments/1", nil).problem(404, "")
}

// readyCampaign has a relay, a template, two contacts and a draft.
func (s *server) readyCampaign() {
	s.t.Helper()
	s.do("PUT", "/api/v1/relays/default", obj{"host": "localhost", "port": 2525, "tls": "none"}).want(200)
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	s.putContact("C-1", "c1@example.com")
	s.putContact("C-2", "c2@example.com")
	s.do("POST", "/api/v1/campaigns", campaignBody(1, nil)).want(201)
}

func TestCampaignLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.readyCampaign()

	a := s.do("GET", "/api/v1/campaigns/1", nil).want(200)
	if a.get("status") != "draft" || a.get("run") != nil || a.get("schedule") != nil || a.get("relay") != "default" || a.get("sender", "address") != "news@shop.example" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PUT", "/api/v1/campaigns/1", campaignBody(1, obj{"name": "Summer"})).want(200); a.get("name") != "Summer" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/campaigns/1/estimate", nil).want(200); a.get("will_receive") != 2.0 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/campaigns/1/report", nil).problem(404, "")

	illegal := func(action, state string) {
		t.Helper()
		if p := s.do("POST", "/api/v1/campaigns/1/"+action, nil).problem(409, ""); p["state"] != state {
			t.Errorf("%s: state %v, want %s", action, p["state"], state)
		}
	}
	illegal("pause", "draft")
	illegal("resume", "draft")
	if n := len(s.knocks.seen()); n != 0 {
		t.Errorf("%d knocks for a draft", n)
	}

	s.knocks.err = errors.New("redis is away") // nobody outside notices
	a = s.do("POST", "/api/v1/campaigns/1/start", nil).want(200)
	if a.get("status") != "running" || a.get("run", "recipients") != 0.0 || a.get("run", "finished_at") != nil {
		t.Errorf("%s", a.body)
	}
	run := int64(a.get("run", "id").(float64))
	if got := s.knocks.seen(); !slices.Equal(got, []int64{run}) {
		t.Errorf("knocks: %v, want run %d", got, run)
	}
	illegal("start", "running")
	s.do("DELETE", "/api/v1/campaigns/1", nil).problem(409, "")
	s.do("PUT", "/api/v1/campaigns/1", campaignBody(1, nil)).problem(409, "")
	for _, key := range []string{"recipients", "planned", "sending", "deferred", "sent", "failed", "skipped", "cancelled", "unknown", "started_at", "finished_at"} {
		if _, ok := a.get("run").(obj)[key]; !ok {
			t.Errorf("run lacks %s: %s", key, a.body)
		}
	}

	if a := s.do("POST", "/api/v1/campaigns/1/pause", nil).want(200); a.get("status") != "paused" {
		t.Errorf("%s", a.body)
	}
	illegal("pause", "paused")
	if a := s.do("POST", "/api/v1/campaigns/1/resume", obj{}).want(200); a.get("status") != "running" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("POST", "/api/v1/campaigns/1/cancel", nil).want(200); a.get("status") != "cancelled" {
		t.Errorf("%s", a.body)
	}
	for _, action := range []string{"start", "pause", "resume", "cancel"} {
		illegal(action, "cancelled")
	}
	s.do("GET", "/api/v1/campaigns/1/report", nil).want(200)
	if got := s.knocks.seen(); len(got) != 3 {
		t.Errorf("knocks: %v, want one for each of start, resume and cancel", got)
	}
}

func TestCampaignMessages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.sentMessage("campaign")
	s.exec(`UPDATE messages SET code = 250, enhanced_code = '2.0.0', attempts = 1, sent_at = $1`, s.clock.Now())
	a := s.do("GET", "/api/v1/campaigns/1/messages?state=sent", nil).want(200)
	m := a.get("items", 0).(obj)
	for _, key := range []string{"email", "state", "code", "enhanced_code", "attempts", "message_id", "sent_at", "contact_external_id"} {
		if m[key] == nil {
			t.Errorf("a message lacks %s: %s", key, a.body)
		}
	}
	if a := s.do("GET", fmt.Sprintf("/api/v1/messages/%d", id), nil).want(200); a.get("message_id") != m["message_id"] {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/campaigns/1/messages?state=failed", nil).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/campaigns/99/messages", nil).problem(404, "")
	s.do("GET", "/api/v1/messages/99", nil).problem(404, "")
}

func TestCampaignTest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.readyCampaign()
	a := s.do("POST", "/api/v1/campaigns/1/test", obj{"addresses": []string{"me@shop.example", "you@shop.example"}, "contact_external_id": "C-1"}).want(202)
	run := int64(a.get("id").(float64))
	if got := s.knocks.seen(); !slices.Equal(got, []int64{run}) {
		t.Errorf("knocks: %v, want %d", got, run)
	}
	if a := s.do("GET", fmt.Sprintf("/api/v1/campaigns/1/messages?run=%d", run), nil).want(200); len(a.get("items").([]any)) != 2 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/campaigns/1/messages", nil).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("without run, a test's messages are listed: %s", a.body)
	}
	if a := s.do("GET", "/api/v1/campaigns/1", nil).want(200); a.get("status") != "draft" || a.get("run") != nil {
		t.Errorf("a test has changed the campaign: %s", a.body)
	}
	s.do("POST", "/api/v1/campaigns/1/test", obj{"addresses": []string{}}).problem(422, "addresses")
	s.do("POST", "/api/v1/campaigns/1/test", obj{"addresses": []string{"me"}}).problem(422, "addresses[0]")
	s.do("POST", "/api/v1/campaigns/1/test", obj{"addresses": make([]string, 21)}).problem(422, "addresses")
	s.do("POST", "/api/v1/campaigns/1/test", obj{"addresses": []string{"a@b.is"}, "contact_external_id": "C-9"}).want(422)
	s.do("POST", "/api/v1/campaigns/9/test", obj{"addresses": []string{"a@b.is"}}).problem(404, "")
}

func TestCampaignsBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	tests := []struct {
		field string
		value any
		at    string
	}{
		{"name", "", "name"},
		{"name", "a\r\nBcc: x@y.is", "name"},
		{"name", "a\x00", "name"},
		{"template_id", 99, "template_id"},
		{"template_id", "one", "template_id"},
		{"sender", obj{"name": "Shop\r\nBcc: x@y.is", "address": "a@b.is"}, "sender.name"},
		{"sender", obj{"name": "Shop", "address": "nobody"}, "sender.address"},
		{"schedule", obj{"cron": "0 9 * * *", "at": "2026-05-01T09:00:00Z"}, "schedule"},
		{"topic", "no topic!", "topic"},
		{"audience", obj{"include": []int{7}}, "audience.include[0]"},
		{"audience", obj{"includes": []int{}}, "audience.includes"},
		{"schedule", obj{"cron": "TZ=UTC", "timezone": "UTC"}, "schedule.cron"},
		{"schedule", obj{"cron": "TZ=UTC 0 9 * * *"}, "schedule.cron"},
		{"schedule", obj{"cron": "every day"}, "schedule.cron"},
		{"schedule", obj{"cron": "0 9 * * *", "timezone": "Mars/Olympus"}, "schedule.timezone"},
		{"schedule", obj{"at": "tomorrow"}, "schedule.at"},
		{"shedule", nil, "shedule"},
	}
	for _, tt := range tests {
		s.do("POST", "/api/v1/campaigns", campaignBody(1, obj{tt.field: tt.value})).problem(422, tt.at)
	}
	if n := s.count(`SELECT count(*) FROM campaigns`); n != 0 {
		t.Errorf("%d campaigns were stored", n)
	}
	for _, action := range []string{"start", "pause", "resume", "cancel"} {
		s.do("POST", "/api/v1/campaigns/7/"+action, nil).problem(404, "")
	}
	s.do("GET", "/api/v1/campaigns/7", nil).problem(404, "")
	s.do("PUT", "/api/v1/campaigns/7", campaignBody(1, nil)).problem(404, "")
	s.do("DELETE", "/api/v1/campaigns/7", nil).problem(404, "")
	s.do("GET", "/api/v1/campaigns/7/estimate", nil).problem(404, "")

	s.do("POST", "/api/v1/campaigns", campaignBody(1, obj{"schedule": obj{"cron": "0 9 * * MON", "timezone": "Europe/Berlin"}})).want(201)
	s.do("DELETE", "/api/v1/campaigns/1", nil).want(204)
}

func TestSendingRules(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const path = "/api/v1/sending-rules"
	off := func(a answer) {
		t.Helper()
		if a.get("frequency_cap") != nil || a.get("quiet_hours") != nil || a.get("timezone") != "UTC" {
			t.Errorf("%s", a.body)
		}
	}
	off(s.do("GET", path, nil).want(200))
	body := obj{"frequency_cap": obj{"mails": 3, "days": 7}, "quiet_hours": obj{"from": "22:00", "to": "08:00"}, "timezone": "Europe/Berlin"}
	for _, a := range []answer{s.do("PUT", path, body).want(200), s.do("GET", path, nil).want(200)} {
		if a.get("frequency_cap", "mails") != 3.0 || a.get("frequency_cap", "days") != 7.0 ||
			a.get("quiet_hours", "from") != "22:00" || a.get("quiet_hours", "to") != "08:00" || a.get("timezone") != "Europe/Berlin" {
			t.Errorf("%s", a.body)
		}
	}
	for field, bad := range map[string]obj{
		"frequency_cap.mails": {"frequency_cap": obj{"mails": 0, "days": 7}},
		"frequency_cap.days":  {"frequency_cap": obj{"mails": 3, "days": 0}},
		"quiet_hours.from":    {"quiet_hours": obj{"from": "25:00", "to": "08:00"}},
		"quiet_hours.to":      {"quiet_hours": obj{"from": "22:00", "to": "8"}},
		"timezone":            {"timezone": "Mars/Olympus"},
		"quiet":               {"quiet": obj{}},
	} {
		s.do("PUT", path, bad).problem(422, field)
	}
	s.do("PUT", path, obj{"quiet_hours": obj{"from": "08:00", "to": "08:00"}}).problem(422, "quiet_hours.to")
	s.do("PUT", path, obj{"frequency_cap": obj{"mails": 3}}).problem(422, "frequency_cap.days")
	if a := s.do("GET", path, nil).want(200); a.get("timezone") != "Europe/Berlin" {
		t.Errorf("a refused change was kept: %s", a.body)
	}
	off(s.do("PUT", path, obj{"frequency_cap": nil, "quiet_hours": nil, "timezone": "UTC"}).want(200))
	s.do("PUT", path, body).want(200)
	off(s.do("PUT", path, obj{}).want(200))
}
