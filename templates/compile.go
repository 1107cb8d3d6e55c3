package templates

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Compiled is what a Source becomes: Liquid over finished HTML, with the preheader
// in it, and Liquid over plain text. HTML is empty where only text was written.
type Compiled struct {
	HTML string
	Text string
}

// ClipSize is where Gmail cuts a mail off.
const ClipSize = 102 << 10

// Compile checks a template and makes it ready to render. Where a problem is an
// error, the result is empty.
func Compile(src Source) (Compiled, []Problem) {
	subject := checkLiquid(partSubject, src.Subject)
	subject.plain(src.Subject, maxSubject)
	if strings.TrimSpace(src.Subject) == "" {
		subject.addAt(SeverityError, 0, 0, "is missing")
	}
	preheader := checkLiquid(partPreheader, src.Preheader)
	preheader.plain(src.Preheader, maxPreheader)
	text := checkText(src)
	all := append(append(subject.list, preheader.list...), text.list...)

	body, html := compileBody(src)
	if body != nil {
		all = append(all, body.list...)
	}
	if failed(all) {
		return Compiled{}, ordered(all)
	}
	var out Compiled
	if body != nil {
		out.HTML = withPreheader(html, withoutComments(src.Preheader))
	}
	out.Text = src.Text
	if src.Text == "" {
		derived, err := deriveText(html)
		if err == nil {
			// A text in which a loop no longer ends is not one.
			if broken := checkLiquid(partText, derived); broken.failed() {
				err = fmt.Errorf("%s", broken.list[0].Message)
			}
		}
		if err != nil {
			all = append(all, Problem{Severity: SeverityError, Part: partText, Message: "no text can be made of the HTML (" + err.Error() + "): write the text part"})
			return Compiled{}, ordered(all)
		}
		out.Text = derived
	}
	all = append(all, tryOut(src, out)...)
	if failed(all) {
		return Compiled{}, ordered(all)
	}
	return out, ordered(all)
}

// plain checks what must be one short line of text.
func (c *liquidCheck) plain(src string, limit int) {
	if len(src) > limit {
		c.addAt(SeverityError, 0, 0, "is longer than %d bytes", limit)
	}
	for i, r := range src {
		if isControl(r) || r == utf8.RuneError {
			c.errorf(i, "must be one line without control characters")
			return
		}
	}
}

// checkText checks the text part where one is written.
func checkText(src Source) *liquidCheck {
	c := checkLiquid(partText, src.Text)
	c.size(src.Text)
	if src.HTML == "" && src.MJML == "" {
		switch {
		case src.Text == "":
			c.part = partHTML
			c.addAt(SeverityError, 0, 0, "is missing: a template needs html, mjml or text")
		case !c.uses["unsubscribe_url"]:
			c.addAt(SeverityError, 0, 0, "has no unsubscribe link: put {{ unsubscribe_url }} in it")
		}
	} else if src.Text != "" && !c.uses["unsubscribe_url"] {
		c.addAt(SeverityWarning, 0, 0, "has no unsubscribe link: put {{ unsubscribe_url }} in it")
	}
	return c
}

func (p *problems) size(src string) {
	if len(src) > maxBody {
		p.addAt(SeverityError, 0, 0, "is larger than %d KB", maxBody/1000)
	}
	if !utf8.ValidString(src) {
		p.addAt(SeverityError, 0, 0, "is not valid UTF-8")
	}
	for i := range len(src) {
		if c := src[i]; c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			p.errorf(i, "has a control character (0x%02x) in it", c)
			return
		}
	}
}

