package main

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

// A round mostly waits, for leases and for the relay: more of them than there are
// processors fit beside each other.
const roundsAtOnce = "5"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", roundsAtOnce); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Short rounds, each about one kind of trouble, so that what may be unknown is
// bounded closely. `make torture` does everything at once and for longer.
func TestNothingIsLostAndNothingTwice(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	binary, err := build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]options{
		"workers and schedulers die": {seed: 1, orders: 200, kills: 3, terms: 1, schedulerKills: 2, webKills: 2},
		// Nothing may be in doubt but what the relay did not answer, and no chunk may be left to its lease.
		"workers are asked to end":        {seed: 6, terms: 4, schedulerKills: 1, mailFaults: 1},
		"redis forgets and is away":       {seed: 2, orders: 200, kills: 1, flushes: 2, redisRestarts: 1, pauses: 1, redisAway: 3 * time.Second},
		"redis stays away":                {seed: 7, kills: 1, terms: 1, absences: 1, absent: 8 * time.Second},
		"postgres crashes":                {seed: 3, orders: 200, webKills: 1, postgresRestarts: 2, pauses: 3, terms: 1, postgresAway: 2 * time.Second},
		"postgres has no connection left": {seed: 8, crowds: 1, schedulerKills: 1},
		"postgres has no room left":       {seed: 9, fullDisks: 1, pauses: 1},
		"cancelled amid it all":           {seed: 5, orders: 200, cancel: true, kills: 1, flushes: 1, pauses: 3, postgresRestarts: 1},
		"the relay misbehaves":            {seed: 4, moods: 1, mailFaults: 2, kills: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.recipients, o.spread = 1500, 8*time.Second
			o.workers, o.schedulers, o.connections = 2, 2, 4
			v, err := torture(t.Context(), binary, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(v)
			if !v.good() {
				t.Error("see above")
			}
			if len(v.skipped) > 0 {
				t.Skip(strings.Join(v.skipped, "; "))
			}
		})
	}
}

func TestALetterIsARecipientsMailOfARun(t *testing.T) {
	t.Parallel()
	once, again, next := letterOf("a@b.example", "17.00ff@shop.example"), letterOf("a@b.example", "18.00ff@shop.example"), letterOf("a@b.example", "19.00fe@shop.example")
	if once != again || once == next {
		t.Errorf("%v, %v, %v", once, again, next)
	}
}
