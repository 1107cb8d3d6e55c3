package templates

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/osteele/liquid/values"
)

// toText is how a value prints. A captured piece of HTML gives its text.
func toText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case values.SafeValue:
		return unescape(toText(v.Value))
	case values.Value:
		if i := v.Interface(); i == nil {
			return ""
		}
		return fmt.Sprint(v)
	default:
		return fmt.Sprint(v)
	}
}

// toInt is v as a whole number; ok is false where it is none.
func toInt(v any) (n int, ok bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v), true
		}
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(v))
		return n, err == nil
	}
	return 0, false
}

// toFloat is v as a number, and 0 where it is none.
func toFloat(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return 0
		}
		return f
	}
	return 0
}

// toItems is v as a list. A single value is a list of one.
func toItems(v any) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case list:
		return *v.items, nil
	case attributes:
		return v.pairs(), nil
	case values.Range:
		// A range is two numbers until it is gone through; then it can be any size.
		if n := v.Len(); n > maxList {
			return nil, fmt.Errorf("a range of %d numbers is larger than %d", n, maxList)
		}
		out := make([]any, 0, max(v.Len(), 0))
		for i := range max(v.Len(), 0) {
			out = append(out, v.Index(i))
		}
		return out, nil
	default:
		return []any{v}, nil
	}
}
