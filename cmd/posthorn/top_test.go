package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"posthorn/internal/clock"
	"posthorn/internal/pgtest"
	"posthorn/internal/redistest"
	"posthorn/queues"
	"posthorn/tasks"
)

var topNow = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func busy() queues.Overview {
	at := func(d time.Duration) *time.Time { t := topNow.Add(d); return &t }
	number := func(f float64) *float64 { return &f }
	return queues.Overview{
		Redis: "ok", Lag: number(1.25), Unknown: 3, Repairs: []queues.Repair{{Kind: "journey_chunk", N: 2}, {Kind: "lease", N: 1}},
		Queues: []queues.Queue{
			{Name: "triggered", Waiting: 3, Rate: 1.234, DrainIn: number(2.4), Latency: &queues.Latency{P50: .12, P95: 1.5}},
			{Name: "bulk", Waiting: 1_234_567, Rate: 8432, DrainIn: number(146), Pending: 128, Active: 16, Retry: 2, Archived: 1, Oldest: 12, Latency: &queues.Latency{P50: 3, P95: 65}},
			{Name: "events", Waiting: 100_000, PausedSince: at(-time.Hour)},
			{Name: "control", DrainIn: number(0)},
			{Name: "webhooks", Waiting: 7},
		},
		Workers: []queues.Worker{
			{Host: "worker-1.mail.shop.example", PID: 4711, Slots: []queues.Slots{{Queue: "triggered", Concurrency: 4}, {Queue: "bulk", Concurrency: 16, Active: 16}},
				Work: []queues.Work{{Queue: "bulk", Type: "campaign:chunk", Row: 12345, Since: *at(-12 * time.Second)}, {Type: "relay:test", Name: "default", Since: *at(-time.Second)}}},
			{Host: "w\x1b[2J2", PID: 1, Lost: true, SeenAt: *at(-3 * time.Minute)},
		},
		Relays: []queues.Relay{
			{Name: "default", State: "closed", Rate: 8432, InUse: 16, Accepted: 2_000_000},
			{Name: strings.Repeat("a", 64), State: "open", Reason: "relay_unreachable", Detail: "connect: dial tcp 192.0.2.1:25: \x1b]0;i/o timeout " + strings.Repeat("x", 100)},
		},
	}
}

func TestTopFits(t *testing.T) {
	t.Parallel()
	for _, width := range []int{200, 80, 40, 1} {
		for _, l := range drawTop(busy(), topNow, width) {
			if n := utf8.RuneCountInString(l.text); n > width {
				t.Errorf("%d characters of %d: %s", n, width, l.text)
			}
			if strings.ContainsAny(l.text, "\x1b\n\r") {
				t.Errorf("it steers the terminal: %q", l.text)
			}
		}
	}
	var page []string
	for _, l := range drawTop(busy(), topNow, 80) {
		page = append(page, l.text)
	}
	text := strings.Join(page, "\n")
	for _, want := range []string{
		"Posthorn  2026-03-14 09:26:53 UTC", "workers 1   last sweep 1.2s ago   unknown mails 3",
		"triggered        3    1.23   2.4s      0    0     0     0     0s  120ms   1.5s",
		"bulk          1.2M    8432  2m26s    128   16     2     1    12s   3.0s  1m05s",
		"events        100k       0 paused", "webhooks         7       0  never",
		"worker-1.mail.shop.example:4711  triggered 0/4  bulk 16/16", "  campaign:chunk   row 12345    for 12s", "  relay:test       default      for 1.0s",
		"w?[2J2:1  lost, last heard of 3m00s ago", "default         closed        8432     16     0     2.0M        0          0",
		"  relay_unreachable: connect: dial tcp 192.0.2.1:25: ?]0;i/o timeout", "journey_chunk 2, lease 1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not on the screen: %s", want)
		}
	}
	if t.Failed() {
		t.Log("\n" + text)
	}
}

func TestTopSaysWhatIsAway(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*queues.Overview){
		"Redis cannot be reached":  func(o *queues.Overview) { o.Redis = "unreachable" },
		"no worker is alive":       func(o *queues.Overview) { o.Workers = nil },
		"no scheduler is heard of": func(o *queues.Overview) { o.Lag = nil },
		"none is set":              func(o *queues.Overview) { o.Relays = nil },
	} {
		o := busy()
		change(&o)
		var text string
		for _, l := range drawTop(o, topNow, 80) {
			text += l.text + "\n"
		}
		if !strings.Contains(text, want) {
			t.Errorf("not said: %s\n%s", want, text)
		}
	}
}

func TestTopsNumbersAreShort(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{0: "0", 1.5: "1.50", 12.5: "12", 950: "950", 99_999: "99999", 100_000: "100k", 1_234_567: "1.2M", 5e9: "5G"} {
		if got := short(n); got != want || len(got) > 6 {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	for s, want := range map[float64]string{-1: "0s", 0: "0s", .04: "40ms", 1.25: "1.2s", 59: "59s", 61: "1m01s", 3600: "1h00m", 48 * 3600: "2d", 1e7: "115d"} {
		if got := span(s); got != want || len(got) > 6 {
			t.Errorf("%v: %s, want %s", s, got, want)
		}
	}
}

// q ends it, whatever is drawn meanwhile; Postgres may go away and come back.
func TestTopEndsWithQ(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	r, err := tasks.Open(t.Context(), redistest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	var out bytes.Buffer
	screen := top{desk: queues.NewDesk(pool, r, clock.System), now: clock.System, out: &out}
	size := func() (int, int) { return 80, 8 }
	if err := screen.frame(t.Context(), size); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "QUEUE") || !strings.Contains(got, "the window is too low") || strings.Count(got, "\r\n") != 7 {
		t.Errorf("%q", got)
	}
	pool.Close()
	out.Reset()
	keys := make(chan byte, 2)
	keys <- 'x' // any other key only draws
	keys <- 'q'
	if err := screen.loop(t.Context(), keys, size); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "Postgres cannot be asked: ") != 2 || !strings.Contains(got, "as it was ") {
		t.Errorf("%q", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := screen.loop(ended, nil, size); err != nil {
		t.Error(err)
	}
}
