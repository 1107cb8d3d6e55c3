package templates

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/preslavrachev/gomjml/mjml"
	xhtml "golang.org/x/net/html"
)

// mjmlLock is held while MJML compiles: the library keeps the attributes of
// mj-attributes in a global variable.
var mjmlLock sync.Mutex

// compileMJML turns checked MJML into HTML, with inline styles in a style element
// that is marked for inlineCSS. Nothing of the source that has Liquid or HTML in it
// is seen by the library, which drops or changes some of it; it gets words instead.
func (c *bodyCheck) compileMJML(src string) (html string, hasInline bool) {
	masked, m, css := maskMJML(src)
	mjmlLock.Lock()
	html, err := renderMJML(masked)
	mjmlLock.Unlock()
	var invalid mjml.Error
	switch {
	case errors.As(err, &invalid) && html != "":
		// The lines are those of the text from <mjml> on, whose line breaks all remain.
		first := strings.Count(src[:max(0, strings.Index(strings.ToLower(src), "<mjml"))], "\n")
		for _, d := range invalid.Details {
			c.addAt(SeverityWarning, first+d.Line, 0, "<%s>: %s", d.TagName, d.Message)
		}
	case err != nil:
		c.addAt(SeverityError, 0, 0, "MJML does not compile: %s", m.restore(err.Error()))
		return "", false
	}
	html = m.rawBetweenCells(m.rawOutOfComments(html))
	for _, i := range m.missing(html) {
		c.addAt(SeverityError, 0, 0, "MJML would leave this out: %s", shorten(m.originals[i], 80))
	}
	html = m.unmask(html)
	if css == "" {
		return html, false
	}
	head := strings.Index(html, "</head>")
	if head < 0 {
		return html, false
	}
	return html[:head] + "<style " + inlineMark + ">" + css + "</style>" + html[head:], true
}

// renderMJML compiles masked MJML, each child of mj-body for itself.
//
// Between two children the library writes one conditional comment for Outlook, which
// closes a table and opens the next. Where the second is an mj-hero or has
// full-width, it leaves that comment open, and the beginning of the section is lost
// in every program; mj-raw ends up inside the comment, and nobody sees it. A child
// alone comes out right, so they are compiled alone and put together, under the head
// of the whole.
func renderMJML(masked string) (html string, err error) {
	defer recovered(&err)
	html, err = mjml.Render(masked)
	var invalid mjml.Error
	if err != nil && !errors.As(err, &invalid) {
		return "", err
	}
	begin, end := bodyBounds(html)
	if begin < 0 {
		return "", errors.New("it has no body")
	}
	before, children, after := bodyChildren(masked)
	var b strings.Builder
	b.WriteString(html[:begin])
	for _, child := range children {
		if content, isRaw := strings.CutPrefix(child, "<mj-raw"); isRaw {
			_, content, _ = strings.Cut(content, ">")
			b.WriteString(strings.TrimSpace(strings.TrimSuffix(content, "</mj-raw>")))
			continue
		}
		part, err := mjml.Render(before + child + after)
		if err != nil && !errors.As(err, &invalid) {
			return "", err
		}
		from, to := bodyBounds(part)
		if from < 0 {
			return "", errors.New("it has no body")
		}
		b.WriteString(part[from:to])
	}
	b.WriteString(html[end:])
	return b.String(), err // the invalid attributes of the whole
}

// bodyBounds are where the children of mj-body begin and end in the library's HTML.
func bodyBounds(html string) (begin, end int) {
	const opening, closing = `<div aria-roledescription="email"`, "</div></body></html>"
	begin = strings.Index(html, opening)
	end = strings.LastIndex(html, closing)
	if begin < 0 || end < begin {
		return -1, -1
	}
	return begin + strings.IndexByte(html[begin:], '>') + 1, end
}

