// Package embedded runs PostgreSQL and Redis as child processes, for the demo
// and for tests: on free loopback ports, in a folder of their own, without
// touching servers that the machine may already run.
//
// A start goes through these steps, each of which expects that the last run may
// have ended in the middle of it:
//
//  1. The folder is locked (Lock), so that nobody else works in it.
//  2. As root, which PostgreSQL refuses, the servers run as another user. Where
//     that user cannot reach the folder, Reachable finds another one.
//  3. A server that outlived a killed parent is recognised as ours and ended.
//  4. A data folder is initialised beside its place and then renamed, so that a
//     half-made one is never taken for a whole one.
//  5. The server starts on a free port and is waited for. A failure is reported
//     with the server's own last words.
//
// The kernel ends the children when their parent dies, where it can (Linux);
// elsewhere step 3 does.
package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrNoBinary says that a server program is not installed.
var ErrNoBinary = errors.New("not installed")

// startTimeout bounds how long a child may take until it answers.
const startTimeout = 60 * time.Second

// stopTimeout bounds how long a child may take to end before it is killed.
const stopTimeout = 10 * time.Second

// child is a running server process.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; valid once done is closed
	quit os.Signal     // what asks it to end
	once sync.Once
}

// spawn starts cmd. The kernel's promise to end the child with its parent is tied
// to the thread that made it, so that thread is kept until the child has ended.
func spawn(cmd *exec.Cmd, quit syscall.Signal, cred *syscall.Credential) (*child, error) {
	cmd.SysProcAttr = childAttr(cred, quit)
	c := &child{cmd: cmd, done: make(chan struct{}), quit: quit}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// stop asks the child to end, waits and, if it has to, kills it. It may be called
// more than once and at any time.
func (c *child) stop() { c.end(c.quit) }

// end is stop with another signal.
func (c *child) end(quit os.Signal) {
	c.once.Do(func() {
		_ = c.cmd.Process.Signal(quit)
		select {
		case <-c.done:
		case <-time.After(stopTimeout):
			_ = c.cmd.Process.Kill()
		}
	})
	<-c.done
}

// run runs a program to its end as cred and returns what it printed.
func run(cmd *exec.Cmd, cred *syscall.Credential) ([]byte, error) {
	cmd.SysProcAttr = childAttr(cred, syscall.SIGTERM)
	return cmd.CombinedOutput()
}

// unprivileged returns whom to run a server as: nil (ourselves) unless we are
// root, else the first of the named users that exists.
func unprivileged(names ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		// As signed numbers, because some systems have a nobody with the id -2.
		uid, errU := strconv.ParseInt(u.Uid, 10, 64)
		gid, errG := strconv.ParseInt(u.Gid, 10, 64)
		if errU != nil || errG != nil || uid == 0 {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("embedded: the server does not run as root, and there is no user %s to run it as", strings.Join(names, " or "))
}

// secret returns the password kept in the file, which is made where it is missing.
func secret(file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		data = []byte(rand.Text())
		err = writePrivate(file, data)
	}
	if err != nil {
		return "", fmt.Errorf("embedded: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// writePrivate replaces a file as a whole by one that only we may read.
func writePrivate(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// lastWords returns the line of a server's log that says why it ended: the last
// one that is marked as fatal, else the last one. Its text is made to one line.
func lastWords(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	const tail = 16 << 10
	if info, err := f.Stat(); err == nil && info.Size() > tail {
		_, _ = f.Seek(-tail, 2)
	}
	buf := make([]byte, tail)
	n, _ := f.Read(buf)
	last := ""
	for line := range strings.Lines(string(buf[:n])) {
		line = strings.TrimSpace(line)
		// Those about single connections say nothing about the server.
		if strings.Contains(line, "the database system is") || strings.Contains(line, "terminating connection") {
			continue
		}
		if strings.Contains(line, "FATAL:") || strings.Contains(line, "PANIC:") {
			_, line, _ = strings.Cut(line, ": ") // the time and process before it
			last = "FATAL: " + strings.TrimSpace(line)
		}
		if line != "" && !strings.HasPrefix(last, "FATAL: ") {
			last = line
		}
	}
	return last
}

const diskFull = "no space left on device"

// explain makes the cause of a failed start plain where the server's words are known.
func explain(dir, words string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC) || strings.Contains(strings.ToLower(words), diskFull):
		return fmt.Errorf("the disk that holds %s is full: free some space and start again", dir)
	case words != "":
		return fmt.Errorf("%w: it said: %s", err, words)
	default:
		return err
	}
}
