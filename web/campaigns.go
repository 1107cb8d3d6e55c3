package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
	"posthorn/preflight"
	"posthorn/users"
)

type CampaignPath struct {
	ID int64 `path:"id" example:"1"`
}

// CampaignFields is what a marketer sets. A draft may have gaps.
type CampaignFields struct {
	Name       string `json:"name" maxLength:"200" example:"Grinders for coffee drinkers"`
	TemplateID int64  `json:"template_id,omitempty" example:"1" doc:"Left out or 0: not chosen yet. A draft can be kept like this, and not be started."`
	Sender     struct {
		Name    string `json:"name,omitempty" maxLength:"200" example:"The Coffee Shop"`
		Address string `json:"address,omitempty" maxLength:"320" example:"news@shop.example" doc:"Left out or empty: not set yet."`
	} `json:"sender,omitempty"`
	Topic    string          `json:"topic,omitempty" maxLength:"100" example:"news" doc:"Only contacts subscribed to it receive the campaign. Left out or empty: not chosen yet."`
	Relay    string          `json:"relay,omitempty" maxLength:"100" default:"default" example:"default"`
	Audience AudienceFields  `json:"audience,omitempty"`
	Schedule *ScheduleFields `json:"schedule,omitempty" doc:"null: it is sent when it is started."`
	InDoubt  string          `json:"in_doubt,omitempty" enum:"hold,resend" default:"hold" doc:"What becomes of a mail of which nobody knows whether the relay took it. hold: it stays unknown until you resolve it. resend: it is sent again with the same Message-ID, for mail that must arrive."`
}

// AudienceFields is segments included minus segments excluded.
type AudienceFields struct {
	Include []int64 `json:"include,omitempty" example:"[1]" doc:"Ids of segments. Empty: everyone subscribed to the topic."`
	Exclude []int64 `json:"exclude,omitempty" doc:"Ids of segments."`
}

// ScheduleFields is a time, or a cron spec in a time zone.
type ScheduleFields struct {
	At       *time.Time `json:"at,omitempty" example:"2026-03-14T09:00:00Z" doc:"Once, at this time."`
	Cron     string     `json:"cron,omitempty" maxLength:"200" example:"0 9 * * MON" doc:"Or at every tick: minute hour day-of-month month day-of-week, or @daily and the like."`
	Timezone string     `json:"timezone,omitempty" maxLength:"100" example:"Europe/Berlin" doc:"IANA name, of the cron spec. Default: UTC."`
}

func (f CampaignFields) input() campaigns.Input {
	in := campaigns.Input{
		Name:       f.Name,
		TemplateID: f.TemplateID,
		Sender:     campaigns.Sender{Name: f.Sender.Name, Address: f.Sender.Address},
		Topic:      f.Topic,
		Relay:      f.Relay,
		Audience:   campaigns.Audience(f.Audience),
		InDoubt:    campaigns.InDoubt(f.InDoubt),
	}
	if f.Schedule != nil {
		s := campaigns.Schedule(*f.Schedule)
		in.Schedule = &s
	}
	return in
}

var campaignExample = map[string]any{
	"name": "Grinders for coffee drinkers", "template_id": 1,
	"sender": map[string]any{"name": "The Coffee Shop", "address": "news@shop.example"},
	"topic":  "news", "audience": map[string]any{"include": []int{1}, "exclude": []int{}}, "schedule": nil,
}

type postCampaignInput struct {
	Body CampaignFields
}

var postCampaignDoc = operation{
	Description: "It begins as a draft and sends nothing until it is started. Of its fields only `name` is needed to keep it; what is missing to send it is said at the start.",
	Example:     campaignExample,
	Status:      http.StatusCreated,
}

func (a *api) postCampaign(ctx context.Context, in *postCampaignInput) (*reply[campaigns.Campaign], error) {
	fields := in.Body.input()
	fields.By = editor(ctx)
	c, err := campaigns.Create(ctx, a.pool, a.now(), fields)
	if err != nil {
		return nil, err
	}
	return ok(c), nil
}

var getCampaignDoc = operation{Description: "`run` is the latest one; its counts add up to its recipients at every moment."}

func (a *api) getCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Campaign], error) {
	c, err := a.campaign(ctx, in)
	if err != nil {
		return nil, err
	}
	return ok(c), nil
}

