package home

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var now = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

type bench struct {
	t     *testing.T
	ctx   context.Context
	pool  *pgxpool.Pool
	meter campaigns.Meter
	tpl   int64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{t: t, ctx: t.Context(), pool: pgtest.New(t)}
}

func (b *bench) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.pool.Exec(b.ctx, sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) look() Home {
	b.t.Helper()
	h, err := Look(b.ctx, b.pool, &b.meter, now)
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}

// shop sets up what a campaign needs, and three who get it.
func (b *bench) shop() {
	b.t.Helper()
	b.exec(`INSERT INTO relays (name, host, port, tls, connections, created_at, updated_at) VALUES ('default', 'localhost', 25, 'none', 1, $1, $1)`, now)
	b.exec(`INSERT INTO dkim_keys (domain, selector, algorithm, sealed_key, public_key, active, created_at, updated_at) VALUES ('shop.example', 'a', 'ed25519-sha256', '', '', true, $1, $1)`, now)
	b.exec(`
		WITH people AS (
			INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
			SELECT 'c' || i, 'p' || i || '@x.example', 'p' || i || '@x.example', $1, $1 FROM generate_series(1, 3) AS i RETURNING id
		)
		INSERT INTO consents (contact_id, topic, state, updated_at) SELECT id, 'news', 'subscribed', $1 FROM people`, now)
	err := b.pool.QueryRow(b.ctx, `
		WITH t AS (INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1) RETURNING id)
		INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at)
		SELECT id, 1, 's', 'h', 't', $1 FROM t RETURNING template_id`, now).Scan(&b.tpl)
	if err != nil {
		b.t.Fatal(err)
	}
}

// campaign starts one, and plans it where it runs now.
func (b *bench) campaign(name string, s *campaigns.Schedule) campaigns.Campaign {
	b.t.Helper()
	c, err := campaigns.Create(b.ctx, b.pool, now, campaigns.Input{Name: name, TemplateID: b.tpl, Topic: "news", Sender: campaigns.Sender{Address: "news@shop.example"}, Schedule: s})
	if err != nil {
		b.t.Fatal(err)
	}
	if c, err = campaigns.Start(b.ctx, b.pool, now, c.ID); err != nil {
		b.t.Fatal(err)
	}
	if c.Run != nil {
		if _, err := campaigns.PlanPage(b.ctx, b.pool, now, c.Run.ID); err != nil {
			b.t.Fatal(err)
		}
	}
	return c
}

func (h Home) codes() string {
	var codes []string
	for _, n := range h.Attention {
		codes = append(codes, n.Code)
		if n.What == "" || n.How == "" || n.Kind == "" || n.Values == nil {
			codes = append(codes, fmt.Sprintf("incomplete: %+v", n))
		}
	}
	return strings.Join(codes, " ")
}

func TestABeginner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := b.look()
	if h.Setup != (Setup{}) || h.Sending == nil || h.Next == nil || h.Results == nil || h.codes() != "no_relay" || h.Attention[0].Level != "error" {
		t.Errorf("%+v", h)
	}
	b.shop()
	b.exec(`UPDATE dkim_keys SET active = false`)
	h = b.look()
	if h.Setup != (Setup{Relay: true, Contact: true, Template: true}) || h.codes() != "no_sender_key" {
		t.Errorf("%+v", h)
	}
}

func TestWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.shop()
	at := now.Add(30 * time.Hour)
	late := now.Add(8 * 24 * time.Hour)
	b.campaign("daily", &campaigns.Schedule{Cron: "30 9 * * *"})
	b.campaign("once", &campaigns.Schedule{At: &at})
	b.campaign("far off", &campaigns.Schedule{At: &late})
	done := b.campaign("done", nil)
	b.exec(`UPDATE messages SET state = 'sent', sent_at = $1`, now)
	b.exec(`UPDATE chunks SET done_at = $1`, now)
	run, _, err := campaigns.LookAt(b.ctx, b.pool, done.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := campaigns.Finish(b.ctx, b.pool, now, run); err != nil {
		t.Fatal(err)
	}
	running := b.campaign("running", nil)
	paused := b.campaign("paused", nil)
	if _, err := campaigns.Pause(b.ctx, b.pool, now, paused.ID); err != nil {
		t.Fatal(err)
	}

	h := b.look()
	if len(h.Sending) != 2 || h.Sending[0].CampaignID != paused.ID || h.Sending[1].CampaignID != running.ID || h.Sending[1].Run.Planned != 3 {
		t.Errorf("sending: %+v", h.Sending)
	}
	var next []string
	for _, n := range h.Next {
		next = append(next, n.Name)
	}
	if got := strings.Join(next, " "); got != "daily daily once daily daily daily daily daily" {
		t.Errorf("next: %s", got)
	}
	if len(h.Results) != 1 || h.Results[0].Name != "done" || h.Results[0].Run.Sent != 3 || h.Results[0].Run.Recipients != 3 || h.Results[0].Run.FinishedAt == nil {
		t.Errorf("results: %+v", h.Results)
	}
	if h.codes() != "" { // paused by a person is as it should be
		t.Errorf("attention: %s", h.codes())
	}
}

