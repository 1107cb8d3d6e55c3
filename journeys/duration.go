package journeys

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	iso "github.com/sosodev/duration"
)

// Duration is an ISO 8601 duration such as P14D, PT30M or P1M2DT3H. Days, weeks,
// months and years are those of the calendar, in UTC: P1D is the same time next day.
type Duration struct {
	d    iso.Duration
	text string // as written
}

// longest bounds every wait: what is further away than five years is a mistake.
const longest = 5 * 366 * 24 * time.Hour

// ParseDuration reads a duration that is not negative, and at most five years.
func ParseDuration(s string) (Duration, error) {
	d, err := parseSigned(s)
	if err != nil {
		return Duration{}, err
	}
	if d.d.Negative {
		return Duration{}, fmt.Errorf("%q is negative", s)
	}
	return d, nil
}

// parseSigned also reads -P3D.
func parseSigned(s string) (Duration, error) {
	p, err := iso.Parse(s)
	if err != nil || len(s) > 50 || !strings.ContainsAny(s, "0123456789") {
		return Duration{}, fmt.Errorf("%.50q is not an ISO 8601 duration such as P14D (14 days), PT30M (30 minutes) or P1M (a month)", s)
	}
	for unit, n := range map[string]float64{"years": p.Years, "months": p.Months, "weeks": p.Weeks, "days": p.Days} {
		if n != math.Trunc(n) {
			return Duration{}, fmt.Errorf("%q has a fraction of %s; write it in smaller units", s, unit)
		}
	}
	for _, n := range []float64{p.Years, p.Months, p.Weeks, p.Days, p.Hours, p.Minutes, p.Seconds} {
		if n < 0 || n > 1e9 {
			return Duration{}, fmt.Errorf("%q is out of range", s)
		}
	}
	d := Duration{d: *p, text: s}
	if d.rough() > longest {
		return Duration{}, fmt.Errorf("%q is longer than 5 years", s)
	}
	return d, nil
}

// rough is about how long it is: months of 30.5 and years of 366 days.
func (d Duration) rough() time.Duration {
	days := 366*d.d.Years + 30.5*d.d.Months + 7*d.d.Weeks + d.d.Days
	hours := 24*days + d.d.Hours + d.d.Minutes/60 + d.d.Seconds/3600
	if hours > 24*366*100 {
		return math.MaxInt64
	}
	return time.Duration(hours * float64(time.Hour))
}

// IsZero reports whether it is no time at all, or was not given.
func (d Duration) IsZero() bool { return d.rough() == 0 }

// After is the moment so long after t; before it, where the duration is negative.
func (d Duration) After(t time.Time) time.Time {
	sign := 1
	if d.d.Negative {
		sign = -1
	}
	t = t.UTC().AddDate(sign*int(d.d.Years), sign*int(d.d.Months), sign*int(7*d.d.Weeks+d.d.Days))
	clock := d.d.Hours*float64(time.Hour) + d.d.Minutes*float64(time.Minute) + d.d.Seconds*float64(time.Second)
	return t.Add(time.Duration(sign) * time.Duration(clock)).Truncate(time.Microsecond)
}

func (d Duration) String() string { return d.text }

// MarshalJSON writes it as it was written.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.text) }
