// Package check validates what comes from outside, field by field: text that can
// stand in one line of a mail, objects that Postgres can hold, times that are not
// a mistake for certain. Each function returns the value as it is to be stored and
// notes in the list what is wrong with it.
package check

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"posthorn/internal/fault"
)

// Text returns s without surrounding space, and notes where it is too long (limit
// in characters), not UTF-8 or holds control characters: CR and LF in a name would
// be a header injection, and Postgres refuses NUL.
func Text(wrong *fault.List, field, s string, limit int) string {
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

// Required is Text that must not be empty.
func Required(wrong *fault.List, field, s string, limit int) string {
	s = Text(wrong, field, s, limit)
	if s == "" {
		wrong.Add(field, "is missing")
	}
	return s
}

// Optional is Text where it was given.
func Optional(wrong *fault.List, field string, s *string, limit int) *string {
	if s == nil {
		return nil
	}
	out := Text(wrong, field, *s, limit)
	return &out
}

// domains maps a domain to its ASCII form as a mail program would (UTS 46), and
// refuses what no DNS name can be.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// Domain returns the domain of a mail address in lower-case ASCII, and whether it
// is one: a DNS name with a dot whose last label is not a number.
func Domain(s string) (ascii string, ok bool) {
	valid := !strings.ContainsRune(s, utf8.RuneError) // nor what is not UTF-8
	ascii, err := domains.ToASCII(s)
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	return ascii, valid && err == nil && strings.Contains(ascii, ".") && strings.Trim(last, "0123456789") != ""
}

// Time returns t as Postgres keeps it: in UTC, to the microsecond. The years keep
// out what is a mistake for certain: a zero time, seconds read as milliseconds.
func Time(wrong *fault.List, field string, t time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	switch {
	case t.IsZero():
		wrong.Add(field, "is missing")
	case t.Year() < 1900 || t.Year() > 2199:
		wrong.Add(field, "is not between the years 1900 and 2199")
	}
	return t
}

// addresses are what could be mail addresses, also quoted and broken ones: whatever
// stands around an @.
var addresses = regexp.MustCompile(`("[^"]*"|[^\s<>()\[\]",;:]*)@[^\s<>()",;]*`)

// WithoutAddresses returns words from outside for the eyes of those who must not see
// whom they are about.
func WithoutAddresses(s string) string {
	return addresses.ReplaceAllString(s, "…@…")
}

// Limits of an Object.
const (
	maxName   = 200      // characters
	maxObject = 64 << 10 // bytes of JSON
	maxDepth  = 20
)

// Object returns the JSON of m, an object with attributes or properties; nil where
// m is empty or cannot be stored.
func Object(wrong *fault.List, field string, m map[string]any) []byte {
	if len(m) == 0 {
		return nil
	}
	for name := range m {
		if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxName ||
			!utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			wrong.Add(field, "has a name that is empty, longer than %d characters or holds a control character", maxName)
			return nil
		}
	}
	data, err := json.Marshal(m)
	switch {
	case err != nil:
		wrong.Add(field, "cannot be written as JSON")
		return nil
	case len(data) > maxObject:
		wrong.Add(field, "is larger than %d KB", maxObject>>10)
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
