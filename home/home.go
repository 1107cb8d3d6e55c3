// Package home gathers what somebody wants to see first: what is being sent, what
// comes next, what came of the last, and what needs them. It reads the rows of others
// with statements that cost the same however many contacts and mails there are, since
// every open page asks once a second.
package home

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/campaigns"
	"posthorn/postgres"
)

// Home is the first page.
type Home struct {
	Sending   []campaigns.Progress  `json:"sending"`   // running and paused, the newest first, at most maxSending
	Next      []campaigns.Happening `json:"next"`      // of the next 7 days, the first first, at most maxNext
	Results   []Result              `json:"results"`   // of the last runs that ended, at most maxResults
	Attention []Notice              `json:"attention"` // the worst first
	Setup     Setup                 `json:"setup"`
}

// Result is a run that ended.
type Result struct {
	CampaignID int64            `json:"campaign_id"`
	Name       string           `json:"name"`
	Status     campaigns.Status `json:"status" enum:"draft,scheduled,running,paused,finished,cancelled,failed"` // the campaign's, today
	Run        campaigns.Run    `json:"run"`
}

// Setup is what there is at all, for whoever has just begun.
type Setup struct {
	Relay    bool `json:"relay" db:"relay"`
	Key      bool `json:"key" db:"key"` // an active DKIM key
	Contact  bool `json:"contact" db:"contact"`
	Template bool `json:"template" db:"template"`
	Segment  bool `json:"segment" db:"segment"`
	Campaign bool `json:"campaign" db:"campaign"`
}

const (
	maxSending = 10
	maxNext    = 20
	maxTicks   = 7 // of one campaign, so that an hourly one does not hide the others
	maxResults = 5
	ahead      = 7 * 24 * time.Hour
)

// Look returns the first page.
func Look(ctx context.Context, db postgres.DB, meter *campaigns.Meter, now time.Time) (Home, error) {
	h := Home{Sending: []campaigns.Progress{}, Next: []campaigns.Happening{}}
	under, _, err := campaigns.List(ctx, db, campaigns.Filter{Status: []campaigns.Status{campaigns.Running, campaigns.Paused}, Limit: maxSending})
	if err != nil {
		return Home{}, err
	}
	for _, c := range under {
		p, err := meter.Look(ctx, db, now, c.ID)
		if err != nil {
			return Home{}, err
		}
		h.Sending = append(h.Sending, p)
	}
	coming, _, err := campaigns.Calendar(ctx, db, now, now, now.Add(ahead))
	if err != nil {
		return Home{}, err
	}
	shown := map[int64]int{}
	for _, c := range coming {
		if c.Kind == "planned" && len(h.Next) < maxNext && shown[c.CampaignID] < maxTicks {
			h.Next = append(h.Next, c)
			shown[c.CampaignID]++
		}
	}
	if h.Results, err = results(ctx, db); err != nil {
		return Home{}, err
	}
	if h.Setup, err = setup(ctx, db); err != nil {
		return Home{}, err
	}
	if h.Attention, err = attention(ctx, db, now, h.Setup); err != nil {
		return Home{}, err
	}
	return h, nil
}

func results(ctx context.Context, db postgres.DB) ([]Result, error) {
	rows, err := db.Query(ctx, `
		SELECT c.id, r.name, c.status, r.id
		FROM runs r JOIN campaigns c ON c.id = r.campaign_id
		WHERE r.kind = 'campaign' AND r.finished_at IS NOT NULL
		ORDER BY r.finished_at DESC
		LIMIT $1`, maxResults)
	if err != nil {
		return nil, fmt.Errorf("list the last runs: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Result, err error) {
		err = row.Scan(&r.CampaignID, &r.Name, &r.Status, &r.Run.ID)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the last runs: %w", err)
	}
	for i := range list {
		report, err := campaigns.GetReport(ctx, db, list[i].CampaignID, list[i].Run.ID)
		if err != nil {
			return nil, err
		}
		list[i].Run = report.Run
	}
	if list == nil {
		list = []Result{}
	}
	return list, nil
}

func setup(ctx context.Context, db postgres.DB) (Setup, error) {
	rows, err := db.Query(ctx, `
		SELECT EXISTS (SELECT FROM relays) AS relay, EXISTS (SELECT FROM dkim_keys WHERE active) AS key,
		       EXISTS (SELECT FROM contacts) AS contact, EXISTS (SELECT FROM templates) AS template,
		       EXISTS (SELECT FROM segments) AS segment, EXISTS (SELECT FROM campaigns) AS campaign`)
	if err != nil {
		return Setup{}, fmt.Errorf("look what is set up: %w", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Setup])
	if err != nil {
		return Setup{}, fmt.Errorf("look what is set up: %w", err)
	}
	return s, nil
}
