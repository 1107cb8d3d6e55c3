package web

import (
	"context"
	"log/slog"
	"time"

	"posthorn/campaigns"
	"posthorn/imports"
	"posthorn/journeys"
)

// Knocker tells the workers that there is something to do: a *tasks.Client, or a
// test's record of what was asked.
type Knocker interface {
	KnockRun(ctx context.Context, runID int64, epoch int) error
	KnockJourney(ctx context.Context, journeyID int64) error
	KnockHappenings(ctx context.Context) error
	KnockRelayTest(ctx context.Context, relay string, epoch int) error
	KnockImport(ctx context.Context, importID int64, epoch int) error
}

// knockTimeout bounds how long an answer waits for Redis.
const knockTimeout = 3 * time.Second

// knockRun asks a worker to look at a run now.
func (a *api) knockRun(ctx context.Context, run campaigns.Knock) {
	a.knock(ctx, slog.LevelWarn, func(ctx context.Context) error { return a.knocker.KnockRun(ctx, run.RunID, run.Epoch) }, "run_id", run.RunID)
}

// knockJourney asks a worker to take the steps of a journey that are due, and to look
// at what publishing it left to look at.
func (a *api) knockJourney(ctx context.Context, j journeys.Journey) {
	a.knock(ctx, slog.LevelWarn, func(ctx context.Context) error { return a.knocker.KnockJourney(ctx, j.ID) }, "journey_id", j.ID)
	a.knockHappenings(ctx)
}

// knockHappenings asks a worker to look at what happened: orders or events came in.
// There may be thousands of them a second, and as many complaints while Redis is away;
// the scheduler says that it is.
func (a *api) knockHappenings(ctx context.Context) {
	a.knock(ctx, slog.LevelDebug, a.knocker.KnockHappenings)
}

// knockImport asks a worker to work on an import.
func (a *api) knockImport(ctx context.Context, k imports.Knock) {
	a.knock(ctx, slog.LevelWarn, func(ctx context.Context) error { return a.knocker.KnockImport(ctx, k.ID, k.Epoch) }, "import_id", k.ID)
}

// happened knocks once for a batch that changed something.
func (a *api) happened(ctx context.Context, r *reply[BatchResult]) *reply[BatchResult] {
	if r.Body.Created+r.Body.Updated > 0 {
		a.knockHappenings(ctx)
	}
	return r
}

// knock is for after the commit. Where it fails, the scheduler's sweep knocks again,
// so the request has succeeded all the same.
func (a *api) knock(ctx context.Context, level slog.Level, ring func(context.Context) error, attrs ...any) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), knockTimeout)
	defer cancel()
	if err := ring(ctx); err != nil {
		a.log.Log(ctx, level, "knock failed; the scheduler's sweep will find what is due", append(attrs, "request_id", requestID(ctx), "err", err)...)
	}
}
