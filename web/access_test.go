package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"posthorn/queues"
	"posthorn/users"
)

// whoMay says of every operation whom it is for: O owner, M marketer, P ops, S a key
// of the shop, N nobody in particular; - not keys, of whatever role. It is written down
// a second time on purpose: what api.go says is compared with it, and tried. A route
// that is missing here fails.
var whoMay = map[string]string{
	"GET /session":          "OMPSN",
	"POST /session":         "OMPSN",
	"DELETE /session":       "OMPSN",
	"DELETE /sessions":      "OMP-",
	"PUT /session/profile":  "OMP-",
	"PUT /session/password": "OMP-",
	"POST /setup":           "OMPSN",
	"POST /invitation":      "OMPSN",
	"PUT /invitation":       "OMPSN",

	"POST /users":                 "O",
	"GET /users/{id}":             "O",
	"GET /users":                  "O",
	"PUT /users/{id}":             "O",
	"POST /users/{id}/invitation": "O",
	"GET /api-keys":               "O",
	"POST /api-keys":              "O",
	"DELETE /api-keys/{id}":       "O",

	"PUT /contacts/{external_id}":                  "OMS",
	"GET /contacts/{external_id}":                  "OM",
	"GET /contacts":                                "OM",
	"DELETE /contacts/{external_id}":               "OM",
	"POST /contacts/batch":                         "OMS",
	"GET /contacts/{external_id}/consents":         "OM",
	"PUT /contacts/{external_id}/consents/{topic}": "OMS",
	"GET /contacts/{external_id}/profile":          "OM",
	"GET /contacts/{external_id}/timeline":         "OM",

	"GET /suppressions":            "OM",
	"GET /suppression-counts":      "OM",
	"GET /topics":                  "OM",
	"POST /suppressions":           "OM",
	"DELETE /suppressions/{email}": "OM",

	"PUT /products/{sku}":  "OMS",
	"GET /products/{sku}":  "OM",
	"GET /products":        "OM",
	"POST /products/batch": "OMS",

	"DELETE /products/{sku}":      "OMS",
	"GET /products/{sku}/sales":   "OM",
	"GET /products/{sku}/picture": "OM",
	"GET /product-categories":     "OM",

	"PUT /orders/{order_id}": "OMS",
	"GET /orders/{order_id}": "OM",
	"GET /orders":            "OM",
	"POST /orders/batch":     "OMS",

	"POST /events":       "OMS",
	"POST /events/batch": "OMS",
	"GET /events":        "OM",

	"POST /imports/contacts":    "OMS",
	"POST /imports/products":    "OMS",
	"POST /imports/orders":      "OMS",
	"POST /imports/preview":     "OM",
	"POST /imports":             "OM",
	"GET /imports/{id}":         "OM",
	"GET /imports/{id}/live":    "OM",
	"GET /imports":              "OM",
	"POST /imports/{id}/cancel": "OM",
	"POST /imports/{id}/retry":  "OM",
	"GET /imports/{id}/rejects": "OM",

	"POST /segments":          "OM",
	"GET /segments/{id}":      "OM",
	"GET /segments":           "OM",
	"PUT /segments/{id}":      "OM",
	"DELETE /segments/{id}":   "OM",
	"POST /segments/estimate": "OM",
	"GET /segments/{id}/uses": "OM",
	"GET /segments/fields":    "OM",
	"GET /segments/values":    "OM",

	"POST /templates":              "OM",
	"GET /templates/{id}":          "OM",
	"GET /templates":               "OM",
	"PUT /templates/{id}":          "OM",
	"GET /templates/{id}/versions": "OM",
	"POST /templates/{id}/preview": "OM",
	"POST /templates/check":        "OM",

	"DELETE /templates/{id}":                 "OM",
	"POST /templates/{id}/archive":           "OM",
	"POST /templates/{id}/unarchive":         "OM",
	"POST /templates/{id}/duplicate":         "OM",
	"GET /templates/{id}/uses":               "OM",
	"GET /templates/{id}/versions/{version}": "OM",
	"POST /templates/{id}/restore":           "OM",
	"POST /templates/preview":                "OM",
	"POST /templates/preview/page":           "OM",
	"GET /templates/variables":               "OM",
	"GET /templates/samples":                 "OM",

	"PUT /relays/{name}":    "OP",
	"GET /relays/{name}":    "OMP",
	"GET /relays":           "OMP",
	"DELETE /relays/{name}": "OP",

	"POST /relays/{name}/test":              "OP",
	"GET /queues":                           "OP",
	"GET /queues/live":                      "OP",
	"POST /queues/{queue}/pause":            "OP",
	"POST /queues/{queue}/resume":           "OP",
	"GET /queues/{queue}/minutes":           "OP",
	"GET /queues/{queue}/days":              "OP",
	"GET /queues/{queue}/tasks":             "OP",
	"POST /queues/{queue}/tasks/run":        "OP",
	"POST /queues/{queue}/tasks/delete":     "OP",
	"POST /queues/{queue}/tasks/{task}/run": "OP",
	"DELETE /queues/{queue}/tasks/{task}":   "OP",
	"GET /unknown":                          "OP",
	"GET /unknown/{run}":                    "OP",
	"POST /unknown/{run}/resolve":           "OP",
	"GET /metrics":                          "OP",

	"GET /sending-rules": "OMP",
	"PUT /sending-rules": "OM",

	"PUT /domains/{domain}/dkim/{selector}":    "OP",
	"GET /domains/{domain}/dkim/{selector}":    "OMP",
	"GET /domains/{domain}/dkim":               "OMP",
	"GET /dkim":                                "OMP",
	"DELETE /domains/{domain}/dkim/{selector}": "OP",

	"GET /home":      "OMP",
	"GET /home/live": "OMP",

	"GET /campaigns/calendar":               "OMP",
	"POST /campaigns/estimate":              "OM",
	"POST /campaigns/schedule/preview":      "OM",
	"POST /campaigns/{id}/unschedule":       "OM",
	"GET /campaigns/{id}/checklist":         "OM",
	"POST /campaigns/{id}/presence":         "OM",
	"DELETE /campaigns/{id}/presence/{tab}": "OM",
	"GET /campaigns/{id}/runs":              "OMP",
	"GET /campaigns/{id}/progress":          "OMP",
	"GET /campaigns/{id}/progress/live":     "OMP",
	"GET /campaigns/{id}/messages.csv":      "OM",

	"POST /campaigns":               "OM",
	"GET /campaigns/{id}":           "OMP",
	"GET /campaigns/{id}/live":      "OMP",
	"GET /campaigns":                "OMP",
	"PUT /campaigns/{id}":           "OM",
	"DELETE /campaigns/{id}":        "OM",
	"POST /campaigns/{id}/start":    "OM",
	"POST /campaigns/{id}/pause":    "OMP",
	"POST /campaigns/{id}/resume":   "OMP",
	"POST /campaigns/{id}/cancel":   "OM",
	"POST /campaigns/{id}/test":     "OM",
	"GET /campaigns/{id}/estimate":  "OM",
	"GET /campaigns/{id}/report":    "OMP",
	"GET /campaigns/{id}/messages":  "OM",
	"POST /campaigns/{id}/resolve":  "OMP",
	"POST /journeys":                "OM",
	"GET /journeys/{id}":            "OMP",
	"GET /journeys":                 "OMP",
	"GET /journeys/{id}/live":       "OMP",
	"POST /journeys/check":          "OM",
	"PUT /journeys/{id}":            "OM",
	"POST /journeys/{id}/publish":   "OM",
	"POST /journeys/{id}/pause":     "OMP",
	"POST /journeys/{id}/resume":    "OMP",
	"POST /journeys/{id}/archive":   "OM",
	"POST /journeys/{id}/simulate":  "OM",
	"POST /journeys/{id}/migrate":   "OM",
	"GET /journeys/{id}/enrolments": "OM",
	"GET /journeys/{id}/explain":    "OM",

	"GET /messages/{id}":          "OMP",
	"POST /messages/{id}/resolve": "OMP",
}

