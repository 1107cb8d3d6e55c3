package webhooks

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"posthorn/internal/publicnet"
)

const secret = "a secret for tests"

var now = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// receiver is a server that answers calls.
func receiver(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func newCaller(t *testing.T, o Options) *Caller {
	t.Helper()
	c := NewCaller(secret, o)
	t.Cleanup(c.Close)
	return c
}

// call calls a URL on this machine.
func call(t *testing.T, url string) Answer {
	t.Helper()
	return newCaller(t, Options{Loopback: true}).Call(t.Context(), now, Call{ID: 17, URL: url, Body: []byte(`{"id": 17}`), Attempts: 1})
}

func TestACallIsASignedPOST(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	if a := call(t, url+"/hook?token=abc"); !a.Accepted() || a.Detail != "204 No Content" || a.Late {
		t.Fatalf("%+v", a)
	}
	if got.Method != http.MethodPost || got.RequestURI != "/hook?token=abc" || string(body) != `{"id": 17}` {
		t.Errorf("%s %s %s", got.Method, got.RequestURI, body)
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"10"}, "User-Agent": {"Posthorn"}, "Posthorn-Id": {"17"},
		"Posthorn-Signature": {Sign(Key(secret), now, body)},
	}
	for name := range got.Header {
		if got.Header.Get(name) != want.Get(name) {
			t.Errorf("%s: %q, want %q", name, got.Header[name], want[name])
		}
	}
	if len(got.Header) != len(want) {
		t.Errorf("%v", got.Header)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	text := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	endless := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			for {
				if _, err := io.WriteString(w, strings.Repeat("é", 1000)); err != nil {
					return
				}
			}
		}
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   Answer
	}{
		"accepted":                 {text(200, "thank you"), Answer{Status: 200, Detail: "200 OK"}},
		"accepted for later":       {text(202, ""), Answer{Status: 202, Detail: "202 Accepted"}},
		"refused":                  {text(400, "no such contact\nat line 7"), Answer{Status: 400, Detail: "400 Bad Request: no such contact"}},
		"broken, without words":    {text(500, ""), Answer{Status: 500, Detail: "500 Internal Server Error"}},
		"gone":                     {text(410, "\r\n moved\tout\x00 \xff\r\n"), Answer{Status: 410, Detail: "410 Gone: moved out  ?"}},
		"an unknown status":        {text(599, "x"), Answer{Status: 599, Detail: "599 : x"}},
		"a large answer":           {endless(200), Answer{Status: 200, Detail: "200 OK"}},
		"a large answer, refusing": {endless(503), Answer{Status: 503, Detail: "503 Service Unavailable: " + strings.Repeat("é", 237)}},
		"says what it was asked for": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no "+r.URL.String(), 404) },
			Answer{Status: 404, Detail: "404 Not Found: no /hook?…"}},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		}, Answer{Status: 200, Detail: "200 OK"}},
		"wants another protocol": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn) // until the caller closes it
			_ = conn.Close()
		}, Answer{Status: 101, Detail: "101 Switching Protocols"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(t, receiver(t, test.answer)+"/hook?token=abc&x=%20")
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got.Accepted() != (got.Status == 200 || got.Status == 202) || len(got.Detail) > maxDetail {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var calls atomic.Int32
		url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			http.Redirect(w, r, "/elsewhere", status)
		})
		if a := call(t, url); a.Accepted() || a.Status != status || !strings.HasSuffix(a.Detail, ": redirects are not followed") || calls.Load() != 1 {
			t.Errorf("%+v after %d calls", a, calls.Load())
		}
	}
}

func TestAHeaderThatIsTooLongIsNotRead(t *testing.T) {
	t.Parallel()
	a := call(t, receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 2*maxAnswer))
	}))
	if a.Status != 0 || a.Detail == "" {
		t.Errorf("%+v", a)
	}
}

