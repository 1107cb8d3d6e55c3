package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Largest bodies, in bytes.
const (
	bodyLimit     = 1 << 20  // JSON, unless said otherwise
	templateLimit = 2 << 20  // a template's sources
	batchLimit    = 16 << 20 // a batch of at most maxBatch items
	importLimit   = 2 << 30  // a CSV file, which is streamed
)

// maxBatch is how many items a batch may have.
const maxBatch = 1000

// How long a body may take to arrive. An import may take as long as it likes
// while it moves: every read has importReadTimeout.
const (
	bodyReadTimeout   = 30 * time.Second
	batchReadTimeout  = time.Minute
	importReadTimeout = time.Minute
)

func bytesText(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

const (
	drainLimit   = 64 << 20
	drainTimeout = 10 * time.Second
)

// drain reads and forgets the rest of a refused body. Many clients write their
// whole body before they look at the answer; closed in the middle of it, they
// report a broken connection instead of the 413 that says why. A client that
// waits for "100 Continue" is not made to send at all.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Header.Get("Expect") != "" || r.ContentLength > drainLimit {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTimeout))
	_, _ = io.CopyN(io.Discard, r.Body, drainLimit)
}

// drainingBody drains what its reader left when it is closed: huma stops at its
// limit and closes.
type drainingBody struct {
	io.ReadCloser
	w    http.ResponseWriter
	r    *http.Request // as it came, with the body that is read
	done bool
}

func newDrainingBody(w http.ResponseWriter, r *http.Request) *drainingBody {
	plain := *r
	return &drainingBody{ReadCloser: r.Body, w: w, r: &plain}
}

func (b *drainingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.done = true
		bodyRead(http.NewResponseController(b.w))
	}
	return n, err
}

func (b *drainingBody) Close() error {
	if !b.done {
		drain(b.w, b.r)
	}
	return b.ReadCloser.Close()
}

// bodyRead lifts the deadline for reading when there is nothing left to read.
// From then on the server watches the connection for a client that leaves, and a
// deadline that passes would look like one: it would cancel the handler.
func bodyRead(c *http.ResponseController) {
	_ = c.SetReadDeadline(time.Time{})
}

// streamBody reads an import's body: up to limit bytes, for as long as it keeps
// moving.
type streamBody struct {
	body       io.Reader
	controller *http.ResponseController
	err        error // what ended the reading, other than the end
}

// newStreamBody takes the connection's deadlines into its own hands.
func newStreamBody(w http.ResponseWriter, r *http.Request, limit int64) *streamBody {
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{}) // the answer comes when all is read; see finish
	return &streamBody{body: http.MaxBytesReader(w, r.Body, limit), controller: c}
}

func (s *streamBody) Read(p []byte) (int, error) {
	_ = s.controller.SetReadDeadline(time.Now().Add(importReadTimeout))
	n, err := s.body.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		bodyRead(s.controller)
	case err != nil:
		s.err = err
	}
	return n, err
}

// broken says why the body could not be read to its end; nil where it could, or
// nobody tried. It is the client's affair, whatever the reader made of it.
func (s *streamBody) broken() error {
	var tooLarge *http.MaxBytesError
	switch {
	case s.err == nil:
		return nil
	case errors.As(s.err, &tooLarge):
		return tooLarge
	case errors.Is(s.err, os.ErrDeadlineExceeded):
		return newProblem("", http.StatusRequestTimeout, fmt.Sprintf("the request body came to a halt for %s", importReadTimeout))
	default:
		return newProblem("", http.StatusBadRequest, "the request body ended before it was complete")
	}
}

// finish gives the answer its time.
func (s *streamBody) finish() {
	bodyRead(s.controller)
	_ = s.controller.SetWriteDeadline(time.Now().Add(writeTimeout))
}