// bodyChildren cuts masked MJML into the elements right in mj-body and what is
// before and behind them.
func bodyChildren(masked string) (before string, children []string, after string) {
	depth, start, bodyEnd, bodyStart := -1, 0, len(masked), 0
	walkMarkup(masked, func(m markup) {
		switch {
		case m.element != nil && depth < 0:
			if m.element.name == "mj-body" {
				bodyStart, depth = m.end, 0
				if m.element.closed {
					bodyEnd, depth = m.end, -1
				}
			}
		case m.element != nil:
			if depth == 0 {
				start = m.offset
			}
			if m.element.closed {
				if depth == 0 {
					children = append(children, masked[start:m.end])
				}
				return
			}
			depth++
		case m.kind == xhtml.EndTagToken && depth >= 0:
			if depth--; depth == 0 {
				children = append(children, masked[start:m.end])
			}
			if depth < 0 {
				bodyEnd = m.offset
			}
		}
	})
	return masked[:bodyStart], children, masked[bodyEnd:]
}

// maskMJML masks the content of elements that have content, and Liquid and
// entities in attributes. mj-style elements that are to be inlined are taken out:
// the library applies a rule for ".a .b" to every ".b".
func maskMJML(src string) (masked string, m *masks, css string) {
	if i := strings.Index(strings.ToLower(src), "<mjml"); i > 0 {
		src = src[i:]
	}
	m = newMasks(src)
	units := liquidUnits(src)
	blanked := blankLiquid(src, scan(src))
	var (
		b       strings.Builder
		last    int
		inside  string // the element whose content this is
		inline  bool
		nested  int
		content int // where it begins
		parents []string
	)
	lines := func(from, to int) string { return strings.Repeat("\n", strings.Count(src[from:to], "\n")) }
	walkMarkup(blanked, func(t markup) {
		switch {
		case inside != "":
			switch {
			case t.element != nil && t.element.name == inside && t.kind == xhtml.StartTagToken:
				nested++
			case t.kind == xhtml.EndTagToken && t.name == inside && nested > 0:
				nested--
			case t.kind == xhtml.EndTagToken && t.name == inside:
				original := src[content:t.offset]
				if inside == "mj-title" || inside == "mj-preview" {
					original = titleText(original)
				}
				switch {
				case inline:
					css += original + "\n"
				case strings.TrimSpace(original) != "":
					b.WriteString(m.word(strings.TrimSpace(original)))
					if inside == "mj-raw" {
						m.raw = append(m.raw, len(m.originals)-1)
						if p := parents[len(parents)-1]; p == "mj-section" || p == "mj-group" {
							m.cells = append(m.cells, len(m.originals)-1)
						}
					}
				}
				b.WriteString(lines(content, t.offset))
				last, inside = t.offset, ""
				if inline {
					last, inline = t.end, false
				}
			}
		case t.kind == xhtml.EndTagToken:
			parents = parents[:max(0, len(parents)-1)]
		case t.element != nil:
			e := t.element
			switch {
			case t.kind != xhtml.StartTagToken:
			case components[e.name].content:
				inside, content, nested = e.name, e.end, 0
				inline = e.name == "mj-style" && hasInlineAttribute(e, src)
			default:
				parents = append(parents, e.name)
			}
			if inline {
				b.WriteString(src[last:e.offset])
				b.WriteString(lines(e.offset, e.end))
				last = e.end
				return
			}
			for _, a := range e.attributes {
				b.WriteString(src[last:a.value])
				b.WriteString(m.attributeValue(src, a, units))
				last = a.end
			}
			b.WriteString(src[last:e.end])
			last = e.end
		case t.kind == xhtml.CommentToken || t.kind == xhtml.DoctypeToken:
			b.WriteString(src[last:t.offset])
			b.WriteString(lines(t.offset, t.end))
			last = t.end
		}
	})
	b.WriteString(src[last:])
	return b.String(), m, css
}

