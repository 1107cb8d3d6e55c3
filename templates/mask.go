package templates

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	xhtml "golang.org/x/net/html"
)

// Libraries that know HTML and not Liquid would break it: they escape the quotes in
// it, move it out of tables, take its angle brackets for tags. So they never see
// it. Each piece is replaced by a mask that is legal where it stands (a comment
// between elements, a word in a value, an attribute among attributes), and put back
// afterwards.
type masks struct {
	prefix    string // letters and digits that the source does not have
	originals []string
	raw       []int // those that stood in mj-raw
	cells     []int // and of those, the ones around columns
	pattern   *regexp.Regexp
}

func newMasks(src string) *masks {
	lower := strings.ToLower(src)
	m := &masks{prefix: "lq"}
	for i := 0; strings.Contains(lower, m.prefix); i++ {
		m.prefix = "lq" + strconv.Itoa(i) + "q"
	}
	// In the order in which they must be tried: a comment, an attribute, a word.
	m.pattern = regexp.MustCompile(`<!--` + m.prefix + `x(\d+)z-->|\s?` + m.prefix + `n(\d+)z(?:="")?|` + m.prefix + `x(\d+)z`)
	return m
}

func (m *masks) add(original string) int {
	m.originals = append(m.originals, original)
	return len(m.originals) - 1
}

// word is for values and for text without markup, comment for between elements,
// name for among attributes.
func (m *masks) word(original string) string {
	return fmt.Sprintf("%sx%dz", m.prefix, m.add(original))
}

func (m *masks) comment(original string) string { return "<!--" + m.word(original) + "-->" }

func (m *masks) name(original string) string {
	return fmt.Sprintf(" %sn%dz ", m.prefix, m.add(original))
}

// unmask puts the originals back. Anything else that has come to look like Liquid,
// such as &#123;&#123; that a parser decoded, is made harmless before.
func (m *masks) unmask(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "{{", "{&#123;"), "{%", "{&#37;")
	return m.restore(s)
}

func (m *masks) restore(s string) string {
	return m.pattern.ReplaceAllStringFunc(s, func(found string) string {
		sub := m.pattern.FindStringSubmatch(found)
		i, err := strconv.Atoi(sub[1] + sub[2] + sub[3])
		if err != nil || i >= len(m.originals) {
			return found
		}
		if sub[2] != "" && !strings.HasPrefix(m.originals[i], " ") {
			return " " + m.originals[i]
		}
		return m.originals[i]
	})
}

// missing are the originals whose mask s does not have.
func (m *masks) missing(s string) []int {
	seen := make([]bool, len(m.originals))
	for _, sub := range m.pattern.FindAllStringSubmatch(s, -1) {
		if i, err := strconv.Atoi(sub[1] + sub[2] + sub[3]); err == nil && i < len(seen) {
			seen[i] = true
		}
	}
	var out []int
	for i, found := range seen {
		if !found {
			out = append(out, i)
		}
	}
	return out
}

// maskHTML masks Liquid and comments. Comments are masked as a whole, because a
// parser rewrites those that Outlook reads.
func maskHTML(src string) (string, *masks) {
	m := newMasks(src)
	units := liquidUnits(src)
	var b strings.Builder
	last := 0
	put := func(to int) {
		b.WriteString(src[last:to])
		last = to
	}
	// mask replaces the units between two offsets.
	mask := func(from, to int, how func(string) string) {
		for len(units) > 0 && units[0].offset < to {
			u := units[0]
			units = units[1:]
			if u.offset < from || u.offset < last {
				continue
			}
			put(u.offset)
			b.WriteString(how(u.source))
			last = u.end()
		}
	}
	walkMarkup(blankLiquid(src, scan(src)), func(t markup) {
		switch {
		case t.kind == xhtml.CommentToken:
			put(t.offset)
			b.WriteString(m.comment(src[t.offset:t.end]))
			last = t.end
			for len(units) > 0 && units[0].offset < t.end {
				units = units[1:]
			}
		case t.element != nil:
			for _, a := range t.element.attributes {
				mask(t.offset, a.nameEnd, m.name)
				mask(a.nameEnd, a.end, m.word)
			}
			mask(t.offset, t.end, m.name)
		case t.kind == xhtml.TextToken && !t.raw:
			mask(t.offset, t.end, m.comment)
		default:
			mask(t.offset, t.end, m.word)
		}
	})
	b.WriteString(src[last:])
	return b.String(), m
}

// liquidUnits are the Liquid tokens of src, a {% raw %} block being one.
func liquidUnits(src string) []token {
	var out []token
	open := false
	for _, t := range scan(src) {
		if open {
			block := &out[len(out)-1]
			block.source = src[block.offset:t.end()]
		} else if t.liquid() {
			out = append(out, t)
		}
		open = t.inert != "" && !(t.kind == tagToken && t.name == "end"+t.inert)
	}
	return out
}
