package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// folder returns an empty folder that any user can enter.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "posthorn-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startPostgres(t *testing.T, cfg PostgresConfig) *Postgres {
	t.Helper()
	p, err := StartPostgres(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func execSQL(t *testing.T, dsn, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql)
	return err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestPostgresKeepsItsDataOverWhateverIsLeftBehind(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := startPostgres(t, PostgresConfig{Dir: dir})
	if err := execSQL(t, first.URL, `CREATE TABLE kept (n int)`); err != nil {
		t.Fatal(err)
	}

	// An orphan: it still runs when the next one is started.
	second := startPostgres(t, PostgresConfig{Dir: dir})
	if !isClosed(first.Ended()) {
		t.Error("the first server still runs on the same data")
	}
	if err := execSQL(t, second.URL, `INSERT INTO kept VALUES (1)`); err != nil {
		t.Error(err)
	}
	second.Stop()

	// A postmaster.pid whose number went to a process that is none of our business.
	pidFile := filepath.Join(first.Dir, "postmaster.pid")
	for _, content := range []string{fmt.Sprintf("%d\n%s\n", os.Getpid(), first.Dir), "no number", ""} {
		if err := os.WriteFile(pidFile, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		p := startPostgres(t, PostgresConfig{Dir: dir})
		if err := execSQL(t, p.URL, `INSERT INTO kept VALUES (2)`); err != nil {
			t.Errorf("postmaster.pid %q: %v", content, err)
		}
		p.Stop()
	}

	// Killed: its postmaster.pid stays and names a process that is gone.
	p := startPostgres(t, PostgresConfig{Dir: dir})
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Ended()
	p = startPostgres(t, PostgresConfig{Dir: dir})
	if err := execSQL(t, p.URL, `INSERT INTO kept VALUES (3)`); err != nil {
		t.Error(err)
	}
}

func TestServersComeBackOnTheirPorts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	log := filepath.Join(t.TempDir(), "elsewhere.log")
	p := startPostgres(t, PostgresConfig{Dir: folder(t), Durable: true, Log: log})
	if err := execSQL(t, p.URL, `CREATE TABLE kept (n int)`); err != nil {
		t.Fatal(err)
	}
	if words, err := os.ReadFile(log); err != nil || !bytes.Contains(words, []byte("ready to accept connections")) {
		t.Errorf("its log: %q, %v", words, err)
	}
	p.Crash()
	if !isClosed(p.Ended()) || execSQL(t, p.URL, `SELECT 1`) == nil {
		t.Error("PostgreSQL runs on after Crash")
	}
	if err := p.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := execSQL(t, p.URL, `INSERT INTO kept VALUES (1)`); err != nil {
		t.Error("what was committed before the crash: ", err)
	}

	r, err := StartRedis(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Stop() })
	client := redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1})
	defer client.Close()
	if err := client.Set(ctx, "held", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Crash()
	if !isClosed(r.Ended()) || client.Ping(ctx).Err() == nil {
		t.Error("Redis runs on after Crash")
	}
	if err := r.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := client.Get(ctx, "held").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after a crash Redis holds something: %v", err)
	}
}

