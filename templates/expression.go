package templates

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The library parses expressions into functions, which cannot be looked into. To
// know which names and filters a template uses, expressions are read here once
// more, by the library's own grammar (expressions/expressions.y), and what they
// are made of is compared with names and filters. An expression is right when both
// readers accept it.

type tokenKind int

const (
	tokEnd        tokenKind = iota
	tokLiteral              // 12, 1.5, "text", true, nil
	tokIdentifier           // contact
	tokKeyword              // limit:
	tokProperty             // .first_name
	tokOperator             // == and >= and and, also single characters
)

type exprToken struct {
	kind   tokenKind
	text   string // without quotes, colon or point
	quoted bool
	offset int
}

// tokens reads s until its end or what no expression can have.
func exprTokens(s string) ([]exprToken, error) {
	var out []exprToken
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			i++
			continue
		case c == '"' || c == '\'':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				return out, &exprError{i, "a text that begins with " + string(c) + " does not end"}
			}
			out = append(out, exprToken{tokLiteral, s[i+1 : i+1+end], true, i})
			i += end + 2
			continue
		case c >= '0' && c <= '9' || c == '-' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			end := i + 1
			for end < len(s) && s[end] >= '0' && s[end] <= '9' {
				end++
			}
			if end+1 < len(s) && s[end] == '.' && s[end+1] >= '0' && s[end+1] <= '9' {
				for end++; end < len(s) && s[end] >= '0' && s[end] <= '9'; end++ {
				}
			}
			out = append(out, exprToken{tokLiteral, s[i:end], false, i})
			i = end
			continue
		case c == '.' && identifierEnd(s, i+1) > i+1:
			end := identifierEnd(s, i+1)
			out = append(out, exprToken{tokProperty, s[i+1 : end], false, i})
			i = end
			continue
		}
		if end := identifierEnd(s, i); end > i {
			word := s[i:end]
			switch {
			case end < len(s) && s[end] == ':':
				out = append(out, exprToken{tokKeyword, word, false, i})
				end++
			case word == "and" || word == "or" || word == "contains" || word == "in":
				out = append(out, exprToken{tokOperator, word, false, i})
			case word == "true" || word == "false" || word == "nil":
				out = append(out, exprToken{tokLiteral, word, false, i})
			default:
				out = append(out, exprToken{tokIdentifier, word, false, i})
			}
			i = end
			continue
		}
		n := 1
		if i+2 <= len(s) && slices.Contains([]string{"==", "!=", ">=", "<=", ".."}, s[i:i+2]) {
			n = 2
		} else if !strings.ContainsRune("<>|[](),=:", rune(c)) {
			r, _ := utf8.DecodeRuneInString(s[i:])
			return out, &exprError{i, fmt.Sprintf("%q has no meaning here", r)}
		}
		out = append(out, exprToken{tokOperator, s[i : i+n], false, i})
		i += n
	}
	return out, nil
}

// identifierEnd is where the identifier that begins at i ends, i if none begins.
func identifierEnd(s string, i int) int {
	end := i
	for end < len(s) {
		r, n := utf8.DecodeRuneInString(s[end:])
		if !(unicode.IsLetter(r) || r == '_' || end > i && (unicode.IsDigit(r) || unicode.IsMark(r) || r == '-')) || r == utf8.RuneError {
			break
		}
		end += n
	}
	if end > i && end < len(s) && s[end] == '?' {
		end++
	}
	return end
}

type exprError struct {
	offset int
	what   string
}

func (e *exprError) Error() string { return e.what }

// exprReader reads one expression or tag. Syntax errors end the reading by a panic
// with *exprError; wrong names and filters are reported and reading goes on.
type exprReader struct {
	tokens []exprToken
	next   int
	end    int // offset
	scope  map[string]*shape
	uses   map[string]bool // names read, filled in here; may be nil
	report func(offset int, format string, args ...any)
	pipes  int
}

