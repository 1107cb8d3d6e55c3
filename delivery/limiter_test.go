package delivery

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"posthorn/internal/redistest"
	"posthorn/relays"
)

// TestLimiter asks two limiters, as two workers have, for as much as they get.
func TestLimiter(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]func() string{
		"redis-server": func() string { return redistest.New(t).Addr },
		"in process":   func() string { return miniredis.RunT(t).Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := redis.NewClient(&redis.Options{Addr: addr()})
			defer client.Close()
			workers := []*Limiter{NewLimiter(client), NewLimiter(client)}

			none := relays.Relay{Name: "none"}
			for range 1000 {
				if wait, err := workers[0].Allow(t.Context(), none); wait != 0 || err != nil {
					t.Fatalf("no limit: %v, %v", wait, err)
				}
			}
			slow := relays.Relay{Name: "slow", RatePerSecond: 1}
			if wait, err := workers[0].Allow(t.Context(), slow); wait != 0 || err != nil {
				t.Fatalf("the first: %v, %v", wait, err)
			}
			wait, err := workers[1].Allow(t.Context(), slow)
			if err != nil || wait <= 0 || wait > time.Second {
				t.Errorf("the second, from another worker: %v, %v", wait, err)
			}
			if wait, err := workers[1].Allow(t.Context(), relays.Relay{Name: "other", RatePerSecond: 1}); wait != 0 || err != nil {
				t.Errorf("another relay: %v, %v", wait, err)
			}

			fast := relays.Relay{Name: "fast", RatePerSecond: 500}
			began := time.Now()
			for i := range 250 {
				if err := await(t.Context(), workers[i%2], fast); err != nil {
					t.Fatal(err)
				}
			}
			// 250 at 500 a second, of which 50 may come at once: not sooner than 0.4 s. There is no bound above.
			if took := time.Since(began); took < 390*time.Millisecond {
				t.Errorf("250 mails at 500 a second took only %s", took)
			}

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := await(ctx, workers[0], slow); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want Canceled", err)
			}
		})
	}
}

func TestLimiterWithoutRedis(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer client.Close()
	if _, err := NewLimiter(client).Allow(t.Context(), relays.Relay{Name: "x", RatePerSecond: 1}); err == nil {
		t.Error("no error")
	}
}

// await takes the right to send one mail, and waits for it where it must, as a
// worker does.
func await(ctx context.Context, l *Limiter, r relays.Relay) error {
	for {
		retryAfter, err := l.Allow(ctx, r)
		if err != nil || retryAfter == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryAfter):
		}
	}
}
