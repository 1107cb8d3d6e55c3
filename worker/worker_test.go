package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"posthorn/campaigns"
	"posthorn/contacts"
	"posthorn/delivery"
	"posthorn/internal/clock"
	"posthorn/internal/embedded"
	"posthorn/internal/flight"
	"posthorn/internal/pgtest"
	"posthorn/internal/redistest"
	"posthorn/internal/smtptest"
	"posthorn/messages"
	"posthorn/relays"
	"posthorn/scheduler"
	"posthorn/tasks"
	"posthorn/templates"
	"posthorn/tracking"
	"posthorn/worker"
)

// TestMain sees, after all tests, that no worker and no scheduler left a goroutine
// behind, whatever they went through.
func TestMain(m *testing.M) {
	code := pgtest.Run(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const secret = "a secret for tests, long enough"

// shop is a whole Posthorn without HTTP: Postgres, Redis, a relay, a scheduler and
// as many workers as the test starts.
type shop struct {
	t     *testing.T
	pool  *pgxpool.Pool
	redis *embedded.Redis
	rc    *redis.Client
	tasks *tasks.Client
	relay *smtptest.Server
	links tracking.Links
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, pool: pgtest.New(t), redis: redistest.New(t), relay: smtptest.New(t, smtptest.Options{}), links: tracking.NewLinks("https://mail.shop.example", secret)}
	var err error
	if s.rc, err = tasks.Open(t.Context(), s.redis.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.rc.Close() })
	s.tasks = tasks.NewClient(s.rc)
	s.putRelay(relays.PutInput{})
	return s
}

func (s *shop) putRelay(in relays.PutInput) {
	s.t.Helper()
	in.Name, in.Host, in.Port, in.TLS = "default", s.relay.Host, s.relay.Port, "none"
	if in.Connections == 0 {
		in.Connections = 4
	}
	if _, err := relays.Put(context.Background(), s.pool, clock.System(), secret, in); err != nil {
		s.t.Fatal(err)
	}
}

// schedule starts a scheduler that ends with the test.
func (s *shop) schedule() {
	s.background(func(ctx context.Context) {
		(&scheduler.Scheduler{Pool: s.pool, Tasks: s.tasks, Flights: flight.NewRecorder(s.rc), Clock: clock.System, Log: quiet(), Every: 100 * time.Millisecond}).Run(ctx)
	})
}

// work starts a worker; the returned function ends it in order.
func (s *shop) work(change ...func(*worker.Deps)) (stop func()) {
	d := worker.Deps{Pool: s.pool, Redis: s.rc, Clock: clock.System, Log: quiet(), Links: s.links, Secret: secret, Concurrency: 4,
		Retry:    []time.Duration{50 * time.Millisecond, 100 * time.Millisecond},
		Delivery: delivery.Options{CommandTimeout: 5 * time.Second, DotTimeout: 5 * time.Second}}
	for _, c := range change {
		c(&d)
	}
	return s.background(func(ctx context.Context) {
		if err := worker.New(d).Run(ctx); err != nil {
			s.t.Error(err)
		}
	})
}

func (s *shop) background(fn func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); fn(ctx) }()
	stop = func() { cancel(); <-done }
	s.t.Cleanup(stop)
	return stop
}

// people adds n subscribed contacts p1@x.example, p2@…
func (s *shop) people(n int) {
	s.t.Helper()
	list := make([]contacts.Input, n)
	for i := range list {
		email, name := fmt.Sprintf("p%d@x.example", i+1), fmt.Sprintf("Pat %d <&>", i+1)
		list[i] = contacts.Input{ExternalID: fmt.Sprint("c", i+1), Email: &email, FirstName: &name, Topics: map[string]string{"news": "subscribed"}}
	}
	items, err := contacts.UpsertBatch(context.Background(), s.pool, clock.System(), list, "test")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, item := range items {
		if item.Error != nil {
			s.t.Fatal(item.Error)
		}
	}
}

const html = `<html><body><p>Hello {{ contact.first_name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`