// rawOutOfComments takes what stood in mj-raw out of the conditional comments that
// only Outlook reads. The library writes one comment between two columns, with
// mj-raw in the middle of it: no other program would show it, and a condition that
// does not hold would cut off the comment's beginning.
func (m *masks) rawOutOfComments(html string) string {
	raw := m.run(m.raw)
	if raw == "" {
		return html
	}
	pattern := regexp.MustCompile(raw)
	return conditional.ReplaceAllStringFunc(html, func(comment string) string {
		opening := comment[:strings.Index(comment, "]>")+2]
		out := pattern.ReplaceAllStringFunc(comment, func(found string) string { return "<![endif]-->" + found + opening })
		return strings.ReplaceAll(out, opening+"<![endif]-->", "")
	})
}

// rawBetweenCells puts what stood in mj-raw around columns between the cells of the
// table that Outlook sees. The library puts it before the whole table or before the
// end of a cell, so that a loop would open tables that it does not close.
func (m *masks) rawBetweenCells(html string) string {
	raw := m.run(m.cells)
	if raw == "" {
		return html
	}
	pattern := regexp.MustCompile(`(` + raw + `)(<!--\[if mso \| IE\]>)(\s*</td>|\s*<table[^>]*>\s*<tr>)`)
	html = pattern.ReplaceAllString(html, `${2}${3}<![endif]-->${1}${2}`)
	// At the end of a group it is behind the whole table.
	pattern = regexp.MustCompile(`(<!--\[if mso \| IE\]>)(</td>)(</tr></table>)(<!\[endif\]-->)(` + raw + `)`)
	html = pattern.ReplaceAllString(html, `${1}${2}${4}${5}${1}${3}${4}`)
	return strings.ReplaceAll(html, "<!--[if mso | IE]><![endif]-->", "")
}

// run is a pattern for one or more of these masks in a row.
func (m *masks) run(of []int) string {
	if len(of) == 0 {
		return ""
	}
	words := make([]string, len(of))
	for i, n := range of {
		words[i] = fmt.Sprintf("%sx%dz", m.prefix, n)
	}
	return `(?:(?:` + strings.Join(words, "|") + `)\s*)+`
}

var conditional = regexp.MustCompile(`(?s)<!--\[if [^\]]*\]>.*?<!\[endif\]-->`)

func hasInlineAttribute(e *element, src string) bool {
	return slices.ContainsFunc(e.attributes, func(a attribute) bool {
		return a.name == "inline" && strings.TrimSpace(src[a.value:a.end]) == "inline"
	})
}

// attributeValue masks the Liquid and the ampersands of a value.
func (m *masks) attributeValue(src string, a attribute, units []token) string {
	var b strings.Builder
	for i := a.value; i < a.end; {
		if j, found := slices.BinarySearchFunc(units, i, func(t token, at int) int { return t.offset - at }); found {
			b.WriteString(m.word(units[j].source))
			i = units[j].end()
			continue
		}
		switch src[i] {
		case '&':
			entity, n := entityAt(src[i:a.end])
			b.WriteString(m.word(entity))
			i += n
		case '<':
			b.WriteString(m.word("&lt;"))
			i++
		default:
			b.WriteByte(src[i])
			i++
		}
	}
	return b.String()
}

// entityAt is the entity that s begins with, and its length. An ampersand alone
// becomes one.
func entityAt(s string) (string, int) {
	end := strings.IndexByte(s, ';')
	if end > 1 && end < 12 && !strings.ContainsAny(s[1:end], "& \t\r\n\"'<>=") {
		return s[:end+1], end + 1
	}
	return "&amp;", 1
}

// titleText is the content of mj-title or mj-preview without quotes: the library
// writes it into an attribute, too.
func titleText(s string) string {
	var b strings.Builder
	for _, t := range scan(s) {
		if t.liquid() {
			b.WriteString(t.source)
		} else {
			b.WriteString(strings.ReplaceAll(t.source, `"`, "&quot;"))
		}
	}
	return b.String()
}

func shorten(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