// compileBody checks and compiles the HTML or MJML part, whichever is there. The
// check is nil where none is; the HTML is empty where the check failed.
func compileBody(src Source) (*bodyCheck, string) {
	part, source := partHTML, src.HTML
	switch {
	case src.HTML == "" && src.MJML == "":
		return nil, ""
	case src.HTML != "" && src.MJML != "":
		c := &bodyCheck{liquidCheck: &liquidCheck{problems: &problems{part: partMJML, src: src.MJML}}}
		c.addAt(SeverityError, 0, 0, "a template has either html or mjml, not both")
		return c, ""
	case src.MJML != "":
		part, source = partMJML, src.MJML
	}
	// What is too large or is no text is not looked at any further.
	p := &problems{part: part, src: source}
	if p.size(source); p.failed() {
		return &bodyCheck{liquidCheck: &liquidCheck{problems: p}}, ""
	}
	var c *bodyCheck
	if part == partMJML {
		c = checkMJML(source)
	} else {
		c = checkBody(part, source)
	}
	if !c.unsubscribe {
		c.addAt(SeverityError, 0, 0, `has no unsubscribe link: put <a href="{{ unsubscribe_url }}">Unsubscribe</a> in it`)
	}
	if c.failed() {
		return c, ""
	}
	html := c.compile()
	if c.failed() {
		return c, ""
	}
	return c, html
}

// compile makes finished HTML of a part that passed the check.
func (c *bodyCheck) compile() string {
	html := withoutComments(c.withSafeLinks())
	inline, marked := true, false
	if c.part == partMJML {
		if html, inline = c.compileMJML(html); c.failed() {
			return ""
		}
		marked = true
	} else if !hasDocument(c.blanked) {
		html = documentStart + html + documentEnd
	}
	if !inline {
		return html
	}
	// Not by c itself: comments are gone, and MJML has become HTML.
	if _, found := checkBody(c.part, html).unbalanced(); found {
		line, column := 0, 0
		if c.part == partHTML {
			if offset, found := c.unbalanced(); found {
				line, column = position(c.src, offset)
			}
		}
		c.addAt(SeverityWarning, line, column, "CSS is not inlined, because an element that begins in one branch of Liquid ends outside of it")
		return html
	}
	inlined, err := inlineCSS(html, marked)
	if err != nil {
		c.addAt(SeverityWarning, 0, 0, "CSS is not inlined: %s", shorten(err.Error(), 200))
		return html
	}
	return inlined
}

const (
	documentStart = `<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"></head><body>`
	documentEnd   = "\n</body></html>"
)

// sampleUnsubscribe stands for the link of a mail that is only tried out.
const sampleUnsubscribe = "https://unsubscribe.example/u/sample"

// tryOut renders a compiled template for a contact with everything and for one with
// nothing but an address, to find what reading it does not show.
func tryOut(src Source, compiled Compiled) []Problem {
	part := src.body()
	problem := func(severity, part, format string, args ...any) []Problem {
		return []Problem{{Severity: severity, Part: part, Message: fmt.Sprintf(format, args...)}}
	}
	r, err := NewRenderer(Version{Subject: src.Subject, Text: src.Text, CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
	if err != nil {
		return problem(SeverityError, part, "%s", err)
	}
	data := madeUp()
	full, err := r.Render(context.Background(), data)
	if err != nil {
		return problem(SeverityError, part, "does not render for a contact with an order: %s", err)
	}
	data.Facts = bareFacts()
	bare, err := r.Render(context.Background(), data)
	var found []Problem
	if err != nil {
		found = problem(SeverityWarning, part, "does not render for a contact without name and order, who will get no mail: %s", err)
		bare = full
	}
	for _, m := range []struct {
		mail Rendered
		who  string
	}{{full, "a contact with an order"}, {bare, "a contact without name and order"}} {
		body := m.mail.HTML
		if part == partText {
			body = m.mail.Text
		}
		if !strings.Contains(body, sampleUnsubscribe) {
			return append(found, problem(SeverityError, part, "has no unsubscribe link for %s", m.who)...)
		}
		if m.mail.Subject == "" {
			found = append(found, problem(SeverityWarning, partSubject, "is empty for %s", m.who)...)
		}
	}
	if n := max(len(compiled.HTML), len(full.HTML)); n > ClipSize {
		found = append(found, problem(SeverityWarning, part, "the mail is about %d KB, and Gmail cuts off what is over %d KB", n>>10, ClipSize>>10)...)
	}
	return found
}
