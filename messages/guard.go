package messages

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/clock"
)

// quietUntil returns what says, for a contact's time zone, until when it is quiet
// there; zero: it is not.
func (r SendingRules) quietUntil(now time.Time) func(zone string) time.Time {
	installation := clock.Zone(r.Timezone, time.UTC)
	known := map[string]time.Time{} // contacts share few zones, and finding one costs a file
	return func(zone string) time.Time {
		until, ok := known[zone]
		if !ok {
			if end := r.QuietHours.end(now.In(clock.Zone(zone, installation))); end.After(now) {
				until = end
			}
			known[zone] = until
		}
		return until
	}
}

// end is the first moment, not before t, at which a clock in t's zone does not show
// quiet hours. Where the clocks change it is still exactly that: it goes by time
// that passes, and looks at the clock anew at each change.
func (q QuietHours) end(t time.Time) time.Time {
	const day = 24 * 60
	from, _ := minuteOf(q.From) // as PutSendingRules has checked
	to, _ := minuteOf(q.To)
	for {
		at := t.Hour()*60 + t.Minute()
		if (at-from+day)%day >= (to-from+day)%day {
			return t.UTC()
		}
		next := t.Truncate(time.Minute).Add(time.Duration((to-at+day)%day) * time.Minute)
		if _, change := t.ZoneBounds(); !change.IsZero() && change.Before(next) {
			next = change
		}
		t = next
	}
}

// others counts what counts towards the cap of some contacts: marketing mails that
// were sent within it, or that are being sent and may be. For a campaign's mail those that
// journeys have yet to send count as well: it leaves them room, not they it.
//
// The plan goes through messages_contact, so that it costs the contacts' own mails
// however large the ledger is (TestTheCapIsCountedByIndex).
const others = `
	SELECT m.contact_id, count(*)
	FROM messages m
	JOIN runs r ON r.id = m.run_id
	WHERE m.contact_id = ANY(@contacts) AND m.id <> ALL(@claimed)
	  AND r.kind <> 'test' AND NOT r.transactional
	  AND (m.state = 'sent' AND m.sent_at > @since
	       OR m.state = 'sending'
	       OR m.state IN ('planned', 'deferred') AND r.kind = 'journey' AND NOT r.held AND @campaign)
	GROUP BY m.contact_id`

// apply marks those of the claimed mails that would exceed the cap.
//
// Two workers may claim mails of one contact at the same moment, and neither would
// see the other's claim. So each contact is locked until the claim is committed: the second
// waits here, and its count, a statement of its own, sees the first one's mail as
// sending. The locks are taken in order, so that no two claims wait for each other;
// a claim's 50 fit in what Postgres' lock table has for each connection by default (64).
//
// What is being sent counts, whatever becomes of it. So a mail may be skipped for
// one that the relay then refuses, but no contact gets more than the cap.
func (f FrequencyCap) apply(ctx context.Context, tx pgx.Tx, now time.Time, kind Kind, claimed []Claimed) error {
	ids, contacts := make([]int64, len(claimed)), make([]int64, 0, len(claimed))
	for i, c := range claimed {
		ids[i] = c.ID
		if c.Skip == "" {
			contacts = append(contacts, *c.ContactID)
		}
	}
	if len(contacts) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		SELECT pg_advisory_xact_lock(hashtext('frequency cap'), key)
		FROM (SELECT DISTINCT hashint8(id) AS key FROM unnest($1::bigint[]) AS id ORDER BY key) AS keys`, contacts)
	if err != nil {
		return fmt.Errorf("lock contacts: %w", err)
	}
	rows, err := tx.Query(ctx, others, pgx.NamedArgs{"contacts": contacts, "claimed": ids,
		"since": now.Add(-time.Duration(f.Days) * 24 * time.Hour), "campaign": kind == OfCampaign})
	if err != nil {
		return fmt.Errorf("count mails of contacts: %w", err)
	}
	counted := map[int64]int{}
	var contact int64
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&contact, &n}, func() error { counted[contact] = n; return nil }); err != nil {
		return fmt.Errorf("count mails of contacts: %w", err)
	}
	for i := range claimed {
		c := &claimed[i]
		switch {
		case c.Skip != "":
		case counted[*c.ContactID] >= f.Mails:
			c.Skip = ReasonCapped
		default:
			counted[*c.ContactID]++ // a journey may have another for the same contact
		}
	}
	return nil
}