// campaign writes a draft to everyone subscribed to news.
func (s *shop) campaign(html string) campaigns.Campaign {
	s.t.Helper()
	ctx, now := context.Background(), clock.System()
	tpl, _, err := templates.Create(ctx, s.pool, now, "hello", templates.Source{Subject: "Hello {{ contact.first_name }}", HTML: html})
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := campaigns.Create(ctx, s.pool, now, campaigns.Input{Name: "hello", TemplateID: tpl.ID, Topic: "news",
		Sender: campaigns.Sender{Name: "The Shop", Address: "news@shop.example"}})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// start starts a campaign and knocks, as the API does.
func (s *shop) start(c campaigns.Campaign) {
	s.t.Helper()
	c, err := campaigns.Start(context.Background(), s.pool, clock.System(), c.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = s.tasks.KnockRun(context.Background(), c.Run.ID, c.Run.Epoch)
}

// await polls a campaign until ok, and checks on the way that its states add up.
func (s *shop) await(id int64, what string, ok func(campaigns.Campaign) bool) campaigns.Campaign {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := campaigns.Get(context.Background(), s.pool, id)
		if err != nil {
			s.t.Fatal(err)
		}
		if ok(c) {
			return c
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain until %s; the campaign is %s (%s), its run %+v", what, c.Status, c.StatusReason, c.Run)
		}
	}
}

func (s *shop) awaitEnd(id int64) campaigns.Campaign {
	s.t.Helper()
	// The status is read before the run: for a moment a finished run's campaign may still be called running.
	return s.await(id, "it is finished", func(c campaigns.Campaign) bool {
		return c.Run != nil && c.Run.FinishedAt != nil && c.Status != campaigns.Running
	})
}

// exactlyOnce fails unless each of n addresses p1… got exactly one mail.
func (s *shop) exactlyOnce(n int) {
	s.t.Helper()
	got := map[string]int{}
	for _, m := range s.relay.Mails() {
		got[m.To]++
	}
	for i := range n {
		if to := fmt.Sprintf("p%d@x.example", i+1); got[to] != 1 {
			s.t.Errorf("%s got %d mails", to, got[to])
		}
	}
	if len(got) != n {
		s.t.Errorf("%d addresses got mail, want %d", len(got), n)
	}
}

// list returns a campaign's messages by address.
func (s *shop) list(id int64) map[string]messages.Message {
	s.t.Helper()
	page, _, err := messages.List(context.Background(), s.pool, messages.Filter{CampaignID: id, Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	byEmail := map[string]messages.Message{}
	for _, m := range page {
		byEmail[m.Email] = m
	}
	return byEmail
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestACampaignReachesEverybodyOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(450)
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.work() // a second worker, on the same queues
	s.start(c)
	c = s.awaitEnd(c.ID)
	if c.Status != campaigns.Finished || c.Run.Sent != 450 || c.Run.Recipients != 450 {
		t.Fatalf("%s, %+v", c.Status, c.Run)
	}
	s.exactlyOnce(450)

	ledger := s.list(c.ID)
	for _, m := range s.relay.Mails()[:20] {
		row, msg := ledger[m.To], m.Message(t)
		if m.MessageID != row.MessageID || row.QueueID != m.QueueID || row.SentAt == nil || row.Attempts != 1 {
			t.Errorf("ledger %+v, mail %s %s", row, m.MessageID, m.QueueID)
		}
		link := s.links.Unsubscribe(row.ID)
		for header, want := range map[string]string{
			"List-Unsubscribe": "<" + link + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "List-Id": "<news.shop.example>",
			"From": `"The Shop" <news@shop.example>`,
		} {
			if got := msg.Header.Get(header); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
		if !strings.HasPrefix(msg.Header.Get("Content-Type"), "multipart/alternative") {
			t.Errorf("Content-Type: %q", msg.Header.Get("Content-Type"))
		}
		if body := string(m.Content); !strings.Contains(body, "Pat") || strings.Contains(body, "<&>") && !strings.Contains(body, "&lt;&amp;&gt;") {
			t.Errorf("not personalised or not escaped:\n%s", body)
		}
	}
}

func TestAnswersBecomeStatesWithReasons(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(6)
	s.relay.Script(
		smtptest.Rule{Phase: smtptest.Rcpt, To: "p1@x.example", Reply: "550 5.1.1 no such user"},
		smtptest.Rule{Phase: smtptest.Rcpt, To: "p2@x.example", Times: 1, Reply: "451 4.7.1 greylisted"},
		smtptest.Rule{Phase: smtptest.Rcpt, To: "p3@x.example", Reply: "452 4.2.2 mailbox full"},
		smtptest.Rule{Phase: smtptest.Dot, To: "p4@x.example", Cut: true, Keep: true},
		smtptest.Rule{Phase: smtptest.Data, To: "p5@x.example", Times: 1, Cut: true},
	)
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	c = s.awaitEnd(c.ID)
	if c.Status != campaigns.Finished {
		t.Fatalf("%s: %s", c.Status, c.StatusReason)
	}
	ledger := s.list(c.ID)
	check := func(to string, state messages.State, code int, enhanced string, attempts int) messages.Message {
		t.Helper()
		m := ledger[to]
		if m.State != state || m.Code != code || m.EnhancedCode != enhanced || m.Attempts != attempts {
			t.Errorf("%s: %+v; want %s %d %s after %d attempts", to, m, state, code, enhanced, attempts)
		}
		if state != messages.Sent && (m.Reason == "" || m.Detail == "") {
			t.Errorf("%s: no reason: %+v", to, m)
		}
		return m
	}
	check("p1@x.example", messages.Failed, 550, "5.1.1", 1)
	check("p2@x.example", messages.Sent, 250, ledger["p6@x.example"].EnhancedCode, 2)
	if m := check("p3@x.example", messages.Failed, 452, "4.2.2", 3); m.Reason != messages.ReasonGaveUp {
		t.Errorf("given up with reason %s", m.Reason)
	}
	check("p4@x.example", messages.Unknown, 0, "", 1)
	check("p5@x.example", messages.Sent, 250, ledger["p6@x.example"].EnhancedCode, 2)
}

func TestUnsubscribedAfterTheFreezeIsNotMailed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(3)
	c := s.campaign(html)
	ctx := context.Background()
	// Planned while no worker may send yet.
	c, err := campaigns.Start(ctx, s.pool, clock.System(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := campaigns.PlanPage(ctx, s.pool, clock.System(), c.Run.ID); err != nil {
		t.Fatal(err)
	}
	m := s.list(c.ID)["p2@x.example"]
	if m.State != messages.Planned {
		t.Fatalf("planned: %+v", m)
	}
	if err := tracking.Unsubscribe(ctx, s.pool, clock.System(), m.ID, "all"); err != nil {
		t.Fatal(err)
	}
	s.schedule()
	s.work()
	c = s.awaitEnd(c.ID)
	if c.Run.Sent != 2 || c.Run.Skipped != 1 {
		t.Fatalf("%+v", c.Run)
	}
	if m := s.list(c.ID)["p2@x.example"]; m.State != messages.Skipped || m.Reason != messages.ReasonSuppressed {
		t.Fatalf("%+v", m)
	}
}

func TestPauseStopsSoonResumeGoesOnCancelSettles(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(2000)
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, Delay: 10 * time.Millisecond})
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	s.await(c.ID, "some are sent", func(c campaigns.Campaign) bool { return c.Run.Sent > 40 })

	ctx := context.Background()
	if _, err := campaigns.Pause(ctx, s.pool, clock.System(), c.ID); err != nil {
		t.Fatal(err)
	}
	held := s.await(c.ID, "nothing is in flight", func(c campaigns.Campaign) bool { return c.Run.Sending == 0 })
	if held.Run.Sent == 2000 {
		t.Fatal("nothing was left to pause")
	}
	time.Sleep(300 * time.Millisecond)
	later, _ := campaigns.Get(ctx, s.pool, c.ID)
	if later.Run.Sent != held.Run.Sent || later.Status != campaigns.Paused {
		t.Fatalf("sent %d while paused (%s)", later.Run.Sent-held.Run.Sent, later.Status)
	}

	if _, err := campaigns.Resume(ctx, s.pool, clock.System(), c.ID); err != nil {
		t.Fatal(err)
	}
	s.await(c.ID, "it goes on", func(c campaigns.Campaign) bool { return c.Run.Sent > held.Run.Sent+20 })
	if _, err := campaigns.Cancel(ctx, s.pool, clock.System(), c.ID); err != nil {
		t.Fatal(err)
	}
	end := s.awaitEnd(c.ID)
	if end.Status != campaigns.Cancelled || end.Run.Sent+end.Run.Cancelled != 2000 || end.Run.Cancelled == 0 {
		t.Fatalf("%s, %+v", end.Status, end.Run)
	}
	if n := len(s.relay.Mails()); int64(n) != end.Run.Sent {
		t.Fatalf("the relay took %d, the ledger says %d", n, end.Run.Sent)
	}
}

func TestFiftyFailuresPauseTheCampaign(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(500)
	s.relay.Script(smtptest.Rule{Phase: smtptest.Mail, Reply: "553 5.7.1 not your domain"})
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	c = s.await(c.ID, "it paused itself", func(c campaigns.Campaign) bool { return c.Status == campaigns.Paused })
	if !strings.Contains(c.StatusReason, "sender_refused") || !strings.Contains(c.StatusReason, "not your domain") {
		t.Errorf("status_reason: %q", c.StatusReason)
	}
	c = s.await(c.ID, "nothing is in flight", func(c campaigns.Campaign) bool { return c.Run.Sending == 0 })
	if c.Run.Failed < 50 || c.Run.Failed > 60 {
		t.Errorf("%d failed before it paused", c.Run.Failed)
	}
	s.relay.ClearScript()
	if _, err := campaigns.Resume(context.Background(), s.pool, clock.System(), c.ID); err != nil {
		t.Fatal(err)
	}
	if end := s.awaitEnd(c.ID); end.Run.Sent+end.Run.Failed != 500 || end.Run.Failed != c.Run.Failed {
		t.Errorf("after it was mended: %+v", end.Run)
	}
}

func TestARelayThatIsMissingPausesWithWords(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(3)
	if err := relays.Delete(context.Background(), s.pool, "default"); err != nil {
		t.Fatal(err)
	}
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	c = s.await(c.ID, "it paused itself", func(c campaigns.Campaign) bool { return c.Status == campaigns.Paused })
	if !strings.Contains(c.StatusReason, `"default"`) || !strings.Contains(c.StatusReason, "PUT /api/v1/relays/default") || c.Run.Planned != 3 {
		t.Fatalf("%q, %+v", c.StatusReason, c.Run)
	}
}

func TestNothingIsLostWhenTheRelayIsAway(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(120)
	s.relay.Down()
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	waiting := s.await(c.ID, "a mail waits for the relay", func(c campaigns.Campaign) bool { return c.Run.Deferred > 0 })
	if waiting.Status != campaigns.Running {
		t.Fatalf("%s: %s", waiting.Status, waiting.StatusReason)
	}
	s.relay.Up(t)
	if end := s.awaitEnd(c.ID); end.Run.Sent != 120 {
		t.Fatalf("%+v", end.Run)
	}
	for to, m := range s.list(c.ID) {
		if m.Attempts != 1 {
			t.Errorf("%s: the relay's absence cost attempts: %d", to, m.Attempts)
		}
	}
	s.exactlyOnce(120)
}

func TestAFlushedRedisLosesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(800)
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, Delay: time.Millisecond})
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	for range 3 {
		time.Sleep(150 * time.Millisecond)
		if err := s.rc.FlushAll(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if end := s.awaitEnd(c.ID); end.Run.Sent != 800 {
		t.Fatalf("%+v", end.Run)
	}
	s.exactlyOnce(800)
}

func TestStoppingAWorkerLeavesNothingInDoubt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(600)
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, Delay: 3 * time.Millisecond})
	c := s.campaign(html)
	s.schedule()
	stop := s.work()
	s.start(c)
	s.await(c.ID, "some are sent", func(c campaigns.Campaign) bool { return c.Run.Sent > 60 })
	stop()
	held, err := campaigns.Get(context.Background(), s.pool, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if held.Run.Sending != 0 || held.Run.Unknown != 0 || held.Run.Sent == 600 {
		t.Fatalf("after the stop: %+v", held.Run)
	}
	s.work()
	if end := s.awaitEnd(c.ID); end.Run.Sent != 600 {
		t.Fatalf("%+v", end.Run)
	}
	s.exactlyOnce(600)
}

