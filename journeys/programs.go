package journeys

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// programs keeps compiled versions: a published one never changes.
type programs struct {
	mu   sync.Mutex
	held map[programKey]*Program
}

type programKey struct {
	journey int64
	version int
}

// maxPrograms bounds the memory that old versions hold.
const maxPrograms = 500

func (p *programs) get(ctx context.Context, db postgres.DB, journey int64, version int) (*Program, error) {
	key := programKey{journey, version}
	p.mu.Lock()
	program := p.held[key]
	p.mu.Unlock()
	if program != nil {
		return program, nil
	}
	d, err := DefinitionOf(ctx, db, journey, version)
	if err != nil {
		return nil, err
	}
	program = Compile(d)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil || len(p.held) >= maxPrograms {
		p.held = map[programKey]*Program{}
	}
	p.held[key] = program
	return program, nil
}

// liveJourney is one that contacts may enter.
type liveJourney struct {
	id      int64
	version int
	since   time.Time
	paused  bool
	program *Program
}

// live returns the journeys that contacts may enter.
func (p *programs) live(ctx context.Context, tx pgx.Tx) ([]liveJourney, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, live_version, live_since, status = 'paused' FROM journeys
		WHERE status IN ('live', 'paused') AND live_version IS NOT NULL ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("find live journeys: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (j liveJourney, err error) {
		err = row.Scan(&j.id, &j.version, &j.since, &j.paused)
		return j, err
	})
	if err != nil {
		return nil, fmt.Errorf("find live journeys: %w", err)
	}
	for i := range list {
		if list[i].program, err = p.get(ctx, tx, list[i].id, list[i].version); err != nil {
			return nil, err
		}
	}
	return list, nil
}
