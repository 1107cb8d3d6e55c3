package campaigns_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/campaigns"
	"posthorn/internal/fault"
	"posthorn/messages"
)

func TestCampaignsAreFound(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 3, "'p' || i || '@x.example'", "", "subscribed")
	named := func(name string) campaigns.Campaign {
		in := b.input()
		in.Name = name
		return b.create(in)
	}
	spring := named("Spring 100%")
	named("Spring sale")
	autumn := named("Autumn SPRING leaves")
	b.plan(spring)
	b.plan(autumn)
	if _, err := campaigns.Pause(b.ctx, b.pool, start, autumn.ID); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		filter campaigns.Filter
		want   string
	}{
		{campaigns.Filter{}, "Autumn SPRING leaves, Spring sale, Spring 100%"},
		{campaigns.Filter{Query: " spring "}, "Autumn SPRING leaves, Spring sale, Spring 100%"},
		{campaigns.Filter{Query: "0%"}, "Spring 100%"},
		{campaigns.Filter{Query: "_"}, ""},
		{campaigns.Filter{Status: []campaigns.Status{campaigns.Running, campaigns.Paused}}, "Autumn SPRING leaves, Spring 100%"},
		{campaigns.Filter{Status: []campaigns.Status{campaigns.Draft}, Query: "sale"}, "Spring sale"},
		{campaigns.Filter{Status: []campaigns.Status{campaigns.Failed}}, ""},
	} {
		list, _, err := campaigns.List(b.ctx, b.pool, tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range list {
			names = append(names, c.Name)
			if want := b.get(c.ID).Run; !cmp.Equal(want, c.Run) {
				t.Errorf("%s: its run is %+v, want %+v", c.Name, c.Run, want)
			}
		}
		if got := strings.Join(names, ", "); got != tt.want {
			t.Errorf("%+v: %s; want %s", tt.filter, got, tt.want)
		}
	}
	var invalid *fault.Invalid
	if _, _, err := campaigns.List(b.ctx, b.pool, campaigns.Filter{Status: []campaigns.Status{"sent"}}); !errors.As(err, &invalid) || invalid.Field != "status" {
		t.Errorf("%v", err)
	}
}

