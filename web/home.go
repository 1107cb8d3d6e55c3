package web

import (
	"context"

	"posthorn/home"
	"posthorn/internal/check"
	"posthorn/users"
)

var (
	getHomeDoc = operation{
		Description: "What is being sent, what comes in the next 7 days, what came of the last runs, and what needs somebody, with the reason. For the role ops, words of others are shown without the addresses in them.",
	}
	liveHomeDoc = operation{Description: "What `GET /home` answers, each time it changes."}
)

func (a *api) getHome(ctx context.Context, in *none) (*reply[home.Home], error) {
	h, err := a.home(ctx, in)
	if err != nil {
		return nil, err
	}
	return ok(h), nil
}

func (a *api) home(ctx context.Context, _ *none) (home.Home, error) {
	h, err := home.Look(ctx, a.pool, &a.meter, a.now())
	if err != nil || whoIs(ctx).Role != users.Ops {
		return h, err
	}
	for i := range h.Sending {
		h.Sending[i] = progressFor(ctx, h.Sending[i])
	}
	for i := range h.Attention {
		n := &h.Attention[i]
		n.What = check.WithoutAddresses(n.What)
		for k, v := range n.Values {
			if s, ok := v.(string); ok {
				n.Values[k] = check.WithoutAddresses(s)
			}
		}
	}
	return h, nil
}
