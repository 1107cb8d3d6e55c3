package campaigns_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
	"posthorn/messages"
	"posthorn/segments"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var start = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

type bench struct {
	t    *testing.T
	ctx  context.Context
	pool *pgxpool.Pool
	tpl  int64
}

func newBench(t *testing.T) bench {
	t.Helper()
	b := bench{t: t, ctx: context.Background(), pool: pgtest.New(t)}
	b.query(&b.tpl, `
		WITH t AS (INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1) RETURNING id)
		INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at)
		SELECT id, 1, 's', 'h', 't', $1 FROM t RETURNING template_id`, start)
	return b
}

func (b bench) query(dst any, sql string, args ...any) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.ctx, sql, args...).Scan(dst); err != nil {
		b.t.Fatal(err)
	}
}

func (b bench) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.pool.Exec(b.ctx, sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

// people adds contacts i = from … to; address is an SQL expression over i.
func (b bench) people(from, to int, address, country, consent string) {
	b.t.Helper()
	b.exec(`
		WITH people AS (
			INSERT INTO contacts (external_id, email, email_key, country, created_at, updated_at)
			SELECT 'c' || i, `+address+`, lower(`+address+`), $3, $4, $4 FROM generate_series($1::int, $2::int) AS i
			RETURNING id
		)
		INSERT INTO consents (contact_id, topic, state, updated_at)
		SELECT id, 'news', $5, $4 FROM people WHERE $5 <> ''`, from, to, country, start, consent)
}

func (b bench) input() campaigns.Input {
	return campaigns.Input{Name: "c", TemplateID: b.tpl, Topic: "news", Sender: campaigns.Sender{Name: "S", Address: "news@shop.example"}}
}

func (b bench) create(in campaigns.Input) campaigns.Campaign {
	b.t.Helper()
	c, err := campaigns.Create(b.ctx, b.pool, start, in)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b bench) get(id int64) campaigns.Campaign {
	b.t.Helper()
	c, err := campaigns.Get(b.ctx, b.pool, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b bench) segment(rule string) int64 {
	b.t.Helper()
	s, err := segments.Create(b.ctx, b.pool, start, "s", []byte(rule))
	if err != nil {
		b.t.Fatal(err)
	}
	return s.ID
}

// plan starts a campaign and freezes its whole audience; it returns the pages.
func (b bench) plan(c campaigns.Campaign) (campaigns.Campaign, int) {
	b.t.Helper()
	c, err := campaigns.Start(b.ctx, b.pool, start, c.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	pages := 1
	for {
		more, err := campaigns.PlanPage(b.ctx, b.pool, start, c.Run.ID)
		if err != nil {
			b.t.Fatal(err)
		}
		if !more {
			return b.get(c.ID), pages
		}
		pages++
	}
}

const (
	finland = `{"combinator":"and","rules":[{"field":"country","operator":"=","value":"Finland"}]}`
	italy   = `{"combinator":"and","rules":[{"field":"country","operator":"=","value":"Italy"}]}`
)

func TestTheAudienceBreaksDownAsEstimated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 10, "'P' || i || '@x.example'", "Finland", "subscribed")
	b.people(11, 12, "'p' || (i - 10) || '@X.example'", "Finland", "subscribed") // the addresses of 1 and 2 again
	b.people(13, 14, "'q' || i || '@x.example'", "Finland", "unsubscribed")
	b.people(15, 17, "'q' || i || '@x.example'", "Finland", "")
	b.people(18, 18, "'q' || i || '@x.example'", "Finland", "pending")
	b.people(19, 19, "''", "Finland", "subscribed")
	b.people(20, 23, "'q' || i || '@x.example'", "Italy", "subscribed")
	b.people(24, 25, "'q' || i || '@x.example'", "Iceland", "subscribed")
	b.exec(`INSERT INTO suppressions VALUES ('p3@x.example', 'complaint', '', $1)`, start)

	in := b.input()
	in.Audience.Include = []int64{b.segment(finland), b.segment(italy)}
	in.Audience.Exclude = []int64{b.segment(italy)}
	c := b.create(in)
	estimate, err := campaigns.EstimateAudience(b.ctx, b.pool, start, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := campaigns.Estimate{Matched: 19, Duplicates: 2, Suppressed: 1, Unsubscribed: 2, NoConsent: 4, InvalidAddress: 1, WillReceive: 9}
	if diff := cmp.Diff(want, estimate); diff != "" {
		t.Errorf("estimate (-want +got):\n%s", diff)
	}
	c, _ = b.plan(c)
	if c.Run.Recipients != 19 || c.Run.Planned != 9 || c.Run.Skipped != 10 {
		t.Errorf("planned: %+v", *c.Run)
	}
	report, err := campaigns.GetReport(b.ctx, b.pool, c.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, r := range report.Reasons {
		got[r.Reason] = r.N
	}
	if diff := cmp.Diff(map[string]int64{"": 9, "duplicate_address": 2, "suppressed": 1, "unsubscribed": 2, "no_consent": 4, "invalid_address": 1}, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestNoSegmentMeansEveryoneSubscribed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 3, "'p' || i || '@x.example'", "", "subscribed")
	b.people(4, 5, "'p' || i || '@x.example'", "", "unsubscribed")
	b.people(6, 7, "'p' || i || '@x.example'", "", "")
	c, _ := b.plan(b.create(b.input()))
	if c.Run.Recipients != 3 || c.Run.Planned != 3 {
		t.Fatalf("%+v", *c.Run)
	}
}

// TestPlanningByPages plans 25,000 contacts, some of which share an address with
// one on an earlier page, with several planners at once.
func TestPlanningByPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 24_000, "'p' || i || '@x.example'", "Finland", "subscribed")
	b.people(24_001, 25_000, "'p' || (i - 24000) || '@x.example'", "Finland", "subscribed")
	c, err := campaigns.Start(b.ctx, b.pool, start, b.create(b.input()).ID)
	if err != nil {
		t.Fatal(err)
	}
	var planners sync.WaitGroup
	for range 4 {
		planners.Go(func() {
			for {
				more, err := campaigns.PlanPage(b.ctx, b.pool, start, c.Run.ID)
				if err != nil {
					t.Error(err)
				}
				if !more {
					return
				}
			}
		})
	}
	planners.Wait()
	c = b.get(c.ID)
	if c.Run.Recipients != 25_000 || c.Run.Planned != 24_000 || c.Run.Skipped != 1000 || c.Run.PlannedAt == nil {
		t.Fatalf("%+v", *c.Run)
	}
	var wrong int
	b.query(&wrong, `SELECT count(*) FROM (SELECT lower(email) FROM messages WHERE state = 'planned' GROUP BY 1 HAVING count(*) > 1) AS d`)
	if wrong != 0 {
		t.Errorf("%d addresses are planned twice", wrong)
	}
	b.query(&wrong, `SELECT count(*) FROM (SELECT chunk_id FROM messages WHERE state = 'planned' GROUP BY 1 HAVING count(*) > 200) AS d`)
	if wrong != 0 {
		t.Errorf("%d chunks are larger than 200", wrong)
	}
	b.query(&wrong, `SELECT count(*) FROM messages WHERE state = 'planned' AND chunk_id IS NULL OR state = 'skipped' AND chunk_id IS NOT NULL`)
	if wrong != 0 {
		t.Errorf("%d messages are in the wrong chunk", wrong)
	}
	b.query(&wrong, `SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM messages WHERE chunk_id IS NOT NULL)`)
	if wrong != 0 {
		t.Errorf("%d chunks are empty", wrong)
	}
}

func TestAnEmptyAudienceIsFinished(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, _ := b.plan(b.create(b.input()))
	run, open, err := campaigns.LookAt(b.ctx, b.pool, c.Run.ID)
	if err != nil || !open || !run.Planned {
		t.Fatalf("%+v, %v, %v", run, open, err)
	}
	if done, err := campaigns.Finish(b.ctx, b.pool, start, run); err != nil || !done {
		t.Fatalf("finish: %v, %v", done, err)
	}
	if c = b.get(c.ID); c.Status != campaigns.Finished || c.Run.Recipients != 0 {
		t.Fatalf("%s, %+v", c.Status, *c.Run)
	}
}

func TestATickRunsOnceHoweverManySchedulers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := b.input()
	in.Schedule = &campaigns.Schedule{Cron: "30 9 * * *", Timezone: "Europe/Berlin"}
	c, err := campaigns.Start(b.ctx, b.pool, start, b.create(in).ID)
	if err != nil {
		t.Fatal(err)
	}
	if c.Status != campaigns.Scheduled || c.Run != nil || !c.NextRunAt.Equal(time.Date(2026, 5, 5, 7, 30, 0, 0, time.UTC)) {
		t.Fatalf("%s, next %v", c.Status, c.NextRunAt)
	}
	for day := range 3 {
		now := c.NextRunAt.Add(20 * time.Minute) // noticed late, but within the hour
		var schedulers sync.WaitGroup
		for range 6 {
			schedulers.Go(func() {
				if err := campaigns.BeginDue(b.ctx, b.pool, now); err != nil {
					t.Error(err)
				}
			})
		}
		schedulers.Wait()
		var runs int
		b.query(&runs, `SELECT count(*) FROM runs`)
		if c = b.get(c.ID); runs != day+1 || c.Status != campaigns.Running {
			t.Fatalf("day %d: %d runs, %s", day, runs, c.Status)
		}
		if _, err := campaigns.PlanPage(b.ctx, b.pool, now, c.Run.ID); err != nil {
			t.Fatal(err)
		}
		run, _, err := campaigns.LookAt(b.ctx, b.pool, c.Run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := campaigns.Finish(b.ctx, b.pool, now, run); err != nil || !done {
			t.Fatalf("finish: %v, %v", done, err)
		}
		if c = b.get(c.ID); c.Status != campaigns.Scheduled || !c.NextRunAt.After(now) {
			t.Fatalf("after the run: %s, next %v", c.Status, c.NextRunAt)
		}
	}
	// The machine was off for a day: that tick is passed over, and the campaign says so.
	now := c.NextRunAt.Add(25 * time.Hour)
	if err := campaigns.BeginDue(b.ctx, b.pool, now); err != nil {
		t.Fatal(err)
	}
	if c = b.get(c.ID); c.Status != campaigns.Scheduled || !strings.Contains(c.StatusReason, "skipped") || !c.NextRunAt.After(now) {
		t.Fatalf("after a day off: %s (%s), next %v", c.Status, c.StatusReason, c.NextRunAt)
	}
}

func TestOnceAtATime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := start.Add(time.Hour)
	in := b.input()
	in.Schedule = &campaigns.Schedule{At: &at}
	c, err := campaigns.Start(b.ctx, b.pool, start, b.create(in).ID)
	if err != nil || c.Status != campaigns.Scheduled {
		t.Fatalf("%s, %v", c.Status, err)
	}
	if err := campaigns.BeginDue(b.ctx, b.pool, at.Add(-time.Second)); err != nil || b.get(c.ID).Run != nil {
		t.Fatalf("began too early, or %v", err)
	}
	if err := campaigns.BeginDue(b.ctx, b.pool, at.Add(5*time.Hour)); err != nil || b.get(c.ID).Status != campaigns.Running {
		t.Fatalf("%s, %v", b.get(c.ID).Status, err)
	}
	past := b.create(in)
	if c, err := campaigns.Start(b.ctx, b.pool, at.Add(time.Minute), past.ID); err != nil || c.Status != campaigns.Running {
		t.Fatalf("a time that has passed: %s, %v", c.Status, err)
	}
}

