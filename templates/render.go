package templates

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
)

// Data is what one mail is rendered with.
type Data struct {
	Facts
	Campaign       Campaign
	UnsubscribeURL string
}

// Rendered is a mail's content.
type Rendered struct {
	Subject string // one line
	HTML    string // empty where the template has none
	Text    string
}

// Renderer renders one version for any number of contacts. It is safe for
// concurrent use.
type Renderer struct {
	subject, html, text render.Node // nil where the part is empty
	derived             bool        // the text was made of the HTML
	uses                []string    // the names that it reads; others would only be copied for each part
}

// NewRenderer parses a version. It fails where the version does not obey the limits,
// which one that Create or Update saved does.
func NewRenderer(v Version) (*Renderer, error) {
	r := &Renderer{derived: v.Text == ""}
	var err error
	if r.subject, err = r.parsePart(plainLanguage, partSubject, v.Subject); err != nil {
		return nil, err
	}
	if r.html, err = r.parsePart(htmlLanguage, partHTML, v.CompiledHTML); err != nil {
		return nil, err
	}
	if r.text, err = r.parsePart(plainLanguage, partText, v.CompiledText); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Renderer) parsePart(language *render.Config, part, src string) (node render.Node, err error) {
	if src == "" {
		return nil, nil
	}
	// Checked once more, for what is not known to come from Compile: limits and
	// filters are enforced by the check, not by the parser.
	c := checkLiquid(part, src)
	if c.failed() {
		p := c.list[0]
		return nil, fmt.Errorf("%s: %s%s", part, p.where(), p.Message)
	}
	for name := range c.uses {
		if names[name] != nil && !slices.Contains(r.uses, name) {
			r.uses = append(r.uses, name)
		}
	}
	defer recovered(&err)
	node, parseErr := language.Compile(src, parser.SourceLoc{Pathname: part, LineNo: 1})
	if parseErr != nil { // of a concrete type: assigned to err, its nil would not be nil
		return nil, fmt.Errorf("%s: line %d: %s", part, parseErr.LineNumber(), parseErr)
	}
	return node, nil
}

// Render makes the mail for one contact. An error says which part failed and why;
// it is the same each time for the same data, except where ctx ended.
func (r *Renderer) Render(ctx context.Context, d Data) (Rendered, error) {
	return r.render(ctx, d, plainLanguage, htmlLanguage, make(map[string]any, len(r.uses)+1)) // and the budget
}

// render is Render in the languages that the parts were parsed in, with variables that
// are there already.
func (r *Renderer) render(ctx context.Context, d Data, plain, html *render.Config, vars map[string]any) (Rendered, error) {
	for _, name := range r.uses {
		vars[name] = d.value(name)
	}
	var out Rendered
	var err error
	if out.Subject, err = renderPart(ctx, partSubject, r.subject, plain, vars); err != nil {
		return Rendered{}, err
	}
	out.Subject = headerText(out.Subject, maxSubjectOutput)
	if out.HTML, err = renderPart(ctx, partHTML, r.html, html, vars); err != nil {
		return Rendered{}, err
	}
	if out.Text, err = renderPart(ctx, partText, r.text, plain, vars); err != nil {
		return Rendered{}, err
	}
	out.Text = cleanText(out.Text)
	if r.derived {
		out.Text = tidyText(out.Text)
	}
	return out, nil
}

// cleanText takes out what is no text: a NUL, or bytes that are not UTF-8.
func cleanText(s string) string {
	if !utf8.ValidString(s) { // asked first: ToValidUTF8 goes rune by rune even through what is valid
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ReplaceAll(s, "\x00", "")
}

var buffers = sync.Pool{New: func() any { return &boundedBuffer{limit: maxOutput, tooBig: errOutput} }}

// keepBuffer is the largest buffer that goes back to the pool.
const keepBuffer = 256 << 10

func renderPart(ctx context.Context, part string, node render.Node, language *render.Config, vars map[string]any) (out string, err error) {
	if node == nil {
		return "", nil
	}
	b := newBudget(ctx)
	vars[budgetName] = b // the library copies vars
	w := buffers.Get().(*boundedBuffer)
	w.budget = b
	w.Reset()
	defer func() {
		// The library panics where its writer fails, and where an evaluation does
		// what it did not expect.
		if p := recover(); p != nil {
			err = errStop
			if e, ok := p.(interface{ Cause() error }); ok {
				err = e.Cause()
			}
		}
		if b.err != nil {
			err = b.err
		}
		if err != nil {
			out, err = "", fmt.Errorf("%s: %w", part, err)
		}
		if w.budget = nil; w.Cap() <= keepBuffer {
			buffers.Put(w)
		}
	}()
	if err := b.ctx.Err(); err != nil {
		return "", err
	}
	// Of a concrete type: see parsePart.
	if renderErr := render.Render(node, w, vars, *language); renderErr != nil {
		return "", renderError(renderErr)
	}
	return w.String(), nil
}

func renderError(e render.Error) error {
	cause := e.Cause()
	for {
		inner, ok := cause.(render.Error)
		if !ok || inner.Cause() == nil {
			break
		}
		cause = inner.Cause()
	}
	if cause == nil {
		cause = errors.New(e.Error())
	}
	return fmt.Errorf("line %d: %w", e.LineNumber(), cause)
}
