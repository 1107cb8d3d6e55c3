package tracking

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/contacts"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// What an unsubscribe covers.
const (
	ScopeAll   = "all"   // every mail: the address is suppressed
	ScopeTopic = "topic" // only mails of the message's topic
)

// Subscription is what an unsubscribe link is about.
type Subscription struct {
	MessageID    int64  `json:"message_id"`
	ContactID    *int64 `json:"contact_id"` // nil: a test mail, or the contact was deleted
	Email        string `json:"email"`      // the address that the mail went to
	Topic        string `json:"topic"`
	CampaignName string `json:"campaign_name"`
	Test         bool   `json:"test"`         // a test mail: Unsubscribe changes nothing
	Suppressed   bool   `json:"suppressed"`   // the address gets no mail at all
	Unsubscribed bool   `json:"unsubscribed"` // the contact has left the topic
}

// Lookup returns what a message's unsubscribe link is about. It returns
// fault.NotFound where the message is gone.
func Lookup(ctx context.Context, db postgres.DB, messageID int64) (Subscription, error) {
	s, _, err := lookup(ctx, db, messageID)
	return s, err
}

// lookup also returns the run, for the suppression's detail.
func lookup(ctx context.Context, db postgres.DB, messageID int64) (s Subscription, runID int64, err error) {
	s.MessageID = messageID
	err = db.QueryRow(ctx, `
		SELECT m.contact_id, m.email, r.topic, r.name, r.id, r.kind = 'test',
		       coalesce(s.state = 'unsubscribed', false)
		FROM messages m
		JOIN runs r ON r.id = m.run_id
		LEFT JOIN consents s ON s.contact_id = m.contact_id AND s.topic = r.topic
		WHERE m.id = $1`, messageID).
		Scan(&s.ContactID, &s.Email, &s.Topic, &s.CampaignName, &runID, &s.Test, &s.Unsubscribed)
	if errors.Is(err, pgx.ErrNoRows) {
		return Subscription{}, 0, fault.NotFoundf("message", messageID)
	}
	if err != nil {
		return Subscription{}, 0, fmt.Errorf("tracking: look up message %d: %w", messageID, err)
	}
	// The key is made here, not by lower(): what is one address is decided in contacts.
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM suppressions WHERE email_key = $1)`, emailKey(s.Email)).Scan(&s.Suppressed)
	if err != nil {
		return Subscription{}, 0, fmt.Errorf("tracking: look up message %d: %w", messageID, err)
	}
	return s, runID, nil
}

// emailKey is the key under which an address from the ledger is suppressed.
func emailKey(email string) string {
	if _, key, err := contacts.NormalizeEmail(email); err == nil {
		return key
	}
	return strings.ToLower(email)
}

// Source is what consent and suppressions made here say they come from.
const Source = "unsubscribe page"

// Unsubscribe does what the recipient of a message asked for: no more mail at all
// (ScopeAll, which mail programs' one-click asks for too) or no more of the
// message's topic (ScopeTopic). It holds for every contact with the address. Both
// take effect in one transaction and may be repeated. Where there is no contact any more to keep the wish with, ScopeTopic
// suppresses the address too. A test mail's link changes nothing.
//
// It returns fault.NotFound where the message is gone and fault.Invalid for
// another scope.
func Unsubscribe(ctx context.Context, db postgres.DB, now time.Time, messageID int64, scope string) error {
	if scope != ScopeAll && scope != ScopeTopic {
		return fault.Invalidf("scope", "must be %s or %s", ScopeAll, ScopeTopic)
	}
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		s, runID, err := lookup(ctx, tx, messageID)
		if err != nil || s.Test {
			return err
		}
		people, err := holders(ctx, tx, s)
		if err != nil {
			return err
		}
		if scope == ScopeAll || len(people) == 0 {
			detail := fmt.Sprintf("run %d, message %d", runID, messageID)
			if err := contacts.Suppress(ctx, tx, now, s.Email, contacts.CauseUnsubscribe, detail); err != nil {
				return fmt.Errorf("tracking: suppress: %w", err)
			}
		}
		for _, id := range people {
			if err := contacts.SetConsent(ctx, tx, now, id, s.Topic, contacts.Unsubscribed, Source); err != nil {
				return fmt.Errorf("tracking: unsubscribe: %w", err)
			}
		}
		return nil
	})
}

// holders returns the contacts that the wish is about: the message's, and all who
// have its address, since it is the address that wants no more mail. They are held
// until the commit: were one deleted before, the wish would be lost with it.
func holders(ctx context.Context, tx pgx.Tx, s Subscription) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM contacts WHERE id = $1 OR email_key = $2 ORDER BY id FOR KEY SHARE`, s.ContactID, emailKey(s.Email))
	if err != nil {
		return nil, fmt.Errorf("tracking: hold contacts: %w", err)
	}
	people, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("tracking: hold contacts: %w", err)
	}
	return people, nil
}