func TestWhoDoesNotAnswerInTimeIsLate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter)
		want   Answer
	}{
		"no answer": {func(http.ResponseWriter) {}, Answer{Detail: "no answer within 200ms", Late: true}},
		"one that does not end": {func(w http.ResponseWriter) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
		}, Answer{Status: 200, Detail: "200 OK", Late: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCaller(t, Options{Loopback: true})
			c.timeout = 200 * time.Millisecond
			url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				test.answer(w)
				<-r.Context().Done()
			})
			if got := c.Call(t.Context(), now, Call{URL: url}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestTroubleIsWorded(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // nobody listens there any more
	for url, want := range map[string]string{
		"http://" + l.Addr().String() + "/?token=abc": "connection refused",
		"ftp://shop.example/?token=abc":               "unsupported protocol scheme",
		"http://shop.example:port/?token=abc":         "the URL cannot be read",
		"http://10.0.0.1/?token=abc":                  "the URL does not lead to a public address",
		"http://93.184.216.34:8080/?token=abc":        "only ports 80 and 443 are called",
	} {
		if a := call(t, url); a.Status != 0 || a.Late || !strings.Contains(a.Detail, want) || strings.Contains(a.Detail, "abc") {
			t.Errorf("%s: %+v, want %q", url, a, want)
		}
	}
}

// resolve has a caller ask a name server of the test, which says that any name is at
// the given addresses.
func resolve(t *testing.T, c *Caller, addresses ...string) {
	t.Helper()
	c.dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, its := net.Pipe()
		go func() {
			defer its.Close()
			if err := answerName(its, addresses); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
		}()
		return ours, nil
	}}
}

// answerName speaks DNS over a stream (RFC 1035 4.2.2): messages with their length
// before them.
func answerName(conn net.Conn, addresses []string) error {
	for {
		var size uint16
		if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
			return err
		}
		raw := make([]byte, size)
		if _, err := io.ReadFull(conn, raw); err != nil {
			return err
		}
		var m dnsmessage.Message
		if err := m.Unpack(raw); err != nil {
			return err
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		for _, a := range addresses {
			ip := netip.MustParseAddr(a)
			header := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET}
			switch {
			case ip.Is4() && m.Questions[0].Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
			case ip.Is6() && m.Questions[0].Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
			}
		}
		out, err := m.Pack()
		if err != nil {
			return err
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return err
		}
	}
}

// A name is worth what it leads to at the moment of the call.
func TestANameThatLeadsInsideIsNotCalled(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	url := receiver(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	for _, addresses := range [][]string{
		{"127.0.0.1"}, {"10.0.0.1"}, {"::1"}, {"::ffff:127.0.0.1"}, {"fe80::1", "192.168.0.1"}, {"127.0.0.1", "169.254.169.254"},
	} {
		c := newCaller(t, Options{})
		resolve(t, c, addresses...)
		a := c.Call(t.Context(), now, Call{URL: "http://hooks.shop.example:" + port})
		if a.Status != 0 || a.Detail != string(publicnet.NotPublic) {
			t.Errorf("%v: %+v", addresses, a)
		}
	}
	if calls.Load() != 0 {
		t.Fatalf("%d calls", calls.Load())
	}
	// It is the address that is refused: where it may be called, the same name is.
	c := newCaller(t, Options{Loopback: true})
	resolve(t, c, "127.0.0.1")
	if a := c.Call(t.Context(), now, Call{URL: "http://hooks.shop.example:" + port}); !a.Accepted() || calls.Load() != 1 {
		t.Fatalf("%+v after %d calls", a, calls.Load())
	}
	resolve(t, c) // the name is gone
	if a := c.Call(t.Context(), now, Call{URL: "http://gone.shop.example"}); a.Status != 0 || a.Detail != "look up gone.shop.example: no such host" {
		t.Errorf("%+v", a)
	}
}

func TestTheEnvironmentsProxyIsNotUsed(t *testing.T) {
	t.Parallel()
	if newCaller(t, Options{}).transport.Proxy != nil {
		t.Error("a proxy would connect to whatever it is told to")
	}
}
