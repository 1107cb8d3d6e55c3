package queues

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/pulse"
)

// Minute is what was done for a queue in a minute.
type Minute struct {
	At     time.Time        `json:"at"`
	Tasks  int64            `json:"tasks" doc:"That ended well."`
	Failed int64            `json:"failed" doc:"Tasks that ended with an error."`
	Rows   int64            `json:"rows"`
	Mails  map[string]int64 `json:"mails" doc:"By what became of them: sent, deferred, failed, skipped, unknown."`
	P50    *float64         `json:"p50_seconds" doc:"From the knock to the relay's 250. null: nothing was sent."`
	P95    *float64         `json:"p95_seconds"`
}

// Minutes returns what was done for a queue in the last n complete minutes, up to 59,
// the earliest first.
func (d *Desk) Minutes(ctx context.Context, queue string, n int) ([]Minute, error) {
	if err := exists(queue); err != nil {
		return nil, err
	}
	most := int(pulse.Keep/time.Minute) - 1 // the first of an hour's would be cut off
	if n < 1 || n > most {
		return nil, fault.Invalidf("minutes", "must be between 1 and %d", most)
	}
	now := d.now()
	to := now.Truncate(time.Minute)
	from := to.Add(-time.Duration(n) * time.Minute)
	slots, err := pulse.Read(ctx, d.redis, from, to.Add(-1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	list := make([]Minute, n)
	for i := range list {
		at := from.Add(time.Duration(i) * time.Minute)
		sum := pulse.Counts{}
		for _, s := range slots {
			if !s.At.Before(at) && s.At.Before(at.Add(time.Minute)) {
				for k, v := range s.Counts {
					sum[k] += v
				}
			}
		}
		list[i] = minute(at, sum, queue)
	}
	return list, nil
}

func minute(at time.Time, c pulse.Counts, queue string) Minute {
	m := Minute{At: at, Rows: c.Sum(pulse.Rows, queue), Mails: map[string]int64{},
		Tasks:  c[pulse.Key{What: pulse.Tasks, Of: queue, As: "done"}],
		Failed: c[pulse.Key{What: pulse.Tasks, Of: queue, As: "failed"}]}
	for k, n := range c {
		if k.What == pulse.Mails && k.Of == queue {
			m.Mails[k.As] += n
		}
	}
	if l := latency(c, queue); l != nil {
		m.P50, m.P95 = &l.P50, &l.P95
	}
	return m
}

// Day is what asynq counted for a queue on a day in UTC.
type Day struct {
	Date string `json:"date" example:"2026-03-14"`
	Done int    `json:"done" doc:"Tasks."`
	Lost int    `json:"lost" doc:"Of these, tasks whose worker died."`
}

// Days returns the last n days of a queue, today last.
func (d *Desk) Days(ctx context.Context, queue string, n int) ([]Day, error) {
	if err := exists(queue); err != nil {
		return nil, err
	}
	if n < 1 || n > 90 { // asynq keeps as many
		return nil, fault.Invalidf("days", "must be between 1 and 90")
	}
	if err := d.ask(ctx); err != nil {
		return nil, err
	}
	stats, err := d.inspector.History(queue, n)
	if err != nil {
		return nil, fmt.Errorf("queues: history of %s: %w", queue, err)
	}
	list := make([]Day, 0, len(stats))
	for i := len(stats) - 1; i >= 0; i-- { // asynq's begins with today
		s := stats[i]
		list = append(list, Day{Date: s.Date.UTC().Format(time.DateOnly), Done: s.Processed, Lost: s.Failed})
	}
	return list, nil
}
