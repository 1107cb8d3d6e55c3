package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"posthorn/users"
)

const (
	testPassword = "purple otters juggle lanterns"
	newPassword  = "quiet trains carry oranges"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// person makes somebody who can sign in with testPassword.
func (s *server) person(email string, role users.Role) users.User {
	s.t.Helper()
	u, err := users.Create(s.t.Context(), s.pool, s.clock.Now(), users.Input{Email: email, Role: role})
	if err != nil {
		s.t.Fatal(err)
	}
	if u, err = users.SetPassword(s.t.Context(), s.pool, s.deps().Passwords, s.clock.Now(), u.ID, testPassword); err != nil {
		s.t.Fatal(err)
	}
	return u
}

// sessionOf opens a session without a password and returns the cookie to send.
func (s *server) sessionOf(id int64) string {
	s.t.Helper()
	u, err := users.Get(s.t.Context(), s.pool, id)
	if err != nil {
		s.t.Fatal(err)
	}
	cookie, err := newSessions(s.redis, s.base).open(s.t.Context(), s.clock.Now(), u)
	if err != nil {
		s.t.Fatal(err)
	}
	return pair(cookie)
}

// pair is the part of a Set-Cookie that browsers send back.
func pair(setCookie string) string {
	name, _, _ := strings.Cut(setCookie, ";")
	return name
}

// browser sends a request as Posthorn's own pages do.
func (s *server) browser(cookie, method, path string, body any) answer {
	s.t.Helper()
	return s.from("same-origin", cookie, method, path, body)
}

// from is browser with the request's Sec-Fetch-Site ("": none is sent).
func (s *server) from(site, cookie, method, path string, body any) answer {
	s.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	if site != "" {
		r.Header.Set("Sec-Fetch-Site", site)
	}
	return s.send(r)
}

// signIn returns the cookie.
func (s *server) signIn(email string) string {
	s.t.Helper()
	a := s.browser("", "POST", "/api/v1/session", map[string]string{"email": email, "password": testPassword}).want(200)
	return pair(a.header.Get("Set-Cookie"))
}

// who is who a cookie belongs to: an address, or "".
func (s *server) who(cookie string) string {
	s.t.Helper()
	a := s.browser(cookie, "GET", "/api/v1/session", nil).want(200)
	if a.get("user") == nil {
		return ""
	}
	return a.get("user", "email").(string)
}

func TestFirstStart(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	if a := s.browser("", "GET", "/api/v1/session", nil).want(200); a.get("setup_required") != true || a.get("user") != nil {
		t.Errorf("%s", a.body)
	}
	setup := map[string]string{"code": "wrong", "email": "anna@shop.example", "name": "Anna", "password": testPassword, "language": "de"}
	s.browser("", "POST", "/api/v1/setup", setup).problem(422, "code")
	setup["code"] = users.SetupCode(testSecret)
	setup["password"] = "short"
	s.browser("", "POST", "/api/v1/setup", setup).problem(422, "password")
	setup["password"] = testPassword
	s.from("cross-site", "", "POST", "/api/v1/setup", setup).problem(403, "")
	a := s.browser("", "POST", "/api/v1/setup", setup).want(201)
	cookie := pair(a.header.Get("Set-Cookie"))
	if a.get("user", "role") != "owner" || a.get("user", "state") != "active" || a.get("setup_required") != false || s.who(cookie) != "anna@shop.example" {
		t.Errorf("%s", a.body)
	}
	s.browser(cookie, "GET", "/api/v1/users", nil).want(200)
	s.browser("", "POST", "/api/v1/setup", setup).problem(409, "")
	if a := s.browser("", "GET", "/api/v1/session", nil).want(200); a.get("setup_required") != false || a.get("user") != nil {
		t.Errorf("%s", a.body)
	}
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	cookie := s.signIn("Anna@shop.example")
	if got := s.who(cookie); got != "anna@shop.example" {
		t.Fatalf("signed in as %q", got)
	}
	s.browser(cookie, "GET", "/api/v1/campaigns", nil).want(200)
	s.browser(cookie, "POST", "/api/v1/segments", `{"name": "all", "rule": {"combinator": "and", "rules": []}}`)
	a := s.browser(cookie, "DELETE", "/api/v1/session", nil).want(204)
	if c := a.header.Get("Set-Cookie"); !strings.Contains(c, "Max-Age=0") {
		t.Errorf("the browser is not told to forget: %s", c)
	}
	if got := s.who(cookie); got != "" {
		t.Errorf("after signing out: %q", got)
	}
	s.browser(cookie, "GET", "/api/v1/campaigns", nil).problem(401, "")
	s.browser("", "DELETE", "/api/v1/session", nil).want(204)
}

// A cookie can neither be read by a script, nor sent along by another site's form, nor,
// with TLS, set by a neighbour or sent without it.
func TestCookieFlags(t *testing.T) {
	t.Parallel()
	client := newRedis(t)
	for base, want := range map[string]string{
		"http://127.0.0.1:8080":     "posthorn_session_8080=TOKEN; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax",
		"https://mail.shop.example": "__Host-posthorn_session=TOKEN; Path=/; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax",
	} {
		t.Run(base, func(t *testing.T) {
			s := serverWith(t, client, base)
			s.person("anna@shop.example", users.Owner)
			a := s.browser("", "POST", "/api/v1/session", map[string]string{"email": "anna@shop.example", "password": testPassword}).want(200)
			set := a.header.Values("Set-Cookie")
			if len(set) != 1 {
				t.Fatalf("%q", set)
			}
			_, token, _ := strings.Cut(pair(set[0]), "=")
			if len(token) < 43 || strings.Replace(set[0], token, "TOKEN", 1) != want {
				t.Errorf("%s, want %s", set[0], want)
			}
			if strings.Contains(string(a.body), token) {
				t.Error("the answer's body holds the token")
			}
			if keys, err := client.Keys(t.Context(), "*"+token+"*").Result(); err != nil || len(keys) != 0 {
				t.Errorf("Redis holds the token itself: %v", err)
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Error("the answer may be kept")
			}
		})
	}
}

// What a browser had before it signed in is worth nothing afterwards, and what somebody
// planted there never becomes a session.
func TestFixation(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	planted := cookieName(s.base) + "=" + strings.Repeat("A", 43)
	a := s.browser(planted, "POST", "/api/v1/session", map[string]string{"email": "anna@shop.example", "password": testPassword}).want(200)
	first := pair(a.header.Get("Set-Cookie"))
	if first == planted || s.who(planted) != "" || s.who(first) == "" {
		t.Errorf("planted %q, got %q", s.who(planted), s.who(first))
	}
	a = s.browser(first, "POST", "/api/v1/session", map[string]string{"email": "anna@shop.example", "password": testPassword}).want(200)
	second := pair(a.header.Get("Set-Cookie"))
	if second == first || s.who(first) != "" || s.who(second) == "" {
		t.Errorf("after the second sign-in the first session is %q, the second %q", s.who(first), s.who(second))
	}
}

// With a cookie, what changes something is only taken from Posthorn's own pages.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	cookie := s.signIn("anna@shop.example")
	body := `{"email": "evil@web.example", "role": "owner"}`
	for _, site := range []string{"cross-site", "same-site"} {
		s.from(site, cookie, "POST", "/api/v1/users", body).problem(403, "")
		s.from(site, cookie, "DELETE", "/api/v1/session", nil).problem(403, "")
		s.from(site, cookie, "DELETE", "/api/v1/sessions", nil).problem(403, "")
		s.from(site, "", "POST", "/api/v1/session", map[string]string{"email": "anna@shop.example", "password": testPassword}).problem(403, "")
		s.from(site, cookie, "GET", "/api/v1/campaigns", nil).want(200) // reads nothing that the other site gets to see
	}
	// Browsers that know no Sec-Fetch-Site name the page's origin.
	origin := func(origin string) answer {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+"/api/v1/users", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", cookie)
		r.Header.Set("Origin", origin)
		return s.send(r)
	}
	origin("https://evil.example").problem(403, "")
	origin("null").problem(403, "")
	if n := s.count(`SELECT count(*) FROM users`); n != 1 {
		t.Errorf("%d users: another site made one", n)
	}
	origin("http://mail.shop.example").want(201) // the base URL, which a proxy may have renamed

	// A key is nothing that a browser sends by itself.
	r, _ := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+"/api/v1/api-keys", strings.NewReader(`{"name": "x", "role": "shop"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	s.send(r).want(201)
}

func TestBruteForce(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	try := func(email, password string) answer {
		return s.browser("", "POST", "/api/v1/session", map[string]string{"email": email, "password": password})
	}
	// Somebody, and nobody: the same answers at the same moments.
	detail := map[string][]any{}
	for _, email := range []string{"anna@shop.example", "nobody@shop.example"} {
		for range 5 {
			a := try(email, "guess number one or so")
			detail[email] = append(detail[email], a.problem(401, "")["detail"])
		}
		a := try(email, testPassword)
		detail[email] = append(detail[email], a.problem(429, "")["detail"])
		if a.header.Get("Retry-After") != "1" || a.get("retry_after") != 1.0 {
			t.Errorf("%s: Retry-After %q", email, a.header.Get("Retry-After"))
		}
	}
	if a, b := fmt.Sprint(detail["anna@shop.example"]), fmt.Sprint(detail["nobody@shop.example"]); a != b {
		t.Errorf("one can tell whether there is such an account:\n%s\n%s", a, b)
	}
	s.clock.Advance(time.Second)
	try("anna@shop.example", testPassword).want(200)

	// The password of who is signed in is guarded, too.
	cookie := s.signIn("anna@shop.example")
	for range 5 {
		s.browser(cookie, "PUT", "/api/v1/session/password", map[string]string{"current_password": "guess", "new_password": newPassword}).problem(422, "current_password")
	}
	s.browser(cookie, "PUT", "/api/v1/session/password", map[string]string{"current_password": testPassword, "new_password": newPassword}).problem(429, "")
	s.clock.Advance(time.Second)

	// So is the setup's code, by where they come from.
	for range 40 {
		s.browser("", "POST", "/api/v1/invitation", `{"token": "guess"}`)
	}
	s.browser("", "POST", "/api/v1/invitation", `{"token": "guess"}`).problem(429, "")
	s.browser("", "POST", "/api/v1/setup", `{"code": "guess", "email": "a@shop.example", "password": "x"}`).problem(429, "")
}

func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	s.person("ben@shop.example", users.Marketer)
	here, there, ben := s.signIn("anna@shop.example"), s.signIn("anna@shop.example"), s.signIn("ben@shop.example")
	s.browser(here, "DELETE", "/api/v1/sessions", nil).want(204)
	if s.who(here) != "" || s.who(there) != "" || s.who(ben) != "ben@shop.example" {
		t.Errorf("here %q, there %q, ben %q", s.who(here), s.who(there), s.who(ben))
	}
	s.browser(there, "GET", "/api/v1/campaigns", nil).problem(401, "")

	// A new password ends all others, and this one goes on under a new token.
	here, there = s.signIn("anna@shop.example"), s.signIn("anna@shop.example")
	a := s.browser(here, "PUT", "/api/v1/session/password", map[string]string{"current_password": testPassword, "new_password": newPassword}).want(200)
	if now := pair(a.header.Get("Set-Cookie")); s.who(now) != "anna@shop.example" || s.who(here) != "" || s.who(there) != "" {
		t.Errorf("now %q, here %q, there %q", s.who(now), s.who(here), s.who(there))
	}
}

func TestWhoIsDisabledIsOut(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	ben := s.person("ben@shop.example", users.Marketer)
	anna, session := s.signIn("anna@shop.example"), s.signIn("ben@shop.example")
	path := "/api/v1/users/" + itoa(ben.ID)

	// A new role holds from the next request on.
	s.browser(anna, "PUT", path, `{"email": "ben@shop.example", "role": "ops"}`).want(200)
	s.browser(session, "GET", "/api/v1/contacts", nil).problem(403, "")
	s.browser(session, "GET", "/api/v1/relays", nil).want(200)

	s.browser(anna, "PUT", path, `{"email": "ben@shop.example", "role": "ops", "disabled": true}`).want(200)
	s.browser(session, "GET", "/api/v1/relays", nil).problem(401, "")
	s.browser("", "POST", "/api/v1/session", map[string]string{"email": "ben@shop.example", "password": testPassword}).problem(401, "")
	s.browser(anna, "POST", path+"/invitation", nil).problem(409, "")
	// Enabled again, the old session stays over.
	s.browser(anna, "PUT", path, `{"email": "ben@shop.example", "role": "ops"}`).want(200)
	s.browser(session, "GET", "/api/v1/relays", nil).problem(401, "")
	if got := s.who(s.signIn("ben@shop.example")); got != "ben@shop.example" {
		t.Error(got)
	}
	s.browser(anna, "PUT", "/api/v1/users/1", `{"email": "anna@shop.example", "role": "marketer"}`).problem(409, "")
}

// A stream of somebody who was signed out ends.
func TestLiveEndsWithTheSession(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	u := s.person("anna@shop.example", users.Owner)
	var p principal
	a := &api{pool: s.pool, sessions: newSessions(s.redis, s.base), now: s.clock.Now}
	cookie := s.sessionOf(u.ID)
	_, token, _ := strings.Cut(cookie, "=")
	p, err := a.bySession(t.Context(), token)
	if err != nil || p.UserID != u.ID || p.Name != "anna@shop.example" {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := p.holds(t.Context()); err != nil {
		t.Error(err)
	}
	if err := users.EndSessions(t.Context(), s.pool, s.clock.Now(), u.ID); err != nil {
		t.Fatal(err)
	}
	if p.holds(t.Context()) == nil {
		t.Error("the session still holds")
	}
}

func TestSessionsExpire(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	cookie := s.signIn("anna@shop.example")
	key := s.redis.Keys(t.Context(), sessionPrefix+"*").Val()[0]
	ttl := func() time.Duration { return s.redis.TTL(t.Context(), key).Val() }

	// Each request puts the end by idleness off.
	if err := s.redis.Expire(t.Context(), key, time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	if s.who(cookie) == "" || ttl() < sessionIdle-time.Hour || ttl() > sessionIdle {
		t.Errorf("signed in as %q, until %s from now", s.who(cookie), ttl())
	}
	// …but not for ever.
	s.clock.Advance(sessionLife - time.Second)
	if s.who(cookie) == "" {
		t.Error("it is over too early")
	}
	s.clock.Advance(time.Second)
	if s.who(cookie) != "" {
		t.Error("it outlives its life")
	}
	// Idle, Redis has forgotten it.
	cookie = s.signIn("anna@shop.example")
	if err := s.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	s.browser(cookie, "GET", "/api/v1/campaigns", nil).problem(401, "")
}

// Requests under way do not bring back a session that was ended meanwhile.
func TestAnEndedSessionStaysEnded(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	for range 5 {
		cookie := s.signIn("anna@shop.example")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { s.browser(cookie, "GET", "/api/v1/relays", nil) })
		}
		wg.Go(func() { s.browser(cookie, "DELETE", "/api/v1/session", nil) })
		wg.Wait()
		if got := s.who(cookie); got != "" {
			t.Fatalf("it lives on as %q", got)
		}
	}
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	cookie := s.signIn("anna@shop.example")
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = away.Close() })
	deps := s.deps()
	deps.Sessions = away
	s.http.Config.Handler = New(deps)
	for _, a := range []answer{
		s.browser(cookie, "GET", "/api/v1/campaigns", nil),
		s.browser("", "POST", "/api/v1/session", map[string]string{"email": "anna@shop.example", "password": testPassword}),
		s.browser(cookie, "DELETE", "/api/v1/session", nil),
	} {
		if p := a.problem(503, ""); !strings.Contains(p["detail"].(string), "Redis") || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %s", a.what, a.body)
		}
	}
	s.do("GET", "/api/v1/campaigns", nil).want(200) // keys need no Redis
}

func TestInvitationOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Owner)
	anna := s.signIn("anna@shop.example")
	a := s.browser(anna, "POST", "/api/v1/users", `{"email": "ben@shop.example", "role": "marketer"}`).want(201)
	link := a.get("link").(string)
	token, found := strings.CutPrefix(link, "http://mail.shop.example/app/invitation#")
	if !found || a.get("user", "state") != "invited" {
		t.Fatalf("%s", a.body)
	}
	s.browser(anna, "POST", "/api/v1/users", `{"email": "Ben@shop.example", "role": "ops"}`).problem(422, "email")
	if a := s.browser("", "POST", "/api/v1/invitation", map[string]string{"token": token}).want(200); a.get("email") != "ben@shop.example" || a.get("role") != "marketer" {
		t.Errorf("%s", a.body)
	}
	s.browser("", "PUT", "/api/v1/invitation", map[string]string{"token": token, "password": "short"}).problem(422, "password")
	a = s.browser("", "PUT", "/api/v1/invitation", map[string]string{"token": token, "name": "Ben Roth", "password": testPassword}).want(200)
	if s.who(pair(a.header.Get("Set-Cookie"))) != "ben@shop.example" || a.get("user", "name") != "Ben Roth" {
		t.Errorf("%s", a.body)
	}
	s.browser("", "PUT", "/api/v1/invitation", map[string]string{"token": token, "password": newPassword}).problem(404, "")
	s.browser("", "POST", "/api/v1/invitation", map[string]string{"token": token}).problem(404, "")
	for _, a := range []answer{s.browser(anna, "GET", "/api/v1/users", nil).want(200), s.browser(anna, "GET", "/api/v1/users/2", nil).want(200)} {
		if strings.Contains(string(a.body), token) || strings.Contains(string(a.body), "argon2") || strings.Contains(string(a.body), "hash") {
			t.Errorf("%s", a.body)
		}
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	s.person("anna@shop.example", users.Ops)
	cookie := s.signIn("anna@shop.example")
	a := s.browser(cookie, "PUT", "/api/v1/session/profile", `{"name": "Anna Weber", "language": "de", "timezone": "Europe/Berlin"}`).want(200)
	if a.get("user", "name") != "Anna Weber" || a.get("user", "language") != "de" || a.get("user", "timezone") != "Europe/Berlin" {
		t.Errorf("%s", a.body)
	}
	s.browser(cookie, "PUT", "/api/v1/session/profile", `{"timezone": "Berlin"}`).problem(422, "timezone")
	s.browser(cookie, "PUT", "/api/v1/session/profile", `{"language": "fr"}`).problem(422, "language")
	s.browser(cookie, "PUT", "/api/v1/session/profile", `{"role": "owner"}`).problem(422, "role")
}

func TestAPIKeysOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.do("POST", "/api/v1/api-keys", `{"name": "Shop", "role": "shop"}`).want(201)
	key := a.get("key").(string)
	if !strings.HasPrefix(key, a.get("prefix").(string)) || a.get("role") != "shop" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/api-keys", `{"name": "Shop", "role": "shop"}`).problem(409, "")
	list := s.do("GET", "/api/v1/api-keys", nil).want(200)
	if strings.Contains(string(list.body), key) || list.get("items", 0, "name") != "Shop" || list.get("items", 0, "last_used_at") != nil || list.get("items", 1, "last_used_at") == nil {
		t.Errorf("%s", list.body)
	}
	owner := s.key
	s.key = key
	s.do("PUT", "/api/v1/products/S", `{"name": "Sieve"}`).want(200)
	s.do("GET", "/api/v1/products/S", nil).problem(403, "")
	s.key = owner
	s.do("DELETE", "/api/v1/api-keys/"+fmt.Sprint(a.get("id")), nil).want(204)
	s.key = key
	s.do("PUT", "/api/v1/products/S", `{"name": "Sieve"}`).problem(401, "")
}

// Nothing that lets anybody in stands in the log, nor an address.
func TestNoSecretsInTheLog(t *testing.T) {
	t.Parallel()
	s := newSignInServer(t)
	code := users.SetupCode(testSecret)
	a := s.browser("", "POST", "/api/v1/setup", map[string]string{"code": code, "email": "anna@shop.example", "password": testPassword}).want(201)
	first := pair(a.header.Get("Set-Cookie"))
	s.browser("", "POST", "/api/v1/session", map[string]string{"email": "anna@shop.example", "password": "a wrong guess of hers"}).problem(401, "")
	anna := s.signIn("anna@shop.example")
	link := s.browser(anna, "POST", "/api/v1/users", `{"email": "ben@shop.example", "role": "ops"}`).want(201).get("link").(string)
	_, token, _ := strings.Cut(link, "#")
	s.browser("", "PUT", "/api/v1/invitation", map[string]string{"token": token, "password": testPassword}).want(200)
	key := s.browser(anna, "POST", "/api/v1/api-keys", `{"name": "Shop", "role": "shop"}`).want(201).get("key").(string)
	s.browser(anna, "PUT", "/api/v1/session/password", map[string]string{"current_password": testPassword, "new_password": newPassword}).want(200)
	s.browser(anna, "DELETE", "/api/v1/session", nil)
	log := s.log.String()
	for what, secret := range map[string]string{
		"password": testPassword, "wrong password": "a wrong guess", "new password": newPassword, "setup code": code, "first cookie": first[len(cookieName(s.base))+1:],
		"cookie": anna[len(cookieName(s.base))+1:], "token": token, "key": key, "address": "anna@", "another address": "ben@", "secret": testSecret,
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds the %s", what)
		}
	}
	if !strings.Contains(log, "signed in") || !strings.Contains(log, "sign-in refused") {
		t.Errorf("the log does not tell of sign-ins: %s", log)
	}
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"1.2.3.4:5", "", "1.2.3.4"},
		{"1.2.3.4:5", "9.9.9.9", "1.2.3.4"}, // not a proxy of ours: anybody can say so
		{"127.0.0.1:5", "", "127.0.0.1"},
		{"127.0.0.1:5", "1.2.3.4", "1.2.3.4"},
		{"127.0.0.1:5", "9.9.9.9, 1.2.3.4", "1.2.3.4"}, // what the client wrote there itself stands before
		{"127.0.0.1:5", "9.9.9.9, 1.2.3.4, 10.0.0.7", "1.2.3.4"},
		{"127.0.0.1:5", "nonsense", "127.0.0.1"},
		{"127.0.0.1:5", "1.2.3.4, nonsense", "127.0.0.1"},
		{"127.0.0.1:5", "10.0.0.7", "10.0.0.7"},
		{"[2001:db8:1:2:3:4:5:6]:5", "", "2001:db8:1:2::/64"},
		{"[::ffff:1.2.3.4]:5", "", "1.2.3.4"},
		{"[fe80::1%eth0]:5", "", "fe80::/64"},
		{"", "", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := sourceOf(r, trusted); got != c.want {
			t.Errorf("%s, forwarded for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
