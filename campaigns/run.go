package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/segments"
)

// Run is one execution of a campaign. Its counts add up: recipients is the sum of
// all the others.
type Run struct {
	ID              int64      `json:"id"`
	CampaignID      int64      `json:"campaign_id"`
	Epoch           int        `json:"-"` // for tasks.Client.KnockRun
	TemplateID      int64      `json:"template_id"`
	TemplateVersion int        `json:"template_version"` // what was sent, whatever became of the template since
	Recipients      int64      `json:"recipients"`
	Planned         int64      `json:"planned"`
	Sending         int64      `json:"sending"`
	Deferred        int64      `json:"deferred"`
	Sent            int64      `json:"sent"`
	Failed          int64      `json:"failed"`
	Skipped         int64      `json:"skipped"`
	Cancelled       int64      `json:"cancelled"`
	Unknown         int64      `json:"unknown"`
	PlannedAt       *time.Time `json:"planned_at"` // when the audience was frozen in full; null: more recipients may come
	StartedAt       time.Time  `json:"started_at"`
	FinishedAt      *time.Time `json:"finished_at"`
}

func (r *Run) count(counts messages.Counts) {
	r.Planned, r.Sending, r.Deferred = counts[messages.Planned], counts[messages.Sending], counts[messages.Deferred]
	r.Sent, r.Failed, r.Skipped = counts[messages.Sent], counts[messages.Failed], counts[messages.Skipped]
	r.Cancelled, r.Unknown = counts[messages.Cancelled], counts[messages.Unknown]
	r.Recipients = 0
	for _, n := range counts {
		r.Recipients += n
	}
}

// latestRun returns the newest run of a campaign, test sends aside; nil where
// there is none.
func latestRun(ctx context.Context, db postgres.DB, campaignID int64) (*Run, error) {
	return queryRun(ctx, db, `WHERE campaign_id = @id AND kind = 'campaign' ORDER BY id DESC LIMIT 1`, campaignID)
}

