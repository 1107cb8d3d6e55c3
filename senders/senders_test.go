package senders

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
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

// good makes a key of Ed25519, which is quick.
func good() PutInput {
	return PutInput{Domain: "shop.example", Selector: "a", Algorithm: Ed25519, Active: true}
}

func encodePEM(kind string, der []byte, headers ...string) string {
	b := &pem.Block{Type: kind, Bytes: der, Headers: map[string]string{}}
	for _, h := range headers {
		b.Headers[h] = "x"
	}
	return string(pem.EncodeToMemory(b))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM("PRIVATE KEY", der)
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	return string(must[[]byte](t)(os.ReadFile("testdata/" + name)))
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

func TestPut(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	put := func(now time.Time, in PutInput) DKIMKey {
		t.Helper()
		k := must[DKIMKey](t)(Put(ctx, pool, now, secret, in))
		if got := must[DKIMKey](t)(Get(ctx, pool, in.Domain, in.Selector)); got != k {
			t.Fatalf("Put returned\n%+v\nGet returns\n%+v", k, got)
		}
		return k
	}
	in := PutInput{Domain: "K\u00e4se.Example.", Selector: "2026A.news", Algorithm: RSA}
	first := put(noon, in)
	if first.Domain != "xn--kse-qla.example" || first.Selector != "2026a.news" || first.Algorithm != RSA || first.Active ||
		first.CreatedAt != noon || first.UpdatedAt != noon || first.Record.Name != "2026a.news._domainkey.xn--kse-qla.example" {
		t.Errorf("%+v", first)
	}
	if again := put(noon.Add(time.Hour), in); again != first {
		t.Errorf("the same again changed it: %+v", again)
	}
	in.Active = true
	active := put(noon.Add(time.Hour), in)
	if !active.Active || active.Record != first.Record || active.CreatedAt != noon || active.UpdatedAt != noon.Add(time.Hour) {
		t.Errorf("activated: %+v", active)
	}
	in.Algorithm = Ed25519
	if _, err := Put(ctx, pool, noon, secret, in); !invalid(err, "algorithm") {
		t.Errorf("another algorithm for the stored key: %v", err)
	}
	in.PrivateKey = pkcs8(t, ed25519.NewKeyFromSeed(make([]byte, 32)))
	replaced := put(noon.Add(2*time.Hour), in)
	if replaced.Algorithm != Ed25519 || replaced.Record == first.Record || replaced.CreatedAt != noon || replaced.UpdatedAt != noon.Add(2*time.Hour) {
		t.Errorf("replaced: %+v", replaced)
	}
	if signers := must[[]Signer](t)(Signers(ctx, pool, secret, "news@xn--kse-qla.example")); len(signers) != 1 ||
		signers[0].Key.Public().(ed25519.PublicKey).Equal(ed25519.NewKeyFromSeed(make([]byte, 32)).Public()) != true {
		t.Errorf("%d signers", len(signers))
	}
}

// TestRecord publishes the key of RFC 8463 A and one of RSA.
func TestRecord(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	seed := must[[]byte](t)(base64.StdEncoding.DecodeString("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
	in := PutInput{Domain: "football.example.com", Selector: "brisbane", Algorithm: Ed25519, PrivateKey: pkcs8(t, ed25519.NewKeyFromSeed(seed))}
	k := must[DKIMKey](t)(Put(ctx, pool, noon, secret, in))
	want := Record{"brisbane._domainkey.football.example.com", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}
	if k.Record != want {
		t.Errorf("record %+v", k.Record)
	}

	key := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, leastRSA))
	for _, given := range []string{pkcs8(t, key), "\n" + encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)) + "\n", ""} {
		in := PutInput{Domain: "football.example.com", Selector: "test", Algorithm: RSA, PrivateKey: given}
		k := must[DKIMKey](t)(Put(ctx, pool, noon, secret, in))
		public, ok := strings.CutPrefix(k.Record.Value, "v=DKIM1; k=rsa; p=")
		if !ok {
			t.Fatalf("record %+v", k.Record)
		}
		parsed := must[any](t)(x509.ParsePKIXPublicKey(must[[]byte](t)(base64.StdEncoding.DecodeString(public))))
		if !key.PublicKey.Equal(parsed.(crypto.PublicKey)) {
			t.Error("another key is published")
		}
	}
	made := must[DKIMKey](t)(Put(ctx, pool, noon, secret, PutInput{Domain: "football.example.com", Selector: "made", Algorithm: RSA, Active: true}))
	signers := must[[]Signer](t)(Signers(ctx, pool, secret, "a@football.example.com"))
	if len(signers) != 1 || signers[0].Key.Public().(*rsa.PublicKey).N.BitLen() != newRSA {
		t.Errorf("%d signers", len(signers))
	}
	out := string(must[[]byte](t)(json.Marshal(made)))
	if !strings.Contains(out, made.Record.Value) || strings.Contains(out, "sealed") || strings.Contains(out, "rivate") {
		t.Errorf("as JSON: %s", out)
	}
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ec := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edwards := pkcs8(t, ed25519.NewKeyFromSeed(make([]byte, 32)))
	tests := []struct {
		name, field, says string
		change            func(*PutInput)
	}{
		{"no domain", "domain", "such as", func(in *PutInput) { in.Domain = "" }},
		{"one label", "domain", "such as", func(in *PutInput) { in.Domain = "localhost" }},
		{"an address", "domain", "such as", func(in *PutInput) { in.Domain = "news@shop.example" }},
		{"a line break in the domain", "domain", "such as", func(in *PutInput) { in.Domain = "shop.example\r\n" }},
		{"a tag in the domain", "domain", "such as", func(in *PutInput) { in.Domain = "shop.example;l=0" }},
		{"no selector", "selector", "labels", func(in *PutInput) { in.Selector = "" }},
		{"an underscore", "selector", "labels", func(in *PutInput) { in.Selector = "a_b" }},
		{"an empty label", "selector", "labels", func(in *PutInput) { in.Selector = "a..b" }},
		{"a hyphen at the end", "selector", "labels", func(in *PutInput) { in.Selector = "a-" }},
		{"a tag in the selector", "selector", "labels", func(in *PutInput) { in.Selector = "a; d=x" }},
		{"not ASCII", "selector", "labels", func(in *PutInput) { in.Selector = "\u00e4" }},
		{"a long label", "selector", "labels", func(in *PutInput) { in.Selector = strings.Repeat("a", 64) }},
		{"a long name", "selector", "too long", func(in *PutInput) { in.Selector = strings.Repeat("a.", 120) + "a" }},
		{"no algorithm", "algorithm", "rsa-sha256", func(in *PutInput) { in.Algorithm = "" }},
		{"a weak algorithm", "algorithm", "rsa-sha256", func(in *PutInput) { in.Algorithm = "rsa-sha1" }},
		{"no PEM", "private_key", "not PEM", func(in *PutInput) { in.PrivateKey = "MIIB" }},
		{"two keys", "private_key", "more than one", func(in *PutInput) { in.PrivateKey = edwards + edwards }},
		{"an encrypted key", "private_key", "passphrase", func(in *PutInput) { in.PrivateKey = encodePEM("ENCRYPTED PRIVATE KEY", []byte{1}) }},
		{"an encrypted PKCS #1 key", "private_key", "passphrase", func(in *PutInput) { in.PrivateKey = encodePEM("RSA PRIVATE KEY", []byte{1}, "DEK-Info") }},
		{"a public key", "private_key", "neither", func(in *PutInput) { in.PrivateKey = encodePEM("PUBLIC KEY", []byte{1}) }},
		{"a damaged key", "private_key", "damaged", func(in *PutInput) { in.PrivateKey = encodePEM("PRIVATE KEY", []byte{1}) }},
		{"another curve", "private_key", "not a key of ed25519-sha256", func(in *PutInput) { in.PrivateKey = pkcs8(t, ec) }},
		{"a key of the other algorithm", "private_key", "not a key of rsa-sha256", func(in *PutInput) { in.Algorithm, in.PrivateKey = RSA, edwards }},
		{"a short key", "private_key", "768 bits", func(in *PutInput) { in.Algorithm, in.PrivateKey = RSA, file(t, "rsa768.pem") }},
		{"a long key", "private_key", "4104 bits", func(in *PutInput) { in.Algorithm, in.PrivateKey = RSA, file(t, "rsa4104.pem") }},
	}
	for _, test := range tests {
		in := good()
		test.change(&in)
		_, err := Put(t.Context(), pool, noon, secret, in)
		if !invalid(err, test.field) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want an error of %s that says %q", test.name, err, test.field, test.says)
		}
	}
	var list fault.List
	if _, err := Put(t.Context(), pool, noon, secret, PutInput{}); !errors.As(err, &list) || len(list) != 3 {
		t.Errorf("not all that is wrong at once: %v", err)
	}
	if left := must[[]DKIMKey](t)(List(t.Context(), pool, "")); len(left) != 0 {
		t.Errorf("something was written: %v", left)
	}
}

