package templates

import (
	"slices"
	"strings"

	xhtml "golang.org/x/net/html"
)

// HTML and MJML are looked at with their Liquid blanked out: each of its bytes
// becomes blank, a control character that the check does not let into a source, so
// that tags and attributes can be read although Liquid has quotes and angle
// brackets in it, and every offset stays what it is in the source.
const blank = '\x01'

func blankLiquid(src string, tokens []token) string {
	b := []byte(src)
	for _, t := range tokens {
		if t.liquid() || t.inert != "" {
			for i := t.offset; i < t.end(); i++ {
				b[i] = blank
			}
		}
	}
	return string(b)
}

// element is a start tag as written.
type element struct {
	name        string // in lower case
	offset, end int
	closed      bool // ends with />
	attributes  []attribute
}

type attribute struct {
	name       string // in lower case
	start      int    // offset of the name
	nameEnd    int
	value      int // offset of the value, without quotes
	end        int // and of its end
	quoted     bool
	hasNoValue bool
}

// markup is what walkMarkup meets.
type markup struct {
	kind        xhtml.TokenType
	offset, end int
	element     *element // of a start tag
	name        string   // of an end tag
	raw         bool     // text inside of script, style, title or the like: no markup in it
}

// walkMarkup goes through blanked HTML or MJML, and returns the offset where it
// ended: before the end of the text only where a tag is not complete.
func walkMarkup(blanked string, visit func(markup)) int {
	z := xhtml.NewTokenizer(strings.NewReader(blanked))
	offset, raw := 0, false
	for {
		kind := z.Next()
		if kind == xhtml.ErrorToken {
			return offset
		}
		end := offset + len(z.Raw())
		m := markup{kind: kind, offset: offset, end: end}
		switch kind {
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			m.element = readElement(blanked[offset:end], offset)
			switch m.element.name {
			case "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext":
				raw = kind == xhtml.StartTagToken
			}
		case xhtml.EndTagToken:
			name, _ := z.TagName()
			m.name, raw = string(name), false
		case xhtml.TextToken:
			m.raw = raw
		}
		visit(m)
		offset = end
	}
}

// readElement reads the tag that s is, from "<" to ">". x/net/html would give the
// attributes, but neither where they are nor whether they have quotes.
func readElement(s string, offset int) *element {
	e := &element{offset: offset, end: offset + len(s)}
	i := 1
	for i < len(s) && !isSpace(s[i]) && s[i] != '>' && s[i] != '/' {
		i++
	}
	e.name = strings.ToLower(s[1:i])
	for i < len(s) {
		switch c := s[i]; {
		case isSpace(c):
			i++
		case c == '>':
			return e
		case c == '/':
			e.closed = strings.TrimLeft(s[i+1:], " \t\r\n\f") == ">"
			i++
		default:
			var a attribute
			a, i = readAttribute(s, i)
			a.start, a.nameEnd, a.value, a.end = a.start+offset, a.nameEnd+offset, a.value+offset, a.end+offset
			e.attributes = append(e.attributes, a)
		}
	}
	return e
}

func readAttribute(s string, i int) (attribute, int) {
	a := attribute{start: i}
	i++ // a name may begin with "="
	for i < len(s) && !isSpace(s[i]) && s[i] != '=' && s[i] != '>' && s[i] != '/' {
		i++
	}
	a.name, a.nameEnd = strings.ToLower(s[a.start:i]), i
	j := i
	for j < len(s) && isSpace(s[j]) {
		j++
	}
	if j >= len(s) || s[j] != '=' {
		a.value, a.end, a.hasNoValue = i, i, true
		return a, i
	}
	for j++; j < len(s) && isSpace(s[j]); {
		j++
	}
	if j < len(s) && (s[j] == '"' || s[j] == '\'') {
		a.quoted, a.value = true, j+1
		n := strings.IndexByte(s[j+1:], s[j])
		if n < 0 {
			a.end = len(s)
			return a, len(s)
		}
		a.end = j + 1 + n
		return a, a.end + 1
	}
	a.value = j
	for j < len(s) && !isSpace(s[j]) && s[j] != '>' {
		j++
	}
	a.end = j
	return a, j
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// within are the Liquid tokens between two offsets.
func within(tokens []token, from, to int) []token {
	first, _ := slices.BinarySearchFunc(tokens, from, func(t token, from int) int { return t.offset - from })
	last := first
	for last < len(tokens) && tokens[last].offset < to {
		last++
	}
	var out []token
	for _, t := range tokens[first:last] {
		if t.liquid() && t.inert == "" {
			out = append(out, t)
		}
	}
	return out
}

var voidElements = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}

