package templates

import (
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/values"
)

// The language is osteele/liquid's parser and evaluator with tags of our own: the
// library's loops neither end on a deadline nor have a limit, its include reads
// files, and its capture has no bound. Subject and text do not escape; HTML does.
var (
	plainLanguage = newLanguage(false)
	htmlLanguage  = newLanguage(true)
)

func newLanguage(html bool) *render.Config {
	c := render.NewConfig()
	c.AddTag("assign", assignTag)
	c.AddTag("break", func(string) (func(io.Writer, render.Context) error, error) { return loopControl(errBreak), nil })
	c.AddTag("continue", func(string) (func(io.Writer, render.Context) error, error) { return loopControl(errContinue), nil })
	c.AddTag("cycle", cycleTag)
	c.AddBlock("comment")
	c.AddBlock("raw")
	c.AddBlock("if").Clause("else").Clause("elsif").Compiler(ifTag(true))
	c.AddBlock("unless").Clause("else").Clause("elsif").Compiler(ifTag(false))
	c.AddBlock("case").Clause("when").Clause("else").Compiler(caseTag)
	c.AddBlock("for").Clause("else").Compiler(forTag)
	c.AddBlock("capture").Compiler(captureTag(html))
	for name, f := range filters {
		c.AddFilter(name, f.fn)
	}
	if html {
		c.SetAutoEscapeReplacer(htmlEscaper{})
		// This brings along a filter "safe", which turns escaping off. No template
		// reaches it, because the check refuses filters that are not in our table.
		c.AddFilter("newline_to_br", newlineToBR)
	}
	return &c
}

var (
	errBreak    = errors.New("break outside of a loop")
	errContinue = errors.New("continue outside of a loop")
)

func loopControl(err error) func(io.Writer, render.Context) error {
	return func(_ io.Writer, ctx render.Context) error { return ctx.WrapError(err) }
}

func assignTag(source string) (func(io.Writer, render.Context) error, error) {
	statement, err := parseStatement(expressions.AssignStatementSelector, source)
	if err != nil {
		return nil, err
	}
	variable := statement.Assignment.Variable
	if variable == "" || statement.ValueFn == nil {
		return nil, errors.New("assign needs a name and a value, as in {% assign city = \"Oslo\" %}")
	}
	return func(_ io.Writer, ctx render.Context) error {
		b := budgetOf(ctx)
		if err := b.spend(); err != nil {
			return err
		}
		v, err := ctx.Evaluate(statement.ValueFn)
		if err != nil {
			return err
		}
		switch found := v.(type) {
		case values.Range:
			items, err := toItems(found)
			if err != nil {
				return err
			}
			v = newList(items)
		case values.SafeValue:
			html := fmt.Sprint(found.Value)
			v = captured{html: &html}
		}
		if err := b.keep(v); err != nil {
			return err
		}
		ctx.Set(variable, v)
		return nil
	}, nil
}

var identifier = regexp.MustCompile(`^[\pL_][\pL\pM\pN_-]*$`)

func captureTag(html bool) render.BlockCompiler {
	return func(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
		variable := node.Args
		if !identifier.MatchString(variable) {
			return nil, errors.New("capture needs one name, as in {% capture greeting %}")
		}
		return func(_ io.Writer, ctx render.Context) error {
			b := budgetOf(ctx)
			if err := b.spend(); err != nil {
				return err
			}
			w := boundedBuffer{limit: maxText, budget: b, tooBig: errText}
			if err := ctx.RenderChildren(&w); err != nil {
				return err
			}
			var v any = w.String()
			if html {
				s := w.String()
				v = captured{html: &s}
			}
			if err := b.keep(v); err != nil {
				return err
			}
			ctx.Set(variable, v)
			return nil
		}, nil
	}
}

func ifTag(positive bool) func(render.BlockNode) (func(io.Writer, render.Context) error, error) {
	return func(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
		type branch struct {
			test expressions.Expression // nil: else
			body *render.BlockNode
		}
		test, err := parseExpression(node.Args)
		if err != nil {
			return nil, err
		}
		branches := []branch{{test, &node}}
		for _, clause := range node.Clauses {
			var test expressions.Expression
			if clause.Name == "elsif" {
				if test, err = parseExpression(clause.Args); err != nil {
					return nil, err
				}
			}
			branches = append(branches, branch{test, clause})
		}
		return func(w io.Writer, ctx render.Context) error {
			if err := budgetOf(ctx).spend(); err != nil {
				return err
			}
			for i, b := range branches {
				holds := true
				if b.test != nil {
					v, err := ctx.Evaluate(b.test)
					if err != nil {
						return err
					}
					holds = v != nil && v != false
					if i == 0 && !positive {
						holds = !holds
					}
				}
				if holds {
					return ctx.RenderBlock(w, b.body)
				}
			}
			return nil
		}, nil
	}
}

