package pulse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Counts are figures of all processes together.
type Counts map[Key]int64

// Sum adds up the figures of what and of whom, whatever they are as.
func (c Counts) Sum(what, of string) (n int64) {
	for k, v := range c {
		if k.What == what && k.Of == of {
			n += v
		}
	}
	return n
}

// Quantile of the durations that were observed; false where there were none.
func (c Counts) Quantile(what, of string, q float64) (time.Duration, bool) {
	var buckets [Buckets]int64
	for k, n := range c {
		if k.What != what || k.Of != of {
			continue
		}
		if i, err := strconv.Atoi(k.As); err == nil && i >= 0 && i < Buckets {
			buckets[i] += n
		}
	}
	return quantile(buckets, q)
}

// Interval is the figures of one slot.
type Interval struct {
	At     time.Time // when it began
	Counts Counts
}

// Read returns the slots of [from, to], the earliest first, also those in which
// nothing was counted. It reads no further back than Keep.
func Read(ctx context.Context, r redis.UniversalClient, from, to time.Time) ([]Interval, error) {
	if earliest := to.Add(-Keep); from.Before(earliest) {
		from = earliest
	}
	var list []Interval
	var answers []*redis.MapStringStringCmd
	pipe := r.Pipeline()
	for at := from.Truncate(Slot); !at.After(to); at = at.Add(Slot) {
		list = append(list, Interval{At: at.UTC(), Counts: Counts{}})
		answers = append(answers, pipe.HGetAll(ctx, slotKey(at)))
	}
	if len(list) == 0 {
		return nil, nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("pulse: read figures: %w", err)
	}
	for i, a := range answers {
		for name, text := range a.Val() {
			k, ok := parseKey(name)
			n, err := strconv.ParseInt(text, 10, 64)
			if ok && err == nil {
				list[i].Counts[k] += n
			}
		}
	}
	return list, nil
}

// Sum adds up intervals.
func Sum(list []Interval) Counts {
	sum := Counts{}
	for _, i := range list {
		for k, n := range i.Counts {
			sum[k] += n
		}
	}
	return sum
}

// Processes returns those that run, and those that died less than ten minutes ago,
// by host and pid.
func Processes(ctx context.Context, r redis.UniversalClient) ([]Process, error) {
	ids, err := r.ZRange(ctx, processes, 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("pulse: list processes: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	pipe := r.Pipeline()
	lines := make([]*redis.StringCmd, len(ids))
	for i, id := range ids {
		lines[i] = pipe.Get(ctx, prefix+"process:"+id)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("pulse: list processes: %w", err)
	}
	var list []Process
	for _, line := range lines {
		var p Process
		if json.Unmarshal([]byte(line.Val()), &p) == nil && p.ID != "" {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Process) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
