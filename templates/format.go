package templates

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	standard "github.com/osteele/liquid/filters"
)

// money writes an amount with its currency: 1234.5 and "EUR" is €1,234.50. A
// language puts it as is usual there: with "de" it is 1.234,50 €.
//
//	{{ last_order.total | money: last_order.currency, contact.language }}
func money(v any, a ...any) (any, error) {
	if v == nil || v == "" {
		return "", nil
	}
	currency := strings.ToUpper(strings.TrimSpace(toText(arg(a, 0))))
	language, _, _ := strings.Cut(strings.ToLower(toText(arg(a, 1))), "-")
	language, _, _ = strings.Cut(language, "_")
	style, known := moneyStyles[language]
	if !known {
		style = moneyStyle{".", ",", false}
	}
	places := 2
	switch currency {
	case "JPY", "KRW", "ISK", "HUF", "CLP", "VND", "PYG", "UGX", "XAF", "XOF":
		places = 0
	}
	amount := toFloat(v)
	digits := grouped(strconv.FormatFloat(math.Abs(roundHalfUp(amount, places)), 'f', places, 64), style)
	sign := ""
	if amount < 0 && strings.Trim(digits, "0.,\u00a0") != "" {
		sign = "-"
	}
	symbol, short := symbols[currency]
	switch {
	case currency == "":
		return sign + digits, nil
	case !short:
		return sign + digits + "\u00a0" + currency, nil
	case style.after:
		return sign + digits + "\u00a0" + symbol, nil
	default:
		return sign + symbol + digits, nil
	}
}

// roundHalfUp rounds a decimal amount as a person would: 1.005 is a little less in
// binary, and still becomes 1.01.
func roundHalfUp(f float64, places int) float64 {
	pow := math.Pow10(places)
	return math.Round(math.Round(f*pow*1e4)/1e4) / pow
}

type moneyStyle struct {
	decimal, group string
	after          bool // the symbol comes behind the number
}

var (
	symbols = map[string]string{
		"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CNY": "¥", "INR": "₹", "KRW": "₩", "ILS": "₪", "UAH": "₴",
		"TRY": "₺", "VND": "₫", "BRL": "R$", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$", "MXN": "MX$", "HKD": "HK$", "PLN": "zł", "CZK": "Kč",
	}
	dotStyle   = moneyStyle{",", ".", true}
	spaceStyle = moneyStyle{",", "\u00a0", true}
	// Languages not listed write as English does.
	moneyStyles = map[string]moneyStyle{
		"de": dotStyle, "es": dotStyle, "it": dotStyle, "da": dotStyle, "el": dotStyle, "id": dotStyle, "is": dotStyle,
		"ro": dotStyle, "sl": dotStyle, "hr": dotStyle, "vi": dotStyle,
		"fr": spaceStyle, "sv": spaceStyle, "nb": spaceStyle, "no": spaceStyle, "nn": spaceStyle, "fi": spaceStyle,
		"pl": spaceStyle, "cs": spaceStyle, "sk": spaceStyle, "hu": spaceStyle, "ru": spaceStyle, "uk": spaceStyle,
		"bg": spaceStyle, "et": spaceStyle, "lv": spaceStyle, "lt": spaceStyle,
		"nl": {",", ".", false}, "pt": {",", ".", false}, "tr": {",", ".", false},
	}
)

// grouped puts separators into a number written with a point.
func grouped(s string, style moneyStyle) string {
	whole, fraction, _ := strings.Cut(s, ".")
	var b strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(style.group)
		}
		b.WriteRune(c)
	}
	if fraction != "" {
		b.WriteString(style.decimal)
		b.WriteString(fraction)
	}
	return b.String()
}

// strftime is the library's, which is not exported otherwise.
var strftime = func() func(time.Time, func(string) string) (string, error) {
	var c collector
	standard.AddStandardFilters(&c)
	return c.date
}()

type collector struct {
	date func(time.Time, func(string) string) (string, error)
}

func (c *collector) AddFilter(name string, fn any) {
	if name == "date" {
		c.date = fn.(func(time.Time, func(string) string) (string, error))
	}
}

const maxFormat = 100

// A width in a format ("%9999999Y") is filled up with zeros.
var wideFormat = regexp.MustCompile(`%[-_0^#:]*[1-9][0-9]+`)

var errFormat = errors.New(`the format of date is too long, or asks for a width of more than one digit`)

// date writes a time by a strftime format, in UTC or the zone given. What is not a
// time stays as it is.
//
//	{{ last_order.placed_at | date: "%-d %B %Y", contact.timezone }}
func date(v any, a ...any) (any, error) {
	t, ok := toTime(v)
	if !ok {
		return v, nil
	}
	format := toText(a[0])
	if len(format) > maxFormat || wideFormat.MatchString(format) {
		return nil, errFormat
	}
	if zone := toText(arg(a, 1)); zone != "" && zone != "Local" {
		if location, err := time.LoadLocation(zone); err == nil {
			t = t.In(location)
		}
	}
	return strftime(t, func(string) string { return format })
}

var timeLayouts = []string{time.RFC3339, "2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02T15:04:05", "2006-01-02 15:04"}

// toTime reads a time: as text, the word now, or seconds since 1970.
func toTime(v any) (time.Time, bool) {
	switch v := v.(type) {
	case int:
		return time.Unix(int64(v), 0).UTC(), true
	case string:
		if v == "now" || v == "today" {
			return time.Now().UTC(), true
		}
		for _, layout := range timeLayouts {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC(), true
			}
		}
	}
	return time.Time{}, false
}