var liveCampaignDoc = operation{Description: "What `GET /campaigns/{id}` answers, each time it changes."}

func (a *api) campaign(ctx context.Context, in *CampaignPath) (campaigns.Campaign, error) {
	c, err := campaigns.Get(ctx, a.pool, in.ID)
	return campaignFor(ctx, c), err
}

// campaignFor takes what may be a contact's out of a relay's words for whoever must
// not see any.
func campaignFor(ctx context.Context, c campaigns.Campaign) campaigns.Campaign {
	if whoIs(ctx).Role == users.Ops {
		c.StatusReason = check.WithoutAddresses(c.StatusReason)
	}
	return c
}

// progressFor does the same.
func progressFor(ctx context.Context, p campaigns.Progress) campaigns.Progress {
	if whoIs(ctx).Role == users.Ops {
		p.StatusReason = check.WithoutAddresses(p.StatusReason)
		p.Deferrals = slices.Clone(p.Deferrals) // the meter shows the same ones to others
		for i := range p.Deferrals {
			p.Deferrals[i].Detail = check.WithoutAddresses(p.Deferrals[i].Detail)
		}
	}
	return p
}

type listCampaignsInput struct {
	Paging
	Status []string `query:"status" enum:"draft,scheduled,running,paused,finished,cancelled,failed" example:"draft" doc:"Campaigns in one of these states only, separated by commas."`
	Query  string   `query:"query" maxLength:"200" example:"grinder" doc:"A part of the name, in whatever case."`
}

var listCampaignsDoc = operation{Description: "The newest first, at most 200 on a page."}

func (a *api) listCampaigns(ctx context.Context, in *listCampaignsInput) (*reply[Page[campaigns.Campaign]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	f := campaigns.Filter{Query: in.Query, Cursor: cursor, Limit: in.Limit}
	for _, s := range in.Status {
		f.Status = append(f.Status, campaigns.Status(s))
	}
	list, next, err := campaigns.List(ctx, a.pool, f)
	if err != nil {
		return nil, fault.Under("query", err)
	}
	for i := range list {
		list[i] = campaignFor(ctx, list[i])
	}
	return pageByID(list, next), nil
}

type calendarInput struct {
	From  time.Time `query:"from" required:"true" example:"2026-03-01T00:00:00Z"`
	Until time.Time `query:"until" required:"true" example:"2026-04-01T00:00:00Z" doc:"Without this moment itself. At most 100 days after from."`
}

// Calendar is what began or will begin within a time.
type Calendar struct {
	Items []campaigns.Happening `json:"items"`
	More  bool                  `json:"more" doc:"There is more than is shown: at most 1,000 entries, and 200 coming ones of one campaign. Ask for less time."`
}

var calendarDoc = operation{
	Description: "In the order of time: runs that began, those that a schedule will begin (every tick of a cron spec), and drafts with a time of their own, which begin only if they are started.",
}

func (a *api) campaignCalendar(ctx context.Context, in *calendarInput) (*reply[Calendar], error) {
	list, more, err := campaigns.Calendar(ctx, a.pool, a.now(), in.From.UTC(), in.Until.UTC())
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return ok(Calendar{orNone(list), more}), nil
}

type putCampaignInput struct {
	CampaignPath
	IfMatch string `header:"If-Match" maxLength:"30" example:"\"3\"" doc:"The same as revision, in quotes."`
	Body    struct {
		CampaignFields
		Revision int `json:"revision,omitempty" minimum:"0" example:"3" doc:"The revision that was changed. Where it is not the present one, nothing changes (409). Left out or 0: whatever is there is replaced."`
	}
}

// revision is the one that the body or the header names; 0: none.
func (in *putCampaignInput) revision() (int, error) {
	if in.IfMatch == "" || in.IfMatch == "*" {
		return in.Body.Revision, nil
	}
	n, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(in.IfMatch, "W/"), `"`))
	switch {
	case err != nil || n < 1:
		return 0, fault.Invalidf("header.If-Match", "is not a revision in quotes, such as \"3\"")
	case in.Body.Revision != 0 && in.Body.Revision != n:
		return 0, fault.Invalidf("revision", "is %d, but If-Match says %d; give one of them", in.Body.Revision, n)
	}
	return n, nil
}

