// Package timeline tells everything about one contact in one list: what it chose and
// did, what it agreed to, what was decided about it, and what it was sent. It reads
// the rows of all of these with a statement of its own and writes none.
package timeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Kind is what an entry is about.
type Kind string

const (
	KindOrder       Kind = "order"
	KindEvent       Kind = "event"
	KindConsent     Kind = "consent"
	KindSuppression Kind = "suppression"
	KindStep        Kind = "step"
	KindMail        Kind = "mail"
)

// Entry is one thing. Of the fields after Kind exactly the one of its kind is set.
type Entry struct {
	At          time.Time    `json:"at"`
	Kind        Kind         `json:"kind" enum:"order,event,consent,suppression,step,mail"`
	Order       *Order       `json:"order,omitempty"`
	Event       *Event       `json:"event,omitempty"`
	Consent     *Consent     `json:"consent,omitempty"`
	Suppression *Suppression `json:"suppression,omitempty"`
	Step        *Step        `json:"step,omitempty"`
	Mail        *Mail        `json:"mail,omitempty"`
}

// Order is at the time when it was placed, with its status as it is today.
type Order struct {
	OrderID  string         `json:"order_id"`
	Status   string         `json:"status"`
	Currency string         `json:"currency"`
	Total    catalog.Amount `json:"total"`
}

// Event is at the time when it occurred.
type Event struct {
	Name       string         `json:"name"`
	Properties map[string]any `json:"properties"`
}

// Consent is at the time of its last change; those before are not kept.
type Consent struct {
	Topic  string `json:"topic"`
	State  string `json:"state"`
	Source string `json:"source"`
}

// Suppression is of the contact's present address.
type Suppression struct {
	Cause  string `json:"cause"`
	Detail string `json:"detail"`
}

// Step is a step of a journey that was taken, or a decision about it.
type Step struct {
	JourneyID   int64  `json:"journey_id"`
	Journey     string `json:"journey"`
	Version     int    `json:"version"`
	EnrolmentID int64  `json:"enrolment_id"`
	Step        string `json:"step"` // "": entering, leaving
	What        string `json:"what"`
	Why         string `json:"why"`
}

// Mail is at the time when it was written into the ledger, before it was sent; its
// state is the present one.
type Mail struct {
	MessageID  int64      `json:"message_id"`
	CampaignID int64      `json:"campaign_id,omitempty"`
	JourneyID  int64      `json:"journey_id,omitempty"`
	Step       string     `json:"step,omitempty"`
	Name       string     `json:"name"` // the campaign's or journey's
	Topic      string     `json:"topic"`
	State      string     `json:"state"`
	Reason     string     `json:"reason"`
	Detail     string     `json:"detail"`
	SentAt     *time.Time `json:"sent_at"`
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// Of returns a page of a contact's timeline, the newest first, and the cursor of the
// next page, "" on the last. What comes in between two pages neither doubles nor hides
// what is older: an entry's place is its time, its kind and its id, which do not
// change. (A consent that changes moves to the top.) It returns a fault.NotFound where
// there is no such contact.
func Of(ctx context.Context, db postgres.DB, externalID, cursor string, limit int) (list []Entry, next string, err error) {
	after, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	c, err := contacts.ByExternalID(ctx, db, externalID)
	if err != nil {
		return nil, "", err
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	rows, err := db.Query(ctx, statement, pgx.NamedArgs{
		"contact": c.ID, "first": cursor == "", "at": after.at, "kind": after.kind, "ref": after.ref, "limit": limit + 1,
	})
	if err != nil {
		return nil, "", fmt.Errorf("read timeline: %w", err)
	}
	var places []place
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var p place
		var data []byte
		if err := row.Scan(&p.at, &p.kind, &p.ref, &data); err != nil {
			return Entry{}, err
		}
		places = append(places, p)
		return entry(p, data)
	})
	if err != nil {
		return nil, "", fmt.Errorf("read timeline: %w", err)
	}
	if len(list) > limit {
		return list[:limit], places[limit-1].String(), nil
	}
	return list, "", nil
}

