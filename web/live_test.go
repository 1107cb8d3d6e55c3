package web

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// listen opens a stream and returns what reads its next event.
func (s *server) listen(path string) (next func() (event, data string)) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), "GET", s.http.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	res, err := s.http.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("%s: %s, %s", path, res.Status, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	return func() (event, data string) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "event":
				event = value
			case name == "data":
				data = value
			case event != "":
				return event, data
			}
		}
		return "", ""
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ending := make(chan struct{})
	deps := s.deps()
	deps.Ending = ending
	s.http = httptest.NewServer(New(deps))
	t.Cleanup(s.http.Close)
	s.readyCampaign()
	s.do("GET", "/api/v1/campaigns/9999/live", nil).want(404)

	next := s.listen("/api/v1/campaigns/1/live")
	status := func() string {
		t.Helper()
		event, data := next()
		var c struct{ Status string }
		if err := json.Unmarshal([]byte(data), &c); event != "state" || err != nil {
			t.Fatalf("%q %q: %v", event, data, err)
		}
		return c.Status
	}
	if got := status(); got != "draft" {
		t.Errorf("first: %s", got)
	}
	s.do("POST", "/api/v1/campaigns/1/start", nil).want(200)
	if got := status(); got != "running" {
		t.Errorf("after the start: %s", got)
	}

	close(ending)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := "state"; event != ""; event, _ = next() {
		}
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the stream goes on although the server ends")
	}
}