var conflict = []int{http.StatusConflict}

var putCampaignDoc = operation{
	Description: "The draft becomes what the body says, and its `revision` goes up; one that is like this already stays as it is. With `revision` (or If-Match) of an older one the answer is 409 with the present campaign in `current`, so that two people who edit it lose nothing. A campaign that was started cannot be changed (409).",
	Example:     campaignExample,
	Errors:      conflict,
}

func (a *api) putCampaign(ctx context.Context, in *putCampaignInput) (*reply[campaigns.Campaign], error) {
	fields := in.Body.input()
	fields.By = editor(ctx)
	var err error
	if fields.Revision, err = in.revision(); err != nil {
		return nil, err
	}
	c, err := campaigns.Update(ctx, a.pool, a.now(), in.ID, fields)
	if err != nil {
		return nil, a.stale(ctx, err)
	}
	return ok(c), nil
}

// editor is the name that is kept with what somebody changes.
func editor(ctx context.Context) string {
	return whoIs(ctx).Name
}

// stale adds the present campaign to the answer about one that was changed meanwhile.
func (a *api) stale(ctx context.Context, err error) error {
	var stale *campaigns.Stale
	if !errors.As(err, &stale) {
		return err
	}
	p := problem(ctx, a.log, err)
	p.Current = stale.Present
	return p
}

type presenceInput struct {
	CampaignPath
	Body struct {
		Tab string `json:"tab" maxLength:"64" example:"5f0c2a" doc:"Tells one page from another: made up when it is opened."`
	}
}

var presenceDoc = operation{
	Description: "Says that somebody has the campaign open, and answers who has besides. Say it again at least every 30 seconds; who was not heard of for 45 is gone.",
	Example:     map[string]any{"tab": "5f0c2a"},
}

func (a *api) postPresence(ctx context.Context, in *presenceInput) (*reply[campaigns.Presence], error) {
	p, err := campaigns.Here(ctx, a.pool, a.now(), in.ID, in.Body.Tab, editor(ctx))
	if err != nil {
		return nil, err
	}
	return ok(p), nil
}

type deletePresenceInput struct {
	CampaignPath
	Tab string `path:"tab" maxLength:"64" example:"5f0c2a"`
}

var deletePresenceDoc = operation{Description: "Says that the page was closed.", Status: http.StatusNoContent}

func (a *api) deletePresence(ctx context.Context, in *deletePresenceInput) (*none, error) {
	return nil, campaigns.Gone(ctx, a.pool, in.ID, in.Tab)
}

var deleteCampaignDoc = operation{
	Description: "A campaign that was started stays (409): its ledger answers for what its recipients got.",
	Status:      http.StatusNoContent,
	Errors:      conflict,
}

func (a *api) deleteCampaign(ctx context.Context, in *CampaignPath) (*none, error) {
	return nil, campaigns.Delete(ctx, a.pool, in.ID)
}

var (
	startCampaignDoc = operation{
		Description: "From draft. Without a schedule the run begins now, with the template and the rules as they are; with one the campaign is scheduled. 422 names the fields that are missing. 409 where it is not a draft (with the present `state`), where `revision` is not the present one (with `current`), and where the checklist has an error (`errors` names the items as checklist.ID). Without `accepted`, warnings do not matter.",
		Example:     map[string]any{"revision": 3, "accepted": []string{"dkim"}},
		Errors:      conflict,
	}
	unscheduleCampaignDoc = operation{
		Description: "From scheduled, back to draft. 409 where it has run before: its ledger answers for what its recipients got.",
		Errors:      conflict,
	}
	pauseCampaignDoc = operation{
		Description: "From running. Workers stop within two seconds; what is being offered to a relay at that moment is finished.",
		Errors:      conflict,
	}
	resumeCampaignDoc = operation{
		Description: "From paused. The run goes on with what is left.",
		Errors:      conflict,
	}
	cancelCampaignDoc = operation{
		Description: "Ends the campaign for good. Messages that were not sent yet become cancelled.",
		Errors:      conflict,
	}
)

