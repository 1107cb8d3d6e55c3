package templates

import (
	"html"
	"regexp"
	"slices"
	"strings"

	xhtml "golang.org/x/net/html"
)

// bodyCheck is the check of an HTML or MJML part.
type bodyCheck struct {
	*liquidCheck
	blanked     string
	linkTokens  []token // objects that begin a link: Compile puts safe_url behind them
	unsubscribe bool    // a link leads to unsubscribe_url
}

// madeTag is a "<" that Liquid would make a tag of.
var madeTag = regexp.MustCompile(`</?\x01`)

func checkBody(part, src string) *bodyCheck {
	c := &bodyCheck{liquidCheck: checkLiquid(part, src)}
	c.blanked = blankLiquid(src, c.tokens)
	inScript, inStyle := false, false
	end := walkMarkup(c.blanked, func(m markup) {
		switch {
		case m.element != nil:
			c.element(m.element)
			inScript, inStyle = m.element.name == "script", m.element.name == "style"
		case m.kind == xhtml.EndTagToken:
			inScript, inStyle = false, false
		case inScript && len(within(c.tokens, m.offset, m.end)) > 0:
			c.errorf(m.offset, "a script must not have Liquid in it")
		case inStyle:
			for _, t := range within(c.tokens, m.offset, m.end) {
				c.warnf(t.offset, "a style element with Liquid is not inlined, and a value in it can change how the whole mail looks")
				break
			}
		}
	})
	for _, at := range madeTag.FindAllStringIndex(c.blanked, -1) {
		c.errorf(at[0], "the name of an element cannot be made by Liquid: write &lt; for a \"<\" that begins no tag")
	}
	if end < len(src) {
		c.errorf(end, "this tag is not complete: > is missing")
	}
	return c
}

// linkAttributes lead somewhere when clicked; sourceAttributes are loaded.
var (
	linkAttributes   = []string{"href", "action", "formaction", "xlink:href"}
	sourceAttributes = []string{"src", "background", "background-url", "poster", "thumbnails-src"}
)

func (c *bodyCheck) element(e *element) {
	if strings.IndexByte(e.name, blank) >= 0 {
		c.errorf(e.offset, "the name of an element cannot be made by Liquid")
	}
	if e.name == "script" {
		c.warnf(e.offset, "mail programs remove scripts")
	}
	for _, a := range e.attributes {
		c.attribute(e, a)
	}
}

func (c *bodyCheck) attribute(e *element, a attribute) {
	for _, t := range within(c.tokens, a.start, a.nameEnd) {
		if t.kind == objectToken {
			c.errorf(t.offset, "%s cannot stand in a tag outside of a quoted value", t.source)
		}
	}
	used := within(c.tokens, a.value, a.end)
	if len(used) > 0 && !a.quoted {
		c.errorf(a.value, "the value of %s needs quotes: %s=\"%s\"", a.name, a.name, used[0].source)
	}
	if len(used) > 0 && strings.HasPrefix(a.name, "on") && len(a.name) > 2 {
		c.errorf(a.start, "%s is a script, and must not have Liquid in it", a.name)
	}
	isLink := slices.Contains(linkAttributes, a.name)
	if isLink || slices.Contains(sourceAttributes, a.name) {
		c.link(e, a, used, isLink)
	}
}

// link checks where an attribute leads to.
func (c *bodyCheck) link(e *element, a attribute, used []token, isLink bool) {
	whole := html.UnescapeString(c.blanked[a.value:a.end])
	literal := normalURL(strings.ReplaceAll(whole, string(rune(blank)), ""))
	// A value may turn out empty, and then the text behind it begins the link.
	starts := append(strings.FieldsFunc(whole, func(r rune) bool { return r == blank }), literal)
	for _, start := range starts {
		scheme := dangerousScheme(start)
		switch {
		case scheme == "":
		case scheme == "data" && !isLink:
			c.warnf(a.value, "most mail programs do not show images from a data: address")
			return
		default:
			c.errorf(a.value, "a link must not begin with %s:", scheme)
			return
		}
	}
	for _, t := range used {
		for _, text := range quotedTexts(t.args) {
			if scheme := dangerousScheme(text); scheme != "" && (isLink || scheme != "data") {
				c.errorf(t.offset, "a link must not begin with %s:", scheme)
			}
		}
		if t.kind == objectToken && isLink && readsName(t.args, "unsubscribe_url") {
			c.unsubscribe = true
		}
	}
	c.findLinkTokens(a, used)
	if isLink && e.name != "link" && e.name != "mj-navbar" && len(used) == 0 {
		c.relativeLink(a, literal)
	}
}

func (c *bodyCheck) relativeLink(a attribute, literal string) {
	switch {
	case literal == "":
		c.warnf(a.start, "this link leads nowhere")
	case strings.HasPrefix(literal, "#"):
	case !strings.Contains(literal, ":"):
		c.warnf(a.value, "this link is not complete: in a mail it must begin with https:// or the like")
	}
}

// findLinkTokens finds the objects that stand, or can stand, at the beginning.
func (c *bodyCheck) findLinkTokens(a attribute, used []token) {
	conditional := slices.ContainsFunc(used, func(t token) bool { return t.kind == tagToken })
	for _, t := range used {
		before := strings.ReplaceAll(c.blanked[a.value:t.offset], string(rune(blank)), "")
		begins := !strings.ContainsAny(html.UnescapeString(before), ":/?#")
		if t.kind == objectToken && (begins || conditional) {
			c.linkTokens = append(c.linkTokens, t)
		}
	}
}

// withSafeLinks is the source with the filter safe_url behind every value that
// begins a link.
func (c *bodyCheck) withSafeLinks() string {
	var b strings.Builder
	last := 0
	slices.SortFunc(c.linkTokens, func(x, y token) int { return x.offset - y.offset })
	for _, t := range c.linkTokens {
		if _, err := parseExpression(t.args + " | safe_url"); err != nil {
			continue // a comparison, which prints true or false
		}
		end := t.offset + t.inside + len(t.args)
		b.WriteString(c.src[last:end])
		b.WriteString(" | safe_url")
		last = end
	}
	b.WriteString(c.src[last:])
	return b.String()
}

func dangerousScheme(link string) string {
	link = normalURL(link)
	for _, scheme := range []string{"javascript", "vbscript", "data"} {
		if strings.HasPrefix(link, scheme+":") {
			return scheme
		}
	}
	return ""
}

// quotedTexts are the texts in quotes of an expression.
func quotedTexts(expression string) []string {
	tokens, _ := exprTokens(expression)
	var out []string
	for _, t := range tokens {
		if t.quoted {
			out = append(out, t.text)
		}
	}
	return out
}

func readsName(expression, name string) bool {
	tokens, _ := exprTokens(expression)
	return slices.ContainsFunc(tokens, func(t exprToken) bool { return t.kind == tokIdentifier && t.text == name })
}