// letters are the roles of whoMay.
var letters = map[users.Role]string{users.Owner: "O", users.Marketer: "M", users.Ops: "P", users.Shop: "S"}

// operations are the routes of the OpenAPI document, as whoMay names them.
func (s *server) operations() map[string][]any {
	s.t.Helper()
	found := map[string][]any{}
	for path, item := range s.do("GET", "/api/openapi.json", nil).want(200).get("paths").(map[string]any) {
		for method, op := range item.(map[string]any) {
			roles, _ := op.(map[string]any)["x-roles"].([]any)
			found[strings.ToUpper(method)+" "+strings.TrimPrefix(path, apiPrefix)] = roles
		}
	}
	return found
}

// Every operation is for those whom the table names: it is asked for by each of them,
// signed in and by key, and answers 401 or 403 to everybody else.
func TestWhoMay(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	// A server that ends: a stream of live figures ends with the first of them.
	deps := s.deps()
	deps.Queues, deps.Metrics = queues.NewDesk(s.pool, s.redis, s.clock.Now), http.NotFoundHandler()
	ending := make(chan struct{})
	close(ending)
	deps.Ending = ending
	s.http = httptest.NewServer(New(deps))
	t.Cleanup(s.http.Close)
	operations := s.operations()
	for op := range whoMay {
		if operations[op] == nil {
			t.Errorf("%s is in the table and not in the OpenAPI document", op)
		}
	}
	people, keys := map[users.Role]users.User{}, map[users.Role]string{}
	for _, role := range users.PeopleRoles {
		people[role] = s.person(string(role)+"@shop.example", role)
	}
	for _, role := range users.KeyRoles {
		key, _, err := users.CreateAPIKey(t.Context(), s.pool, s.clock.Now(), string(role), role)
		if err != nil {
			t.Fatal(err)
		}
		keys[role] = key
	}
	for op, said := range operations {
		may, ok := whoMay[op]
		if !ok {
			t.Errorf("%s is not in the table of access_test.go: say there whom it is for", op)
			continue
		}
		names := ""
		for _, role := range said {
			names += letters[users.Role(role.(string))]
		}
		if want := strings.TrimSuffix(may, "-"); names != want && !strings.Contains(may, "N") {
			t.Errorf("%s: the document says %s, the table %s", op, names, want)
		}

		// Nothing is there, and no body is one: what is let through fails later.
		method, path, _ := strings.Cut(op, " ")
		path = apiPrefix + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "999")
		ask := func(who, key, cookie string) int {
			r, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+path, strings.NewReader("{"))
			if err != nil {
				t.Fatal(err)
			}
			if method == http.MethodGet || method == http.MethodDelete {
				r.Body, r.ContentLength = http.NoBody, 0
			} else {
				r.Header.Set("Content-Type", "application/json")
			}
			if key != "" {
				r.Header.Set("Authorization", "Bearer "+key)
			}
			if cookie != "" {
				r.Header.Set("Cookie", cookie)
			}
			res, err := s.http.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close() // unread: a stream would go on for a minute
			status := res.StatusCode
			if status >= 500 {
				t.Errorf("%s as %s: %d", op, who, status)
			}
			return status
		}
		expect := func(who string, got int, allowed bool, otherwise int) {
			if allowed && (got == 401 || got == 403) || !allowed && got != otherwise {
				t.Errorf("%s as %s: %d, want it to be let through: %t", op, who, got, allowed)
			}
		}
		expect("nobody", ask("nobody", "", ""), strings.Contains(may, "N"), 401)
		expect("a key that is none", ask("a key that is none", "ph_none", ""), false, 401)
		expect("a cookie that is none", ask("a cookie that is none", "", cookieName(s.base)+"=none"), strings.Contains(may, "N"), 401)
		for _, role := range users.PeopleRoles {
			// A session of its own for each: some of these end it.
			expect(string(role), ask(string(role), "", s.sessionOf(people[role].ID)), strings.Contains(may, letters[role]), 403)
		}
		for _, role := range users.KeyRoles {
			allowed := strings.Contains(may, letters[role]) && !strings.HasSuffix(may, "-")
			expect("a key of "+string(role), ask("a key of "+string(role), keys[role], ""), allowed, 403)
		}
	}
}