type startCampaignInput struct {
	CampaignPath
	Body *struct {
		Revision int      `json:"revision,omitempty" minimum:"0" example:"3" doc:"That whoever starts it has seen. Left out or 0: whatever is there."`
		Accepted []string `json:"accepted,omitempty" maxItems:"50" example:"[\"dkim\"]" doc:"Ids of the checklist's warnings that were accepted; they are kept in approval. Where it is given, any other warning keeps the campaign from starting."`
	}
}

func (a *api) startCampaign(ctx context.Context, in *startCampaignInput) (*reply[campaigns.Campaign], error) {
	approval := campaigns.Approval{By: editor(ctx)}
	var accepted []string
	if in.Body != nil {
		approval.Revision, accepted = in.Body.Revision, in.Body.Accepted
	}
	c, err := a.checker().Start(ctx, a.now(), in.ID, approval, accepted)
	var blocked *preflight.Blocked
	if errors.As(err, &blocked) {
		p := newProblem("", http.StatusConflict, blocked.Error())
		p.State = string(campaigns.Draft)
		for _, item := range blocked.Items {
			p.Errors = append(p.Errors, FieldError{Location: "checklist." + item.ID, Message: item.What})
		}
		return nil, p
	}
	if err != nil {
		return nil, a.stale(ctx, err)
	}
	return a.moved(ctx, c), nil
}

func (a *api) unscheduleCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Campaign], error) {
	return a.moveCampaign(ctx, in.ID, campaigns.Unschedule)
}

// pauseCampaign does not knock: workers look at the status before every claim.
func (a *api) pauseCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Campaign], error) {
	c, err := campaigns.Pause(ctx, a.pool, a.now(), in.ID)
	if err != nil {
		return nil, err
	}
	return ok(campaignFor(ctx, c)), nil
}

func (a *api) resumeCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Campaign], error) {
	return a.moveCampaign(ctx, in.ID, campaigns.Resume)
}

func (a *api) cancelCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Campaign], error) {
	return a.moveCampaign(ctx, in.ID, campaigns.Cancel)
}

// moveCampaign makes a transition and knocks for the run, if there is one.
func (a *api) moveCampaign(ctx context.Context, id int64,
	move func(context.Context, postgres.DB, time.Time, int64) (campaigns.Campaign, error)) (*reply[campaigns.Campaign], error) {
	c, err := move(ctx, a.pool, a.now(), id)
	if err != nil {
		return nil, err
	}
	return a.moved(ctx, c), nil
}

func (a *api) moved(ctx context.Context, c campaigns.Campaign) *reply[campaigns.Campaign] {
	if c.Run != nil && c.Run.FinishedAt == nil {
		a.knockRun(ctx, campaigns.Knock{RunID: c.Run.ID, Epoch: c.Run.Epoch})
	}
	return ok(campaignFor(ctx, c))
}

type testCampaignInput struct {
	CampaignPath
	Body struct {
		Addresses         []string `json:"addresses" nullable:"false" minItems:"1" maxItems:"20" example:"[\"me@shop.example\"]"`
		ContactExternalID string   `json:"contact_external_id,omitempty" maxLength:"200" example:"C-1001" doc:"Whose facts the mail shows. Default: a made-up contact."`
	}
}

var testCampaignDoc = operation{
	Description: "Sends the campaign as it is now to up to 20 addresses, whatever its status, on the way that every mail goes. " +
		"Consent and suppressions are not looked at, and the mail's unsubscribe link changes nothing. Answers the test's run; `GET /campaigns/{id}/messages?run=` shows what became of it.",
	Example: map[string]any{"addresses": []string{"me@shop.example"}, "contact_external_id": "C-1001"},
	Status:  http.StatusAccepted,
	Errors:  conflict,
}

func (a *api) testCampaign(ctx context.Context, in *testCampaignInput) (*reply[campaigns.Run], error) {
	run, err := campaigns.Test(ctx, a.pool, a.now(), in.ID, campaigns.TestInput{
		Addresses:         in.Body.Addresses,
		ContactExternalID: in.Body.ContactExternalID,
	})
	if err != nil {
		return nil, err
	}
	a.knockRun(ctx, campaigns.Knock{RunID: run.ID, Epoch: run.Epoch})
	return ok(run), nil
}

var estimateCampaignDoc = operation{
	Description: "Who would receive it now, broken down: matched − duplicates − suppressed − unsubscribed − no consent − invalid addresses = will receive. The sending rules (frequency cap, quiet hours) are asked later, when each mail is sent.",
}

