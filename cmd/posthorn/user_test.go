package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"posthorn/internal/pgtest"
	"posthorn/internal/redistest"
)

// From an empty installation to two people who can sign in, as whoever runs it does.
func TestPeople(t *testing.T) {
	t.Parallel()
	env := []string{
		"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t), "POSTHORN_REDIS_URL=" + redistest.New(t).URL, "POSTHORN_SECRET=" + secret,
		"POSTHORN_LISTEN=127.0.0.1:0", "POSTHORN_BASE_URL=http://mail.shop.example",
	}
	said := func(in string, args ...string) string {
		t.Helper()
		cmd := program(t, env, args...)
		cmd.Stdin = strings.NewReader(in)
		got := finish(t, cmd)
		if got.code != 0 {
			t.Fatalf("%q: %+v", args, got)
		}
		return strings.TrimSpace(got.out)
	}
	code := said("", "user", "setup-code")
	web := start(t, program(t, env, "web"))
	if link := web.await(t, "nobody can sign in yet: open the link to become the owner")["link"]; link != "http://mail.shop.example/app/set-up#"+code {
		t.Errorf("link %v, code %s", link, code)
	}
	base := "http://" + web.await(t, "web serves")["listen"].(string)
	post := func(method, path string, body map[string]string) (int, string) {
		t.Helper()
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), method, base+"/api/v1"+path, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, res.Header.Get("Set-Cookie")
	}
	if status, cookie := post("POST", "/setup", map[string]string{"code": code, "email": "anna@shop.example", "password": "purple otters juggle lanterns"}); status != 201 || cookie == "" {
		t.Fatalf("setup: %d", status)
	}

	link := said("", "user", "create", "ben@shop.example", "--role", "marketer", "--name", "Ben")
	token, found := strings.CutPrefix(link, "http://mail.shop.example/app/invitation#")
	if !found {
		t.Fatalf("link %q", link)
	}
	if status, cookie := post("PUT", "/invitation", map[string]string{"token": token, "password": "quiet trains carry oranges"}); status != 200 || cookie == "" {
		t.Errorf("invitation: %d", status)
	}
	said("another seven wise monkeys\n", "user", "set-password", "Anna@shop.example")
	signIn := func(email, password string) int {
		status, _ := post("POST", "/session", map[string]string{"email": email, "password": password})
		return status
	}
	if a, b := signIn("anna@shop.example", "another seven wise monkeys"), signIn("anna@shop.example", "purple otters juggle lanterns"); a != 200 || b != 401 {
		t.Errorf("with the new password %d, with the old one %d", a, b)
	}
	said("", "user", "disable", "ben@shop.example")
	if status := signIn("ben@shop.example", "quiet trains carry oranges"); status != 401 {
		t.Errorf("disabled: %d", status)
	}
	said("", "user", "enable", "ben@shop.example")
	if status := signIn("ben@shop.example", "quiet trains carry oranges"); status != 200 {
		t.Errorf("enabled: %d", status)
	}
	if list := said("", "user", "list"); !strings.Contains(list, "anna@shop.example") || !strings.Contains(list, "marketer") || strings.Count(list, "active") != 2 {
		t.Errorf("list:\n%s", list)
	}
	for _, args := range [][]string{{"user", "disable", "anna@shop.example"}, {"user", "disable", "nobody@shop.example"}, {"user", "create", "ben@shop.example", "--role", "ops"}} {
		if got := finish(t, program(t, env, args...)); got.code != 1 || strings.Count(got.err, "\n") != 1 {
			t.Errorf("%q: %+v", args, got)
		}
	}

	said("", "apikey", "create", "Shop", "--role", "shop")
	if list := said("", "apikey", "list"); !strings.Contains(list, "Shop") || !strings.Contains(list, "ph_") || !strings.Contains(list, "never") {
		t.Errorf("list:\n%s", list)
	}
	said("", "apikey", "revoke", "Shop")
	if got := finish(t, program(t, env, "apikey", "revoke", "Shop")); got.code != 1 {
		t.Errorf("revoked twice: %+v", got)
	}
	web.stop(t)
}
