package embedded

import (
	"context"
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

	"github.com/jackc/pgx/v5"
)

// PostgresConfig says where and how a child Postgres runs.
type PostgresConfig struct {
	Dir     string            // its folder; made where missing
	Durable bool              // false: no fsync, for tests
	Private bool              // true: it asks for a password, kept in Dir; false: any local user may connect
	Log     string            // the server's log file; "": postgres.log in Dir
	Note    func(line string) // is told what the user should know; may be nil
}

// Postgres is a running child server.
type Postgres struct {
	URL     string // a superuser's URL to the database "posthorn", with its password
	Version string // "15.10"
	Dir     string // where the data is
	log     string
	child   *child
	again   func(ctx context.Context) error // starts it once more, on the port it has
}

// StartPostgres starts PostgreSQL on the data in cfg.Dir, which it initialises
// where it is empty. As root, which PostgreSQL refuses, it runs the server as the
// user postgres or nobody. It returns ErrNoBinary (wrapped) where PostgreSQL is
// not installed. The caller holds the folder's Lock, if others might want it.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	found, err := installs()
	if err != nil {
		return nil, err
	}
	cred, err := unprivileged("postgres", "nobody")
	if err != nil {
		return nil, err
	}
	if cfg.Note == nil {
		cfg.Note = func(string) {}
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	// The folder is ours and only data/ is the server's, so that the user who runs
	// it cannot lead our writes elsewhere.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	if cred != nil && !canEnter(dir, cred) {
		return nil, fmt.Errorf("embedded: PostgreSQL does not run as root, and the user it would run as cannot enter %s", dir)
	}
	password := ""
	if cfg.Private {
		if password, err = secret(filepath.Join(dir, "password")); err != nil {
			return nil, err
		}
	}
	data, use, err := chooseData(dir, found, cfg.Note)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(data); errors.Is(err, os.ErrNotExist) {
		if err := initData(ctx, use, dir, data, password, cred); err != nil {
			return nil, err
		}
	}
	if err := endOrphan(ctx, data); err != nil {
		return nil, err
	}
	if cfg.Log == "" {
		cfg.Log = filepath.Join(dir, "postgres.log")
	}
	p := &Postgres{Version: use.full, Dir: data, log: cfg.Log}
	err = p.tryStart(ctx, func() error {
		port, err := freePort()
		if err != nil {
			return err
		}
		p.again = func(ctx context.Context) error { return p.start(ctx, cfg, use, port, password, cred) }
		return p.again(ctx)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// tryStart starts the server with the given function. The free port may be taken
// by somebody else before the server has it, and what is left of a server that was
// just killed may hold on to its memory for a moment: then it tries again.
func (p *Postgres) tryStart(ctx context.Context, start func() error) error {
	for try := 1; ; try++ {
		err := start()
		if err == nil {
			return nil
		}
		words := lastWords(p.log)
		busy := strings.Contains(words, "could not create any TCP/IP sockets") || strings.Contains(words, "shared memory block")
		if ctx.Err() != nil || !busy || try == 5 {
			return fmt.Errorf("embedded: PostgreSQL did not start (its log: %s): %w", p.log, explain(filepath.Dir(p.Dir), words, err))
		}
		time.Sleep(time.Duration(try) * 300 * time.Millisecond)
	}
}

// chooseData returns the data folder and the installed version that goes with it.
// Data of a version that is no longer installed is left as it is, and a new
// folder stands beside it.
func chooseData(dir string, found []install, note func(string)) (string, install, error) {
	data := filepath.Join(dir, "data")
	for {
		version, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
		if errors.Is(err, os.ErrNotExist) {
			if _, err := os.Lstat(data); err == nil {
				return "", install{}, fmt.Errorf("embedded: %s is there but is not a PostgreSQL data folder: move it away", data)
			}
			return data, found[0], nil
		}
		if err != nil {
			return "", install{}, fmt.Errorf("embedded: the data in %s is not readable to you (was it made by another user?): %w", dir, err)
		}
		major := strings.TrimSpace(string(version))
		for _, in := range found {
			if strconv.Itoa(in.major) == major {
				return data, in, nil
			}
		}
		next := filepath.Join(dir, fmt.Sprintf("data-%d", found[0].major))
		if data == next {
			return "", install{}, fmt.Errorf("embedded: the data in %s is of PostgreSQL %s, which is not installed: install it or move the folder away", data, major)
		}
		note(fmt.Sprintf("the data in %s is of PostgreSQL %s, which is not installed; it is left alone, and %s is used", data, major, next))
		data = next
	}
}

// initData makes a data folder, under another name until it is whole.
func initData(ctx context.Context, use install, dir, data, password string, cred *syscall.Credential) error {
	if err := checkSpace(dir); err != nil {
		return err
	}
	made := data + ".new"
	if err := os.RemoveAll(made); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	if err := os.Mkdir(made, 0o700); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	args := []string{"-D", made, "-U", "posthorn", "--encoding=UTF8", "--locale=C", "--no-sync"}
	if password == "" {
		args = append(args, "--auth=trust")
	} else {
		file := filepath.Join(dir, ".initdb-password")
		if err := writePrivate(file, []byte(password)); err != nil {
			return fmt.Errorf("embedded: %w", err)
		}
		defer os.Remove(file)
		if err := give(file, cred); err != nil {
			return err
		}
		args = append(args, "--auth=scram-sha-256", "--pwfile="+file)
	}
	if err := give(made, cred); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(use.bin, "initdb"), args...)
	cmd.Dir = dir
	out, err := run(cmd, cred)
	if err == nil {
		err = os.Rename(made, data)
	}
	if err != nil {
		_ = os.RemoveAll(made)
		words := strings.TrimSpace(string(out))
		if i := strings.Index(words, "error:"); i >= 0 {
			words, _, _ = strings.Cut(words[i:], "\n")
		}
		return fmt.Errorf("embedded: initdb: %w", explain(dir, words, err))
	}
	return nil
}

// give makes the user who runs the server the owner of path.
func give(path string, cred *syscall.Credential) error {
	if cred == nil {
		return nil
	}
	if err := os.Lchown(path, int(cred.Uid), int(cred.Gid)); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// start runs the server on a port and waits until it answers.
func (p *Postgres) start(ctx context.Context, cfg PostgresConfig, use install, port int, password string, cred *syscall.Credential) error {
	args := []string{"-D", p.Dir, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", "",
		"-c", "max_connections=200", "-c", "shared_buffers=128MB"}
	if !cfg.Durable {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(use.bin, "postgres"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Dir(p.Dir), log, log
	// SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
	if p.child, err = spawn(cmd, syscall.SIGINT, cred); err != nil {
		return err
	}
	dsn := url.URL{Scheme: "postgres", User: url.User("posthorn"), Path: "/posthorn", RawQuery: "sslmode=disable",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if password != "" {
		dsn.User = url.UserPassword("posthorn", password)
	}
	if err := p.ready(ctx, dsn); err != nil {
		p.Stop()
		return err
	}
	p.URL = dsn.String()
	return nil
}

// ready waits until the server answers and makes the database where it is missing.
func (p *Postgres) ready(ctx context.Context, dsn url.URL) error {
	dsn.Path = "/postgres"
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, dsn.String())
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
		case <-p.child.done:
			return fmt.Errorf("it ended: %w", p.child.err)
		case <-ctx.Done():
			return fmt.Errorf("it did not answer: %w", err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// Stop ends the server (fast shutdown: open transactions are rolled back) and
// waits for it.
func (p *Postgres) Stop() { p.child.stop() }

// Crash ends the server at once, as a power cut would: PostgreSQL's immediate
// shutdown, after which it has to recover from its log.
func (p *Postgres) Crash() { p.child.end(syscall.SIGQUIT) }

// Restart starts a server that Stop or Crash ended again, on the same data and
// port. Only one of the three may be called at a time.
func (p *Postgres) Restart(ctx context.Context) error {
	return p.tryStart(ctx, func() error { return p.again(ctx) })
}

// PID is the server's process.
func (p *Postgres) PID() int { return p.child.cmd.Process.Pid }

// Ended is closed when the server has ended, asked or not.
func (p *Postgres) Ended() <-chan struct{} { return p.child.done }

// LastWords is the line of the server's log that most likely says why it ended.
func (p *Postgres) LastWords() string { return lastWords(p.log) }
