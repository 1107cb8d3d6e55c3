package relays

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Test is the last test of a relay. It is made by a worker, because mail leaves from
// there: what the web process can reach says nothing. Asked for (AskTest), it waits
// for one to take it (BeginTest), who says how it went step by step (EndTest).
type Test struct {
	AskedAt    time.Time  `json:"asked_at"`
	BeganAt    *time.Time `json:"began_at" doc:"null: no worker has taken it yet."`
	FinishedAt *time.Time `json:"finished_at" doc:"null: it is under way."`
	Worker     string     `json:"worker,omitempty" doc:"The host that made it."`
	Mailed     bool       `json:"mailed" doc:"A mail was to be sent, too."`
	OK         bool       `json:"ok" doc:"It is over, and every step went well."`
	Steps      []Step     `json:"steps" doc:"In their order; after one that failed no more were made."`
}

// Step is one step of a test.
type Step struct {
	Name   string  `json:"name" enum:"worker,settings,connect,greeting,tls,hello,login,mail,quit"`
	OK     bool    `json:"ok"`
	Took   float64 `json:"took_seconds"`
	Reason string  `json:"reason,omitempty" example:"login_failed" doc:"Why it failed, as in the ledger."`
	Code   int     `json:"code,omitempty" doc:"The relay's reply code, where it gave one."`
	Detail string  `json:"detail,omitempty" doc:"What was seen, or the relay's words, without credentials and addresses."`
}

const (
	// TestEvery is how often a relay may be tested.
	TestEvery = 5 * time.Second

	// testOver is when a test that nobody ended counts as over.
	testOver = time.Minute
)

// AskTest notes that a relay is to be tested; with a recipient, also that a mail is
// to be sent there from sender. It returns which test it is, for BeginTest.
//
// It is a fault.NotFound where there is no such relay, and a fault.Conflict where a
// test is under way or was asked for a moment ago.
func AskTest(ctx context.Context, db postgres.DB, now time.Time, relay, sender, recipient string) (epoch int, err error) {
	var known bool
	if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM relays WHERE name = $1)`, relay).Scan(&known); err != nil {
		return 0, fmt.Errorf("relays: ask for a test: %w", err)
	}
	if !known {
		return 0, fault.NotFoundf("relay", relay)
	}
	err = db.QueryRow(ctx, `
		INSERT INTO relay_tests AS t (relay, sender, recipient, mailed, asked_at)
		VALUES ($1, $2, $3, $3 <> '', $4)
		ON CONFLICT (relay) DO UPDATE
		SET epoch = t.epoch + 1, sender = excluded.sender, recipient = excluded.recipient, mailed = excluded.mailed,
		    asked_at = excluded.asked_at, began_at = NULL, finished_at = NULL, worker = '', steps = '[]'
		WHERE t.asked_at <= $5 AND (t.finished_at IS NOT NULL OR t.asked_at <= $6)
		RETURNING epoch`, relay, sender, recipient, now, now.Add(-TestEvery), now.Add(-testOver)).Scan(&epoch)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fault.Conflictf("", "relay %q is being tested, or was a moment ago; try again in %.0f seconds", relay, TestEvery.Seconds())
	}
	if err != nil {
		return 0, fmt.Errorf("relays: ask for a test: %w", err)
	}
	return epoch, nil
}

// BeginTest takes a test for the worker on host. ok is false where another has it,
// or nobody waits for it any more.
func BeginTest(ctx context.Context, db postgres.DB, now time.Time, relay string, epoch int, host string) (sender, recipient string, ok bool, err error) {
	err = db.QueryRow(ctx, `
		UPDATE relay_tests SET began_at = $3, worker = $4
		WHERE relay = $1 AND epoch = $2 AND began_at IS NULL AND finished_at IS NULL AND asked_at > $5
		RETURNING sender, recipient`, relay, epoch, now, host, now.Add(-testOver)).Scan(&sender, &recipient)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", false, nil
	}
	if err != nil {
		return "", "", false, fmt.Errorf("relays: begin a test: %w", err)
	}
	return sender, recipient, true, nil
}

// EndTest keeps how a test went, and forgets the address it mailed to. With
// unlessBegun it leaves one alone that a worker has taken.
func EndTest(ctx context.Context, db postgres.DB, now time.Time, relay string, epoch int, steps []Step, unlessBegun bool) error {
	if steps == nil {
		steps = []Step{}
	}
	data, err := json.Marshal(steps)
	if err != nil {
		return fmt.Errorf("relays: end a test: %w", err)
	}
	_, err = db.Exec(ctx, `
		UPDATE relay_tests SET finished_at = $3, steps = $4, sender = '', recipient = ''
		WHERE relay = $1 AND epoch = $2 AND finished_at IS NULL AND NOT ($5 AND began_at IS NOT NULL)`, relay, epoch, now, data, unlessBegun)
	if err != nil {
		return fmt.Errorf("relays: end a test: %w", err)
	}
	return nil
}

// Tests returns the last test of each relay that was tested.
func Tests(ctx context.Context, db postgres.DB) (map[string]Test, error) {
	rows, err := db.Query(ctx, `SELECT relay, asked_at, began_at, finished_at, worker, mailed, steps FROM relay_tests`)
	if err != nil {
		return nil, fmt.Errorf("relays: list tests: %w", err)
	}
	list := map[string]Test{}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (none struct{}, err error) {
		var relay string
		var t Test
		if err := row.Scan(&relay, &t.AskedAt, &t.BeganAt, &t.FinishedAt, &t.Worker, &t.Mailed, &t.Steps); err != nil {
			return none, err
		}
		t.OK = t.FinishedAt != nil
		for _, s := range t.Steps {
			t.OK = t.OK && s.OK
		}
		list[relay] = t
		return none, nil
	})
	if err != nil {
		return nil, fmt.Errorf("relays: list tests: %w", err)
	}
	return list, nil
}
