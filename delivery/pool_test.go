package delivery

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"posthorn/internal/smtptest"
)

// TestPoolLimit sends many mails from many goroutines: the relay never sees more
// connections than it was set to, and every mail arrives once.
func TestPoolLimit(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	p := newPools(t, Options{MailsPerConn: 7})
	r := relayOf(s)
	r.Connections = 3
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				c, err := p.Acquire(context.Background(), r, longEnough)
				if err != nil {
					t.Error(err)
					return
				}
				if out := c.Send(context.Background(), aMail()); out.Class != Accepted {
					t.Errorf("outcome %+v", out)
				}
				c.Release()
			}
		})
	}
	all.Wait()
	if n := len(s.Mails()); n != 200 {
		t.Errorf("%d mails, want 200", n)
	}
	perConn := map[int]int{}
	for _, m := range s.Mails() {
		perConn[m.Conn]++
	}
	for conn, n := range perConn {
		if n > 7 {
			t.Errorf("%d mails on connection %d, want at most 7", n, conn)
		}
	}
	if _, open := s.Connections(); open > 3 {
		t.Errorf("%d connections at once, want at most 3", open)
	}
}

func TestAcquireWaits(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	p := newPools(t, Options{})
	r := relayOf(s)
	r.Connections = 1
	held := acquire(t, p, r)

	if _, err := p.Acquire(t.Context(), r, time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := p.Acquire(ctx, r, longEnough); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want Canceled", err)
	}
	got := make(chan *Conn)
	go func() {
		c, err := p.Acquire(context.Background(), r, longEnough)
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	for p.waiting("default") == 0 {
		time.Sleep(time.Millisecond)
	}
	held.Release()
	held.Release() // harmless
	c := <-got
	if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
		t.Errorf("outcome %+v", out)
	}
	c.Release()
	if total, _ := s.Connections(); total != 1 {
		t.Errorf("%d connections, want 1: the one that was given back", total)
	}

	// Relays do not wait for each other.
	held = acquire(t, p, r)
	defer held.Release()
	other := r
	other.Name = "other"
	acquire(t, p, other).Release()
}

func (p *Pools) waiting(relay string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pool[relay].waiting)
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	p := newPools(t, Options{})
	r := relayOf(s)
	r.Connections = 2
	acquire(t, p, r).Release()
	a, b := acquire(t, p, r), acquire(t, p, r)
	waiter := make(chan error)
	go func() {
		_, err := p.Acquire(context.Background(), r, longEnough)
		waiter <- err
	}()
	for p.waiting("default") == 0 {
		time.Sleep(time.Millisecond)
	}
	a.Release() // goes to the waiter, or is closed
	if err := <-waiter; err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := p.Acquire(context.Background(), r, longEnough)
		waiter <- err
	}()
	for p.waiting("default") == 0 {
		time.Sleep(time.Millisecond)
	}
	p.Close()
	if err := <-waiter; !errors.Is(err, net.ErrClosed) {
		t.Errorf("error of one who waited %v, want net.ErrClosed", err)
	}
	if _, err := p.Acquire(t.Context(), r, longEnough); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want net.ErrClosed", err)
	}
	b.Release()
	p.Close() // waits for b's QUIT; twice is harmless
	s.WaitCommands(t, "QUIT", 1)
}

func TestCloseSaysQuit(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	p := newPools(t, Options{})
	a, b := acquire(t, p, relayOf(s)), acquire(t, p, relayOf(s))
	a.Release()
	b.Release()
	p.Close()
	s.WaitOpen(t, 0)
	if n := s.Count("QUIT"); n != 2 {
		t.Errorf("%d times QUIT, want 2", n)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	p := newPools(t, Options{IdleTimeout: 20 * time.Millisecond})
	acquire(t, p, relayOf(s)).Release()
	s.WaitCommands(t, "QUIT", 1)
	s.WaitOpen(t, 0)
	c := acquire(t, p, relayOf(s))
	defer c.Release()
	if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
		t.Errorf("outcome %+v", out)
	}
}

