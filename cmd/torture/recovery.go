package main

import (
	"context"
	"slices"
	"time"

	"posthorn/messages"
)

// recovery is a chunk that was taken away from its worker because the lease had
// run out.
type recovery struct {
	held time.Time // when the worker last renewed the lease
	at   time.Time // when the chunk was seen to be free again
}

// lookEvery is how often leases are looked at, and how exact a recovery's time is.
const lookEvery = 250 * time.Millisecond

// watchLeases looks on, while everything happens, which chunks are taken away from
// their workers. Such a chunk differs from one that was given back in that its
// lease had run out. The function it returns ends that and returns what was seen.
func (s *storm) watchLeases(ctx context.Context) func() []recovery {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan []recovery)
	go func() {
		var seen []recovery
		var held map[lease]time.Time
		for ctx.Err() == nil {
			now, err := s.leases(ctx)
			if err == nil { // else PostgreSQL is away: what has changed is seen when it is back
				at := time.Now()
				for l, until := range held {
					if _, still := now[l]; !still && until.Before(at) {
						seen = append(seen, recovery{held: until.Add(-messages.Lease), at: at})
					}
				}
				held = now
			}
			select {
			case <-ctx.Done():
			case <-time.After(lookEvery):
			}
		}
		done <- seen
	}()
	return func() []recovery { cancel(); return <-done }
}

// lease is what a worker has: a chunk, under an epoch.
type lease struct {
	chunk int64
	epoch int
}

// leases returns until when each lease lasts.
func (s *storm) leases(ctx context.Context) (map[lease]time.Time, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, epoch, lease_until FROM chunks WHERE done_at IS NULL AND lease_until IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[lease]time.Time{}
	for rows.Next() {
		var l lease
		var until time.Time
		if err := rows.Scan(&l.chunk, &l.epoch, &until); err != nil {
			return nil, err
		}
		all[l] = until
	}
	return all, rows.Err()
}

// A worker renews its leases every second: its last time is half a second before its
// death, give or take, and not much more even where PostgreSQL is slow.
const (
	renewedBefore = 500 * time.Millisecond
	giveOrTake    = 2500 * time.Millisecond
)

// afterKills returns how long after the kill of their worker chunks were free
// again, in order, and how many were left to their lease by workers that were not
// killed.
func (v *verdict) afterKills() (took []time.Duration, others int) {
	for _, r := range v.recoveries {
		nearest, killed := giveOrTake, time.Time{}
		for _, k := range v.storm.kills {
			if d := (k.Sub(r.held) - renewedBefore).Abs(); d < nearest {
				nearest, killed = d, k
			}
		}
		if killed.IsZero() {
			others++
			continue
		}
		took = append(took, r.at.Sub(killed))
	}
	slices.Sort(took)
	return took, others
}
