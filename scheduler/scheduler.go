// Package scheduler is the clock of Posthorn: it finds rows that are due and
// knocks for them. It holds no state, so any number of schedulers may run.
//
// Each sweep does three things, each harmless to repeat: it begins campaigns whose
// time has come, takes chunks away from workers that died, and knocks for every
// open run. The last one is what heals a Redis that was away or was flushed: a
// knock that is still queued is the same task (see package tasks), one that was
// lost is made again.
package scheduler

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/flight"
	"posthorn/journeys"
	"posthorn/messages"
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

	engine *journeys.Engine
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
	var quiet quieter
	for {
		err := s.Sweep(ctx)
		if ctx.Err() != nil {
			return
		}
		quiet.log(s.Log, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
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

	unknown, err := messages.Recover(ctx, s.Pool, s.Flights, now)
	keep(err)
	if unknown > 0 {
		s.Log.Warn("a worker was lost; the mails it was just offering are now unknown", "messages", unknown)
	}

	runs, err := campaigns.OpenRuns(ctx, s.Pool)
	keep(err)
	for _, run := range runs {
		if err := s.Tasks.KnockRun(ctx, run.RunID, run.Epoch); err != nil {
			keep(err)
			break // Redis is away: the next sweep tries again
		}
	}
	keep(s.sweepJourneys(ctx, now))
	keep(s.sweepWebhooks(ctx, now))
	return first
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
		if err := s.Tasks.KnockHappenings(ctx); err != nil {
			return err
		}
	}
	for _, id := range due.Journeys {
		if err := s.Tasks.KnockJourney(ctx, id); err != nil {
			return err
		}
	}
	chunks, err := messages.DueTriggered(ctx, s.Pool, now)
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if err := s.Tasks.KnockTriggered(ctx, c.ID, c.Epoch); err != nil {
			return err
		}
	}
	return nil
}

// sweepWebhooks knocks for calls that are due: the first ones whose knock got lost,
// those to be made again, and those of a worker that died.
func (s *Scheduler) sweepWebhooks(ctx context.Context, now time.Time) error {
	due, err := webhooks.AnyDue(ctx, s.Pool, now)
	if err != nil || !due {
		return err
	}
	return s.Tasks.KnockWebhooks(ctx)
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
