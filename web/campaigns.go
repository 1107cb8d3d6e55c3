package web

import (
	"context"
	"net/http"
	"time"

	"posthorn/campaigns"
	"posthorn/postgres"
)

type CampaignPath struct {
	ID int64 `path:"id" example:"1"`
}

// CampaignFields is what a marketer sets.
type CampaignFields struct {
	Name       string `json:"name" maxLength:"200" example:"Grinders for coffee drinkers"`
	TemplateID int64  `json:"template_id" example:"1"`
	Sender     struct {
		Name    string `json:"name,omitempty" maxLength:"200" example:"The Coffee Shop"`
		Address string `json:"address" maxLength:"320" example:"news@shop.example"`
	} `json:"sender"`
	Topic    string `json:"topic" maxLength:"100" example:"news" doc:"Only contacts subscribed to it receive the campaign."`
	Relay    string `json:"relay,omitempty" maxLength:"100" default:"default" example:"default"`
	Audience struct {
		Include []int64 `json:"include,omitempty" example:"[1]" doc:"Ids of segments. Empty: everyone subscribed to the topic."`
		Exclude []int64 `json:"exclude,omitempty" doc:"Ids of segments."`
	} `json:"audience,omitempty"`
	Schedule *ScheduleFields `json:"schedule,omitempty" doc:"null: it is sent when it is started."`
	InDoubt  string          `json:"in_doubt,omitempty" enum:"hold,resend" default:"hold" doc:"What becomes of a mail of which nobody knows whether the relay took it. hold: it stays unknown until you resolve it. resend: it is sent again with the same Message-ID, for mail that must arrive."`
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
		Audience:   campaigns.Audience{Include: f.Audience.Include, Exclude: f.Audience.Exclude},
		InDoubt:    campaigns.InDoubt(f.InDoubt),
	}
	if f.Schedule != nil {
		in.Schedule = &campaigns.Schedule{At: f.Schedule.At, Cron: f.Schedule.Cron, Timezone: f.Schedule.Timezone}
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
	Description: "It begins as a draft and sends nothing until it is started.",
	Example:     campaignExample,
	Status:      http.StatusCreated,
}

func (a *api) postCampaign(ctx context.Context, in *postCampaignInput) (*reply[campaigns.Campaign], error) {
	c, err := campaigns.Create(ctx, a.pool, a.now(), in.Body.input())
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
	return campaigns.Get(ctx, a.pool, in.ID)
}

var listCampaignsDoc = operation{Description: "The newest first, at most 200 on a page."}

func (a *api) listCampaigns(ctx context.Context, in *Paging) (*reply[Page[campaigns.Campaign]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := campaigns.List(ctx, a.pool, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

type putCampaignInput struct {
	CampaignPath
	Body CampaignFields
}

var conflict = []int{http.StatusConflict}

var putCampaignDoc = operation{
	Description: "The draft becomes what the body says. A campaign that was started cannot be changed (409).",
	Example:     campaignExample,
	Errors:      conflict,
}

func (a *api) putCampaign(ctx context.Context, in *putCampaignInput) (*reply[campaigns.Campaign], error) {
	c, err := campaigns.Update(ctx, a.pool, a.now(), in.ID, in.Body.input())
	if err != nil {
		return nil, err
	}
	return ok(c), nil
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
		Description: "From draft. Without a schedule the run begins now, with the template and the rules as they are; with one the campaign is scheduled. 409 with the present `state` where it is not a draft.",
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

func (a *api) startCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Campaign], error) {
	return a.moveCampaign(ctx, in.ID, campaigns.Start)
}

// pauseCampaign does not knock: workers look at the status before every claim.
func (a *api) pauseCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Campaign], error) {
	c, err := campaigns.Pause(ctx, a.pool, a.now(), in.ID)
	if err != nil {
		return nil, err
	}
	return ok(c), nil
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
	if c.Run != nil && c.Run.FinishedAt == nil {
		a.knockRun(ctx, campaigns.Knock{RunID: c.Run.ID, Epoch: c.Run.Epoch})
	}
	return ok(c), nil
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

var reportCampaignDoc = operation{
	Description: "The latest run's counts by state and by reason. 404 where it never ran.",
}

func (a *api) reportCampaign(ctx context.Context, in *CampaignPath) (*reply[campaigns.Report], error) {
	r, err := campaigns.GetReport(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(r), nil
}
