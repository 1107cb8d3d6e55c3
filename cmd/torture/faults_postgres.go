package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// crashPostgres stops PostgreSQL at once and starts it again after the given time.
func (s *storm) crashPostgres(ctx context.Context, away time.Duration) error {
	s.atPostgres.Lock()
	defer s.atPostgres.Unlock()
	defer s.outage()()
	s.pg.Crash()
	rest(ctx, away)
	return s.restartPostgres(ctx)
}

// outage notes from when to when PostgreSQL did not do what it is there for.
func (s *storm) outage() (over func()) {
	from := time.Now()
	return func() { s.note(func() { s.outages = append(s.outages, span{from: from, to: time.Now()}) }) }
}

// restartPostgres starts it again, and keeps the log of its life before.
func (s *storm) restartPostgres(ctx context.Context) error {
	s.pgLives++
	_ = os.Rename(s.pgLog, strings.TrimSuffix(s.pgLog, ".log")+fmt.Sprintf(".%d.log", s.pgLives))
	return s.pg.Restart(ctx)
}

// PostgreSQL's codes (Appendix A of its manual).
const (
	tooManyConnections = "53300"
	diskFull           = "53100"
)

// crowd takes all connections that PostgreSQL has left, those that are kept for its
// superuser as well, and whatever becomes free in the meantime, for as long as
// given. A worker is killed meanwhile, so that one has to start without finding a
// connection.
func (s *storm) crowd(ctx context.Context, hold time.Duration, pick func(n int) int) error {
	s.atPostgres.Lock()
	defer s.atPostgres.Unlock()
	var crowd []*pgx.Conn
	defer func() {
		for _, conn := range crowd {
			_ = conn.Close(ctx)
		}
	}()
	takeRest := func() error {
		for {
			conn, err := pgx.Connect(ctx, s.pg.URL)
			var refused *pgconn.PgError
			if errors.As(err, &refused) && refused.Code == tooManyConnections {
				return nil
			}
			if err != nil {
				return err
			}
			crowd = append(crowd, conn)
		}
	}
	if err := takeRest(); err != nil {
		return err
	}
	if err := s.kill(pick); err == nil {
		s.note(func() { s.done["worker killed"]++ })
	}
	for until := time.Now().Add(hold); time.Now().Before(until); rest(ctx, 20*time.Millisecond) {
		if err := takeRest(); err != nil {
			return err
		}
	}
	return nil
}

// diskSize is enough for a round, and small enough to be filled in memory.
func diskSize(o options) int64 { return 256<<20 + int64(o.recipients)*8<<10 + int64(o.orders)*16<<10 }

// spareDisk has PostgreSQL keep little of its log of changes, of which it would
// keep a gigabyte.
func (s *storm) spareDisk(ctx context.Context) error {
	for _, sql := range []string{`ALTER SYSTEM SET max_wal_size = '64MB'`, `ALTER SYSTEM SET min_wal_size = '32MB'`, `SELECT pg_reload_conf()`} {
		if _, err := s.pool.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// noticeWithin is how long a full disk may stay unnoticed by PostgreSQL, which has
// some room left within its files.
const noticeWithin = 30 * time.Second

// fillDisk leaves PostgreSQL's disk without room for as long as given, and until
// PostgreSQL has said so. At first it has room in its log of changes, and refuses
// what needs more room elsewhere. When it has done that, in the second half, it has
// to begin new files of the log as well, for want of which it ends itself (PANIC).
// Then there is room again, and it is started where it has not come back by itself.
func (s *storm) fillDisk(ctx context.Context, hold time.Duration) error {
	s.atPostgres.Lock()
	defer s.atPostgres.Unlock()
	defer s.outage()()
	defer s.disk.clear() // whatever comes
	refused := func() int {
		said, _ := os.ReadFile(s.pgLog)
		return strings.Count(string(said), "No space left on device")
	}
	began, before := time.Now(), refused()
	for noticed := false; !noticed || time.Since(began) < hold; rest(ctx, 50*time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.disk.fill(); err != nil { // again and again: PostgreSQL gives room free, too
			return err
		}
		noticed = refused() > before
		if noticed && time.Since(began) > hold/2 || time.Since(began) > noticeWithin/3 {
			_, _ = s.pool.Exec(ctx, `SELECT pg_switch_wal()`)
		}
		if !noticed && time.Since(began) > noticeWithin {
			return fmt.Errorf("PostgreSQL did not notice in %s that its disk is full", noticeWithin)
		}
	}
	if err := s.disk.clear(); err != nil {
		return err
	}
	// It may still be about to end.
	return within(30*time.Second, func() error {
		select {
		case <-s.pg.Ended():
			err := s.restartPostgres(ctx)
			if err == nil {
				s.note(func() { s.done["postgres ended by itself"]++ })
			}
			return err
		default:
			return s.pool.Ping(ctx)
		}
	})
}
