package clock

import (
	"time"
	_ "time/tzdata" // zones are known on every machine
)

// Zone is a contact's time zone by its IANA name, or fallback where none is given
// or it is not one (any more).
func Zone(name string, fallback *time.Location) *time.Location {
	if name == "" {
		return fallback
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return fallback
	}
	return zone
}
