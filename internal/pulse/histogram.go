package pulse

import (
	"math"
	"strconv"
	"time"
)

// Buckets is how many classes durations fall into: from a millisecond to a day, each
// a quarter wider than the one before, so that a quantile is off by an eighth at
// most.
const Buckets = 80

// Bound is the longest duration of a bucket. The last one has none.
func Bound(bucket int) time.Duration {
	return time.Duration(float64(time.Millisecond) * math.Exp2(float64(bucket)/3))
}

var bucketNames = func() (names [Buckets]string) {
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}()

func bucketOf(d time.Duration) int {
	if d <= time.Millisecond {
		return 0
	}
	return min(int(math.Ceil(3*math.Log2(float64(d)/float64(time.Millisecond)))), Buckets-1)
}

// quantile finds the bucket and goes as far into it as the rank does.
func quantile(buckets [Buckets]int64, q float64) (time.Duration, bool) {
	var all int64
	for _, n := range buckets {
		all += n
	}
	if all == 0 {
		return 0, false
	}
	rank := q * float64(all)
	var below float64
	for i, n := range buckets {
		if n == 0 || below+float64(n) < rank {
			below += float64(n)
			continue
		}
		into := (rank - below) / float64(n)
		if i == 0 {
			return time.Duration(into * float64(Bound(0))), true
		}
		low := float64(Bound(i - 1))
		return time.Duration(low * math.Pow(float64(Bound(i))/low, into)), true
	}
	return Bound(Buckets - 1), true
}
