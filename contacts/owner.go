package contacts

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// findOwners decides which contact the staged rows without an external id mean,
// and notes its external id by address in import_owners. anonymous says whether
// there are such rows.
//
// The answer must be the same when the file is imported again, or the second time
// would change something. So it does not look at who has an address now, but who
// will have it once the rows with an external id are in; the oldest contact, and
// among those that the file creates the one it names first. Where nobody will, the
// rows make a contact that is known by its address.
func findOwners(ctx context.Context, tx pgx.Tx, anonymous bool) error {
	_, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE import_owners (email_key text PRIMARY KEY, external_id text NOT NULL) ON COMMIT DROP`)
	if err != nil {
		return fmt.Errorf("create staging table: %w", err)
	}
	if !anonymous {
		return nil
	}
	if _, err := tx.Exec(ctx, `ANALYZE import_contacts`); err != nil { // nobody else does, for a temporary table
		return fmt.Errorf("analyze staging table: %w", err)
	}
	_, err = tx.Exec(ctx, `
		WITH named AS MATERIALIZED ( -- what the rows with an external id say, taken together
			SELECT external_id, min(line) AS first,
			       (array_agg(email_key ORDER BY line DESC) FILTER (WHERE email_key IS NOT NULL))[1] AS email_key
			FROM import_contacts
			WHERE external_id IS NOT NULL
			GROUP BY external_id
		), known AS MATERIALIZED ( -- those that are contacts already
			SELECT n.external_id, n.first, COALESCE(n.email_key, c.email_key) AS email_key, c.id
			FROM named AS n
			JOIN contacts AS c ON c.external_id = n.external_id
		), adopting AS MATERIALIZED ( -- those that take over a contact known by its address only
			SELECT DISTINCT ON (c.id) n.external_id, n.first, n.email_key, c.id
			FROM named AS n
			JOIN contacts AS c ON c.external_id = n.email_key AND c.email_key = n.email_key
			WHERE NOT EXISTS (SELECT FROM known AS k WHERE k.external_id = n.external_id)
			  AND NOT EXISTS (SELECT FROM named AS m WHERE m.external_id = c.external_id)
			ORDER BY c.id, n.first
		), has AS MATERIALIZED ( -- who of them will have which address; id is NULL for new ones
			SELECT external_id, first, email_key, id FROM known
			UNION ALL
			SELECT external_id, first, email_key, id FROM adopting
			UNION ALL
			SELECT n.external_id, n.first, n.email_key, NULL
			FROM named AS n
			WHERE NOT EXISTS (SELECT FROM known AS k WHERE k.external_id = n.external_id)
			  AND NOT EXISTS (SELECT FROM adopting AS a WHERE a.external_id = n.external_id)
		), wanted AS MATERIALIZED (
			SELECT DISTINCT email_key FROM import_contacts WHERE external_id IS NULL
		), candidate AS (
			SELECT w.email_key, h.external_id, h.id, h.first
			FROM wanted AS w
			JOIN has AS h ON h.email_key = w.email_key
			UNION ALL
			SELECT w.email_key, c.external_id, c.id, 0
			FROM wanted AS w
			JOIN contacts AS c ON c.email_key = w.email_key AND c.email_key <> ''
			WHERE NOT EXISTS (SELECT FROM has AS h WHERE h.id = c.id)
		)
		INSERT INTO import_owners (email_key, external_id)
		SELECT DISTINCT ON (w.email_key) w.email_key, COALESCE(a.external_id, w.email_key)
		FROM wanted AS w
		LEFT JOIN candidate AS a ON a.email_key = w.email_key
		ORDER BY w.email_key, a.id NULLS LAST, a.first`)
	if err != nil {
		return fmt.Errorf("find contacts by address: %w", err)
	}
	return nil
}