// unbalanced finds a branch of Liquid that opens an element and leaves it open, or
// closes one it did not open, and returns the offset of its tag. Such HTML is fine
// once it is rendered, but no HTML parser can read it before, so its CSS cannot be
// inlined.
func (c *bodyCheck) unbalanced() (offset int, found bool) {
	type open struct {
		name string
		id   int
	}
	var (
		stack []open
		marks [][]open // the stack at the beginning of each branch
		ids   int
	)
	same := func(a []open) bool {
		return len(a) == len(stack) && (len(a) == 0 || a[len(a)-1] == stack[len(stack)-1])
	}
	offset = -1
	liquid := func(from, to int) {
		for _, t := range within(c.tokens, from, to) {
			if t.kind != tagToken {
				continue
			}
			switch {
			case slices.Contains([]string{"if", "unless", "case", "for", "capture"}, t.name):
				marks = append(marks, slices.Clone(stack))
			case len(marks) == 0:
			case t.name == "else" || t.name == "elsif" || t.name == "when":
				if !same(marks[len(marks)-1]) && offset < 0 {
					offset = t.offset
				}
			case strings.HasPrefix(t.name, "end"):
				if !same(marks[len(marks)-1]) && offset < 0 {
					offset = t.offset
				}
				marks = marks[:len(marks)-1]
			}
		}
	}
	walkMarkup(c.blanked, func(m markup) {
		switch {
		case m.kind == xhtml.StartTagToken:
			name := m.element.name
			if slices.Contains(voidElements, name) || m.element.closed {
				return
			}
			// Elements whose end may be left out end where their like begins.
			if n := len(stack); n > 0 && stack[n-1].name == name && slices.Contains([]string{"p", "li", "td", "th", "tr", "dt", "dd", "option"}, name) {
				stack = stack[:n-1]
			}
			ids++
			stack = append(stack, open{name, ids})
		case m.kind == xhtml.EndTagToken:
			for i := len(stack) - 1; i >= 0; i-- {
				if stack[i].name == m.name {
					stack = stack[:i]
					break
				}
			}
		case m.kind == xhtml.TextToken:
			liquid(m.offset, m.end)
		}
	})
	return offset, offset >= 0
}

// hasDocument reports whether HTML is a whole document rather than a piece of one.
func hasDocument(blanked string) bool {
	found := false
	walkMarkup(blanked, func(m markup) {
		if m.element != nil && slices.Contains([]string{"html", "head", "body"}, m.element.name) {
			found = true
		}
	})
	return found
}

// bodyStart is the offset behind the start tag of body, or 0.
func bodyStart(src string) int {
	at := 0
	walkMarkup(blankLiquid(src, scan(src)), func(m markup) {
		if at == 0 && m.element != nil && m.element.name == "body" {
			at = m.end
		}
	})
	return at
}

// withoutComments drops {% comment %} blocks and what is in them: neither the HTML
// in them nor the comment itself has a use from here on.
func withoutComments(src string) string {
	var b strings.Builder
	for _, t := range scan(src) {
		if t.inert != "comment" {
			b.WriteString(t.source)
		}
	}
	return b.String()
}