func (a *api) estimateCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Estimate], error) {
	e, err := campaigns.EstimateAudience(ctx, a.pool, a.now(), in.ID)
	if err != nil {
		return nil, err
	}
	return ok(e), nil
}

type estimateInput struct {
	Body struct {
		Topic    string         `json:"topic" maxLength:"100" example:"news"`
		Audience AudienceFields `json:"audience,omitempty"`
	}
}

var estimateDoc = operation{
	Description: "The same for an audience that is not saved, for a page on which it is being chosen. Who does not wait for the answer ends the question.",
	Example:     map[string]any{"topic": "news", "audience": map[string]any{"include": []int{1}, "exclude": []int{}}},
}

func (a *api) estimateAudience(ctx context.Context, in *estimateInput) (*reply[campaigns.Estimate], error) {
	e, err := campaigns.EstimateFor(ctx, a.pool, a.now(), in.Body.Topic, campaigns.Audience(in.Body.Audience))
	if err != nil {
		return nil, err
	}
	return ok(e), nil
}

type schedulePreviewInput struct {
	Body struct {
		ScheduleFields
		Count int `json:"count,omitempty" minimum:"1" maximum:"50" default:"5" example:"5" doc:"How many at most."`
	}
}

// SchedulePreview is when a schedule is due.
type SchedulePreview struct {
	Next []time.Time `json:"next" doc:"The next moments, in UTC. Empty: at lies in the past, and starting the campaign would send it at once."`
}

var schedulePreviewDoc = operation{
	Description: "The next times of a schedule, as it would run, changes of the clock included; or what is wrong with it, by field.",
	Example:     map[string]any{"cron": "0 9 * * MON", "timezone": "Europe/Berlin", "count": 5},
}

func (a *api) previewSchedule(_ context.Context, in *schedulePreviewInput) (*reply[SchedulePreview], error) {
	count := in.Body.Count
	if count == 0 {
		count = 5
	}
	next, err := campaigns.Schedule(in.Body.ScheduleFields).Ticks(a.now(), count)
	if err != nil {
		return nil, unprefixed(err, "schedule")
	}
	return ok(SchedulePreview{next}), nil
}

// unprefixed takes a first part off the field of a fault.
func unprefixed(err error, part string) error {
	var invalid *fault.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	field := strings.TrimPrefix(strings.TrimPrefix(invalid.Field, part), ".")
	return &fault.Invalid{Field: field, Message: invalid.Message}
}

type listRunsInput struct {
	CampaignPath
	Paging
}

var listRunsDoc = operation{Description: "The runs of a campaign with their counts, test sends aside, the newest first; at most 200 on a page."}

func (a *api) listRuns(ctx context.Context, in *listRunsInput) (*reply[Page[campaigns.Run]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := campaigns.Runs(ctx, a.pool, in.ID, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

var (
	getProgressDoc = operation{
		Description: "How far the latest run is: its counts by state and reason, mails per second, time left, and where deferred mails wait. The rate compares this look with those of the last ten seconds, so that the first look has none.",
	}
	liveProgressDoc = operation{Description: "What `GET /campaigns/{id}/progress` answers, each time it changes."}
)

func (a *api) getProgress(ctx context.Context, in *CampaignPath) (*reply[campaigns.Progress], error) {
	p, err := a.progress(ctx, in)
	if err != nil {
		return nil, err
	}
	return ok(p), nil
}

func (a *api) progress(ctx context.Context, in *CampaignPath) (campaigns.Progress, error) {
	p, err := a.meter.Look(ctx, a.pool, a.now(), in.ID)
	return progressFor(ctx, p), err
}

type reportInput struct {
	CampaignPath
	Run int64 `query:"run" minimum:"1" doc:"Of this run. Default: the latest."`
}

var reportCampaignDoc = operation{
	Description: "A run's counts by state and by reason, of the latest where none is named. 404 where it never ran.",
}

func (a *api) reportCampaign(ctx context.Context, in *reportInput) (*reply[campaigns.Report], error) {
	r, err := campaigns.GetReport(ctx, a.pool, in.ID, in.Run)
	if err != nil {
		return nil, err
	}
	return ok(r), nil
}