func TestATestSendGoesTheSameWay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(2)
	c := s.campaign(html)
	s.schedule()
	s.work()
	ctx := context.Background()
	run, err := campaigns.Test(ctx, s.pool, clock.System(), c.ID, campaigns.TestInput{Addresses: []string{"me@shop.example", "you@shop.example"}, ContactExternalID: "c2"})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.tasks.KnockRun(ctx, run.ID, run.Epoch)
	for _, m := range s.relay.WaitMails(t, 2) {
		if subject := m.Message(t).Header.Get("Subject"); !strings.HasPrefix(subject, "[Test] Hello Pat 2") {
			t.Errorf("subject %q", subject)
		}
	}
	if c, _ = campaigns.Get(ctx, s.pool, c.ID); c.Status != campaigns.Draft || c.Run != nil {
		t.Fatalf("the test changed the campaign: %s, %+v", c.Status, c.Run)
	}
}

func TestAWorkerThatDiesLeavesOneInDoubt(t *testing.T) {
	t.Parallel()
	t.Run("with its flight record", func(t *testing.T) { t.Parallel(); testDeath(t, false) })
	t.Run("without", func(t *testing.T) { t.Parallel(); testDeath(t, true) })
}

// abandon starts a campaign of one chunk, which a worker took long ago, claimed n of
// and was never heard of again.
func (s *shop) abandon(id int64, n int) (messages.Chunk, *flight.Record, []messages.Claimed) {
	s.t.Helper()
	ctx := context.Background()
	c, err := campaigns.Start(ctx, s.pool, clock.System(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := campaigns.PlanPage(ctx, s.pool, clock.System(), c.Run.ID); err != nil {
		s.t.Fatal(err)
	}
	due, err := messages.DueChunks(ctx, s.pool, clock.System(), c.Run.ID)
	if err != nil || len(due) != 1 {
		s.t.Fatalf("%v, %v", due, err)
	}
	past := clock.System().Add(-messages.Lease - time.Second)
	k, ok, err := messages.Take(ctx, s.pool, past, due[0].ID)
	if err != nil || !ok {
		s.t.Fatalf("take: %v, %v", ok, err)
	}
	record, err := flight.NewRecorder(s.rc).Begin(ctx, k.ID, k.Epoch)
	if err != nil {
		s.t.Fatal(err)
	}
	claimed, err := messages.Claim(ctx, s.pool, past, k.ID, k.Epoch, n, messages.SendingRules{})
	if err != nil || len(claimed) != n {
		s.t.Fatalf("claim: %d, %v", len(claimed), err)
	}
	return k, record, claimed
}

func testDeath(t *testing.T, lost bool) {
	s := newShop(t)
	s.people(30)
	c := s.campaign(html)
	ctx := context.Background()
	k, record, claimed := s.abandon(c.ID, 10)
	// Of the ten, one was accepted and the second was being offered; or, without the record, nobody knows.
	wantSent, wantUnknown := int64(29), int64(1)
	outcome := &flight.Outcome{MessageID: claimed[0].ID, Data: []byte(`{"State":"sent","QueueID":"Q0","Code":250}`)}
	if err := errors.Join(record.Offer(ctx, claimed[0].ID, nil), record.Offer(ctx, claimed[1].ID, outcome)); err != nil {
		t.Fatal(err)
	}
	if lost {
		wantSent, wantUnknown = 20, 10
		s.rc.FlushAll(ctx)
	}
	s.schedule()
	s.work()
	end := s.awaitEnd(c.ID)
	if end.Run.Sent != wantSent || end.Run.Unknown != wantUnknown {
		t.Fatalf("%+v", end.Run)
	}
	if n := len(s.relay.Mails()); !lost && n != 28 || lost && n != 20 {
		t.Fatalf("the relay took %d", n)
	}
	if !lost {
		if m := s.list(c.ID)[claimed[0].Email]; m.State != messages.Sent || m.QueueID != "Q0" {
			t.Errorf("accepted before the death: %+v", m)
		}
		if err := record.Offer(ctx, claimed[2].ID, nil); !errors.Is(err, flight.ErrLost) {
			t.Errorf("the late worker may offer: %v", err)
		}
	}
	// A person decides: one is taken for sent, the others are sent again.
	for email, m := range s.list(c.ID) {
		if m.State != messages.Unknown || wantUnknown == 1 {
			continue
		}
		if m, _, err := campaigns.ResolveMessage(ctx, s.pool, clock.System(), m.ID, campaigns.AsSent); err != nil || m.State != messages.Sent {
			t.Fatalf("resolve %s: %+v, %v", email, m, err)
		}
		break
	}
	if n, knock, err := campaigns.ResolveRun(ctx, s.pool, clock.System(), c.ID, campaigns.Resend); err != nil || n == 0 {
		t.Fatalf("resolve the run: %d, %v", n, err)
	} else {
		_ = s.tasks.KnockRun(ctx, knock.RunID, knock.Epoch)
	}
	if end = s.awaitEnd(c.ID); end.Run.Sent != 30 || end.Run.Unknown != 0 || end.Status != campaigns.Finished {
		t.Fatalf("after it was resolved: %s, %+v", end.Status, end.Run)
	}
	// Its late words about the chunk change nothing.
	if err := messages.Put(ctx, s.pool, clock.System(), k, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if held, goOn, err := messages.Renew(ctx, s.pool, clock.System(), k); held || goOn || err != nil {
		t.Fatalf("renewed a lost lease: %v, %v, %v", held, goOn, err)
	}
}

func TestAWorkerStopsInOrderAmidFaultsOfTheRelay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(200)
	s.relay.Script(
		smtptest.Rule{Phase: smtptest.Content, Skip: 5, Times: 2, After: 50, Cut: true},
		smtptest.Rule{Phase: smtptest.Dot, Skip: 10, Times: 2, Cut: true, Keep: true},
		smtptest.Rule{Phase: smtptest.Mail, Skip: 20, Times: 3, Reply: "421 4.3.2 too busy", Cut: true},
		smtptest.Rule{Phase: smtptest.Rcpt, Skip: 30, Times: 10, Reply: "451 4.2.1 later"},
		smtptest.Rule{Phase: smtptest.Dot, Skip: 60, Times: 2, Hang: true},
		smtptest.Rule{Phase: smtptest.Dot, Delay: 3 * time.Millisecond},
	)
	brief := func(d *worker.Deps) { d.Delivery.DotTimeout = time.Second }
	c := s.campaign(html)
	s.schedule()
	stop := s.work(brief)
	s.start(c)
	s.await(c.ID, "some are sent", func(c campaigns.Campaign) bool { return c.Run.Sent > 60 })
	stop()
	held, err := campaigns.Get(context.Background(), s.pool, c.ID)
	if err != nil || held.Run.Sending != 0 {
		t.Fatalf("after the stop: %+v, %v", held.Run, err)
	}
	s.work(brief)
	if end := s.awaitEnd(c.ID); end.Run.Sent+end.Run.Unknown != 200 || end.Run.Unknown > 6 {
		t.Fatalf("%+v", end.Run)
	}
	for _, m := range s.list(c.ID) {
		if m.State == messages.Unknown && m.Reason == messages.ReasonWorkerLost {
			t.Errorf("%+v", m)
		}
	}
}
