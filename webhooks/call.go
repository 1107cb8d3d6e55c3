package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"posthorn/internal/publicnet"
)

const (
	// Timeout is the most that a call takes, from looking its name up to the end of
	// its answer.
	Timeout = 10 * time.Second

	// maxAnswer is the most that is read of an answer, and of its header.
	maxAnswer = 64 << 10

	// maxDetail is the most that is kept of an answer, in bytes.
	maxDetail = 500
)

// Options are for tests and the demo; users have no way to them.
type Options struct {
	Loopback bool            // calls to this machine are made, on any port
	Retry    []time.Duration // nil means DefaultRetry
}

// Caller makes calls. It is safe for concurrent use.
type Caller struct {
	key       string
	timeout   time.Duration
	dialer    *net.Dialer
	transport *http.Transport
}

// NewCaller returns a caller that signs with Key(secret). Close it.
func NewCaller(secret string, o Options) *Caller {
	dialer := &net.Dialer{Timeout: Timeout, Control: publicnet.Dial{Loopback: o.Loopback}.Control}
	return &Caller{
		key:     Key(secret),
		timeout: Timeout,
		dialer:  dialer,
		transport: &http.Transport{
			Proxy:                  nil, // the environment's would connect in our place, to whatever it is told to
			DialContext:            dialer.DialContext,
			DisableCompression:     true, // so that what is read is what was sent
			MaxResponseHeaderBytes: maxAnswer,
			MaxIdleConnsPerHost:    batchSize,
			IdleConnTimeout:        10 * time.Second,
		},
	}
}

// Close closes the connections that are kept for the next call.
func (c *Caller) Close() { c.transport.CloseIdleConnections() }

// Answer is what came of a call.
type Answer struct {
	Status int    // 0: there was none
	Detail string // in words, for a person
	Late   bool   // it was not complete within Timeout
}

// Accepted reports whether the receiver took the call.
func (a Answer) Accepted() bool { return a.Status >= 200 && a.Status <= 299 }

// Call makes a call. Whatever goes wrong is an answer, too.
func (c *Caller) Call(ctx context.Context, now time.Time, call Call) Answer {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, call.URL, bytes.NewReader(call.Body))
	if err != nil {
		return Answer{Detail: "the URL cannot be read"}
	}
	req.Header = http.Header{
		"Content-Type":       {"application/json"},
		"User-Agent":         {"Posthorn"},
		"Posthorn-Id":        {strconv.FormatInt(call.ID, 10)},
		"Posthorn-Signature": {Sign(c.key, now, call.Body)},
		// Not sent: it lets net/http try again where a kept connection turns out to be
		// closed. A receiver knows a second call by its id.
		"Idempotency-Key": {},
	}
	// A round trip, unlike a client, follows no redirect: the answer to a POST is not elsewhere.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		late := ctx.Err() != nil
		return Answer{Detail: clean(c.reason(err, late)), Late: late}
	}
	defer resp.Body.Close()
	var body []byte
	if resp.StatusCode >= 200 { // after 101 it would be a connection without an end, which ctx does not close
		// The status has come; an answer that breaks off or never ends does not change it.
		body, _ = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	}
	return Answer{Status: resp.StatusCode, Detail: detail(resp.StatusCode, body, req.URL), Late: ctx.Err() != nil}
}

// reason words why there was no answer, without the URL.
func (c *Caller) reason(err error, late bool) string {
	var refused publicnet.Refusal
	var dns *net.DNSError
	switch {
	case late:
		return fmt.Sprintf("no answer within %s", c.timeout)
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &dns): // its text names the server that was asked
		return fmt.Sprintf("look up %s: %s", dns.Name, dns.Err)
	default:
		return err.Error()
	}
}

// detail words an answer: its status and, where that is no success, its first line.
func detail(status int, body []byte, u *url.URL) string {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	switch {
	case status <= 299:
	case status <= 399:
		text += ": redirects are not followed"
	case line != "":
		if u.RawQuery != "" { // many a token is there, and many a server says what it was asked for
			line = strings.ReplaceAll(line, u.RawQuery, "…")
		}
		text += ": " + line
	}
	return clean(text)
}

// clean makes a text fit for a row: one short line without control characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxDetail {
		s = strings.ToValidUTF8(s[:maxDetail], "")
	}
	return strings.TrimSpace(s)
}
