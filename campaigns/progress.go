package campaigns

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"posthorn/messages"
	"posthorn/postgres"
)

// Progress is how far a campaign's latest run is, and how quickly it goes.
type Progress struct {
	CampaignID   int64                  `json:"campaign_id"`
	Name         string                 `json:"name"`
	Status       Status                 `json:"status" enum:"draft,scheduled,running,paused,finished,cancelled,failed"`
	StatusReason string                 `json:"status_reason,omitempty"`
	Revision     int                    `json:"revision"`
	UpdatedBy    string                 `json:"updated_by,omitempty"`
	Run          *Run                   `json:"run"`            // null before the first
	Reasons      []messages.ReasonCount `json:"reasons"`        // of the run
	PerSecond    *float64               `json:"per_second"`     // mails accepted, over the last seconds; null: not known yet
	SecondsLeft  *int64                 `json:"seconds_left"`   // for what is planned and being sent, at that rate; null: not known
	NextTryAt    *time.Time             `json:"next_try_at"`    // when the first deferred message is due
	Deferrals    []messages.Deferral    `json:"deferrals"`      // where most messages wait, the most first
	DeferralsOf  int64                  `json:"deferrals_seen"` // of so many of run.deferred messages
}

// Meter measures how quickly runs go: each look at a run is kept for some seconds and
// compared with the next. It is safe for concurrent use; its zero value is ready.
type Meter struct {
	mu   sync.Mutex
	runs map[int64]*pace
}

// pace is what a Meter knows of one run.
type pace struct {
	looks []look

	deferrals []messages.Deferral
	seen      int64
	deferred  time.Time // when these were looked up
}

type look struct {
	at            time.Time
	sent, settled int64
}

const (
	window         = 10 * time.Second // that a rate is taken over
	shortest       = 2 * time.Second  // below, one batch more or less would be half of it
	closest        = 500 * time.Millisecond
	deferralsFresh = 5 * time.Second
	maxPaces       = 1000
)

// Look returns the progress of a campaign, at a cost that does not depend on how many
// recipients it has.
func (m *Meter) Look(ctx context.Context, db postgres.DB, now time.Time, id int64) (Progress, error) {
	c, err := Get(ctx, db, id)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{CampaignID: c.ID, Name: c.Name, Status: c.Status, StatusReason: c.StatusReason, Revision: c.Revision, UpdatedBy: c.UpdatedBy,
		Run: c.Run, Reasons: []messages.ReasonCount{}, Deferrals: []messages.Deferral{}}
	if c.Run == nil {
		return p, nil
	}
	if p.Reasons, err = messages.CountReasons(ctx, db, c.Run.ID); err != nil {
		return Progress{}, err
	}
	p.Run.count(messages.Sum(p.Reasons)) // the counts and their reasons from one look
	if p.Run.FinishedAt != nil {
		m.forget(p.Run.ID)
		return p, nil
	}
	if c.Status == Running {
		p.PerSecond, p.SecondsLeft = m.rate(now, *p.Run)
	}
	if p.Run.Deferred > 0 {
		if p.Deferrals, p.DeferralsOf, err = m.deferralsOf(ctx, db, now, p.Run.ID); err != nil {
			return Progress{}, err
		}
		var due *time.Time
		err := db.QueryRow(ctx, `
			SELECT min(due_at) FROM chunks
			WHERE run_id = $1 AND done_at IS NULL AND lease_until IS NULL AND due_at > '-infinity'`, p.Run.ID).Scan(&due)
		if err != nil {
			return Progress{}, fmt.Errorf("look for what is due next in run %d: %w", p.Run.ID, err)
		}
		p.NextTryAt = due
	}
	return p, nil
}

// rate notes a look at a run, and returns what it and those before say: mails a
// second, and how long what is left takes.
func (m *Meter) rate(now time.Time, r Run) (perSecond *float64, left *int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(r.ID)
	settled := r.Recipients - r.Planned - r.Sending - r.Deferred
	if n := len(p.looks); n == 0 || now.Sub(p.looks[n-1].at) >= closest {
		p.looks = append(p.looks, look{now, r.Sent, settled})
	} else if now.Before(p.looks[n-1].at) { // the clock was put back
		p.looks = []look{{now, r.Sent, settled}}
	}
	p.looks = slices.DeleteFunc(p.looks, func(l look) bool { return now.Sub(l.at) > window })
	if len(p.looks) == 0 {
		return nil, nil
	}
	first, last := p.looks[0], p.looks[len(p.looks)-1]
	over := last.at.Sub(first.at)
	if over < shortest {
		return nil, nil
	}
	sent := float64(last.sent-first.sent) / over.Seconds()
	perSecond = &sent
	// What planning skips is settled too: while it goes on, neither the rate nor the rest is known.
	if pace := float64(last.settled-first.settled) / over.Seconds(); pace > 0 && r.PlannedAt != nil {
		seconds := int64(float64(r.Planned+r.Sending)/pace) + 1
		if r.Planned+r.Sending == 0 {
			seconds = 0
		}
		left = &seconds
	}
	return perSecond, left
}

// deferralsOf looks anew every few seconds only.
func (m *Meter) deferralsOf(ctx context.Context, db postgres.DB, now time.Time, run int64) ([]messages.Deferral, int64, error) {
	m.mu.Lock()
	p := m.of(run)
	list, seen, age := p.deferrals, p.seen, now.Sub(p.deferred)
	m.mu.Unlock()
	if list != nil && age >= 0 && age < deferralsFresh {
		return list, seen, nil
	}
	list, seen, err := messages.Deferrals(ctx, db, run)
	if err != nil {
		return nil, 0, err
	}
	if list == nil {
		list = []messages.Deferral{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p = m.of(run)
	p.deferrals, p.seen, p.deferred = list, seen, now
	return list, seen, nil
}

// of returns what is known of a run. Nobody says when the last page that shows a run
// was closed; so when there are too many, all are forgotten, and known again seconds later.
func (m *Meter) of(run int64) *pace {
	if m.runs == nil || len(m.runs) >= maxPaces && m.runs[run] == nil {
		m.runs = map[int64]*pace{}
	}
	if m.runs[run] == nil {
		m.runs[run] = &pace{}
	}
	return m.runs[run]
}

func (m *Meter) forget(run int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.runs, run)
}
