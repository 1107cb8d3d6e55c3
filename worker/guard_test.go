package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/messages"
	"posthorn/scheduler"
	"posthorn/worker"
)

// A campaign comes to a contact for whom it is night and to one for whom it is day; the
// night goes by; a second campaign comes too soon for both.
func TestQuietHoursHoldAndTheCapSkips(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(2)
	ctx := context.Background()
	var off atomic.Int64
	now := func() time.Time { return clock.System().Add(time.Duration(off.Load())) }
	s.background(func(ctx context.Context) {
		(&scheduler.Scheduler{Pool: s.pool, Tasks: s.tasks, Flights: flight.NewRecorder(s.rc), Clock: now, Log: quiet(), Every: 100 * time.Millisecond}).Run(ctx)
	})
	s.work(func(d *worker.Deps) { d.Clock = now })

	morning := now().Add(2 * time.Hour).Truncate(time.Minute)
	clockOf := func(t time.Time) string { return t.Format("15:04") }
	_, err := messages.PutSendingRules(ctx, s.pool, messages.SendingRules{
		FrequencyCap: &messages.FrequencyCap{Mails: 1, Days: 7},
		QuietHours:   &messages.QuietHours{From: clockOf(now().Add(-time.Hour)), To: clockOf(morning)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.pool.Exec(ctx, `UPDATE contacts SET timezone = 'Etc/GMT+12' WHERE email = 'p2@x.example'`); err != nil {
		t.Fatal(err)
	}
	first := s.campaign(html)
	s.start(first)
	s.await(first.ID, "one is sent and one held", func(c campaigns.Campaign) bool { return c.Run.Sent == 1 && c.Run.Deferred == 1 })
	held := s.list(first.ID)["p1@x.example"]
	if held.State != messages.Deferred || held.Reason != messages.ReasonQuietHours || held.Attempts != 0 || !held.DueAt.Equal(morning) {
		t.Errorf("by night: %+v", held)
	}
	s.awaitPut()
	off.Store(int64(2 * time.Hour))
	s.awaitEnd(first.ID)
	if m := s.list(first.ID)["p1@x.example"]; m.State != messages.Sent || m.Attempts != 1 {
		t.Errorf("in the morning: %+v", m)
	}
	s.exactlyOnce(2)

	second := s.campaign(html)
	s.start(second)
	if end := s.awaitEnd(second.ID); end.Status != campaigns.Finished || end.Run.Skipped != 2 {
		t.Errorf("%s, %+v", end.Status, end.Run)
	}
	for email, m := range s.list(second.ID) {
		if m.Reason != messages.ReasonCapped {
			t.Errorf("%s: %+v", email, m)
		}
	}
	s.exactlyOnce(2)
}

// awaitPut waits until no chunk is with a worker: only then may a test's clock move on,
// or the lease would seem to have run out.
func (s *shop) awaitPut() {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var leased bool
		err := s.pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM chunks WHERE lease_until IS NOT NULL)`).Scan(&leased)
		switch {
		case err != nil || time.Now().After(deadline):
			s.t.Fatal("a chunk was not put back", err)
		case !leased:
			return
		}
	}
}
