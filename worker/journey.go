package worker

import (
	"context"

	"posthorn/internal/pulse"
	"posthorn/journeys"
	"posthorn/tasks"
)

// happenings looks at what happened in the shop until nothing is left to look at.
func (w *Worker) happenings(ctx context.Context, _ tasks.Row) error {
	return w.work(ctx, func() (journeys.Work, error) { return w.journeys.Eval(ctx, w.Pool, w.Clock()) })
}

// journey takes the steps of a journey that are due until none is left.
func (w *Worker) journey(ctx context.Context, row tasks.Row) error {
	return w.work(ctx, func() (journeys.Work, error) { return w.journeys.Advance(ctx, w.Pool, w.Clock(), row.ID) })
}

// work does batch after batch, and knocks for what each left to do. A knock that
// fails is made again by the scheduler.
func (w *Worker) work(ctx context.Context, batch func() (journeys.Work, error)) error {
	for ctx.Err() == nil && !w.isStopping() {
		left, err := batch()
		if err != nil {
			return err
		}
		for _, c := range left.Chunks {
			if err := w.tasks.KnockTriggered(ctx, c.ID, c.Epoch); err != nil {
				w.Log.Warn("knock failed; the scheduler will knock again", "chunk", c.ID, "error", err)
				break
			}
		}
		for _, id := range left.Journeys {
			if err := w.tasks.KnockJourney(ctx, id); err != nil {
				w.Log.Warn("knock failed; the scheduler will knock again", "journey_id", id, "error", err)
				break
			}
		}
		if left.Webhooks {
			if err := w.tasks.KnockWebhooks(ctx); err != nil {
				w.Log.Warn("knock failed; the scheduler will knock again", "webhooks", true, "error", err)
			}
		}
		w.Pulse.Add(pulse.Rows, tasks.QueueEvents, "", int64(left.Seen))
		if left.Seen == 0 {
			return nil
		}
	}
	return nil
}
