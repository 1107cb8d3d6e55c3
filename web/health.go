package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/postgres"
)

// healthTimeout bounds each look at a dependency.
const healthTimeout = 3 * time.Second

// readiness is the answer of /readyz.
type readiness struct {
	Status   string `json:"status"`          // ok, degraded (without Redis: rows are taken, nothing is sent), unavailable
	Postgres string `json:"postgres"`        // ok, unreachable, schema is old
	Redis    string `json:"redis,omitempty"` // ok, unreachable
}

// mountHealth serves /healthz, which is about this process alone, and /readyz,
// which is about what it depends on. Only Postgres decides whether requests can
// be served.
func mountHealth(mux *http.ServeMux, deps Deps) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	// A schema that fits goes on fitting: later checks are only a round trip.
	var schemaFits atomic.Bool
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		out := readiness{Status: "ok", Postgres: "ok"}
		status := http.StatusOK
		if deps.Redis != nil {
			out.Redis = "ok"
			ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
			defer cancel()
			if err := deps.Redis(ctx); err != nil {
				deps.Logger.WarnContext(ctx, "not ready", "dependency", "redis", "err", err)
				out.Redis, out.Status = "unreachable", "degraded"
			}
		}
		if err := checkPostgres(r.Context(), deps.Pool, &schemaFits); err != nil {
			deps.Logger.WarnContext(r.Context(), "not ready", "dependency", "postgres", "err", err)
			out.Postgres, out.Status, status = "unreachable", "unavailable", http.StatusServiceUnavailable
			if errors.Is(err, postgres.ErrSchemaOld) {
				out.Postgres = "schema is old"
			}
			w.Header().Set("Retry-After", retryAfter)
		}
		writeJSON(w, status, out)
	})
}

func checkPostgres(ctx context.Context, pool *pgxpool.Pool, schemaFits *atomic.Bool) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if schemaFits.Load() {
		return pool.Ping(ctx)
	}
	if err := postgres.CheckSchema(ctx, pool); err != nil {
		return err
	}
	schemaFits.Store(true)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
