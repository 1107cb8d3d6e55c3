package worker_test

import (
	"context"
	"testing"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/internal/pulse"
	"posthorn/internal/smtptest"
	"posthorn/queues"
	"posthorn/relays"
	"posthorn/scheduler"
	"posthorn/tasks"
	"posthorn/worker"
)

// counting starts a worker that is heard of; look tells and looks.
func (s *shop) counting() (look func() queues.Overview) {
	s.t.Helper()
	rec := pulse.New(s.rc, clock.System, "worker", "test")
	s.work(func(d *worker.Deps) { d.Pulse = rec })
	desk := queues.NewDesk(s.pool, s.rc, clock.System)
	return func() queues.Overview {
		s.t.Helper()
		if err := rec.Tell(context.Background()); err != nil {
			s.t.Fatal(err)
		}
		o, err := desk.Look(context.Background(), 0)
		if err != nil {
			s.t.Fatal(err)
		}
		return o
	}
}

// see looks until ok.
func (s *shop) see(what string, look func() queues.Overview, ok func(queues.Overview) bool) queues.Overview {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		o := look()
		if ok(o) {
			return o
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain until %s: %+v", what, o)
		}
	}
}

func queueOf(o queues.Overview, name string) queues.Queue {
	for _, q := range o.Queues {
		if q.Name == name {
			return q
		}
	}
	return queues.Queue{}
}

func TestWhatAWorkerDoesIsSeen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(120)
	look := s.counting()
	s.schedule()
	j := s.follow(`{}`)
	c := s.campaign(html)
	s.start(c)
	s.order("O1", 1)
	s.awaitEnd(c.ID)
	o := s.see("the follow-up was sent, too", look, func(o queues.Overview) bool {
		return queueOf(o, tasks.QueueTriggered).Latency != nil && queueOf(o, tasks.QueueBulk).Latency != nil
	})
	bulk, triggered, events := queueOf(o, tasks.QueueBulk), queueOf(o, tasks.QueueTriggered), queueOf(o, tasks.QueueEvents)
	if l := bulk.Latency; l.Mails != 120 || l.P50 <= 0 || l.P95 < l.P50 || l.P95 > 60 {
		t.Errorf("campaign: %+v", *l)
	}
	if l := triggered.Latency; l.Mails != 1 || l.P50 <= 0 || l.P50 > 60 {
		t.Errorf("follow-up of journey %d: %+v", j, *l)
	}
	if bulk.Rate <= 0 || bulk.Throughput <= 0 || bulk.TasksRate <= 0 || bulk.Waiting != 0 || *bulk.DrainIn != 0 || bulk.Done == 0 || events.Rate <= 0 {
		t.Errorf("%+v", bulk)
	}
	if len(o.Workers) != 1 || o.Workers[0].Lost || len(o.Workers[0].Slots) != len(tasks.Queues) || o.Workers[0].Slots[0].Queue != tasks.QueueTriggered {
		t.Errorf("%+v", o.Workers)
	}
	if r := o.Relays[0]; r.State != pulse.Closed || r.Accepted != 121 || r.Rate <= 0 || r.Limit == 0 || r.InUse+r.Idle == 0 || len(r.Workers) != 1 {
		t.Errorf("%+v", r)
	}
	if o.Unknown != 0 || o.Redis != "ok" {
		t.Errorf("%+v", o)
	}
}

func TestWorkUnderWayIsSeen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(3)
	hold := make(chan struct{})
	s.relay.Script(smtptest.Rule{Phase: smtptest.Dot, Until: hold})
	look := s.counting()
	s.schedule()
	c := s.campaign(html)
	s.start(c)
	o := s.see("a worker is at the chunk", look, func(o queues.Overview) bool {
		for _, w := range o.Workers {
			for _, at := range w.Work {
				if at.Type == tasks.TypeChunk && at.Row > 0 && !at.Since.IsZero() && at.Queue == tasks.QueueBulk {
					return true
				}
			}
		}
		return false
	})
	if q := queueOf(o, tasks.QueueBulk); q.Active != 1 {
		t.Errorf("%+v", q)
	}
	s.see("its mails wait", look, func(o queues.Overview) bool { return queueOf(o, tasks.QueueBulk).Waiting == 3 })
	close(hold)
	s.awaitEnd(c.ID)
}

func TestACircuitIsSeenToOpenAndClose(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(3)
	s.relay.Down()
	look := s.counting()
	s.schedule()
	c := s.campaign(html)
	s.start(c)
	o := s.see("the circuit is open", look, func(o queues.Overview) bool { return o.Relays[0].State == pulse.Open })
	r := o.Relays[0]
	if r.Since == nil || r.Until == nil || !r.Until.After(*r.Since) || r.Reason != "relay_unreachable" || r.Detail == "" || r.Workers[0].Failures == 0 {
		t.Errorf("%+v", r)
	}
	s.relay.Up(t)
	s.awaitEnd(c.ID)
	s.see("the circuit is closed", look, func(o queues.Overview) bool { return o.Relays[0].State == pulse.Closed })
	s.exactlyOnce(3)
}

