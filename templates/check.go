package templates

import (
	"maps"
	"slices"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/parser"
)

// token is a piece of a template: text, {{ … }} or {% … %}.
type token struct {
	kind   tokenType
	offset int
	source string
	name   string // of a tag
	args   string // of an object or a tag
	inside int    // offset of args in source
	inert  string // "comment" or "raw": the token is part of such a block, and says nothing
}

type tokenType = parser.TokenType

const (
	textToken   = parser.TextTokenType
	objectToken = parser.ObjTokenType
	tagToken    = parser.TagTokenType
)

func (t token) end() int     { return t.offset + len(t.source) }
func (t token) liquid() bool { return t.kind != textToken }

// scan cuts a template into tokens with the library's scanner, so that both see
// the same, and adds the offsets that the scanner leaves out.
func scan(src string) []token {
	var out []token
	offset, block := 0, ""
	for _, t := range parser.Scan(src, parser.SourceLoc{}, nil) {
		if t.Source == "" { // trim marks
			continue
		}
		tok := token{kind: t.Type, offset: offset, source: t.Source, name: t.Name, args: t.Args}
		if t.Args != "" {
			tok.inside = strings.Index(t.Source[2+len(t.Name):], t.Args) + 2 + len(t.Name)
		}
		offset += len(t.Source)
		switch {
		case block != "":
			tok.inert = block
			if t.Type == tagToken && t.Name == "end"+block {
				block = ""
			}
		case t.Type == tagToken && (t.Name == "comment" || t.Name == "raw"):
			tok.inert = t.Name
			block = t.Name
		}
		out = append(out, tok)
	}
	return out
}

// liquidCheck is what is found out about the Liquid of one part.
type liquidCheck struct {
	*problems
	tokens []token
	uses   map[string]bool // names read
	scope  map[string]*shape
	blocks []block
}

type block struct {
	name     string
	offset   int
	hasElse  bool
	variable string // of a for loop
	shadowed *shape // what the variable was before
}

// checkLiquid checks syntax, names, filters and limits.
func checkLiquid(part, src string) *liquidCheck {
	c := &liquidCheck{
		problems: &problems{part: part, src: src},
		tokens:   scan(src),
		uses:     map[string]bool{},
		scope:    maps.Clone(names),
	}
	if n := len(c.tokens); n > 2*maxTokens+1 {
		c.addAt(SeverityError, 0, 0, "has more than %d Liquid tags", maxTokens)
		return c
	}
	c.collect()
	for _, t := range c.tokens {
		switch {
		case t.kind == textToken:
			if t.inert == "" {
				c.text(t)
			}
		case t.inert != "":
			c.inert(t)
		case t.kind == objectToken:
			c.object(t)
		default:
			c.tag(t)
		}
	}
	for _, b := range c.blocks {
		c.errorf(b.offset, "{%% %s %%} has no {%% end%s %%}", b.name, b.name)
	}
	return c
}

// collect puts what assign and capture define into the scope. They define it for
// all that follows, and, in a loop, for the next turn too; what it is, is only known
// when they are met.
func (c *liquidCheck) collect() {
	for _, t := range c.tokens {
		if t.kind != tagToken || t.inert != "" {
			continue
		}
		variable := ""
		switch t.name {
		case "assign":
			variable, _, _ = strings.Cut(t.args, "=")
		case "capture":
			variable = t.args
		}
		variable = strings.TrimSpace(variable)
		if identifier.MatchString(variable) && names[variable] == nil {
			c.scope[variable] = anything
		}
	}
}

// text looks for what was meant to be Liquid and is not: the library takes it for
// text and would mail it.
func (c *liquidCheck) text(t token) {
	for _, open := range []struct{ mark, end, hint string }{
		{"{{", "}}", "it must end on the same line, with }}, and have something in it"},
		{"{%", "%}", "it must end with %}, and begin with a name"},
	} {
		if i := strings.Index(t.source, open.mark); i >= 0 {
			c.errorf(t.offset+i, "%s is not complete: %s", open.mark, open.hint)
		}
	}
}

func (c *liquidCheck) inert(t token) {
	if t.kind != tagToken {
		return
	}
	open := len(c.blocks) > 0 && (c.blocks[len(c.blocks)-1].name == "comment" || c.blocks[len(c.blocks)-1].name == "raw")
	switch {
	case !open:
		c.push(block{name: t.name, offset: t.offset})
	case t.name == "end"+c.blocks[len(c.blocks)-1].name:
		c.blocks = c.blocks[:len(c.blocks)-1]
	}
}

