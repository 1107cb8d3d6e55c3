package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Filter selects a page of campaigns. The zero value is the first page of all.
type Filter struct {
	Status []Status // one of these; none: any
	Query  string   // a part of the name, in whatever case
	Cursor int64    // what the page before returned as next
	Limit  int      // 1 to 200; 0 means 50
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// List returns campaigns, the newest first, and the cursor of the next page (0:
// there is none).
func List(ctx context.Context, db postgres.DB, f Filter) ([]Campaign, int64, error) {
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	f.Limit = min(f.Limit, maxLimit)
	status := make([]string, len(f.Status))
	for i, s := range f.Status {
		if transitions[s] == nil && !s.ended() {
			return nil, 0, fault.Invalidf("status", "%q is not a status of a campaign", s)
		}
		status[i] = string(s)
	}
	rows, err := db.Query(ctx, selectCampaign+`
		WHERE (@cursor::bigint = 0 OR id < @cursor)
		  AND (cardinality(@status::text[]) = 0 OR status = ANY (@status))
		  AND (@query = '' OR strpos(lower(name), lower(@query)) > 0)
		ORDER BY id DESC
		LIMIT @limit`,
		pgx.NamedArgs{"cursor": f.Cursor, "status": status, "query": strings.TrimSpace(f.Query), "limit": f.Limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("list campaigns: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanCampaign)
	if err != nil {
		return nil, 0, fmt.Errorf("list campaigns: %w", err)
	}
	var next int64
	if len(list) > f.Limit {
		list = list[:f.Limit]
		next = list[f.Limit-1].ID
	}
	ids := make([]int64, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	latest, err := queryRuns(ctx, db, `
		WHERE id IN (SELECT max(id) FROM runs WHERE campaign_id = ANY (@campaigns) AND kind = 'campaign' GROUP BY campaign_id)`,
		pgx.NamedArgs{"campaigns": ids})
	if err != nil {
		return nil, 0, err
	}
	for i := range list {
		if n := slices.IndexFunc(latest, func(r Run) bool { return r.CampaignID == list[i].ID }); n >= 0 {
			list[i].Run = &latest[n]
		}
	}
	return list, next, nil
}

// ended reports whether nothing leads on from a status.
func (s Status) ended() bool { return s == Cancelled || s == Failed }

// Runs returns a page of a campaign's runs, test sends aside, the newest first, and
// the cursor of the next page (0: there is none). limit is 1 to 200, 0 means 50.
func Runs(ctx context.Context, db postgres.DB, campaignID, cursor int64, limit int) ([]Run, int64, error) {
	if _, err := one(ctx, db, campaignID, selectCampaign+` WHERE id = $1`); err != nil {
		return nil, 0, err
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	list, err := queryRuns(ctx, db, `
		WHERE campaign_id = @campaign AND kind = 'campaign' AND (@cursor::bigint = 0 OR id < @cursor)
		ORDER BY id DESC
		LIMIT @limit`, pgx.NamedArgs{"campaign": campaignID, "cursor": cursor, "limit": limit + 1})
	if err != nil {
		return nil, 0, err
	}
	if len(list) > limit {
		return list[:limit], list[limit-1].ID, nil
	}
	return list, 0, nil
}

// Happening is what a calendar shows: a run that was, or one that is to come.
type Happening struct {
	CampaignID int64     `json:"campaign_id"`
	Name       string    `json:"name"`
	Status     Status    `json:"status" enum:"draft,scheduled,running,paused,finished,cancelled,failed"` // the campaign's, today
	Kind       string    `json:"kind" enum:"run,planned,draft"`                                          // run: it began then; planned: it will begin then; draft: it would, were it started
	At         time.Time `json:"at"`
	Cron       string    `json:"cron,omitempty"` // planned: of the schedule, where it is not once
	RunID      int64     `json:"run_id,omitempty"`
	Recipients int64     `json:"recipients"` // run: until now
	Sent       int64     `json:"sent"`
}

// Limits of a calendar.
const (
	maxCalendar   = 1000                 // entries
	maxTicks      = 200                  // of one campaign
	LongestPeriod = 100 * 24 * time.Hour // that may be asked for at once
)

// Calendar returns what began or will begin from one time until (and without)
// another, in the order of time: runs, the ticks of schedules, and drafts with a
// time of their own. more is true where it does not show all there is.
func Calendar(ctx context.Context, db postgres.DB, now, from, until time.Time) (list []Happening, more bool, err error) {
	switch {
	case !from.Before(until):
		return nil, false, fault.Invalidf("until", "must be after from")
	case until.Sub(from) > LongestPeriod:
		return nil, false, fault.Invalidf("until", "is more than %d days after from; ask for less at a time", int(LongestPeriod/(24*time.Hour)))
	}
	if list, err = happened(ctx, db, from, until); err != nil {
		return nil, false, err
	}
	coming, more, err := upcoming(ctx, db, now, from, until)
	if err != nil {
		return nil, false, err
	}
	list = append(list, coming...)
	slices.SortStableFunc(list, func(a, b Happening) int { return a.At.Compare(b.At) })
	if len(list) > maxCalendar {
		list, more = list[:maxCalendar], true
	}
	return list, more, nil
}

// happened lists the runs that began.
func happened(ctx context.Context, db postgres.DB, from, until time.Time) ([]Happening, error) {
	rows, err := db.Query(ctx, `
		SELECT c.id, c.name, c.status, r.started_at, r.id,
		       coalesce((SELECT sum(n) FROM message_counts n WHERE n.run_id = r.id), 0)::bigint,
		       coalesce((SELECT sum(n) FROM message_counts n WHERE n.run_id = r.id AND n.state = 'sent'), 0)::bigint
		FROM runs r JOIN campaigns c ON c.id = r.campaign_id
		WHERE r.kind = 'campaign' AND r.started_at >= $1 AND r.started_at < $2
		ORDER BY r.started_at, r.id
		LIMIT $3`, from, until, maxCalendar+1)
	if err != nil {
		return nil, fmt.Errorf("list runs of a time: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Happening, error) {
		h := Happening{Kind: "run"}
		err := row.Scan(&h.CampaignID, &h.Name, &h.Status, &h.At, &h.RunID, &h.Recipients, &h.Sent)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("list runs of a time: %w", err)
	}
	return list, nil
}

// upcoming lists what is to come, a tick at a time. A campaign that is running or
// paused goes on with its schedule, too.
func upcoming(ctx context.Context, db postgres.DB, now, from, until time.Time) (list []Happening, more bool, err error) {
	rows, err := db.Query(ctx, `
		SELECT id, name, status, schedule_at, schedule_cron, schedule_zone, due_at
		FROM campaigns
		WHERE status = 'scheduled'
		   OR status IN ('running', 'paused') AND schedule_cron <> ''
		   OR status = 'draft' AND schedule_at >= $1 AND schedule_at < $2
		ORDER BY id DESC
		LIMIT $3`, from, until, maxCalendar+1)
	if err != nil {
		return nil, false, fmt.Errorf("list what is scheduled: %w", err)
	}
	var (
		h     Happening
		s     Schedule
		dueAt *time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&h.CampaignID, &h.Name, &h.Status, &s.At, &s.Cron, &s.Timezone, &dueAt}, func() error {
		h.Kind, h.Cron = "planned", s.Cron
		within := func(t time.Time) bool { return !t.Before(from) && t.Before(until) }
		switch {
		case h.Status == Draft:
			h.Kind, h.At = "draft", *s.At
			list = append(list, h)
			return nil
		case s.Cron == "":
			if dueAt != nil && within(*dueAt) {
				h.At = *dueAt
				list = append(list, h)
			}
			return nil
		}
		after := now // the first tick after it that is asked for
		if h.Status == Scheduled && dueAt != nil && within(*dueAt) {
			h.At, after = *dueAt, *dueAt
			list = append(list, h)
		}
		if before := from.Add(-time.Nanosecond); before.After(after) {
			after = before
		}
		for n := 0; ; n++ {
			tick, err := NextTick(s.Cron, s.Timezone, after)
			if err != nil || !tick.At.Before(until) { // a spec that another version took and this one cannot read shows nothing
				return nil
			}
			if n == maxTicks {
				more = true
				return nil
			}
			h.At, after = tick.At, tick.At
			list = append(list, h)
		}
	})
	if err != nil {
		return nil, false, fmt.Errorf("list what is scheduled: %w", err)
	}
	return list, more || len(list) > maxCalendar, nil
}

// Ticks returns the next moments of a schedule after a given one, at most n. It
// returns a fault.Invalid where the schedule is none.
func (s Schedule) Ticks(after time.Time, n int) ([]time.Time, error) {
	if err := s.validate(after); err != nil {
		return nil, err
	}
	ticks := []time.Time{}
	if s.Cron == "" {
		if s.At.After(after) {
			ticks = append(ticks, *s.At)
		}
		return ticks, nil
	}
	for range n {
		tick, err := NextTick(s.Cron, s.Timezone, after)
		if err != nil {
			return ticks, nil // a day that comes only once more
		}
		ticks, after = append(ticks, tick.At), tick.At
	}
	return ticks, nil
}
