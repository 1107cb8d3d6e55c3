package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"posthorn/messages"
)

// shown bounds how many mails of a kind are printed.
const shown = 20

// String is the block that is printed for a round.
func (v *verdict) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	result := "good"
	if !v.good() {
		result = "BAD"
	}
	fmt.Fprintf(&b, "seed %d: %s\n", v.seed, result)
	line("campaign", "%d recipients, %d workers x %d connections, %d schedulers; %s, of which %s after the last fault; %.0f mails/s",
		v.recipients, v.workers, v.connections, v.schedulers, v.took.Round(time.Second), v.calm.Round(time.Second),
		float64(v.storm.relay.count())/v.took.Seconds())
	line("happened", "%s", counted(v.storm.done))
	for _, fault := range v.skipped {
		line("SKIPPED", "%s", fault)
	}
	if s := v.storm.shop; s != nil {
		line("orders", "%d in %d requests to web, of which %d got no answer and %d a 503; followed up %s after the last fault",
			v.orders, s.requests, s.lost, s.away, v.followed.Round(time.Second))
	}
	line("relay", "%s", counted(v.storm.relay.injected))
	var states []string
	for _, s := range messages.States {
		if n := v.counts[s]; n > 0 {
			states = append(states, fmt.Sprintf("%d %s", n, s))
		}
	}
	line("processes", "%d starts failed; in the logs: %d x no connection left, %d x no room on the disk, %d errors and warnings in all",
		v.storm.crew.failed, v.heard.noConnection, v.heard.noRoom, v.heard.trouble)
	line("ledger", "%s", strings.Join(states, ", "))
	line("ticks", "%s", v.ran())
	line("lost", "%d", len(v.lost))
	line("doubled", "%d", len(v.doubled))
	line("wrong", "%d", len(v.wrong))
	line("unknown", "%d, at most %d:", v.unknown, v.inDoubt.most+v.noRecord.most+v.silent.most)
	for _, p := range []part{v.inDoubt, v.noRecord, v.silent} {
		line("", "%d of %d: %s", p.is, p.most, p.why)
	}
	if took, _ := v.afterKills(); len(took) > 0 {
		line("recovery", "%s after a kill at the median, %s at most (%d chunks)", tenths(took[len(took)/2]), tenths(took[len(took)-1]), len(took))
	}
	if v.stuck != "" {
		line("stuck", "%s", v.stuck)
	}
	for _, p := range v.storm.problems {
		line("did not", "%s", p)
	}
	for _, list := range [][]string{v.lost, v.doubled, v.wrong} {
		for i, what := range list {
			if i == shown {
				line("", "… and %d more", len(list)-shown)
				break
			}
			line("!", "%s", what)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func tenths(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

func counted(n map[string]int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(n)) {
		list = append(list, fmt.Sprintf("%d %s", n[name], name))
	}
	return strings.Join(list, ", ")
}
