package tasks

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Open connects to the Redis at rawURL (redis://[user:password@]host:port/db, or
// rediss:// for TLS) and checks that it is fit to hold queues. Its error names
// the server without the password.
func Open(ctx context.Context, rawURL string) (*redis.Client, error) {
	opt, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, fmt.Errorf("redis: POSTHORN_REDIS_URL %s is not a Redis URL such as redis://:password@host:6379/0", redact(rawURL))
	}
	client := redis.NewClient(opt)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := Check(ctx, client); err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("redis: %s: %w", redact(rawURL), err)
	}
	client.AddHook(&dialBackoff{}) // only now: at the start a refusal shall be told at once
	return client, nil
}

// go-redis prints every failed dial to standard error. Those who use the client
// get the same error, and log it.
func init() { redis.SetLogger(silence{}) }

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// Check says whether the server answers, is new enough (6.2) and never evicts
// keys: a queue that loses tasks under memory pressure would look healthy.
func Check(ctx context.Context, client redis.UniversalClient) error {
	info, err := client.Info(ctx).Result()
	if err != nil {
		return fmt.Errorf("cannot reach it: %w", err)
	}
	fields := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(info)); lines.Scan(); {
		if name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":"); ok {
			fields[name] = value
		}
	}
	if v := fields["redis_version"]; v != "" && !atLeast(v, 6, 2) {
		return fmt.Errorf("it is version %s, and 6.2 or newer is needed", v)
	}
	if p := fields["maxmemory_policy"]; p != "" && p != "noeviction" {
		return fmt.Errorf("its maxmemory-policy is %s and must be noeviction, or queued work may be dropped: set it in redis.conf or with CONFIG SET maxmemory-policy noeviction", p)
	}
	return nil
}

func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return true
	}
	a, errA := strconv.Atoi(parts[0])
	b, errB := strconv.Atoi(parts[1])
	if errA != nil || errB != nil {
		return true
	}
	return a > major || a == major && b >= minor
}

func redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return "(unreadable)"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// dialBackoff slows down the connection attempts to a Redis that is away:
// asynq's dequeue loop would otherwise spin on refused connections.
type dialBackoff struct {
	mu       sync.Mutex
	failures int
}

const maxDialPause = time.Second

func (h *dialBackoff) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		h.mu.Lock()
		failures := h.failures
		h.mu.Unlock()
		if failures > 0 {
			pause := min(10*time.Millisecond<<min(failures, 10), maxDialPause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		conn, err := next(ctx, network, addr)
		h.mu.Lock()
		defer h.mu.Unlock()
		if err != nil {
			h.failures++
			return nil, err
		}
		h.failures = 0
		return conn, nil
	}
}

func (h *dialBackoff) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *dialBackoff) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
