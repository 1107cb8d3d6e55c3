package templates

import (
	"slices"
	"strings"

	xhtml "golang.org/x/net/html"
)

// component is what MJML allows in one of its elements: other components, or
// content, which is HTML or text.
type component struct {
	children []string
	content  bool
}

var (
	columnContent = []string{
		"mj-accordion", "mj-button", "mj-divider", "mj-image", "mj-navbar", "mj-raw", "mj-social", "mj-spacer", "mj-table", "mj-text",
	}
	components = map[string]component{
		"mjml":                 {children: []string{"mj-head", "mj-body"}},
		"mj-head":              {children: []string{"mj-attributes", "mj-font", "mj-preview", "mj-raw", "mj-style", "mj-title"}},
		"mj-attributes":        {}, // anything, see allowedIn
		"mj-all":               {},
		"mj-class":             {},
		"mj-font":              {},
		"mj-preview":           {content: true},
		"mj-style":             {content: true},
		"mj-title":             {content: true},
		"mj-body":              {children: []string{"mj-hero", "mj-raw", "mj-section", "mj-wrapper"}},
		"mj-wrapper":           {children: []string{"mj-raw", "mj-section"}},
		"mj-section":           {children: []string{"mj-column", "mj-group", "mj-raw"}},
		"mj-group":             {children: []string{"mj-column", "mj-raw"}},
		"mj-column":            {children: columnContent},
		"mj-hero":              {children: columnContent},
		"mj-accordion":         {children: []string{"mj-accordion-element"}},
		"mj-accordion-element": {children: []string{"mj-accordion-title", "mj-accordion-text"}},
		"mj-accordion-title":   {content: true},
		"mj-accordion-text":    {content: true},
		"mj-button":            {content: true},
		"mj-divider":           {},
		"mj-image":             {},
		"mj-navbar":            {children: []string{"mj-navbar-link"}},
		"mj-navbar-link":       {content: true},
		"mj-raw":               {content: true},
		"mj-social":            {children: []string{"mj-social-element"}},
		"mj-social-element":    {content: true},
		"mj-spacer":            {},
		"mj-table":             {content: true},
		"mj-text":              {content: true},
	}
)

func allowedIn(parent, child string) bool {
	if parent == "mj-attributes" {
		_, known := components[child]
		return known
	}
	return slices.Contains(components[parent].children, child)
}

// openTag is an MJML element that has begun.
type openTag struct {
	name   string
	offset int
	inside int  // offset behind its start tag
	hollow bool // of unknown name: nothing is said about what is in it
}

// checkMJML checks what the compiler would leave out without a word: elements it
// does not know or does not expect where they stand, and text and Liquid between
// elements.
func checkMJML(src string) *bodyCheck {
	c := checkBody(partMJML, src)
	var (
		stack []openTag
		seen  = map[string]bool{}
	)
	inContent := func() bool {
		return len(stack) > 0 && (components[stack[len(stack)-1].name].content || stack[len(stack)-1].hollow)
	}
	nested := 0 // elements of the same name inside of content
	walkMarkup(c.blanked, func(m markup) {
		switch {
		case m.element != nil && inContent():
			if m.element.name == stack[len(stack)-1].name && m.kind == xhtml.StartTagToken {
				nested++
			}
		case m.element != nil:
			seen[m.element.name] = true
			c.mjmlElement(m.element, stack)
			if m.kind == xhtml.StartTagToken {
				_, known := components[m.element.name]
				stack = append(stack, openTag{m.element.name, m.offset, m.end, !known})
				nested = 0
			}
		case m.kind == xhtml.EndTagToken:
			switch {
			case inContent() && m.name != stack[len(stack)-1].name:
				if strings.HasPrefix(m.name, "mj") && !stack[len(stack)-1].hollow {
					c.errorf(m.offset, "</%s> comes before </%s>", m.name, stack[len(stack)-1].name)
				}
			case nested > 0:
				nested--
			case len(stack) == 0:
				c.errorf(m.offset, "</%s> closes nothing", m.name)
			case stack[len(stack)-1].name != m.name:
				line, _ := position(src, stack[len(stack)-1].offset)
				c.errorf(m.offset, "</%s> does not fit: <%s> of line %d is still open", m.name, stack[len(stack)-1].name, line)
			default:
				stack = stack[:len(stack)-1]
			}
		case m.kind == xhtml.TextToken && !inContent():
			c.betweenElements(m, stack)
		}
	})
	if len(stack) > 0 {
		c.errorf(stack[len(stack)-1].offset, "<%s> has no </%s>", stack[len(stack)-1].name, stack[len(stack)-1].name)
	}
	if !seen["mjml"] || !seen["mj-body"] {
		c.addAt(SeverityError, 0, 0, "MJML is <mjml> with <mj-body> in it")
	}
	return c
}

func (c *bodyCheck) mjmlElement(e *element, stack []openTag) {
	_, known := components[e.name]
	parent := ""
	if len(stack) > 0 {
		parent = stack[len(stack)-1].name
	}
	switch {
	case e.name == "mj-include":
		c.errorf(e.offset, "<mj-include> is not supported: a template stands alone")
	case slices.Contains([]string{"mj-carousel", "mj-breakpoint", "mj-html-attributes"}, e.name):
		c.errorf(e.offset, "<%s> is not supported", e.name)
	case !known && !strings.HasPrefix(e.name, "mj"):
		c.errorf(e.offset, "<%s> would be left out here: HTML belongs into <mj-text>, <mj-table> or <mj-raw>", e.name)
	case !known:
		c.errorf(e.offset, "there is no MJML element <%s>%s", e.name, suggestion(e.name, keys(components)))
	case parent == "" && e.name != "mjml":
		c.errorf(e.offset, "<%s> stands outside of <mjml>", e.name)
	case parent != "" && !allowedIn(parent, e.name):
		c.errorf(e.offset, "<%s> cannot stand in <%s>%s", e.name, parent, allowedList(parent))
	}
	for _, a := range e.attributes {
		for _, t := range within(c.tokens, a.start, a.nameEnd) {
			c.errorf(t.offset, "Liquid in an MJML tag must stand in a value, in quotes")
		}
		if a.hasNoValue && strings.IndexByte(a.name, blank) < 0 || !a.hasNoValue && !a.quoted {
			c.errorf(a.start, "the attribute %s needs a value in quotes", a.name)
		}
	}
}

func allowedList(parent string) string {
	if children := components[parent].children; len(children) > 0 {
		return ", which can have " + strings.Join(children, ", ")
	}
	return ""
}

// betweenElements reports text and Liquid where only elements count.
func (c *bodyCheck) betweenElements(m markup, stack []openTag) {
	parent := "mjml"
	if len(stack) > 0 {
		parent = stack[len(stack)-1].name
	}
	for _, t := range within(c.tokens, m.offset, m.end) {
		hint := ": put it in <mj-raw>"
		if !allowedIn(parent, "mj-raw") {
			hint = ""
		}
		if len(stack) == 0 {
			c.errorf(t.offset, "%s would be left out: it stands outside of <mjml>", t.source)
		} else {
			c.errorf(t.offset, "%s would be left out: MJML has no text right in <%s>%s", t.source, parent, hint)
		}
	}
	rest := strings.ReplaceAll(c.blanked[m.offset:m.end], string(rune(blank)), " ")
	if words := strings.TrimSpace(rest); words != "" {
		c.errorf(m.offset+strings.Index(rest, words), "this text would be left out: MJML has no text right in <%s>", parent)
	}
}
