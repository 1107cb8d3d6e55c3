package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// Amount is a sum of money without its currency, in ten-thousandths of the
// currency's main unit: 2.55 is 25500. It is exact; nothing is ever rounded.
// Outside the program it is a decimal number: in JSON 2.55 (a string "2.55" is
// read as well), in Postgres numeric(18,4).
type Amount int64

const (
	amountDecimals = 4
	amountUnit     = 10_000
	// maxAmount is what numeric(18,4) holds: 99,999,999,999,999.9999.
	maxAmount Amount = 1e18 - 1
)

var (
	errAmountSyntax   = errors.New("is not a decimal number such as 2.55")
	errAmountDecimals = errors.New("has more than 4 decimal places")
	errAmountRange    = errors.New("is larger than 99999999999999.9999")
)

// ParseAmount reads a decimal number: an optional sign, digits, and a point where
// there are decimals; an exponent is read too, because JSON has it. It refuses
// digit groups, decimal commas, currency signs, more than four decimal places
// that are not zero, and numbers of more than 14 digits before the point. The
// error says what is wrong and reads well after the name of a field.
func ParseAmount(s string) (Amount, error) {
	digits, negative := s, false
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		negative = digits[0] == '-'
		digits = digits[1:]
	}
	mantissa, exponent := digits, 0
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		var err error
		// Three digits are far more than any amount needs; they keep the sum below from overflowing.
		if exponent, err = strconv.Atoi(digits[i+1:]); err != nil || len(digits)-i-1 > 4 {
			return 0, errAmountSyntax
		}
		mantissa = digits[:i]
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if whole == "" && fraction == "" || hasPoint && fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return 0, errAmountSyntax
	}
	// The value is (whole fraction) as an integer, times ten to the power of shift ten-thousandths.
	number := strings.TrimLeft(whole+fraction, "0")
	shift := exponent - len(fraction) + amountDecimals
	if number == "" {
		return 0, nil
	}
	for shift < 0 {
		if number == "" || number[len(number)-1] != '0' {
			return 0, errAmountDecimals
		}
		number = number[:len(number)-1]
		shift++
	}
	if len(number)+shift > 18 {
		return 0, errAmountRange
	}
	n, err := strconv.ParseInt(number+strings.Repeat("0", shift), 10, 64)
	if err != nil {
		return 0, errAmountSyntax
	}
	if negative {
		n = -n
	}
	return Amount(n), nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// String is the shortest exact decimal form: "2.55", "-0.5", "100".
func (a Amount) String() string {
	n := uint64(a)
	sign := ""
	if a < 0 {
		n, sign = -n, "-"
	}
	s := sign + strconv.FormatUint(n/amountUnit, 10)
	if rest := n % amountUnit; rest != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%04d", rest), "0")
	}
	return s
}

// Float is the nearest float64, for statistics and templates, not for sums.
func (a Amount) Float() float64 { return float64(a) / amountUnit }

// times is quantity * a; ok is false where that is no amount any more.
func (a Amount) times(quantity int) (product Amount, ok bool) {
	if a == 0 || quantity == 0 {
		return 0, true
	}
	product = a * Amount(quantity)
	return product, product/Amount(quantity) == a && product.valid()
}

func (a Amount) valid() bool { return -maxAmount <= a && a <= maxAmount }

// MarshalJSON writes a number.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads a number or a string that holds one. null leaves the amount as it is.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	text := string(data)
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	parsed, err := ParseAmount(strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("amount %w", err)
	}
	*a = parsed
	return nil
}

// ScanNumeric lets pgx scan a numeric.
func (a *Amount) ScanNumeric(v pgtype.Numeric) error {
	if !v.Valid || v.NaN || v.InfinityModifier != pgtype.Finite {
		return fmt.Errorf("catalog: cannot scan %+v into an amount", v)
	}
	if v.Exp == -amountDecimals && v.Int.IsInt64() { // what a numeric(18,4) mostly is
		*a = Amount(v.Int.Int64())
		return nil
	}
	n := new(big.Int).Set(v.Int)
	if shift := int64(v.Exp) + amountDecimals; shift >= 0 {
		if shift > 18 && n.Sign() != 0 {
			return errAmountRange
		}
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(shift), nil))
	} else {
		rest := new(big.Int)
		n.QuoRem(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(-shift), nil), rest)
		if rest.Sign() != 0 {
			return errAmountDecimals
		}
	}
	if !n.IsInt64() || !Amount(n.Int64()).valid() {
		return errAmountRange
	}
	*a = Amount(n.Int64())
	return nil
}

// NumericValue lets pgx write a numeric.
func (a Amount) NumericValue() (pgtype.Numeric, error) {
	return pgtype.Numeric{Int: big.NewInt(int64(a)), Exp: -amountDecimals, Valid: true}, nil
}
