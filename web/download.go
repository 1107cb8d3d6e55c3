package web

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// download answers with a CSV file that write makes, however long that takes, as long
// as the client reads. Where write fails before it has written anything, that is
// answered like anywhere else. Later the connection breaks: a file that just ended
// would be taken for the whole.
func (a *api) download(name string, write func(ctx context.Context, w io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		a.sendCSV(w, r, name, write)
	}}
}

func (a *api) sendCSV(w http.ResponseWriter, r *http.Request, name string, write func(ctx context.Context, w io.Writer) error) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	out := &patientWriter{w: w, controller: http.NewResponseController(w)}
	err := write(r.Context(), out)
	switch {
	case err == nil:
	case !out.began:
		w.Header().Del("Content-Disposition")
		writeProblem(w, problem(r.Context(), a.log, err))
	default:
		a.log.WarnContext(r.Context(), "download broke off", "request_id", requestID(r.Context()), "route", r.Pattern, "err", err)
		panic(http.ErrAbortHandler)
	}
}

// patientWriter gives each write its own time.
type patientWriter struct {
	w          io.Writer
	controller *http.ResponseController
	began      bool
}

const downloadWrite = 30 * time.Second // for a reader that does not read

func (p *patientWriter) Write(b []byte) (int, error) {
	p.began = true
	_ = p.controller.SetWriteDeadline(time.Now().Add(downloadWrite))
	return p.w.Write(b)
}
