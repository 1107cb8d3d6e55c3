// Package postgres opens the database, keeps its schema up to date and runs
// transactions. Statements live next to the functions that run them, in the
// package whose rows they touch; none live here.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// DB is what a pool, a connection and a transaction have in common. A function
// that takes a DB takes part in its caller's transaction where there is one.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Begin(ctx context.Context) (pgx.Tx, error)
}

//go:embed migrations/*.sql
var migrations embed.FS

// connectTimeout bounds how long a start waits for a server that does not answer.
const connectTimeout = 10 * time.Second

// Open returns a pool of at most maxConns connections (0: pgx's default) after
// one successful round trip. Its error names the server without the password.
func Open(ctx context.Context, dsn string, maxConns int) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: POSTHORN_DATABASE_URL %s is not a Postgres URL such as postgres://user:password@host:5432/name", Redact(dsn))
	}
	if maxConns > 0 {
		cfg.MaxConns = int32(maxConns)
	}
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	// All times are UTC at the borders: what a session prints, and what a scan returns.
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
		return nil
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "posthorn"
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: cannot use %s: %w", Redact(dsn), err)
	}
	pingCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := pool.Ping(pingCtx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: cannot reach %s: %w", Redact(dsn), connectCause(ctx, err))
	}
	return pool, nil
}

// connectCause strips pgx's repetition of the connection settings from a failed
// connect, so that one line remains. Where the caller gave up, that is the cause.
func connectCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return fmt.Errorf("the server says: %s", pgErr.Message)
	}
	var netErr *net.OpError
	if errors.As(err, &netErr) {
		return netErr
	}
	var dnsErr *net.DNSError
	if errors.As(err, &dnsErr) {
		return dnsErr
	}
	var connectErr *pgconn.ConnectError
	if errors.As(err, &connectErr) && connectErr.Unwrap() != nil {
		err = connectErr.Unwrap()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

// Refused reports whether the server certainly did not do what it was asked: it
// answered with an error (no room, no such row, …) or was never reached. After any
// other failure the answer may have been lost on the way.
func Refused(err error) bool {
	var said *pgconn.PgError
	var unreached *pgconn.ConnectError
	switch {
	case errors.As(err, &unreached):
		return true
	case errors.As(err, &said):
		return said.SeverityUnlocalized == "ERROR" // FATAL and PANIC end the connection, whatever was done before
	default:
		return pgconn.SafeToRetry(err)
	}
}

// TimedOut reports whether a statement was broken off: it ran into statement_timeout, or
// the caller's context ended, which ctx.Err() tells apart. (SQLSTATE 57014, query_canceled.)
func TimedOut(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && said.Code == "57014"
}

// Redact returns dsn without its password, fit for a log or a terminal.
func Redact(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" {
		return "(unreadable)"
	}
	u.RawQuery = ""
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// Migrate brings the schema to the newest version. Any number of processes may
// call it at once: a session lock lets one of them work while the others wait.
// It returns the version before and after.
func Migrate(ctx context.Context, pool *pgxpool.Pool) (from, to int64, err error) {
	provider, closeDB, err := newProvider(pool)
	if err != nil {
		return 0, 0, err
	}
	defer closeDB()
	from, err = provider.GetDBVersion(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("postgres: read schema version: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return from, from, fmt.Errorf("postgres: migrate from version %d: %w", from, err)
	}
	to, err = provider.GetDBVersion(ctx)
	return from, to, err
}

// ErrSchemaOld says that migrations are waiting.
var ErrSchemaOld = errors.New("postgres: the schema is older than this program: run posthorn migrate")

// CheckSchema returns ErrSchemaOld where Migrate has work to do.
func CheckSchema(ctx context.Context, pool *pgxpool.Pool) error {
	provider, closeDB, err := newProvider(pool)
	if err != nil {
		return err
	}
	defer closeDB()
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("postgres: read schema version: %w", err)
	}
	if pending {
		return ErrSchemaOld
	}
	return nil
}

func newProvider(pool *pgxpool.Pool) (*goose.Provider, func(), error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("postgres: read migrations: %w", err)
	}
	return provider, func() { _ = db.Close() }, nil
}

// rollbackTimeout lets a rollback finish although the caller's context is gone:
// otherwise the connection would have to be thrown away.
const rollbackTimeout = 5 * time.Second

// InTx runs fn in a transaction (a savepoint where db is a transaction already),
// commits it if fn returns nil and rolls it back otherwise.
func InTx(ctx context.Context, db DB, fn func(tx pgx.Tx) error) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = tx.Rollback(ctx) // a no-op after commit
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// Now asks the server for the time: all processes of an installation share its
// clock (see clock.Shared).
func Now(ctx context.Context, db DB) (time.Time, error) {
	var now time.Time
	err := db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, err
}

// Analyze renews the planner's statistics of tables that were just filled. Without
// them a segment over freshly imported orders can take minutes instead of
// milliseconds, until autovacuum comes by.
func Analyze(ctx context.Context, db DB, tables ...string) error {
	if _, err := db.Exec(ctx, "ANALYZE "+strings.Join(tables, ", ")); err != nil {
		return fmt.Errorf("analyze %s: %w", strings.Join(tables, ", "), err)
	}
	return nil
}
