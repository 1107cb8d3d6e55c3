package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = "" // the document is for everybody
	doc := s.do("GET", "/api/openapi.json", nil).want(200)
	if v, _ := doc.get("openapi").(string); !strings.HasPrefix(v, "3.1.") {
		t.Errorf("openapi: %v", v)
	}
	if doc.get("components", "securitySchemes", "bearer", "scheme") != "bearer" {
		t.Error("no bearer security scheme")
	}

	tags := map[string]bool{}
	for _, tag := range doc.get("tags").([]any) {
		tags[tag.(map[string]any)["name"].(string)] = true
	}
	ids := map[string]bool{}
	paths := doc.get("paths").(map[string]any)
	for path, item := range paths {
		for method, v := range item.(map[string]any) {
			op, where := v.(map[string]any), strings.ToUpper(method)+" "+path
			for _, k := range []string{"summary", "description", "operationId"} {
				if text, _ := op[k].(string); text == "" {
					t.Errorf("%s: no %s", where, k)
				}
			}
			id := op["operationId"].(string)
			if ids[id] {
				t.Errorf("%s: operationId %s is used twice", where, id)
			}
			ids[id] = true
			if used, _ := op["tags"].([]any); len(used) != 1 || !tags[used[0].(string)] {
				t.Errorf("%s: tags %v", where, used)
			}
			if sec, ok := op["security"].([]any); !ok || (len(sec) == 0) != (len(op["x-roles"].([]any)) == 0) {
				t.Errorf("%s: security %v for roles %v", where, op["security"], op["x-roles"])
			}
			for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				if !hasParameter(op, "path", m[1]) {
					t.Errorf("%s: parameter %s is not described", where, m[1])
				}
			}
			if page, _ := op["summary"].(string); strings.HasPrefix(page, "List ") && !strings.Contains(path, "consents") {
				if !hasParameter(op, "query", "cursor") || !hasParameter(op, "query", "limit") {
					t.Errorf("%s: a list without cursor and limit", where)
				}
			}
			responses := op["responses"].(map[string]any)
			for _, status := range []string{"401", "422", "503"} {
				if responses[status] == nil {
					t.Errorf("%s: no answer %s", where, status)
				}
			}
			if body, ok := op["requestBody"].(map[string]any); ok {
				if media, ok := body["content"].(map[string]any)["application/json"].(map[string]any); ok {
					if media["example"] == nil || media["schema"] == nil {
						t.Errorf("%s: body without example or schema", where)
					}
				}
			}
		}
	}
	if paths["/api/v1/campaigns/{id}/start"] == nil || paths["/api/v1/contacts/{external_id}"] == nil {
		t.Error("paths of the contract are missing")
	}

	// Every reference leads somewhere.
	schemas := doc.get("components", "schemas").(map[string]any)
	for _, m := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllSubmatch(doc.body, -1) {
		if schemas[string(m[1])] == nil {
			t.Errorf("%s is referred to and not there", m[1])
		}
	}
}

func TestJourneySchemaIsServed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = ""
	for _, path := range []string{"/api/journey.schema.json", "/api/journey-file.schema.json"} {
		a := s.do("GET", path, nil).want(200)
		if a.header.Get("Content-Type") != "application/schema+json" || a.get("$schema") != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("%s: %v: %.200s", path, a.header, a.body)
		}
	}
}

// The examples must be right: they are what people copy.
func TestExamplesFitTheirSchemas(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	doc := s.do("GET", "/api/openapi.json", nil).want(200)
	s.exec(`INSERT INTO contacts (external_id, created_at, updated_at) VALUES ('C-1001', $1, $1)`, s.clock.Now())
	n := 0
	for path, item := range doc.get("paths").(map[string]any) {
		for method, v := range item.(map[string]any) {
			body, ok := v.(map[string]any)["requestBody"].(map[string]any)
			if !ok {
				continue
			}
			media, ok := body["content"].(map[string]any)["application/json"].(map[string]any)
			if !ok {
				continue
			}
			n++
			url := strings.NewReplacer("{id}", "1", "{external_id}", "C-1", "{topic}", "news", "{sku}", "S", "{order_id}", "O", "{name}", "default", "{domain}", "shop.example", "{selector}", "a").Replace(path)
			a := s.do(strings.ToUpper(method), url, media["example"])
			// What the example names may not exist, but all its fields must.
			if a.status >= 500 || a.status == http.StatusBadRequest || a.status == http.StatusUnprocessableEntity && strings.Contains(string(a.body), "is not a field") {
				t.Errorf("%s %s: the example is answered %d: %s", method, path, a.status, a.body)
			}
			if strings.Contains(string(a.body), `"rejected":1`) {
				t.Errorf("%s %s: the example's item is rejected: %s", method, path, a.body)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d examples", n)
	}
}

// The reference must work without the internet: it may load nothing but its own
// files, and the policy must allow its scripts.
func TestDocsWorkOffline(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.key = ""
	page := s.do("GET", "/api/docs", nil).want(200)
	csp := page.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("policy %q lacks %q", csp, part)
		}
	}
	if strings.Contains(csp, "http") || strings.Contains(csp, "unsafe-eval") || strings.Contains(csp, "script-src 'self' 'unsafe-inline'") {
		t.Errorf("policy %q is too wide", csp)
	}
	for _, m := range inlineScript.FindAllSubmatch(page.body, -1) {
		if !strings.Contains(csp, hashSource(m[1])) {
			t.Errorf("an inline script is not allowed by %q", csp)
		}
	}
	loads := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllSubmatch(page.body, -1)
	if len(loads) < 4 {
		t.Fatalf("the page loads only %d files: %s", len(loads), page.body)
	}
	for _, m := range loads {
		path := string(m[1])
		if !strings.HasPrefix(path, "/api/docs/") {
			t.Errorf("the page loads %s", path)
			continue
		}
		if a := s.do("GET", path, nil).want(200); len(a.body) < 500 {
			t.Errorf("%s has %d bytes", path, len(a.body))
		}
	}
	css := s.do("GET", "/api/docs/swagger-ui.css", nil).want(200)
	if m := regexp.MustCompile(`url\(["']?(https?:|//)[^)]*\)|@import`).Find(css.body); m != nil {
		t.Errorf("the style sheet loads %s", m)
	}
	s.do("GET", "/api/docs/nothing.js", nil).want(404)
	s.do("GET", "/api/docs/", nil).want(200)
}

func hasParameter(op map[string]any, in, name string) bool {
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		if p := p.(map[string]any); p["in"] == in && p["name"] == name {
			return true
		}
	}
	return false
}

// What an answer may leave empty is said to be so: clients are generated from it.
func TestWhatMayBeNull(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	doc := s.do("GET", "/api/openapi.json", nil).want(200)
	for schema, property := range map[string]string{"Session": "user", "Campaign": "run"} {
		p := doc.get("components", "schemas", schema, "properties", property).(map[string]any)
		if either, _ := p["anyOf"].([]any); len(either) != 2 || p["$ref"] != nil {
			t.Errorf("%s.%s: %v", schema, property, p)
		}
	}
}
