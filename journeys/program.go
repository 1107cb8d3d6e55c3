package journeys

import (
	"fmt"

	"posthorn/segments"
)

// Program is a definition made ready to run: its steps in one list, each of which
// knows where to go on. A branch's lists join again after it, so that there are no
// loops, and a contact passes each step at most once.
type Program struct {
	*Definition
	code  []instruction
	at    map[string]int // by step id
	start int
	used  segments.Rule // replenishment: what is used up
}

// end is where a journey is over.
const end = -1

type instruction struct {
	*Step
	next int   // after it; of a branch and a wait_until: after both lists
	then int   // branch, wait_until: it is so
	els  int   // branch: it is not; wait_until: it was not in time
	path []int // split
}

// Compile makes a definition ready to run.
func Compile(d *Definition) *Program {
	p := &Program{Definition: d, at: map[string]int{}}
	p.start = p.compile(d.Steps, end)
	if d.Trigger.Type == OnReplenish {
		p.used = d.Trigger.bought("")
	}
	return p
}

// compile adds a list and returns where it begins: at after, where it is empty.
func (p *Program) compile(steps []Step, after int) int {
	for i := len(steps) - 1; i >= 0; i-- {
		s := &steps[i]
		in := instruction{Step: s, next: after}
		switch s.Type {
		case BranchStep, WaitUntilStep:
			in.then, in.els = p.compile(s.Then, after), p.compile(s.Else, after)
		case SplitStep:
			for _, path := range s.Paths {
				in.path = append(in.path, p.compile(path.Steps, after))
			}
		}
		p.code = append(p.code, in)
		after = len(p.code) - 1
		p.at[s.ID] = after
	}
	return after
}

// Has reports whether there is a step of that id.
func (p *Program) Has(id string) bool {
	_, ok := p.at[id]
	return ok
}

// Walk calls fn for every step, in the order in which they are written.
func (d *Definition) Walk(fn func(s *Step)) {
	walk("steps", d.Steps, func(_ string, s *Step) { fn(s) })
}

// WalkPaths is Walk with the path of each step, as errors show it.
func (d *Definition) WalkPaths(fn func(path string, s *Step)) { walk("steps", d.Steps, fn) }

func walk(path string, steps []Step, fn func(path string, s *Step)) {
	for i := range steps {
		s := &steps[i]
		at := named(fmt.Sprintf("%s[%d]", path, i), s.ID)
		fn(at, s)
		walk(at+".then", s.Then, fn)
		walk(at+".else", s.Else, fn)
		for n, p := range s.Paths {
			walk(fmt.Sprintf("%s.paths[%d].steps", at, n), p.Steps, fn)
		}
	}
}
