package contacts

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"posthorn/internal/fault"
)

func TestNormalizeEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"edith@example.com":                 {"edith@example.com", "edith@example.com"},
		" Edith.Holloway@Example.COM ":      {"Edith.Holloway@example.com", "edith.holloway@example.com"},
		"o'hara+news@sub.example.co.uk":     {"o'hara+news@sub.example.co.uk", "o'hara+news@sub.example.co.uk"},
		"a@müller.example":                  {"a@xn--mller-kva.example", "a@xn--mller-kva.example"},
		"a@MÜLLER.example":                  {"a@xn--mller-kva.example", "a@xn--mller-kva.example"},
		"a@xn--mller-kva.example":           {"a@xn--mller-kva.example", "a@xn--mller-kva.example"},
		"a@example。com":                     {"a@example.com", "a@example.com"}, // what an ideographic keyboard types
		strings.Repeat("a", 64) + "@b.test": {strings.Repeat("a", 64) + "@b.test", strings.Repeat("a", 64) + "@b.test"},
	} {
		email, key, err := NormalizeEmail(in)
		if err != nil || email != want[0] || key != want[1] {
			t.Errorf("%q: %q, %q, %v; want %q", in, email, key, err, want)
		}
	}
	for _, in := range []string{
		"", " ", "edith", "@example.com", "edith@", "edith@localhost", "edith@example..com", "edith@.example.com", "edith@example.com.",
		"a b@example.com", `"a b"@example.com`, `"a"@example.com`, "Edith <edith@example.com>", "<edith@example.com>",
		"edith(comment)@example.com", "a@b@example.com", "a..b@example.com", ".a@example.com", "a.@example.com",
		"edith@[192.0.2.1]", "edith@192.0.2.1", "zoë@example.com", "edith@exam_ple.com", "edith@-example.com", "edith@exam ple.com",
		"edith@example.com, otto@example.com", "edith@example.com\r\nBcc: otto@example.com", "edith\x00@example.com", "edith@example.com\x00x",
		"edith@exa\nmple.com", strings.Repeat("a", 65) + "@b.test", "a@" + strings.Repeat("b.", 130) + "test", "\xff@example.com", "a@\xff.com",
	} {
		email, key, err := NormalizeEmail(in)
		var inv *fault.Invalid
		if !errors.As(err, &inv) || inv.Field != "email" || email != "" || key != "" {
			t.Errorf("%q: %q, %q, %v", in, email, key, err)
		}
	}
}

// FuzzNormalizeEmail: what passes is plain ASCII fit for an SMTP command, a mail
// program reads it as the same address, and normalising again changes nothing.
func FuzzNormalizeEmail(f *testing.F) {
	for _, s := range []string{"edith@example.com", "A@MÜLLER.example", "<a@b.test>", "a\r\n@b.test", `"a"@b.test`, "a@b。test", "a@xn--.test", "@", "a%b@c.test"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		email, key, err := NormalizeEmail(in)
		if err != nil {
			var inv *fault.Invalid
			if !errors.As(err, &inv) || strings.ContainsFunc(inv.Message, func(r rune) bool { return r < ' ' }) {
				t.Fatalf("%q: %v", in, err)
			}
			return
		}
		for i := range len(email) {
			if email[i] <= ' ' || email[i] >= 0x7f || strings.IndexByte("<>\",;:()[]\\", email[i]) >= 0 {
				t.Fatalf("%q became %q", in, email)
			}
		}
		if len(email) > maxEmail || key != strings.ToLower(email) {
			t.Fatalf("%q became %q, %q", in, email, key)
		}
		if parsed, err := mail.ParseAddress(email); err != nil || parsed.Address != email {
			t.Fatalf("%q reads as %v, %v", email, parsed, err)
		}
		if again, againKey, err := NormalizeEmail(email); err != nil || again != email || againKey != key {
			t.Fatalf("%q became %q, %q, %v", email, again, againKey, err)
		}
		if again, againKey, err := NormalizeEmail(key); err != nil || again != key || againKey != key {
			t.Fatalf("key %q became %q, %q, %v", key, again, againKey, err)
		}
	})
}
