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
	TemplateID   int64      `json:"template_id"` // 0: none yet
	Sender       Sender     `json:"sender"`      // address "": none yet
	Topic        string     `json:"topic"`       // "": none yet
	Relay        string     `json:"relay"`
	Audience     Audience   `json:"audience"`
	Schedule     *Schedule  `json:"schedule"`
	InDoubt      InDoubt    `json:"in_doubt" enum:"hold,resend"`
	Status       Status     `json:"status" enum:"draft,scheduled,running,paused,finished,cancelled,failed"`
	StatusReason string     `json:"status_reason,omitempty"`
	NextRunAt    *time.Time `json:"next_run_at,omitempty"`
	Revision     int        `json:"revision"` // counts the changes of what a marketer sets
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	UpdatedBy    string     `json:"updated_by,omitempty"` // whose change the revision is; "": not known
	Approval     *Approval  `json:"approval"`             // null before it was started
	Run          *Run       `json:"run"`                  // the latest; null before the first
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

// Input is what a marketer sets. A draft may have gaps: of what it takes to be sent,
// only the name is needed to keep it.
type Input struct {
	Name       string
	TemplateID int64 // 0: not chosen yet
	Sender     Sender
	Topic      string
	Relay      string // "" means default
	Audience   Audience
	Schedule   *Schedule
	InDoubt    InDoubt // "" means Hold

	Revision int    // of Update: the revision that was changed; 0: whatever is there
	By       string // who does it; "": not known
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
	if in.Sender.Address != "" {
		address, err := senderAddress(in.Sender.Address)
		if err != nil {
			faults.Add("sender.address", "%s", err)
		}
		in.Sender.Address = address
	}
	if in.Topic != "" {
		if err := contacts.ValidTopic(in.Topic); err != nil {
			faults = appendFault(faults, "topic", err)
		}
	}
	if in.TemplateID < 0 {
		faults.Add("template_id", "there is no template %d", in.TemplateID)
	}
	if in.Revision < 0 {
		faults.Add("revision", "is not a revision; leave it out to change whatever is there")
	}
	in.By = check.Text(&faults, "by", in.By, maxName)
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
	if err := db.QueryRow(ctx, `SELECT $1 = 0 OR EXISTS (SELECT FROM templates WHERE id = $1)`, in.TemplateID).Scan(&exists); err != nil {
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
		                       schedule_at, schedule_cron, schedule_zone, in_doubt, created_at, updated_at, updated_by)
		VALUES ($1, nullif($2, 0), $3, $4, $5, $6, $7, $8, $9, $10, $11, $13, $12, $12, $14)
		RETURNING id`,
		in.Name, in.TemplateID, in.Sender.Name, in.Sender.Address, in.Topic, in.Relay,
		orEmpty(in.Audience.Include), orEmpty(in.Audience.Exclude), at, cron, zone, now, in.InDoubt, in.By).Scan(&id)
	if err != nil {
		return Campaign{}, fmt.Errorf("create campaign: %w", err)
	}
	return Get(ctx, db, id)
}

// Stale says that a draft was changed since it was read. It is a fault.Conflict too.
type Stale struct {
	Present Campaign // as it is now
}

func (s *Stale) Error() string {
	who := s.Present.UpdatedBy
	if who == "" {
		who = "somebody"
	}
	return fmt.Sprintf("%s has changed the campaign since; it is at revision %d now", who, s.Present.Revision)
}

// Unwrap lets those who know conflicts only see one.
func (s *Stale) Unwrap() error { return fault.Conflictf(string(s.Present.Status), "%s", s.Error()) }

// Update rewrites a draft and raises its revision; one that stays as it is keeps it,
// so that a request whose answer was lost may be made again. It returns a *Stale where
// in.Revision is not the present one, and a fault.Conflict where it is no draft.
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
	return change(ctx, db, id, func(tx pgx.Tx, c Campaign) error {
		switch {
		case c.Status != Draft:
			return fault.Conflictf(string(c.Status), "cannot change: the campaign is %s; only a draft can be changed", c.Status)
		case c.is(in):
			return nil
		case in.Revision != 0 && in.Revision != c.Revision:
			return &Stale{Present: c}
		}
		at, cron, zone := in.Schedule.columns()
		_, err := tx.Exec(ctx, `
			UPDATE campaigns
			SET name = $2, template_id = nullif($3, 0), sender_name = $4, sender_address = $5, topic = $6, relay = $7,
			    include = $8, exclude = $9, schedule_at = $10, schedule_cron = $11, schedule_zone = $12, in_doubt = $14,
			    revision = revision + 1, updated_at = $13, updated_by = $15
			WHERE id = $1`,
			id, in.Name, in.TemplateID, in.Sender.Name, in.Sender.Address, in.Topic, in.Relay,
			orEmpty(in.Audience.Include), orEmpty(in.Audience.Exclude), at, cron, zone, now, in.InDoubt, in.By)
		if err != nil {
			return fmt.Errorf("update campaign %d: %w", id, err)
		}
		return nil
	})
}

// is reports whether a campaign is what a checked input says.
func (c Campaign) is(in Input) bool {
	at, cron, zone := c.Schedule.columns()
	inAt, inCron, inZone := in.Schedule.columns()
	return c.Name == in.Name && c.TemplateID == in.TemplateID && c.Sender == in.Sender && c.Topic == in.Topic && c.Relay == in.Relay &&
		slices.Equal(c.Audience.Include, in.Audience.Include) && slices.Equal(c.Audience.Exclude, in.Audience.Exclude) &&
		c.InDoubt == in.InDoubt && cron == inCron && zone == inZone &&
		(at == nil) == (inAt == nil) && (at == nil || at.Equal(*inAt))
}

// gaps is what a campaign lacks to be sent: nil, or a fault.List that names the fields.
func (c Campaign) gaps() error {
	var faults fault.List
	if c.TemplateID == 0 {
		faults.Add("template_id", "is missing: choose a template")
	}
	if c.Sender.Address == "" {
		faults.Add("sender.address", "is missing: say who the mail comes from")
	}
	if c.Topic == "" {
		faults.Add("topic", "is missing: choose what recipients must be subscribed to")
	}
	return faults.Err()
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
	SELECT id, name, coalesce(template_id, 0), sender_name, sender_address, topic, relay, include, exclude,
	       schedule_at, schedule_cron, schedule_zone, in_doubt, status, status_reason, due_at, revision,
	       created_at, updated_at, updated_by, approval
	FROM campaigns`

func scanCampaign(row pgx.CollectableRow) (Campaign, error) {
	var c Campaign
	var s Schedule
	err := row.Scan(&c.ID, &c.Name, &c.TemplateID, &c.Sender.Name, &c.Sender.Address, &c.Topic, &c.Relay,
		&c.Audience.Include, &c.Audience.Exclude, &s.At, &s.Cron, &s.Timezone, &c.InDoubt,
		&c.Status, &c.StatusReason, &c.NextRunAt, &c.Revision, &c.CreatedAt, &c.UpdatedAt, &c.UpdatedBy, &c.Approval)
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
