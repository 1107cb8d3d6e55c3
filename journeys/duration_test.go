package journeys

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	t.Parallel()
	from := time.Date(2024, 2, 28, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"P14D": "2024-03-13T12:00:00Z", "PT30M": "2024-02-28T12:30:00Z", "P1M2DT3H": "2024-03-30T15:00:00Z", "P2W": "2024-03-13T12:00:00Z",
		"P1Y": "2025-02-28T12:00:00Z", "P5Y": "2029-02-28T12:00:00Z", "P60M": "2029-02-28T12:00:00Z", "PT0.5S": "2024-02-28T12:00:00.5Z",
		"-P3D": "", "P5Y1D": "", "P61M": "", "P1.5D": "", "14 days": "", "P": "", "": "", "P1e9Y": "", "P99999999999Y": "",
	} {
		d, err := ParseDuration(in)
		switch {
		case (err == nil) != (want != ""):
			t.Errorf("%q: %v, want %q", in, err, want)
		case err == nil && d.After(from).Format(time.RFC3339Nano) != want:
			t.Errorf("%q: %s, want %s", in, d.After(from).Format(time.RFC3339Nano), want)
		}
	}
}