// TestStaleConnection: the relay hangs up on a connection that rests in the pool,
// or says at its next MAIL that it has had enough. The mail goes out all the same.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]smtptest.Rule{
		"hung up":      {Phase: smtptest.Mail, Skip: 1, Times: 1, Cut: true},
		"had enough":   {Phase: smtptest.Mail, Skip: 1, Times: 1, Reply: "421 4.7.0 too many mails on this connection"},
		"slow goodbye": {Phase: smtptest.Mail, Skip: 1, Times: 1, Reply: "421 4.4.2 idle for too long", Delay: 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, smtptest.Options{})
			s.Script(rule)
			p := newPools(t, Options{})
			for range 3 {
				c := acquire(t, p, relayOf(s))
				if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
					t.Errorf("outcome %+v", out)
				}
				c.Release()
			}
			if n, _ := s.Connections(); n != 2 || len(s.Mails()) != 3 {
				t.Errorf("%d connections, %d mails; want 2 and 3", n, len(s.Mails()))
			}
		})
	}

	t.Run("and the relay is gone", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t, smtptest.Options{})
		c := acquire(t, newPools(t, Options{}), relayOf(s))
		defer c.Release()
		if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
			t.Fatalf("outcome %+v", out)
		}
		s.Down()
		compare(t, c.Send(t.Context(), aMail()), Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonRelayUnreachable})
		s.Up(t)
		if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
			t.Errorf("after it came back: %+v", out)
		}
	})

	t.Run("and the password was changed", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t, smtptest.Options{Username: "u", Password: "p"})
		s.Script(smtptest.Rule{Phase: smtptest.Mail, Skip: 1, Cut: true}, smtptest.Rule{Phase: smtptest.Auth, Skip: 1, Reply: "535 5.7.8 no"})
		r := relayOf(s)
		r.Username, r.Password = "u", "p"
		c := acquire(t, newPools(t, Options{}), r)
		defer c.Release()
		if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
			t.Fatalf("outcome %+v", out)
		}
		// Not Permanent: a login that is refused is nothing against the mail.
		compare(t, c.Send(t.Context(), aMail()),
			Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonLoginFailed, Code: 535, Enhanced: "5.7.8"})
	})
}

// TestSettingsChange moves a relay to another server while connections are idle
// and lent.
func TestSettingsChange(t *testing.T) {
	t.Parallel()
	before, after := smtptest.New(t, smtptest.Options{}), smtptest.New(t, smtptest.Options{})
	p := newPools(t, Options{})
	r := relayOf(before)
	r.Connections = 2
	idle, lent := acquire(t, p, r), acquire(t, p, r)
	idle.Release()

	moved := r
	moved.Port, moved.UpdatedAt = after.Port, r.UpdatedAt.Add(time.Second)
	c := acquire(t, p, moved)
	before.WaitCommands(t, "QUIT", 1) // the idle one
	for _, send := range []*Conn{lent, c} {
		if out := send.Send(t.Context(), aMail()); out.Class != Accepted {
			t.Errorf("outcome %+v", out)
		}
	}
	if len(before.Mails()) != 1 || len(after.Mails()) != 1 {
		t.Errorf("%d and %d mails, want 1 and 1", len(before.Mails()), len(after.Mails()))
	}
	if _, err := p.Acquire(t.Context(), moved, 0); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy: a connection on old settings counts too", err)
	}
	lent.Release()
	before.WaitOpen(t, 0)

	// One who has not heard of the change gets the new relay, and does not undo it.
	stale := acquire(t, p, r)
	if out := stale.Send(t.Context(), aMail()); out.Class != Accepted {
		t.Errorf("outcome %+v", out)
	}
	stale.Release()
	c.Release()
	if len(after.Mails()) != 2 {
		t.Errorf("%d mails on the new relay, want 2", len(after.Mails()))
	}

	// What connections do not depend on leaves them open; fewer of them close the surplus.
	fewer := moved
	fewer.Connections, fewer.RatePerSecond, fewer.UpdatedAt = 1, 5, moved.UpdatedAt.Add(time.Second)
	total, _ := after.Connections()
	c = acquire(t, p, fewer)
	if _, err := p.Acquire(t.Context(), fewer, 0); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	if now, _ := after.Connections(); now != total {
		t.Errorf("%d connections, want still %d", now, total)
	}
	after.WaitOpen(t, 1)
	more := fewer
	more.Connections, more.UpdatedAt = 3, fewer.UpdatedAt.Add(time.Second)
	acquire(t, p, more).Release()
	c.Release()
}

// TestReleaseBroken gives back a connection that broke: the slot is free again.
func TestReleaseBroken(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	s.Script(smtptest.Rule{Phase: smtptest.Rcpt, Cut: true, Times: 3})
	p := newPools(t, Options{})
	r := relayOf(s)
	r.Connections = 1
	for i := range 4 {
		c := acquire(t, p, r)
		out := c.Send(t.Context(), aMail())
		if want := map[bool]Class{true: Temporary, false: Accepted}[i < 3]; out.Class != want {
			t.Errorf("mail %d: %+v, want %s", i, out, want)
		}
		c.Release()
	}
	// A relay that cannot be connected to frees its slot as well.
	s.Down()
	c := acquire(t, p, r) // the idle one: nobody has noticed yet
	compare(t, c.Send(t.Context(), aMail()), Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonRelayUnreachable})
	c.Release()
	for range 3 {
		var refused *ConnectError
		if _, err := p.Acquire(t.Context(), r, 0); !errors.As(err, &refused) {
			t.Errorf("error %v, want a ConnectError", err)
		}
	}
}
