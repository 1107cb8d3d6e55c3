package catalog

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"posthorn/internal/check"
	"posthorn/internal/fault"
)

// Limits of what is taken in, in characters unless said otherwise.
const (
	maxKey      = 200 // sku, order id
	maxName     = 500
	maxCategory = 200
	maxURL      = 2048
	maxItems    = 10_000 // of one order
	maxQuantity = 1_000_000_000
)

// currency returns the upper-case code; "" stands for unknown. Any three letters
// pass, because shops have currencies that no list knows (points, old ones).
func currency(wrong *fault.List, field, s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return ""
	}
	ok := len(s) == 3
	for i := range len(s) {
		ok = ok && s[i] >= 'A' && s[i] <= 'Z'
	}
	if !ok {
		wrong.Add(field, "is not a currency code of three letters such as EUR (ISO 4217)")
	}
	return s
}

// link checks an address that will be put into mails: http or https, absolute.
func link(wrong *fault.List, field string, s *string) *string {
	s = check.Optional(wrong, field, s, maxURL)
	if s == nil || *s == "" {
		return s
	}
	u, err := url.Parse(*s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		wrong.Add(field, "is not an address that starts with https:// or http://")
	}
	return s
}

// storable says whether s can be in the database at all: a question for anything
// else has an empty answer, and Postgres would call it an error.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