func TestACampaignThatCannotBeginFailsWithWords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := start.Add(time.Hour)
	in := b.input()
	in.Schedule = &campaigns.Schedule{At: &at}
	in.Audience.Include = []int64{b.segment(finland)}
	c, err := campaigns.Start(b.ctx, b.pool, start, b.create(in).ID)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(`DELETE FROM segments`)
	if err := campaigns.BeginDue(b.ctx, b.pool, at); err != nil {
		t.Fatal(err)
	}
	if c = b.get(c.ID); c.Status != campaigns.Failed || !strings.Contains(c.StatusReason, "segment") {
		t.Fatalf("%s: %q", c.Status, c.StatusReason)
	}
}

func TestBadInputNamesItsField(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tests := map[string]struct {
		change func(*campaigns.Input)
		field  string
	}{
		"no name":          {func(in *campaigns.Input) { in.Name = " " }, "name"},
		"line break":       {func(in *campaigns.Input) { in.Name = "a\r\nBcc: x" }, "name"},
		"NUL":              {func(in *campaigns.Input) { in.Name = "a\x00" }, "name"},
		"sender name":      {func(in *campaigns.Input) { in.Sender.Name = "S\nBcc: x" }, "sender.name"},
		"sender":           {func(in *campaigns.Input) { in.Sender.Address = "news" }, "sender.address"},
		"sender injection": {func(in *campaigns.Input) { in.Sender.Address = "a@b.example\r\nBcc: x@y.example" }, "sender.address"},
		"topic":            {func(in *campaigns.Input) { in.Topic = "no topic!" }, "topic"},
		"template":         {func(in *campaigns.Input) { in.TemplateID = 999 }, "template_id"},
		"segment":          {func(in *campaigns.Input) { in.Audience.Exclude = []int64{77} }, "audience.exclude[0]"},
		"cron":             {func(in *campaigns.Input) { in.Schedule = &campaigns.Schedule{Cron: "TZ=UTC 0 9 * * *"} }, "schedule.cron"},
		"zone":             {func(in *campaigns.Input) { in.Schedule = &campaigns.Schedule{Cron: "0 9 * * *", Timezone: "Mars/Base"} }, "schedule.timezone"},
	}
	for name, tt := range tests {
		in := b.input()
		tt.change(&in)
		_, err := campaigns.Create(b.ctx, b.pool, start, in)
		var inv *fault.Invalid
		if !errors.As(err, &inv) || inv.Field != tt.field {
			t.Errorf("%s: %v; want field %s", name, err, tt.field)
		}
	}
	var n int
	b.query(&n, `SELECT count(*) FROM campaigns`)
	if n != 0 {
		t.Errorf("%d campaigns were written", n)
	}
}

func TestOnlyADraftCanBeChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 1, "'p' || i || '@x.example'", "", "subscribed")
	c := b.create(b.input())
	in := b.input()
	in.Name = "renamed"
	if got, err := campaigns.Update(b.ctx, b.pool, start, c.ID, in); err != nil || got.Name != "renamed" {
		t.Fatalf("%+v, %v", got, err)
	}
	b.plan(c)
	var conflict *fault.Conflict
	if _, err := campaigns.Update(b.ctx, b.pool, start, c.ID, in); !errors.As(err, &conflict) || conflict.State != "running" {
		t.Errorf("update: %v", err)
	}
	if err := campaigns.Delete(b.ctx, b.pool, c.ID); !errors.As(err, &conflict) {
		t.Errorf("delete: %v", err)
	}
	if _, err := campaigns.Start(b.ctx, b.pool, start, c.ID); !errors.As(err, &conflict) {
		t.Errorf("start again: %v", err)
	}
	draft := b.create(b.input())
	if err := campaigns.Delete(b.ctx, b.pool, draft.ID); err != nil {
		t.Error(err)
	}
	var missing *fault.NotFound
	for name, err := range map[string]error{
		"get":    second(campaigns.Get(b.ctx, b.pool, 999)),
		"pause":  second(campaigns.Pause(b.ctx, b.pool, start, 999)),
		"delete": campaigns.Delete(b.ctx, b.pool, 999),
		"update": second(campaigns.Update(b.ctx, b.pool, start, 999, in)),
		"report": second(campaigns.GetReport(b.ctx, b.pool, 999, 0)),
	} {
		if !errors.As(err, &missing) {
			t.Errorf("%s of an unknown campaign: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestTestSendsNeedAddresses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.create(b.input())
	for field, in := range map[string]campaigns.TestInput{
		"addresses":           {},
		"addresses[1]":        {Addresses: []string{"a@b.example", "nobody"}},
		"contact_external_id": {Addresses: []string{"a@b.example"}, ContactExternalID: "who"},
	} {
		_, err := campaigns.Test(b.ctx, b.pool, start, c.ID, in)
		var inv *fault.Invalid
		if !errors.As(err, &inv) || inv.Field != field {
			t.Errorf("%v; want field %s", err, field)
		}
	}
}

func TestChunksAreTakenByOneAtATime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 450, "'p' || i || '@x.example'", "", "subscribed")
	c, _ := b.plan(b.create(b.input()))
	due, err := messages.DueChunks(b.ctx, b.pool, start, c.Run.ID)
	if err != nil || len(due) != 1 {
		t.Fatalf("before the first mail was accepted: %v, %v; want one chunk", due, err)
	}
	if again, _ := messages.DueChunks(b.ctx, b.pool, start, c.Run.ID); len(again) != 0 {
		t.Fatalf("knocked twice: %v", again)
	}
	var taken sync.Map
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() {
			if k, ok, err := messages.Take(b.ctx, b.pool, start, due[0].ID); err != nil {
				t.Error(err)
			} else if ok {
				taken.Store(i, k)
			}
		})
	}
	workers.Wait()
	var k messages.Chunk
	n := 0
	taken.Range(func(_, v any) bool { k, n = v.(messages.Chunk), n+1; return true })
	if n != 1 {
		t.Fatalf("%d workers took it", n)
	}
	claimed, err := messages.Claim(b.ctx, b.pool, start, k.ID, k.Epoch, 5, messages.SendingRules{})
	if err != nil || len(claimed) != 5 {
		t.Fatal(err)
	}
	results := make([]messages.Result, 5)
	for i, m := range claimed {
		results[i] = messages.Result{ID: m.ID, State: messages.Sent}
	}
	if _, err := messages.Record(b.ctx, b.pool, start, k.Epoch, results); err != nil {
		t.Fatal(err)
	}
	if due, err = messages.DueChunks(b.ctx, b.pool, start, c.Run.ID); err != nil || len(due) != 2 {
		t.Fatalf("once a mail was accepted: %v, %v; want the other two", due, err)
	}
	if held, goOn, err := messages.Renew(b.ctx, b.pool, start.Add(10*time.Second), k); err != nil || !held || !goOn {
		t.Fatalf("renew: %v, %v, %v", held, goOn, err)
	}
	if chunks, lost, err := messages.Recover(b.ctx, b.pool, nil, start.Add(20*time.Second)); err != nil || lost != 0 || chunks != 0 {
		t.Fatalf("recovered a renewed lease: %d, %d, %v", chunks, lost, err)
	}
	if _, err := campaigns.Pause(b.ctx, b.pool, start, c.ID); err != nil {
		t.Fatal(err)
	}
	if held, goOn, err := messages.Renew(b.ctx, b.pool, start.Add(11*time.Second), k); err != nil || !held || goOn {
		t.Fatalf("renew while paused: %v, %v, %v; the lease is kept, but nothing more is to be offered", held, goOn, err)
	}
	if _, ok, _ := messages.Take(b.ctx, b.pool, start, due[0].ID); ok {
		t.Fatal("took a chunk of a paused campaign")
	}
}