// A login that is refused is no reason to wait, but one that somebody has to see.
func TestARefusedLoginIsSeen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(3)
	password := "wrong"
	if _, err := relays.Put(context.Background(), s.pool, clock.System(), secret, relays.PutInput{
		Name: "default", Host: s.relay.Host, Port: s.relay.Port, TLS: "none", Username: "u@x.example", Password: &password}); err != nil {
		t.Fatal(err)
	}
	look := s.counting()
	s.schedule()
	c := s.campaign(html)
	s.start(c)
	s.await(c.ID, "it pauses itself", func(c campaigns.Campaign) bool { return c.Status == campaigns.Paused })
	if r := look().Relays[0]; r.State != pulse.HalfOpen || r.Reason != "login_failed" || r.Since == nil {
		t.Errorf("%+v", r)
	}
}

// A queue that is paused stands still, also after Redis forgot that it is.
func TestAPausedQueueStandsStill(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newShop(t)
	s.people(40)
	desk := queues.NewDesk(s.pool, s.rc, clock.System)
	rec := pulse.New(s.rc, clock.System, "scheduler", "test")
	sweeper := &scheduler.Scheduler{Pool: s.pool, Tasks: s.tasks, Flights: flight.NewRecorder(s.rc), Clock: clock.System, Log: quiet(),
		Every: 50 * time.Millisecond, Queues: desk, Pulse: rec}
	if err := desk.Pause(ctx, tasks.QueueBulk); err != nil {
		t.Fatal(err)
	}
	s.rc.FlushAll(ctx)
	s.background(sweeper.Run)
	look := s.counting()
	o := s.see("Redis was told again", look, func(queues.Overview) bool {
		return s.rc.Exists(ctx, "asynq:{bulk}:paused").Val() == 1
	})
	if q := queueOf(o, tasks.QueueBulk); q.PausedSince == nil {
		t.Errorf("%+v", q)
	}
	c := s.campaign(html)
	s.start(c)
	o = s.see("its first chunk waits", look, func(o queues.Overview) bool {
		return queueOf(o, tasks.QueueBulk).Pending > 0 && queueOf(o, tasks.QueueBulk).Waiting == 40
	})
	if q := queueOf(o, tasks.QueueBulk); q.DrainIn != nil || q.Active != 0 || len(s.relay.Mails()) != 0 {
		t.Errorf("%+v", q)
	}
	if err := desk.Resume(ctx, tasks.QueueBulk); err != nil {
		t.Fatal(err)
	}
	s.awaitEnd(c.ID)
	s.exactlyOnce(40)
	if counts, _ := rec.Totals(); counts[pulse.Key{What: pulse.Repairs, Of: "pause"}] != 1 {
		t.Errorf("%+v", counts)
	}
}

// What the sweep had to knock for again is counted, and nothing else is.
func TestRepairsAreCounted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newShop(t)
	s.people(2)
	s.follow(`{}`)
	rec := pulse.New(s.rc, clock.System, "scheduler", "test")
	later := clock.Clock(func() time.Time { return clock.System().Add(8 * time.Second) })
	sweeper := &scheduler.Scheduler{Pool: s.pool, Tasks: s.tasks, Flights: flight.NewRecorder(s.rc), Clock: later, Log: quiet(), Pulse: rec}
	sweep := func(want int64, when string) {
		t.Helper()
		if err := sweeper.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		counts, _ := rec.Totals()
		if got := counts[pulse.Key{What: pulse.Repairs, Of: "trigger_eval"}]; got != want {
			t.Errorf("%s: %d repairs, want %d", when, got, want)
		}
	}
	sweep(0, "nothing happened")
	s.order("O1", 1)
	if err := s.tasks.KnockHappenings(ctx); err != nil {
		t.Fatal(err)
	}
	sweep(0, "its knock is there")
	s.rc.FlushAll(ctx)
	sweep(1, "its knock was lost")
	sweep(1, "it was knocked for again")
	s.rc.FlushAll(ctx)
	sweep(2, "and was lost again")
}

func TestARelayIsTestedByAWorker(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newShop(t)
	s.counting()
	test := func(from, to string) relays.Test {
		t.Helper()
		var epoch int
		// Asked for as if it were later: one may be asked for every five seconds.
		now := clock.System().Add(-time.Minute / 2)
		if to != "" {
			now = clock.System()
		}
		epoch, err := relays.AskTest(ctx, s.pool, now, "default", from, to)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.tasks.KnockRelayTest(ctx, "default", epoch); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			list, err := relays.Tests(ctx, s.pool)
			if err != nil {
				t.Fatal(err)
			}
			if list["default"].FinishedAt != nil {
				return list["default"]
			}
		}
		t.Fatal("nobody made the test")
		return relays.Test{}
	}
	if got := test("", ""); !got.OK || got.Mailed || len(got.Steps) != 4 || got.Worker == "" || len(s.relay.Mails()) != 0 {
		t.Errorf("%+v", got)
	}
	if got := test("ops@shop.example", "me@x.example"); !got.OK || !got.Mailed || len(got.Steps) != 5 || got.Steps[3].Name != "mail" {
		t.Errorf("%+v", got)
	}
	mails := s.relay.WaitMails(t, 1)
	if m := mails[0]; m.To != "me@x.example" || m.From != "ops@shop.example" || m.Message(t).Header.Get("Subject") != "Test of the relay default" {
		t.Errorf("%s", m.Content)
	}
	var left int
	if err := s.pool.QueryRow(ctx, `SELECT count(*) FROM relay_tests WHERE recipient <> '' OR sender <> ''`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d tests know an address, %v", left, err)
	}
}
