package segments

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Estimate is whom a rule selects at one moment.
type Estimate struct {
	Count  int64           `json:"count"`
	Sample []SampleContact `json:"sample"` // the first 20 by id
	SQL    string          `json:"sql"`    // a statement that lists them all, to look at or to run
	Args   []any           `json:"args"`   // of its placeholders
}

// SampleContact is enough of a contact to see what kind of people a rule selects.
type SampleContact struct {
	ExternalID string    `json:"external_id" db:"external_id"`
	Email      string    `json:"email" db:"email"`
	FirstName  string    `json:"first_name" db:"first_name"`
	LastName   string    `json:"last_name" db:"last_name"`
	Country    string    `json:"country" db:"country"`
	CreatedAt  time.Time `json:"created_at" db:"created_at"`
}

const (
	sampleSize = 20
	// estimateTimeout bounds how long an estimate may keep the database busy.
	estimateTimeout = "10s"
)

// EstimateRule counts the contacts that a rule selects, and reads a sample of
// them. It writes nothing, and gives up with a fault.Invalid after ten seconds.
func EstimateRule(ctx context.Context, db postgres.DB, rule Rule, asOf time.Time) (Estimate, error) {
	q, err := rule.Where(asOf, 1)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{SQL: listing(q), Args: q.Args}
	if e.Args == nil {
		e.Args = []any{}
	}
	if err := e.read(ctx, db, q); err != nil {
		if postgres.TimedOut(err) && ctx.Err() == nil {
			return Estimate{}, fault.Invalidf("rule", "takes longer than %s to evaluate; ask about less at once", estimateTimeout)
		}
		return Estimate{}, fmt.Errorf("estimate rule: %w", err)
	}
	return e, nil
}

// listing is the statement shown to people.
func listing(q Query) string {
	return "SELECT c.external_id, c.email\nFROM contacts AS c\nWHERE " + q.SQL + "\nORDER BY c.id"
}

func (e *Estimate) read(ctx context.Context, db postgres.DB, q Query) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx) // there is nothing to commit, and the settings below go with it
	}()
	// Compiling to machine code would take longer than what it could save here.
	for _, set := range []string{
		`SET TRANSACTION READ ONLY`,
		`SET LOCAL statement_timeout = '` + estimateTimeout + `'`,
		`SET LOCAL jit = off`,
	} {
		if _, err := tx.Exec(ctx, set); err != nil {
			return err
		}
	}
	// The rule is evaluated once, for the count and the sample. The statement is not
	// kept prepared: nearly every estimate is another one.
	var ids []int64
	err = tx.QueryRow(ctx, `
		WITH matched AS MATERIALIZED (
		    SELECT c.id FROM contacts AS c WHERE `+q.SQL+`
		)
		SELECT (SELECT count(*) FROM matched),
		       ARRAY (SELECT id FROM matched ORDER BY id LIMIT `+strconv.Itoa(sampleSize)+`)`,
		append([]any{pgx.QueryExecModeDescribeExec}, q.Args...)...).Scan(&e.Count, &ids)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		SELECT external_id, email, first_name, last_name, country, created_at
		FROM contacts
		WHERE id = ANY ($1)
		ORDER BY id`, ids)
	if err != nil {
		return err
	}
	e.Sample, err = pgx.CollectRows(rows, pgx.RowToStructByName[SampleContact])
	return err
}
