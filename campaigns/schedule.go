package campaigns

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known in a container without /usr/share/zoneinfo

	"github.com/robfig/cron/v3"

	"posthorn/internal/fault"
)

// Schedule says when a campaign runs: once at a time, or at every tick of a cron
// spec in a time zone. Exactly one of At and Cron is set.
type Schedule struct {
	At       *time.Time `json:"at,omitempty"`
	Cron     string     `json:"cron,omitempty"`     // five fields: minute hour day-of-month month day-of-week, or @daily and the like
	Timezone string     `json:"timezone,omitempty"` // IANA name; "" means UTC
}

// Tick is one moment at which a schedule is due. Its key is the local civil time,
// so that the hour which autumn repeats gives one tick, not two.
type Tick struct {
	At  time.Time
	Key string
}

const civilLayout = "2006-01-02T15:04"

// validate checks a schedule and writes out the zone that it is read in; fields are
// named under "schedule".
func (s *Schedule) validate(now time.Time) error {
	switch {
	case s == nil:
		return nil
	case s.At != nil && s.Cron != "":
		return fault.Invalidf("schedule", "has both at and cron; give one of them")
	case s.At == nil && s.Cron == "":
		return fault.Invalidf("schedule", "has neither at nor cron; leave schedule out to send at start")
	case s.At != nil && s.Timezone != "":
		return fault.Invalidf("schedule.timezone", "goes with cron only; at carries its own offset")
	}
	if s.Cron == "" {
		at := s.At.UTC().Truncate(time.Microsecond) // as Postgres keeps it
		s.At = &at
		return nil
	}
	if s.Timezone == "" {
		s.Timezone = "UTC"
	}
	_, err := NextTick(s.Cron, s.Timezone, now) // also refuses what never comes due
	return err
}

// NextTick returns the first tick of a cron spec that lies after the given
// moment. A civil time that spring skips is due at the first valid instant after
// the gap; one that autumn repeats is due at its first occurrence only.
func NextTick(spec, zone string, after time.Time) (Tick, error) {
	schedule, err := parseCron(spec)
	if err != nil {
		return Tick{}, err
	}
	loc, err := loadZone(zone)
	if err != nil {
		return Tick{}, err
	}
	// The spec is evaluated on the civil calendar, for which UTC stands in: it has no gaps and no
	// repeats. Beginning a day early catches civil times that map to an instant after `after`
	// although their clock reading lies before it (the repeated hour, the gap).
	local := after.In(loc)
	civil := asCivil(local).Add(-24 * time.Hour)
	for range 100_000 {
		civil = schedule.Next(civil)
		if civil.IsZero() {
			break
		}
		if at := firstInstant(civil, loc); at.After(after) {
			return Tick{At: at.UTC(), Key: civil.Format(civilLayout)}, nil
		}
	}
	return Tick{}, fault.Invalidf("schedule.cron", "%q never comes due", spec)
}

// asCivil keeps a time's clock reading and drops its zone.
func asCivil(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// firstInstant returns the first moment at which clocks in loc show the civil
// time, or, where they jump over it, the moment of the jump.
func firstInstant(civil time.Time, loc *time.Location) time.Time {
	t := time.Date(civil.Year(), civil.Month(), civil.Day(), civil.Hour(), civil.Minute(), 0, 0, loc)
	if got := asCivil(t); !got.Equal(civil) { // in a gap: time.Date moved it to one side of the jump
		start, end := t.ZoneBounds()
		if got.After(civil) {
			return start
		}
		return end
	}
	start, _ := t.ZoneBounds()
	if start.IsZero() {
		return t
	}
	// In the first hours of a zone's period the same reading may have occurred under the offset before it.
	_, before := start.Add(-time.Second).Zone()
	if earlier := civil.Add(-time.Duration(before) * time.Second); earlier.Before(start) && earlier.Before(t) {
		return earlier.In(loc)
	}
	return t
}

func parseCron(spec string) (schedule cron.Schedule, err error) {
	if strings.Contains(strings.ToUpper(spec), "TZ=") {
		return nil, fault.Invalidf("schedule.cron", "must not contain TZ=; give the zone as schedule.timezone")
	}
	if strings.HasPrefix(strings.TrimSpace(spec), "@every") {
		return nil, fault.Invalidf("schedule.cron", "@every has no fixed times; use minute and hour fields, such as */30 * * * *")
	}
	defer func() { // the parser is not free of panics
		if r := recover(); r != nil {
			schedule, err = nil, fault.Invalidf("schedule.cron", "%q cannot be read", spec)
		}
	}()
	schedule, err = cron.ParseStandard(spec)
	if err != nil {
		return nil, fault.Invalidf("schedule.cron", "%q cannot be read: %v; expected five fields (minute hour day-of-month month day-of-week), such as 30 9 * * 1", spec, err)
	}
	return schedule, nil
}

func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if name == "Local" || strings.ContainsAny(name, "\\\x00") {
		return nil, fault.Invalidf("schedule.timezone", "%q is not an IANA time zone, such as Europe/Berlin", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fault.Invalidf("schedule.timezone", "%q is not an IANA time zone, such as Europe/Berlin", name)
	}
	return loc, nil
}

// missedAfter is how late a tick of a cron schedule may still run. A newsletter
// that is a day late because the machine was off is not what its author meant.
const missedAfter = time.Hour

// due decides what a scheduled campaign does now: run the tick (true), or let it
// pass and wait for the one after now (false). A campaign planned for one time
// runs however late it is: it has no other chance.
func (s Schedule) due(now time.Time, dueAt time.Time) bool {
	return s.Cron == "" || now.Sub(dueAt) < missedAfter
}

// String describes the schedule for messages and logs.
func (s Schedule) String() string {
	if s.At != nil {
		return "at " + s.At.UTC().Format(time.RFC3339)
	}
	zone := s.Timezone
	if zone == "" {
		zone = "UTC"
	}
	return fmt.Sprintf("%s in %s", s.Cron, zone)
}