// readExpression runs one of exprReader's methods over s and reports what is wrong,
// with offsets in s.
func readExpression(s string, scope map[string]*shape, uses map[string]bool, report func(int, string, ...any), read func(*exprReader) *shape) (result *shape) {
	result = anything
	if len(s) > maxExpression {
		report(0, "is longer than %d characters", maxExpression)
		return result
	}
	tokens, err := exprTokens(s)
	if err != nil {
		report(err.(*exprError).offset, "%s", err)
		return result
	}
	r := &exprReader{tokens: tokens, end: len(s), scope: scope, uses: uses, report: report}
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(*exprError)
			if !ok {
				panic(p)
			}
			report(e.offset, "%s", e.what)
		}
	}()
	result = read(r)
	if t := r.peek(); t.kind != tokEnd {
		r.fail("%s is not expected here", t.name())
	}
	return result
}

func (t exprToken) name() string {
	switch {
	case t.kind == tokEnd:
		return "the end"
	case t.quoted:
		return strconv.Quote(t.text)
	case t.kind == tokKeyword:
		return t.text + ":"
	case t.kind == tokProperty:
		return "." + t.text
	}
	return t.text
}

func (r *exprReader) peek() exprToken {
	if r.next < len(r.tokens) {
		return r.tokens[r.next]
	}
	return exprToken{kind: tokEnd, offset: r.end}
}

func (r *exprReader) fail(format string, args ...any) {
	panic(&exprError{r.peek().offset, fmt.Sprintf(format, args...)})
}

func (r *exprReader) is(operator string) bool {
	t := r.peek()
	return t.kind == tokOperator && t.text == operator
}

func (r *exprReader) accept(operator string) bool {
	if r.is(operator) {
		r.next++
		return true
	}
	return false
}

func (r *exprReader) expect(operator string) {
	if !r.accept(operator) {
		r.fail("%q is expected here, not %s", operator, r.peek().name())
	}
}

func (r *exprReader) identifier() string {
	t := r.peek()
	if t.kind != tokIdentifier {
		r.fail("a name is expected here, not %s", t.name())
	}
	r.next++
	return t.text
}

// condition = relation { ("and" | "or") relation }
func (r *exprReader) condition() *shape {
	s := r.relation()
	for r.is("and") || r.is("or") {
		r.next++
		r.relation()
		s = value
	}
	return s
}

// relation = filtered | primary operator primary
func (r *exprReader) relation() *shape {
	s := r.filtered()
	for _, op := range []string{"==", "!=", ">", "<", ">=", "<=", "contains"} {
		if r.accept(op) {
			r.primary()
			return value
		}
	}
	return s
}

// filtered = primary { "|" name [ ":" primary { "," primary } ] }
func (r *exprReader) filtered() *shape {
	s := r.primary()
	for r.is("|") {
		r.next++
		t := r.peek()
		if t.kind != tokIdentifier && t.kind != tokKeyword {
			r.fail("the name of a filter is expected here, not %s", t.name())
		}
		r.next++
		arguments := 0
		if t.kind == tokKeyword {
			r.primary()
			for arguments = 1; r.accept(","); arguments++ {
				r.primary()
			}
		}
		f, known := filters[t.text]
		if !known {
			r.report(t.offset, "there is no filter %q%s", t.text, suggestion(t.text, keys(filters)))
		} else if wrong := f.checkArguments(t.text, arguments); wrong != "" {
			r.report(t.offset, "%s", wrong)
		}
		if r.pipes++; r.pipes == maxFilters+1 {
			r.report(t.offset, "has more than %d filters", maxFilters)
		}
		s = filteredShape(t.text, s)
	}
	return s
}

// filteredShape is what is known about the result of a filter.
func filteredShape(filter string, s *shape) *shape {
	switch filter {
	case "first", "last":
		if s.kind == kindList {
			return s.item
		}
		return anything
	case "where", "sort", "sort_natural", "reverse", "uniq", "compact", "slice":
		if s.kind == kindList {
			return s
		}
		return anything
	case "concat", "map":
		return listOf(anything)
	case "split":
		return listOf(value)
	case "default":
		return anything
	}
	return value
}