// queryRun returns the run that a condition on @id selects; nil where there is none.
func queryRun(ctx context.Context, db postgres.DB, where string, id int64) (*Run, error) {
	list, err := queryRuns(ctx, db, where, pgx.NamedArgs{"id": id})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// queryRuns reads runs with their counts.
func queryRuns(ctx context.Context, db postgres.DB, where string, args pgx.NamedArgs) ([]Run, error) {
	rows, err := db.Query(ctx, `
		SELECT id, campaign_id, epoch, template_id, template_version, planned_at, started_at, finished_at
		FROM runs `+where, args)
	if err != nil {
		return nil, fmt.Errorf("get runs: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Run, err error) {
		err = row.Scan(&r.ID, &r.CampaignID, &r.Epoch, &r.TemplateID, &r.TemplateVersion, &r.PlannedAt, &r.StartedAt, &r.FinishedAt)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("get runs: %w", err)
	}
	ids := make([]int64, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	counts, err := messages.CountStates(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].count(counts[list[i].ID])
	}
	return list, nil
}

// Report is a run's outcome, by state and by reason.
type Report struct {
	Run     Run                    `json:"run"`
	Reasons []messages.ReasonCount `json:"reasons"`
}

// GetReport returns the report of a run of a campaign (0: its latest), or a
// fault.NotFound where there is none.
func GetReport(ctx context.Context, db postgres.DB, campaignID, runID int64) (Report, error) {
	c, err := Get(ctx, db, campaignID)
	if err != nil {
		return Report{}, err
	}
	run := c.Run
	if runID != 0 {
		if run, err = queryRun(ctx, db, `WHERE id = @id`, runID); err != nil {
			return Report{}, err
		}
		if run == nil || run.CampaignID != campaignID {
			return Report{}, fault.NotFoundf("run", runID)
		}
	}
	if run == nil {
		return Report{}, fault.NotFoundf("run of campaign", campaignID)
	}
	reasons, err := messages.CountReasons(ctx, db, run.ID)
	if err != nil {
		return Report{}, err
	}
	report := Report{Run: *run, Reasons: reasons}
	report.Run.count(messages.Sum(reasons)) // the counts and their reasons from one look
	return report, nil
}

// frozen is the audience of a run as it was at its start, kept as JSON in the run.
type frozen struct {
	Topic   string          `json:"topic"`
	Include []frozenSegment `json:"include"`
	Exclude []frozenSegment `json:"exclude"`
}

type frozenSegment struct {
	ID   int64           `json:"id"`
	Name string          `json:"name"`
	Rule json.RawMessage `json:"rule"`
}

// freeze reads the segments' rules as they are now.
func freeze(ctx context.Context, db postgres.DB, c Campaign) (frozen, error) {
	f := frozen{Topic: c.Topic, Include: []frozenSegment{}, Exclude: []frozenSegment{}}
	for _, part := range []struct {
		ids  []int64
		into *[]frozenSegment
	}{{c.Audience.Include, &f.Include}, {c.Audience.Exclude, &f.Exclude}} {
		for _, id := range part.ids {
			s, err := segments.Get(ctx, db, id)
			if err != nil {
				return frozen{}, err
			}
			rule, err := json.Marshal(s.Rule)
			if err != nil {
				return frozen{}, fmt.Errorf("segment %d: %w", id, err)
			}
			*part.into = append(*part.into, frozenSegment{ID: s.ID, Name: s.Name, Rule: rule})
		}
	}
	return f, nil
}

// lock reads a campaign and holds its row until the transaction ends: whoever
// moves a campaign goes through here, so moves happen one after the other. (NO KEY,
// here and wherever a run is locked: whoever writes a row that refers to it need not
// wait. With FOR UPDATE a planner and a worker that counts could wait for each other.)
func lock(ctx context.Context, tx pgx.Tx, id int64) (Campaign, error) {
	return one(ctx, tx, id, selectCampaign+` WHERE id = $1 FOR NO KEY UPDATE`)
}

// move writes a campaign's next status, or returns the fault.Conflict of state.go.
func move(ctx context.Context, tx pgx.Tx, now time.Time, c Campaign, action Action, reason string) (Status, error) {
	to, err := c.Status.next(action)
	if err != nil {
		return c.Status, err
	}
	// Workers look at the runs, not at the campaign. (Scheduled: an earlier run goes on, see resolve.)
	_, err = tx.Exec(ctx, `
		WITH moved AS (UPDATE campaigns SET status = $2, status_reason = $3, updated_at = $4 WHERE id = $1)
		UPDATE runs SET held = $5, resumed_at = CASE WHEN NOT $5 THEN $4 ELSE resumed_at END
		WHERE campaign_id = $1 AND kind = 'campaign' AND finished_at IS NULL AND held <> $5`,
		c.ID, to, reason, now, to != Running && to != Scheduled)
	if err != nil {
		return c.Status, fmt.Errorf("%s campaign %d: %w", action, c.ID, err)
	}
	return to, nil
}

// change runs a person's action on a campaign in one transaction and returns the
// campaign after it.
func change(ctx context.Context, db postgres.DB, id int64, fn func(tx pgx.Tx, c Campaign) error) (Campaign, error) {
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		c, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		return fn(tx, c)
	})
	if err != nil {
		return Campaign{}, err
	}
	return Get(ctx, db, id)
}

// Approval is who started a campaign, and what they were told before.
type Approval struct {
	By       string     `json:"by,omitempty"` // "": not known
	At       time.Time  `json:"at"`
	Revision int        `json:"revision"` // that was started
	Accepted []Accepted `json:"accepted"` // warnings of the checklist
}

// Accepted is a warning that did not keep somebody from starting a campaign.
type Accepted struct {
	ID   string `json:"id"`   // of the item, such as merge_fields
	What string `json:"what"` // as it was worded
}

// Start sends a draft: now, or when its schedule says. A time that has passed
// means now. The caller knocks for the run afterwards, where there is one.
func Start(ctx context.Context, db postgres.DB, now time.Time, id int64) (Campaign, error) {
	return StartApproved(ctx, db, now, id, Approval{})
}

