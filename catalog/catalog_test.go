package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var (
	monday  = time.Date(2026, 3, 2, 9, 0, 0, 123456000, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

// addContacts makes contacts with the external ids given.
func addContacts(t testing.TB, pool *pgxpool.Pool, externalIDs ...string) {
	t.Helper()
	_, err := pool.Exec(context.Background(), `
		INSERT INTO contacts (external_id, created_at, updated_at) SELECT id, $2, $2 FROM unnest($1::text[]) AS id`, externalIDs, monday)
	if err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// fields returns the fields that err complains about.
func fields(err error) string {
	var list fault.List
	var one *fault.Invalid
	switch {
	case errors.As(err, &list):
		names := make([]string, len(list))
		for i, e := range list {
			names[i] = e.Field
		}
		return strings.Join(names, " ")
	case errors.As(err, &one):
		return one.Field
	case err == nil:
		return "(no error)"
	default:
		return "(" + err.Error() + ")"
	}
}

// rowVersions is how many rows were written to the catalog's tables, as their
// hidden columns tell: a rewritten row has another transaction or another place.
func rowVersions(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	var all string
	for _, table := range []string{"products", "orders", "order_items"} {
		var state *string
		if err := pool.QueryRow(context.Background(), fmt.Sprintf(
			`SELECT string_agg(concat_ws(' ', ctid, xmin, t), E'\n' ORDER BY ctid) FROM %s AS t`, table)).Scan(&state); err != nil {
			t.Fatal(err)
		}
		if state != nil {
			all += *state + "\n"
		}
	}
	return all
}

func TestRounds(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(rounds([]string{"a", "b", "a", "c", "a", "b"}))
	if got != "[[0 1 3] [2 5] [4]]" {
		t.Error(got)
	}
}
