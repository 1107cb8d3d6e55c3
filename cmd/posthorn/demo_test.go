package main_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
	key, page, email, password := "", "", "", ""
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if fields := strings.Fields(scan.Text()); len(fields) == 3 && fields[0] == "Sign" && fields[1] == "in" {
			page = fields[2]
		} else if len(fields) == 3 && fields[0] == "owner" {
			email, password = fields[1], fields[2]
		}
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
	if status, body := ask(t, http.MethodPost, strings.TrimSuffix(page, "/app/")+"/api/v1/session", "", "application/json", `{"email": "`+email+`", "password": "`+password+`"}`); status != 200 || !strings.Contains(body, `"owner"`) {
		t.Errorf("to sign in at %q as %q: %d, %s", page, email, status, body)
	}
	settings, err := os.ReadFile(filepath.Join(dir, "demo.env"))
	if info, e := os.Stat(filepath.Join(dir, "demo.env")); err != nil || e != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the settings for other commands: %v, %v, %v", info, err, e)
	}
	if got := finish(t, program(t, strings.Split(strings.ReplaceAll(strings.TrimSpace(string(settings)), "'", ""), "\n"), "apikey", "list")); got.code != 0 || !strings.Contains(got.out, "demo") {
		t.Errorf("another command with the demo's settings: %+v", got)
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
	if _, err := os.Stat(filepath.Join(dir, "demo.env")); !os.IsNotExist(err) {
		t.Errorf("the settings outlive the servers: %v", err)
	}
	for _, want := range []string{"found again: 300 contacts", key, "the ledger agrees", "recipient_refused"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("after kill -9 the demo does not say %q:\n%s", want, got.out)
		}
	}
	if sent := demoSent.FindStringSubmatch(got.out); sent == nil || sent[1] != sent[2] {
		t.Errorf("the numbers of mails sent and received: %q\n%s", sent, got.out)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "demo.log")); err != nil || strings.Contains(string(log), `"level":"ERROR"`) {
		t.Errorf("the log: %s, %v", log, err)
	}
}

// demoSent finds how many mails were sent, and how many received.
var demoSent = regexp.MustCompile(`(?s)\n  (\d+) mails.*received (\d+) mails`)

// The inbox begins empty; a later start sends nothing by itself, and what it says
// instead puts a mail there.
func TestDemoSaysWhyTheInboxIsEmpty(t *testing.T) {
	t.Parallel()
	env := []string{"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t), "PATH=" + t.TempDir()}
	dir := demoFolder(t)
	if got := finish(t, demo(t, env, dir, "--once")); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	serving := demo(t, env, dir)
	out, err := serving.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = serving.Cancel()
		_, _ = io.Copy(io.Discard, out)
		_ = serving.Wait()
	}()
	var said strings.Builder
	inbox := ""
	for scan := bufio.NewScanner(out); scan.Scan(); {
		said.WriteString(scan.Text() + "\n")
		if fields := strings.Fields(scan.Text()); len(fields) == 2 && fields[0] == "Inbox" {
			inbox = fields[1]
		}
		if strings.Contains(scan.Text(), "Ctrl-C ends the demo") {
			break
		}
	}
	hint := regexp.MustCompile(`Bearer (\S+)' -H 'Content-Type: (\S+)' \\\s+-d '(.*)' (\S+)`).FindStringSubmatch(said.String())
	if hint == nil || !strings.Contains(said.String(), "is not sent again") || !strings.Contains(said.String(), "The inbox is empty") {
		t.Fatalf("it does not say that the inbox is empty and why:\n%s", said.String())
	}
	if status, page := ask(t, http.MethodGet, inbox, "", "", ""); status != 200 || !strings.Contains(page, "kept in memory") {
		t.Errorf("the empty inbox: %d, %s", status, page)
	}
	if status, body := ask(t, http.MethodPost, hint[4], hint[1], hint[2], hint[3]); status != http.StatusAccepted {
		t.Fatalf("the hint is not true: %d, %s", status, body)
	}
	for {
		if _, page := ask(t, http.MethodGet, inbox, "", "", ""); strings.Contains(page, "you@shop.example") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func ask(t *testing.T, method, url, key, contentType, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
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