func TestPutAtOnce(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	var all sync.WaitGroup
	records := make([]Record, 8)
	for i := range records {
		all.Go(func() {
			k, err := Put(ctx, pool, noon, secret, good())
			if err != nil {
				t.Error(err)
			}
			records[i] = k.Record
		})
	}
	all.Wait()
	for _, r := range records {
		if r != records[0] {
			t.Error("two callers were told to publish different keys")
		}
	}
}

func TestListGetDelete(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	var missing *fault.NotFound
	if _, err := Get(ctx, pool, "shop.example", "a"); !errors.As(err, &missing) {
		t.Errorf("Get: %v", err)
	}
	if err := Delete(ctx, pool, "shop.example", "a"); !errors.As(err, &missing) {
		t.Errorf("Delete: %v", err)
	}
	for _, name := range []string{"shop.example b", "shop.example a", "a.example z"} {
		in := good()
		in.Domain, in.Selector, _ = strings.Cut(name, " ")
		must[DKIMKey](t)(Put(ctx, pool, noon, secret, in))
	}
	names := func(domain string) string {
		var b strings.Builder
		for _, k := range must[[]DKIMKey](t)(List(ctx, pool, domain)) {
			b.WriteString(k.Record.Name + " ")
		}
		return b.String()
	}
	if got := names("Shop.Example"); got != "a._domainkey.shop.example b._domainkey.shop.example " {
		t.Errorf("of one domain: %s", got)
	}
	if got := names(""); got != "z._domainkey.a.example a._domainkey.shop.example b._domainkey.shop.example " {
		t.Errorf("all: %s", got)
	}
	if got := names("example"); got != "" {
		t.Errorf("of a domain above: %s", got)
	}
	if err := Delete(ctx, pool, "SHOP.example", "A"); err != nil {
		t.Error(err)
	}
	if got := names("shop.example"); got != "b._domainkey.shop.example " {
		t.Errorf("after Delete: %s", got)
	}
}

