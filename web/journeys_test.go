package web

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/journeys"
)

// thanks is a journey that waits a day after an order and then sends.
func thanks(more ...any) obj {
	steps := append([]any{
		obj{"id": "a-day", "type": "wait", "for": "P1D"},
		obj{"id": "thanks", "type": "send", "template_id": 1, "topic": "news", "sender": obj{"address": "news@shop.example"}},
	}, more...)
	return obj{"name": "Thanks", "definition": obj{"trigger": obj{"type": "order", "on": "placed"}, "steps": steps}}
}

func (s *server) putOrder(id, contact string, placedAt time.Time) answer {
	s.t.Helper()
	return s.do("PUT", "/api/v1/orders/"+id, obj{"contact_external_id": contact, "placed_at": placedAt.Format(time.RFC3339), "currency": "EUR",
		"items": []any{obj{"sku": "A", "quantity": 1, "unit_price": 10}}}).want(200)
}

// work does what a worker would do now.
func (s *server) work() {
	s.t.Helper()
	engine := journeys.NewEngine(nil)
	if _, err := engine.Eval(s.t.Context(), s.pool, s.clock.Now()); err != nil {
		s.t.Fatal(err)
	}
	due, err := journeys.FindDue(s.t.Context(), s.pool, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, j := range due.Journeys {
		if _, err := engine.Advance(s.t.Context(), s.pool, s.clock.Now(), j); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestJourneys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	a := s.do("POST", "/api/v1/journeys", thanks()).want(201)
	if a.get("id") != 1.0 || a.get("version") != 1.0 || a.get("status") != "draft" || a.get("live_version") != nil {
		t.Errorf("%s", a.body)
	}
	s.putContact("C-1", "c1@example.com")
	s.putContact("C-2", "c2@example.com")
	s.putOrder("O-0", "C-1", s.clock.Now())
	s.knocks.sinceLast()

	if a := s.do("POST", "/api/v1/journeys/1/publish", nil).want(200); a.get("status") != "live" || a.get("live_version") != 1.0 {
		t.Errorf("%s", a.body)
	}
	if j, h := s.knocks.sinceLast(); !slices.Equal(j, []int64{1}) || h != 1 {
		t.Errorf("publish knocked for %v, %d", j, h)
	}
	s.clock.Advance(time.Hour)
	s.putOrder("O-1", "C-1", s.clock.Now())
	s.putOrder("O-2", "C-2", s.clock.Now())
	s.work()

	// A new version, which those under way are moved to.
	s.do("PUT", "/api/v1/journeys/1", thanks(obj{"id": "b-day", "type": "wait", "for": "P1D"})).want(200)
	a = s.do("GET", "/api/v1/journeys/1", nil).want(200)
	if a.get("version") != 2.0 || a.get("live_version") != 1.0 || a.get("definition", "steps", 2, "id") != "b-day" {
		t.Errorf("%s", a.body)
	}
	if a.get("versions", 0, "version") != 2.0 || a.get("versions", 0, "published_at") != nil || a.get("versions", 1, "published_at") == nil {
		t.Errorf("%s", a.body)
	}
	if a.get("counts", "total", "enrolled") != 2.0 || a.get("counts", "versions", "1", "waiting") != 2.0 || a.get("counts", "steps", "a-day", "waiting") != 2.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/journeys/1?version=1", nil).want(200); len(a.get("definition", "steps").([]any)) != 2 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/journeys/1?version=3", nil).problem(404, "")
	s.do("POST", "/api/v1/journeys/1/publish", nil).want(200)
	s.knocks.sinceLast()
	if a := s.do("POST", "/api/v1/journeys/1/migrate", obj{"dry_run": true}).want(200); a.get("moved") != 2.0 || a.get("parts", 0, "step") != "a-day" {
		t.Errorf("%s", a.body)
	}
	if j, _ := s.knocks.sinceLast(); j != nil {
		t.Errorf("a dry run knocked for %v", j)
	}
	s.do("POST", "/api/v1/journeys/1/migrate", obj{"dry_run": false}).want(200)
	if j, _ := s.knocks.sinceLast(); !slices.Equal(j, []int64{1}) {
		t.Errorf("migrate knocked for %v", j)
	}

	// Enrolments.
	s.clock.Advance(24 * time.Hour)
	s.work()
	if seen := s.walk("/api/v1/journeys/1/enrolments", "contact_external_id", 1); !slices.Equal(seen, []string{"C-2", "C-1"}) {
		t.Errorf("enrolments: %v", seen)
	}
	a = s.do("GET", "/api/v1/journeys/1/enrolments?contact=C-1&status=waiting", nil).want(200)
	if len(a.get("items").([]any)) != 1 || a.get("items", 0, "position") != "b-day" || a.get("items", 0, "due_at") == nil || a.get("items", 0, "order_id") != "O-1" || a.get("items", 0, "version") != 2.0 {
		t.Errorf("%s", a.body)
	}
	for _, none := range []string{"?contact=C-9", "?status=exited"} {
		if a := s.do("GET", "/api/v1/journeys/1/enrolments"+none, nil).want(200); len(a.get("items").([]any)) != 0 {
			t.Errorf("%s: %s", none, a.body)
		}
	}
	s.do("GET", "/api/v1/journeys/1/enrolments?status=gone", nil).problem(422, "query.status")
	s.do("GET", "/api/v1/journeys/9/enrolments", nil).problem(404, "")

	// The other transitions; what is not possible is a conflict.
	s.do("POST", "/api/v1/journeys/1/resume", nil).problem(409, "")
	s.do("POST", "/api/v1/journeys/1/pause", nil).want(200)
	s.knocks.sinceLast()
	if a := s.do("POST", "/api/v1/journeys/1/resume", nil).want(200); a.get("status") != "live" {
		t.Errorf("%s", a.body)
	}
	if j, h := s.knocks.sinceLast(); len(j) != 1 || h != 1 {
		t.Errorf("resume knocked for %v, %d", j, h)
	}
	s.do("POST", "/api/v1/journeys/1/archive", nil).want(200)
	if p := s.do("POST", "/api/v1/journeys/1/publish", nil).problem(409, ""); p["state"] != "archived" {
		t.Errorf("%v", p)
	}
	s.do("POST", "/api/v1/journeys/1/migrate", obj{"dry_run": true}).problem(409, "")
	if j, _ := s.knocks.sinceLast(); !slices.Equal(j, []int64{1}) {
		t.Errorf("archive knocked for %v", j)
	}
	if p := s.do("PUT", "/api/v1/journeys/1", thanks()).problem(409, ""); p["state"] != "archived" {
		t.Errorf("%v", p)
	}

	s.do("POST", "/api/v1/journeys", obj{"name": "Second", "definition": thanks()["definition"]}).want(201)
	if seen := s.walk("/api/v1/journeys", "name", 1); !slices.Equal(seen, []string{"Second", "Thanks"}) {
		t.Errorf("journeys: %v", seen)
	}
	s.do("GET", "/api/v1/journeys/9", nil).problem(404, "")
	s.do("PUT", "/api/v1/journeys/9", thanks()).problem(404, "")
	s.do("POST", "/api/v1/journeys/9/publish", nil).problem(404, "")
}

func TestJourneysBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	post := func(change func(j obj)) answer {
		j := thanks()
		change(j)
		return s.do("POST", "/api/v1/journeys", j)
	}
	step := func(j obj, i int) obj { return j["definition"].(obj)["steps"].([]any)[i].(obj) }
	post(func(j obj) { j["name"] = "" }).problem(422, "name")
	post(func(j obj) { delete(j, "definition") }).problem(422, "definition")
	post(func(j obj) { j["definition"] = "x" }).problem(422, "definition")
	post(func(j obj) { step(j, 0)["for"] = "a day" }).problem(422, "steps[0](a-day).for")
	post(func(j obj) { step(j, 0)["until"] = "x" }).problem(422, "steps[0](a-day).until")
	post(func(j obj) { step(j, 1)["template_id"] = 7 }).problem(422, "steps[1](thanks).template_id")
	if n := s.count(`SELECT count(*) FROM journeys`); n != 0 {
		t.Errorf("%d journeys were stored", n)
	}
}

