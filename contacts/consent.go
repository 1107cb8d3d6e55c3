package contacts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// States of a consent. Where there is no row, the contact was never asked.
const (
	Pending      = "pending"      // asked, has not answered (double opt-in); not mailed
	Subscribed   = "subscribed"   // may be mailed
	Unsubscribed = "unsubscribed" // said no; only the contact's own word changes that
)

func validState(s string) bool { return s == Pending || s == Subscribed || s == Unsubscribed }

// Consent is what a contact agreed to, for one topic.
type Consent struct {
	Topic     string    `json:"topic" db:"topic"`
	State     string    `json:"state" db:"state"`
	Source    string    `json:"source" db:"source"` // where the contact said so: "import", "api", …
	UpdatedAt time.Time `json:"updated_at" db:"updated_at"`
}

// topicForm says what a topic looks like. It is part of rules, links and mail
// headers, so it is kept plain.
const topicForm = "it takes 1 to 64 of a–z, 0–9, - and _, and begins with a letter or digit"

// ValidTopic returns nil for what can be the name of a topic, else a fault.Invalid
// for "topic".
func ValidTopic(s string) error {
	if s == "" {
		return fault.Invalidf("topic", "is missing")
	}
	ok := len(s) <= maxTopic && s[0] != '-' && s[0] != '_'
	for i := range len(s) {
		c := s[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return fault.Invalidf("topic", "%q is not a topic: %s", shorten(s, maxTopic), topicForm)
	}
	return nil
}

// Consents returns all consents of a contact, by topic.
func Consents(ctx context.Context, db postgres.DB, contactID int64) ([]Consent, error) {
	rows, err := db.Query(ctx, `
		SELECT topic, state, source, updated_at
		FROM consents
		WHERE contact_id = $1
		ORDER BY topic`, contactID)
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Consent, error) {
		c, err := pgx.RowToStructByName[Consent](row)
		c.UpdatedAt = c.UpdatedAt.UTC()
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	return list, nil
}

// SetConsent records what a contact says about a topic, and where it said so. The
// state that is there already keeps its source and time. It overrules an earlier
// unsubscribe, so call it for the contact's own word only. It returns
// fault.NotFound where there is no such contact.
func SetConsent(ctx context.Context, db postgres.DB, now time.Time, contactID int64, topic, state, source string) error {
	var wrong fault.List
	source = check.Text(&wrong, "source", source, maxSource)
	if err := ValidTopic(topic); err != nil {
		wrong = append(wrong, err.(*fault.Invalid))
	}
	if !validState(state) {
		wrong.Add("state", "is not one of pending, subscribed and unsubscribed")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	var exists bool
	err := db.QueryRow(ctx, `
		WITH contact AS (
			SELECT id FROM contacts WHERE id = $1
		), written AS (
			INSERT INTO consents (contact_id, topic, state, source, updated_at)
			SELECT id, $2, $3, $4, $5
			FROM contact
			WHERE NOT EXISTS (SELECT FROM consents WHERE contact_id = $1 AND topic = $2 AND state = $3)
			ON CONFLICT (contact_id, topic) DO UPDATE
			SET state = EXCLUDED.state, source = EXCLUDED.source, updated_at = EXCLUDED.updated_at
			WHERE consents.state <> EXCLUDED.state
		)
		SELECT EXISTS (SELECT FROM contact)`, contactID, topic, state, source, now).Scan(&exists)
	if err != nil {
		return fmt.Errorf("set consent: %w", err)
	}
	if !exists {
		return fault.NotFoundf("contact", contactID)
	}
	return nil
}

// Subscribe subscribes a contact to a topic for another reason than the contact's own
// word: whoever unsubscribed stays unsubscribed.
func Subscribe(ctx context.Context, db postgres.DB, now time.Time, contactID int64, topic, source string) error {
	_, err := db.Exec(ctx, `
		INSERT INTO consents (contact_id, topic, state, source, updated_at) VALUES ($1, $2, 'subscribed', $3, $4)
		ON CONFLICT (contact_id, topic) DO UPDATE
		SET state = EXCLUDED.state, source = EXCLUDED.source, updated_at = EXCLUDED.updated_at
		WHERE consents.state = 'pending'`, contactID, topic, source, now)
	if err != nil {
		return fmt.Errorf("subscribe contact %d: %w", contactID, err)
	}
	return nil
}

// splitTopics reads the cell of a CSV file: "news, offers" or "news;offers".
func splitTopics(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;\t\n", r) })
}
