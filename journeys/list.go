package journeys

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Listed is a journey as lists show it.
type Listed struct {
	Journey
	Trigger Listener `json:"trigger"` // of the live version, or the newest where none is
	Steps   int      `json:"steps"`   // of the same
	Counts  Counts   `json:"counts"`  // over all versions
}

// Listener is a trigger in short.
type Listener struct {
	Type TriggerType `json:"type"`
	On   string      `json:"on,omitempty"`
	Name string      `json:"name,omitempty"`
}

// Filter selects a page of journeys. Its zero value is the first page of all.
type Filter struct {
	Query  string   // part of the name, upper and lower case alike
	Status []string // empty: all
	Cursor int64    // the last id of the page before
	Limit  int      // 50 where 0, at most 200
}

// List returns a page of journeys, the newest first, and the cursor of the next
// page, 0 on the last.
func List(ctx context.Context, db postgres.DB, f Filter) ([]Listed, int64, error) {
	limit := pageSize(f.Limit)
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.TrimSpace(f.Query)) + "%"
	status := f.Status
	if status == nil {
		status = []string{}
	}
	rows, err := db.Query(ctx, `
		SELECT `+columns+`
		FROM journeys
		WHERE (@cursor::bigint = 0 OR id < @cursor)
		  AND (@status::text[] = '{}' OR status = ANY(@status))
		  AND (@pattern = '%%' OR name ILIKE @pattern)
		ORDER BY id DESC
		LIMIT @limit`, pgx.NamedArgs{"cursor": f.Cursor, "status": status, "pattern": pattern, "limit": limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("list journeys: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Journey])
	if err != nil {
		return nil, 0, fmt.Errorf("list journeys: %w", err)
	}
	next := int64(0)
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	list, err := detailed(ctx, db, found)
	return list, next, err
}

// detailed adds what each journey does, and to how many.
func detailed(ctx context.Context, db postgres.DB, found []Journey) ([]Listed, error) {
	list, ids, place := make([]Listed, len(found)), make([]int64, len(found)), map[int64]int{}
	for i, j := range found {
		list[i].Journey, ids[i], place[j.ID] = j, j.ID, i
	}
	rows, err := db.Query(ctx, `
		SELECT j.id, v.version, v.definition
		FROM journeys j JOIN journey_versions v ON v.journey_id = j.id AND v.version = coalesce(j.live_version, j.version)
		WHERE j.id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	var id int64
	var v Version
	_, err = pgx.ForEachRow(rows, []any{&id, &v.Version, &v.Definition}, func() error {
		d, err := v.parse(id)
		if err != nil {
			return err
		}
		l := &list[place[id]]
		l.Trigger = Listener{d.Trigger.Type, d.Trigger.On, d.Trigger.Name}
		d.Walk(func(*Step) { l.Steps++ })
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	counts, err := CountTotals(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Counts = *counts[list[i].ID]
	}
	return list, nil
}
