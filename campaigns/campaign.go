// Package campaigns sends one mail to many.
//
// A campaign is written as a draft. When it starts (or its time comes), a run
// begins: the template's version and the audience's rules are frozen in it. The
// run is then planned: pages of the audience become message rows, in chunks of
// about 200, each page together with the cursor in one transaction, so that a
// planner that dies is continued by another one without a gap or a repeat.
// Workers lease chunks and send their messages. When every chunk is done, the run
// is finished.
//
// Everything here may be done twice, or by several processes at once: each step
// is one transaction under the lock of the row it moves.
package campaigns

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/contacts"
	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/postgres"
)

// Campaign is one mail to an audience, once or on a schedule.
type Campaign struct {
	ID           int64      `json:"id"`
	Name         string     `json:"name"`
	TemplateID   int64      `json:"template_id"`
	Sender       Sender     `json:"sender"`
	Topic        string     `json:"topic"`
	Relay        string     `json:"relay"`
	Audience     Audience   `json:"audience"`
	Schedule     *Schedule  `json:"schedule"`
	InDoubt      InDoubt    `json:"in_doubt"`
	Status       Status     `json:"status"`
	StatusReason string     `json:"status_reason,omitempty"`
	NextRunAt    *time.Time `json:"next_run_at,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	Run          *Run       `json:"run"` // the latest; null before the first
}

// InDoubt says what becomes of a mail of which nobody knows whether the relay took
// it (SMTP cannot tell, where a worker dies or an answer is lost at the final dot).
type InDoubt string

const (
	Hold      InDoubt = "hold"   // it stays unknown until a person decides: for a newsletter, twice is worse than not at all
	SendAgain InDoubt = "resend" // it is offered again with the same Message-ID: for mail that must arrive
)

// Sender is the From identity.
type Sender = messages.Sender

// Audience is segments included minus segments excluded. Without any included
// segment it is everyone subscribed to the campaign's topic.
type Audience struct {
	Include []int64 `json:"include"`
	Exclude []int64 `json:"exclude"`
}

// Input is what a marketer sets.
type Input struct {
	Name       string
	TemplateID int64
	Sender     Sender
	Topic      string
	Relay      string // "" means default
	Audience   Audience
	Schedule   *Schedule
	InDoubt    InDoubt // "" means Hold
}

const (
	maxName     = 200
	maxSegments = 50
)

// check validates what can be seen without the database and fills defaults.
func (in *Input) check(now time.Time) error {
	var faults fault.List
	in.Name = check.Required(&faults, "name", in.Name, maxName)
	in.Sender.Name = check.Text(&faults, "sender.name", in.Sender.Name, maxName)
	if address, err := senderAddress(in.Sender.Address); err != nil {
		faults.Add("sender.address", "%s", err)
	} else {
		in.Sender.Address = address
	}
	if err := contacts.ValidTopic(in.Topic); err != nil {
		faults = appendFault(faults, "topic", err)
	}
	if in.Relay == "" {
		in.Relay = "default"
	}
	in.Relay = check.Text(&faults, "relay", in.Relay, maxName)
	if len(in.Audience.Include) > maxSegments {
		faults.Add("audience.include", "names %d segments; at most %d are possible", len(in.Audience.Include), maxSegments)
	}
	if len(in.Audience.Exclude) > maxSegments {
		faults.Add("audience.exclude", "names %d segments; at most %d are possible", len(in.Audience.Exclude), maxSegments)
	}
	if in.InDoubt == "" {
		in.InDoubt = Hold
	}
	if in.InDoubt != Hold && in.InDoubt != SendAgain {
		faults.Add("in_doubt", "%q is neither hold nor resend", in.InDoubt)
	}
	if err := in.Schedule.validate(now); err != nil {
		faults = appendFault(faults, "schedule", err)
	}
	return faults.Err()
}

func appendFault(faults fault.List, field string, err error) fault.List {
	var inv *fault.Invalid
	if errors.As(err, &inv) {
		if inv.Field != "" {
			field = inv.Field
		}
		faults.Add(field, "%s", inv.Message)
		return faults
	}
	faults.Add(field, "%s", err)
	return faults
}

// senderAddress checks a From address and returns it in the form in which it is sent.
func senderAddress(s string) (string, error) {
	if s == "" {
		return "", errors.New("is missing")
	}
	address, _, err := contacts.NormalizeEmail(s)
	if err != nil {
		var inv *fault.Invalid
		if errors.As(err, &inv) {
			return "", errors.New(inv.Message)
		}
		return "", err
	}
	if _, err := mail.ParseAddress(address); err != nil {
		return "", errors.New("is not an address")
	}
	return address, nil
}

// checkReferences verifies that what a campaign names exists.
func (in *Input) checkReferences(ctx context.Context, db postgres.DB) error {
	var faults fault.List
	var exists bool
	if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM templates WHERE id = $1)`, in.TemplateID).Scan(&exists); err != nil {
		return fmt.Errorf("look up template: %w", err)
	}
	if !exists {
		faults.Add("template_id", "there is no template %d", in.TemplateID)
	}
	ids := slices.Concat(in.Audience.Include, in.Audience.Exclude)
	rows, err := db.Query(ctx, `SELECT id FROM segments WHERE id = ANY($1)`, ids)
	if err != nil {
		return fmt.Errorf("look up segments: %w", err)
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("look up segments: %w", err)
	}
	for field, list := range map[string][]int64{"audience.include": in.Audience.Include, "audience.exclude": in.Audience.Exclude} {
		for i, id := range list {
			if !slices.Contains(known, id) {
				faults.Add(fmt.Sprintf("%s[%d]", field, i), "there is no segment %d", id)
			}
		}
	}
	slices.SortFunc(faults, func(a, b *fault.Invalid) int { return strings.Compare(a.Field, b.Field) })
	return faults.Err()
}

