package check

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones are known on every machine

	"posthorn/internal/fault"
)

// zones remembers the names that are good: reading one costs a file.
var zones sync.Map

// Zone returns the IANA name of a time zone, or "" where none is given.
func Zone(wrong *fault.List, field, name string) string {
	s := strings.TrimSpace(name)
	if _, known := zones.Load(s); s == "" || known {
		return s
	}
	if _, err := time.LoadLocation(s); err != nil || s == "Local" || len(s) > 64 {
		wrong.Add(field, "is not a time zone such as Europe/Berlin (IANA name)")
		return s
	}
	s = strings.Clone(s)
	zones.Store(s, nil)
	return s
}
