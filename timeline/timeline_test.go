package timeline

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// filled has a contact C1 with something of every kind, all of it at noon and a second
// later, and a contact C2 with as much.
func filled(t *testing.T) *pgxpool.Pool {
	t.Helper()
	db := pgtest.New(t)
	for _, sql := range []string{
		`INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
		 SELECT 'C' || n, 'c' || n || '@example.com', 'c' || n || '@example.com', $1, $1 FROM generate_series(1, 2) AS n`,
		`INSERT INTO orders (external_id, contact_id, placed_at, status, currency, total, created_at, updated_at)
		 SELECT 'O' || c.id || n, c.id, $1::timestamptz + n * interval '1 s', 'paid', 'EUR', 12.5, $1, $1 FROM contacts c, generate_series(0, 1) AS n`,
		`INSERT INTO events (contact_id, name, properties, occurred_at, received_at)
		 SELECT c.id, 'clicked ' || n, '{"value": 3}', $1::timestamptz + n * interval '1 s', $1 FROM contacts c, generate_series(0, 1) AS n`,
		`INSERT INTO consents (contact_id, topic, state, source, updated_at)
		 SELECT c.id, 't' || n, 'subscribed', 'page', $1::timestamptz + n * interval '1 s' FROM contacts c, generate_series(0, 1) AS n`,
		`INSERT INTO suppressions (email_key, cause, detail, created_at) VALUES ('c1@example.com', 'manual', 'asked', $1::timestamptz)`,
		`INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1)`,
		`INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at) VALUES (1, 1, 's', '', '', $1)`,
		`INSERT INTO campaigns (name, template_id, sender_address, topic, created_at, updated_at) VALUES ('Spring', 1, 'a@b.example', 'news', $1, $1)`,
		`INSERT INTO journeys (name, version, created_at, updated_at) VALUES ('Thanks', 1, $1, $1)`,
		`INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, started_at, name, topic)
		 VALUES (1, 'campaign', '', 1, 1, '{}', $1, $1, 'Spring', 'news')`,
		`INSERT INTO runs (journey_id, journey_version, step, kind, tick, template_id, template_version, audience, as_of, started_at, name, topic)
		 VALUES (1, 1, 'care', 'journey', '', 1, 1, '{}', $1, $1, 'Thanks', 'service')`,
		`INSERT INTO enrolments (journey_id, version, contact_id, key, status, since, trigger_at, created_at, updated_at)
		 SELECT 1, 1, id, 'order:' || id, 'finished', $1, $1, $1, $1 FROM contacts`,
		`INSERT INTO enrolment_steps (enrolment_id, n, step, what, why, at) SELECT e.id, n, 'care', 'mail', 'the mail was due', $1::timestamptz + n / 12 * interval '1 s'
		 FROM enrolments e, generate_series(1, 12) AS n`,
		`INSERT INTO messages (run_id, contact_id, email, state, reason, sent_at, created_at, updated_at)
		 SELECT 1, id, email, 'sent', '', $1::timestamptz + interval '1 h', $1, $1 FROM contacts`,
		`INSERT INTO messages (run_id, contact_id, email, state, reason, created_at, updated_at)
		 SELECT 2, id, email, 'skipped', 'suppressed', $1::timestamptz + interval '1 s', $1 FROM contacts`,
	} {
		args := []any{noon}
		if _, err := db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%v in %s", err, sql)
		}
	}
	return db
}

// say is an entry in short.
func say(e Entry) string {
	out := e.At.Format("05 ") + string(e.Kind) + " "
	switch {
	case e.Order != nil:
		out += fmt.Sprint(*e.Order)
	case e.Event != nil:
		out += fmt.Sprint(*e.Event)
	case e.Consent != nil:
		out += fmt.Sprint(*e.Consent)
	case e.Suppression != nil:
		out += fmt.Sprint(*e.Suppression)
	case e.Step != nil:
		out += fmt.Sprint(*e.Step)
	case e.Mail != nil:
		at := "unsent"
		if e.Mail.SentAt != nil {
			at = e.Mail.SentAt.Format(time.TimeOnly)
		}
		e.Mail.SentAt = nil
		out += fmt.Sprint(e.Mail.MessageID, e.Mail.CampaignID, e.Mail.JourneyID, " ", e.Mail.Step, e.Mail.Name, " ", e.Mail.State, e.Mail.Reason, " ", at)
	}
	return out
}

func TestTimelineHasEverythingOfTheContact(t *testing.T) {
	t.Parallel()
	db := filled(t)
	list, next, err := Of(t.Context(), db, "C1", "", 0)
	if err != nil || next != "" {
		t.Fatal(next, err)
	}
	var got []string
	for _, e := range list {
		if e.Kind == KindStep && e.At == noon && got[len(got)-1] == say(e) {
			continue // the steps of one moment look alike
		}
		got = append(got, say(e))
	}
	want := []string{
		"01 step {1 Thanks 1 1 care mail the mail was due}",
		"01 order {O11 paid EUR 12.5}",
		"01 mail 3 0 1 careThanks skippedsuppressed unsent",
		"01 event {clicked 1 map[value:3]}",
		"01 consent {t1 subscribed page}",
		"00 suppression {manual asked}",
		"00 step {1 Thanks 1 1 care mail the mail was due}",
		"00 order {O10 paid EUR 12.5}",
		"00 mail 1 1 0 Spring sent 13:00:00",
		"00 event {clicked 0 map[value:3]}",
		"00 consent {t0 subscribed page}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever comes in while somebody pages, what was there is seen once.
func TestTimelinePagesAreStable(t *testing.T) {
	t.Parallel()
	db := filled(t)
	all, _, err := Of(t.Context(), db, "C1", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var paged []Entry
	for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
		list, next, err := Of(t.Context(), db, "C1", cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		paged, cursor = append(paged, list...), next
		_, err = db.Exec(t.Context(), `
			WITH changed AS (UPDATE messages SET state = 'failed', updated_at = now())
			INSERT INTO events (contact_id, name, occurred_at, received_at) VALUES (1, 'new', $1, $1)`, noon.Add(time.Duration(n+1)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(paged) != len(all) {
		t.Fatalf("%d entries, want %d", len(paged), len(all))
	}
	for i := range all {
		if all[i].At != paged[i].At || all[i].Kind != paged[i].Kind {
			t.Errorf("%d: %s, want %s", i, say(paged[i]), say(all[i]))
		}
	}
}

func TestTimelineBadInput(t *testing.T) {
	t.Parallel()
	db := filled(t)
	var notFound *fault.NotFound
	if _, _, err := Of(t.Context(), db, "C9", "", 0); !errors.As(err, &notFound) {
		t.Errorf("%v", err)
	}
	for _, cursor := range []string{"x", "2026-03-14T12:00:00Z", "2026-03-14T12:00:00Z order", "yesterday order 1"} {
		var invalid *fault.Invalid
		if _, _, err := Of(t.Context(), db, "C1", cursor, 0); !errors.As(err, &invalid) {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}