func TestSigners(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	for _, k := range []PutInput{
		{Domain: "shop.example", Selector: "rsa", Algorithm: RSA, Active: true},
		{Domain: "shop.example", Selector: "ed", Algorithm: Ed25519, Active: true},
		{Domain: "shop.example", Selector: "old", Algorithm: Ed25519},
		{Domain: "news.shop.example", Selector: "news", Algorithm: Ed25519, Active: true},
		{Domain: "idle.shop.example", Selector: "idle", Algorithm: Ed25519},
		{Domain: "xn--kse-qla.example", Selector: "k", Algorithm: Ed25519, Active: true},
	} {
		must[DKIMKey](t)(Put(ctx, pool, noon, secret, k))
	}
	for address, want := range map[string]string{
		"a@shop.example":           "ed.shop.example rsa.shop.example",
		"a@SHOP.example":           "ed.shop.example rsa.shop.example",
		"a@news.shop.example":      "news.news.shop.example",
		"a@deep.news.shop.example": "news.news.shop.example",
		"a@idle.shop.example":      "ed.shop.example rsa.shop.example",
		"a@other.shop.example":     "ed.shop.example rsa.shop.example",
		"a@k\u00e4se.example":      "k.xn--kse-qla.example",
		"a@myshop.example":         "",
		"a@example":                "",
		"":                         "",
	} {
		var got []string
		for _, s := range must[[]Signer](t)(Signers(ctx, pool, secret, address)) {
			got = append(got, s.Selector+"."+s.Domain)
			if s.Key == nil {
				t.Errorf("%s: no key", address)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestSealed(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	in := good()
	in.PrivateKey = pkcs8(t, key)
	must[DKIMKey](t)(Put(ctx, pool, noon, secret, in))
	var stored []byte
	if err := pool.QueryRow(ctx, `SELECT sealed_key FROM dkim_keys`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(stored, key.Seed()) {
		t.Error("the private key is stored in the clear")
	}

	var conflict *fault.Conflict
	if _, err := Signers(ctx, pool, "another secret", "a@shop.example"); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "a._domainkey.shop.example") {
		t.Errorf("with another secret: %v", err)
	}
	// It can still be seen and taken out of use, and put again.
	idle := good()
	idle.Active = false
	must[DKIMKey](t)(Put(ctx, pool, noon, "another secret", idle))
	if got := must[[]Signer](t)(Signers(ctx, pool, "another secret", "a@shop.example")); len(got) != 0 {
		t.Errorf("%d signers", len(got))
	}
	must[DKIMKey](t)(Put(ctx, pool, noon, "another secret", in))
	if got := must[[]Signer](t)(Signers(ctx, pool, "another secret", "a@shop.example")); len(got) != 1 || !key.Equal(got[0].Key) {
		t.Errorf("%d signers", len(got))
	}
	if _, err := pool.Exec(ctx, `UPDATE dkim_keys SET selector = 'b'`); err != nil {
		t.Fatal(err)
	}
	if _, err := Signers(ctx, pool, "another secret", "a@shop.example"); !errors.As(err, &conflict) {
		t.Errorf("in another row: %v", err)
	}
	if _, err := Put(ctx, pool, noon, "", good()); err == nil {
		t.Error("an empty secret seals")
	}
}
