package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/internal/smtptest"
	"posthorn/messages"
	"posthorn/scheduler"
	"posthorn/worker"
)

// draftThatResends writes a campaign whose mails in doubt are sent again.
func (s *shop) draftThatResends() campaigns.Campaign {
	s.t.Helper()
	c := s.campaign(html)
	c, err := campaigns.Update(context.Background(), s.pool, clock.System(), c.ID, campaigns.Input{
		Name: c.Name, TemplateID: c.TemplateID, Topic: c.Topic, Sender: c.Sender, InDoubt: campaigns.SendAgain})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func TestWhatMustArriveIsSentAgainWhereTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(30)
	// p7 is accepted, and the relay hangs up instead of saying so.
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, To: "p7@x.example", Times: 1, Keep: true, Cut: true})
	c := s.draftThatResends()
	s.schedule()
	s.work()
	s.start(c)
	if end := s.awaitEnd(c.ID); end.Run.Sent != 30 {
		t.Fatalf("%+v", *end.Run)
	}
	ids := map[string]int{}
	for _, m := range s.relay.Mails() {
		ids[m.MessageID]++
	}
	row := s.list(c.ID)["p7@x.example"]
	if len(ids) != 30 || ids[row.MessageID] != 2 || row.Attempts != 2 || !row.InDoubt {
		t.Errorf("%d Message-IDs; that of p7 came %d times, its row is %+v", len(ids), ids[row.MessageID], row)
	}
}

func TestWhatMustArriveIsSentAgainAfterADeath(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(30)
	c := s.draftThatResends()
	ctx := context.Background()
	_, record, claimed := s.abandon(c.ID, 3)
	if err := record.Offer(ctx, claimed[0].ID, nil); err != nil {
		t.Fatal(err)
	}
	s.schedule()
	s.work()
	if end := s.awaitEnd(c.ID); end.Run.Sent != 30 || end.Run.Unknown != 0 {
		t.Fatalf("%+v", *end.Run)
	}
	s.exactlyOnce(30)
	for email, m := range s.list(c.ID) {
		if m.InDoubt != (m.ID == claimed[0].ID) {
			t.Errorf("%s: in doubt is %v", email, m.InDoubt)
		}
	}
}

func TestACancelDoesNotHideWhatMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(5)
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, To: "p3@x.example", Keep: true, Cut: true})
	c := s.draftThatResends()
	s.schedule()
	s.work(func(d *worker.Deps) { d.Retry = []time.Duration{time.Hour} })
	s.start(c)
	s.await(c.ID, "one is deferred", func(c campaigns.Campaign) bool { return c.Run.Sent == 4 && c.Run.Deferred == 1 })
	if _, err := campaigns.Cancel(context.Background(), s.pool, clock.System(), c.ID); err != nil {
		t.Fatal(err)
	}
	end := s.awaitEnd(c.ID)
	if end.Run.Sent != 4 || end.Run.Unknown != 1 || end.Run.Cancelled != 0 {
		t.Fatalf("%+v", *end.Run)
	}
	if m := s.list(c.ID)["p3@x.example"]; m.State != messages.Unknown || m.Reason != messages.ReasonCampaignCancelled {
		t.Errorf("%+v", m)
	}
}

// A pause lets the mail in flight end, however long the relay takes: its chunk's
// lease must not run out meanwhile.
func TestAPausedShiftKeepsItsLeaseForTheAnswer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("outlasts a lease")
	}
	s := newShop(t)
	s.people(3)
	answer := make(chan struct{})
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, To: "p2@x.example", Until: answer})
	c := s.campaign(html)
	s.schedule()
	s.work(func(d *worker.Deps) { d.Delivery.DotTimeout = time.Minute })
	s.start(c)
	s.relay.WaitMails(t, 1)
	s.relay.WaitCommands(t, "RCPT TO:<p2@x.example>", 1)
	if _, err := campaigns.Pause(context.Background(), s.pool, clock.System(), c.ID); err != nil {
		t.Fatal(err)
	}
	time.Sleep(messages.Lease + 2*time.Second)
	if m := s.list(c.ID)["p2@x.example"]; m.State != messages.Sending {
		t.Errorf("while the relay sits on its answer: %+v", m)
	}
	close(answer)
	s.await(c.ID, "the answer is recorded", func(c campaigns.Campaign) bool { return c.Run.Sent == 2 && c.Run.Planned == 1 })
}

// The clock that all share jumps an hour ahead and, later, back: leases seem to
// have run out long ago, or to last for ever.
func TestAJumpOfTheClockLosesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const n = 600
	s.people(n)
	var off atomic.Int64
	jumping := func() time.Time { return clock.System().Add(time.Duration(off.Load())) }
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, Delay: 4 * time.Millisecond})
	c := s.campaign(html)
	s.background(func(ctx context.Context) {
		(&scheduler.Scheduler{Pool: s.pool, Tasks: s.tasks, Flights: flight.NewRecorder(s.rc), Clock: jumping, Log: quiet(), Every: 50 * time.Millisecond}).Run(ctx)
	})
	for range 2 {
		s.work(func(d *worker.Deps) { d.Clock = jumping })
	}
	s.start(c)
	s.relay.WaitMails(t, 60)
	off.Store(int64(time.Hour))
	s.relay.WaitMails(t, 200)
	off.Store(0)
	// What was put off for a moment while the clock was ahead waits for that moment. Here it comes sooner.
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if run, err := campaigns.Get(context.Background(), s.pool, c.ID); err == nil && run.Run.FinishedAt != nil {
			break
		}
	}
	off.Store(int64(time.Hour + time.Minute))
	// A lease that seems to have run out costs no more than one that did: a mail per connection in doubt.
	end := s.awaitEnd(c.ID)
	if end.Run.Sent+end.Run.Unknown != n || end.Run.Unknown > 2*4 {
		t.Fatalf("%+v", *end.Run)
	}
	got := map[string]int{}
	for _, m := range s.relay.Mails() {
		got[m.MessageID]++
	}
	for email, m := range s.list(c.ID) {
		if times := got[m.MessageID]; times > 1 || m.State == messages.Sent && times == 0 {
			t.Errorf("%s is %s, and the relay took it %d times", email, m.State, times)
		}
	}
}
