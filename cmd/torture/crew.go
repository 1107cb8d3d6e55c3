package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// crew keeps the processes of Posthorn running, as a service manager would: one
// that ends is started again. Each start has a log file of its own.
type crew struct {
	binary string
	logs   string // folder
	env    []string

	mu     sync.Mutex
	posts  []*post
	wrong  []string // what a process did that it must not
	failed int      // starts
	closed bool
	keep   sync.WaitGroup
}

// post is a place in the crew: a worker, a scheduler or web, in its n-th life.
type post struct {
	kind, name string
	lives      int
	cmd        *exec.Cmd // nil while none runs
	log        string    // file
	started    time.Time
	asked      bool // to end
	ended      chan struct{}
}

// failedStart is how long a process may live that could not start because a
// server was away. One that ends by itself later has a defect.
const failedStart = 15 * time.Second

// startAfter is the pause before a process that ended is started again.
const startAfter = 300 * time.Millisecond

// exitWithin is how long a worker may take to end when asked.
const exitWithin = 30 * time.Second

func newCrew(binary, logs, databaseURL, redisURL, listen string, slots int) *crew {
	retry := strings.TrimSuffix(strings.Repeat("1s,", 10)+strings.Repeat("2s,", 40), ",")
	c := &crew{binary: binary, logs: logs}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "POSTHORN_") {
			c.env = append(c.env, kv)
		}
	}
	c.env = append(c.env, "POSTHORN_DATABASE_URL="+databaseURL, "POSTHORN_REDIS_URL="+redisURL, "POSTHORN_SECRET="+tortureSecret,
		"POSTHORN_BASE_URL=https://mail.shop.example", "POSTHORN_LISTEN="+listen, "POSTHORN_RETRY="+retry, fmt.Sprintf("POSTHORN_CONCURRENCY=%d", slots))
	return c
}

// hire starts n processes of a kind.
func (c *crew) hire(kind string, n int) {
	for i := range n {
		p := &post{kind: kind, name: fmt.Sprintf("%s-%d", kind, i+1)}
		c.mu.Lock()
		c.posts = append(c.posts, p)
		c.mu.Unlock()
		c.keep.Add(1)
		go func() {
			defer c.keep.Done()
			// The kernel's promise to end a child with its parent is tied to the thread that made it.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for c.life(p) {
				time.Sleep(startAfter)
			}
		}()
	}
}

// life runs a process to its end. It returns false when there shall be no other.
func (c *crew) life(p *post) bool {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return false
	}
	p.lives++
	log, err := os.Create(filepath.Join(c.logs, fmt.Sprintf("%s.%d.log", p.name, p.lives)))
	if err == nil {
		cmd := exec.Command(c.binary, p.kind)
		cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = c.env, log, log, attributes()
		if err = cmd.Start(); err == nil {
			p.cmd, p.log, p.started, p.asked, p.ended = cmd, log.Name(), time.Now(), false, make(chan struct{})
		}
	}
	if err != nil {
		c.wrong = append(c.wrong, fmt.Sprintf("%s cannot be started: %v", p.name, err))
		c.mu.Unlock()
		return false
	}
	cmd, ended := p.cmd, p.ended
	c.mu.Unlock()

	err = cmd.Wait()
	_ = log.Close()

	c.mu.Lock()
	defer c.mu.Unlock()
	p.cmd = nil
	close(ended)
	if p.asked || c.closed {
		return !c.closed
	}
	c.failed++
	if lived := time.Since(p.started); lived > failedStart {
		c.wrong = append(c.wrong, fmt.Sprintf("%s ended by itself after %s (%v): see %s", p.name, lived.Round(time.Second), err, log.Name()))
	} else if words := lastLine(log.Name()); !strings.HasPrefix(words, "posthorn: ") {
		c.wrong = append(c.wrong, fmt.Sprintf("%s could not start (%v) and did not end with one line that says why, but with %q: see %s", p.name, err, words, log.Name()))
	}
	return !c.closed
}

// end sends a signal to one running process of a kind, chosen by pick, and waits
// for its end. It returns false where none runs.
func (c *crew) end(kind string, signal syscall.Signal, pick func(n int) int) bool {
	c.mu.Lock()
	var running []*post
	for _, p := range c.posts {
		if p.kind == kind && p.cmd != nil && !p.asked {
			running = append(running, p)
		}
	}
	if len(running) == 0 {
		c.mu.Unlock()
		return false
	}
	p := running[pick(len(running))]
	p.asked = true
	cmd, ended, log := p.cmd, p.ended, p.log
	began := time.Now()
	_ = cmd.Process.Signal(signal)
	c.mu.Unlock()
	select {
	case <-ended:
		// One that is only just starting does not hear us yet, or has found a server away and is about to end with 1.
		if code := cmd.ProcessState.ExitCode(); signal == syscall.SIGTERM && code != 0 && hasStarted(log) {
			c.blame("%s ended with code %d when asked to end: see %s", p.name, code, log)
		}
	case <-time.After(exitWithin):
		c.blame("%s was asked to end and still ran after %s", p.name, time.Since(began).Round(time.Second))
		_ = cmd.Process.Kill()
		<-ended
	}
	return true
}

func (c *crew) blame(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// idleFor and mayUse say how much CPU a process may use that has nothing to do:
// more is a loop that spins.
const (
	idleFor = 2 * time.Second
	mayUse  = idleFor / 4
)

// watchIdle looks for processes that are busy with nothing.
func (c *crew) watchIdle() {
	before := map[int]time.Duration{}
	look := func(seen func(p *post, pid int)) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, p := range c.posts {
			if p.cmd != nil && time.Since(p.started) > idleFor {
				seen(p, p.cmd.Process.Pid)
			}
		}
	}
	look(func(_ *post, pid int) { before[pid] = cpuOf(pid) })
	time.Sleep(idleFor)
	look(func(p *post, pid int) {
		if was, ok := before[pid]; ok && cpuOf(pid)-was > mayUse {
			c.wrong = append(c.wrong, fmt.Sprintf("%s used %s of CPU in %s with nothing to do", p.name, cpuOf(pid)-was, idleFor))
		}
	})
}

// dismiss asks all to end and waits.
func (c *crew) dismiss() {
	c.mu.Lock()
	c.closed = true
	for _, p := range c.posts {
		if p.cmd != nil {
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	c.mu.Unlock()
	all := make(chan struct{})
	go func() { c.keep.Wait(); close(all) }()
	select {
	case <-all:
		return
	case <-time.After(exitWithin):
	}
	c.mu.Lock()
	for _, p := range c.posts {
		if p.cmd != nil {
			c.wrong = append(c.wrong, p.name+" did not end at the end")
			_ = p.cmd.Process.Kill()
		}
	}
	c.mu.Unlock()
	<-all
}
