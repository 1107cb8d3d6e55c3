package journeys

import (
	"slices"
	"time"
)

// leastOrders is how many orders of a product it takes to tell how often a contact
// needs it: with two there is one interval, which may be anything.
const leastOrders = 3

// usualInterval is the median time between orders, for times in any sequence.
func usualInterval(at []time.Time) (time.Duration, bool) {
	if len(at) < leastOrders {
		return 0, false
	}
	at = slices.Clone(at)
	slices.SortFunc(at, time.Time.Compare)
	gaps := make([]time.Duration, len(at)-1)
	for i := range gaps {
		gaps[i] = at[i+1].Sub(at[i])
	}
	slices.Sort(gaps)
	mid := len(gaps) / 2
	if len(gaps)%2 == 1 {
		return gaps[mid], gaps[mid] > 0
	}
	usual := (gaps[mid-1] + gaps[mid]) / 2
	return usual, usual > 0
}
