// Package fault holds the errors that are the caller's to mend. A package that
// meets one returns it (or wraps it with %w); the HTTP API and the command line
// turn it into an answer. Anything else is a fault of ours, and its text is not
// shown to strangers.
//
// A message names what was wrong and what to do about it, and holds no address,
// password or key.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Invalid says that one field of the input is wrong.
type Invalid struct {
	Field   string // path of the field, e.g. "audience.include[0]" or "rule.rules[2].value"
	Message string // what was wrong and what is expected, without a full stop
}

func (e *Invalid) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Invalidf makes an *Invalid for field.
func Invalidf(field, format string, args ...any) error {
	return &Invalid{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Under puts a prefix before the field of every Invalid in err ("items[3]" +
// "sku" = "items[3].sku"); any other error is returned as it is.
func Under(prefix string, err error) error {
	var list List
	if errors.As(err, &list) {
		out := make(List, len(list))
		for i, e := range list {
			out[i] = &Invalid{Field: join(prefix, e.Field), Message: e.Message}
		}
		return out
	}
	var inv *Invalid
	if errors.As(err, &inv) {
		return &Invalid{Field: join(prefix, inv.Field), Message: inv.Message}
	}
	return err
}

func join(prefix, field string) string {
	switch {
	case field == "":
		return prefix
	case strings.HasPrefix(field, "["):
		return prefix + field
	default:
		return prefix + "." + field
	}
}

// List is several wrong fields at once. It is returned as an error only when it
// is not empty; see Err.
type List []*Invalid

// Add appends one wrong field.
func (l *List) Add(field, format string, args ...any) {
	*l = append(*l, &Invalid{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Err is nil for an empty list, the single Invalid for a list of one, else the list.
func (l List) Err() error {
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	default:
		return l
	}
}

func (l List) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "; ")
}

// NotFound says that there is no such thing.
type NotFound struct {
	What string // "campaign", "contact", …
	ID   string
}

func (e *NotFound) Error() string { return fmt.Sprintf("there is no %s %q", e.What, e.ID) }

// NotFoundf makes a *NotFound; id is printed with %v.
func NotFoundf(what string, id any) error {
	return &NotFound{What: what, ID: fmt.Sprint(id)}
}

// Conflict says that the thing is in a state that does not allow what was asked.
type Conflict struct {
	State   string // the present state, e.g. "finished"; may be empty
	Message string
}

func (e *Conflict) Error() string { return e.Message }

// Conflictf makes a *Conflict.
func Conflictf(state, format string, args ...any) error {
	return &Conflict{State: state, Message: fmt.Sprintf(format, args...)}
}
