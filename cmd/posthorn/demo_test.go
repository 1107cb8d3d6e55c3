package main_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/internal/pgtest"
)

// demo is a small demo in dir.
func demo(t *testing.T, env []string, dir string, args ...string) *exec.Cmd {
	t.Helper()
	return program(t, append(env, "POSTHORN_LISTEN=127.0.0.1:0"),
		append([]string{"demo", "--dir", dir, "--contacts", "300", "--orders", "900"}, args...)...)
}

// demoFolder returns a folder that the user who runs PostgreSQL can enter.
func demoFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "posthorn-demo-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDemoSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := demoFolder(t)

	// A demo that serves; while it does, no other can have its folder.
	serving := demo(t, nil, dir)
	out, err := serving.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	key := ""
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if fields := strings.Fields(scan.Text()); len(fields) == 3 && fields[0] == "API" && fields[1] == "key" {
			key = fields[2]
		}
		if strings.Contains(scan.Text(), "Ctrl-C ends the demo") {
			break
		}
	}
	if key == "" {
		t.Error("the demo shows no API key")
	}
	if got := finish(t, demo(t, nil, dir, "--once")); got.code != 1 || !strings.Contains(got.err, "another posthorn") {
		t.Errorf("a second demo in the same folder: %+v", got)
	}
	if err := serving.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = serving.Wait()

	got := finish(t, demo(t, nil, dir, "--once"))
	if got.code != 0 {
		t.Fatalf("after kill -9: %+v", got)
	}
	for _, want := range []string{"found again: 300 contacts", key, "the ledger agrees", "recipient_refused"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("after kill -9 the demo does not say %q:\n%s", want, got.out)
		}
	}
	if log, err := os.ReadFile(filepath.Join(dir, "demo.log")); err != nil || strings.Contains(string(log), `"level":"ERROR"`) {
		t.Errorf("the log: %s, %v", log, err)
	}
}

// With a database of one's own, and without a redis-server to be found.
func TestDemoOnAGivenDatabaseWithoutRedis(t *testing.T) {
	t.Parallel()
	env := []string{"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t), "PATH=" + t.TempDir()}
	dir := demoFolder(t)
	got := finish(t, demo(t, env, dir, "--once"))
	if got.code != 0 || !strings.Contains(got.out, "not for production") || !strings.Contains(got.out, "the ledger agrees") {
		t.Fatalf("%+v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "postgres")); !os.IsNotExist(err) {
		t.Errorf("it made a PostgreSQL of its own: %v", err)
	}
	// Its folder is lost, the database is kept: there is one shop, not two.
	got = finish(t, demo(t, env, demoFolder(t), "--once"))
	if got.code != 0 || !strings.Contains(got.out, "found again: 300 contacts") {
		t.Errorf("from another folder: %+v", got)
	}
}

func TestDemoLeavesRealDataAlone(t *testing.T) {
	t.Parallel()
	env := []string{"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t), "PATH=" + t.TempDir()}
	load := program(t, env, "import", "contacts", "-")
	load.Stdin = strings.NewReader("external_id,email\n1,zoe@web.example\n")
	if got := finish(t, load); got.code != 0 {
		t.Fatalf("import: %+v", got)
	}
	got := finish(t, demo(t, env, demoFolder(t), "--once"))
	if got.code != 1 || !strings.Contains(got.err, "not the demo's") {
		t.Errorf("%+v", got)
	}
}
