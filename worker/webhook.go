package worker

import (
	"context"
	"net/url"

	"golang.org/x/sync/errgroup"

	"posthorn/internal/pulse"
	"posthorn/tasks"
	"posthorn/webhooks"
)

// callWebhooks makes the calls that are due until none is left. Those of a batch are
// made at once: most of their time is waiting.
func (w *Worker) callWebhooks(ctx context.Context, _ tasks.Row) error {
	for ctx.Err() == nil && !w.isStopping() {
		calls, err := webhooks.Claim(ctx, w.Pool, w.Clock())
		if err != nil || len(calls) == 0 {
			return err
		}
		var batch errgroup.Group
		for _, c := range calls {
			batch.Go(func() error { return protect(func() error { return w.callWebhook(ctx, c) }) })
		}
		if err := batch.Wait(); err != nil {
			return err
		}
		w.Pulse.Add(pulse.Rows, tasks.QueueWebhooks, "", int64(len(calls)))
	}
	return nil
}

func (w *Worker) callWebhook(ctx context.Context, c webhooks.Call) error {
	a := w.caller.Call(ctx, w.Clock(), c)
	now := w.Clock()
	state, err := webhooks.Record(ctx, w.Pool, now, c, a, w.Webhooks.Retry)
	if err != nil {
		return err
	}
	if state != webhooks.Done {
		// The host only: what follows it may hold a token.
		var host string
		if u, err := url.Parse(c.URL); err == nil {
			host = u.Host
		}
		log := w.Log.Debug
		if state == webhooks.Failed {
			log = w.Log.Warn
		}
		log("webhook was not accepted", "webhook_call_id", c.ID, "enrolment_id", c.EnrolmentID, "host", host, "attempts", c.Attempts, "state", state, "detail", a.Detail)
	}
	if a.Late {
		return webhooks.PutOff(ctx, w.Pool, now, c.URL)
	}
	return nil
}
