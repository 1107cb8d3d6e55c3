package users

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
	"posthorn/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const (
	secret   = "a secret of the tests, long enough"
	password = "purple otters juggle lanterns"
	another  = "quiet trains carry oranges"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// stage is an empty installation, where a password costs nothing.
type stage struct {
	*testing.T
	pool      *pgxpool.Pool
	passwords *Passwords
}

func newStage(t *testing.T) stage {
	t.Helper()
	t.Parallel()
	return stage{t, pgtest.New(t), NewPasswords(Cost{Memory: 64, Iterations: 1})}
}

func (s stage) setup(email string) (User, error) {
	return Setup(s.Context(), s.pool, s.passwords, monday, secret, SetupInput{Code: SetupCode(secret), Email: email, Name: "Anna", Password: password, Language: "de", Timezone: "Europe/Berlin"})
}

// person makes somebody who can sign in.
func (s stage) person(email string, role Role) User {
	s.Helper()
	u, err := Create(s.Context(), s.pool, monday, Input{Email: email, Role: role})
	if err != nil {
		s.Fatal(err)
	}
	if u, err = SetPassword(s.Context(), s.pool, s.passwords, monday, u.ID, password); err != nil {
		s.Fatal(err)
	}
	return u
}

func (s stage) signIn(email, password string) (User, error) {
	return SignIn(s.Context(), s.pool, s.passwords, monday, email, password)
}

func isConflict(err error) bool {
	var c *fault.Conflict
	return errors.As(err, &c)
}

// fields are those that err says are wrong.
func fields(err error) string {
	var list fault.List
	collect(&list, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Field)
	}
	return strings.Join(names, " ")
}

func TestSetup(t *testing.T) {
	s := newStage(t)
	in := SetupInput{Code: "ABCDE-12345-FGHJK-67890", Email: "anna@shop.example", Password: password}
	if _, err := Setup(t.Context(), s.pool, s.passwords, monday, secret, in); !errors.Is(err, ErrSetupCode) {
		t.Errorf("another code: %v", err)
	}
	in.Code = SetupCode("another secret, also long enough")
	if _, err := Setup(t.Context(), s.pool, s.passwords, monday, secret, in); !errors.Is(err, ErrSetupCode) {
		t.Errorf("the code of another secret: %v", err)
	}
	in = SetupInput{Code: SetupCode(secret), Email: "anna", Name: "a\nb", Password: "short"}
	if _, err := Setup(t.Context(), s.pool, s.passwords, monday, secret, in); fields(err) != "email name password" {
		t.Errorf("wrong fields: %v", err)
	}
	if any, err := Any(t.Context(), s.pool); any || err != nil {
		t.Errorf("somebody was made: %v, %v", any, err)
	}
	// As people type it.
	in = SetupInput{Code: " " + strings.ToLower(strings.ReplaceAll(SetupCode(secret), "-", " ")) + " ", Email: "Anna@Shop.example", Name: "Anna", Password: password, Language: "de", Timezone: "Europe/Berlin"}
	u, err := Setup(t.Context(), s.pool, s.passwords, monday, secret, in)
	if err != nil || u.Role != Owner || u.State != Active || u.Language != "de" || u.Timezone != "Europe/Berlin" || u.Name != "Anna" {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, err := s.setup("other@shop.example"); !isConflict(err) {
		t.Errorf("a second time: %v", err)
	}
	if got, err := s.signIn("ANNA@shop.EXAMPLE ", password); err != nil || got.ID != u.ID {
		t.Errorf("sign in: %+v, %v", got, err)
	}
}

func TestSetupCode(t *testing.T) {
	t.Parallel()
	code := SetupCode(secret)
	if len(code) != 23 || strings.Count(code, "-") != 3 || strings.ContainsAny(code, "ILOU") {
		t.Errorf("code %q", code)
	}
	if SetupCode(secret) != code || SetupCode(secret+"x") == code {
		t.Error("a code is not of its secret")
	}
}

// Of many who set up at once one becomes the owner.
func TestSetupOnce(t *testing.T) {
	s := newStage(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.setup(string(rune('a'+i)) + "@shop.example") })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !isConflict(err):
			t.Errorf("%v", err)
		}
	}
	list, err := List(t.Context(), s.pool)
	if won != 1 || len(list) != 1 || err != nil {
		t.Errorf("%d became the owner of %d people, %v", won, len(list), err)
	}
}

