package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const (
	liveEvery = time.Second      // between two looks
	liveBeat  = 10 * time.Second // the longest silence: by it the reader knows that the line still holds
	liveFor   = time.Minute      // then the reader asks anew, and is asked anew who it is
	liveCheck = 5 * time.Second  // between two looks at whether the reader may still read
	liveRetry = 500 * time.Millisecond
	liveWrite = 10 * time.Second // for a reader that does not read
)

// live adds an operation that tells what snapshot returns, again whenever that
// changes, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html):
//
//	retry: 500
//	event: state     data: what snapshot returned, as JSON
//	event: beat      data: the server's time, where nothing else was said for 10 s
//
// What is wrong at the beginning is answered like anywhere else, with a problem
// document. Later the stream just ends: after a minute, when the server ends, when
// snapshot fails, when the reader was signed out. EventSource asks again by itself, and is then told what is wrong.
func live[I, T any](a *api, who access, pattern, summary string, snapshot func(context.Context, *I) (T, error), doc operation) {
	doc.stream = reflect.TypeFor[T]()
	route(a, who, pattern, summary, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		first, err := snapshot(ctx, in)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			s := stream{w: w, controller: http.NewResponseController(w)}
			w.Header().Set("Content-Type", streamType)
			w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
			if s.send("retry: %d\n\n", liveRetry.Milliseconds()) != nil || s.state(first) != nil {
				return
			}
			checked := time.Now()
			tick, end := time.NewTicker(liveEvery), time.NewTimer(liveFor)
			defer tick.Stop()
			defer end.Stop()
			for {
				select {
				case <-r.Context().Done():
					return
				case <-a.ending:
					return
				case <-end.C:
					return
				case <-tick.C:
				}
				if time.Since(checked) >= liveCheck {
					if !stillHolds(r.Context()) {
						return
					}
					checked = time.Now()
				}
				look, cancel := context.WithTimeout(r.Context(), handlerTimeout)
				next, err := snapshot(look, in)
				cancel()
				if err != nil || s.state(next) != nil {
					return
				}
			}
		}}, nil
	}, doc)
}

const streamType = "text/event-stream"

// stream is the answer of a live operation.
type stream struct {
	w          io.Writer
	controller *http.ResponseController
	last       []byte
	said       time.Time
}

// state tells what changed, or once in a while that nothing did.
func (s *stream) state(v any) error {
	data, err := json.Marshal(v)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(data, s.last):
		s.last = data
		return s.send("event: state\ndata: %s\n\n", data)
	case time.Since(s.said) >= liveBeat:
		return s.send("event: beat\ndata: %q\n\n", time.Now().UTC().Format(time.RFC3339))
	}
	return nil
}

func (s *stream) send(format string, args ...any) error {
	s.said = time.Now()
	_ = s.controller.SetWriteDeadline(s.said.Add(liveWrite))
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.controller.Flush()
}