// Create writes a draft.
func Create(ctx context.Context, db postgres.DB, now time.Time, in Input) (Campaign, error) {
	if err := in.check(now); err != nil {
		return Campaign{}, err
	}
	if err := in.checkReferences(ctx, db); err != nil {
		return Campaign{}, err
	}
	var id int64
	at, cron, zone := in.Schedule.columns()
	err := db.QueryRow(ctx, `
		INSERT INTO campaigns (name, template_id, sender_name, sender_address, topic, relay, include, exclude,
		                       schedule_at, schedule_cron, schedule_zone, in_doubt, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13, $12, $12)
		RETURNING id`,
		in.Name, in.TemplateID, in.Sender.Name, in.Sender.Address, in.Topic, in.Relay,
		orEmpty(in.Audience.Include), orEmpty(in.Audience.Exclude), at, cron, zone, now, in.InDoubt).Scan(&id)
	if err != nil {
		return Campaign{}, fmt.Errorf("create campaign: %w", err)
	}
	return Get(ctx, db, id)
}

// Update rewrites a draft. In any other status it returns a fault.Conflict.
func Update(ctx context.Context, db postgres.DB, now time.Time, id int64, in Input) (Campaign, error) {
	if _, err := Get(ctx, db, id); err != nil {
		return Campaign{}, err
	}
	if err := in.check(now); err != nil {
		return Campaign{}, err
	}
	if err := in.checkReferences(ctx, db); err != nil {
		return Campaign{}, err
	}
	at, cron, zone := in.Schedule.columns()
	tag, err := db.Exec(ctx, `
		UPDATE campaigns
		SET name = $2, template_id = $3, sender_name = $4, sender_address = $5, topic = $6, relay = $7, include = $8, exclude = $9,
		    schedule_at = $10, schedule_cron = $11, schedule_zone = $12, in_doubt = $14, updated_at = $13
		WHERE id = $1 AND status = 'draft'`,
		id, in.Name, in.TemplateID, in.Sender.Name, in.Sender.Address, in.Topic, in.Relay,
		orEmpty(in.Audience.Include), orEmpty(in.Audience.Exclude), at, cron, zone, now, in.InDoubt)
	if err != nil {
		return Campaign{}, fmt.Errorf("update campaign %d: %w", id, err)
	}
	c, err := Get(ctx, db, id)
	if err == nil && tag.RowsAffected() == 0 {
		return Campaign{}, fault.Conflictf(string(c.Status), "cannot change: the campaign is %s; only a draft can be changed", c.Status)
	}
	return c, err
}

