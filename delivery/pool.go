package delivery

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"posthorn/relays"
)

// Options say how to deliver. The zero value is good for production.
type Options struct {
	Logger    *slog.Logger // nil: slog.Default()
	HelloName string       // how to introduce ourselves (EHLO); "": the machine's host name
	TLSConfig *tls.Config  // nil: the system's roots; ServerName is filled in

	DialTimeout    time.Duration // TCP connect; 0: 15 s
	CommandTimeout time.Duration // from a command (or the greeting) to its reply; 0: 60 s
	DotTimeout     time.Duration // from the final dot to its reply; 0: 600 s, which is what Postfix may take
	IdleTimeout    time.Duration // how long an unused connection stays open; 0: 30 s
	MailsPerConn   int           // after as many a connection is replaced; 0: 1000
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.HelloName == "" {
		if o.HelloName, _ = os.Hostname(); o.HelloName == "" {
			o.HelloName = "localhost"
		}
	}
	if o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	o.DialTimeout = cmp.Or(o.DialTimeout, 15*time.Second)
	o.CommandTimeout = cmp.Or(o.CommandTimeout, 60*time.Second)
	o.DotTimeout = cmp.Or(o.DotTimeout, 600*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 30*time.Second)
	o.MailsPerConn = cmp.Or(o.MailsPerConn, 1000)
	return o
}

// Pools holds this process's connections, one pool per relay. It is safe for
// concurrent use.
type Pools struct {
	opt      Options
	mu       sync.Mutex
	pool     map[string]*pool // by relay name
	closed   bool
	quitting int        // connections that are being closed in the background
	quiet    *sync.Cond // on mu: quitting may have become 0
}

// NewPools returns pools that connect when first asked to.
func NewPools(opt Options) *Pools {
	p := &Pools{opt: opt.withDefaults(), pool: map[string]*pool{}}
	p.quiet = sync.NewCond(&p.mu)
	return p
}

// pool is the connections to one relay. Lent and idle ones together are never
// more than relay.Connections, also while settings change: a connection on old
// settings counts until it is closed. (Lowering Connections takes effect as
// borrowers return.)
type pool struct {
	relay   relays.Relay // the newest settings seen
	lent    int
	idle    []*idleSession // the most recently used last
	waiting []*waiter      // first come, first served
}

// idleSession is a connection that nobody has borrowed.
type idleSession struct {
	*session
	expire *time.Timer
}

// waiter is somebody in Acquire whose turn has not come.
type waiter struct {
	turn chan struct{} // closed once conn is set, or by Close
	conn *Conn
}

// Conn is a borrowed connection. It is for one goroutine at a time.
type Conn struct {
	pools *Pools
	pool  *pool    // nil: released
	s     *session // nil: broken or not yet opened; Send opens one
}

// Acquire borrows a connection to r, for the caller to Release. Where
// r.Connections are lent already, it waits up to wait for one of them. Where newer
// settings of r were seen (by UpdatedAt), those are used.
//
// Its errors are ErrBusy, a *ConnectError, the context's, or net.ErrClosed after
// Close.
func (p *Pools) Acquire(ctx context.Context, r relays.Relay, wait time.Duration) (*Conn, error) {
	c, err := p.slot(ctx, r, wait)
	if err != nil {
		return nil, err
	}
	if c.s != nil {
		return c, nil
	}
	if out := c.open(ctx); out != nil {
		c.Release()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, &ConnectError{Outcome: *out}
	}
	return c, nil
}

// Usable reports whether there is a connection behind c. After a mail broke it,
// Send would open a new one; a caller that wants to hear of failures to connect as
// such releases c and acquires again.
func (c *Conn) Usable() bool { return c.s != nil }

// Release gives the connection back, or closes it where it is of no more use. It
// may be called once; later calls do nothing.
func (c *Conn) Release() {
	c.pools.mu.Lock()
	defer c.pools.mu.Unlock()
	if c.pool != nil {
		c.pools.release(c)
	}
}

// release is Release for a caller that holds p.mu.
func (p *Pools) release(c *Conn) {
	pl, s := c.pool, c.s
	c.pool, c.s = nil, nil
	switch {
	case s == nil:
		p.giveBack(pl)
	case p.closed || s.settings != settingsOf(pl.relay) || pl.lent+len(pl.idle) > pl.relay.Connections:
		p.quit(pl, s)
	default:
		s.fresh = false
		i := &idleSession{session: s}
		i.expire = time.AfterFunc(p.opt.IdleTimeout, func() { p.expire(pl, i) })
		pl.idle = append(pl.idle, i)
		p.giveBack(pl)
	}
}

