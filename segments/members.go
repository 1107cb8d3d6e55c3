package segments

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// maxSegments is how many segments are looked at for one contact: many more than
// anybody keeps in their head.
const maxSegments = 1000

// Membership is a segment that a contact is in.
type Membership struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Of returns the segments that a contact is in at a moment, by name. The rules are
// evaluated in this process: that reads the contact once, where the database would
// have to be asked for every segment.
func Of(ctx context.Context, db postgres.DB, contactID int64, asOf time.Time) ([]Membership, error) {
	rows, err := db.Query(ctx, `SELECT id, name, rule FROM segments ORDER BY lower(name COLLATE posthorn_text), id LIMIT $1`, maxSegments)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	type candidate struct {
		ID   int64
		Name string
		Rule []byte
	}
	candidates, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	in := []Membership{}
	if len(candidates) == 0 {
		return in, nil
	}
	facts, err := LoadFacts(ctx, db, []int64{contactID})
	if err != nil {
		return nil, err
	}
	f, found := facts[contactID]
	for _, c := range candidates {
		rule, err := Parse(c.Rule) // one that another version kept has no members here
		if found && err == nil && rule.Match(f, asOf) {
			in = append(in, Membership{c.ID, c.Name})
		}
	}
	return in, nil
}
