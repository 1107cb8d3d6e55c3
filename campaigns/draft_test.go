package campaigns_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/campaigns"
	"posthorn/internal/fault"
)

func TestADraftMayHaveGaps(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.create(campaigns.Input{Name: "only a name", By: "Anna"})
	if c.TemplateID != 0 || c.Sender.Address != "" || c.Topic != "" || c.Relay != "default" || c.Revision != 1 || c.UpdatedBy != "Anna" {
		t.Fatalf("%+v", c)
	}
	_, err := campaigns.Start(b.ctx, b.pool, start, c.ID)
	var list fault.List
	if !errors.As(err, &list) || len(list) != 3 || list[0].Field != "template_id" || list[1].Field != "sender.address" || list[2].Field != "topic" {
		t.Fatalf("start with gaps: %v", err)
	}
	if c = b.get(c.ID); c.Status != campaigns.Draft {
		t.Fatalf("%s", c.Status)
	}
	var invalid *fault.Invalid
	if _, err := campaigns.EstimateAudience(b.ctx, b.pool, start, c.ID); !errors.As(err, &invalid) || invalid.Field != "topic" {
		t.Errorf("estimate without a topic: %v", err)
	}
	if _, err := campaigns.Test(b.ctx, b.pool, start, c.ID, campaigns.TestInput{Addresses: []string{"a@b.example"}}); !errors.As(err, &list) || len(list) != 2 {
		t.Errorf("a test without template and sender: %v", err)
	}
	in := campaigns.Input{Name: "c", TemplateID: b.tpl, Sender: campaigns.Sender{Address: "news@shop.example"}}
	if c, err = campaigns.Update(b.ctx, b.pool, start, c.ID, in); err != nil || c.TemplateID != b.tpl || c.Revision != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := campaigns.Test(b.ctx, b.pool, start, c.ID, campaigns.TestInput{Addresses: []string{"a@b.example"}}); err != nil {
		t.Errorf("a test needs no topic: %v", err)
	}
}

func TestWhoChangesAnOldRevisionIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.create(b.input())
	anna, ben := b.input(), b.input()
	anna.Name, anna.Revision, anna.By = "Anna's", c.Revision, "Anna"
	ben.Topic, ben.Revision, ben.By = "offers", c.Revision, "Ben"
	if c, err := campaigns.Update(b.ctx, b.pool, start.Add(time.Minute), c.ID, anna); err != nil || c.Revision != 2 || c.UpdatedBy != "Anna" {
		t.Fatalf("%+v, %v", c, err)
	}
	_, err := campaigns.Update(b.ctx, b.pool, start.Add(2*time.Minute), c.ID, ben)
	var stale *campaigns.Stale
	var conflict *fault.Conflict
	if !errors.As(err, &stale) || stale.Present.Name != "Anna's" || stale.Present.Revision != 2 || stale.Present.UpdatedBy != "Anna" || !stale.Present.UpdatedAt.Equal(start.Add(time.Minute)) {
		t.Fatalf("%v", err)
	}
	if !errors.As(err, &conflict) || conflict.State != "draft" {
		t.Errorf("it is no conflict to those who know nothing else: %v", err)
	}

	// The answer to Anna's request was lost, and her page makes it again: nothing is lost, and nothing changes.
	if c, err := campaigns.Update(b.ctx, b.pool, start.Add(3*time.Minute), c.ID, anna); err != nil || c.Revision != 2 || !c.UpdatedAt.Equal(start.Add(time.Minute)) {
		t.Errorf("%+v, %v", c, err)
	}
	ben.Revision = 2
	if c, err := campaigns.Update(b.ctx, b.pool, start.Add(4*time.Minute), c.ID, ben); err != nil || c.Revision != 3 || c.Topic != "offers" || c.Name != "c" {
		t.Errorf("%+v, %v", c, err)
	}
	ben.Revision, ben.Name = 9, "later"
	if _, err := campaigns.Update(b.ctx, b.pool, start, c.ID, ben); !errors.As(err, &stale) {
		t.Errorf("a revision that is not there yet: %v", err)
	}
	ben.Revision = 0
	if c, err := campaigns.Update(b.ctx, b.pool, start, c.ID, ben); err != nil || c.Revision != 4 {
		t.Errorf("without a revision whatever is there is replaced: %+v, %v", c, err)
	}
}

// Of many who save the same revision at once one wins, and every other one is told.
func TestOneOfManyWhoSaveAtOnceWins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.create(b.input())
	var mu sync.Mutex
	var won []string
	var people sync.WaitGroup
	for i := range 12 {
		people.Go(func() {
			in := b.input()
			in.Name, in.Revision = fmt.Sprint("by ", i), c.Revision
			_, err := campaigns.Update(b.ctx, b.pool, start, c.ID, in)
			var stale *campaigns.Stale
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, in.Name)
			} else if !errors.As(err, &stale) {
				t.Error(err)
			}
		})
	}
	people.Wait()
	if got := b.get(c.ID); len(won) != 1 || got.Name != won[0] || got.Revision != 2 {
		t.Errorf("won: %q; it is %q at %d", won, got.Name, got.Revision)
	}
}

func TestTheSameScheduleIsNoChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := time.Date(2026, 6, 1, 11, 0, 0, 123_456_789, time.FixedZone("", 7200))
	in := b.input()
	in.Schedule = &campaigns.Schedule{At: &at}
	c := b.create(in)
	again := b.input()
	same := at.UTC()
	again.Schedule = &campaigns.Schedule{At: &same}
	if c, err := campaigns.Update(b.ctx, b.pool, start, c.ID, again); err != nil || c.Revision != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	again.Schedule = &campaigns.Schedule{Cron: "0 9 * * *"}
	if c, err := campaigns.Update(b.ctx, b.pool, start, c.ID, again); err != nil || c.Revision != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	again.Schedule = &campaigns.Schedule{Cron: "0 9 * * *", Timezone: "UTC"}
	if c, err := campaigns.Update(b.ctx, b.pool, start, c.ID, again); err != nil || c.Revision != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	again.Schedule = nil
	if c, err := campaigns.Update(b.ctx, b.pool, start, c.ID, again); err != nil || c.Revision != 3 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhatWasSeenIsWhatIsStarted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people(1, 2, "'p' || i || '@x.example'", "", "subscribed")
	c := b.create(b.input())
	in := b.input()
	in.Name = "another"
	if _, err := campaigns.Update(b.ctx, b.pool, start, c.ID, in); err != nil {
		t.Fatal(err)
	}
	accepted := []campaigns.Accepted{{ID: "dkim", What: "unsigned"}}
	approval := campaigns.Approval{By: "Anna", Revision: c.Revision, Accepted: accepted}
	var stale *campaigns.Stale
	if _, err := campaigns.StartApproved(b.ctx, b.pool, start, c.ID, approval); !errors.As(err, &stale) || b.get(c.ID).Status != campaigns.Draft {
		t.Fatalf("an older revision: %v", err)
	}
	approval.Revision = 2
	c, err := campaigns.StartApproved(b.ctx, b.pool, start, c.ID, approval)
	if err != nil || c.Status != campaigns.Running {
		t.Fatalf("%s, %v", c.Status, err)
	}
	want := &campaigns.Approval{By: "Anna", At: start, Revision: 2, Accepted: accepted}
	if diff := cmp.Diff(want, c.Approval); diff != "" {
		t.Errorf("approval (-want +got):\n%s", diff)
	}
}

func TestUnscheduled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := b.input()
	in.Schedule = &campaigns.Schedule{Cron: "30 9 * * *"}
	c := b.create(in)
	if _, err := campaigns.Start(b.ctx, b.pool, start, c.ID); err != nil {
		t.Fatal(err)
	}
	c, err := campaigns.Unschedule(b.ctx, b.pool, start, c.ID)
	if err != nil || c.Status != campaigns.Draft || c.NextRunAt != nil || c.Approval != nil {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := campaigns.BeginDue(b.ctx, b.pool, start.Add(time.Hour)); err != nil || b.get(c.ID).Run != nil {
		t.Fatalf("it ran all the same, or %v", err)
	}
	if c, err = campaigns.Start(b.ctx, b.pool, start, c.ID); err != nil {
		t.Fatal(err)
	}
	if err := campaigns.BeginDue(b.ctx, b.pool, *c.NextRunAt); err != nil {
		t.Fatal(err)
	}
	c = b.get(c.ID)
	if _, err := campaigns.PlanPage(b.ctx, b.pool, start, c.Run.ID); err != nil {
		t.Fatal(err)
	}
	run, _, err := campaigns.LookAt(b.ctx, b.pool, c.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := campaigns.Finish(b.ctx, b.pool, start.Add(time.Hour), run); err != nil || b.get(c.ID).Status != campaigns.Scheduled {
		t.Fatalf("%s, %v", b.get(c.ID).Status, err)
	}
	var conflict *fault.Conflict
	if _, err := campaigns.Unschedule(b.ctx, b.pool, start, c.ID); !errors.As(err, &conflict) || conflict.State != "scheduled" {
		t.Errorf("after it has run: %v", err)
	}
}

func TestWhoElseIsHere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.create(b.input())
	here := func(after time.Duration, tab, name string, want ...string) {
		t.Helper()
		p, err := campaigns.Here(b.ctx, b.pool, start.Add(after), c.ID, tab, name)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range p.Editors {
			names = append(names, e.Name)
		}
		if !slices.Equal(names, want) || p.Revision != 1 {
			t.Errorf("%s sees %q at %d, want %q", tab, names, p.Revision, want)
		}
	}
	here(0, "a", "Anna")
	here(5*time.Second, "b", "Ben", "Anna")
	here(10*time.Second, "a", "Anna", "Ben")
	here(15*time.Second, "a2", "Anna", "Anna", "Ben") // her other tab
	if err := campaigns.Gone(b.ctx, b.pool, c.ID, "a2"); err != nil {
		t.Fatal(err)
	}
	here(20*time.Second, "b", "Ben", "Anna")
	here(10*time.Second+campaigns.EditorGone+time.Second, "b", "Ben")
	var n int
	b.query(&n, `SELECT count(*) FROM campaign_editors`)
	if n != 1 {
		t.Errorf("%d rows are left", n)
	}
	for i := range 200 {
		if _, err := campaigns.Here(b.ctx, b.pool, start.Add(time.Hour), c.ID, fmt.Sprint("flood", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	b.query(&n, `SELECT count(*) FROM campaign_editors`)
	if n > 50 {
		t.Errorf("%d rows can be made", n)
	}
	var missing *fault.NotFound
	if _, err := campaigns.Here(b.ctx, b.pool, start, 999, "a", ""); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	var invalid *fault.Invalid
	if _, err := campaigns.Here(b.ctx, b.pool, start, c.ID, "", ""); !errors.As(err, &invalid) || invalid.Field != "tab" {
		t.Errorf("%v", err)
	}
}
