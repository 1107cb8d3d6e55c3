package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endOrphan ends a PostgreSQL that still runs on data although the process that
// started it is gone, and clears away a postmaster.pid that names some other
// process by now. It signals nothing that is not a PostgreSQL on this very folder.
func endOrphan(ctx context.Context, data string) error {
	file := filepath.Join(data, "postmaster.pid")
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	first, _, _ := bytes.Cut(content, []byte("\n"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(first)))
	if err != nil || pid <= 1 {
		// A write that was cut off. PostgreSQL itself refuses such a file.
		return os.Remove(file)
	}
	if !alive(pid) {
		return nil // PostgreSQL sees that by itself, and also looks for leftover backends
	}
	if !isPostgresOn(pid, data) {
		return os.Remove(file) // the number went to another program, e.g. after a restart of the machine
	}
	// Fast, then immediate shutdown, then the hard way.
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, stopTimeout}, {syscall.SIGQUIT, stopTimeout}, {syscall.SIGKILL, stopTimeout}} {
		if !isPostgresOn(pid, data) {
			return nil
		}
		if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("embedded: a PostgreSQL (process %d) still runs on %s and cannot be ended: %w", pid, data, err)
		}
		for until := time.Now().Add(step.wait); time.Now().Before(until); {
			if !alive(pid) {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return fmt.Errorf("embedded: a PostgreSQL (process %d) still runs on %s and does not end", pid, data)
}

// alive reports whether a process exists, ours or not, other than as a zombie.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	return len(commandLine(pid)) > 0
}

// isPostgresOn reports whether a process is a PostgreSQL that was started with
// the data folder data.
func isPostgresOn(pid int, data string) bool {
	args := commandLine(pid)
	if len(args) == 0 || !strings.HasPrefix(filepath.Base(args[0]), "postgres") {
		return false
	}
	i := slices.Index(args, "-D")
	return i >= 0 && strings.HasPrefix(strings.Join(args[i+1:], " ")+" ", data+" ")
}

// commandLine returns a process's arguments: whole ones where there is /proc,
// elsewhere what ps prints, split at blanks. A zombie has none.
func commandLine(pid int) []string {
	if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.FieldsFunc(string(raw), func(r rune) bool { return r == 0 })
	}
	if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		return nil
	}
	out, err := exec.Command("ps", "-o", "stat=,command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	words := strings.Fields(string(out))
	if len(words) < 2 || strings.HasPrefix(words[0], "Z") {
		return nil
	}
	return words[1:]
}
