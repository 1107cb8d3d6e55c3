package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a running child server.
type Redis struct {
	URL  string
	Addr string
	cmd  *exec.Cmd
	end  chan error
}

// StartRedis starts a redis-server in dir without persistence: what it holds can
// be rebuilt from Postgres. It returns ErrNoBinary (wrapped) where redis-server
// is not installed.
func StartRedis(ctx context.Context, dir string) (*Redis, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("embedded: redis-server is %w", ErrNoBinary)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--maxmemory-policy", "noeviction", "--dir", dir, "--logfile", filepath.Join(dir, "redis.log"))
	cmd.SysProcAttr = childAttr(nil)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("embedded: start redis-server: %w", err)
	}
	r := &Redis{Addr: fmt.Sprintf("127.0.0.1:%d", port), cmd: cmd, end: make(chan error, 1)}
	r.URL = "redis://" + r.Addr + "/0"
	go func() { r.end <- cmd.Wait() }()

	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer client.Close()
	deadline := time.Now().Add(startTimeout)
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			r.Stop()
			return nil, fmt.Errorf("embedded: redis-server did not start (see %s): %w", filepath.Join(dir, "redis.log"), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Stop ends the server and waits for it.
func (r *Redis) Stop() { stopChild(r.cmd, r.end, syscall.SIGTERM) }
