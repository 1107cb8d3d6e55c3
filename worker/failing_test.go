package worker_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/worker"
)

// cutter is a connection to PostgreSQL that breaks once, when the answer to a
// claim arrives: the claim was made, and its claimant does not hear of it.
type cutter struct {
	net.Conn
	claims bool // the statement was sent here
	left   *atomic.Int32
}

func (c *cutter) Write(b []byte) (int, error) {
	c.claims = c.claims || bytes.Contains(b, []byte("SET state = 'sending'"))
	return c.Conn.Write(b)
}

func (c *cutter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.claims && bytes.Contains(b[:n], []byte("SELECT 10\x00")) && c.left.Add(-1) >= 0 {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func TestAClaimWhoseAnswerIsLostHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(30)
	c := s.campaign(html)
	var left atomic.Int32
	left.Store(1)
	cfg, err := pgxpool.ParseConfig(s.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &cutter{Conn: conn, left: &left}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s.schedule()
	s.work(func(d *worker.Deps) { d.Pool = pool })
	s.start(c)
	for until := time.Now().Add(30 * time.Second); left.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("no claim was made")
		}
	}
	// What it left claimed is settled when its lease runs out, from a record that says nothing was offered.
	time.Sleep(300 * time.Millisecond)
	if _, err := s.pool.Exec(t.Context(), `UPDATE chunks SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL`); err != nil {
		t.Fatal(err)
	}
	if end := s.awaitEnd(c.ID); end.Run.Sent != 30 {
		t.Errorf("%+v", *end.Run)
	}
	s.exactlyOnce(30)
}

func TestWhatFailsAtOnceIsNotTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(30)
	c := s.campaign(html)
	ctx := t.Context()
	c, err := campaigns.Start(ctx, s.pool, clock.System(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := campaigns.PlanPage(ctx, s.pool, clock.System(), c.Run.ID); err != nil {
		t.Fatal(err)
	}
	// What the mails are personalised with cannot be read for a while.
	if _, err := s.pool.Exec(ctx, `ALTER TABLE contacts RENAME COLUMN first_name TO away`); err != nil {
		t.Fatal(err)
	}
	s.schedule()
	s.work()
	time.Sleep(1500 * time.Millisecond)
	var tries int
	if err := s.pool.QueryRow(ctx, `SELECT max(epoch) FROM chunks`).Scan(&tries); err != nil {
		t.Fatal(err)
	}
	if tries < 1 || tries > 2 {
		t.Errorf("tried %d times in 1.5 s", tries)
	}
	if _, err := s.pool.Exec(ctx, `ALTER TABLE contacts RENAME COLUMN away TO first_name`); err != nil {
		t.Fatal(err)
	}
	s.awaitEnd(c.ID)
	s.exactlyOnce(30)
}