// Delete removes a draft. A campaign that was started stays: its ledger answers
// for what its recipients got.
func Delete(ctx context.Context, db postgres.DB, id int64) error {
	tag, err := db.Exec(ctx, `DELETE FROM campaigns WHERE id = $1 AND status = 'draft'`, id)
	if err != nil {
		return fmt.Errorf("delete campaign %d: %w", id, err)
	}
	if tag.RowsAffected() == 1 {
		return nil
	}
	c, err := Get(ctx, db, id)
	if err != nil {
		return err
	}
	return fault.Conflictf(string(c.Status), "cannot delete: the campaign is %s; only a draft can be deleted", c.Status)
}

const selectCampaign = `
	SELECT id, name, template_id, sender_name, sender_address, topic, relay, include, exclude,
	       schedule_at, schedule_cron, schedule_zone, in_doubt, status, status_reason, due_at, created_at, updated_at
	FROM campaigns`

func scanCampaign(row pgx.CollectableRow) (Campaign, error) {
	var c Campaign
	var s Schedule
	err := row.Scan(&c.ID, &c.Name, &c.TemplateID, &c.Sender.Name, &c.Sender.Address, &c.Topic, &c.Relay,
		&c.Audience.Include, &c.Audience.Exclude, &s.At, &s.Cron, &s.Timezone, &c.InDoubt,
		&c.Status, &c.StatusReason, &c.NextRunAt, &c.CreatedAt, &c.UpdatedAt)
	if s != (Schedule{}) {
		c.Schedule = &s
	}
	if c.Status != Scheduled {
		c.NextRunAt = nil
	}
	return c, err
}

// Get returns a campaign with its latest run. The run is read after the status, so
// that the run of a campaign called finished is the finished one.
func Get(ctx context.Context, db postgres.DB, id int64) (Campaign, error) {
	c, err := one(ctx, db, id, selectCampaign+` WHERE id = $1`)
	if err != nil {
		return Campaign{}, err
	}
	c.Run, err = latestRun(ctx, db, id)
	return c, err
}

// one reads a campaign without its run.
func one(ctx context.Context, db postgres.DB, id int64, sql string) (Campaign, error) {
	rows, err := db.Query(ctx, sql, id)
	if err != nil {
		return Campaign{}, fmt.Errorf("get campaign: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCampaign)
	if errors.Is(err, pgx.ErrNoRows) {
		return Campaign{}, fault.NotFoundf("campaign", id)
	}
	if err != nil {
		return Campaign{}, fmt.Errorf("get campaign %d: %w", id, err)
	}
	return c, nil
}

// List returns campaigns, newest first, and the cursor of the next page (0:
// there is none). cursor 0 begins; limit is 1 to 200, 0 means 50.
func List(ctx context.Context, db postgres.DB, cursor int64, limit int) ([]Campaign, int64, error) {
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 200)
	rows, err := db.Query(ctx, selectCampaign+` WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, cursor, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list campaigns: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanCampaign)
	if err != nil {
		return nil, 0, fmt.Errorf("list campaigns: %w", err)
	}
	var next int64
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	for i := range list {
		if list[i].Run, err = latestRun(ctx, db, list[i].ID); err != nil {
			return nil, 0, err
		}
	}
	return list, next, nil
}

func (s *Schedule) columns() (at *time.Time, cron, zone string) {
	if s == nil {
		return nil, "", ""
	}
	return s.At, s.Cron, s.Timezone
}

func orEmpty(ids []int64) []int64 {
	if ids == nil {
		return []int64{}
	}
	return ids
}
