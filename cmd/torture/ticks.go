package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/postgres"
)

// everyMinute is the schedule of the small campaign, whose ticks several schedulers
// notice, die over, and must begin once each.
var everyMinute = campaigns.Schedule{Cron: "* * * * *", Timezone: "Europe/Berlin"}

// tick is a run of the small campaign, as the ledger has it.
type tick struct {
	key      string
	started  time.Time
	finished *time.Time
	mails    int
}

// startTicks starts the small campaign, whose first tick is the minute that has
// begun: so short rounds have one, too.
func (s *storm) startTicks(ctx context.Context) error {
	now := clock.System()
	var err error
	if s.firstTick, err = campaigns.NextTick(everyMinute.Cron, everyMinute.Timezone, now.Add(-time.Minute)); err != nil {
		return err
	}
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := campaigns.Start(ctx, tx, now, s.ticks); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE campaigns SET due_at = $2, due_tick = $3 WHERE id = $1`, s.ticks, s.firstTick.At, s.firstTick.Key)
		return err
	})
}

// endTicks waits until no tick is due or under way, and ends the small campaign. It
// returns what is wrong where that does not come.
func (s *storm) endTicks(ctx context.Context) string {
	stuck := s.await(ctx, s.ticks, func(c campaigns.Campaign) bool {
		return c.Status == campaigns.Scheduled && c.Run != nil && c.NextRunAt != nil && time.Until(*c.NextRunAt) > 2*time.Second
	})
	if stuck != "" {
		return "the campaign of every minute: " + stuck
	}
	s.lastTick = time.Now()
	if _, err := campaigns.Cancel(ctx, s.pool, clock.System(), s.ticks); err != nil {
		return err.Error()
	}
	return ""
}

// compareTicks checks that each tick that was due ran, once. A tick is due unless
// the run before is still under way; so after a run's end, the next tick after that
// moment is the one that has to come next (docs/states.md), however many schedulers
// have died in the meantime: a tick may be noticed late, but not an hour late.
func (v *verdict) compareTicks(ctx context.Context, db postgres.DB) error {
	rows, err := db.Query(ctx, `
		SELECT tick, started_at, finished_at, (SELECT count(*) FROM messages WHERE run_id = r.id)
		FROM runs r WHERE campaign_id = $1 ORDER BY id`, v.storm.ticks)
	if err != nil {
		return err
	}
	defer rows.Close()
	due := v.storm.firstTick
	for rows.Next() {
		var t tick
		if err := rows.Scan(&t.key, &t.started, &t.finished, &t.mails); err != nil {
			return err
		}
		v.ticks = append(v.ticks, t)
		says := fmt.Sprintf("the run of tick %s, which began at %s", t.key, t.started.Format(time.TimeOnly))
		switch {
		case t.key != due.Key:
			v.wrong = append(v.wrong, fmt.Sprintf("%s: the tick that was due is %s", says, due.Key))
		case t.started.Before(due.At):
			v.wrong = append(v.wrong, says+": that is too early")
		case t.finished == nil:
			v.wrong = append(v.wrong, says+": it has not ended")
		case t.mails != tickers:
			v.wrong = append(v.wrong, fmt.Sprintf("%s: it has %d mails for %d recipients", says, t.mails, tickers))
		}
		if t.finished != nil {
			if due, err = campaigns.NextTick(everyMinute.Cron, everyMinute.Timezone, *t.finished); err != nil {
				return err
			}
		}
	}
	if v.stuck == "" && due.At.Before(v.storm.lastTick) {
		v.wrong = append(v.wrong, fmt.Sprintf("the tick %s was due and did not run", due.Key))
	}
	return rows.Err()
}

// ran lists the ticks, by their clock reading.
func (v *verdict) ran() string {
	var list []string
	for _, t := range v.ticks {
		_, hour, _ := strings.Cut(t.key, "T")
		list = append(list, hour)
	}
	return strings.Join(list, ", ")
}
