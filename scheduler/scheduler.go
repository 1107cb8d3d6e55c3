// Package scheduler is the clock of Posthorn: it finds rows that are due and
// knocks for them. It holds no state, so any number of schedulers may run.
//
// Each sweep does three things, each harmless to repeat: it begins campaigns whose
// time has come, takes chunks away from workers that died, and knocks for every
// open run. The last one is what heals a Redis that was away or was flushed: a
// knock that is still queued is the same task (see package tasks), one that was
// lost is made again, and counted as a repair (repairs.go).
package scheduler

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/imports"
	"posthorn/internal/check"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/internal/pulse"
	"posthorn/journeys"
	"posthorn/messages"
	"posthorn/queues"
	"posthorn/tasks"
	"posthorn/webhooks"
)

// Scheduler sweeps until its context ends.
type Scheduler struct {
	Pool    *pgxpool.Pool
	Tasks   *tasks.Client
	Flights *flight.Recorder
	Clock   clock.Clock
	Log     *slog.Logger
	Every   time.Duration // between sweeps; 0 means DefaultEvery
	Queues  *queues.Desk  // nil: pauses are not kept
	Pulse   *pulse.Recorder

	engine *journeys.Engine

	mu   sync.Mutex
	last pulse.Scheduler
}

// DefaultEvery is how often rows are looked at: the longest that a lost knock
// delays a mail.
const DefaultEvery = 2 * time.Second

// Run sweeps until ctx ends.
func (s *Scheduler) Run(ctx context.Context) {
	every := s.Every
	if every == 0 {
		every = DefaultEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	s.last = pulse.Scheduler{Every: every.Seconds()}
	s.Pulse.IsScheduler(s.state)
	var quiet quieter
	for {
		began := time.Now()
		err := s.Sweep(ctx)
		if ctx.Err() != nil {
			return
		}
		s.swept(time.Since(began), err)
		quiet.log(s.Log, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// swept keeps how the last sweep went, for whoever wants to know.
func (s *Scheduler) swept(took time.Duration, err error) {
	now := s.Clock()
	as := "done"
	if err != nil {
		as = "failed"
	}
	s.Pulse.Add(pulse.Sweeps, "", as, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.Sweeps++
	s.last.Took = took.Seconds()
	s.last.Error = ""
	if err != nil {
		s.last.Error = check.WithoutAddresses(err.Error())
		return
	}
	s.last.FinishedAt = now
}

func (s *Scheduler) state() pulse.Scheduler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Sweep looks once. It goes on after an error, so that one broken campaign does
// not stop the others, and returns the first.
func (s *Scheduler) Sweep(ctx context.Context) error {
	var first error
	keep := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	now := s.Clock()
	keep(campaigns.BeginDue(ctx, s.Pool, now))
	chunks, unknown, err := messages.Recover(ctx, s.Pool, s.Flights, now)
	keep(err)
	s.Pulse.Add(pulse.Repairs, repairLease, "", int64(chunks))
	if unknown > 0 {
		s.Log.Warn("a worker was lost; the mails it was just offering are now unknown", "messages", unknown)
	}
	keep(s.sweepCampaigns(ctx, now))
	keep(s.sweepJourneys(ctx, now))
	keep(s.sweepWebhooks(ctx, now))
	if s.Queues != nil {
		repaired, err := s.Queues.KeepPaused(ctx)
		keep(err)
		s.Pulse.Add(pulse.Repairs, repairPause, "", int64(repaired))
	}
	keep(s.sweepImports(ctx, now))
	return first
}

// sweepCampaigns knocks for every open run.
func (s *Scheduler) sweepCampaigns(ctx context.Context, now time.Time) error {
	runs, err := campaigns.OpenRuns(ctx, s.Pool)
	if err != nil {
		return err
	}
	for _, run := range runs {
		// Redis is away: the next sweep tries again.
		if err := s.knock(ctx, tasks.TypeRun, tasks.Row{ID: run.RunID, Epoch: run.Epoch}, run.Epoch == 0 && late(now, run.StartedAt)); err != nil {
			return err
		}
	}
	return nil
}

// sweepJourneys notes whose segments and dates came, and knocks for what is due.
func (s *Scheduler) sweepJourneys(ctx context.Context, now time.Time) error {
	if s.engine == nil {
		s.engine = journeys.NewEngine(nil)
	}
	if err := s.engine.Look(ctx, s.Pool, now); err != nil {
		return err
	}
	due, err := journeys.FindDue(ctx, s.Pool, now)
	if err != nil {
		return err
	}
	if due.Happenings {
		if err := s.knock(ctx, tasks.TypeHappenings, tasks.Row{}, s.overdue(now, due.NotedAt)); err != nil {
			return err
		}
	}
	for i, id := range due.Journeys {
		if err := s.knock(ctx, tasks.TypeJourney, tasks.Row{ID: id}, s.overdue(now, due.Since[i])); err != nil {
			return err
		}
	}
	chunks, err := messages.DueTriggered(ctx, s.Pool, now)
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if err := s.knock(ctx, tasks.TypeTriggered, tasks.Row{ID: c.ID, Epoch: c.Epoch}, c.Again); err != nil {
			return err
		}
	}
	return nil
}

// sweepWebhooks knocks for calls that are due: the first ones whose knock got lost,
// those to be made again, and those of a worker that died.
func (s *Scheduler) sweepWebhooks(ctx context.Context, now time.Time) error {
	since, due, err := webhooks.AnyDue(ctx, s.Pool, now)
	if err != nil || !due {
		return err
	}
	return s.knock(ctx, tasks.TypeWebhooks, tasks.Row{}, s.overdue(now, since))
}

// sweepImports knocks for imports that wait and for those of a worker that died, and
// deletes what is not kept any more.
func (s *Scheduler) sweepImports(ctx context.Context, now time.Time) error {
	due, err := imports.Due(ctx, s.Pool, now)
	if err != nil {
		return err
	}
	for _, k := range due {
		if err := s.knock(ctx, tasks.TypeImport, tasks.Row{ID: k.ID, Epoch: k.Epoch}, false); err != nil {
			return err
		}
	}
	return imports.Tidy(ctx, s.Pool, now)
}

// quieter logs a lasting trouble once when it begins, then every minute, and once
// when it is over.
type quieter struct {
	since, last time.Time
}

func (q *quieter) log(log *slog.Logger, err error) {
	now := time.Now()
	switch {
	case err == nil && !q.since.IsZero():
		log.Info("sweep works again", "after", now.Sub(q.since).Round(time.Second))
		*q = quieter{}
	case err != nil && (q.since.IsZero() || now.Sub(q.last) >= time.Minute):
		if q.since.IsZero() {
			q.since = now
		}
		q.last = now
		log.Error("sweep failed; trying again", "error", err)
	}
}