func caseTag(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
	type branch struct {
		when []expressions.Expression // nil: else
		body *render.BlockNode
	}
	subject, err := parseExpression(node.Args)
	if err != nil {
		return nil, err
	}
	var branches []branch
	for _, clause := range node.Clauses {
		var when []expressions.Expression
		if clause.Name == "when" {
			statement, err := parseStatement(expressions.WhenStatementSelector, clause.Args)
			if err != nil {
				return nil, err
			}
			if when = statement.Exprs; len(when) == 0 {
				return nil, errors.New("when needs a value")
			}
		}
		branches = append(branches, branch{when, clause})
	}
	return func(w io.Writer, ctx render.Context) error {
		if err := budgetOf(ctx).spend(); err != nil {
			return err
		}
		v, err := ctx.Evaluate(subject)
		if err != nil {
			return err
		}
		of := values.ValueOf(v)
		for _, b := range branches {
			holds := b.when == nil
			for _, when := range b.when {
				v, err := ctx.Evaluate(when)
				if err != nil {
					return err
				}
				if of.Equal(values.ValueOf(v)) {
					holds = true
					break
				}
			}
			if holds {
				return ctx.RenderBlock(w, b.body)
			}
		}
		return nil
	}, nil
}

func forTag(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
	statement, err := parseStatement(expressions.LoopStatementSelector, node.Args)
	if err != nil {
		return nil, err
	}
	loop := statement.Loop
	if loop.Expr == nil || loop.Cols != nil {
		return nil, errors.New("for is written as {% for item in last_order.items %}, with limit: and offset: where needed")
	}
	if len(node.Clauses) > 1 {
		return nil, errors.New("for has more than one else")
	}
	return func(w io.Writer, ctx render.Context) error {
		items, err := loopItems(ctx, loop)
		if err != nil {
			return err
		}
		if len(items) == 0 {
			if len(node.Clauses) == 1 {
				return ctx.RenderBlock(w, node.Clauses[0])
			}
			return nil
		}
		return runLoop(w, ctx, loop.Variable, items)
	}, nil
}

// loopItems is what a loop goes through: offset first, then limit, then reversed.
func loopItems(ctx render.Context, loop expressions.Loop) ([]any, error) {
	v, err := ctx.Evaluate(loop.Expr)
	if err != nil {
		return nil, err
	}
	items, err := toItems(v)
	if err != nil {
		return nil, err
	}
	number := func(what string, e expressions.Expression) (int, error) {
		v, err := ctx.Evaluate(e)
		if err != nil || v == nil {
			return 0, err
		}
		n, ok := toInt(v)
		if !ok {
			return 0, fmt.Errorf("%s of a loop is not a whole number", what)
		}
		return max(n, 0), nil
	}
	if loop.Offset != nil {
		n, err := number("offset", loop.Offset)
		if err != nil {
			return nil, err
		}
		items = items[min(n, len(items)):]
	}
	if loop.Limit != nil {
		n, err := number("limit", loop.Limit)
		if err != nil {
			return nil, err
		}
		items = items[:min(n, len(items))]
	}
	if loop.Reversed {
		return reversed(items), nil
	}
	return items, nil
}

const forloopName = "forloop"

func runLoop(w io.Writer, ctx render.Context, variable string, items []any) error {
	outer, before := ctx.Get(forloopName), ctx.Get(variable)
	defer func() {
		ctx.Set(forloopName, outer)
		ctx.Set(variable, before)
	}()
	b := budgetOf(ctx)
	state := &loopState{length: len(items)}
	ctx.Set(forloopName, forloop{s: state})
	for i, item := range items {
		if err := b.spend(); err != nil {
			return err
		}
		state.index = i
		ctx.Set(variable, item)
		err := ctx.RenderChildren(w)
		if err == nil {
			continue
		}
		switch err.Cause() {
		case errContinue:
		case errBreak:
			return nil
		default:
			return err
		}
	}
	return nil
}

func cycleTag(args string) (func(io.Writer, render.Context) error, error) {
	statement, err := parseStatement(expressions.CycleStatementSelector, args)
	if err != nil {
		return nil, err
	}
	group, words := statement.Cycle.Group, statement.Cycle.Values
	if len(words) == 0 {
		return nil, errors.New("cycle is written as {% cycle \"odd\", \"even\" %}")
	}
	key := group
	if key == "" {
		key = args // as Liquid has it: cycles of the same words are one
	}
	return func(w io.Writer, ctx render.Context) error {
		loop, ok := ctx.Get(forloopName).(forloop)
		if !ok {
			return errors.New("cycle outside of a loop")
		}
		if loop.s.cycles == nil {
			loop.s.cycles = map[string]int{}
		}
		n := loop.s.cycles[key]
		loop.s.cycles[key] = n + 1
		_, err := io.WriteString(w, words[n%len(words)])
		return err
	}, nil
}

// parseExpression and parseStatement are the library's, which panics on some input
// (a number that does not fit, for one).
func parseExpression(source string) (e expressions.Expression, err error) {
	defer recovered(&err)
	return expressions.Parse(source)
}

func parseStatement(selector, source string) (s *expressions.Statement, err error) {
	defer recovered(&err)
	return expressions.ParseStatement(selector, source)
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%v", r)
	}
}
