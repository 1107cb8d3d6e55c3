package main

import (
	"testing"
	"time"
)

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
		"workers and schedulers die": {seed: 1, kills: 3, terms: 1, schedulerKills: 2},
		"redis forgets and is away":  {seed: 2, kills: 1, flushes: 2, redisRestarts: 1, pauses: 1, redisAway: 3 * time.Second},
		"postgres crashes":           {seed: 3, postgresRestarts: 2, pauses: 3, terms: 1, postgresAway: 2 * time.Second},
		"cancelled amid it all":      {seed: 5, cancel: true, kills: 1, flushes: 1, pauses: 3, postgresRestarts: 1},
		"the relay misbehaves":       {seed: 4, moods: 1, mailFaults: 2, kills: 1},
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
		})
	}
}