// primary = literal | name | "(" primary ".." primary ")" | "(" condition ")",
// followed by properties and indexes.
func (r *exprReader) primary() *shape {
	t := r.peek()
	switch {
	case t.kind == tokLiteral:
		r.next++
		if !t.quoted {
			if _, err := strconv.Atoi(t.text); err != nil && strings.Trim(t.text, "-0123456789") == "" {
				r.report(t.offset, "the number %s is too large", t.text)
			}
		}
		return r.steps(value, t.name(), t.offset)
	case t.kind == tokIdentifier:
		r.next++
		s, known := r.scope[t.text]
		if !known {
			r.report(t.offset, "there is no %s%s", t.text, suggestion(t.text, keys(r.scope)))
			s = anything
		}
		if r.uses != nil {
			r.uses[t.text] = true
		}
		return r.steps(s, t.text, t.offset)
	case r.accept("("):
		from := r.constant()
		s := r.condition()
		if r.accept("..") {
			to := r.constant()
			r.primary()
			if from != nil && to != nil && float64(*to)-float64(*from) >= maxList {
				r.report(t.offset, "a range of more than %d numbers is too large", maxList)
			}
			s = listOf(value)
		}
		r.expect(")")
		// A range has methods of Go's, one of which makes a list of any length of it.
		if n := r.peek(); n.kind == tokProperty || r.is("[") {
			r.fail("%s cannot follow a bracket", n.name())
		}
		return s
	}
	r.fail("a name or a value is expected here, not %s", t.name())
	return nil
}

// constant is the whole number that comes next, where one does.
func (r *exprReader) constant() *int {
	if t := r.peek(); t.kind == tokLiteral && !t.quoted {
		if n, err := strconv.Atoi(t.text); err == nil && n > math.MinInt32 && n < math.MaxInt32 {
			return &n
		}
	}
	return nil
}

// steps goes along .name and [index].
func (r *exprReader) steps(s *shape, path string, offset int) *shape {
	for {
		t := r.peek()
		switch {
		case t.kind == tokProperty:
			r.next++
			s = r.property(s, path, t.text, offset)
			path += "." + t.text
		case r.accept("["):
			index := r.peek()
			r.primary()
			r.expect("]")
			if index.quoted {
				s = r.property(s, path, index.text, offset)
				path += "." + index.text
				continue
			}
			switch s.kind {
			case kindList:
				s = s.item
			default:
				s = anything
			}
			path += "[]"
		default:
			return s
		}
	}
}

func (r *exprReader) property(s *shape, path, name string, offset int) *shape {
	switch s.kind {
	case kindObject:
		if f, known := s.fields[name]; known {
			return f
		}
		r.report(offset, "there is no %s.%s%s", path, name, suggestion(name, keys(s.fields)))
	case kindList:
		switch name {
		case "first", "last":
			return s.item
		case "size":
			return value
		}
		if s.item.kind == kindObject && s.item.fields[name] != nil {
			r.report(offset, "%s is a list: use {%% for item in %s %%} and item.%s, or %s.first.%s", path, path, name, path, name)
		} else {
			r.report(offset, "there is no %s.%s: %s is a list, which has first, last and size", path, name, path)
		}
	case kindValue:
		if name != "size" {
			r.report(offset, "there is no %s.%s: %s is a single value", path, name, path)
		}
		return value
	}
	return anything
}

// suggestion is a guess at what was meant, or all there is where that is short.
func suggestion(wrong string, known []string) string {
	best, distance := "", max(2, len(wrong)/3)+1
	for _, k := range known {
		if d := editDistance(wrong, k); d < distance {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(": did you mean %s?", best)
	case len(known) > 0 && len(known) <= 12:
		return ": there is " + strings.Join(known, ", ")
	}
	return ""
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// editDistance counts the letters to change, add or drop to come from a to b.
func editDistance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
