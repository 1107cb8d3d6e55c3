package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Redis is a running server: a child, or one within this process.
type Redis struct {
	URL     string // with its password, where it asks for one
	Addr    string // host:port
	Version string // "7.0.15"; empty for the one within this process
	child   *child
	mini    *miniredis.Miniredis
	state   string // where URL is kept for the next start; may be empty
	again   func(ctx context.Context) (*Redis, error)
}

// StartRedis starts a redis-server in dir without persistence (what it holds can
// be rebuilt from Postgres) and without a password: for tests. It returns
// ErrNoBinary (wrapped) where redis-server is not installed.
func StartRedis(ctx context.Context, dir string) (*Redis, error) {
	return startRedis(ctx, dir, "")
}

// StartPrivateRedis is StartRedis with a password, so that other users of the
// machine cannot enter. One that a killed process left behind in dir is ended
// first.
func StartPrivateRedis(ctx context.Context, dir string) (*Redis, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	state := filepath.Join(dir, "redis.url")
	endRedisOrphan(ctx, state)
	r, err := startRedis(ctx, dir, rand.Text())
	if err != nil {
		return nil, err
	}
	r.state = state
	if err := writePrivate(state, []byte(r.URL)); err != nil {
		r.Stop()
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return r, nil
}

// StartMiniRedis starts a Redis within this process, for a demo on a machine
// without redis-server. It holds nothing once the process ends, and it is slow.
func StartMiniRedis() (*Redis, error) {
	m := miniredis.NewMiniRedis()
	password := rand.Text()
	m.RequireAuth(password)
	m.ClockTTL(true) // otherwise nothing ever expires
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("embedded: start the Redis within this process: %w", err)
	}
	return &Redis{URL: redisURL(m.Addr(), password), Addr: m.Addr(), mini: m}, nil
}

func redisURL(addr, password string) string {
	u := url.URL{Scheme: "redis", Host: addr, Path: "/0"}
	if password != "" {
		u.User = url.UserPassword("", password)
	}
	return u.String()
}

func startRedis(ctx context.Context, dir, password string) (*Redis, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("embedded: redis-server is %w", ErrNoBinary)
	}
	// Any user will do who is not root: it owns no files.
	cred, err := unprivileged("redis", "nobody", "postgres")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	logFile := filepath.Join(dir, "redis.log")
	for try := 1; ; try++ {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		again := func(ctx context.Context) (*Redis, error) { return tryRedis(ctx, bin, logFile, port, password, cred) }
		r, err := again(ctx)
		if err == nil {
			r.again = again
			return r, nil
		}
		words := lastWords(logFile)
		// The free port may be taken by somebody else before the server has it.
		if ctx.Err() != nil || try == 5 || !strings.Contains(words, "listen") {
			return nil, fmt.Errorf("embedded: redis-server did not start (its log: %s): %w", logFile, explain(dir, words, err))
		}
	}
}

func tryRedis(ctx context.Context, bin, logFile string, port int, password string, cred *syscall.Credential) (*Redis, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// Settings come on stdin, because a command line is there for everybody to read.
	// The working folder is never written to.
	config := "bind 127.0.0.1\nport " + strconv.Itoa(port) + "\nsave \"\"\nappendonly no\nmaxmemory-policy noeviction\ndir /\n"
	if password != "" {
		config += "requirepass " + password + "\n"
	}
	cmd := exec.Command(bin, "-")
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Stdin = "/", log, log, strings.NewReader(config)
	c, err := spawn(cmd, syscall.SIGTERM, cred)
	if err != nil {
		return nil, err
	}
	r := &Redis{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), child: c}
	r.URL = redisURL(r.Addr, password)

	client := redis.NewClient(&redis.Options{Addr: r.Addr, Password: password, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		info, err := client.Info(ctx, "server").Result()
		if err == nil {
			for line := range strings.Lines(info) {
				if v, ok := strings.CutPrefix(line, "redis_version:"); ok {
					r.Version = strings.TrimSpace(v)
				}
			}
			return r, nil
		}
		select {
		case <-c.done:
			return nil, fmt.Errorf("it ended: %w", c.err)
		case <-ctx.Done():
			r.Stop()
			return nil, fmt.Errorf("it did not answer: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// endRedisOrphan ends the server whose URL the last start left in the file. That
// it takes that start's password shows that it is ours.
func endRedisOrphan(ctx context.Context, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return
	}
	defer os.Remove(file)
	opt, err := redis.ParseURL(strings.TrimSpace(string(raw)))
	if err != nil || opt.Password == "" {
		return
	}
	// A dial of our own, because go-redis logs what it cannot reach.
	conn, err := net.DialTimeout("tcp", opt.Addr, time.Second)
	if err != nil {
		return
	}
	_ = conn.Close()
	opt.ReadTimeout, opt.MaxRetries = time.Second, -1
	client := redis.NewClient(opt)
	defer client.Close()
	if client.Ping(ctx).Err() == nil {
		_ = client.ShutdownNoSave(ctx).Err()
	}
}

// Stop ends the server and waits for it.
func (r *Redis) Stop() {
	if r.mini != nil {
		r.mini.Close()
		return
	}
	r.child.stop()
	if r.state != "" {
		if err := os.Remove(r.state); err != nil && !errors.Is(err, os.ErrNotExist) {
			return // the next start finds a server that does not answer, which is no harm
		}
	}
}

// Crash kills a child server; what it held is gone.
func (r *Redis) Crash() { r.child.end(syscall.SIGKILL) }

// Restart starts a child server that Stop or Crash ended again, empty, on the
// same port. Only one of the three may be called at a time.
func (r *Redis) Restart(ctx context.Context) error {
	next, err := r.again(ctx)
	if err != nil {
		return fmt.Errorf("embedded: redis-server did not start again: %w", err)
	}
	r.child = next.child
	return nil
}

// PID is the server's process: our own for the one within this process.
func (r *Redis) PID() int {
	if r.child == nil {
		return os.Getpid()
	}
	return r.child.cmd.Process.Pid
}

// Ended is closed when a child server has ended, asked or not; it is nil, which
// blocks for ever, for the one within this process.
func (r *Redis) Ended() <-chan struct{} {
	if r.child == nil {
		return nil
	}
	return r.child.done
}
