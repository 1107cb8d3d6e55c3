package messages

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/pgtest"
)

// Where deferred mails wait is asked every few seconds for every open page, of runs of
// a million. It must begin at the chunks that wait, and read their messages alone.
func TestDeferralsAreFoundByIndex(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	var run int64
	err := pool.QueryRow(ctx, `
		WITH t AS (INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1) RETURNING id),
		     v AS (INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at)
		           SELECT id, 1, 's', 'h', 't', $1 FROM t RETURNING template_id),
		     c AS (INSERT INTO campaigns (name, sender_address, topic, status, created_at, updated_at) VALUES ('c', '', '', 'running', $1, $1) RETURNING id)
		INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, started_at)
		SELECT c.id, 'campaign', 'start', v.template_id, 1, '{}', $1, $1 FROM c, v RETURNING id`, now).Scan(&run)
	if err != nil {
		t.Fatal(err)
	}
	// 60 chunks that wait, which is more than are looked at, with one message each; and 100 that are planned.
	_, err = pool.Exec(ctx, `
		WITH waiting AS (INSERT INTO chunks (run_id, due_at) SELECT $1, $2::timestamptz + i * interval '1 second' FROM generate_series(0, 59) AS i RETURNING id, due_at),
		     planned AS (INSERT INTO chunks (run_id, due_at) SELECT $1, '-infinity' FROM generate_series(1, 100) RETURNING id)
		INSERT INTO messages (run_id, chunk_id, email, state, reason, detail, due_at, created_at, updated_at)
		SELECT $1, id, 'A@Host' || extract(second FROM due_at)::int % 3 || '.example', 'deferred', 'relay_busy', 'later', due_at, $2, $2 FROM waiting
		UNION ALL
		SELECT $1, id, 'p' || i || '@x.example', 'planned', '', '', NULL, $2, $2 FROM planned, generate_series(1, 200) AS i`, run, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	list, looked, err := Deferrals(ctx, pool, run)
	if err != nil || looked != 50 || len(list) != 3 || list[0].N != 17 || list[0].Domain != "host0.example" || list[0].Detail != "later" || !list[0].DueAt.Equal(now) {
		t.Errorf("%+v, %d, %v", list, looked, err)
	}
	rows, err := pool.Query(ctx, `EXPLAIN `+deferrals, pgx.NamedArgs{"run": run, "chunks": maxDeferredChunk, "limit": maxDeferrals})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "messages_chunk") || strings.Contains(plan, "Seq Scan on messages") {
		t.Errorf("of 20,060 messages, those that wait are found so:\n%s", plan)
	}
}
