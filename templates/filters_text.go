package templates

import (
	"html"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/osteele/liquid/values"
)

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + s[n:]
}

var (
	newlines = strings.NewReplacer("\r\n", "", "\n", "", "\r", "")
	brs      = strings.NewReplacer("\r\n", "<br>\n", "\n", "<br>\n")
)

// stripHTML drops tags and comments. It goes through the text once: a regular
// expression that looks for the end of a comment would look again at every "<".
func stripHTML(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "<")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := ">"
		if strings.HasPrefix(rest, "!--") {
			end = "-->"
		}
		if _, s, found = strings.Cut(rest, end); !found {
			return b.String()
		}
	}
}

func unescape(s string) string { return html.UnescapeString(s) }

// newlineToBR escapes the text itself, because its result is HTML.
func newlineToBR(v any, _ ...any) (any, error) {
	s := toText(v)
	if len(s) > maxText {
		return nil, errText
	}
	if s = brs.Replace(escapeHTML(s)); len(s) > maxText {
		return nil, errText
	}
	return values.SafeValue{Value: s}, nil
}

func urlDecode(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return strings.ToValidUTF8(d, "")
	}
	return s
}

// safeURL returns s unless it is a link that runs something instead of leading
// somewhere. Compile puts it behind every value that begins a link.
func safeURL(s string) string {
	scheme, _, found := strings.Cut(normalURL(s), ":")
	if !found || strings.ContainsAny(scheme, "/?#") { // relative, or no scheme before the path
		return strings.TrimSpace(s)
	}
	switch scheme {
	case "http", "https", "mailto", "tel", "sms":
		return strings.TrimSpace(s)
	}
	return ""
}

// normalURL is how a browser reads a link: without white space and control
// characters anywhere, and in lower case.
func normalURL(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s))
}

func replace(v any, a ...any) (any, error) {
	s, old, with := toText(v), toText(a[0]), toText(arg(a, 1))
	if len(s)+strings.Count(s, old)*max(0, len(with)-len(old)) > maxText {
		return nil, errText
	}
	return strings.ReplaceAll(s, old, with), nil
}

// truncate shortens to n characters, the ellipsis among them.
func truncate(v any, a ...any) (any, error) {
	n, ellipsis := 50, "..."
	if len(a) > 0 {
		n, _ = toInt(a[0])
	}
	if len(a) > 1 {
		ellipsis = toText(a[1])
	}
	s := toText(v)
	if utf8.RuneCountInString(s) <= n {
		return s, nil
	}
	keep := max(0, n-utf8.RuneCountInString(ellipsis))
	s = string([]rune(s)[:keep]) + ellipsis
	if len(s) > maxText {
		return nil, errText
	}
	return s, nil
}

func truncateWords(v any, a ...any) (any, error) {
	n, ellipsis := 15, "..."
	if len(a) > 0 {
		n, _ = toInt(a[0])
	}
	if len(a) > 1 {
		ellipsis = toText(a[1])
	}
	s := toText(v)
	words := strings.Fields(s)
	if len(words) <= max(n, 1) {
		return s, nil
	}
	s = strings.Join(words[:max(n, 1)], " ") + ellipsis
	if len(s) > maxText {
		return nil, errText
	}
	return s, nil
}

func split(v any, a ...any) (any, error) {
	s, sep := toText(v), toText(a[0])
	var parts []string
	if sep == " " {
		parts = strings.Fields(s)
	} else {
		parts = strings.SplitN(s, sep, maxList+1)
	}
	if len(parts) > maxList {
		return nil, errList
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return newList(items), nil
}

// slice is a part of a text or a list, from an index that may count from the end.
func slice(v any, a ...any) (any, error) {
	start, _ := toInt(a[0])
	length := 1
	if len(a) > 1 {
		length, _ = toInt(a[1])
	}
	bounds := func(n int) (int, int) {
		if start < 0 {
			start += n
		}
		from := min(max(start, 0), n)
		return from, from + min(max(length, 0), n-from)
	}
	if l, ok := v.(list); ok {
		from, to := bounds(len(*l.items))
		return newList((*l.items)[from:to]), nil
	}
	runes := []rune(toText(v))
	from, to := bounds(len(runes))
	return string(runes[from:to]), nil
}

func sizeOf(v any, _ ...any) (any, error) {
	switch v := v.(type) {
	case list:
		return len(*v.items), nil
	case nil:
		return 0, nil
	}
	return utf8.RuneCountInString(toText(v)), nil
}