func (c *liquidCheck) push(b block) {
	c.blocks = append(c.blocks, b)
	if len(c.blocks) == maxNesting+1 {
		c.errorf(b.offset, "blocks are nested more than %d deep", maxNesting)
	}
	loops := 0
	for _, b := range c.blocks {
		if b.name == "for" {
			loops++
		}
	}
	if b.name == "for" && loops == maxLoopNesting+1 {
		c.errorf(b.offset, "loops are nested more than %d deep", maxLoopNesting)
	}
}

// read reads the arguments of a token and reports what is wrong with them.
func (c *liquidCheck) read(t token, what func(*exprReader) *shape) *shape {
	report := func(offset int, format string, args ...any) {
		c.errorf(t.offset+t.inside+offset, format, args...)
	}
	return readExpression(t.args, c.scope, c.uses, report, what)
}

func (c *liquidCheck) object(t token) {
	if strings.Contains(t.args, "{{") || strings.Contains(t.args, "{%") {
		c.errorf(t.offset, "{{ is not complete: }} is missing")
		return
	}
	before := len(c.list)
	s := c.read(t, (*exprReader).condition)
	if len(c.list) > before {
		return
	}
	if _, err := parseExpression(t.args); err != nil {
		c.errorf(t.offset, "syntax error in %s", t.source)
		return
	}
	switch {
	case s.kind == kindObject:
		c.errorf(t.offset, "%s is not a single value%s", strings.TrimSpace(t.args), suggestFields(t.args, s))
	case s.kind == kindList && s.item.kind == kindObject:
		c.errorf(t.offset, "%s is a list: use {%% for item in %s %%}", strings.TrimSpace(t.args), strings.TrimSpace(t.args))
	}
}

func suggestFields(path string, s *shape) string {
	if fields := keys(s.fields); len(fields) > 0 && !strings.Contains(path, "|") {
		return ": say which, such as " + strings.TrimSpace(path) + "." + fields[0]
	}
	return ""
}

func (c *liquidCheck) tag(t token) {
	switch t.name {
	case "assign":
		c.assign(t)
	case "capture":
		c.capture(t)
	case "cycle":
		c.statement(t, expressions.CycleStatementSelector, (*exprReader).cycle)
		c.insideLoop(t)
	case "break", "continue":
		c.noArguments(t)
		c.insideLoop(t)
	case "if", "unless", "case":
		if t.args == "" {
			c.errorf(t.offset, "{%% %s %%} needs a condition", t.name)
		} else {
			c.expression(t)
		}
		c.push(block{name: t.name, offset: t.offset})
	case "for":
		c.loop(t)
	case "elsif", "when", "else":
		c.clause(t)
	default:
		c.otherTag(t)
	}
}

func (c *liquidCheck) otherTag(t token) {
	opened, isEnd := strings.CutPrefix(t.name, "end")
	known := []string{"assign", "capture", "case", "comment", "cycle", "for", "if", "raw", "unless", "break", "continue"}
	blocks := []string{"capture", "case", "comment", "for", "if", "raw", "unless"}
	switch {
	case isEnd && slices.Contains(blocks, opened):
		if len(c.blocks) == 0 {
			c.errorf(t.offset, "{%% %s %%} has no {%% %s %%} before it", t.name, opened)
			return
		}
		top := c.blocks[len(c.blocks)-1]
		if top.name != opened {
			line, _ := position(c.src, top.offset)
			c.errorf(t.offset, "{%% %s %%} does not fit: {%% %s %%} of line %d is still open", t.name, top.name, line)
			return
		}
		c.pop()
	case t.name == "include" || t.name == "render":
		c.errorf(t.offset, "{%% %s %%} is not supported: a template stands alone", t.name)
	default:
		c.errorf(t.offset, "there is no tag %q%s", t.name, suggestion(t.name, known))
	}
}

func (c *liquidCheck) pop() {
	top := c.blocks[len(c.blocks)-1]
	c.blocks = c.blocks[:len(c.blocks)-1]
	if top.variable != "" {
		if top.shadowed == nil {
			delete(c.scope, top.variable)
		} else {
			c.scope[top.variable] = top.shadowed
		}
		if !c.inLoop() {
			delete(c.scope, forloopName)
		}
	}
}

// expression checks the arguments of a tag that is followed by a condition.
func (c *liquidCheck) expression(t token) {
	before := len(c.list)
	c.read(t, (*exprReader).condition)
	if len(c.list) > before {
		return
	}
	if _, err := parseExpression(t.args); err != nil {
		c.errorf(t.offset, "syntax error in %s", t.source)
	}
}

