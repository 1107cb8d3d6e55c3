package journeys

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"posthorn/messages"
	"posthorn/postgres"
)

// Counts is how many enrolments of a journey are where.
type Counts struct {
	Enrolled int64 `json:"enrolled"` // entered so far: the sum of the next four
	Active   int64 `json:"active"`   // at a step that is due
	Waiting  int64 `json:"waiting"`  // at a wait
	Finished int64 `json:"finished"`
	Exited   int64 `json:"exited"`
	Pending  int64 `json:"pending"` // not entered yet: it is to be seen whether something happens
	Dropped  int64 `json:"dropped"` // never entered, because it did
}

func (c *Counts) add(s Status, n int64) {
	switch s {
	case Active:
		c.Active += n
	case Waiting:
		c.Waiting += n
	case Finished:
		c.Finished += n
	case Exited:
		c.Exited += n
	case Pending:
		c.Pending += n
	case Dropped:
		c.Dropped += n
	}
	c.Enrolled = c.Active + c.Waiting + c.Finished + c.Exited
}

// AllCounts are the counts of a journey in total, by version, and by the step at
// which enrolments are or ended.
type AllCounts struct {
	Total    Counts             `json:"total"`
	Versions map[int]*Counts    `json:"versions"`
	Steps    map[string]*Counts `json:"steps"`
}

// Count reads the kept counts: exact, and as cheap for a million enrolments as for ten.
func Count(ctx context.Context, db postgres.DB, id int64) (AllCounts, error) {
	all := AllCounts{Versions: map[int]*Counts{}, Steps: map[string]*Counts{}}
	rows, err := db.Query(ctx, `
		SELECT version, position, status, sum(n)::bigint FROM enrolment_counts
		WHERE journey_id = $1 GROUP BY version, position, status HAVING sum(n) <> 0`, id)
	if err != nil {
		return all, fmt.Errorf("count enrolments of journey %d: %w", id, err)
	}
	var version int
	var position string
	var status Status
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&version, &position, &status, &n}, func() error {
		all.Total.add(status, n)
		if all.Versions[version] == nil {
			all.Versions[version] = &Counts{}
		}
		all.Versions[version].add(status, n)
		if position != "" {
			if all.Steps[position] == nil {
				all.Steps[position] = &Counts{}
			}
			all.Steps[position].add(status, n)
		}
		return nil
	})
	if err != nil {
		return all, fmt.Errorf("count enrolments of journey %d: %w", id, err)
	}
	return all, nil
}

// CountTotals reads the counts of many journeys at once, in total.
func CountTotals(ctx context.Context, db postgres.DB, ids []int64) (map[int64]*Counts, error) {
	all := make(map[int64]*Counts, len(ids))
	for _, id := range ids {
		all[id] = &Counts{}
	}
	rows, err := db.Query(ctx, `
		SELECT journey_id, status, sum(n)::bigint FROM enrolment_counts
		WHERE journey_id = ANY($1) GROUP BY journey_id, status HAVING sum(n) <> 0`, ids)
	if err != nil {
		return nil, fmt.Errorf("count enrolments: %w", err)
	}
	var id, n int64
	var status Status
	if _, err := pgx.ForEachRow(rows, []any{&id, &status, &n}, func() error { all[id].add(status, n); return nil }); err != nil {
		return nil, fmt.Errorf("count enrolments: %w", err)
	}
	return all, nil
}

// CountMails is how many mails of each send step are in which state, over all versions
// of a journey. It reads kept counts, as Count does.
func CountMails(ctx context.Context, db postgres.DB, id int64) (map[string]messages.Counts, error) {
	all := map[string]messages.Counts{}
	rows, err := db.Query(ctx, `
		SELECT r.step, c.state, sum(c.n)::bigint
		FROM runs r JOIN message_counts c ON c.run_id = r.id
		WHERE r.journey_id = $1
		GROUP BY r.step, c.state HAVING sum(c.n) <> 0`, id)
	if err != nil {
		return nil, fmt.Errorf("count mails of journey %d: %w", id, err)
	}
	var step string
	var state messages.State
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&step, &state, &n}, func() error {
		if all[step] == nil {
			all[step] = messages.Counts{}
		}
		all[step][state] += n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count mails of journey %d: %w", id, err)
	}
	return all, nil
}
