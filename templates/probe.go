package templates

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
)

// Probe renders a version like a Renderer, and besides says which of its {{ }} print
// nothing for a contact, so that "Dear ," is found before it is mailed. What is not
// gone through, since it stands in a condition that does not hold, is not asked.
type Probe struct {
	renderer *Renderer
	labels   []string // what stands between {{ and }}, by number
}

// Probed is a mail, and what is empty in it.
type Probed struct {
	Rendered
	Empty []string // such as "contact.first_name", each once, in the order of the template
}

// NewProbe prepares a version. It fails where NewRenderer does.
func NewProbe(v Version) (*Probe, error) {
	r, err := NewRenderer(v)
	if err != nil {
		return nil, err
	}
	p := &Probe{renderer: &Renderer{derived: r.derived, uses: r.uses}}
	if p.renderer.subject, err = p.compile(plainProbe, partSubject, v.Subject); err != nil {
		return nil, err
	}
	if p.renderer.html, err = p.compile(htmlProbe, partHTML, v.CompiledHTML); err != nil {
		return nil, err
	}
	// A text that was made of the HTML has nothing empty that the HTML has not.
	if r.derived {
		p.renderer.text = r.text
		return p, nil
	}
	p.renderer.text, err = p.compile(plainProbe, partText, v.CompiledText)
	return p, err
}

// compile parses a part with a block around every {{ }} that may be empty. The part
// has passed the check: the block is no tag that it would let through.
func (p *Probe) compile(language *render.Config, part, src string) (node render.Node, err error) {
	if src == "" {
		return nil, nil
	}
	var b strings.Builder
	last := 0
	for _, t := range scan(src) {
		if t.kind != objectToken || t.inert != "" || readsName(t.args, "unsubscribe_url") {
			continue
		}
		b.WriteString(src[last:t.offset])
		fmt.Fprintf(&b, "{%% %s %d %%}%s{%% end%s %%}", probeTag, p.label(t.args), t.source, probeTag)
		last = t.end()
	}
	b.WriteString(src[last:])
	defer recovered(&err)
	node, parseErr := language.Compile(b.String(), parser.SourceLoc{Pathname: part, LineNo: 1})
	if parseErr != nil { // of a concrete type, see parsePart
		return nil, fmt.Errorf("%s: line %d: %s", part, parseErr.LineNumber(), parseErr)
	}
	return node, nil
}

// label numbers an expression, as it was written.
func (p *Probe) label(args string) int {
	args = strings.TrimSpace(args)
	args = strings.TrimSpace(strings.TrimSuffix(args, "| safe_url")) // Compile put it there
	i := slices.Index(p.labels, args)
	if i < 0 {
		i = len(p.labels)
		p.labels = append(p.labels, args)
	}
	return i
}

// Render makes the mail for one contact. Errors are those of Renderer.Render.
func (p *Probe) Render(ctx context.Context, d Data) (Probed, error) {
	found := &emptied{seen: make([]bool, len(p.labels))}
	mail, err := p.renderer.render(ctx, d, plainProbe, htmlProbe, map[string]any{probeName: found})
	out := Probed{Rendered: mail, Empty: []string{}}
	for i, empty := range found.seen {
		if empty {
			out.Empty = append(out.Empty, p.labels[i])
		}
	}
	return out, err
}

// emptied is what one rendering found. It travels in the variables, as the budget does.
type emptied struct{ seen []bool }

const (
	probeName = ".probe"
	probeTag  = "posthorn_probe"
)

var (
	plainProbe = newProbeLanguage(false)
	htmlProbe  = newProbeLanguage(true)
)

func newProbeLanguage(html bool) *render.Config {
	c := newLanguage(html)
	c.AddBlock(probeTag).Compiler(func(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
		number, err := strconv.Atoi(node.Args)
		if err != nil {
			return nil, err
		}
		return func(w io.Writer, ctx render.Context) error {
			count := &inkWriter{w: w}
			if err := ctx.RenderChildren(count); err != nil {
				return err
			}
			if found, ok := ctx.Get(probeName).(*emptied); ok && !count.ink {
				found.seen[number] = true
			}
			return nil
		}, nil
	})
	return c
}

// inkWriter notes whether anything can be seen of what is written.
type inkWriter struct {
	w   io.Writer
	ink bool
}

func (i *inkWriter) Write(p []byte) (int, error) {
	i.ink = i.ink || len(bytes.TrimSpace(p)) > 0
	_, err := i.w.Write(p) // the library's writers count something else
	return len(p), err
}
