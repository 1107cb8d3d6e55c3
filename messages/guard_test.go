package messages_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
	"posthorn/messages"
)

const day = 24 * time.Hour

func capOf(mails, days int) messages.SendingRules {
	return messages.SendingRules{FrequencyCap: &messages.FrequencyCap{Mails: mails, Days: days}}
}

// another is a run of a kind to the same contacts, again with one leased chunk.
func (l ledger) another(t testing.TB, kind messages.Kind) ledger {
	t.Helper()
	ctx := context.Background()
	more := l
	owner := `c.campaign_id, NULL::bigint`
	if kind == messages.OfJourney {
		l.exec(t, `INSERT INTO journeys (name, status, version, created_at, updated_at) VALUES ('j', 'live', 1, $1, $1)`, start)
		owner = `NULL::bigint, (SELECT max(id) FROM journeys)`
	}
	err := l.pool.QueryRow(ctx, `
		INSERT INTO runs (campaign_id, journey_id, kind, tick, template_id, template_version, audience, as_of, started_at, topic, sender_address)
		SELECT `+owner+`, $2, gen_random_uuid(), c.template_id, 1, '{}', $3, $3, 'news', c.sender_address FROM runs c WHERE c.id = $1
		RETURNING id`, l.run, kind, start).Scan(&more.run)
	if err != nil {
		t.Fatal(err)
	}
	err = l.pool.QueryRow(ctx, `INSERT INTO chunks (run_id, due_at, epoch, lease_until) VALUES ($1, $2, 1, $3) RETURNING id`,
		more.run, start, start.Add(1000*day)).Scan(&more.chunk)
	if err != nil {
		t.Fatal(err)
	}
	l.exec(t, `
		INSERT INTO messages (run_id, chunk_id, contact_id, email, state, created_at, updated_at)
		SELECT $1, $2, contact_id, email, 'planned', $4, $4 FROM messages WHERE run_id = $3 ORDER BY id`, more.run, more.chunk, l.run, start)
	return more
}

// skips claims everything that is due and returns why not to mail, message by message.
func (l ledger) skips(t testing.TB, now time.Time) []string {
	t.Helper()
	var out []string
	for _, m := range l.claim(t, now, 1, 50) {
		out = append(out, m.Skip)
	}
	return out
}

// send claims everything that is due and records it as sent, where it may be mailed.
func (l ledger) send(t testing.TB, now time.Time) {
	t.Helper()
	for _, m := range l.claim(t, now, 1, 50) {
		r, refused := m.Refused()
		if !refused {
			r = messages.Result{ID: m.ID, State: messages.Sent}
		}
		l.record(t, now, 1, r)
	}
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTheCapCountsWithinItsDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		mails int
		days  int
		sent  []time.Duration // before now
		want  string
	}{
		{"none so far", 1, 7, nil, ""},
		{"one of one", 1, 7, []time.Duration{time.Hour}, "capped"},
		{"one of two", 2, 7, []time.Duration{time.Hour}, ""},
		{"two of two", 2, 7, []time.Duration{time.Hour, 6 * day}, "capped"},
		{"one is too old", 2, 7, []time.Duration{time.Hour, 7 * day}, ""},
		{"just not too old", 1, 7, []time.Duration{7*day - time.Second}, "capped"},
		{"another number of days", 1, 1, []time.Duration{25 * time.Hour}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := start.Add(30 * day)
			l := newLedger(t, pgtest.New(t), 2)
			for _, ago := range c.sent {
				l.another(t, messages.OfCampaign).send(t, now.Add(-ago))
			}
			more := l.another(t, messages.OfCampaign)
			more.rules = capOf(c.mails, c.days)
			want(t, "", more.skips(t, now), c.want, c.want)
		})
	}
}

func TestWhatCountsTowardsTheCap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		kind  messages.Kind // of the earlier mails
		state string        // that they are in
		run   string        // what their run is besides
		mine  messages.Kind
		want  string
	}{
		{"a campaign's", messages.OfCampaign, `'sent'`, ``, messages.OfCampaign, "capped"},
		{"a campaign's, for a journey", messages.OfCampaign, `'sent'`, ``, messages.OfJourney, "capped"},
		{"a journey's", messages.OfJourney, `'sent'`, ``, messages.OfJourney, "capped"},
		{"one that is being sent", messages.OfCampaign, `'sending'`, ``, messages.OfJourney, "capped"},
		{"one that failed", messages.OfCampaign, `'failed'`, ``, messages.OfCampaign, ""},
		{"one that was skipped", messages.OfCampaign, `'skipped'`, ``, messages.OfCampaign, ""},
		{"another campaign's that is still to come", messages.OfCampaign, `'planned'`, ``, messages.OfCampaign, ""},
		{"a test's", messages.OfTest, `'sent'`, ``, messages.OfCampaign, ""},
		{"a transactional one", messages.OfJourney, `'sent'`, `transactional`, messages.OfCampaign, ""},
		{"a journey's that is still to come", messages.OfJourney, `'planned'`, ``, messages.OfCampaign, "capped"},
		{"a journey's that waits", messages.OfJourney, `'deferred'`, ``, messages.OfCampaign, "capped"},
		{"a journey's, for another journey", messages.OfJourney, `'deferred'`, ``, messages.OfJourney, ""},
		{"a paused journey's", messages.OfJourney, `'planned'`, `held`, messages.OfCampaign, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t), 1)
			earlier := l.another(t, c.kind)
			l.exec(t, `UPDATE messages SET state = `+c.state+`, sent_at = CASE WHEN `+c.state+` = 'sent' THEN $2::timestamptz END WHERE run_id = $1`, earlier.run, start)
			if c.run != "" {
				l.exec(t, `UPDATE runs SET `+c.run+` = true WHERE id = $1`, earlier.run)
			}
			mine := l.another(t, c.mine)
			mine.rules = capOf(1, 7)
			want(t, "", mine.skips(t, start.Add(time.Hour)), c.want)
		})
	}
}