func TestCampaignsArePaged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 5 {
		in := b.input()
		in.Name = fmt.Sprint("c", i)
		b.create(in)
	}
	var names []string
	for cursor := int64(0); ; {
		page, next, err := campaigns.List(b.ctx, b.pool, campaigns.Filter{Cursor: cursor, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			names = append(names, c.Name)
		}
		if next == 0 {
			break
		}
		cursor = next
	}
	if got := strings.Join(names, " "); got != "c4 c3 c2 c1 c0" {
		t.Fatalf("listed %s", got)
	}
}

func TestOnlyWhatIsUnknownCanBeResolved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 3, "'p' || i || '@x.example'", "", "subscribed")
	c, _ := b.plan(b.create(b.input()))
	var id int64
	b.query(&id, `SELECT min(id) FROM messages`)
	var conflict *fault.Conflict
	var invalid *fault.Invalid
	var missing *fault.NotFound
	if _, _, err := campaigns.ResolveMessage(b.ctx, b.pool, start, id, campaigns.AsSent); !errors.As(err, &conflict) || conflict.State != "planned" {
		t.Errorf("a planned message: %v", err)
	}
	if _, _, err := campaigns.ResolveMessage(b.ctx, b.pool, start, id, "lost"); !errors.As(err, &invalid) || invalid.Field != "as" {
		t.Errorf("an unknown resolution: %v", err)
	}
	if _, _, err := campaigns.ResolveMessage(b.ctx, b.pool, start, 999, campaigns.AsSent); !errors.As(err, &missing) {
		t.Errorf("an unknown message: %v", err)
	}
	if n, _, err := campaigns.ResolveRun(b.ctx, b.pool, start, c.ID, campaigns.Resend); err != nil || n != 0 {
		t.Errorf("a run without unknown messages: %d, %v", n, err)
	}
	b.exec(`UPDATE messages SET state = 'unknown', in_doubt = true WHERE id = $1`, id)
	if _, err := campaigns.Cancel(b.ctx, b.pool, start, c.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := campaigns.ResolveRun(b.ctx, b.pool, start, c.ID, campaigns.Resend); !errors.As(err, &conflict) || conflict.State != "cancelled" {
		t.Errorf("resend of a cancelled campaign: %v", err)
	}
	if n, _, err := campaigns.ResolveRun(b.ctx, b.pool, start, c.ID, campaigns.AsSent); err != nil || n != 1 {
		t.Errorf("as sent: %d, %v", n, err)
	}
}
