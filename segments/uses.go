package segments

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Use is a campaign or a journey that names a segment.
type Use struct {
	Kind   string `json:"kind" db:"kind" enum:"campaign,journey"`
	ID     int64  `json:"id" db:"id"`
	Name   string `json:"name" db:"name"`
	Status string `json:"status" db:"status"`
	As     string `json:"as" db:"as" enum:"include,exclude,trigger"`
	Keeps  bool   `json:"keeps" db:"keeps" doc:"It has not ended, and without the segment would mail others: the segment cannot be deleted."`
}

// maxUses is how many uses are named.
const maxUses = 200

// Uses returns the campaigns and journeys that name a segment, those first that keep
// it from being deleted; it returns a fault.NotFound where there is no such segment.
func Uses(ctx context.Context, db postgres.DB, id int64) ([]Use, error) {
	if _, err := Get(ctx, db, id); err != nil {
		return nil, err
	}
	return uses(ctx, db, id)
}

func uses(ctx context.Context, db postgres.DB, id int64) ([]Use, error) {
	rows, err := db.Query(ctx, `
		SELECT 'campaign' AS kind, id, name, status, CASE WHEN $1::bigint = ANY (include) THEN 'include' ELSE 'exclude' END AS "as",
		       status NOT IN ('finished', 'cancelled', 'failed') AS keeps
		FROM campaigns
		WHERE $1 = ANY (include) OR $1 = ANY (exclude)
		UNION ALL
		SELECT 'journey', j.id, j.name, j.status, 'trigger', j.status <> 'archived'
		FROM journeys AS j
		WHERE EXISTS (
			SELECT FROM journey_versions AS v
			WHERE v.journey_id = j.id AND v.version IN (j.version, j.live_version)
			  AND v.definition @> jsonb_build_object('trigger', jsonb_build_object('segment_id', $1)))
		ORDER BY keeps DESC, kind, name, id
		LIMIT $2`, id, maxUses)
	if err != nil {
		return nil, fmt.Errorf("find uses of segment %d: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Use])
	if err != nil {
		return nil, fmt.Errorf("find uses of segment %d: %w", id, err)
	}
	return list, nil
}

// kept is the fault.Conflict that names what keeps a segment, nil where nothing does.
func kept(list []Use) error {
	names, more := "", 0
	for _, u := range list {
		switch {
		case !u.Keeps:
		case more == 3:
			names += ", …"
			more++
		case more < 3:
			if more++; more > 1 {
				names += ", "
			}
			names += fmt.Sprintf("%s (%s)", u.Name, u.Status)
		}
	}
	if more == 0 {
		return nil
	}
	return fault.Conflictf("in use", "the segment is used by campaigns and journeys that have not ended: %s", names)
}
