package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/catalog"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/internal/smtptest"
	"posthorn/journeys"
	"posthorn/messages"
	"posthorn/relays"
	"posthorn/scheduler"
	"posthorn/templates"
	"posthorn/worker"
)

// follow publishes a journey that mails at once for every order.
func (s *shop) follow(exit string) int64 {
	s.t.Helper()
	return s.followWhere("{}", exit)
}

// followWhere is the same with something to say about who enters.
func (s *shop) followWhere(entry, exit string) int64 {
	s.t.Helper()
	ctx, now := context.Background(), clock.System()
	tpl, _, err := templates.Create(ctx, s.pool, now, "thanks", templates.Source{Subject: "Thanks {{ contact.first_name }}", HTML: html})
	if err != nil {
		s.t.Fatal(err)
	}
	j, err := journeys.Create(ctx, s.pool, now, "thanks", fmt.Appendf(nil, `{"trigger": {"type": "order", "on": "placed"}, "entry": %s, "exit": %s,
		"steps": [{"id": "thanks", "type": "send", "template_id": %d, "sender": {"name": "Shop", "address": "news@shop.example"}, "topic": "news"}]}`, entry, exit, tpl.ID))
	if err == nil {
		_, err = journeys.Publish(ctx, s.pool, now, j.ID)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return j.ID
}

func (s *shop) order(id string, person int) {
	s.t.Helper()
	s.orderOf(id, person, "CO")
}

func (s *shop) orderOf(id string, person int, sku string) {
	s.t.Helper()
	_, _, err := catalog.UpsertOrder(context.Background(), s.pool, clock.System(), catalog.OrderInput{
		OrderID: id, ContactExternalID: fmt.Sprint("c", person), PlacedAt: clock.System(), Items: []catalog.Item{{SKU: sku, Quantity: 1, UnitPrice: 10_0000}}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestAnOrderIsFollowedByItsMail(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(20)
	j := s.follow(`{}`)
	s.schedule()
	s.work()
	s.work()
	for i := range 20 {
		s.order(fmt.Sprint("O", i), i+1)
		s.order(fmt.Sprint("O", i), i+1) // delivered twice
		_ = s.tasks.KnockHappenings(context.Background())
	}
	s.relay.WaitMails(t, 20)
	time.Sleep(300 * time.Millisecond)
	s.exactlyOnce(20)
	all, err := journeys.Count(context.Background(), s.pool, j)
	if err != nil || all.Total.Finished != 20 {
		t.Fatalf("%+v, %v", all.Total, err)
	}
}

// Redis is away while the orders come: the sweep finds what nobody knocked for.
func TestFollowUpsSurviveAFlushAndALostKnock(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(10)
	s.follow(`{}`)
	s.work()
	for i := range 10 {
		s.order(fmt.Sprint("O", i), i+1)
	}
	s.rc.FlushAll(context.Background())
	s.schedule()
	s.relay.WaitMails(t, 10)
	s.exactlyOnce(10)
}

// What was planned and not sent before the refund is not sent after it.
func TestARefundStopsAMailThatWaits(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(1)
	s.follow(`{"on_refund": true}`)
	s.relay.Script(smtptest.Rule{Phase: smtptest.Rcpt, Times: 1, Reply: "450 4.2.1 later"})
	s.schedule()
	s.work(func(d *worker.Deps) { d.Retry = []time.Duration{2 * time.Second} })
	s.order("O1", 1)
	s.relay.WaitCommands(t, "RCPT TO:<p1@x.example>", 1)
	if _, err := s.pool.Exec(context.Background(), `UPDATE orders SET status = 'refunded'`); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	if n := len(s.relay.Mails()); n != 0 {
		t.Fatalf("%d mails after the refund", n)
	}
	list, _, err := messages.List(context.Background(), s.pool, messages.Filter{})
	if err != nil || len(list) != 1 || list[0].State.Settled() == false || list[0].State == messages.Sent {
		t.Fatalf("%+v, %v", list, err)
	}
}

// Mails are held for the night, and their enrolments are over. By the morning one contact
// has met the goal and one does not fit who may enter any more: only the third is mailed.
func TestAMailThatWasHeldIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(3)
	ctx := context.Background()
	var off atomic.Int64
	now := func() time.Time { return clock.System().Add(time.Duration(off.Load())) }
	at := func(d time.Duration) string { return now().Add(d).Format("15:04") }
	_, err := messages.PutSendingRules(ctx, s.pool, messages.SendingRules{QuietHours: &messages.QuietHours{From: at(-time.Hour), To: at(2 * time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	j := s.followWhere(`{"key": "contact", "if": {"field": "country", "operator": "!=", "value": "Norway"}}`,
		`{"goal": {"field": "bought.product", "operator": "bought", "value": "GR", "from": "trigger"}}`)
	s.background(func(ctx context.Context) {
		(&scheduler.Scheduler{Pool: s.pool, Tasks: s.tasks, Flights: flight.NewRecorder(s.rc), Clock: now, Log: quiet(), Every: 100 * time.Millisecond}).Run(ctx)
	})
	s.work(func(d *worker.Deps) { d.Clock = now })
	mails := func() map[string]messages.Message {
		list, _, err := messages.List(ctx, s.pool, messages.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		byEmail := map[string]messages.Message{}
		for _, m := range list {
			byEmail[m.Email] = m
		}
		return byEmail
	}
	await := func(what string, so func(map[string]messages.Message) bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !so(mails()); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, mails())
			}
		}
	}
	for i := range 3 {
		s.order(fmt.Sprint("O", i+1), i+1)
	}
	await("all are held", func(m map[string]messages.Message) bool {
		return len(m) == 3 && m["p1@x.example"].Reason == messages.ReasonQuietHours && m["p2@x.example"].Reason == messages.ReasonQuietHours && m["p3@x.example"].Reason == messages.ReasonQuietHours
	})
	if all, err := journeys.Count(ctx, s.pool, j); err != nil || all.Total.Finished != 3 {
		t.Fatalf("%+v, %v", all.Total, err)
	}
	s.orderOf("O4", 1, "GR")
	if _, err := s.pool.Exec(ctx, `UPDATE contacts SET country = 'Norway' WHERE external_id = 'c2'`); err != nil {
		t.Fatal(err)
	}
	s.awaitPut()
	off.Store(int64(2*time.Hour + time.Minute))
	await("all are settled", func(m map[string]messages.Message) bool {
		return m["p1@x.example"].State.Settled() && m["p2@x.example"].State.Settled() && m["p3@x.example"].State.Settled()
	})
	if m := mails()["p1@x.example"]; m.State != messages.Skipped || m.Reason != journeys.ReasonGoal || m.Attempts != 0 || m.Detail == "" {
		t.Errorf("the goal was met: %+v", m)
	}
	if m := mails()["p2@x.example"]; m.State != messages.Skipped || m.Reason != journeys.ReasonFilter || m.Attempts != 0 || m.Detail == "" {
		t.Errorf("entry.if does not hold any more: %+v", m)
	}
	if m := mails()["p3@x.example"]; m.State != messages.Sent {
		t.Errorf("still fits: %+v", m)
	}
	if n := len(s.relay.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
	told, err := journeys.Explain(ctx, s.pool, now(), j, "c2", nil)
	if err != nil || len(told.Enrolments) != 1 || !slices.ContainsFunc(told.Enrolments[0].Sentences, func(s journeys.Sentence) bool {
		return strings.HasSuffix(s.Text, "it is skipped (no_longer_wanted)")
	}) {
		t.Errorf("%+v, %v", told, err)
	}
}

// A relay that refuses the login pauses the journey, with words; once it is mended
// and the journey resumed, the mail goes out.
func TestAJourneyPausesItselfWhereOnlyAPersonCanHelp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(1)
	j := s.follow(`{}`)
	ctx := context.Background()
	if err := relays.Delete(ctx, s.pool, "default"); err != nil {
		t.Fatal(err)
	}
	s.schedule()
	s.work()
	s.order("O1", 1)
	paused := func() journeys.Journey {
		got, err := journeys.Get(ctx, s.pool, j)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for until := time.Now().Add(30 * time.Second); paused().Status != journeys.Paused; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%+v", paused())
		}
	}
	if paused().StatusReason == "" {
		t.Error("it does not say why")
	}
	s.putRelay(relays.PutInput{})
	if _, err := journeys.Resume(ctx, s.pool, clock.System(), j); err != nil {
		t.Fatal(err)
	}
	s.relay.WaitMails(t, 1)
}
