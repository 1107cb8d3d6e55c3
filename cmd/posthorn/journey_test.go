package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/pgtest"
)

const thanksYAML = `name: Thanks
definition:
  trigger: {type: order, on: placed}
  steps:
    - {id: a-day, type: wait, for: P1D}
    - id: thanks
      type: send
      template: thanks
      topic: news
      sender: {address: news@shop.example}
templates:
  - name: thanks
    subject: Thank you
    text: |
      Thank you.

      {{ unsubscribe_url }}
`

// A journey is kept in a file: from the file into one database, out of it, into an
// empty one, and out of that the same.
func TestJourneyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "thanks.yaml", thanksYAML)
	journey := func(url string, args ...string) result {
		t.Helper()
		cmd := program(t, []string{"POSTHORN_DATABASE_URL=" + url}, append([]string{"journey"}, args...)...)
		cmd.Dir = dir
		return finish(t, cmd)
	}
	want := func(got result, code int, parts ...string) {
		t.Helper()
		if got.code != code {
			t.Fatalf("%+v, want code %d", got, code)
		}
		for _, p := range parts {
			if !strings.Contains(got.out+got.err, p) {
				t.Errorf("%+v, want %q", got, p)
			}
		}
	}
	one, other := pgtest.NewURL(t), pgtest.NewURL(t)
	want(journey(one, "apply", "thanks.yaml"), 0, `template "thanks": created`, `journey "Thanks": created: id 1`)
	want(journey(one, "apply", "thanks.yaml", "--publish"), 0, `template "thanks": unchanged`, `journey "Thanks": unchanged`, "version 1 is published; the journey is live")
	want(journey(one, "export", "Thanks", "-o", "out.yaml"), 0)
	exported, err := os.ReadFile(filepath.Join(dir, "out.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want(journey(other, "apply", "out.yaml"), 0, "created: id 1")
	if got := journey(other, "export", "1"); got.code != 0 || got.out != string(exported) {
		t.Errorf("exported again:\n%s%s\nwas\n%s", got.out, got.err, exported)
	}
	list := journey(one, "list")
	want(list, 0)
	if got := strings.Join(strings.Fields(list.out), " "); got != "ID STATUS VERSION LIVE ENROLLED UNDER WAY NAME 1 live 1 1 0 0 Thanks" {
		t.Errorf("%q", got)
	}

	// Simulate on two orders, of which one is too late to be mailed.
	conn, err := pgx.Connect(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), `
		WITH c AS (INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
		           VALUES ('C1', 'c1@example.com', 'c1@example.com', now(), now()), ('C2', '', '', now(), now()) RETURNING id, external_id),
		     s AS (INSERT INTO consents (contact_id, topic, state, source, updated_at) SELECT id, 'news', 'subscribed', 'test', now() FROM c)
		INSERT INTO orders (external_id, contact_id, placed_at, status, created_at, updated_at)
		SELECT 'O' || external_id, id, CASE external_id WHEN 'C1' THEN '2026-01-10T10:00:00Z' ELSE '2026-01-31T10:00:00Z' END::timestamptz, 'paid', now(), now() FROM c`)
	if err != nil {
		t.Fatal(err)
	}
	want(journey(one, "simulate", "Thanks", "--from", "2026-01-01", "--to", "2026-02-01", "--contact", "C1", "--csv", "mails.csv"), 0,
		"2 contacts looked at, 2 entered, 1 mails", "waiting", "busiest hour: 2026-01-11 10:00 UTC with 1 mails", "2026-01-11 10:00  thanks: mail: the mail was due")
	if mails, err := os.ReadFile(filepath.Join(dir, "mails.csv")); err != nil || string(mails) != "contact_external_id,step,at,skipped\nC1,thanks,2026-01-11T10:00:00Z,\n" {
		t.Errorf("%q, %v", mails, err)
	}

	// What does not work is one line that says why, and changes nothing.
	write(t, dir, "bad.yaml", strings.Replace(thanksYAML, "for: P1D", "fro: P1D", 1))
	want(journey(one, "apply", "bad.yaml"), 1, "bad.yaml: ", "line 5: steps[0](a-day).fro: means nothing here")
	want(journey(one, "apply", "none.yaml"), 1, "cannot read none.yaml")
	want(journey(one, "export", "Nobody"), 1, `there is no journey "Nobody"`)
	want(journey(one, "simulate", "Thanks", "--from", "yesterday", "--to", "2026-02-01"), 2, "is neither a day such as")
	want(journey("", "list"), 1, "POSTHORN_DATABASE_URL is not set")
}
