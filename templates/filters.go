package templates

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode"

	"github.com/osteele/liquid/values"
)

// A filter is a function of the value and its arguments. All take any, and do
// their own conversion: the library's makes a list of a range of any length. Data
// of a wrong type gives an empty or unchanged value, never an error: one contact's
// odd attribute is no reason not to write to them. What breaks a limit is an error.
type filter struct {
	fn       any
	min, max int // arguments
}

type (
	args     = []any
	filterFn = func(v any, a ...any) (any, error)
)

// filters are all there are. docs/templates.md lists each of them.
var filters = map[string]filter{
	// texts
	"append":         {growing(func(s string, a args) string { return s + toText(a[0]) }), 1, 1},
	"prepend":        {growing(func(s string, a args) string { return toText(a[0]) + s }), 1, 1},
	"capitalize":     {onText(capitalize), 0, 0},
	"downcase":       {onText(strings.ToLower), 0, 0},
	"upcase":         {onText(strings.ToUpper), 0, 0},
	"strip":          {onText(strings.TrimSpace), 0, 0},
	"lstrip":         {onText(func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }), 0, 0},
	"rstrip":         {onText(func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }), 0, 0},
	"strip_html":     {onText(stripHTML), 0, 0},
	"strip_newlines": {onText(func(s string) string { return newlines.Replace(s) }), 0, 0},
	"newline_to_br":  {onText(func(s string) string { return s }), 0, 0}, // htmlLanguage has its own
	"escape":         {onText(func(s string) string { return s }), 0, 0}, // HTML is escaped anyway, the rest never
	"escape_once":    {onText(unescape), 0, 0},
	"url_encode":     {onText(url.QueryEscape), 0, 0},
	"url_decode":     {onText(urlDecode), 0, 0},
	"safe_url":       {onText(safeURL), 0, 0},
	"remove":         {growing(func(s string, a args) string { return strings.ReplaceAll(s, toText(a[0]), "") }), 1, 1},
	"remove_first":   {growing(func(s string, a args) string { return strings.Replace(s, toText(a[0]), "", 1) }), 1, 1},
	"replace":        {filterFn(replace), 1, 2},
	"replace_first":  {growing(func(s string, a args) string { return strings.Replace(s, toText(a[0]), toText(arg(a, 1)), 1) }), 1, 2},
	"truncate":       {filterFn(truncate), 0, 2},
	"truncatewords":  {filterFn(truncateWords), 0, 2},
	"split":          {filterFn(split), 1, 1},
	"slice":          {filterFn(slice), 1, 2},
	"size":           {filterFn(sizeOf), 0, 0},

	// numbers
	"abs":        {onNumber(math.Abs), 0, 0},
	"ceil":       {onNumber(math.Ceil), 0, 0},
	"floor":      {onNumber(math.Floor), 0, 0},
	"round":      {filterFn(round), 0, 1},
	"plus":       {onNumbers(func(a, b float64) float64 { return a + b }), 1, 1},
	"minus":      {onNumbers(func(a, b float64) float64 { return a - b }), 1, 1},
	"times":      {onNumbers(func(a, b float64) float64 { return a * b }), 1, 1},
	"at_least":   {onNumbers(math.Max), 1, 1},
	"at_most":    {onNumbers(math.Min), 1, 1},
	"divided_by": {filterFn(dividedBy), 1, 1},
	"modulo":     {filterFn(modulo), 1, 1},
	"money":      {filterFn(money), 0, 2},

	// lists
	"first":        {filterFn(func(v any, _ ...any) (any, error) { return property(v, "first"), nil }), 0, 0},
	"last":         {filterFn(func(v any, _ ...any) (any, error) { return property(v, "last"), nil }), 0, 0},
	"join":         {filterFn(join), 0, 1},
	"map":          {filterFn(mapItems), 1, 1},
	"where":        {filterFn(where), 1, 2},
	"compact":      {onItems(compact), 0, 0},
	"concat":       {filterFn(concat), 1, 1},
	"reverse":      {onItems(reversed), 0, 0},
	"sort":         {filterFn(func(v any, a ...any) (any, error) { return sortItems(v, a, compare) }), 0, 1},
	"sort_natural": {filterFn(func(v any, a ...any) (any, error) { return sortItems(v, a, compareFolded) }), 0, 1},
	"uniq":         {onItems(uniq), 0, 0},

	// anything
	"default": {filterFn(defaultTo), 1, 1},
	"date":    {filterFn(date), 1, 2},
}

func arg(a args, i int) any {
	if i < len(a) {
		return a[i]
	}
	return nil
}

// onText makes a filter of a function that does not make a text much longer.
func onText(fn func(string) string) filterFn {
	return growing(func(s string, _ args) string { return fn(s) })
}

// growing bounds what goes into and comes out of a filter that makes texts longer
// by a constant number of times at most.
func growing(fn func(string, args) string) filterFn {
	return func(v any, a ...any) (any, error) {
		s := toText(v)
		if len(s) > maxText {
			return nil, errText
		}
		if s = fn(s, a); len(s) > maxText {
			return nil, errText
		}
		return s, nil
	}
}

// property is a property of any value, as a template would get it.
func property(v any, name string) any {
	return values.ValueOf(v).PropertyValue(values.ValueOf(name)).Interface()
}

func defaultTo(v any, a ...any) (any, error) {
	switch v := v.(type) {
	case nil:
		return a[0], nil
	case bool:
		if !v {
			return a[0], nil
		}
	case list:
		if len(*v.items) == 0 {
			return a[0], nil
		}
	case string, values.SafeValue:
		if strings.TrimSpace(toText(v)) == "" {
			return a[0], nil
		}
	}
	return v, nil
}

// checkArguments says what is wrong with the number of arguments of a filter.
func (f filter) checkArguments(name string, n int) string {
	switch {
	case n >= f.min && n <= f.max:
		return ""
	case f.max == 0:
		return fmt.Sprintf("the filter %q takes no argument", name)
	case f.min == f.max:
		return fmt.Sprintf("the filter %q takes %s, not %d", name, plural(f.min, "argument"), n)
	default:
		return fmt.Sprintf("the filter %q takes %d to %s, not %d", name, f.min, plural(f.max, "argument"), n)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
