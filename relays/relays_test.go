package relays

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const secret = "a secret for tests"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func text(s string) *string { return &s }

func good() PutInput {
	return PutInput{Name: "default", Host: "smtp.example.com", Port: 587, TLS: TLSStartTLS, Username: "u", Password: text("p\u00e4ss"), Connections: 5, RatePerSecond: 50}
}

func TestPut(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()

	put := func(now time.Time, in PutInput) Relay {
		t.Helper()
		r, err := Put(ctx, pool, now, secret, in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Get(ctx, pool, secret, in.Name)
		if err != nil {
			t.Fatal(err)
		}
		if got != r {
			t.Fatalf("Put returned\n%+v\nGet returns\n%+v", r, got)
		}
		return r
	}
	first := put(noon, good())
	want := Relay{Name: "default", Host: "smtp.example.com", Port: 587, TLS: TLSStartTLS, Encoding: EncodingAuto, Username: "u", Password: "p\u00e4ss", HasPassword: true,
		Connections: 5, RatePerSecond: 50, CreatedAt: noon, UpdatedAt: noon}
	if first != want {
		t.Errorf("relay\n%+v, want\n%+v", first, want)
	}

	if again := put(noon.Add(time.Hour), good()); again != first {
		t.Errorf("the same settings again changed it: %+v", again)
	}
	kept := good()
	kept.Password, kept.Connections = nil, 0
	r := put(noon.Add(2*time.Hour), kept)
	if r.Password != "p\u00e4ss" || r.Connections != DefaultConnections || r.UpdatedAt != noon.Add(2*time.Hour) || r.CreatedAt != noon {
		t.Errorf("a Put without a password: %+v", r)
	}
	if same := put(noon.Add(3*time.Hour), kept); same != r {
		t.Errorf("the same again, without a password, changed it: %+v", same)
	}
	other := good()
	other.Password, other.Connections = text("other"), 0
	r = put(noon.Add(2*time.Hour), other) // at the very moment of the last change
	if r.Password != "other" || !r.UpdatedAt.After(noon.Add(2*time.Hour)) {
		t.Errorf("a new password: %+v", r)
	}

	moved := good()
	moved.Password, moved.Host = nil, "smtp.evil.example"
	if _, err := Put(ctx, pool, noon, secret, moved); !invalid(err, "password") {
		t.Errorf("the password went to another host: %v", err)
	}
	anonymous := good()
	anonymous.Username, anonymous.Password = "", nil
	if r = put(noon.Add(4*time.Hour), anonymous); r.HasPassword || r.Password != "" {
		t.Errorf("without a user name: %+v", r)
	}
	if same := put(noon.Add(5*time.Hour), anonymous); same != r {
		t.Errorf("the same again changed it: %+v", same)
	}
	encoded := anonymous
	encoded.Encoding = EncodingQuotedPrintable
	if r = put(noon.Add(6*time.Hour), encoded); r.Encoding != EncodingQuotedPrintable || r.UpdatedAt != noon.Add(6*time.Hour) {
		t.Errorf("another encoding: %+v", r)
	}
	removed := good()
	removed.Password = text("")
	if _, err := Put(ctx, pool, noon, secret, removed); !invalid(err, "password") {
		t.Errorf("a user name without a password: %v", err)
	}
}

func TestPutAtOnce(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := Put(ctx, pool, noon, secret, good()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	list, err := List(ctx, pool)
	if err != nil || len(list) != 1 || list[0].UpdatedAt != noon {
		t.Errorf("%+v, %v", list, err)
	}
}

func invalid(err error, field string) bool {
	var one *fault.Invalid
	if errors.As(err, &one) {
		return one.Field == field
	}
	var list fault.List
	if errors.As(err, &list) {
		for _, e := range list {
			if e.Field == field {
				return true
			}
		}
	}
	return false
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	tests := []struct {
		name, field string
		change      func(*PutInput)
	}{
		{"no name", "name", func(in *PutInput) { in.Name = "" }},
		{"a name with a line break", "name", func(in *PutInput) { in.Name = "a\r\nb" }},
		{"a name with a slash", "name", func(in *PutInput) { in.Name = "a/b" }},
		{"no host", "host", func(in *PutInput) { in.Host = " " }},
		{"a scheme", "host", func(in *PutInput) { in.Host = "smtp://smtp.example.com" }},
		{"a port in the host", "host", func(in *PutInput) { in.Host = "smtp.example.com:25" }},
		{"a path", "host", func(in *PutInput) { in.Host = "smtp.example.com/x" }},
		{"a user in the host", "host", func(in *PutInput) { in.Host = "u@smtp.example.com" }},
		{"a line break in the host", "host", func(in *PutInput) { in.Host = "smtp.example.com\r\n" }},
		{"a NUL in the host", "host", func(in *PutInput) { in.Host = "smtp\x00.example.com" }},
		{"an empty label", "host", func(in *PutInput) { in.Host = "smtp..example.com" }},
		{"port 0", "port", func(in *PutInput) { in.Port = 0 }},
		{"port 65536", "port", func(in *PutInput) { in.Port = 65536 }},
		{"no tls", "tls", func(in *PutInput) { in.TLS = "" }},
		{"unknown encoding", "encoding", func(in *PutInput) { in.Encoding = "base64" }},
		{"unknown tls", "tls", func(in *PutInput) { in.TLS = "ssl" }},
		{"a line break in the user name", "username", func(in *PutInput) { in.Username = "u\nx" }},
		{"a NUL in the password", "password", func(in *PutInput) { in.Password = text("p\x00") }},
		{"an endless password", "password", func(in *PutInput) { in.Password = text(strings.Repeat("p", 5000)) }},
		{"a password without a user name", "username", func(in *PutInput) { in.Username = "" }},
		{"a user name without a password", "password", func(in *PutInput) { in.Password = nil }},
		{"a password in the clear", "tls", func(in *PutInput) { in.TLS = TLSNone }},
		{"too many connections", "connections", func(in *PutInput) { in.Connections = 501 }},
		{"negative connections", "connections", func(in *PutInput) { in.Connections = -1 }},
		{"a negative rate", "rate_per_second", func(in *PutInput) { in.RatePerSecond = -1 }},
	}
	for _, test := range tests {
		in := good()
		test.change(&in)
		if _, err := Put(t.Context(), pool, noon, secret, in); !invalid(err, test.field) {
			t.Errorf("%s: %v, want an error of %s", test.name, err, test.field)
		}
	}
	in := good()
	in.Host, in.Port, in.TLS = "", 0, ""
	var list fault.List
	if _, err := Put(t.Context(), pool, noon, secret, in); !errors.As(err, &list) || len(list) != 3 {
		t.Errorf("not all that is wrong at once: %v", err)
	}
	if left, err := List(t.Context(), pool); err != nil || len(left) != 0 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" SMTP.Example.com. ": "smtp.example.com",
		"localhost":           "localhost",
		"127.0.0.1":           "127.0.0.1",
		"[::1]":               "::1",
		"2001:db8::1":         "2001:db8::1",
		"mail_catcher":        "mail_catcher",
		"käse.example":        "xn--kse-qla.example",
	} {
		if got, err := normalizeHost(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"localhost.example.com": false, "10.0.0.1": false, "0.0.0.0": false} {
		if got := (Relay{Host: host}).Loopback(); got != want {
			t.Errorf("%s: loopback %v", host, got)
		}
	}
}

// TestClearPasswordOnLoopback is the one case in which no TLS is needed.
func TestClearPasswordOnLoopback(t *testing.T) {
	t.Parallel()
	in := good()
	in.Host, in.TLS = "127.0.0.1", TLSNone
	if _, err := Put(t.Context(), pgtest.New(t), noon, secret, in); err != nil {
		t.Error(err)
	}
}

func TestGetListDelete(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	var missing *fault.NotFound
	if _, err := Get(ctx, pool, secret, "default"); !errors.As(err, &missing) {
		t.Errorf("Get: %v", err)
	}
	if err := Delete(ctx, pool, "default"); !errors.As(err, &missing) {
		t.Errorf("Delete: %v", err)
	}
	for _, name := range []string{"b", "a"} {
		in := good()
		in.Name = name
		if _, err := Put(ctx, pool, noon, secret, in); err != nil {
			t.Fatal(err)
		}
	}
	list, err := List(ctx, pool)
	if err != nil || len(list) != 2 || list[0].Name != "a" || list[0].Password != "" || !list[0].HasPassword {
		t.Errorf("%+v, %v", list, err)
	}

	if _, err := pool.Exec(ctx, `
		INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1)`, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `
		INSERT INTO campaigns (name, template_id, sender_address, topic, relay, status, created_at, updated_at)
		SELECT 'spring', id, 'a@b', 'news', 'a', 'paused', $1, $1 FROM templates`, noon); err != nil {
		t.Fatal(err)
	}
	var conflict *fault.Conflict
	if err := Delete(ctx, pool, "a"); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "spring") {
		t.Errorf("Delete of one in use: %v", err)
	}
	if err := Delete(ctx, pool, "b"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, err := pool.Exec(ctx, `UPDATE campaigns SET status = 'finished'`); err != nil {
		t.Fatal(err)
	}
	if err := Delete(ctx, pool, "a"); err != nil {
		t.Errorf("Delete after the campaign: %v", err)
	}
}

func TestSealed(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	if _, err := Put(ctx, pool, noon, secret, good()); err != nil {
		t.Fatal(err)
	}
	var stored []byte
	if err := pool.QueryRow(ctx, `SELECT sealed_password FROM relays`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(stored), *good().Password) {
		t.Error("the password is stored in the clear")
	}

	_, err := Get(ctx, pool, "another secret", "default")
	var conflict *fault.Conflict
	if !errors.Is(err, ErrSealed) || !errors.As(err, &conflict) {
		t.Errorf("with another secret: %v", err)
	}
	keep := good()
	keep.Password = nil
	if _, err := Put(ctx, pool, noon, "another secret", keep); !invalid(err, "password") {
		t.Errorf("keeping what cannot be opened: %v", err)
	}
	if _, err := Put(ctx, pool, noon, "another secret", good()); err != nil {
		t.Errorf("putting it again: %v", err)
	}
	if r, err := Get(ctx, pool, "another secret", "default"); err != nil || r.Password != *good().Password {
		t.Errorf("after that: %q, %v", r.Password, err)
	}

	// Another relay's row does not open it.
	if _, err := pool.Exec(ctx, `UPDATE relays SET name = 'other'`); err != nil {
		t.Fatal(err)
	}
	if _, err := Get(ctx, pool, "another secret", "other"); !errors.Is(err, ErrSealed) {
		t.Errorf("as another relay's: %v", err)
	}
}
