package worker

import (
	"context"

	"posthorn/imports"
	"posthorn/tasks"
)

// importFile begins an import, unless this worker has one already; then the scheduler
// knocks again, and perhaps another worker has time. It does not wait for the end: an
// import may take longer than what else is in the queue can wait for.
func (w *Worker) importFile(_ context.Context, row tasks.Row) error {
	if w.isStopping() || !w.importing.CompareAndSwap(false, true) {
		return nil
	}
	w.background.Go(func() {
		defer w.importing.Store(false)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-w.stopping:
				cancel()
			case <-ctx.Done():
			}
		}()
		err := protect(func() error { return w.runImport(ctx, row.ID) })
		if err != nil {
			w.Log.Error("import was interrupted; it will be tried again", "import_id", row.ID, "error", err)
		}
	})
	return nil
}

func (w *Worker) runImport(ctx context.Context, id int64) error {
	imp, mine, err := imports.Run(ctx, w.Pool, w.Clock, id)
	if err != nil || !mine {
		return err
	}
	// Orders are what journeys wait for; the sweep would find them, too, a little later.
	if imp.Kind == imports.Orders && imp.Created+imp.Updated > 0 {
		if err := w.tasks.KnockHappenings(ctx); err != nil {
			w.Log.Warn("knock failed; the scheduler will knock again", "import_id", id, "error", err)
		}
	}
	if imp.State != "" {
		w.Log.Info("import ended", "import_id", id, "kind", imp.Kind, "state", imp.State, "rows", imp.Rows, "rejected", imp.Rejected)
	}
	return nil
}