// Close says QUIT on all idle connections and waits for that. Acquire then
// returns net.ErrClosed; connections still lent are closed when released.
func (p *Pools) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, pl := range p.pool {
		p.retire(pl, 0)
		for _, w := range pl.waiting {
			close(w.turn)
		}
		pl.waiting = nil
	}
	for p.quitting > 0 {
		p.quiet.Wait()
	}
}

// Use is how many connections to a relay there are.
type Use struct {
	Lent  int // carry mails, or are being opened or closed
	Idle  int // wait for some
	Limit int // most at once
}

// Use returns the use of each relay that was asked for so far, by name.
func (p *Pools) Use() map[string]Use {
	p.mu.Lock()
	defer p.mu.Unlock()
	use := make(map[string]Use, len(p.pool))
	for name, pl := range p.pool {
		use[name] = Use{Lent: pl.lent, Idle: len(pl.idle), Limit: pl.relay.Connections}
	}
	return use
}

// slot returns a Conn that counts as lent, with an idle connection where there is
// one.
func (p *Pools) slot(ctx context.Context, r relays.Relay, wait time.Duration) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, net.ErrClosed
	}
	pl := p.of(r)
	if pl.lent < pl.relay.Connections && len(pl.waiting) == 0 {
		return p.take(pl), nil
	}
	w := &waiter{turn: make(chan struct{})}
	pl.waiting = append(pl.waiting, w)

	p.mu.Unlock()
	timer := time.NewTimer(wait)
	select {
	case <-w.turn:
	case <-ctx.Done():
	case <-timer.C:
	}
	timer.Stop()
	p.mu.Lock()

	err := ctx.Err()
	switch {
	case w.conn != nil && err == nil:
		return w.conn, nil
	case w.conn != nil:
		p.release(w.conn)
		return nil, err
	case p.closed:
		return nil, net.ErrClosed
	}
	i := slices.Index(pl.waiting, w)
	pl.waiting = slices.Delete(pl.waiting, i, i+1)
	if err == nil {
		err = ErrBusy
	}
	return nil, err
}

// of returns the pool of r's name, on the newest settings. The caller holds p.mu.
func (p *Pools) of(r relays.Relay) *pool {
	r.Connections = max(r.Connections, 1)
	pl := p.pool[r.Name]
	if pl == nil {
		pl = &pool{relay: r}
		p.pool[r.Name] = pl
		return pl
	}
	if r.UpdatedAt.Before(pl.relay.UpdatedAt) {
		return pl // the caller has not heard of a change yet
	}
	keep := r.Connections - pl.lent
	if settingsOf(r) != settingsOf(pl.relay) {
		keep = 0
	}
	pl.relay = r
	p.retire(pl, keep)
	p.wake(pl)
	return pl
}

// take lends a free slot, with the connection that was used last where one is
// idle. The caller holds p.mu.
func (p *Pools) take(pl *pool) *Conn {
	pl.lent++
	c := &Conn{pools: p, pool: pl}
	if n := len(pl.idle); n > 0 {
		i := pl.idle[n-1]
		pl.idle = pl.idle[:n-1]
		i.expire.Stop()
		c.s = i.session
	}
	return c
}

// expire closes a connection that was idle for too long.
func (p *Pools) expire(pl *pool, i *idleSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(pl.idle, i)
	if at < 0 {
		return // borrowed or retired meanwhile
	}
	pl.idle = slices.Delete(pl.idle, at, at+1)
	pl.lent++
	p.quit(pl, i.session)
}

// retire closes idle connections, the longest unused first, until at most keep are
// left. The caller holds p.mu.
func (p *Pools) retire(pl *pool, keep int) {
	for len(pl.idle) > max(keep, 0) {
		i := pl.idle[0]
		pl.idle = pl.idle[1:]
		i.expire.Stop()
		pl.lent++
		p.quit(pl, i.session)
	}
}

// quit closes a connection in the background. It counts as lent until it is
// closed, so that the relay never sees more connections than it should. The
// caller holds p.mu.
func (p *Pools) quit(pl *pool, s *session) {
	p.quitting++
	go func() {
		s.quit()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.quitting--
		p.quiet.Broadcast()
		p.giveBack(pl)
	}()
}

// giveBack frees a slot, for the first who waits if anyone does. The caller holds
// p.mu.
func (p *Pools) giveBack(pl *pool) {
	pl.lent--
	p.wake(pl)
}

// wake lends free slots to those who wait. The caller holds p.mu.
func (p *Pools) wake(pl *pool) {
	for len(pl.waiting) > 0 && pl.lent < pl.relay.Connections {
		w := pl.waiting[0]
		pl.waiting = pl.waiting[1:]
		w.conn = p.take(pl)
		close(w.turn)
	}
}
