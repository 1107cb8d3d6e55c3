package web

import (
	"context"

	"posthorn/internal/fault"
	"posthorn/timeline"
)

type listTimelineInput struct {
	ContactPath
	Paging
}

var listTimelineDoc = operation{
	Description: "Orders, events, consents, suppressions, steps of journeys and mails of campaigns and journeys, the newest first, at most 200 on a page. " +
		"The field that `kind` names holds what there is to say. Pages are stable: what comes in meanwhile neither doubles nor hides what is older.",
}

func (a *api) listTimeline(ctx context.Context, in *listTimelineInput) (*reply[Page[timeline.Entry]], error) {
	cursor, err := in.text()
	if err != nil {
		return nil, err
	}
	list, next, err := timeline.Of(ctx, a.pool, in.ExternalID, cursor, in.Limit)
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return pageOf(list, next), nil
}
