package contacts

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// TopicCount is a topic with how many contacts said what to it.
type TopicCount struct {
	Topic        string `json:"topic" db:"topic"`
	Subscribed   int64  `json:"subscribed" db:"subscribed"`
	Pending      int64  `json:"pending" db:"pending"`
	Unsubscribed int64  `json:"unsubscribed" db:"unsubscribed"`
	Reachable    int64  `json:"reachable" db:"reachable"` // subscribed, with an address that is not suppressed
	Campaigns    int64  `json:"campaigns" db:"campaigns"` // that mail it and have not ended
	Journeys     int64  `json:"journeys" db:"journeys"`   // that mail it and are not archived
}

// Topics returns every topic that a contact was asked about, or that a campaign or a
// journey mails, by name. There is no table of topics: a topic is what these name, so
// none can be left over or missing.
func Topics(ctx context.Context, db postgres.DB) ([]TopicCount, error) {
	rows, err := db.Query(ctx, `
		WITH consent AS (
			SELECT k.topic,
			       count(*) FILTER (WHERE k.state = 'subscribed') AS subscribed,
			       count(*) FILTER (WHERE k.state = 'pending') AS pending,
			       count(*) FILTER (WHERE k.state = 'unsubscribed') AS unsubscribed
			FROM consents AS k
			GROUP BY k.topic
		), unreachable AS ( -- of those who are subscribed: few, so they are taken off
			SELECT k.topic, count(*) AS n
			FROM contacts AS c
			JOIN consents AS k ON k.contact_id = c.id AND k.state = 'subscribed'
			WHERE c.email_key = '' OR EXISTS (SELECT FROM suppressions AS x WHERE x.email_key = c.email_key)
			GROUP BY k.topic
		), mailing AS (
			SELECT topic, count(*) AS n FROM campaigns WHERE status NOT IN ('finished', 'cancelled', 'failed') GROUP BY topic
		), following AS (
			SELECT s.topic, count(DISTINCT j.id) AS n
			FROM journeys AS j
			JOIN journey_versions AS v ON v.journey_id = j.id AND v.version IN (j.version, j.live_version)
			CROSS JOIN LATERAL (
				SELECT t #>> '{}' AS topic
				FROM jsonb_path_query(v.definition, '$.** ? (@.type == "send").topic') AS t
				WHERE jsonb_typeof(t) = 'string') AS s
			WHERE j.status <> 'archived' AND s.topic <> ''
			GROUP BY s.topic
		), names AS (
			SELECT topic FROM consent UNION SELECT topic FROM mailing UNION SELECT topic FROM following
		)
		SELECT n.topic, COALESCE(c.subscribed, 0) AS subscribed, COALESCE(c.pending, 0) AS pending, COALESCE(c.unsubscribed, 0) AS unsubscribed,
		       COALESCE(c.subscribed, 0) - COALESCE(u.n, 0) AS reachable, COALESCE(m.n, 0) AS campaigns, COALESCE(f.n, 0) AS journeys
		FROM names AS n
		LEFT JOIN consent AS c ON c.topic = n.topic
		LEFT JOIN unreachable AS u ON u.topic = n.topic
		LEFT JOIN mailing AS m ON m.topic = n.topic
		LEFT JOIN following AS f ON f.topic = n.topic
		ORDER BY n.topic COLLATE "C"
		LIMIT 1000`)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[TopicCount])
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	return list, nil
}