func TestACappedMailIsSkippedAndNoAttemptIsSpent(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 1)
	l.send(t, start)
	more := l.another(t, messages.OfCampaign)
	more.rules = capOf(1, 7)
	id := more.claim(t, start, 1, 1)[0].ID
	l.exec(t, `UPDATE messages SET state = 'planned', attempts = 0 WHERE id = $1`, id)
	more.send(t, start)
	if m := more.one(t, id); m.State != messages.Skipped || m.Reason != messages.ReasonCapped || m.Attempts != 0 {
		t.Errorf("%+v", m)
	}
}

// A journey may have two mails for one contact in one claim.
func TestTheCapCountsWhatIsClaimedTogether(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 1)
	j := l.another(t, messages.OfJourney)
	l.exec(t, `
		WITH e AS (
			INSERT INTO enrolments (journey_id, version, contact_id, key, status, since, trigger_at, created_at, updated_at)
			SELECT r.journey_id, 1, m.contact_id, i, 'active', $2, $2, $2, $2
			FROM runs r JOIN messages m ON m.run_id = r.id, generate_series(1, 3) AS i WHERE r.id = $1
			RETURNING id, contact_id
		)
		INSERT INTO messages (run_id, chunk_id, contact_id, enrolment_id, email, state, created_at, updated_at)
		SELECT $1, $3, contact_id, id, 'x@y.example', 'planned', $2, $2 FROM e`, j.run, start, j.chunk)
	l.exec(t, `DELETE FROM messages WHERE run_id = $1`, l.run)
	l.exec(t, `UPDATE enrolments SET status = 'exited' WHERE key = '1'`) // costs the others nothing
	j.rules = capOf(2, 7)
	got := j.skips(t, start)
	slices.Sort(got)
	want(t, "four for one contact", got, "", "", "capped", "journey_left")
}

// Two workers claim mails of the same contacts at the same moment, again and again.
func TestTwoClaimsDoNotBothSlipUnderTheCap(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	for round := range 20 {
		const people = 20
		l := newLedger(t, pool, people)
		kinds := []messages.Kind{messages.OfCampaign, messages.OfCampaign, messages.OfCampaign, messages.OfCampaign}
		if round%2 == 1 {
			kinds = []messages.Kind{messages.OfJourney, messages.OfJourney, messages.OfJourney}
		}
		l.exec(t, `UPDATE messages SET state = 'failed' WHERE run_id = $1`, l.run)
		var runs []ledger
		for _, kind := range kinds {
			r := l.another(t, kind)
			r.rules = capOf(2, 7)
			runs = append(runs, r)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		mailed := map[int64]int{}
		for _, r := range runs {
			all.Go(func() {
				claimed, err := messages.Claim(context.Background(), pool, start, r.chunk, 1, people, r.rules)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, m := range claimed {
					if m.Skip == "" {
						mailed[*m.ContactID]++
					}
				}
			})
		}
		all.Wait()
		for contact, n := range mailed {
			if n != 2 {
				t.Errorf("round %d: contact %d may get %d mails of 2", round, contact, n)
			}
		}
		if len(mailed) != people {
			t.Errorf("round %d: %d of %d may get mail", round, len(mailed), people)
		}
	}
}

func TestQuietHoursHoldAndRelease(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 4)
	l.rules = messages.SendingRules{QuietHours: &messages.QuietHours{From: "20:00", To: "08:30"}, Timezone: "America/Los_Angeles"}
	for i, zone := range []string{"", "Europe/Berlin", "Mars/Olympus", "Africa/Lagos"} {
		l.exec(t, `UPDATE contacts SET timezone = $2 WHERE id = (SELECT id FROM contacts ORDER BY id OFFSET $1 LIMIT 1)`, i, zone)
	}
	// 9:00 UTC is 2:00 in Los Angeles, 11:00 in Berlin and 10:00 in Lagos.
	var ids []int64
	for _, m := range l.claim(t, start, 1, 4) {
		ids = append(ids, m.ID)
		r, refused := m.Refused()
		if !refused {
			r = messages.Result{ID: m.ID, State: messages.Planned}
		}
		l.record(t, start, 1, r)
	}
	end := time.Date(2026, 5, 1, 15, 30, 0, 0, time.UTC)
	for i, held := range []bool{true, false, true, false} {
		m := l.one(t, ids[i])
		if (m.State == messages.Deferred) != held || m.Attempts != 0 {
			t.Errorf("message %d: %+v", i, m)
		}
		if held && (m.Reason != messages.ReasonQuietHours || !m.DueAt.Equal(end)) {
			t.Errorf("message %d: %s until %s, want %s", i, m.Reason, m.DueAt, end)
		}
	}
	l.exec(t, `UPDATE chunks SET lease_until = $2 WHERE id = $1`, l.chunk, start.Add(day))
	want(t, "just before the end", l.skips(t, end.Add(-time.Second)), "", "")
	want(t, "at the end", l.skips(t, end), "", "")
}

