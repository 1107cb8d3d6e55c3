package segments

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// decimal is an exact decimal number, so that Go compares as Postgres' numeric
// does: 0.1 as a float64 is not 0.1. It is 0.DIGITS times ten to the power of exp;
// zero has no digits. Its size does not grow with its exponent.
type decimal struct {
	negative bool
	digits   string // without zeros at either end
	exp      int
}

// maxExponent is beyond what numeric can hold (131,072 digits before the point).
const maxExponent = 1_000_000

// parseDecimal reads an optional sign, digits, a point with digits, an exponent.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative, s = s[0] == '-', s[1:]
	}
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent < -maxExponent || exponent > maxExponent {
			return decimal{}, false
		}
		mantissa = s[:i]
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if whole == "" || hasPoint && fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return decimal{}, false
	}
	d.exp = len(whole) + exponent
	d.digits = strings.TrimRight(whole+fraction, "0")
	trimmed := strings.TrimLeft(d.digits, "0")
	d.exp -= len(d.digits) - len(trimmed)
	d.digits = trimmed
	if d.digits == "" {
		return decimal{}, true
	}
	return d, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// decimalOf returns the decimal that a decoded JSON number stands for.
func decimalOf(v any) (decimal, bool) {
	switch v := v.(type) {
	case json.Number:
		return parseDecimal(v.String())
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return decimal{}, false
		}
		return parseDecimal(strconv.FormatFloat(v, 'g', -1, 64))
	case int:
		return parseDecimal(strconv.Itoa(v))
	case int64:
		return parseDecimal(strconv.FormatInt(v, 10))
	default:
		return decimal{}, false
	}
}

func (d decimal) cmp(other decimal) int {
	switch {
	case d.sign() != other.sign():
		return cmp.Compare(d.sign(), other.sign())
	case d.exp != other.exp:
		return cmp.Compare(d.exp, other.exp) * d.sign()
	default:
		return strings.Compare(d.digits, other.digits) * d.sign()
	}
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	default:
		return 1
	}
}

// small says whether d has at most 30 digits before the point and 30 after it: what
// a rule may compare with, and what a text must look like to count as a number.
func (d decimal) small() bool {
	return d.exp <= 30 && len(d.digits)-d.exp <= 30
}

// whole returns d where it is a whole number that fits.
func (d decimal) whole() (int64, bool) {
	if d.digits == "" {
		return 0, true
	}
	if d.exp < len(d.digits) || d.exp > 18 {
		return 0, false
	}
	n, err := strconv.ParseInt(d.String(), 10, 64)
	return n, err == nil
}

// String is the number without an exponent. It is for small numbers.
func (d decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	s := ""
	switch {
	case d.exp <= 0:
		s = "0." + strings.Repeat("0", -d.exp) + d.digits
	case d.exp >= len(d.digits):
		s = d.digits + strings.Repeat("0", d.exp-len(d.digits))
	default:
		s = d.digits[:d.exp] + "." + d.digits[d.exp:]
	}
	if d.negative {
		s = "-" + s
	}
	return s
}