func TestSignInRefuses(t *testing.T) {
	s := newStage(t)
	s.person("anna@shop.example", Owner)
	ben := s.person("ben@shop.example", Marketer)
	if _, err := Update(t.Context(), s.pool, monday, ben.ID, Change{Input{ben.Email, "", Marketer}, true}); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(t.Context(), s.pool, monday, Input{Email: "invited@shop.example", Role: Ops}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"another password":  {"anna@shop.example", another},
		"no password":       {"anna@shop.example", ""},
		"nobody":            {"nobody@shop.example", password},
		"no address":        {"anna", password},
		"disabled":          {"ben@shop.example", password},
		"invited":           {"invited@shop.example", password},
		"invited, none yet": {"invited@shop.example", ""},
	} {
		if u, err := s.signIn(c[0], c[1]); !errors.Is(err, ErrRefused) || u.ID != 0 {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
}

// Unknown accounts, disabled ones and those without a password cost as much as others:
// all wait for a slot before anything is said.
func TestWhoIsUnknownCostsAsMuch(t *testing.T) {
	s := newStage(t)
	s.person("anna@shop.example", Owner)
	for range cap(s.passwords.slots) {
		s.passwords.slots <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, email := range []string{"anna@shop.example", "nobody@shop.example", "no address"} {
		if _, err := SignIn(ctx, s.pool, s.passwords, monday, email, another); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want to wait", email, err)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	for password, good := range map[string]bool{
		password: true, "Zwölf große Bären": true, "k3j4-h5g6-a7b8": true, strings.Repeat("ab cd ef ", 22): true,
		"": false, "elevenchars": false, "aaaaaaaaaaaaaa": false, "abababababab": false, "password1234": false, "Passwort2026!": false,
		"123456123456": false, "anna.weber2026": false, "posthorn-admin": false, "qwertz123456": false, strings.Repeat("ab cd ef ", 23): false, "broken \xff utf-8": false,
	} {
		var wrong fault.List
		checkPassword(&wrong, "password", password, "anna.weber@shop.example")
		if (len(wrong) == 0) != good {
			t.Errorf("%q: %v, want good: %t", password, wrong.Err(), good)
		}
		if err := wrong.Err(); password != "" && err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

// A hash of another cost is good, and made anew.
func TestACostCanChange(t *testing.T) {
	s := newStage(t)
	s.person("anna@shop.example", Owner)
	dearer := NewPasswords(Cost{Memory: 128, Iterations: 2})
	if _, err := SignIn(t.Context(), s.pool, dearer, monday, "anna@shop.example", password); err != nil {
		t.Fatal(err)
	}
	var hash string
	if err := s.pool.QueryRow(t.Context(), `SELECT password_hash FROM users`).Scan(&hash); err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Errorf("%q, %v", hash, err)
	}
	if _, err := s.signIn("anna@shop.example", password); err != nil {
		t.Error(err)
	}
}

func TestChangePassword(t *testing.T) {
	s := newStage(t)
	u := s.person("anna@shop.example", Owner)
	change := func(old, new string) error {
		_, err := ChangePassword(t.Context(), s.pool, s.passwords, monday, u.ID, old, new)
		return err
	}
	if err := change(another, another); !errors.Is(err, ErrRefused) {
		t.Errorf("without the old one: %v", err)
	}
	for _, bad := range []string{"short", password} {
		if err := change(password, bad); fields(err) != "new_password" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := change(password, another); err != nil {
		t.Fatal(err)
	}
	if got, err := s.signIn(u.Email, another); err != nil || got.Epoch <= u.Epoch {
		t.Errorf("%+v, %v: want a later epoch than %d", got, err, u.Epoch)
	}
	if _, err := s.signIn(u.Email, password); !errors.Is(err, ErrRefused) {
		t.Errorf("with the old one: %v", err)
	}
}

func TestInvitation(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	u, err := Create(ctx, s.pool, monday, Input{Email: "ben@shop.example", Role: Marketer})
	if err != nil || u.State != Invited {
		t.Fatalf("%+v, %v", u, err)
	}
	first, _, err := Invite(ctx, s.pool, monday, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	token, u, err := Invite(ctx, s.pool, monday, u.ID)
	if err != nil || u.InvitationUntil == nil || !u.InvitationUntil.Equal(monday.Add(InvitationLife)) {
		t.Fatalf("%+v, %v", u, err)
	}
	if n := count(s, `SELECT count(*) FROM users WHERE strpos(encode(invitation_hash, 'escape'), $1) > 0`, token); n != 0 {
		t.Error("the token is stored")
	}
	accept := func(now time.Time, token, password string) (User, error) {
		return Accept(ctx, s.pool, s.passwords, now, token, "Ben", password)
	}
	for name, err := range map[string]error{
		"an earlier one":  second(accept(monday, first, password)),
		"none":            second(accept(monday, "", password)),
		"another":         second(accept(monday, token+"x", password)),
		"too late":        second(accept(monday.Add(InvitationLife), token, password)),
		"looked at, late": second(Invitee(ctx, s.pool, monday.Add(InvitationLife), token)),
	} {
		if !errors.Is(err, ErrNoInvitation) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := accept(monday, token, "short"); fields(err) != "password" {
		t.Errorf("a bad password: %v", err)
	}
	if got, err := Invitee(ctx, s.pool, monday, token); err != nil || got.ID != u.ID {
		t.Errorf("%+v, %v", got, err)
	}
	// Of many who use it at once, one does.
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { _, errs[i] = accept(monday, token, password) })
	}
	wg.Wait()
	used := 0
	for _, err := range errs {
		if err == nil {
			used++
		} else if !errors.Is(err, ErrNoInvitation) {
			t.Error(err)
		}
	}
	if used != 1 {
		t.Errorf("it was used %d times", used)
	}
	if got, err := s.signIn("ben@shop.example", password); err != nil || got.Name != "Ben" || got.State != Active || got.InvitationUntil != nil {
		t.Errorf("%+v, %v", got, err)
	}
	// Disabled, it is void, and there is no new one.
	s.person("anna@shop.example", Owner)
	token, _, err = Invite(ctx, s.pool, monday, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Update(ctx, s.pool, monday, u.ID, Change{Input{u.Email, "Ben", Marketer}, true}); err != nil {
		t.Fatal(err)
	}
	if _, err := accept(monday, token, another); !errors.Is(err, ErrNoInvitation) {
		t.Errorf("of somebody disabled: %v", err)
	}
	if _, _, err := Invite(ctx, s.pool, monday, u.ID); !isConflict(err) {
		t.Errorf("somebody disabled: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func count(s stage, sql string, args ...any) (n int) {
	s.Helper()
	if err := s.pool.QueryRow(s.Context(), sql, args...).Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

// There is always an owner who can sign in.
func TestTheLastOwnerStays(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	anna := s.person("anna@shop.example", Owner)
	s.person("ben@shop.example", Marketer)
	if _, err := Create(ctx, s.pool, monday, Input{Email: "invited@shop.example", Role: Owner}); err != nil {
		t.Fatal(err)
	}
	to := func(u User, role Role, disabled bool) error {
		_, err := Update(ctx, s.pool, monday, u.ID, Change{Input{u.Email, u.Name, role}, disabled})
		return err
	}
	for _, err := range []error{to(anna, Marketer, false), to(anna, Ops, false), to(anna, Owner, true)} {
		if !isConflict(err) {
			t.Errorf("the last owner went: %v", err)
		}
	}
	if got, err := Get(ctx, s.pool, anna.ID); err != nil || got.Role != Owner || got.State != Active || got.Epoch != anna.Epoch {
		t.Errorf("%+v, %v", got, err)
	}
	// Two owners who disable each other at once.
	carla := s.person("carla@shop.example", Owner)
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, u := range []User{anna, carla} {
		wg.Go(func() { errs[i] = to(u, Owner, true) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("%v, %v: want one of them to go", errs[0], errs[1])
	}
}

func TestUpdate(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	s.person("anna@shop.example", Owner)
	ben := s.person("ben@shop.example", Marketer)
	if _, err := Update(ctx, s.pool, monday, ben.ID, Change{Input{"Anna@shop.example", "", Ops}, false}); fields(err) != "email" {
		t.Errorf("somebody else's address: %v", err)
	}
	if _, err := Create(ctx, s.pool, monday, Input{Email: "BEN@shop.example", Role: Ops}); fields(err) != "email" {
		t.Errorf("the same address again: %v", err)
	}
	if _, err := Update(ctx, s.pool, monday, ben.ID, Change{Input{"ben", "x\ny", "shop"}, false}); fields(err) != "email name role" {
		t.Errorf("wrong fields: %v", err)
	}
	var missing *fault.NotFound
	if _, err := Update(ctx, s.pool, monday, 999, Change{Input{"x@shop.example", "", Ops}, false}); !errors.As(err, &missing) {
		t.Errorf("nobody: %v", err)
	}
	got, err := Update(ctx, s.pool, monday, ben.ID, Change{Input{"ben.roth@shop.example", "Ben", Ops}, false})
	if err != nil || got.Role != Ops || got.Email != "ben.roth@shop.example" || got.Epoch != ben.Epoch {
		t.Errorf("%+v, %v", got, err)
	}
	off, err := Update(ctx, s.pool, monday, ben.ID, Change{Input{got.Email, "Ben", Ops}, true})
	if err != nil || off.State != Disabled || off.Epoch != ben.Epoch+1 {
		t.Errorf("%+v, %v", off, err)
	}
	on, err := Update(ctx, s.pool, monday, ben.ID, Change{Input{got.Email, "Ben", Ops}, false})
	if err != nil || on.State != Active || on.Epoch != off.Epoch {
		t.Errorf("%+v, %v", on, err)
	}
	if err := EndSessions(ctx, s.pool, monday, ben.ID); err != nil {
		t.Error(err)
	}
	if got, err := Find(ctx, s.pool, "Ben.Roth@shop.example"); err != nil || got.Epoch != on.Epoch+1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := SetProfile(ctx, s.pool, monday, ben.ID, Profile{"B\x00", "fr", "Berlin"}); fields(err) != "name timezone language" {
		t.Errorf("%v", err)
	}
}

func newAttempts(t *testing.T) *Attempts {
	t.Helper()
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: redistest.New(t).Addr})
	t.Cleanup(func() { _ = client.Close() })
	return NewAttempts(client)
}

func TestAttemptsWaitLonger(t *testing.T) {
	a := newAttempts(t)
	now := monday
	begin := func(account, source string) time.Duration {
		t.Helper()
		wait, err := a.Begin(t.Context(), now, account, source)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for i := range limitBoth.free {
		if w := begin("anna@shop.example", "1.1.1.1"); w != 0 {
			t.Fatalf("attempt %d waits %s", i+1, w)
		}
	}
	for want := time.Second; want <= 128*time.Second; want *= 2 {
		if w := begin("ANNA@shop.example", "1.1.1.1"); w != want {
			t.Fatalf("waits %s, want %s", w, want)
		}
		// Asking while one has to wait makes nothing longer.
		if w := begin("anna@shop.example", "1.1.1.1"); w != want {
			t.Fatalf("waits %s, want still %s", w, want)
		}
		// The account's owner comes from elsewhere, and others come from here.
		if w := begin("anna@shop.example", "2.2.2.2"); want == time.Second && w != 0 {
			t.Errorf("from elsewhere: %s", w)
		}
		if w := begin("ben@shop.example", "1.1.1.1"); want == time.Second && w != 0 {
			t.Errorf("somebody else: %s", w)
		}
		now = now.Add(want)
		if w := begin("anna@shop.example", "1.1.1.1"); w != 0 {
			t.Fatalf("after %s: %s", want, w)
		}
	}
	// Whoever goes on does not wait for ever, and gets no further than what is forgotten.
	tries, longest := 0, time.Duration(0)
	for end := now.Add(24 * time.Hour); now.Before(end); {
		wait := begin("anna@shop.example", "1.1.1.1")
		if wait == 0 {
			tries++
		}
		longest = max(longest, wait)
		now = now.Add(wait)
	}
	if longest > limitBoth.wait || tries > 24*6+10 {
		t.Errorf("in a day %d tries, and at most %s between two", tries, longest)
	}
	// Right: the account's failures are forgotten.
	if err := a.End(t.Context(), "anna@shop.example", "1.1.1.1", true); err != nil {
		t.Fatal(err)
	}
	for range limitBoth.free {
		if w := begin("anna@shop.example", "1.1.1.1"); w != 0 {
			t.Fatalf("after it was right: %s", w)
		}
	}
}

// One source that tries many accounts, and many sources that try one.
func TestAttemptsAreCountedBothWays(t *testing.T) {
	a := newAttempts(t)
	blocked := func(name string, account, source func(i int) string, limit int) {
		t.Helper()
		for i := range limit + 1 {
			wait, err := a.Begin(t.Context(), monday, account(i), source(i))
			if err != nil {
				t.Fatal(err)
			}
			if (wait > 0) != (i == limit) {
				t.Errorf("%s: attempt %d waits %s", name, i+1, wait)
			}
		}
	}
	same := func(s string) func(int) string { return func(int) string { return s } }
	each := func(s string) func(int) string { return func(i int) string { return s + string(rune('a'+i)) } }
	blocked("one source", each("x@shop.example"), same("3.3.3.3"), limitSource.free)
	blocked("one account", same("carla@shop.example"), each("4.4.4."), limitAccount.free)
	blocked("one source without an account", same(""), same("5.5.5.5"), limitSource.free)
}

// Any number at once gets no more tries than one after the other.
func TestAttemptsAtOnce(t *testing.T) {
	a := newAttempts(t)
	var wg sync.WaitGroup
	waits := make([]time.Duration, 40)
	for i := range waits {
		wg.Go(func() { waits[i], _ = a.Begin(t.Context(), monday, "anna@shop.example", "1.1.1.1") })
	}
	wg.Wait()
	through := 0
	for _, w := range waits {
		if w == 0 {
			through++
		}
	}
	if through != limitBoth.free {
		t.Errorf("%d of %d got through, want %d", through, len(waits), limitBoth.free)
	}
}

// What was not looked at does not count, and lifts no wait.
func TestAttemptsThatWereNone(t *testing.T) {
	a := newAttempts(t)
	for range 3 * limitBoth.free {
		if wait, err := a.Begin(t.Context(), monday, "anna@shop.example", "1.1.1.1"); wait != 0 || err != nil {
			t.Fatal(wait, err)
		}
		if err := a.End(t.Context(), "anna@shop.example", "1.1.1.1", false); err != nil {
			t.Fatal(err)
		}
	}
	for range limitBoth.free {
		if wait, _ := a.Begin(t.Context(), monday, "anna@shop.example", "1.1.1.1"); wait != 0 {
			t.Fatal(wait)
		}
	}
	if err := a.End(t.Context(), "anna@shop.example", "1.1.1.1", false); err != nil {
		t.Fatal(err)
	}
	if wait, _ := a.Begin(t.Context(), monday, "anna@shop.example", "1.1.1.1"); wait == 0 {
		t.Error("the wait was lifted")
	}
}

// Redis learns neither address.
func TestAttemptsKeepNoAddress(t *testing.T) {
	a := newAttempts(t)
	if _, err := a.Begin(t.Context(), monday, "anna@shop.example", "1.1.1.1"); err != nil {
		t.Fatal(err)
	}
	keys, err := a.redis.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 3 {
		t.Fatal(keys, err)
	}
	for _, k := range keys {
		if strings.Contains(k, "anna") || strings.Contains(k, "1.1.1") || !strings.HasPrefix(k, "posthorn:attempts:") {
			t.Errorf("key %q", k)
		}
		if ttl := a.redis.TTL(t.Context(), k).Val(); ttl <= 0 {
			t.Errorf("%q never goes: %s", k, ttl)
		}
	}
}
