package catalog

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"posthorn/internal/fault"
)

// Limits of what is taken in, in characters unless said otherwise.
const (
	maxKey        = 200 // sku, order id
	maxName       = 500
	maxCategory   = 200
	maxURL        = 2048
	maxAttributes = 64 << 10 // bytes of JSON
	maxDepth      = 20
	maxItems      = 10_000 // of one order
	maxQuantity   = 1_000_000_000
)

// text returns s without surrounding space, and notes where it is too long, not
// UTF-8 or holds control characters: none of them belongs in one line of a mail,
// and Postgres refuses NUL.
func text(wrong *fault.List, field, s string, limit int) string {
	s = strings.TrimSpace(s)
	switch {
	case !utf8.ValidString(s):
		wrong.Add(field, "is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		wrong.Add(field, "holds a control character (such as NUL, tab or a line break)")
	case utf8.RuneCountInString(s) > limit:
		wrong.Add(field, "is longer than %d characters", limit)
	}
	return s
}

// key is text that must be there.
func key(wrong *fault.List, field, s string) string {
	s = text(wrong, field, s, maxKey)
	if s == "" {
		wrong.Add(field, "is missing")
	}
	return s
}

// optional is text where it was given.
func optional(wrong *fault.List, field string, s *string, limit int) *string {
	if s == nil {
		return nil
	}
	out := text(wrong, field, *s, limit)
	return &out
}

// currency returns the upper-case code; ” stands for unknown. Any three letters
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
	s = optional(wrong, field, s, maxURL)
	if s == nil || *s == "" {
		return s
	}
	u, err := url.Parse(*s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		wrong.Add(field, "is not an address that starts with https:// or http://")
	}
	return s
}

// moment checks a time and returns it as Postgres keeps it. The years keep out
// what is a mistake for certain: a zero time, seconds read as milliseconds.
func moment(wrong *fault.List, field string, t time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	switch {
	case t.IsZero():
		wrong.Add(field, "is missing")
	case t.Year() < 1900 || t.Year() > 2199:
		wrong.Add(field, "is not between the years 1900 and 2199")
	}
	return t
}

// attributes returns the JSON of m, nil where there is nothing to set.
func attributes(wrong *fault.List, field string, m map[string]any) []byte {
	if len(m) == 0 {
		return nil
	}
	for name := range m {
		if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxKey {
			wrong.Add(field, "has a name that is empty or longer than %d characters", maxKey)
			return nil
		}
	}
	data, err := json.Marshal(m)
	switch {
	case err != nil:
		wrong.Add(field, "cannot be written as JSON")
		return nil
	case len(data) > maxAttributes:
		wrong.Add(field, "is larger than %d KB", maxAttributes>>10)
		return nil
	}
	switch nul, depth := inspect(data); {
	case nul:
		wrong.Add(field, "holds a NUL character, which cannot be stored")
		return nil
	case depth > maxDepth:
		wrong.Add(field, "is nested more than %d levels deep", maxDepth)
		return nil
	}
	return data
}

// inspect says whether valid JSON has a NUL in one of its strings, which jsonb
// cannot hold, and how deep it is nested.
func inspect(data []byte) (nul bool, depth int) {
	level, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			nul = nul || bytes.HasPrefix(data[i+1:], []byte("u0000"))
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			depth = max(depth, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return nul, depth
}

// storable says whether s can be in the database at all: a question for anything
// else has an empty answer, and Postgres would call it an error.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
