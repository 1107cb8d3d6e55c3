// Package embedded runs PostgreSQL and Redis as child processes, for the demo
// and for tests: on free loopback ports, in a folder of their own, without
// touching servers that the machine may already run.
package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNoBinary says that a server program is not installed.
var ErrNoBinary = errors.New("not installed")

// startTimeout bounds how long a child may take until it answers.
const startTimeout = 60 * time.Second

// PostgresConfig says where and how a child Postgres runs.
type PostgresConfig struct {
	Dir     string // its folder: data/ and postgres.log; made where missing
	Durable bool   // false: no fsync, for tests
}

// Postgres is a running child server.
type Postgres struct {
	URL string // a superuser's URL to the database "posthorn"
	cmd *exec.Cmd
	end chan error
}

// StartPostgres starts PostgreSQL on the data in cfg.Dir, which it initialises
// where it is empty. As root, which PostgreSQL refuses, it runs the server as the
// user postgres or nobody. It returns ErrNoBinary (wrapped) where PostgreSQL is
// not installed.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	cred, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := makeDir(dir, cred); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "posthorn",
			"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
		cmd.Dir = dir
		cmd.SysProcAttr = childAttr(cred)
		if out, err := cmd.CombinedOutput(); err != nil {
			_ = os.RemoveAll(data)
			return nil, fmt.Errorf("embedded: initdb: %w: %s", err, bytes.TrimSpace(out))
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", "",
		"-c", "max_connections=200", "-c", "shared_buffers=128MB"}
	if !cfg.Durable {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
	}
	log, err := os.OpenFile(filepath.Join(dir, "postgres.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = childAttr(cred)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("embedded: start postgres: %w", err)
	}
	p := &Postgres{cmd: cmd, end: make(chan error, 1)}
	go func() { p.end <- cmd.Wait() }()
	if err := p.ready(ctx, port); err != nil {
		p.Stop()
		return nil, fmt.Errorf("embedded: postgres did not start (see %s): %w", filepath.Join(dir, "postgres.log"), err)
	}
	p.URL = fmt.Sprintf("postgres://posthorn@127.0.0.1:%d/posthorn?sslmode=disable", port)
	return p, nil
}

// ready waits until the server answers and makes the database where it is missing.
func (p *Postgres) ready(ctx context.Context, port int) error {
	admin := fmt.Sprintf("postgres://posthorn@127.0.0.1:%d/postgres?sslmode=disable", port)
	deadline := time.Now().Add(startTimeout)
	for {
		conn, err := pgx.Connect(ctx, admin)
		if err == nil {
			defer conn.Close(ctx)
			var exists bool
			if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'posthorn')`).Scan(&exists); err != nil || exists {
				return err
			}
			_, err := conn.Exec(ctx, `CREATE DATABASE posthorn`)
			return err
		}
		select {
		case exit := <-p.end:
			p.end <- exit
			return fmt.Errorf("it ended: %v", exit)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// Stop ends the server (fast shutdown: open transactions are rolled back) and
// waits for it.
func (p *Postgres) Stop() { stopChild(p.cmd, p.end, syscall.SIGINT) }

// stopChild signals a child, waits up to 10 s, then kills it.
func stopChild(cmd *exec.Cmd, end chan error, sig os.Signal) {
	_ = cmd.Process.Signal(sig)
	select {
	case <-end:
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		<-end
	}
	end <- nil // so that a second Stop returns at once
}

// findPostgres returns the folder that holds initdb and postgres.
func findPostgres() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb", "/opt/homebrew/opt/postgresql*/bin/initdb", "/usr/local/opt/postgresql*/bin/initdb"} {
		match, _ := filepath.Glob(pattern)
		found = append(found, match...)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("embedded: PostgreSQL (initdb) is %w", ErrNoBinary)
	}
	sort.Slice(found, func(i, j int) bool { return majorIn(found[i]) < majorIn(found[j]) })
	return filepath.Dir(found[len(found)-1]), nil
}

func majorIn(path string) int {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(part); err == nil {
			return n
		}
	}
	return 0
}

// unprivileged returns whom to run PostgreSQL as: nil (ourselves) unless we are root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("embedded: PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

func makeDir(dir string, cred *syscall.Credential) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if cred == nil {
		return nil
	}
	return os.Chown(dir, int(cred.Uid), int(cred.Gid))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