func TestPostgresIsInitialisedAsAWhole(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	// What an initdb that was killed leaves.
	half := filepath.Join(dir, "data.new")
	if err := os.MkdirAll(filepath.Join(half, "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, PostgresConfig{Dir: dir})
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", half, err)
	}
}

func TestDataOfAnotherVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	old := filepath.Join(dir, "data", "PG_VERSION")
	if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte("9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var notes []string
	p := startPostgres(t, PostgresConfig{Dir: dir, Note: func(line string) { notes = append(notes, line) }})
	if len(notes) != 1 || !strings.Contains(notes[0], "PostgreSQL 9") {
		t.Errorf("notes = %q", notes)
	}
	p.Stop()
	again := startPostgres(t, PostgresConfig{Dir: dir})
	if again.Dir != p.Dir || p.Dir == filepath.Dir(old) {
		t.Errorf("data in %s, then in %s", p.Dir, again.Dir)
	}
	if content, err := os.ReadFile(old); err != nil || string(content) != "9\n" {
		t.Errorf("the old data: %q, %v", content, err)
	}

	strange := folder(t)
	if err := os.MkdirAll(filepath.Join(strange, "data", "holiday pictures"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := StartPostgres(context.Background(), PostgresConfig{Dir: strange}); err == nil || !strings.Contains(err.Error(), "not a PostgreSQL data folder") {
		t.Errorf("a folder of other things: %v", err)
	}
}

func TestPrivatePostgresAsksForAPassword(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p := startPostgres(t, PostgresConfig{Dir: dir, Private: true})
	if err := execSQL(t, p.URL, `SELECT 1`); err != nil {
		t.Fatal(err)
	}
	open, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	open.User = url.UserPassword("posthorn", "guess")
	if err := execSQL(t, open.String(), `SELECT 1`); err == nil {
		t.Error("a wrong password is let in")
	}
	info, err := os.Stat(filepath.Join(dir, "password"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password file: %v, %v", info.Mode(), err)
	}
	p.Stop()
	if p = startPostgres(t, PostgresConfig{Dir: dir, Private: true}); execSQL(t, p.URL, `SELECT 1`) != nil {
		t.Error("the second start cannot log in")
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("the second lock: %v, want an error that names process %d", err, os.Getpid())
	}
	release()
	release, err = Lock(dir)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	release()
}

func TestReachable(t *testing.T) {
	t.Parallel()
	open := folder(t)
	if got, moved, err := Reachable(filepath.Join(open, "x")); err != nil || moved || got != filepath.Join(open, "x") {
		t.Errorf("Reachable = %q, %v, %v", got, moved, err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another user")
	}
	closed := filepath.Join(open, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	got, moved, err := Reachable(filepath.Join(closed, "x"))
	if err != nil || !moved {
		t.Fatalf("Reachable below a closed folder = %q, %v, %v", got, moved, err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(got) })
	again, _, err := Reachable(filepath.Join(closed, "x"))
	if err != nil || again != got {
		t.Errorf("the second time = %q, %v, want %q", again, err, got)
	}
	if _, err := StartPostgres(context.Background(), PostgresConfig{Dir: filepath.Join(closed, "x")}); err == nil || !strings.Contains(err.Error(), "cannot enter") {
		t.Errorf("a start in the closed folder: %v", err)
	}
}

func TestPrivateRedisEndsItsOrphan(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	first, err := StartPrivateRedis(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Stop)
	second, err := StartPrivateRedis(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Stop)
	<-first.Ended()

	client := redis.NewClient(&redis.Options{Addr: second.Addr})
	defer client.Close()
	if err := client.Ping(ctx).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a password: %v", err)
	}
	second.Stop()
	if _, err := os.Stat(filepath.Join(dir, "redis.url")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Stop redis.url is still there: %v", err)
	}
	// A left-over address where nobody, or somebody else, listens.
	if err := os.WriteFile(filepath.Join(dir, "redis.url"), []byte("redis://:x@127.0.0.1:1/0"), 0o600); err != nil {
		t.Fatal(err)
	}
	third, err := StartPrivateRedis(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	third.Stop()
}

func TestMiniRedis(t *testing.T) {
	t.Parallel()
	r, err := StartMiniRedis()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	opt, err := redis.ParseURL(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opt)
	defer client.Close()
	if err := client.Set(context.Background(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if isClosed(r.Ended()) {
		t.Error("it counts as ended")
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]int{
		"postgres (PostgreSQL) 15.10 (Debian 15.10-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 17.2\n":                           17,
		"postgres (PostgreSQL) 18beta1\n":                        18,
		"postgres (PostgreSQL) 9.6.24\n":                         9,
		"postgres (PostgreSQL) \n":                               0,
		"something else":                                         0,
		"":                                                       0,
	} {
		in, err := parseVersion("/bin", out)
		if in.major != want || (want == 0) != (err != nil) {
			t.Errorf("parseVersion(%q) = %+v, %v, want %d", out, in, err, want)
		}
	}
}

func TestAFailedStartIsExplained(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "postgres.log")
	lines := "2026-01-01 00:00:00.000 UTC [7] LOG:  starting PostgreSQL\n" +
		"2026-01-01 00:00:00.000 UTC [7] FATAL:  could not write lock file \"postmaster.pid\": No space left on device\n" +
		"2026-01-01 00:00:00.000 UTC [7] LOG:  database system is shut down\n"
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	words := lastWords(log)
	if !strings.HasPrefix(words, "FATAL: ") || !strings.Contains(words, "lock file") {
		t.Errorf("lastWords = %q", words)
	}
	if got := explain("/data", words, errors.New("exit status 1")).Error(); !strings.Contains(got, "the disk that holds /data is full") {
		t.Errorf("explain = %q", got)
	}
	if got := lastWords(log + ".missing"); got != "" {
		t.Errorf("without a log: %q", got)
	}
}

func TestOnlyOurOwnPostgresIsRecognised(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresConfig{Dir: folder(t)})
	if !isPostgresOn(p.PID(), p.Dir) {
		t.Error("the server on its own folder is not recognised")
	}
	for name, wrong := range map[string]bool{
		"another folder": isPostgresOn(p.PID(), p.Dir+"2"),
		"a part of it":   isPostgresOn(p.PID(), strings.TrimSuffix(p.Dir, "ta")),
		"ourselves":      isPostgresOn(os.Getpid(), p.Dir),
		"nobody":         isPostgresOn(1<<30, p.Dir),
	} {
		if wrong {
			t.Errorf("%s is taken for the server", name)
		}
	}
}
