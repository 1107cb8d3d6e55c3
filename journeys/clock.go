package journeys

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// clockTime is a time of day; the zero value was not given.
type clockTime struct {
	hour, minute int
	given        bool
}

func parseClock(s string) (clockTime, error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return clockTime{}, fmt.Errorf("%.20q is not a time of day such as 09:00", s)
	}
	return clockTime{t.Hour(), t.Minute(), true}, nil
}

// on is this time of day on the day of t, in t's zone. A time that a change of
// the clocks skips is taken by the offset before it, as time.Date does.
func (c clockTime) on(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), c.hour, c.minute, 0, 0, t.Location())
}

// weekdays are those allowed; the zero value allows all.
type weekdays [7]bool

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func parseDays(names []string) (weekdays, error) {
	var out weekdays
	for _, name := range names {
		day := slices.Index(dayNames, strings.ToLower(name))
		if day < 0 {
			return out, fmt.Errorf("%.20q is not one of mon, tue, wed, thu, fri, sat, sun", name)
		}
		out[day] = true
	}
	return out, nil
}

func (w weekdays) allows(day time.Weekday) bool { return w == weekdays{} || w[day] }

// next is the first moment, not before t, at this time of day on an allowed day,
// as clocks show in zone. Without a time of day it is t itself where its day is
// allowed, else the next allowed day's beginning.
func next(t time.Time, zone *time.Location, at clockTime, days weekdays) time.Time {
	local := t.In(zone)
	for n := range 15 { // a week, and what DST may take from it
		day := time.Date(local.Year(), local.Month(), local.Day()+n, 0, 0, 0, 0, zone)
		if !days.allows(day.Weekday()) {
			continue
		}
		moment := day
		switch {
		case at.given:
			moment = at.on(day)
		case n == 0:
			return t
		}
		if !moment.Before(t) {
			return moment.UTC()
		}
	}
	return t // not reached: some day of a week is allowed
}
