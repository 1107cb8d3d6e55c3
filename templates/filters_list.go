package templates

import (
	"sort"
	"strings"

	"github.com/osteele/liquid/values"
)

func onItems(fn func([]any) []any) filterFn {
	return func(v any, _ ...any) (any, error) {
		items, err := toItems(v)
		if err != nil {
			return nil, err
		}
		return newList(fn(items)), nil
	}
}

func join(v any, a ...any) (any, error) {
	items, err := toItems(v)
	if err != nil {
		return nil, err
	}
	sep := " "
	if len(a) > 0 {
		sep = toText(a[0])
	}
	var b strings.Builder
	first := true
	for _, item := range items {
		s := toText(item)
		if s == "" {
			continue
		}
		if !first {
			b.WriteString(sep)
		}
		first = false
		if b.WriteString(s); b.Len() > maxText {
			return nil, errText
		}
	}
	return b.String(), nil
}

func mapItems(v any, a ...any) (any, error) {
	items, err := toItems(v)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = property(item, toText(a[0]))
	}
	return newList(out), nil
}

// where keeps the items whose property equals a value, or is true where no value
// is given.
func where(v any, a ...any) (any, error) {
	items, err := toItems(v)
	if err != nil {
		return nil, err
	}
	var out []any
	for _, item := range items {
		p := property(item, toText(a[0]))
		if len(a) > 1 && values.Equal(p, a[1]) || len(a) == 1 && p != nil && p != false {
			out = append(out, item)
		}
	}
	return newList(out), nil
}

func compact(items []any) []any {
	var out []any
	for _, item := range items {
		if values.ValueOf(item).Interface() != nil {
			out = append(out, item)
		}
	}
	return out
}

func concat(v any, a ...any) (any, error) {
	items, err := toItems(v)
	if err != nil {
		return nil, err
	}
	more, err := toItems(a[0])
	if err != nil {
		return nil, err
	}
	if len(items)+len(more) > maxList {
		return nil, errList
	}
	out := make([]any, 0, len(items)+len(more))
	return newList(append(append(out, items...), more...)), nil
}

func reversed(items []any) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[len(items)-1-i] = item
	}
	return out
}

func uniq(items []any) []any {
	var out []any
	seen := make(map[any]bool, len(items))
	for _, item := range items {
		// Every type a list can hold is comparable; lists in lists are by identity.
		if !seen[item] {
			seen[item] = true
			out = append(out, item)
		}
	}
	return out
}

func sortItems(v any, a args, compare func(a, b any) int) (any, error) {
	items, err := toItems(v)
	if err != nil {
		return nil, err
	}
	out := append([]any(nil), items...)
	key := func(item any) any { return values.ValueOf(item).Interface() }
	if len(a) > 0 {
		by := toText(a[0])
		key = func(item any) any { return property(item, by) }
	}
	sort.SliceStable(out, func(i, j int) bool { return compare(key(out[i]), key(out[j])) < 0 })
	return newList(out), nil
}

// compare puts numbers by size, texts by letters, and what is absent last.
func compare(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	if isNumber(a) && isNumber(b) {
		switch x, y := toFloat(a), toFloat(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(toText(a), toText(b))
}

func compareFolded(a, b any) int {
	if a == nil || b == nil || isNumber(a) && isNumber(b) {
		return compare(a, b)
	}
	return strings.Compare(strings.ToLower(toText(a)), strings.ToLower(toText(b)))
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, float64:
		return true
	}
	return false
}
