package templates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/osteele/liquid/render"
)

// The limits of a template. They are far above what a mail needs, and low enough
// that no template and no data can hold a worker up or fill its memory.
const (
	maxSubject     = 1_000   // bytes of source
	maxPreheader   = 2_000   // bytes of source
	maxBody        = 512_000 // bytes of source, each of HTML, MJML and text
	maxExpression  = 2_000   // bytes between {{ and }} or {% and %}
	maxFilters     = 20      // filters in one expression
	maxTokens      = 5_000   // {{ }} and {% %} in one part
	maxNesting     = 20      // blocks in blocks
	maxLoopNesting = 3       // loops in loops

	maxOutput = 1 << 20         // bytes of one rendered part
	maxText   = 64 << 10        // bytes of one text that a filter or capture makes
	maxList   = 1_000           // items of one list or range
	maxKept   = 8 << 20         // bytes that assign and capture keep, all together
	maxSteps  = 100_000         // turns of loops and tags gone through
	maxTime   = 2 * time.Second // a back-stop: the limits above are hit long before

	maxSubjectOutput = 500 // characters of a rendered subject; the rest is cut off
)

var (
	errOutput = fmt.Errorf("the result is larger than %d KB", maxOutput>>10)
	errKept   = fmt.Errorf("assign and capture keep more than %d MB", maxKept>>20)
	errSteps  = fmt.Errorf("loops take more than %d steps", maxSteps)
	errTime   = fmt.Errorf("takes longer than %s", maxTime)
	errText   = fmt.Errorf("a text is larger than %d KB", maxText>>10)
	errList   = fmt.Errorf("a list has more than %d items", maxList)
)

// budget is what is left to one rendering of one part. Tags draw on it with spend
// and keep, output with its writer. It travels in the variables under a name that
// no template can say.
type budget struct {
	ctx      context.Context
	deadline time.Time
	steps    int
	kept     int
	err      error // the first limit that was hit: the library wraps or panics with it
}

const budgetName = ".budget"

func newBudget(ctx context.Context) *budget {
	return &budget{ctx: ctx, deadline: time.Now().Add(maxTime)}
}

// spend takes one step.
func (b *budget) spend() error {
	b.steps++
	if b.steps > maxSteps {
		return b.fail(errSteps)
	}
	// Looking at the clock costs more than most steps do. One step is an expression
	// with at most maxFilters filters over texts of at most maxText.
	if b.steps%16 == 0 {
		return b.look()
	}
	return nil
}

func (b *budget) look() error {
	if err := b.ctx.Err(); err != nil {
		return b.fail(err)
	}
	if time.Now().After(b.deadline) {
		return b.fail(errTime)
	}
	return nil
}

// keep takes the memory of a value that a variable holds on to.
func (b *budget) keep(v any) error {
	b.kept += size(v, 0)
	if b.kept > maxKept {
		return b.fail(errKept)
	}
	return nil
}

func (b *budget) fail(err error) error {
	if b.err == nil {
		b.err = err
	}
	return err
}

func budgetOf(ctx render.Context) *budget {
	return ctx.Get(budgetName).(*budget)
}

// size is about how many bytes hang on to v.
func size(v any, depth int) int {
	const header = 16
	switch v := v.(type) {
	case string:
		return header + len(v)
	case captured:
		return header + len(*v.html)
	case list:
		n := header
		if depth > 4 {
			return n + header*len(*v.items)
		}
		for _, item := range *v.items {
			n += size(item, depth+1)
		}
		return n
	default:
		return header
	}
}

// boundedBuffer is where a part is rendered to.
type boundedBuffer struct {
	bytes.Buffer
	limit  int
	budget *budget
	tooBig error
}

func (w *boundedBuffer) Write(p []byte) (int, error) {
	if w.Len()+len(p) > w.limit {
		return 0, w.budget.fail(w.tooBig)
	}
	return w.Buffer.Write(p)
}

// errStop is what a rendering that was stopped by a panic is reported as where
// nothing better is known.
var errStop = errors.New("the template could not be rendered")
