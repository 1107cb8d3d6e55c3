package templates

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// What an editor underlines is the whole of what is wrong.
func TestAProblemSaysHowLongItIs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ html, want string }{
		{"{{ contact.frist_name }}", "contact.frist_name"},
		{"<p>\n  {{ contact.email | uper }}", "uper"},
		{"{{ last_order.items[0].prize }}", "last_order.items[0].prize"},
		{`{{ contact["firstname"] }}`, "contact["},
		{"é {{ köpt_x }}", "köpt_x"},
		{"{% iff contact.email %}", "{% iff contact.email %}"},
		{"Hello {{ contact.first_name", "{{ contact.first_name"},
		{`{{ "abc }}`, `"abc }}`},
		{"{{ 99999999999999999999 }}", "99999999999999999999"},
		{`<a href="javascript:alert(1)">x</a>`, "javascript:alert"},
		{"<p onclick=\"f('{{ contact.email }}')\">x</p>", "onclick"},
		{"<script>x</script>", "<script>"},
	} {
		src := test.html + "\n" + page("")
		_, found := Compile(Source{Subject: "Hello", HTML: src})
		found = slices.DeleteFunc(found, func(p Problem) bool { return p.Line == 0 })
		if len(found) == 0 {
			t.Errorf("%s: no place is found", test.html)
			continue
		}
		line := []rune(strings.Split(src, "\n")[found[0].Line-1])
		from := found[0].Column - 1
		if got := string(line[from : from+found[0].Length]); got != test.want {
			t.Errorf("%s: %q is underlined, want %q", test.html, got, test.want)
		}
	}
}

// Wherever a problem is, what is underlined is there and on its line.
func TestExtentStaysOnItsLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.StringOf(rapid.SampledFrom([]rune("ab.é{}%\"'<>[]\n\r |"))).Draw(t, "src")
		offset := rapid.IntRange(-1, len(src)+1).Draw(t, "offset")
		if at := min(max(offset, 0), len(src)); at < len(src) && !utf8.RuneStart(src[at]) {
			return // no problem begins inside of a character
		}
		line, column := position(src, offset)
		n := extent(src, offset)
		if length := utf8.RuneCountInString(strings.Split(src, "\n")[line-1]); n < 0 || column-1+n > length {
			t.Fatalf("%d characters from column %d of a line of %d", n, column, length)
		}
	})
}
