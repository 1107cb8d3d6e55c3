package web

import (
	"context"

	"posthorn/preflight"
)

func (a *api) checker() preflight.Checker {
	return preflight.Checker{DB: a.pool, Secret: a.secret, BaseURL: a.baseURL}
}

type checklistInput struct {
	CampaignPath
	Remote bool `query:"remote" doc:"Ask the world instead: the DNS about the sender's domain, and the links whether they lead anywhere. It may take 12 seconds."`
}

var checklistDoc = operation{
	Description: "What keeps a campaign from being sent (`error`), what would be regretted (`warning`), what is well (`ok`) and what could not be found out (`unchecked`). " +
		"The mail is rendered for up to 500 of those who would get it: `looked_at` says how many, `all` whether there are no others. " +
		"With `remote`, only what others know: links that are the same for every recipient are called, at servers that anybody can reach, at most 20.",
}

func (a *api) getChecklist(ctx context.Context, in *checklistInput) (*reply[preflight.Checklist], error) {
	look := func() (preflight.Checklist, error) { return a.checker().Local(ctx, a.now(), in.ID) }
	if in.Remote {
		look = func() (preflight.Checklist, error) { return a.checker().Remote(ctx, in.ID) }
	}
	list, err := look()
	if err != nil {
		return nil, err
	}
	return ok(list), nil
}
