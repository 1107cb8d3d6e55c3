package worker

import (
	"context"
	"errors"

	"posthorn/campaigns"
	"posthorn/internal/fault"
	"posthorn/internal/pulse"
	"posthorn/messages"
	"posthorn/tasks"
)

// run looks at a run and does what is next for it: plan another page, cancel what
// is left, knock for chunks, or finish.
func (w *Worker) run(ctx context.Context, row tasks.Row) error {
	run, open, err := campaigns.LookAt(ctx, w.Pool, row.ID)
	if err != nil || !open {
		return err
	}
	if run.Kind == "campaign" {
		switch run.Status {
		case campaigns.Paused:
			return nil
		case campaigns.Cancelled, campaigns.Failed:
			if settled, err := campaigns.CancelRest(ctx, w.Pool, w.Clock(), run); err != nil || !settled {
				return err
			}
		default:
			if err := w.plan(ctx, run); err != nil {
				return err
			}
		}
	}
	return w.goOn(ctx, run)
}

// goOn knocks for the next chunks of a run, or finishes it where there are none and
// every chunk is done.
func (w *Worker) goOn(ctx context.Context, run campaigns.OpenRun) error {
	knocked, err := w.knockChunks(ctx, run.ID)
	if err != nil || knocked > 0 {
		return err
	}
	_, err = campaigns.Finish(ctx, w.Pool, w.Clock(), run)
	return err
}

// plan freezes the audience page by page, and lets workers begin with the first
// pages while the later ones are still to come.
func (w *Worker) plan(ctx context.Context, run campaigns.OpenRun) error {
	for !run.Planned && !w.isStopping() {
		more, err := campaigns.PlanPage(ctx, w.Pool, w.Clock(), run.ID)
		var list fault.List
		var inv *fault.Invalid
		if errors.As(err, &inv) || errors.As(err, &list) {
			return campaigns.Fail(ctx, w.Pool, w.Clock(), run.Campaign, "the audience cannot be selected: "+err.Error())
		}
		if err != nil {
			return err
		}
		if _, err := w.knockChunks(ctx, run.ID); err != nil {
			w.Log.Warn("knock failed; the scheduler will knock again", "run_id", run.ID, "error", err)
		}
		if !more {
			w.Pulse.Add(pulse.Rows, tasks.QueueControl, "", 1)
			return nil
		}
	}
	return nil
}

// knockChunks asks for the run's chunks that may be worked on, and returns how many
// there were.
func (w *Worker) knockChunks(ctx context.Context, runID int64) (int, error) {
	due, err := messages.DueChunks(ctx, w.Pool, w.Clock(), runID)
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		lost, err := w.tasks.Again(ctx, tasks.TypeChunk, tasks.Row{ID: c.ID, Epoch: c.Epoch})
		if err != nil {
			return len(due), err
		}
		if lost && c.Again {
			w.Pulse.Add(pulse.Repairs, tasks.Kind(tasks.TypeChunk), "", 1)
		}
	}
	return len(due), nil
}
