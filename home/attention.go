package home

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/postgres"
)

// Notice is something that a person has to look at.
type Notice struct {
	Code   string         `json:"code"` // what it is, such as campaign_paused_itself: for those who word it themselves
	Level  string         `json:"level" enum:"error,warning"`
	What   string         `json:"what"` // in a sentence
	How    string         `json:"how"`  // to mend it
	Kind   string         `json:"kind" enum:"campaign,journey,relay,sender,import"`
	ID     int64          `json:"id,omitempty"` // of the campaign, the journey or the import
	Values map[string]any `json:"values"`       // the names and numbers in what
	At     *time.Time     `json:"at,omitempty"` // since when
}

const (
	recent     = 7 * 24 * time.Hour // that a failure is shown for
	maxNotices = 50
	maxPeople  = 1000 // who wait, that are counted
)

// attention gathers notices, errors first, each kind the newest first.
func attention(ctx context.Context, db postgres.DB, now time.Time, s Setup) ([]Notice, error) {
	list := []Notice{}
	if !s.Relay {
		list = append(list, Notice{Code: "no_relay", Level: "error", Kind: "relay", Values: map[string]any{},
			What: "No relay is set up: nothing can be sent.", How: "Set one up under Settings."})
	}
	for _, look := range []func(context.Context, postgres.DB, time.Time) ([]Notice, error){
		stoppedCampaigns, missingRelays, relayTrouble, unknownMessages, stoppedJourneys, failedImports,
	} {
		found, err := look(ctx, db, now)
		if err != nil {
			return nil, fmt.Errorf("look what needs attention: %w", err)
		}
		list = append(list, found...)
	}
	if s.Relay && !s.Key {
		list = append(list, Notice{Code: "no_sender_key", Level: "warning", Kind: "sender", Values: map[string]any{},
			What: "No DKIM key is active: mail goes out unsigned.", How: "Make a key for the sender's domain under Settings, unless the relay signs itself."})
	}
	slices.SortStableFunc(list, func(a, b Notice) int {
		switch {
		case a.Level == b.Level:
			return 0
		case a.Level == "error":
			return -1
		}
		return 1
	})
	return list[:min(len(list), maxNotices)], nil
}

