package campaigns

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"posthorn/internal/fault"
)

func TestNextTickAcrossClockChanges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, spec, zone, after string
		want                    []string // instants in UTC, in order
	}{
		{"plain", "30 9 * * *", "Europe/Berlin", "2026-06-01T00:00:00Z", []string{"2026-06-01T07:30:00Z", "2026-06-02T07:30:00Z"}},
		{"spring skips 02:30: runs at 03:00 summer time, once", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"autumn repeats 02:30: first time only", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"New York, spring", "30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
		{"New York, autumn", "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"half-hour zone (Lord Howe) in autumn", "45 1 * * *", "Australia/Lord_Howe", "2026-04-03T16:00:00Z", []string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		{"quarter hours in the gap run once, at the jump", "*/15 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
		{"no zone is UTC", "0 0 * * *", "", "2026-03-29T00:00:00Z", []string{"2026-03-30T00:00:00Z"}},
		{"leap day", "0 12 29 2 *", "UTC", "2026-01-01T00:00:00Z", []string{"2028-02-29T12:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			after, _ := time.Parse(time.RFC3339, tt.after)
			for _, want := range tt.want {
				tick, err := NextTick(tt.spec, tt.zone, after)
				if err != nil {
					t.Fatal(err)
				}
				if got := tick.At.Format(time.RFC3339); got != want {
					t.Fatalf("after %s: got %s (%s), want %s", after, got, tick.Key, want)
				}
				after = tick.At
			}
		})
	}
}

func TestTicksAreStrictlyLaterAndNeverShareACivilTime(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Casablanca"}
	specs := []string{"*/20 * * * *", "30 2 * * *", "0 1 * * 0", "15 0-4 * * *", "59 23 * * *"}
	rapid.Check(t, func(t *rapid.T) {
		zone, spec := rapid.SampledFrom(zones).Draw(t, "zone"), rapid.SampledFrom(specs).Draw(t, "spec")
		at := time.Unix(rapid.Int64Range(1_500_000_000, 2_000_000_000).Draw(t, "from"), 0)
		seen := map[string]bool{}
		for range 60 {
			tick, err := NextTick(spec, zone, at)
			if err != nil {
				t.Fatal(err)
			}
			if !tick.At.After(at) || seen[tick.Key] {
				t.Fatalf("%s in %s: tick %s at %s after %s", spec, zone, tick.Key, tick.At, at)
			}
			seen[tick.Key], at = true, tick.At
		}
	})
}

func TestBadSchedulesNameTheirField(t *testing.T) {
	t.Parallel()
	at := time.Now()
	tests := map[string]struct {
		s     Schedule
		field string
	}{
		"zone in the spec":       {Schedule{Cron: "TZ=UTC"}, "schedule.cron"},
		"zone in the spec, full": {Schedule{Cron: "CRON_TZ=Europe/Berlin 0 9 * * *"}, "schedule.cron"},
		"lower case":             {Schedule{Cron: "tz=x 0 9 * * *"}, "schedule.cron"},
		"six fields":             {Schedule{Cron: "0 0 9 * * *"}, "schedule.cron"},
		"every":                  {Schedule{Cron: "@every 1h"}, "schedule.cron"},
		"never":                  {Schedule{Cron: "0 9 30 2 *"}, "schedule.cron"},
		"garbage":                {Schedule{Cron: "every monday"}, "schedule.cron"},
		"out of range":           {Schedule{Cron: "99 9 * * *"}, "schedule.cron"},
		"unknown zone":           {Schedule{Cron: "0 9 * * *", Timezone: "Europe/Atlantis"}, "schedule.timezone"},
		"local zone":             {Schedule{Cron: "0 9 * * *", Timezone: "Local"}, "schedule.timezone"},
		"path as zone":           {Schedule{Cron: "0 9 * * *", Timezone: "../../etc/passwd"}, "schedule.timezone"},
		"both":                   {Schedule{At: &at, Cron: "0 9 * * *"}, "schedule"},
		"neither":                {Schedule{Timezone: "UTC"}, "schedule"},
	}
	for name, tt := range tests {
		var inv *fault.Invalid
		if err := tt.s.validate(at); !errors.As(err, &inv) || inv.Field != tt.field {
			t.Errorf("%s: validate() = %v, want field %s", name, err, tt.field)
		}
	}
	if _, err := NextTick("0 0 30 2 *", "UTC", at); err == nil {
		t.Error("30 February came due")
	}
}

func FuzzParseCron(f *testing.F) {
	for _, s := range []string{"0 9 * * 1", "TZ=UTC", "@daily", "*/0 * * * *", "1-0 * * * *", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		_, _ = NextTick(spec, "Europe/Berlin", time.Unix(1_800_000_000, 0))
	})
}
