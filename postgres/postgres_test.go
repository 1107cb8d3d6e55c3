package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/pgtest"
	"posthorn/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestMigrateTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	from, to, err := postgres.Migrate(context.Background(), pool)
	if err != nil || from != to {
		t.Fatalf("Migrate on a migrated database: from %d to %d, %v", from, to, err)
	}
	if err := postgres.CheckSchema(context.Background(), pool); err != nil {
		t.Fatal(err)
	}
}

func TestInTxRollsBackAfterCancel(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx, cancel := context.WithCancel(context.Background())
	stop := errors.New("stop")
	err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO suppressions (email_key, cause, created_at) VALUES ('a@b.example', 'manual', now())`); err != nil {
			return err
		}
		cancel()
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatalf("InTx = %v, want the function's error", err)
	}
	var n int
	if err := pool.QueryRow(context.Background(), `SELECT count(*) FROM suppressions`).Scan(&n); err != nil || n != 0 {
		t.Fatalf("after the rollback: %d rows, %v", n, err)
	}
	if got := pool.Stat().AcquiredConns(); got != 0 {
		t.Fatalf("%d connections still acquired", got)
	}
}

func TestOpenNamesTheServerWithoutThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://u:s3cret@127.0.0.1:1/db", "postgres://u:s3cret@:bad:/"} {
		_, err := postgres.Open(context.Background(), dsn, 1)
		if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("Open(%q) = %v", dsn, err)
		}
	}
}

func TestOpenSaysWhyTheServerCannotBeReached(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, 8)) // SSLRequest
			_, _ = conn.Write([]byte("N"))
			_ = conn.Close()
		}
	}()
	for dsn, want := range map[string]string{
		"postgres://u:s3cret@nohost.invalid/db":                            "lookup nohost.invalid",
		"postgres://u:s3cret@127.0.0.1:1/db":                               "127.0.0.1:1",
		"postgres://u:s3cret@" + l.Addr().String() + "/db?sslmode=require": "server refused TLS connection",
	} {
		_, err := postgres.Open(context.Background(), dsn, 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q) = %v, want %q in it", dsn, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") || strings.HasSuffix(err.Error(), ":") || strings.Contains(err.Error(), "failed to connect to")) {
			t.Errorf("Open(%q) = %v", dsn, err)
		}
	}
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	var one time.Time
	var many []time.Time
	err := pgtest.New(t).QueryRow(context.Background(), `SELECT now(), ARRAY[now()]`).Scan(&one, &many)
	if err != nil || one.Location() != time.UTC || many[0].Location() != time.UTC {
		t.Fatalf("%v in %s, %s", err, one.Location(), many[0].Location())
	}
}

func TestRefusedTellsANoFromALostAnswer(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	_, no := pool.Exec(ctx, `SELECT 1 / 0`)
	ended, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, lost := pool.Exec(ended, `SELECT pg_sleep(10)`)
	_, unreached := pgx.Connect(ctx, "postgres://posthorn@127.0.0.1:1/none")
	for _, c := range []struct {
		err  error
		want bool
	}{{no, true}, {unreached, true}, {fmt.Errorf("claim: %w", no), true}, {lost, false}} {
		if c.err == nil || postgres.Refused(c.err) != c.want {
			t.Errorf("Refused(%v) is %v", c.err, !c.want)
		}
	}
}
