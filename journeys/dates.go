package journeys

import (
	"fmt"
	"time"

	"posthorn/internal/clock"
	"posthorn/segments"
)

// day reads the date in an attribute: "1984-05-17", "--05-17" (a day of every year)
// or a time. ok is false for anything else.
func day(v any) (year int, month time.Month, dom int, ok bool) {
	s, isText := v.(string)
	if !isText {
		return 0, 0, 0, false
	}
	if len(s) == len("--05-17") && s[:2] == "--" {
		t, err := time.Parse(time.DateOnly, "2000"+s[1:]) // a leap year
		return 0, t.Month(), t.Day(), err == nil
	}
	if len(s) < len(time.DateOnly) {
		return 0, 0, 0, false
	}
	t, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)])
	return t.Year(), t.Month(), t.Day(), err == nil
}

// moments are the times in [from, to) at which the contact's date comes, in the
// contact's zone. A 29th of February comes on the 1st of March where there is none.
func (t Trigger) moments(f segments.Facts, from, to time.Time, fallback *time.Location) []time.Time {
	year, month, dom, ok := day(f.Attributes[t.Attribute])
	if !ok {
		return nil
	}
	zone := clock.Zone(f.Timezone, fallback)
	var out []time.Time
	try := func(year int) {
		date := time.Date(year, month, dom, 0, 0, 0, 0, time.UTC)
		moved := t.Offset.After(date)
		at := t.at.on(time.Date(moved.Year(), moved.Month(), moved.Day(), 0, 0, 0, 0, zone)).UTC()
		if !at.Before(from) && at.Before(to) {
			out = append(out, at)
		}
	}
	if !t.Yearly {
		if year > 0 {
			try(year)
		}
		return out
	}
	for y := from.Year() - 6; y <= to.Year()+6; y++ { // an offset is at most five years
		try(y)
	}
	return out
}

// days are the dates, as MM-DD or YYYY-MM-DD, that an attribute can have whose
// moment is in [from, to): more than there are, which moments sorts out.
func (t Trigger) days(from, to time.Time) []string {
	back := t.Offset.rough()
	if t.Offset.d.Negative {
		back = -back
	}
	const about = 5 * 24 * time.Hour // months that are shorter or longer, zones
	var out []string
	for d := from.Add(-back - about); d.Before(to.Add(-back + about)); d = d.AddDate(0, 0, 1) {
		if !t.Yearly {
			out = append(out, d.UTC().Format(time.DateOnly))
			continue
		}
		out = append(out, d.UTC().Format("01-02"))
		if d.UTC().Month() == time.February && d.UTC().Day() == 28 {
			out = append(out, fmt.Sprintf("%02d-%02d", time.February, 29))
		}
	}
	return out
}