// collect runs a statement and makes a notice of each row.
func collect(ctx context.Context, db postgres.DB, sql string, args pgx.NamedArgs, scan func(pgx.CollectableRow) (Notice, error)) ([]Notice, error) {
	rows, err := db.Query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// stoppedCampaigns paused themselves, failed lately, or passed a tick over.
func stoppedCampaigns(ctx context.Context, db postgres.DB, now time.Time) ([]Notice, error) {
	return collect(ctx, db, `
		SELECT id, name, status, status_reason, updated_at
		FROM campaigns
		WHERE status_reason <> ''
		  AND (status = 'paused' OR status IN ('failed', 'scheduled') AND updated_at > @recent)
		ORDER BY updated_at DESC
		LIMIT @max`, pgx.NamedArgs{"recent": now.Add(-recent), "max": maxNotices},
		func(row pgx.CollectableRow) (Notice, error) {
			n := Notice{Kind: "campaign"}
			var name, status, reason string
			err := row.Scan(&n.ID, &name, &status, &reason, &n.At)
			n.Values = map[string]any{"name": name, "reason": reason}
			switch status {
			case "paused":
				n.Code, n.Level = "campaign_paused_itself", "error"
				n.What, n.How = fmt.Sprintf("The campaign %q has paused itself: %s.", name, reason), "Mend it, then resume the campaign."
			case "failed":
				n.Code, n.Level = "campaign_failed", "error"
				n.What, n.How = fmt.Sprintf("The campaign %q has failed: %s.", name, reason), "Copy it to a new one, mend that, and start it."
			default:
				n.Code, n.Level = "campaign_tick_missed", "warning"
				n.What, n.How = fmt.Sprintf("The campaign %q did not run when it should: %s.", name, reason), "It runs again at its next time. Was Posthorn off?"
			}
			return n, err
		})
}

// missingRelays are named by campaigns that are to begin, and not there.
func missingRelays(ctx context.Context, db postgres.DB, _ time.Time) ([]Notice, error) {
	return collect(ctx, db, `
		SELECT id, name, relay, due_at
		FROM campaigns
		WHERE status = 'scheduled' AND relay NOT IN (SELECT name FROM relays) AND EXISTS (SELECT FROM relays)
		ORDER BY due_at
		LIMIT @max`, pgx.NamedArgs{"max": maxNotices},
		func(row pgx.CollectableRow) (Notice, error) {
			n := Notice{Code: "relay_missing", Level: "error", Kind: "campaign"}
			var name, relay string
			err := row.Scan(&n.ID, &name, &relay, &n.At)
			n.Values = map[string]any{"name": name, "relay": relay}
			n.What = fmt.Sprintf("The campaign %q is to be sent through the relay %q, which is not there.", name, relay)
			n.How = "Set the relay up under Settings before the campaign's time comes."
			return n, err
		})
}

// relayTrouble is what open runs say about relays: mails wait because a relay cannot
// be reached, or does not want to talk.
func relayTrouble(ctx context.Context, db postgres.DB, _ time.Time) ([]Notice, error) {
	return collect(ctx, db, `
		SELECT r.relay, sum(n.n)::bigint
		FROM runs r
		JOIN message_counts n ON n.run_id = r.id AND n.state = 'deferred' AND n.reason IN ('relay_unreachable', 'relay_refused')
		WHERE r.finished_at IS NULL
		GROUP BY r.relay
		HAVING sum(n.n) > 0
		ORDER BY r.relay
		LIMIT @max`, pgx.NamedArgs{"max": maxNotices},
		func(row pgx.CollectableRow) (Notice, error) {
			n := Notice{Code: "relay_unreachable", Level: "error", Kind: "relay"}
			var relay string
			var waiting int64
			err := row.Scan(&relay, &waiting)
			n.Values = map[string]any{"relay": relay, "n": waiting}
			n.What = fmt.Sprintf("The relay %q cannot be reached: %d mails wait for it.", relay, waiting)
			n.How = "They go out by themselves once it is back. Look at the relay's settings and its server."
			return n, err
		})
}

// unknownMessages have to be decided about by a person.
func unknownMessages(ctx context.Context, db postgres.DB, _ time.Time) ([]Notice, error) {
	return collect(ctx, db, `
		SELECT coalesce(r.campaign_id, r.journey_id), r.journey_id IS NOT NULL, coalesce(c.name, j.name), sum(u.n)::bigint
		FROM (SELECT run_id, sum(n) AS n FROM message_counts WHERE state = 'unknown' GROUP BY run_id HAVING sum(n) > 0) AS u
		JOIN runs r ON r.id = u.run_id
		LEFT JOIN campaigns c ON c.id = r.campaign_id
		LEFT JOIN journeys j ON j.id = r.journey_id
		WHERE r.kind <> 'test'
		GROUP BY 1, 2, 3
		ORDER BY max(r.id) DESC
		LIMIT @max`, pgx.NamedArgs{"max": maxNotices},
		func(row pgx.CollectableRow) (Notice, error) {
			n := Notice{Code: "messages_unknown", Level: "warning", Kind: "campaign"}
			var journey bool
			var name string
			var unknown int64
			err := row.Scan(&n.ID, &journey, &name, &unknown)
			if journey {
				n.Kind = "journey"
			}
			n.Values = map[string]any{"name": name, "n": unknown}
			n.What = fmt.Sprintf("Of %d mails of %q nobody knows whether they were sent.", unknown, name)
			n.How = "Look into the relay's log, and take them for sent or send them again."
			return n, err
		})
}

// stoppedJourneys paused themselves, or were paused while people wait for their next
// step.
func stoppedJourneys(ctx context.Context, db postgres.DB, now time.Time) ([]Notice, error) {
	return collect(ctx, db, `
		SELECT j.id, j.name, j.status_reason, j.updated_at, due.n
		FROM journeys j, LATERAL (
			SELECT count(*) AS n
			FROM (SELECT FROM enrolments e WHERE e.journey_id = j.id AND e.due_at <= @now LIMIT @people) AS waiting
		) AS due
		WHERE j.status = 'paused' AND (j.status_reason <> '' OR due.n > 0)
		ORDER BY j.updated_at DESC
		LIMIT @max`, pgx.NamedArgs{"now": now, "people": maxPeople, "max": maxNotices},
		func(row pgx.CollectableRow) (Notice, error) {
			n := Notice{Kind: "journey"}
			var name, reason string
			var due int64
			err := row.Scan(&n.ID, &name, &reason, &n.At, &due)
			n.Values = map[string]any{"name": name, "reason": reason, "n": due, "capped": due >= maxPeople}
			people := fmt.Sprint(due)
			if due >= maxPeople {
				people = fmt.Sprintf("%d or more", due)
			}
			if reason != "" {
				n.Code, n.Level = "journey_paused_itself", "error"
				n.What, n.How = fmt.Sprintf("The journey %q has paused itself: %s.", name, reason), "Mend it, then resume the journey."
				if due > 0 {
					n.What += fmt.Sprintf(" Of its people, %s wait for their next step.", people)
				}
			} else {
				n.Code, n.Level = "journey_people_wait", "warning"
				n.What, n.How = fmt.Sprintf("The journey %q is paused, and %s people wait for their next step.", name, people), "Resume the journey, or archive it."
			}
			return n, err
		})
}

// failedImports are those that nobody has done again since.
func failedImports(ctx context.Context, db postgres.DB, now time.Time) ([]Notice, error) {
	return collect(ctx, db, `
		SELECT id, kind, file_name, reason, finished_at
		FROM imports i
		WHERE state = 'failed' AND finished_at > @recent
		  AND NOT EXISTS (SELECT FROM imports later WHERE later.id > i.id AND later.kind = i.kind AND later.state = 'done')
		ORDER BY id DESC
		LIMIT @max`, pgx.NamedArgs{"recent": now.Add(-recent), "max": maxNotices},
		func(row pgx.CollectableRow) (Notice, error) {
			n := Notice{Code: "import_failed", Level: "error", Kind: "import"}
			var kind, file, reason string
			err := row.Scan(&n.ID, &kind, &file, &reason, &n.At)
			n.Values = map[string]any{"kind": kind, "name": file, "reason": reason}
			n.What, n.How = fmt.Sprintf("The import of %s from %q has failed: %s.", kind, file, reason), "Look at the import, mend the file, and import it again: what is there already stays as it is."
			return n, err
		})
}
