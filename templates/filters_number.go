package templates

import (
	"errors"
	"math"
)

func onNumber(fn func(float64) float64) filterFn {
	return func(v any, _ ...any) (any, error) { return number(fn(toFloat(v))), nil }
}

func onNumbers(fn func(a, b float64) float64) filterFn {
	return func(v any, a ...any) (any, error) {
		_, whole := v.(int)
		_, wholeToo := a[0].(int)
		n := fn(toFloat(v), toFloat(a[0]))
		if whole && wholeToo && math.Abs(n) < 1<<53 {
			return int(n), nil
		}
		return number(n), nil
	}
}

// number rounds what binary arithmetic left over (12.9 times 3 is 38.7, not
// 38.699999999999996), and makes whole numbers whole.
func number(f float64) any {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return 0
	case math.Abs(f) < 1e9:
		f = math.Round(f*1e6) / 1e6
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int(f)
	}
	return f
}

func round(v any, a ...any) (any, error) {
	places, _ := toInt(arg(a, 0))
	places = min(max(places, 0), 6)
	pow := math.Pow10(places)
	return number(math.Round(toFloat(v)*pow) / pow), nil
}

var errZero = errors.New("division by zero")

// dividedBy cuts off what is left over where both numbers are whole, as Liquid does.
func dividedBy(v any, a ...any) (any, error) {
	by := toFloat(a[0])
	if by == 0 {
		return nil, errZero
	}
	_, whole := v.(int)
	_, wholeToo := a[0].(int)
	if whole && wholeToo {
		return int(math.Floor(toFloat(v) / by)), nil
	}
	return number(toFloat(v) / by), nil
}

func modulo(v any, a ...any) (any, error) {
	by := toFloat(a[0])
	if by == 0 {
		return nil, errZero
	}
	return number(math.Mod(toFloat(v), by)), nil
}
