package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"posthorn/relays"
)

// Limiter keeps all workers together below a relay's RatePerSecond. Its state is
// one key per relay in Redis; losing it costs at most one short burst.
type Limiter struct{ rate *redis_rate.Limiter }

// NewLimiter returns a limiter on client.
func NewLimiter(client redis.UniversalClient) *Limiter {
	return &Limiter{rate: redis_rate.NewLimiter(client)}
}

// Allow takes the right to send one mail through r now. It returns 0 where it
// got it, else how long to wait before asking again.
func (l *Limiter) Allow(ctx context.Context, r relays.Relay) (retryAfter time.Duration, err error) {
	if r.RatePerSecond <= 0 {
		return 0, nil
	}
	// A burst of a tenth of a second, not redis_rate's whole second: what a relay
	// counts in any one second then stays within about 110 % of what was asked for.
	limit := redis_rate.Limit{Rate: r.RatePerSecond, Period: time.Second, Burst: max(1, r.RatePerSecond/10)}
	res, err := l.rate.Allow(ctx, "relay:"+r.Name, limit)
	if err != nil {
		return 0, fmt.Errorf("delivery: rate of relay %s: %w", r.Name, err)
	}
	if res.Allowed > 0 {
		return 0, nil
	}
	return max(res.RetryAfter, time.Millisecond), nil
}