func TestWhatNeedsAttention(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.shop()
	at := now.Add(time.Hour)
	running := b.campaign("running", nil)
	stopped := b.campaign("stopped", nil)
	broken := b.campaign("broken", nil)
	b.campaign("elsewhere", &campaigns.Schedule{At: &at})
	old := b.campaign("old", nil)
	tick := b.campaign("tick", &campaigns.Schedule{Cron: "0 9 * * *"})
	b.exec(`UPDATE campaigns SET relay = 'gone' WHERE name = 'elsewhere'`)
	b.exec(`UPDATE campaigns SET status = 'paused', status_reason = 'the first 50 mails all failed: sender_refused (we do not know <news@shop.example>)', updated_at = $2 WHERE id = $1`, stopped.ID, now)
	b.exec(`UPDATE campaigns SET status = 'failed', status_reason = 'there is no segment "9"', updated_at = $2 WHERE id = $1`, broken.ID, now.Add(-24*time.Hour))
	b.exec(`UPDATE campaigns SET status = 'failed', status_reason = 'long ago', updated_at = $2 WHERE id = $1`, old.ID, now.Add(-recent))
	b.exec(`UPDATE campaigns SET status_reason = 'the run of … was skipped' WHERE id = $1`, tick.ID)
	b.exec(`UPDATE messages SET state = 'deferred', reason = 'relay_unreachable', detail = 'x' WHERE run_id = $1 AND id % 3 > 0`, running.Run.ID)
	b.exec(`UPDATE messages SET state = 'unknown', in_doubt = true, reason = 'worker_lost' WHERE run_id = $1 AND state = 'planned'`, running.Run.ID)
	b.exec(`
		INSERT INTO journeys (name, status, status_reason, version, created_at, updated_at) VALUES
			('by itself', 'paused', 'relay "default" refuses us', 1, $1, $1), ('by hand', 'paused', '', 1, $1, $1), ('empty', 'paused', '', 1, $1, $1), ('live', 'live', '', 1, $1, $1)`, now)
	b.exec(`
		INSERT INTO enrolments (journey_id, version, contact_id, key, status, since, due_at, trigger_at, created_at, updated_at)
		SELECT j.id, 1, c.id, 'k' || c.id, 'waiting', $1::timestamptz, CASE WHEN j.name = 'empty' THEN $2::timestamptz ELSE $1 END, $1, $1, $1
		FROM journeys j, contacts c WHERE j.name <> 'by itself'`, now, now.Add(time.Hour))

	b.exec(`
		INSERT INTO imports (kind, file_name, options, state, reason, created_at, updated_at, finished_at) VALUES
			('orders', 'o.csv', '{}', 'failed', 'no column is the order', $1, $1, $1), ('contacts', 'c.csv', '{}', 'failed', 'x', $1, $1, $1),
			('contacts', 'c2.csv', '{}', 'done', '', $1, $1, $1), ('products', 'p.csv', '{}', 'failed', 'long ago', $1, $1, $2)`, now, now.Add(-recent))

	h := b.look()
	if got, want := h.codes(), "campaign_paused_itself campaign_failed relay_missing relay_unreachable journey_paused_itself import_failed campaign_tick_missed messages_unknown journey_people_wait"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, n := range h.Attention {
		switch n.Code {
		case "campaign_paused_itself":
			if n.ID != stopped.ID || !strings.Contains(n.What, "<news@shop.example>") {
				t.Errorf("%+v", n)
			}
		case "relay_unreachable":
			if n.Values["n"] != int64(2) || n.Values["relay"] != "default" {
				t.Errorf("%+v", n)
			}
		case "messages_unknown":
			if n.ID != running.ID || n.Kind != "campaign" || n.Values["n"] != int64(1) {
				t.Errorf("%+v", n)
			}
		case "journey_people_wait":
			if n.Values["n"] != int64(3) || n.Values["name"] != "by hand" {
				t.Errorf("%+v", n)
			}
		}
	}
}
