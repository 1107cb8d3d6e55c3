package messages

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/pgtest"
)

func TestQuietHoursEndAsTheContactsClockShows(t *testing.T) {
	t.Parallel()
	night, lunch, early := QuietHours{"22:00", "08:00"}, QuietHours{"12:00", "13:30"}, QuietHours{"22:00", "02:30"}
	for _, c := range []struct {
		name, zone string
		quiet      QuietHours
		now, want  string // want "": not quiet
	}{
		{"by day", "Europe/Berlin", night, "2026-05-01T10:00:00Z", ""},
		{"before midnight", "Europe/Berlin", night, "2026-05-01T20:30:15Z", "2026-05-02T06:00:00Z"},
		{"after midnight", "Europe/Berlin", night, "2026-05-02T01:00:00Z", "2026-05-02T06:00:00Z"},
		{"at the beginning", "Europe/Berlin", night, "2026-05-01T20:00:00Z", "2026-05-02T06:00:00Z"},
		{"just before", "Europe/Berlin", night, "2026-05-01T19:59:59.999999Z", ""},
		{"at the end", "Europe/Berlin", night, "2026-05-02T06:00:00Z", ""},
		{"the same moment elsewhere", "America/Los_Angeles", night, "2026-05-02T01:00:00Z", ""},
		{"on a day that is another there", "Pacific/Auckland", night, "2026-05-01T11:00:00Z", "2026-05-01T20:00:00Z"},
		{"a zone of half an hour", "Asia/Kolkata", night, "2026-05-01T17:00:00Z", "2026-05-02T02:30:00Z"},
		{"within one day", "UTC", lunch, "2026-05-01T12:10:00Z", "2026-05-01T13:30:00Z"},
		{"after it", "UTC", lunch, "2026-05-01T13:30:00Z", ""},
		{"the night that spring shortens", "Europe/Berlin", night, "2026-03-28T22:00:00Z", "2026-03-29T06:00:00Z"},
		{"the night that autumn lengthens", "Europe/Berlin", night, "2026-10-24T21:00:00Z", "2026-10-25T07:00:00Z"},
		{"an end that spring skips", "Europe/Berlin", early, "2026-03-29T00:10:00Z", "2026-03-29T01:00:00Z"},
		{"an end that autumn repeats", "Europe/Berlin", early, "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z"},
		{"between the two", "Europe/Berlin", early, "2026-10-25T00:40:00Z", ""},
		{"quiet once more", "Europe/Berlin", early, "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"},
		{"a contact without a zone", "", night, "2026-05-01T12:30:00Z", "2026-05-01T20:00:00Z"},
		{"a zone that is none", "Mars/Olympus", night, "2026-05-01T12:30:00Z", "2026-05-01T20:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			rules := SendingRules{QuietHours: &c.quiet, Timezone: "Pacific/Auckland"}
			got := ""
			if until := rules.quietUntil(now)(c.zone); !until.IsZero() {
				got = until.Format(time.RFC3339)
			}
			if got != c.want {
				t.Errorf("%s in %q: until %q, want %q", c.now, c.zone, got, c.want)
			}
		})
	}
}

// Around every change of the clocks, minute by minute: the end is the first minute
// that is not quiet.
func TestQuietHoursEndAtTheirFirstLoudMinute(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Chatham"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []QuietHours{{"22:00", "08:00"}, {"01:45", "02:15"}, {"23:30", "02:30"}, {"03:00", "02:59"}} {
			from, _ := minuteOf(q.From)
			to, _ := minuteOf(q.To)
			quiet := func(t time.Time) bool {
				at := t.Hour()*60 + t.Minute()
				if from < to {
					return from <= at && at < to
				}
				return at >= from || at < to
			}
			change := time.Date(2026, 1, 1, 0, 0, 0, 0, zone)
			for range 2 {
				if _, change = change.ZoneBounds(); change.IsZero() {
					break
				}
				var end time.Time
				for at := change.Add(36 * time.Hour); at.After(change.Add(-36 * time.Hour)); at = at.Add(-time.Minute) {
					if !quiet(at) {
						end = at
					} else if end.IsZero() {
						continue
					}
					if got := q.end(at); !got.Equal(end) {
						t.Fatalf("%s, %v at %s: until %s, want %s", name, q, at, got.In(zone), end)
					}
				}
			}
		}
	}
}

// The cap costs what the contacts' own mails cost: no plan reads the ledger.
func TestTheCapIsCountedByIndex(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), context.Background()
	now := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	for _, sql := range []string{
		`INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, now(), now())`,
		`INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at) VALUES (1, 1, 's', 'h', 't', now())`,
		`INSERT INTO campaigns (name, template_id, sender_address, topic, created_at, updated_at) VALUES ('c', 1, 'a@b.example', 'news', now(), now())`,
		`INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, started_at)
		 SELECT 1, 'campaign', i, 1, 1, '{}', now(), now() FROM generate_series(1, 20) AS i`,
		`INSERT INTO contacts (external_id, created_at, updated_at) SELECT i, now(), now() FROM generate_series(1, 2000) AS i`,
		`INSERT INTO messages (run_id, contact_id, email, state, sent_at, created_at, updated_at)
		 SELECT r.id, c.id, 'x@y.example', 'sent', now(), now(), now() FROM runs r, contacts c`,
		`ANALYZE messages, runs, contacts`,
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	contacts, claimed := make([]int64, 50), make([]int64, 50)
	for i := range contacts {
		contacts[i], claimed[i] = int64(i*7+1), int64(i+1)
	}
	rows, err := pool.Query(ctx, `EXPLAIN `+others, pgx.NamedArgs{"contacts": contacts, "claimed": claimed, "since": now, "campaign": true})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(plan, "messages_contact") || strings.Contains(plan, "Seq Scan on messages") {
		t.Errorf("of 40,000 mails, those of 50 contacts are counted so:\n%s", plan)
	}
	t.Log(plan)
}