func TestSimulateJourney(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	s.do("POST", "/api/v1/journeys", thanks()).want(201)
	s.putContact("C-1", "c1@example.com")
	s.putOrder("O-1", "C-1", s.clock.Now())
	const path = "/api/v1/journeys/1/simulate"
	period := obj{"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z", "contact_external_id": "C-1"}
	a := s.do("POST", path, period).want(200)
	if a.get("enrolled") != 1.0 || a.get("mails") != 1.0 || a.get("truncated") != false || len(a.get("path").([]any)) < 3 {
		t.Errorf("%s", a.body)
	}
	if a.get("mails_listed", 0, "contact_external_id") != "C-1" || a.get("mails_listed", 0, "step") != "thanks" || a.get("mails_listed", 0, "at") != "2026-03-15T09:26:53Z" {
		t.Errorf("%s", a.body)
	}
	if n := s.count(`SELECT count(*) FROM enrolments`); n != 0 {
		t.Errorf("%d enrolments were written", n)
	}
	s.do("POST", path, obj{"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}).problem(422, "to")
	s.do("POST", path, obj{"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z", "contact_external_id": "C-9"}).problem(404, "")
	s.do("POST", path, obj{"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z", "version": 2}).problem(404, "")

	// More mails than are listed.
	s.exec(`INSERT INTO contacts (external_id, created_at, updated_at) SELECT 'M' || g, now(), now() FROM generate_series(1, $1) AS g`, maxMailsListed)
	s.exec(`INSERT INTO orders (external_id, contact_id, placed_at, status, created_at, updated_at)
	        SELECT 'M' || id, id, $1, 'paid', now(), now() FROM contacts WHERE external_id LIKE 'M%'`, s.clock.Now())
	a = s.do("POST", path, period).want(200)
	if a.get("mails") != 1.0 || a.get("skipped", "invalid_address") != float64(maxMailsListed) || len(a.get("mails_listed").([]any)) != maxMailsListed || a.get("truncated") != true {
		t.Errorf("%.300s", a.body)
	}
}

func TestWhyAndWhyNot(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	s.do("POST", "/api/v1/journeys", thanks()).want(201)
	s.do("POST", "/api/v1/journeys/1/publish", nil).want(200)
	s.putContact("C-1", "c1@example.com")
	s.putContact("C-2", "c2@example.com")
	s.clock.Advance(time.Hour)
	s.putOrder("O-1", "C-1", s.clock.Now())
	s.work()
	s.clock.Advance(24 * time.Hour)
	s.work()
	a := s.do("GET", "/api/v1/journeys/1/explain?contact=C-1", nil).want(200)
	if a.get("enrolments", 0, "status") != "finished" || a.get("enrolments", 0, "sentences", 0, "text") != "entered: order O-1 was placed" || a.get("why_not") != nil {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/journeys/1/explain?contact=C-2", nil).want(200); a.get("why_not") != "the contact has no order" || len(a.get("enrolments").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/journeys/1/explain?contact=C-9", nil).problem(404, "")
	s.do("GET", "/api/v1/journeys/9/explain?contact=C-1", nil).problem(404, "")
	s.do("GET", "/api/v1/journeys/1/explain", nil).problem(422, "query.contact")

	want := []string{"step", "step", "step", "mail", "step", "order", "consent"}
	if seen := s.walk("/api/v1/contacts/C-1/timeline", "kind", 2); !slices.Equal(seen, want) {
		t.Errorf("timeline: %v, want %v", seen, want)
	}
	if a := s.do("GET", "/api/v1/contacts/C-1/timeline", nil).want(200); a.get("items", 3, "mail", "state") != "planned" || a.get("items", 3, "mail", "step") != "thanks" || a.get("items", 5, "order", "order_id") != "O-1" {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/contacts/C-9/timeline", nil).problem(404, "")
	s.do("GET", "/api/v1/contacts/C-1/timeline?cursor=eA", nil).problem(422, "query.cursor")
}

// What comes in by API is looked at soon: one knock for each request that changed
// something, and no error where Redis is away.
func TestOrdersAndEventsKnock(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.putContact("C-1", "c1@example.com")
	order := obj{"order_id": "O-2", "contact_external_id": "C-1", "placed_at": "2026-03-01T00:00:00Z", "items": []any{obj{"sku": "A", "quantity": 1, "unit_price": 1}}}
	event := obj{"contact_external_id": "C-1", "name": "left a cart", "idempotency_key": "k"}
	want := func(what string, n int) {
		t.Helper()
		if _, h := s.knocks.sinceLast(); h != n {
			t.Errorf("%s knocked %d times, want %d", what, h, n)
		}
	}
	want("a contact", 0)
	for i, n := range []int{1, 0} { // the second time nothing changes
		s.putOrder("O-1", "C-1", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		want(fmt.Sprint("order ", i), n)
		s.do("POST", "/api/v1/orders/batch", obj{"items": []any{order, obj{}}}).want(200)
		want(fmt.Sprint("orders ", i), n)
		s.do("POST", "/api/v1/events", event).want(201 - i)
		want(fmt.Sprint("event ", i), n)
		s.do("POST", "/api/v1/events/batch", []any{obj{"contact_external_id": "C-1", "name": "b", "idempotency_key": "b"}}).want(200)
		want(fmt.Sprint("events ", i), n)
	}
	s.do("PUT", "/api/v1/orders/O-3", obj{"contact_external_id": "C-9", "placed_at": "2026-03-01T00:00:00Z", "items": order["items"]}).want(422)
	want("a refused order", 0)
	s.request("POST", "/api/v1/imports/orders", "text/csv", strings.NewReader("order_id,contact_external_id,placed_at,sku,quantity,unit_price\nO-4,C-1,2026-03-01,A,1,1\n")).want(200)
	want("an import", 1)

	s.knocks.err = errors.New("redis is away")
	s.putOrder("O-5", "C-1", s.clock.Now())
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	s.do("POST", "/api/v1/journeys", thanks()).want(201)
	s.do("POST", "/api/v1/journeys/1/publish", nil).want(200)
}

func TestCheckJourney(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/api/v1/templates", templateBody("Care tips")).want(201)
	s.do("POST", "/api/v1/journeys", thanks()).want(201)
	a := s.do("GET", "/api/v1/journeys/1", nil).want(200)
	text := a.get("text").(string)
	if !strings.Contains(text, "template: Care tips\n") || strings.Contains(text, "_id") {
		t.Errorf("%s", text)
	}
	check := s.do("POST", "/api/v1/journeys/check", obj{"text": text}).want(200)
	if check.get("ok") != true || fmt.Sprint(check.get("definition")) != fmt.Sprint(a.get("definition")) {
		t.Errorf("%s", check.body)
	}
	if check.get("problems", 0, "severity") != "warning" || check.get("problems", 0, "step") != "thanks" {
		t.Errorf("%s", check.body)
	}
	check = s.do("POST", "/api/v1/journeys/check", obj{"text": strings.Replace(text, "P1D", "a day", 1)}).want(200)
	if check.get("ok") != false || check.json()["definition"] != nil || check.get("problems", 0, "line") == 0.0 || check.get("problems", 0, "path") != "steps[0](a-day).for" {
		t.Errorf("%s", check.body)
	}
	if check := s.do("POST", "/api/v1/journeys/check", obj{"text": ""}).want(200); check.get("problems", 0, "message") != "it is empty" {
		t.Errorf("%s", check.body)
	}
	s.do("POST", "/api/v1/journeys/check", obj{"text": strings.Repeat("#", 524289)}).problem(422, "text")
	if n := s.count(`SELECT count(*) FROM journey_versions`); n != 1 {
		t.Errorf("%d versions", n)
	}

	// Two people change the same draft.
	saved := a.get("versions", 0, "created_at")
	change := thanks(obj{"id": "b-day", "type": "wait", "for": "P1D"})
	change["saved_at"] = saved
	s.clock.Advance(time.Second)
	s.do("PUT", "/api/v1/journeys/1", change).want(200)
	change["definition"] = thanks()["definition"]
	if p := s.do("PUT", "/api/v1/journeys/1", change).problem(409, ""); p["state"] != "draft" {
		t.Errorf("%v", p)
	}
}

func TestJourneyFigures(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/api/v1/templates", templateBody("T")).want(201)
	s.do("POST", "/api/v1/journeys", thanks()).want(201)
	s.do("POST", "/api/v1/journeys/1/publish", nil).want(200)
	s.do("GET", "/api/v1/journeys/9/live", nil).problem(404, "")
	s.putContact("C-1", "c1@example.com")
	s.clock.Advance(time.Second)
	s.putOrder("O-1", "C-1", s.clock.Now())
	s.work()
	next := s.listen("/api/v1/journeys/1/live")
	if event, data := next(); event != "state" || !strings.Contains(data, `"steps":{"a-day":{"enrolled":1,"active":0,"waiting":1`) || !strings.Contains(data, `"mails":{}`) {
		t.Errorf("%s %s", event, data)
	}
	s.clock.Advance(24 * time.Hour)
	s.work()
	for { // the line may say something of the moment between
		event, data := next()
		if strings.Contains(data, `"mails":{"thanks":{"planned":1}}`) && strings.Contains(data, `"finished":1`) {
			break
		}
		if event == "" {
			t.Fatal("the line has ended")
		}
	}
	a := s.do("GET", "/api/v1/journeys?status=live,paused&query=than", nil).want(200)
	if a.get("items", 0, "trigger", "type") != "order" || a.get("items", 0, "counts", "finished") != 1.0 || a.get("items", 0, "steps") != 2.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/journeys?status=draft", nil).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/journeys?status=gone", nil).want(422)
	if a := s.do("GET", "/api/v1/journeys/1/enrolments?step=thanks", nil).want(200); len(a.get("items").([]any)) != 1 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/journeys/1/enrolments?step=a-day", nil).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
}