func TestRunsAreListed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 3, "'p' || i || '@x.example'", "", "subscribed")
	in := b.input()
	in.Schedule = &campaigns.Schedule{Cron: "30 9 * * *"}
	c, err := campaigns.Start(b.ctx, b.pool, start, b.create(in).ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := campaigns.Test(b.ctx, b.pool, start, c.ID, campaigns.TestInput{Addresses: []string{"a@b.example"}}); err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for range 3 {
		now := *c.NextRunAt
		if err := campaigns.BeginDue(b.ctx, b.pool, now); err != nil {
			t.Fatal(err)
		}
		c = b.get(c.ID)
		ids = append([]int64{c.Run.ID}, ids...)
		if _, err := campaigns.PlanPage(b.ctx, b.pool, now, c.Run.ID); err != nil {
			t.Fatal(err)
		}
		b.exec(`UPDATE messages SET state = 'sent', sent_at = $1 WHERE state = 'planned'`, now)
		b.exec(`UPDATE chunks SET done_at = $1`, now)
		run, _, err := campaigns.LookAt(b.ctx, b.pool, c.Run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := campaigns.Finish(b.ctx, b.pool, now, run); err != nil {
			t.Fatal(err)
		}
		c = b.get(c.ID)
	}
	var got []int64
	for cursor := int64(0); ; {
		page, next, err := campaigns.Runs(b.ctx, b.pool, c.ID, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			got = append(got, r.ID)
			if r.Recipients != 3 || r.Sent != 3 || r.CampaignID != c.ID || r.TemplateID != b.tpl || r.TemplateVersion != 1 || r.FinishedAt == nil {
				t.Errorf("%+v", r)
			}
			if report, err := campaigns.GetReport(b.ctx, b.pool, c.ID, r.ID); err != nil || report.Run.ID != r.ID || len(report.Reasons) != 1 {
				t.Errorf("report of run %d: %+v, %v", r.ID, report, err)
			}
		}
		if cursor = next; next == 0 {
			break
		}
	}
	if !cmp.Equal(got, ids) {
		t.Errorf("runs %v, want %v", got, ids)
	}
	var missing *fault.NotFound
	if _, _, err := campaigns.Runs(b.ctx, b.pool, 999, 0, 0); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	other := b.create(b.input())
	if _, err := campaigns.GetReport(b.ctx, b.pool, other.ID, ids[0]); !errors.As(err, &missing) {
		t.Errorf("a report of another campaign's run: %v", err)
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	b := newBench(t) // Monday 4 May 2026, 09:00 UTC
	b.people(1, 2, "'p' || i || '@x.example'", "", "subscribed")
	day := func(d, h int) time.Time { return time.Date(2026, 5, d, h, 0, 0, 0, time.UTC) }
	scheduled := func(name string, s *campaigns.Schedule, begin bool) campaigns.Campaign {
		in := b.input()
		in.Name, in.Schedule = name, s
		c := b.create(in)
		if begin {
			if _, err := campaigns.Start(b.ctx, b.pool, start, c.ID); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	at, past := day(12, 8), day(1, 8)
	scheduled("now", nil, true)
	weekly := scheduled("weekly", &campaigns.Schedule{Cron: "0 9 * * TUE", Timezone: "Europe/Berlin"}, true)
	scheduled("once", &campaigns.Schedule{At: &at}, true)
	scheduled("draft", &campaigns.Schedule{At: &at}, false)
	scheduled("old draft", &campaigns.Schedule{At: &past}, false)
	scheduled("no time", nil, false)

	show := func(now, from, until time.Time) string {
		t.Helper()
		list, more, err := campaigns.Calendar(b.ctx, b.pool, now, from, until)
		if err != nil || more {
			t.Fatalf("%v, more %t", err, more)
		}
		var lines []string
		for _, h := range list {
			lines = append(lines, h.At.UTC().Format("2 Jan 15:04 ")+h.Name+" "+h.Kind)
		}
		return strings.Join(lines, "\n")
	}
	if got, want := show(start, day(4, 0), day(20, 0)), `4 May 09:00 now run
5 May 07:00 weekly planned
12 May 07:00 weekly planned
12 May 08:00 draft draft
12 May 08:00 once planned
19 May 07:00 weekly planned`; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := show(start, day(6, 0), day(12, 7)); got != "" {
		t.Errorf("between two ticks: %s", got)
	}
	if got, want := show(start, day(12, 7), day(12, 8)), "12 May 07:00 weekly planned"; got != want {
		t.Errorf("from counts, until does not: %s", got)
	}
	if got := show(start, day(1, 0), day(2, 0)); got != "1 May 08:00 old draft draft" {
		t.Errorf("a draft whose time has passed: %s", got)
	}
	// While a tick's run is under way, the later ones still come.
	if err := campaigns.BeginDue(b.ctx, b.pool, day(5, 7)); err != nil || b.get(weekly.ID).Status != campaigns.Running {
		t.Fatalf("%v", err)
	}
	if got, want := show(day(5, 8), day(5, 0), day(13, 0)), "5 May 07:00 weekly run\n12 May 07:00 weekly planned\n12 May 08:00 draft draft\n12 May 08:00 once planned"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}

	scheduled("each minute", &campaigns.Schedule{Cron: "* * * * *"}, true)
	list, more, err := campaigns.Calendar(b.ctx, b.pool, start, day(4, 0), day(20, 0))
	if err != nil || !more || len(list) > 1000 {
		t.Errorf("%d entries, more %t, %v", len(list), more, err)
	}
	var invalid *fault.Invalid
	for _, until := range []time.Time{day(4, 0), day(4, 0).Add(campaigns.LongestPeriod + time.Hour)} {
		if _, _, err := campaigns.Calendar(b.ctx, b.pool, start, day(4, 0), until); !errors.As(err, &invalid) || invalid.Field != "until" {
			t.Errorf("%v", err)
		}
	}
}

func TestTicksOfASchedule(t *testing.T) {
	t.Parallel()
	show := func(s campaigns.Schedule, after time.Time, n int) string {
		t.Helper()
		ticks, err := s.Ticks(after, n)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, at := range ticks {
			lines = append(lines, at.Format("2 Jan 15:04"))
		}
		return strings.Join(lines, ", ")
	}
	// The week in which clocks are put forward: 09:00 in Berlin is 08:00 UTC before and 07:00 after.
	if got, want := show(campaigns.Schedule{Cron: "0 9 * * *", Timezone: "Europe/Berlin"}, time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), 4), "28 Mar 08:00, 29 Mar 07:00, 30 Mar 07:00, 31 Mar 07:00"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	at := start.Add(time.Hour)
	if got := show(campaigns.Schedule{At: &at}, start, 5); got != "4 May 10:00" {
		t.Errorf("once: %s", got)
	}
	if got := show(campaigns.Schedule{At: &at}, at, 5); got != "" {
		t.Errorf("past: %s", got)
	}
	for field, s := range map[string]campaigns.Schedule{
		"schedule.cron":     {Cron: "61 * * * *"},
		"schedule.timezone": {Cron: "0 9 * * *", Timezone: "Mars/Olympus"},
		"schedule":          {},
	} {
		_, err := s.Ticks(start, 5)
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%+v: %v, want %s", s, err, field)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 1000, "'p' || i || '@' || CASE WHEN i > 900 THEN 'slow.example' ELSE 'x.example' END", "", "subscribed")
	c := b.create(b.input())
	var meter campaigns.Meter
	look := func(after time.Duration) campaigns.Progress {
		t.Helper()
		p, err := meter.Look(b.ctx, b.pool, start.Add(after), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := look(0); p.Run != nil || p.PerSecond != nil || p.Status != campaigns.Draft || p.Revision != 1 {
		t.Errorf("a draft: %+v", p)
	}
	c, _ = b.plan(c)
	sent := func(n int) {
		b.exec(`UPDATE messages SET state = 'sent' WHERE id IN (SELECT id FROM messages WHERE state = 'planned' ORDER BY id LIMIT $1)`, n)
	}
	if p := look(time.Second); p.PerSecond != nil || p.SecondsLeft != nil || p.Run.Planned != 1000 {
		t.Errorf("the first look: %+v", p)
	}
	sent(100)
	look(2 * time.Second)
	sent(100)
	p := look(3 * time.Second)
	if p.PerSecond == nil || *p.PerSecond != 100 || p.SecondsLeft == nil || *p.SecondsLeft != 9 || p.Run.Sent != 200 {
		t.Errorf("200 in 2 s of 1000: %+v", p)
	}
	// It is the last seconds that count: nothing was sent in them.
	for s := 4; s <= 20; s++ {
		p = look(time.Duration(s) * time.Second)
	}
	if p.PerSecond == nil || *p.PerSecond != 0 || p.SecondsLeft != nil {
		t.Errorf("nothing for 10 s: %v, %v", p.PerSecond, p.SecondsLeft)
	}
	sent(700)
	b.exec(`
		UPDATE messages SET state = 'deferred', reason = 'recipient_deferred', detail = 'greylisted', due_at = $1, updated_at = $1
		WHERE state = 'planned'`, start.Add(time.Minute))
	b.exec(`
		UPDATE chunks k SET due_at = $1::timestamptz, done_at = CASE WHEN NOT EXISTS (SELECT FROM messages m WHERE m.chunk_id = k.id AND m.state = 'deferred') THEN $1::timestamptz END`, start.Add(time.Minute))
	p = look(21 * time.Second)
	want := []messages.Deferral{{Domain: "slow.example", Reason: "recipient_deferred", N: 100, DueAt: start.Add(time.Minute), Detail: "greylisted"}}
	if diff := cmp.Diff(want, p.Deferrals); diff != "" || p.DeferralsOf != 100 || p.NextTryAt == nil || !p.NextTryAt.Equal(start.Add(time.Minute)) {
		t.Errorf("deferrals (-want +got):\n%s%d, %v", diff, p.DeferralsOf, p.NextTryAt)
	}
	if *p.SecondsLeft != 0 {
		t.Errorf("nothing but what is deferred is left, and takes %d s", *p.SecondsLeft)
	}
	if _, err := campaigns.Pause(b.ctx, b.pool, start, c.ID); err != nil {
		t.Fatal(err)
	}
	if p = look(22 * time.Second); p.PerSecond != nil || p.Status != campaigns.Paused {
		t.Errorf("paused: %+v", p)
	}
	var n int64
	for _, r := range p.Reasons {
		n += r.N
	}
	if n != p.Run.Recipients || n != 1000 {
		t.Errorf("the reasons add up to %d of %d", n, p.Run.Recipients)
	}
}
