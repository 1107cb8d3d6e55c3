package web

import (
	"context"
	"fmt"
	"io"

	"github.com/danielgtaylor/huma/v2"

	"posthorn/campaigns"
	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/users"
)

// MessageFilter selects messages of a campaign.
type MessageFilter struct {
	State  string `query:"state" enum:"planned,sending,deferred,sent,failed,skipped,cancelled,unknown" doc:"Messages in this state only."`
	Reason string `query:"reason" maxLength:"100" example:"suppressed" doc:"Messages with this reason only."`
	Run    int64  `query:"run" minimum:"1" doc:"Messages of this run only, e.g. of the run that a test answered. Default: all runs but those of tests."`

	Contact string `query:"contact" maxLength:"320" example:"edith@" doc:"How the address or the shop's id of the contact begins, in whatever case. Of contacts that it fits, the first 1,000 are looked at."`
}

func (f MessageFilter) of(campaign int64) messages.Filter {
	return messages.Filter{CampaignID: campaign, RunID: f.Run, State: messages.State(f.State), Reason: f.Reason, Contact: f.Contact}
}

type listCampaignMessagesInput struct {
	CampaignPath
	Paging
	MessageFilter
}

var listCampaignMessagesDoc = operation{
	Description: "What became of every recipient, of all runs of the campaign but its tests (see run). Each message has exactly one state and, where it was not sent, a reason; `why` says it in a sentence.",
}

func (a *api) listCampaignMessages(ctx context.Context, in *listCampaignMessagesInput) (*reply[Page[messages.Message]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	if _, err := campaigns.Get(ctx, a.pool, in.ID); err != nil {
		return nil, err
	}
	f := in.of(in.ID)
	f.Cursor, f.Limit = cursor, in.Limit
	list, next, err := messages.List(ctx, a.pool, f)
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return pageByID(list, next), nil
}

type exportMessagesInput struct {
	CampaignPath
	MessageFilter
}

var exportMessagesDoc = operation{
	Description: "The same as CSV, all of it, for a spreadsheet: UTF-8 with a byte order mark, and an apostrophe before what would be taken for a formula. It is written as it is read; where that fails half-way, the connection breaks, so that nobody takes a part for the whole.",
	csv:         true,
}

func (a *api) exportCampaignMessages(ctx context.Context, in *exportMessagesInput) (*huma.StreamResponse, error) {
	if _, err := campaigns.Get(ctx, a.pool, in.ID); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("campaign-%d-recipients.csv", in.ID)
	return a.download(name, func(ctx context.Context, w io.Writer) error { return in.of(in.ID).Export(ctx, a.pool, w) }), nil
}

type MessagePath struct {
	ID int64 `path:"id" example:"1"`
}

var getMessageDoc = operation{Description: "One row of the ledger: what became of one mail to one contact, in the relay's own words where it had any. For the role ops without the contact and with addresses blanked out."}

func (a *api) getMessage(ctx context.Context, in *MessagePath) (*reply[messages.Message], error) {
	m, err := messages.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(forRole(ctx, m)), nil
}

// forRole takes a contact's data out of a message for whoever must not see any.
func forRole(ctx context.Context, m messages.Message) messages.Message {
	if whoIs(ctx).Role == users.Ops {
		m.Email, m.ContactExternalID = "", ""
		m.Detail, m.Why = check.WithoutAddresses(m.Detail), check.WithoutAddresses(m.Why)
	}
	return m
}

// ResolveFields is a person's decision.
type ResolveFields struct {
	As string `json:"as" enum:"sent,resend" example:"sent" doc:"sent: take it for sent. resend: send it, with the same Message-ID."`
}

const resolveDescription = "A message is unknown where a worker or a connection was lost between offering it and hearing the answer. Sending it again may double it; " +
	"the relay's log tells, by Message-ID. 409 where there is nothing to resolve, or where it is to be sent again although the campaign was cancelled or has failed."

var (
	resolveMessageDoc  = operation{Description: resolveDescription, Example: map[string]any{"as": "sent"}, Errors: conflict}
	resolveCampaignDoc = operation{
		Description: "All unknown messages of the latest run at once; answers how many there were. " + resolveDescription,
		Example:     map[string]any{"as": "resend"},
		Errors:      conflict,
	}
)

type resolveMessageInput struct {
	MessagePath
	Body ResolveFields
}

func (a *api) resolveMessage(ctx context.Context, in *resolveMessageInput) (*reply[messages.Message], error) {
	run, kind, err := messages.RunOf(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	n, err := a.resolveRun(ctx, run, kind, &in.ID, messages.Resolution(in.Body.As))
	if err != nil {
		return nil, err
	}
	m, err := messages.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fault.Conflictf(string(m.State), "cannot resolve: the message is %s; only an unknown one has to be resolved", m.State)
	}
	return ok(forRole(ctx, m)), nil
}

type resolveCampaignInput struct {
	CampaignPath
	Body ResolveFields
}

// Resolved is how many messages a decision was about.
type Resolved struct {
	Resolved int64 `json:"resolved"`
}

func (a *api) resolveCampaign(ctx context.Context, in *resolveCampaignInput) (*reply[Resolved], error) {
	n, knock, err := campaigns.ResolveRun(ctx, a.pool, a.now(), in.ID, campaigns.Resolution(in.Body.As))
	if err != nil {
		return nil, err
	}
	a.knockRun(ctx, knock)
	return ok(Resolved{n}), nil
}