// statement checks the arguments of a tag that has a grammar of its own.
func (c *liquidCheck) statement(t token, selector string, read func(*exprReader) *shape) *shape {
	before := len(c.list)
	s := c.read(t, read)
	if len(c.list) > before {
		return anything
	}
	if _, err := parseStatement(selector, t.args); err != nil {
		c.errorf(t.offset, "syntax error in %s", t.source)
	}
	return s
}

func (c *liquidCheck) assign(t token) {
	variable := ""
	s := c.statement(t, expressions.AssignStatementSelector, func(r *exprReader) *shape {
		variable = r.identifier()
		r.expect("=")
		return r.condition()
	})
	c.define(t, variable, s)
}

func (c *liquidCheck) capture(t token) {
	if !identifier.MatchString(t.args) {
		c.errorf(t.offset, "capture needs one name, as in {%% capture greeting %%}")
	} else {
		c.define(t, t.args, value)
	}
	c.push(block{name: "capture", offset: t.offset})
}

func (c *liquidCheck) define(t token, variable string, s *shape) {
	switch {
	case variable == "":
	case names[variable] != nil || variable == forloopName:
		c.errorf(t.offset+t.inside, "%s has a meaning already: choose another name", variable)
	default:
		// In a loop an earlier turn, and after a condition another branch, may have
		// made something else of it.
		if known := c.scope[variable]; known != nil && known != anything && known != s || len(c.blocks) > 0 {
			s = anything
		}
		c.scope[variable] = s
	}
}

func (c *liquidCheck) loop(t token) {
	variable := ""
	s := c.statement(t, expressions.LoopStatementSelector, func(r *exprReader) *shape {
		variable = r.identifier()
		r.expect("in")
		s := r.filtered()
		for r.peek().kind != tokEnd {
			switch m := r.peek(); {
			case m.kind == tokIdentifier && m.text == "reversed":
				r.next++
			case m.kind == tokKeyword && (m.text == "limit" || m.text == "offset"):
				r.next++
				r.primary()
			default:
				r.fail("%s is not expected here: a loop can have limit:, offset: and reversed", m.name())
			}
		}
		return s
	})
	item := anything
	switch s.kind {
	case kindList:
		item = s.item
	case kindObject:
		c.errorf(t.offset, "%s is not a list", strings.TrimSpace(t.args))
	}
	b := block{name: "for", offset: t.offset, variable: variable}
	if variable != "" {
		if names[variable] != nil || variable == forloopName {
			c.errorf(t.offset+t.inside, "%s has a meaning already: choose another name", variable)
		}
		b.shadowed = c.scope[variable]
		c.scope[variable] = item
	}
	c.scope[forloopName] = forloopShape
	c.push(b)
}

func (c *liquidCheck) inLoop() bool {
	return slices.ContainsFunc(c.blocks, func(b block) bool { return b.name == "for" })
}

func (c *liquidCheck) insideLoop(t token) {
	if !c.inLoop() {
		c.errorf(t.offset, "{%% %s %%} is not in a loop", t.name)
	}
}

func (c *liquidCheck) noArguments(t token) {
	if t.args != "" {
		c.errorf(t.offset+t.inside, "{%% %s %%} stands alone", t.name)
	}
}

// clause checks elsif, when and else, which belong right into their block.
func (c *liquidCheck) clause(t token) {
	belongs := map[string][]string{"elsif": {"if", "unless"}, "when": {"case"}, "else": {"if", "unless", "case", "for"}}[t.name]
	if len(c.blocks) == 0 || !slices.Contains(belongs, c.blocks[len(c.blocks)-1].name) {
		c.errorf(t.offset, "{%% %s %%} does not stand in {%% %s %%}", t.name, strings.Join(belongs, " %} or {% "))
		return
	}
	top := &c.blocks[len(c.blocks)-1]
	if top.hasElse {
		c.errorf(t.offset, "{%% %s %%} comes after {%% else %%}", t.name)
	}
	switch t.name {
	case "else":
		c.noArguments(t)
		top.hasElse = true
	case "elsif":
		c.expression(t)
	case "when":
		c.statement(t, expressions.WhenStatementSelector, func(r *exprReader) *shape {
			r.primary()
			for r.accept(",") || r.accept("or") {
				r.primary()
			}
			return value
		})
	}
}

// cycle = [ text ":" ] text { "," text }
func (r *exprReader) cycle() *shape {
	word := func() {
		if t := r.peek(); !t.quoted {
			r.fail("cycle goes through texts in quotes, not %s", t.name())
		}
		r.next++
	}
	word()
	if r.accept(":") {
		word()
	}
	for r.accept(",") {
		word()
	}
	return value
}
