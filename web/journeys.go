package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"posthorn/contacts"
	"posthorn/internal/fault"
	"posthorn/journeys"
	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/users"
)

type JourneyPath struct {
	ID int64 `path:"id" example:"1"`
}

// DefinitionTree is a definition as it is sent. It is checked by package journeys,
// whose errors name the step.
type DefinitionTree json.RawMessage

// UnmarshalJSON keeps the tree as it is.
func (t *DefinitionTree) UnmarshalJSON(data []byte) error {
	*t = append((*t)[:0], data...)
	return nil
}

// Schema points to the one that describes it in full.
func (DefinitionTree) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "What triggers the journey, who may enter, what ends it, and its steps. /api/journey.schema.json is its JSON Schema, docs/journeys.md says what every field means.",
		Examples:    []any{definitionExample},
	}
}

var definitionExample = map[string]any{
	"trigger": map[string]any{"type": "order", "on": "paid", "where": map[string]any{"field": "order.category", "operator": "bought", "value": "coffee"}},
	"exit":    map[string]any{"goal": map[string]any{"field": "bought.category", "operator": "bought", "value": "grinders", "from": "trigger"}},
	"steps": []any{
		map[string]any{"id": "a-while", "type": "wait", "for": "P14D", "at": "09:00"},
		map[string]any{"id": "grinder", "type": "send", "template_id": 1, "topic": "news",
			"sender": map[string]any{"name": "The Coffee Shop", "address": "news@shop.example"}},
	},
}

// JourneyFields is what a marketer sets.
type JourneyFields struct {
	Name       string         `json:"name" maxLength:"200" example:"A grinder after coffee"`
	Definition DefinitionTree `json:"definition"`
}

var journeyExample = map[string]any{"name": "A grinder after coffee", "definition": definitionExample}

type postJourneyInput struct {
	Body JourneyFields
}

var postJourneyDoc = operation{
	Description: "It begins as a draft that nobody enters until it is published.",
	Example:     journeyExample,
	Status:      http.StatusCreated,
}

func (a *api) postJourney(ctx context.Context, in *postJourneyInput) (*reply[journeys.Journey], error) {
	j, err := journeys.Create(ctx, a.pool, a.now(), in.Body.Name, in.Body.Definition, journeys.By(whoIs(ctx).Name))
	if err != nil {
		return nil, err
	}
	return ok(j), nil
}

type putJourneyInput struct {
	JourneyPath
	Body struct {
		JourneyFields
		SavedAt *time.Time `json:"saved_at,omitempty" doc:"created_at of the newest version when the change began. 409 where somebody has saved meanwhile. Left out: not looked at."`
	}
}

var putJourneyDoc = operation{
	Description: "Writes a new draft version; a draft that was never published is replaced. What is live stays live until the next publish. The same again changes nothing. 409 where it is archived.",
	Example:     journeyExample,
	Errors:      conflict,
}

func (a *api) putJourney(ctx context.Context, in *putJourneyInput) (*reply[journeys.Journey], error) {
	opts := []journeys.Option{journeys.By(whoIs(ctx).Name)}
	if in.Body.SavedAt != nil {
		opts = append(opts, journeys.Over(*in.Body.SavedAt))
	}
	j, err := journeys.Update(ctx, a.pool, a.now(), in.ID, in.Body.Name, in.Body.Definition, opts...)
	if err != nil {
		return nil, err
	}
	return ok(j), nil
}

type listJourneysInput struct {
	Paging
	Query  string   `query:"query" maxLength:"200" doc:"Part of the name, upper and lower case alike."`
	Status []string `query:"status" enum:"draft,live,paused,archived" example:"live" doc:"Journeys in one of these states only, separated by commas."`
}

var listJourneysDoc = operation{Description: "The newest first, with what triggers them and their counts. At most 200 on a page."}

