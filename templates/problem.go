package templates

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Severities of a Problem. A template with an error is not saved.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// The parts of a template, as a Problem names them.
const (
	partSubject   = "subject"
	partPreheader = "preheader"
	partHTML      = "html"
	partMJML      = "mjml"
	partText      = "text"
)

// Problem is what the check has to say about one place of a template.
type Problem struct {
	Severity string `json:"severity"` // "error" or "warning"
	Part     string `json:"part"`     // subject, preheader, html, mjml or text
	Line     int    `json:"line"`     // from 1; 0: the part as a whole
	Column   int    `json:"column"`   // from 1, in characters; 0: the line as a whole
	Length   int    `json:"length"`   // in characters, on this line; 0: not known
	Message  string `json:"message"`
}

func (p Problem) where() string {
	switch {
	case p.Line == 0:
		return ""
	case p.Column == 0:
		return fmt.Sprintf("line %d: ", p.Line)
	default:
		return fmt.Sprintf("line %d, column %d: ", p.Line, p.Column)
	}
}

// maxProblems bounds the answer to a text that is wrong everywhere, maxFound the
// time to find out.
const (
	maxProblems = 50
	maxFound    = 200
)

// problems collects what the check finds in one part.
type problems struct {
	part string
	src  string
	list []Problem
}

// errorf and warnf report a place by its offset in the source.
func (p *problems) errorf(offset int, format string, args ...any) {
	p.add(SeverityError, offset, format, args...)
}

func (p *problems) warnf(offset int, format string, args ...any) {
	p.add(SeverityWarning, offset, format, args...)
}

func (p *problems) add(severity string, offset int, format string, args ...any) {
	if p.full(severity) {
		return
	}
	found := Problem{Severity: severity, Part: p.part, Length: extent(p.src, offset), Message: fmt.Sprintf(format, args...)}
	found.Line, found.Column = position(p.src, offset)
	p.keep(found)
}

// addAt reports a place by its line and column, or the whole part by 0 and 0.
func (p *problems) addAt(severity string, line, column int, format string, args ...any) {
	if p.full(severity) {
		return
	}
	p.keep(Problem{Severity: severity, Part: p.part, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

func (p *problems) keep(found Problem) {
	if !slices.Contains(p.list, found) {
		p.list = append(p.list, found)
	}
}

// full reports whether another problem would say nothing new. The first error is
// always new.
func (p *problems) full(severity string) bool {
	return len(p.list) >= maxFound && (severity == SeverityWarning || p.failed())
}

func (p *problems) failed() bool { return failed(p.list) }

func failed(list []Problem) bool {
	return slices.ContainsFunc(list, func(p Problem) bool { return p.Severity == SeverityError })
}

// position turns an offset into line and column, both from 1.
func position(src string, offset int) (line, column int) {
	offset = min(max(offset, 0), len(src))
	before := src[:offset]
	line = strings.Count(before, "\n") + 1
	column = utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return line, column
}

// extent is how many characters of its line the thing that begins at offset takes: a
// piece of Liquid, a tag, an attribute, a path of names, a text in quotes, a number. It
// is what an editor underlines.
func extent(src string, offset int) int {
	offset = min(max(offset, 0), len(src))
	line := src[offset:]
	if end := strings.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	until := func(end string) int {
		if i := strings.Index(line, end); i >= 0 {
			return i + len(end)
		}
		return len(strings.TrimRight(line, " \t"))
	}
	n := 0
	switch {
	case line == "":
	case strings.HasPrefix(line, "{{"):
		n = until("}}")
	case strings.HasPrefix(line, "{%"):
		n = until("%}")
	case line[0] == '<':
		n = until(">")
	case line[0] == '"' || line[0] == '\'':
		n = len(line)
		if i := strings.IndexByte(line[1:], line[0]); i >= 0 {
			n = i + 2
		}
	default:
		// A path such as last_order.items[0].name, an attribute's name, a number, or the
		// beginning of an address.
		n = strings.IndexFunc(line, func(r rune) bool {
			return !(r == '_' || r == '.' || r == '-' || r == '[' || r == ']' || r == ':' || r == '?' || r == '/' || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
		})
		switch {
		case n < 0:
			n = len(line)
		case n == 0:
			_, n = utf8.DecodeRuneInString(line)
		}
	}
	return utf8.RuneCountInString(line[:n])
}

// ordered puts problems as one reads: errors first, then by part and place.
func ordered(list []Problem) []Problem {
	parts := []string{partSubject, partPreheader, partHTML, partMJML, partText}
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity), // "error" < "warning"
			cmp.Compare(slices.Index(parts, a.Part), slices.Index(parts, b.Part)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
		)
	})
	return list[:min(len(list), maxProblems)]
}
