package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"posthorn/internal/pulse"
	"posthorn/queues"
)

// style says how a line stands out.
type style int

const (
	normal style = iota
	heading
	faint
	warning
	alarm
)

// line is a line of the screen.
type line struct {
	style style
	text  string
}

// drawTop draws an overview in lines of at most width characters.
func drawTop(o queues.Overview, now time.Time, width int) []line {
	var lines []line
	add := func(s style, format string, args ...any) {
		lines = append(lines, line{s, fit(fmt.Sprintf(format, args...), width)})
	}
	add(heading, "Posthorn  %s UTC", now.UTC().Format(time.DateTime))
	switch alive := countAlive(o); {
	case o.Redis != "ok":
		add(alarm, "Redis cannot be reached: nothing is sent, and only what waits is known")
	case alive == 0:
		add(alarm, "no worker is alive: nothing is sent")
	case o.Lag == nil:
		add(alarm, "no scheduler is heard of: nothing that waits comes due")
	default:
		s := normal
		if *o.Lag > 30 {
			s = alarm
		}
		add(s, "workers %d   last sweep %s ago   unknown mails %s", alive, span(*o.Lag), count(o.Unknown))
	}
	add(normal, "")
	drawQueues(add, o)
	drawWorkers(add, o, now)
	drawRelays(add, o)
	if o.Unknown > 0 {
		add(normal, "")
		add(warning, "unknown mails: %s, to be decided under Queues (GET /api/v1/unknown)", count(o.Unknown))
	}
	if len(o.Repairs) > 0 || o.Knocks > 0 {
		var list []string
		for _, r := range o.Repairs {
			list = append(list, fmt.Sprintf("%s %s", r.Kind, count(r.N)))
		}
		if o.Knocks > 0 {
			list = append(list, count(o.Knocks)+" knocks that failed")
		}
		add(normal, "")
		add(faint, "repaired by sweeps in the last hour: %s", strings.Join(list, ", "))
	}
	return lines
}

type adder func(s style, format string, args ...any)

func countAlive(o queues.Overview) (n int) {
	for _, w := range o.Workers {
		if !w.Lost {
			n++
		}
	}
	return n
}

func drawQueues(add adder, o queues.Overview) {
	add(heading, "%-10s%8s%8s%7s%7s%5s%6s%6s%7s%7s%7s", "QUEUE", "WAITING", "ROWS/S", "DRAIN", "TASKS", "BUSY", "RETRY", "DEAD", "OLDEST", "P50", "P95")
	for _, q := range o.Queues {
		s, drain, p50, p95 := normal, "never", "", ""
		if q.DrainIn != nil {
			drain = span(*q.DrainIn)
		} else {
			s = warning
		}
		if q.Latency != nil {
			p50, p95 = span(q.Latency.P50), span(q.Latency.P95)
		}
		if q.Archived > 0 {
			s = alarm
		}
		if q.PausedSince != nil {
			s, drain = warning, "paused"
		}
		add(s, "%-10s%8s%8s%7s%7s%5s%6s%6s%7s%7s%7s", q.Name, short(float64(q.Waiting)), short(q.Rate), drain,
			short(float64(q.Pending)), short(float64(q.Active)), short(float64(q.Retry)), short(float64(q.Archived)), span(q.Oldest), p50, p95)
	}
}

func drawWorkers(add adder, o queues.Overview, now time.Time) {
	add(normal, "")
	add(heading, "WORKERS")
	if len(o.Workers) == 0 {
		add(alarm, "none")
	}
	for _, w := range o.Workers {
		var slots []string
		for _, q := range w.Slots {
			slots = append(slots, fmt.Sprintf("%s %d/%d", q.Queue, q.Active, q.Concurrency))
		}
		if w.Lost {
			add(alarm, "%s:%d  lost, last heard of %s ago", printable(w.Host), w.PID, span(now.Sub(w.SeenAt).Seconds()))
			continue
		}
		add(normal, "%s:%d  %s", printable(w.Host), w.PID, strings.Join(slots, "  "))
		work := slices.SortedFunc(slices.Values(w.Work), func(a, b queues.Work) int { return a.Since.Compare(b.Since) })
		for _, at := range work[:min(len(work), 4)] {
			add(faint, "  %-16s %-12s for %s", printable(at.Type), cmp.Or(printable(at.Name), rowText(at.Row)), span(now.Sub(at.Since).Seconds()))
		}
		if len(work) > 4 {
			add(faint, "  and %d more", len(work)-4)
		}
	}
}

func rowText(id int64) string {
	if id == 0 {
		return "what is due"
	}
	return fmt.Sprintf("row %d", id)
}

func drawRelays(add adder, o queues.Overview) {
	add(normal, "")
	add(heading, "%-16s%-10s%8s%7s%6s%9s%9s%11s", "RELAY", "CIRCUIT", "MAILS/S", "CONNS", "IDLE", "SENT/H", "LATER/H", "REFUSED/H")
	if len(o.Relays) == 0 {
		add(warning, "none is set")
	}
	for _, r := range o.Relays {
		s := normal
		if r.State == pulse.Open || r.State == pulse.HalfOpen {
			s = alarm
		}
		add(s, "%-16s%-10s%8s%7d%6d%9s%9s%11s", fit(printable(r.Name), 15), r.State, short(r.Rate), r.InUse, r.Idle,
			short(float64(r.Accepted)), short(float64(r.Put)), short(float64(r.Refused)))
		if r.Reason != "" {
			add(s, "  %s: %s", r.Reason, printable(r.Detail))
		}
	}
}

// short is a number in at most six characters: 950, 12.3k, 4.56M.
func short(n float64) string {
	switch {
	case n < 10 && n != float64(int64(n)):
		return fmt.Sprintf("%.2f", n)
	case n < 99_999.5:
		return fmt.Sprintf("%.0f", n)
	case n < 999_950:
		return fmt.Sprintf("%.0fk", n/1e3)
	case n < 999.5e6:
		return fmt.Sprintf("%.1fM", n/1e6)
	default:
		return fmt.Sprintf("%.0fG", n/1e9)
	}
}

// span is a time in seconds in at most six characters: 40ms, 1.2s, 3m20s, 5h, 2d.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d <= 0:
		return "0s"
	case d < 950*time.Millisecond:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// printable keeps words from outside from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// fit cuts s to width characters.
func fit(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return strings.TrimRight(s, " ")
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}