// StartApproved is Start for somebody who has seen the revision that the approval
// names (0: whatever is there). It returns a *Stale where the draft is another by
// now, and a fault.List of what it lacks to be sent.
func StartApproved(ctx context.Context, db postgres.DB, now time.Time, id int64, a Approval) (Campaign, error) {
	return change(ctx, db, id, func(tx pgx.Tx, c Campaign) error {
		later := c.Schedule != nil && (c.Schedule.At == nil || c.Schedule.At.After(now))
		action := ActStart
		if later {
			action = ActSchedule
		}
		if _, err := c.Status.next(action); err != nil {
			return err
		}
		if a.Revision != 0 && a.Revision != c.Revision {
			return &Stale{Present: c}
		}
		if err := c.gaps(); err != nil {
			return err
		}
		if _, err := move(ctx, tx, now, c, action, ""); err != nil {
			return err
		}
		a.At, a.Revision = now, c.Revision
		if a.Accepted == nil {
			a.Accepted = []Accepted{}
		}
		if _, err := tx.Exec(ctx, `UPDATE campaigns SET approval = $2 WHERE id = $1`, id, a); err != nil {
			return fmt.Errorf("start campaign %d: %w", id, err)
		}
		if later {
			return wait(ctx, tx, c, now)
		}
		_, err := begin(ctx, tx, now, c, "start")
		return err
	})
}

// Unschedule takes a scheduled campaign back to draft. One that has run stays what it
// is, since its ledger answers for what its recipients got: that is a fault.Conflict.
func Unschedule(ctx context.Context, db postgres.DB, now time.Time, id int64) (Campaign, error) {
	return change(ctx, db, id, func(tx pgx.Tx, c Campaign) error {
		if _, err := c.Status.next(ActUnschedule); err != nil {
			return err
		}
		run, err := latestRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if run != nil {
			return fault.Conflictf(string(c.Status), "cannot unschedule: the campaign has run before; cancel it, and copy it to a new one")
		}
		if _, err := move(ctx, tx, now, c, ActUnschedule, ""); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE campaigns SET approval = NULL WHERE id = $1`, id); err != nil {
			return fmt.Errorf("unschedule campaign %d: %w", id, err)
		}
		return nil
	})
}

// Pause holds a running campaign: workers stop within two seconds.
func Pause(ctx context.Context, db postgres.DB, now time.Time, id int64) (Campaign, error) {
	return change(ctx, db, id, func(tx pgx.Tx, c Campaign) error {
		_, err := move(ctx, tx, now, c, ActPause, "")
		return err
	})
}

// Resume continues a paused campaign with what is still due.
func Resume(ctx context.Context, db postgres.DB, now time.Time, id int64) (Campaign, error) {
	return change(ctx, db, id, func(tx pgx.Tx, c Campaign) error {
		if _, err := move(ctx, tx, now, c, ActResume, ""); err != nil {
			return err
		}
		// Tasks that came while it was paused found nothing to do: their chunks may be knocked for at once.
		_, err := tx.Exec(ctx, `
			UPDATE chunks SET knocked_until = NULL
			WHERE done_at IS NULL AND run_id IN (SELECT id FROM runs WHERE campaign_id = $1 AND finished_at IS NULL)`, id)
		if err != nil {
			return fmt.Errorf("resume campaign %d: %w", id, err)
		}
		return nil
	})
}

// Cancel ends a campaign. Workers settle what was not sent yet as cancelled.
func Cancel(ctx context.Context, db postgres.DB, now time.Time, id int64) (Campaign, error) {
	return change(ctx, db, id, func(tx pgx.Tx, c Campaign) error {
		_, err := move(ctx, tx, now, c, ActCancel, "")
		return err
	})
}

// wait writes when a scheduled campaign is due next.
func wait(ctx context.Context, tx pgx.Tx, c Campaign, after time.Time) error {
	tick := Tick{Key: "once"}
	if c.Schedule.At != nil {
		tick.At = *c.Schedule.At
	} else {
		var err error
		if tick, err = NextTick(c.Schedule.Cron, c.Schedule.Timezone, after); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE campaigns SET due_at = $2, due_tick = $3 WHERE id = $1`, c.ID, tick.At, tick.Key); err != nil {
		return fmt.Errorf("schedule campaign %d: %w", c.ID, err)
	}
	return nil
}

// begin makes the run of a tick and freezes what it sends and to whom. It returns
// 0 where the tick has run already.
func begin(ctx context.Context, tx pgx.Tx, now time.Time, c Campaign, tick string) (int64, error) {
	audience, err := freeze(ctx, tx, c)
	if err != nil {
		return 0, err
	}
	return insertRun(ctx, tx, now, c, messages.OfCampaign, tick, audience, nil)
}

func insertRun(ctx context.Context, tx pgx.Tx, now time.Time, c Campaign, kind messages.Kind, tick string, audience frozen, renderAs *int64) (int64, error) {
	var runID int64
	err := tx.QueryRow(ctx, `
		INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, render_as, started_at,
		                  name, topic, sender_name, sender_address, relay, resend)
		SELECT $1, $2, $3, t.id, t.version, $4, $5, $6, $5, $8, $9, $10, $11, $12, $13
		FROM templates t WHERE t.id = $7
		ON CONFLICT (campaign_id, tick) DO NOTHING
		RETURNING id`, c.ID, kind, tick, audience, now, renderAs, c.TemplateID,
		c.Name, c.Topic, c.Sender.Name, c.Sender.Address, c.Relay, kind == messages.OfTest || c.InDoubt == SendAgain).Scan(&runID)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("begin run of campaign %d: %w", c.ID, err)
	}
	return runID, nil
}

