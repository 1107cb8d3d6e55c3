package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

var getMetricsDoc = operation{
	Description: "How this process and the whole house are, as Prometheus scrapes it: with a key of the role ops as its bearer token. " +
		"Processes that have POSTHORN_METRICS_LISTEN set show theirs there at /metrics, without a key.",
	Text: "Metrics in the text format of Prometheus.",
}

func (a *api) getMetrics(context.Context, *none) (*huma.StreamResponse, error) {
	if a.metrics == nil {
		return nil, newProblem("", http.StatusServiceUnavailable, "this process has no metrics")
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		a.metrics.ServeHTTP(w, r)
	}}, nil
}
