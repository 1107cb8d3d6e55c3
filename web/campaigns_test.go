package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDraftsOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.readyCampaign()
	a := s.do("POST", "/api/v1/campaigns", obj{"name": "Just a name"}).want(201)
	if a.get("template_id") != 0.0 || a.get("topic") != "" || a.get("revision") != 1.0 || a.get("approval") != nil {
		t.Errorf("%s", a.body)
	}
	p := s.do("POST", "/api/v1/campaigns/2/start", nil).problem(409, "")
	if !strings.Contains(p["detail"].(string), "No template is chosen") || p["state"] != "draft" {
		t.Errorf("%v", p)
	}
	s.do("POST", "/api/v1/campaigns", obj{"topic": "news"}).problem(422, "name")

	// Two people have revision 1 open.
	mine := campaignBody(1, obj{"name": "Mine", "revision": 1})
	if a := s.do("PUT", "/api/v1/campaigns/1", mine).want(200); a.get("revision") != 2.0 || a.get("name") != "Mine" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PUT", "/api/v1/campaigns/1", mine).want(200); a.get("revision") != 2.0 {
		t.Errorf("the same again: %s", a.body)
	}
	theirs := campaignBody(1, obj{"name": "Theirs", "revision": 1})
	p = s.do("PUT", "/api/v1/campaigns/1", theirs).problem(409, "")
	if current := p["current"].(obj); current["name"] != "Mine" || current["revision"] != 2.0 || p["state"] != "draft" {
		t.Errorf("%v", p)
	}
	put := func(ifMatch string, body obj) answer {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), "PUT", s.http.URL+"/api/v1/campaigns/1", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.key)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", ifMatch)
		return s.send(r)
	}
	put(`"1"`, campaignBody(1, obj{"name": "Theirs"})).problem(409, "")
	put(`"1"`, campaignBody(1, obj{"name": "Theirs", "revision": 2})).problem(422, "revision")
	put(`2`, campaignBody(1, obj{"name": "Theirs"})).want(200)
	put(`two`, campaignBody(1, obj{"name": "Theirs"})).problem(422, "header.If-Match")
	if a := s.do("PUT", "/api/v1/campaigns/1", campaignBody(1, obj{"name": "Whoever"})).want(200); a.get("revision") != 4.0 {
		t.Errorf("without a revision: %s", a.body)
	}
	if p := s.do("POST", "/api/v1/campaigns/1/start", obj{"revision": 3}).problem(409, ""); p["current"].(obj)["name"] != "Whoever" {
		t.Errorf("%v", p)
	}

	if a := s.do("POST", "/api/v1/campaigns/1/presence", obj{"tab": "a"}).want(200); len(a.get("editors").([]any)) != 0 || a.get("revision") != 4.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("POST", "/api/v1/campaigns/1/presence", obj{"tab": "b"}).want(200); len(a.get("editors").([]any)) != 1 {
		t.Errorf("%s", a.body)
	}
	s.do("DELETE", "/api/v1/campaigns/1/presence/a", nil).want(204)
	if a := s.do("POST", "/api/v1/campaigns/1/presence", obj{"tab": "b"}).want(200); len(a.get("editors").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/campaigns/1/presence", obj{"tab": ""}).problem(422, "tab")
	s.do("POST", "/api/v1/campaigns/9/presence", obj{"tab": "a"}).problem(404, "")
}

func TestChecklistOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.readyCampaign() // the contacts have no first names, and no key signs
	a := s.do("GET", "/api/v1/campaigns/1/checklist", nil).want(200)
	found := map[string]string{}
	for _, item := range a.get("items").([]any) {
		item := item.(obj)
		found[item["id"].(string)] = item["level"].(string)
	}
	if found["merge_fields"] != "warning" || found["dkim"] != "warning" || found["relay"] != "ok" || found["audience"] != "ok" || a.get("looked_at") != 2.0 || a.get("all") != true {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/campaigns/9/checklist", nil).problem(404, "")

	p := s.do("POST", "/api/v1/campaigns/1/start", obj{"accepted": []string{"dkim"}}).problem(409, "")
	if e := p["errors"].([]any); len(e) != 1 || e[0].(obj)["location"] != "checklist.merge_fields" {
		t.Errorf("%v", p)
	}
	s.do("POST", "/api/v1/campaigns/1/start", obj{"accepted": []string{"dkim", "merge_fields", "rain"}}).problem(422, "accepted[2]")
	if n := len(s.knocks.seen()); n != 0 {
		t.Errorf("%d knocks for what did not start", n)
	}
	a = s.do("POST", "/api/v1/campaigns/1/start", obj{"accepted": []string{"dkim", "merge_fields"}, "revision": 1}).want(200)
	if a.get("status") != "running" || a.get("approval", "revision") != 1.0 || len(a.get("approval", "accepted").([]any)) != 2 {
		t.Errorf("%s", a.body)
	}
	if n := len(s.knocks.seen()); n != 1 {
		t.Errorf("%d knocks", n)
	}

	s.do("POST", "/api/v1/campaigns", campaignBody(1, nil)).want(201)
	s.do("DELETE", "/api/v1/relays/default", nil) // in use: it stays
	s.exec(`DELETE FROM relays`)
	if p := s.do("POST", "/api/v1/campaigns/2/start", nil).problem(409, ""); p["errors"].([]any)[0].(obj)["location"] != "checklist.relay" {
		t.Errorf("%v", p)
	}
}

func TestCampaignListsOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.readyCampaign()
	s.do("POST", "/api/v1/campaigns", campaignBody(1, obj{"name": "Weekly", "schedule": obj{"cron": "0 9 * * MON", "timezone": "Europe/Berlin"}})).want(201)
	s.do("POST", "/api/v1/campaigns/2/start", nil).want(200)
	for query, want := range map[string]int{"": 2, "status=draft": 1, "status=draft,scheduled": 2, "status=failed": 0, "query=week": 1, "query=week&status=draft": 0} {
		if a := s.do("GET", "/api/v1/campaigns?"+query, nil).want(200); len(a.get("items").([]any)) != want {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	s.do("GET", "/api/v1/campaigns?status=sent", nil).want(422)

	// It is Saturday 14 March; clocks change on the 29th.
	a := s.do("GET", "/api/v1/campaigns/calendar?from=2026-03-01T00:00:00Z&until=2026-04-01T00:00:00%2B02:00", nil).want(200)
	var at []string
	for _, item := range a.get("items").([]any) {
		at = append(at, item.(obj)["at"].(string))
	}
	if got := strings.Join(at, " "); got != "2026-03-16T08:00:00Z 2026-03-23T08:00:00Z 2026-03-30T07:00:00Z" || a.get("more") != false {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/campaigns/calendar?from=2026-03-01T00:00:00Z&until=2027-03-01T00:00:00Z", nil).problem(422, "query.until")
	s.do("GET", "/api/v1/campaigns/calendar?from=2026-03-01T00:00:00Z", nil).want(422)

	a = s.do("POST", "/api/v1/campaigns/schedule/preview", obj{"cron": "0 9 * * MON", "timezone": "Europe/Berlin"}).want(200)
	if next := a.get("next").([]any); len(next) != 5 || next[0] != "2026-03-16T08:00:00Z" || next[2] != "2026-03-30T07:00:00Z" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/campaigns/schedule/preview", obj{"cron": "0 9 * * MON", "count": 2}).want(200)
	s.do("POST", "/api/v1/campaigns/schedule/preview", obj{"at": "2026-03-14T09:00:00Z"}).want(200)
	s.do("POST", "/api/v1/campaigns/schedule/preview", obj{"cron": "61 * * * *"}).problem(422, "cron")
	s.do("POST", "/api/v1/campaigns/schedule/preview", obj{"cron": "0 9 * * *", "timezone": "Mars/Olympus"}).problem(422, "timezone")
	s.do("POST", "/api/v1/campaigns/schedule/preview", obj{}).problem(422, "")

	s.do("GET", "/api/v1/campaigns/2/runs", nil).want(200)
	s.do("POST", "/api/v1/campaigns/2/unschedule", nil).want(200)
	if p := s.do("POST", "/api/v1/campaigns/2/unschedule", nil).problem(409, ""); p["state"] != "draft" {
		t.Errorf("%v", p)
	}

	a = s.do("POST", "/api/v1/campaigns/estimate", obj{"topic": "news", "audience": obj{"include": []int{}}}).want(200)
	if a.get("will_receive") != 2.0 || a.get("matched") != 2.0 {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/campaigns/estimate", obj{"topic": ""}).problem(422, "topic")
	s.do("POST", "/api/v1/campaigns/estimate", obj{"topic": "news", "audience": obj{"exclude": []int{5}}}).problem(422, "audience.exclude[0]")
}

func TestProgressOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.readyCampaign()
	if a := s.do("GET", "/api/v1/campaigns/1/progress", nil).want(200); a.get("run") != nil || a.get("status") != "draft" {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/campaigns/9/progress/live", nil).want(404)
	next := s.listen("/api/v1/campaigns/1/progress/live")
	next()
	s.do("POST", "/api/v1/campaigns/1/start", nil).want(200)
	if event, data := next(); event != "state" || !strings.Contains(data, `"status":"running"`) || !strings.Contains(data, `"per_second":null`) {
		t.Errorf("%s %s", event, data)
	}
	home := s.listen("/api/v1/home/live")
	if event, data := home(); event != "state" || !strings.Contains(data, `"name":"Spring"`) {
		t.Errorf("%s %s", event, data)
	}
	a := s.do("GET", "/api/v1/home", nil).want(200)
	if len(a.get("sending").([]any)) != 1 || a.get("setup", "relay") != true || a.get("attention", 0, "code") != "no_sender_key" {
		t.Errorf("%s", a.body)
	}
}

func TestRecipientsAsCSV(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sentMessage("campaign")
	a := s.do("GET", "/api/v1/campaigns/1/messages.csv", nil).want(200)
	if a.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", a.header)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(a.body), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][2] != "sent" {
		t.Errorf("%v: %s", err, a.body)
	}
	if a := s.do("GET", "/api/v1/campaigns/1/messages.csv?state=failed", nil).want(200); strings.Count(string(a.body), "\n") != 1 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/campaigns/1/messages.csv?state=lost", nil).want(422)
	s.do("GET", "/api/v1/campaigns/9/messages.csv", nil).problem(404, "")
	for contact, want := range map[string]int{rows[1][0]: 1, strings.ToUpper(rows[1][1]): 1, "nobody@": 0} {
		if a := s.do("GET", "/api/v1/campaigns/1/messages?contact="+contact, nil).want(200); len(a.get("items").([]any)) != want {
			t.Errorf("%s: %s", contact, a.body)
		}
	}
}

// A download that fails half-way must not look like a whole one.
func TestADownloadThatFails(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	a := &api{log: slog.New(slog.NewTextHandler(log, nil))}
	serve := func(write func(context.Context, io.Writer) error) *httptest.Server {
		server := httptest.NewServer(frame(a.log, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.sendCSV(w, r, "x.csv", write)
		})))
		t.Cleanup(server.Close)
		return server
	}
	res, err := http.Get(serve(func(context.Context, io.Writer) error { return errors.New("no database") }).URL)
	if err != nil || res.StatusCode != 500 || res.Header.Get("Content-Type") != problemType || res.Header.Get("Content-Disposition") != "" {
		t.Errorf("%v, %v", res, err)
	}
	_ = res.Body.Close()
	res, err = http.Get(serve(func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, strings.Repeat("a,b\n", 5000))
		return errors.New("no database")
	}).URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("it reads as if it were whole")
	}
	_ = res.Body.Close()
	if !strings.Contains(log.String(), "download broke off") {
		t.Errorf("%s", log)
	}
}
