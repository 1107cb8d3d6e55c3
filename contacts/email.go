package contacts

import (
	"net/mail"
	"strings"
	"unicode"

	"posthorn/internal/check"
	"posthorn/internal/fault"
)

// Limits of an address, in bytes (RFC 5321 section 4.5.3.1, and erratum 1690 of
// RFC 3696 for the whole).
const (
	maxLocal = 64
	maxEmail = 254
)

// NormalizeEmail returns an address in the form that is mailed (trimmed, the
// domain in lower-case ASCII, the part before the @ as it was) and its key, which
// is equal for what counts as the same address: the whole in lower case. A server
// could tell A@ from a@, but none does, and people write both.
//
// What would not be delivered is refused with a fault.Invalid for "email": display
// names, comments, quoted or non-ASCII local parts (these would need SMTPUTF8),
// address literals, domains without a dot.
func NormalizeEmail(s string) (email, key string, err error) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	switch {
	case s == "":
		return "", "", fault.Invalidf("email", "is empty")
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", "", fault.Invalidf("email", "holds a control character (such as NUL, tab or a line break)")
	case at < 0:
		return "", "", fault.Invalidf("email", "is not an address: there is no @")
	}
	local, domain := s[:at], s[at+1:]
	for i := range len(local) {
		if local[i] >= 0x80 {
			return "", "", fault.Invalidf("email", "has characters other than ASCII before the @, which most servers refuse")
		}
	}
	domain, ok := check.Domain(domain)
	if !ok {
		return "", "", fault.Invalidf("email", "is not an address: what follows the @ is not a domain such as example.com")
	}
	email = local + "@" + domain
	if len(local) > maxLocal || len(email) > maxEmail {
		return "", "", fault.Invalidf("email", "is too long for an address: at most %d characters before the @ and %d in all", maxLocal, maxEmail)
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || parsed.Name != "" || strings.ContainsAny(local, "<>\"() ") {
		return "", "", fault.Invalidf("email", "is not an address such as name@example.com")
	}
	return email, strings.ToLower(email), nil
}
