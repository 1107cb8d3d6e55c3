package web

import (
	"context"

	"posthorn/campaigns"
	"posthorn/internal/fault"
	"posthorn/messages"
)

type listCampaignMessagesInput struct {
	CampaignPath
	Paging
	State  string `query:"state" enum:"planned,sending,deferred,sent,failed,skipped,cancelled,unknown" doc:"Messages in this state only."`
	Reason string `query:"reason" maxLength:"100" example:"suppressed" doc:"Messages with this reason only."`
	Run    int64  `query:"run" minimum:"1" doc:"Messages of this run only, e.g. of the run that a test answered."`
}

var listCampaignMessagesDoc = operation{
	Description: "What became of every recipient, of all runs of the campaign. Each message has exactly one state and, where it was not sent, a reason.",
}

func (a *api) listCampaignMessages(ctx context.Context, in *listCampaignMessagesInput) (*reply[Page[messages.Message]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	if _, err := campaigns.Get(ctx, a.pool, in.ID); err != nil {
		return nil, err
	}
	list, next, err := messages.List(ctx, a.pool, messages.Filter{
		CampaignID: in.ID,
		RunID:      in.Run,
		State:      messages.State(in.State),
		Reason:     in.Reason,
		Cursor:     cursor,
		Limit:      in.Limit,
	})
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return pageByID(list, next), nil
}

type MessagePath struct {
	ID int64 `path:"id" example:"1"`
}

var getMessageDoc = operation{Description: "One row of the ledger: what became of one mail to one contact, in the relay's own words where it had any."}

func (a *api) getMessage(ctx context.Context, in *MessagePath) (*reply[messages.Message], error) {
	m, err := messages.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(m), nil
}