// Who waits for the morning is asked about the cap and the stock in the morning, and
// uses nothing up until then.
func TestWhatIsHeldIsNotDecidedYet(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 1)
	l.rules = capOf(1, 7)
	l.rules.QuietHours = &messages.QuietHours{From: "08:00", To: "10:00"}
	l.exec(t, `UPDATE runs SET promotes = '{A}' WHERE id = $1`, l.run)
	l.exec(t, `INSERT INTO products (sku, in_stock, created_at, updated_at) VALUES ('A', false, $1, $1)`, start)
	more := l.another(t, messages.OfJourney)
	more.send(t, start.Add(-day))
	want(t, "at nine", l.skips(t, start), "quiet_hours")
}

func TestWhatIsSoldOutIsNotPromoted(t *testing.T) {
	t.Parallel()
	for promotes, wanted := range map[string]string{
		"{}":            "",
		"{gone}":        "out_of_stock",
		"{gone,gone2}":  "out_of_stock",
		"{gone,there}":  "",
		"{gone,nobody}": "",
		"{nobody}":      "",
		"{there}":       "",
	} {
		t.Run(promotes, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t), 1)
			l.exec(t, `INSERT INTO products (sku, in_stock, created_at, updated_at) VALUES ('gone', false, $1, $1), ('gone2', false, $1, $1), ('there', true, $1, $1)`, start)
			l.exec(t, `UPDATE runs SET promotes = $2 WHERE id = $1`, l.run, promotes)
			want(t, promotes, l.skips(t, start), wanted)
		})
	}
}

func TestTransactionalMailsAndTestsAreExempt(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"transactional": `UPDATE runs SET transactional = true WHERE id = $1`,
		"test":          `UPDATE runs SET kind = 'test' WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t), 1)
			l.another(t, messages.OfCampaign).send(t, start)
			l.rules = capOf(1, 7)
			l.rules.QuietHours = &messages.QuietHours{From: "08:00", To: "10:00"}
			l.exec(t, change, l.run)
			want(t, "", l.skips(t, start), "")
		})
	}
}

func TestSendingRulesAreKeptAndChecked(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), context.Background()
	get := func() messages.SendingRules {
		t.Helper()
		r, err := messages.GetSendingRules(ctx, pool)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if diff := cmp.Diff(messages.SendingRules{Timezone: "UTC"}, get()); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	full := messages.SendingRules{FrequencyCap: &messages.FrequencyCap{Mails: 3, Days: 7},
		QuietHours: &messages.QuietHours{From: "22:00", To: "08:00"}, Timezone: "Europe/Berlin"}
	for _, r := range []messages.SendingRules{full, {Timezone: "UTC"}} {
		if _, err := messages.PutSendingRules(ctx, pool, r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, get()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for field, r := range map[string]messages.SendingRules{
		"frequency_cap.mails": {FrequencyCap: &messages.FrequencyCap{Mails: 0, Days: 7}},
		"frequency_cap.days":  {FrequencyCap: &messages.FrequencyCap{Mails: 1, Days: 367}},
		"quiet_hours.from":    {QuietHours: &messages.QuietHours{From: "9:00", To: "10:00"}},
		"quiet_hours.to":      {QuietHours: &messages.QuietHours{From: "09:00", To: "24:00"}},
		"timezone":            {Timezone: "Local"},
	} {
		var wrong *fault.Invalid
		if _, err := messages.PutSendingRules(ctx, pool, r); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := messages.PutSendingRules(ctx, pool, messages.SendingRules{QuietHours: &messages.QuietHours{From: "09:00", To: "09:00"}})
	if got := fmt.Sprint(err); got != "quiet_hours.to: is the same as from, which would be all day" {
		t.Error(got)
	}
}