// statement has one part for each kind. ref tells entries of one time and kind apart,
// the later ones being greater. Every part begins at an index by contact; a contact has
// few rows of each.
const statement = `
	SELECT at, kind, ref, data
	FROM (
		SELECT placed_at AS at, 'order' AS kind, lpad(id::text, 20, '0') AS ref,
		       jsonb_build_object('order_id', external_id, 'status', status, 'currency', currency, 'total', total) AS data
		FROM orders
		WHERE contact_id = @contact
		UNION ALL
		SELECT occurred_at, 'event', lpad(id::text, 20, '0'), jsonb_build_object('name', name, 'properties', properties)
		FROM events
		WHERE contact_id = @contact
		UNION ALL
		SELECT updated_at, 'consent', topic, jsonb_build_object('topic', topic, 'state', state, 'source', source)
		FROM consents
		WHERE contact_id = @contact
		UNION ALL
		SELECT x.created_at, 'suppression', '', jsonb_build_object('cause', x.cause, 'detail', x.detail)
		FROM suppressions x JOIN contacts c ON c.email_key = x.email_key
		WHERE c.id = @contact AND c.email_key <> ''
		UNION ALL
		SELECT s.at, 'step', lpad(e.id::text, 20, '0') || lpad(s.n::text, 10, '0'),
		       jsonb_build_object('journey_id', j.id, 'journey', j.name, 'version', e.version, 'enrolment_id', e.id, 'step', s.step, 'what', s.what, 'why', s.why)
		FROM enrolments e
		JOIN enrolment_steps s ON s.enrolment_id = e.id
		JOIN journeys j ON j.id = e.journey_id
		WHERE e.contact_id = @contact
		UNION ALL
		SELECT m.created_at, 'mail', lpad(m.id::text, 20, '0'),
		       jsonb_build_object('message_id', m.id, 'campaign_id', coalesce(r.campaign_id, 0), 'journey_id', coalesce(r.journey_id, 0), 'step', r.step,
		                          'name', r.name, 'topic', r.topic, 'state', m.state, 'reason', m.reason, 'detail', m.detail, 'sent_at', m.sent_at)
		FROM messages m JOIN runs r ON r.id = m.run_id
		WHERE m.contact_id = @contact
	) AS entries
	WHERE @first OR (at, kind COLLATE "C", ref COLLATE "C") < (@at::timestamptz, @kind::text, @ref::text)
	ORDER BY at DESC, kind COLLATE "C" DESC, ref COLLATE "C" DESC
	LIMIT @limit`

// entry reads the data of a row into the field of its kind.
func entry(p place, data []byte) (Entry, error) {
	e := Entry{At: p.at, Kind: Kind(p.kind)}
	var into any
	switch e.Kind {
	case KindOrder:
		e.Order = &Order{}
		into = e.Order
	case KindEvent:
		e.Event = &Event{}
		into = e.Event
	case KindConsent:
		e.Consent = &Consent{}
		into = e.Consent
	case KindSuppression:
		e.Suppression = &Suppression{}
		into = e.Suppression
	case KindStep:
		e.Step = &Step{}
		into = e.Step
	default:
		e.Mail = &Mail{}
		into = e.Mail
	}
	return e, json.Unmarshal(data, into)
}

// place is where an entry stands in the list.
type place struct {
	at        time.Time
	kind, ref string
}

func (p place) String() string {
	return p.at.UTC().Format(time.RFC3339Nano) + " " + p.kind + " " + p.ref
}

func parseCursor(s string) (place, error) {
	if s == "" {
		return place{}, nil
	}
	at, rest, _ := strings.Cut(s, " ")
	kind, ref, found := strings.Cut(rest, " ")
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || !found {
		return place{}, fault.Invalidf("cursor", "is not a cursor of this list; pass next_cursor of the page before as it is")
	}
	return place{t, kind, ref}, nil
}
