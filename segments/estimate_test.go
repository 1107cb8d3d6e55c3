package segments

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestEstimate(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	contacts := make([]Facts, 50)
	for i := range contacts {
		contacts[i] = Facts{ExternalID: fmt.Sprint(i), FirstName: "Ann", CreatedAt: noon, Attributes: map[string]any{}}
		if i%2 == 0 {
			contacts[i].Country = "Iceland"
		}
	}
	insert(t, pool, contacts)
	e, err := EstimateRule(ctx, pool, mustParse(t, fromIceland), noon)
	if err != nil {
		t.Fatal(err)
	}
	if e.Count != 25 || len(e.Sample) != 20 {
		t.Errorf("count %d, sample of %d", e.Count, len(e.Sample))
	}
	want := SampleContact{ExternalID: "2", FirstName: "Ann", Country: "Iceland", CreatedAt: noon}
	if diff := cmp.Diff(want, e.Sample[1]); diff != "" {
		t.Error(diff)
	}
	// What is shown is what can be run.
	rows, err := pool.Query(ctx, e.SQL, e.Args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var id, email string
		err := row.Scan(&id, &email)
		return id, err
	})
	if err != nil || len(list) != 25 || list[1] != "2" {
		t.Errorf("%s\ngives %v %v", e.SQL, list, err)
	}

	// Nobody, and everybody.
	e, err = EstimateRule(ctx, pool, mustParse(t, `{"field":"country","operator":"=","value":"Atlantis"}`), noon)
	if err != nil || e.Count != 0 || e.Sample == nil || len(e.Sample) != 0 {
		t.Errorf("nobody: %+v %v", e, err)
	}
	e, err = EstimateRule(ctx, pool, Rule{}, noon)
	if err != nil || e.Count != 50 || len(e.Sample) != 20 || e.Args == nil {
		t.Errorf("everybody: %+v %v", e, err)
	}
}

// TestEstimateLeavesNothingBehind: also within a transaction that goes on to write.
func TestEstimateLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := EstimateRule(ctx, tx, Rule{}, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(ctx, tx, noon, "x", []byte(fromIceland)); err != nil {
		t.Errorf("write after an estimate: %v", err)
	}
	var timeout, jit string
	if err := tx.QueryRow(ctx, `SELECT current_setting('statement_timeout'), current_setting('jit')`).Scan(&timeout, &jit); err != nil || timeout != "0" {
		t.Errorf("statement_timeout is %s, jit %s (%v)", timeout, jit, err)
	}
}

// TestEstimateGivesUp: a rule that is too much work is the user's to mend. The
// table fails as a statement does that is ended after its ten seconds.
func TestEstimateGivesUp(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	_, err := pool.Exec(ctx, `
		ALTER TABLE contacts RENAME TO contacts_kept;
		CREATE FUNCTION never_ends() RETURNS SETOF contacts_kept LANGUAGE plpgsql AS $$
		BEGIN
		    RAISE SQLSTATE '57014' USING MESSAGE = 'canceling statement due to statement timeout';
		END $$;
		CREATE VIEW contacts AS SELECT * FROM never_ends()`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = EstimateRule(ctx, pool, Rule{}, noon)
	var invalid *fault.Invalid
	if !errors.As(err, &invalid) || invalid.Field != "rule" || !strings.Contains(invalid.Message, "10s") {
		t.Errorf("got %v", err)
	}
}
