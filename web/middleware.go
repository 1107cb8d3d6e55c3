package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"
)

type contextKey int

const requestIDKey contextKey = iota

// requestID is the id of the request that ctx belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// Observe hears of each request when it was answered: its method, the pattern of its
// route ("" where none matched), and whether it was a stream, which is open for as
// long as somebody listens.
type Observe func(method, route string, status int, took time.Duration, streamed bool)

// frame is around every handler: id, headers, log, panics.
func frame(log *slog.Logger, observe Observe, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := newRequestID()
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey, id))
		rec := &recorder{ResponseWriter: w}

		setSecurityHeaders(rec.Header())
		rec.Header().Set("X-Request-Id", id)

		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				log.ErrorContext(r.Context(), "panic in a handler", "request_id", id, "route", r.Pattern, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if rec.status == 0 {
					writeProblem(rec, newProblem(id, http.StatusInternalServerError, "something went wrong here; the server's log has more under this request id"))
				}
			}
			if observe != nil {
				observe(r.Method, r.Pattern, rec.status, time.Since(began), rec.Header().Get("Content-Type") == streamType)
			}
			// The pattern, not the path or the query: those hold addresses and tokens.
			log.InfoContext(r.Context(), "request",
				"method", r.Method, "route", r.Pattern, "status", rec.status, "duration", time.Since(began), "request_id", id)
		}()

		if !storable(r.URL.Path) || !storableQuery(r) {
			writeProblem(rec, newProblem(id, http.StatusBadRequest, "the URL holds a character that is not valid text (NUL, or broken UTF-8)"))
			return
		}
		next.ServeHTTP(rec, r)
	})
}

// setSecurityHeaders sets the strictest values; a page that needs more says so.
func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

// storable reports whether Postgres can hold s as text.
func storable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

func storableQuery(r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return true
	}
	for _, values := range r.URL.Query() {
		for _, v := range values {
			if !storable(v) {
				return false
			}
		}
	}
	return true
}

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController and huma reach the connection's deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
