// Package pgtest gives tests a real PostgreSQL. One server runs for a test
// binary; each test has a database of its own with the schema in place.
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
//	func TestX(t *testing.T) {
//		t.Parallel()
//		pool := pgtest.New(t)
//		…
//	}
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/embedded"
	"posthorn/postgres"
)

var (
	once   sync.Once
	server *embedded.Postgres
	admin  *pgxpool.Pool
	dir    string
	failed error
	number atomic.Int64
)

// Run runs the tests and ends the server, if one was started. It returns the
// exit code.
func Run(m *testing.M) int {
	defer func() {
		if admin != nil {
			admin.Close()
		}
		if server != nil {
			server.Stop()
		}
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}()
	return m.Run()
}

// New returns a pool on a fresh, migrated database, which goes when the test ends.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(context.Background(), NewURL(t), 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// NewURL is New for tests that open the database themselves, such as those that
// run the whole program.
func NewURL(t testing.TB) string {
	t.Helper()
	once.Do(func() { failed = start() })
	if failed != nil {
		t.Fatalf("pgtest: %v", failed)
	}
	ctx := context.Background()
	name := fmt.Sprintf("test_%d", number.Add(1))
	if _, err := admin.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE posthorn`); err != nil {
		t.Fatalf("pgtest: create database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("pgtest: drop database: %v", err)
		}
	})
	return withDatabase(server.URL, name)
}

// start runs the server and makes the template database that New copies.
func start() error {
	ctx := context.Background()
	var err error
	if dir, err = os.MkdirTemp("", "posthorn-pgtest-"); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server may run as another user
		return err
	}
	if server, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: dir + "/postgres"}); err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, server.URL, 2)
	if err != nil {
		return err
	}
	_, _, err = postgres.Migrate(ctx, pool)
	pool.Close() // nobody may be connected to a template
	if err != nil {
		return err
	}
	admin, err = postgres.Open(ctx, withDatabase(server.URL, "postgres"), 4)
	return err
}

func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}