func (a *api) listJourneys(ctx context.Context, in *listJourneysInput) (*reply[Page[journeys.Listed]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := journeys.List(ctx, a.pool, journeys.Filter{Query: in.Query, Status: in.Status, Cursor: cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

// JourneyDetail is a journey with one definition and its counts.
type JourneyDetail struct {
	journeys.Journey
	Definition json.RawMessage    `json:"definition" doc:"Of the newest version, or of the one that was asked for."`
	Text       string             `json:"text" doc:"The same in YAML, with names of templates and segments in the place of ids where a name belongs to one alone: for an editor."`
	Versions   []JourneyVersion   `json:"versions" doc:"All of them, the newest first."`
	Counts     journeys.AllCounts `json:"counts" doc:"How many enrolments are where: in total, by version, and by the step at which they are or ended."`
	Mails      JourneyMails       `json:"mails" doc:"How many mails of each send step are in which state, over all versions."`
}

// JourneyMails is the states of mails by step.
type JourneyMails map[string]messages.Counts

// JourneyVersion is a version without its definition.
type JourneyVersion struct {
	Version     int        `json:"version" example:"2"`
	CreatedAt   time.Time  `json:"created_at" doc:"Of a draft: when it was saved last."`
	CreatedBy   string     `json:"created_by" doc:"Empty: not known."`
	PublishedAt *time.Time `json:"published_at" doc:"null: it is a draft."`
	PublishedBy string     `json:"published_by" doc:"Empty: not known."`
}

type getJourneyInput struct {
	JourneyPath
	Version int `query:"version" minimum:"1" doc:"Whose definition is shown. Default: the newest."`
}

var getJourneyDoc = operation{Description: "With its definition, its versions and its counts, which are exact at every moment. For the role ops `definition` is null and `text` empty: rules may name people."}

func (a *api) getJourney(ctx context.Context, in *getJourneyInput) (*reply[JourneyDetail], error) {
	j, err := journeys.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	out := JourneyDetail{Journey: j, Versions: []JourneyVersion{}}
	versions, err := journeys.Versions(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		out.Versions = append(out.Versions, JourneyVersion{v.Version, v.CreatedAt, v.CreatedBy, v.PublishedAt, v.PublishedBy})
		if v.Version == in.Version || in.Version == 0 && out.Definition == nil {
			out.Definition = v.Definition
		}
	}
	if out.Definition == nil {
		return nil, fault.NotFoundf("version of the journey", in.Version)
	}
	if whoIs(ctx).Role == users.Ops {
		out.Definition = nil // its rules may name people
	}
	if out.Counts, err = journeys.Count(ctx, a.pool, in.ID); err != nil {
		return nil, err
	}
	if out.Mails, err = journeys.CountMails(ctx, a.pool, in.ID); err != nil {
		return nil, err
	}
	if out.Definition == nil {
		return ok(out), nil
	}
	text, err := journeys.Text(ctx, a.pool, out.Definition)
	out.Text = string(text)
	return respond(out, err)
}

// JourneyFigures is what moves in a journey.
type JourneyFigures struct {
	Status       string             `json:"status" enum:"draft,live,paused,archived"`
	StatusReason string             `json:"status_reason,omitempty"`
	Version      int                `json:"version"`
	LiveVersion  *int               `json:"live_version"`
	UpdatedAt    time.Time          `json:"updated_at"`
	Counts       journeys.AllCounts `json:"counts"`
	Mails        JourneyMails       `json:"mails"`
}

var liveJourneyDoc = operation{Description: "Its status, its counts and the states of its mails, again whenever they change."}

// journeyFigures reads kept counts only: it costs the same for a million enrolments as
// for ten.
func (a *api) journeyFigures(ctx context.Context, in *JourneyPath) (JourneyFigures, error) {
	j, err := journeys.Get(ctx, a.pool, in.ID)
	if err != nil {
		return JourneyFigures{}, err
	}
	out := JourneyFigures{Status: j.Status, StatusReason: j.StatusReason, Version: j.Version, LiveVersion: j.LiveVersion, UpdatedAt: j.UpdatedAt}
	if out.Counts, err = journeys.Count(ctx, a.pool, in.ID); err != nil {
		return out, err
	}
	out.Mails, err = journeys.CountMails(ctx, a.pool, in.ID)
	return out, err
}

type checkJourneyInput struct {
	Body struct {
		Text string `json:"text" maxLength:"524288" doc:"YAML or JSON: trigger, entry, exit and steps, with names of templates and segments (template, segment) or ids (template_id, segment_id)."`
	}
}

// JourneyCheck is what the check found.
type JourneyCheck struct {
	OK         bool               `json:"ok" doc:"It could be saved: no problem is an error."`
	Definition json.RawMessage    `json:"definition,omitempty" doc:"As it would be saved, with ids; left out where it has errors. Send it to save it."`
	Problems   []journeys.Finding `json:"problems" doc:"Errors first, at most 20, each with line, column and length in characters."`
}

var checkJourneyDoc = operation{
	Description: "What saving would say about a definition as text, for an editor that checks while one writes. Besides errors it warns of a relay that does not exist and a topic that nobody is subscribed to. Writes nothing. Comments in the text are not part of a definition.",
	Example:     map[string]any{"text": "trigger: {type: order, on: paid}\nsteps:\n  - id: a-while\n    type: wait\n    for: P14D\n"},
}

func (a *api) checkJourney(ctx context.Context, in *checkJourneyInput) (*reply[JourneyCheck], error) {
	definition, found, err := journeys.Check(ctx, a.pool, []byte(in.Body.Text))
	return respond(JourneyCheck{OK: definition != nil, Definition: definition, Problems: orNone(found)}, err)
}

var (
	publishJourneyDoc = operation{
		Description: "Who enters from now on gets the newest version, with its templates as they are now; who is under way stays on theirs until they are migrated. A paused journey stays paused. 409 where it is archived.",
		Errors:      conflict,
	}
	pauseJourneyDoc = operation{
		Description: "From live. Contacts go on entering and stay before their next step; nothing is sent.",
		Errors:      conflict,
	}
	resumeJourneyDoc = operation{
		Description: "From paused. What became due meanwhile is done now.",
		Errors:      conflict,
	}
	archiveJourneyDoc = operation{
		Description: "For good: nobody enters or goes on any more. Who is under way leaves within moments with the reason `archived`, and mails that wait are cancelled.",
		Errors:      conflict,
	}
)

func (a *api) publishJourney(ctx context.Context, in *JourneyPath) (*reply[journeys.Journey], error) {
	return a.moveJourney(ctx, in.ID, func(ctx context.Context, db postgres.DB, now time.Time, id int64) (journeys.Journey, error) {
		return journeys.Publish(ctx, db, now, id, journeys.By(whoIs(ctx).Name))
	})
}

func (a *api) pauseJourney(ctx context.Context, in *JourneyPath) (*reply[journeys.Journey], error) {
	return a.moveJourney(ctx, in.ID, journeys.Pause)
}

func (a *api) resumeJourney(ctx context.Context, in *JourneyPath) (*reply[journeys.Journey], error) {
	return a.moveJourney(ctx, in.ID, journeys.Resume)
}

func (a *api) archiveJourney(ctx context.Context, in *JourneyPath) (*reply[journeys.Journey], error) {
	return a.moveJourney(ctx, in.ID, journeys.Archive)
}

// moveJourney makes a transition and knocks where something may be due, or is to end,
// after it.
func (a *api) moveJourney(ctx context.Context, id int64,
	move func(context.Context, postgres.DB, time.Time, int64) (journeys.Journey, error)) (*reply[journeys.Journey], error) {
	j, err := move(ctx, a.pool, a.now(), id)
	if err != nil {
		return nil, err
	}
	if j.Status == journeys.Live || j.Status == journeys.Archived {
		a.knockJourney(ctx, j)
	}
	return ok(j), nil
}

type simulateJourneyInput struct {
	JourneyPath
	Body struct {
		From              time.Time `json:"from" example:"2026-01-01T00:00:00Z" doc:"What happened since then is replayed."`
		To                time.Time `json:"to" example:"2026-03-01T00:00:00Z" doc:"What happened or was due before it."`
		Version           int       `json:"version,omitempty" minimum:"1" doc:"Default: the newest, published or not."`
		ContactExternalID string    `json:"contact_external_id,omitempty" maxLength:"200" example:"C-1001" doc:"A contact whose path is shown step by step."`
		ListMails         *int      `json:"list_mails,omitempty" minimum:"0" maximum:"10000" example:"100" doc:"How many mails are listed. Default: 10,000."`
	}
}

// Simulated is what a simulation comes to.
type Simulated struct {
	journeys.Report
	MailsListed []journeys.Mail `json:"mails_listed" doc:"The first of the mails, contact by contact, also of those that would be skipped."`
	Truncated   bool            `json:"truncated" doc:"There are more mails than are listed."`
}

const (
	maxMailsListed     = 10_000
	simulationTimeout  = time.Minute
	migrationTimeout   = 100 * time.Second // less than writeTimeout
	afterTheSimulation = 10 * time.Second
)

var simulateJourneyDoc = operation{
	Description: "Replays stored orders and events through the version with a virtual clock: who would have got what, and when. Mails that would be skipped, for want of consent or an address or because it is suppressed, are counted apart. Sends nothing and writes nothing. " +
		"Caps, quiet hours and stock, which hold single mails back, are not in it, and what has no history (an order's status, attributes, consents) is taken as it is today. It gives up after a minute.",
	Example: map[string]any{"from": "2026-01-01T00:00:00Z", "to": "2026-03-01T00:00:00Z", "contact_external_id": "C-1001"},
	Timeout: simulationTimeout + afterTheSimulation,
}

func (a *api) simulateJourney(ctx context.Context, in *simulateJourneyInput) (*reply[Simulated], error) {
	definition, err := journeys.DefinitionOf(ctx, a.pool, in.ID, in.Body.Version)
	if err != nil {
		return nil, err
	}
	if in.Body.ContactExternalID != "" {
		if _, err := contacts.ByExternalID(ctx, a.pool, in.Body.ContactExternalID); err != nil {
			return nil, err
		}
	}
	out := Simulated{MailsListed: []journeys.Mail{}}
	most := maxMailsListed
	if in.Body.ListMails != nil {
		most = *in.Body.ListMails
	}
	limited, cancel := context.WithTimeout(ctx, simulationTimeout)
	defer cancel()
	out.Report, err = journeys.Simulate(limited, a.pool, in.ID, definition, journeys.Simulation{
		From: in.Body.From.UTC(), To: in.Body.To.UTC(), Contact: in.Body.ContactExternalID,
		Each: func(m journeys.Mail) error {
			if len(out.MailsListed) < most {
				out.MailsListed = append(out.MailsListed, m)
			} else {
				out.Truncated = true
			}
			return nil
		},
	})
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return nil, fault.Invalidf("to", "is too far from from: the simulation was given up after %s; take a shorter time, or posthorn journey simulate, which takes as long as it takes", simulationTimeout)
	}
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

type migrateJourneyInput struct {
	JourneyPath
	Body struct {
		DryRun bool `json:"dry_run" example:"true" doc:"Only say who would move."`
	}
}

var migrateJourneyDoc = operation{
	Description: "Moves enrolments of older versions to the live one: those that wait at a step which is still there with the same type, and those before their first step where the trigger is of the same type. " +
		"Nobody gets the mail of a step twice. The others stay, and the answer says why. One that takes too long keeps what it moved; the same request again does the rest.",
	Example: map[string]any{"dry_run": true},
	Errors:  conflict,
	Timeout: migrationTimeout,
}

func (a *api) migrateJourney(ctx context.Context, in *migrateJourneyInput) (*reply[journeys.Migration], error) {
	m, err := journeys.Migrate(ctx, a.pool, a.now(), in.ID, in.Body.DryRun)
	if err != nil {
		return nil, err
	}
	if m.Moved > 0 && !in.Body.DryRun {
		j, err := journeys.Get(ctx, a.pool, in.ID)
		if err != nil {
			return nil, err
		}
		a.knockJourney(ctx, j)
	}
	return ok(m), nil
}

type listEnrolmentsInput struct {
	JourneyPath
	Paging
	Status  string `query:"status" enum:"pending,active,waiting,finished,exited,dropped" doc:"Enrolments in this status only."`
	Step    string `query:"step" maxLength:"100" example:"a-while" doc:"Enrolments that are at this step, or ended there."`
	Contact string `query:"contact" maxLength:"200" example:"C-1001" doc:"Enrolments of the contact with this external_id only."`
}

var listEnrolmentsDoc = operation{
	Description: "The newest first: who is where, when they are looked at next, and why those ended who did. At most 200 on a page.",
}

func (a *api) listEnrolments(ctx context.Context, in *listEnrolmentsInput) (*reply[Page[journeys.Enrolment]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := journeys.Enrolments(ctx, a.pool, in.ID, journeys.EnrolmentFilter{
		Status: journeys.Status(in.Status), Step: in.Step, Contact: in.Contact, Cursor: cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

type explainJourneyInput struct {
	JourneyPath
	Contact string `query:"contact" required:"true" minLength:"1" maxLength:"200" example:"C-1001" doc:"The contact's external_id."`
}

var explainJourneyDoc = operation{
	Description: "One sentence for each decision: why the contact entered, each step, and why it ended, of the 20 newest enrolments. For a contact that never entered, `why_not` says why, " +
		"by asking the live version about the newest order or event that could have been its trigger, as things are now. " +
		"For one that entered, `left_out` says which of the newest orders or events came before the contact may enter again.",
}

func (a *api) explainJourney(ctx context.Context, in *explainJourneyInput) (*reply[journeys.Explanation], error) {
	e, err := journeys.Explain(ctx, a.pool, a.now(), in.ID, in.Contact, nil)
	if err != nil {
		return nil, err
	}
	return ok(e), nil
}