// Ops see what became of a mail, and not whose it was.
func TestOpsSeeNoContact(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.readyCampaign()
	s.do("POST", "/api/v1/campaigns/1/test", `{"addresses": ["zoe@web.example"]}`).want(202)
	s.exec(`INSERT INTO chunks (run_id, due_at) SELECT id, now() FROM runs`)
	s.exec(`
		INSERT INTO messages (run_id, chunk_id, email, state, reason, detail, in_doubt, created_at, updated_at)
		SELECT run_id, id, 'zoe@web.example', 'unknown', 'worker_lost', '550 <zoe@web.example>: no such user; try "other@web.example"', true, now(), now() FROM chunks`)
	var id int64
	if err := s.pool.QueryRow(t.Context(), `SELECT id FROM messages WHERE state = 'unknown'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/messages/" + itoa(id)
	if a := s.do("GET", path, nil).want(200); a.get("email") != "zoe@web.example" {
		t.Errorf("the owner's key: %s", a.body)
	}
	ops := s.sessionOf(s.person("ops@shop.example", users.Ops).ID)
	if a := s.browser(ops, "GET", path, nil).want(200); strings.Contains(string(a.body), "web.example") || !strings.Contains(string(a.body), "no such user") {
		t.Errorf("ops see %s", a.body)
	}
	if a := s.browser(ops, "POST", path+"/resolve", `{"as": "sent"}`).want(200); strings.Contains(string(a.body), "web.example") || a.get("state") != "sent" {
		t.Errorf("ops see %s", a.body)
	}
	// What a relay said may have come to a campaign's reason, and to what is deferred.
	s.do("POST", "/api/v1/campaigns/1/start", nil).want(200)
	s.exec(`
		WITH chunk AS (INSERT INTO chunks (run_id, due_at) SELECT max(id), now() FROM runs RETURNING id, run_id)
		INSERT INTO messages (run_id, chunk_id, email, state, reason, detail, due_at, created_at, updated_at)
		SELECT run_id, id, 'zoe@web.example', 'deferred', 'recipient_deferred', 'mailbox of <zoe@web.example> is full', now(), now(), now() FROM chunk`)
	s.exec(`UPDATE campaigns SET status = 'paused', status_reason = 'the first 50 mails all failed: 550 <zoe@web.example>: no such user'`)
	for _, path := range []string{"/api/v1/campaigns/1", "/api/v1/campaigns", "/api/v1/campaigns/1/report", "/api/v1/campaigns/1/runs", "/api/v1/campaigns/1/progress", "/api/v1/home"} {
		if a := s.do("GET", path, nil).want(200); strings.Contains(path, "home") && strings.Count(string(a.body), "zoe@web.example") != 4 {
			t.Errorf("the owner's key does not see it at %s: %s", path, a.body)
		}
		a := s.browser(ops, "GET", path, nil)
		if a.status != 200 || strings.Contains(string(a.body), "zoe") || strings.Contains(path, "home") && !strings.Contains(string(a.body), "…@…") {
			t.Errorf("%s: %d, %s", path, a.status, a.body)
		}
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	if got := (marketers | shops).roles(); !slices.Equal(got, []users.Role{users.Owner, users.Marketer, users.Shop}) {
		t.Errorf("%v", got)
	}
	for name, c := range map[string]struct {
		access access
		p      principal
		ok     bool
	}{
		"nobody, for owners":     {owners, principal{}, false},
		"nobody, for anyone":     {anyone, principal{}, true},
		"an owner, for ops":      {operators, principal{Role: users.Owner, KeyID: 1}, true},
		"ops, for marketers":     {marketers, principal{Role: users.Ops, UserID: 1}, false},
		"ops, for members":       {members, principal{Role: users.Ops, UserID: 1}, true},
		"a key, for people":      {people, principal{Role: users.Owner, KeyID: 1}, false},
		"a person, for people":   {people, principal{Role: users.Ops, UserID: 1}, true},
		"the shop, for people":   {people, principal{Role: users.Shop, KeyID: 1}, false},
		"another role, for all":  {members | shops, principal{Role: "root", KeyID: 1}, false},
		"the shop, for the shop": {shops, principal{Role: users.Shop, KeyID: 1}, true},
	} {
		if why := c.access.refuses(c.p); (why == "") != c.ok {
			t.Errorf("%s: %q", name, why)
		}
	}
}
