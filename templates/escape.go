package templates

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// htmlEscaper is how values are written into HTML. It is the library's replacer
// with a way out for the many values that have nothing to escape.
type htmlEscaper struct{}

// The same five that html/template escapes; ` is added because old Internet
// Explorers, which live on in some mail programs, take it for a quote.
var htmlReplacer = strings.NewReplacer(`&`, "&amp;", `'`, "&#39;", `<`, "&lt;", `>`, "&gt;", `"`, "&#34;", "`", "&#96;")

func (htmlEscaper) WriteString(w io.Writer, s string) (int, error) {
	return io.WriteString(w, escapeHTML(s))
}

func escapeHTML(s string) string {
	if !strings.ContainsAny(s, "&'<>\"`\x00") && utf8.ValidString(s) {
		return s
	}
	return htmlReplacer.Replace(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", ""))
}

// isControl reports what has no place in a name or a header: control characters
// and the line and paragraph separators that some programs take for line breaks.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// headerText makes one line of s: control characters become spaces, runs of white
// space one space, and what is too long is cut off.
func headerText(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return isControl(r) || r == ' ' }), " ")
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit-1]) + "…"
	}
	return s
}

// tidyText takes out of a derived text what its Liquid left behind: white space
// around lines, runs of spaces, and more than one empty line in a row.
func tidyText(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	empty := 0
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 {
			if empty > 0 {
				b.WriteByte('\n')
			}
			b.WriteByte('\n')
		}
		empty = 0
		for {
			before, after, found := strings.Cut(line, "  ")
			b.WriteString(before)
			if !found {
				break
			}
			b.WriteByte(' ')
			line = strings.TrimLeft(after, " ")
		}
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}