// Knock names a run that a worker should look at.
type Knock struct {
	RunID int64
	Epoch int
}

// BeginDue begins the runs of scheduled campaigns whose time has come. Several
// schedulers may call it at once: the campaign's row lock and the run's unique
// tick let each tick begin once. A campaign that cannot begin fails and says why.
// It returns the error of the first campaign that met a fault of ours, after
// having tried the others.
func BeginDue(ctx context.Context, db postgres.DB, now time.Time) error {
	rows, err := db.Query(ctx, `SELECT id FROM campaigns WHERE status = 'scheduled' AND due_at <= $1 ORDER BY due_at LIMIT 1000`, now)
	if err != nil {
		return fmt.Errorf("find due campaigns: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("find due campaigns: %w", err)
	}
	var first error
	for _, id := range ids {
		if err := beginOne(ctx, db, now, id); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func beginOne(ctx context.Context, db postgres.DB, now time.Time, id int64) error {
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		c, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		var tick string
		var dueAt *time.Time
		if err := tx.QueryRow(ctx, `SELECT due_tick, due_at FROM campaigns WHERE id = $1`, id).Scan(&tick, &dueAt); err != nil {
			return fmt.Errorf("read tick of campaign %d: %w", id, err)
		}
		if c.Status != Scheduled || dueAt == nil || dueAt.After(now) {
			return nil // another scheduler was first
		}
		if !c.Schedule.due(now, *dueAt) {
			late := now.Sub(*dueAt).Round(time.Minute)
			if _, err := move(ctx, tx, now, c, ActRest, fmt.Sprintf("the run of %s was skipped: it was noticed %s late", tick, late)); err != nil {
				return err
			}
			return wait(ctx, tx, c, now)
		}
		if _, err := move(ctx, tx, now, c, ActBegin, ""); err != nil {
			return err
		}
		runID, err := begin(ctx, tx, now, c, tick)
		if err == nil && runID == 0 { // this tick ran already: wait for the next one
			c.Status = Running
			if _, err := move(ctx, tx, now, c, ActRest, ""); err != nil {
				return err
			}
			return wait(ctx, tx, c, now)
		}
		return err
	})
	if cause := userMessage(err); cause != "" {
		return Fail(ctx, db, now, id, cause)
	}
	return err
}

// userMessage returns the words of an error that is the user's to mend.
func userMessage(err error) string {
	var inv *fault.Invalid
	var list fault.List
	var missing *fault.NotFound
	if errors.As(err, &inv) || errors.As(err, &list) || errors.As(err, &missing) {
		return err.Error()
	}
	return ""
}

// Fail ends a campaign that cannot go on, with the reason. What its run had planned
// is cancelled by the worker.
func Fail(ctx context.Context, db postgres.DB, now time.Time, id int64, reason string) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		c, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = move(ctx, tx, now, c, ActFail, reason)
		return err
	})
}

// Waiting is a run that a worker may have to do something for.
type Waiting struct {
	Knock
	StartedAt time.Time
}

// OpenRuns lists the runs that a worker may have to do something for: all that
// are not finished, but those of a paused campaign.
func OpenRuns(ctx context.Context, db postgres.DB) ([]Waiting, error) {
	rows, err := db.Query(ctx, `
		SELECT r.id AS run_id, r.epoch, r.started_at
		FROM runs r JOIN campaigns c ON c.id = r.campaign_id
		WHERE r.finished_at IS NULL AND (r.kind = 'test' OR c.status <> 'paused')
		ORDER BY r.id`)
	if err != nil {
		return nil, fmt.Errorf("find open runs: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Waiting])
	if err != nil {
		return nil, fmt.Errorf("find open runs: %w", err)
	}
	return list, nil
}
