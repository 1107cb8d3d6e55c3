package worker

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"posthorn/delivery"
	"posthorn/internal/fault"
	"posthorn/messages"
	"posthorn/templates"
)

// batchFacts is what the templates know of a batch: its contacts, and what triggered
// its mails, by row id. A test mail's contact is under 0.
type batchFacts struct {
	contacts map[int64]templates.Facts
	orders   map[int64]*templates.Order
	events   map[int64]*templates.Event
}

// of are the facts of one message: those of its contact, who may have others in the
// same batch, and of what triggered it.
func (f batchFacts) of(m messages.Claimed) (templates.Facts, error) {
	var contact int64
	if m.ContactID != nil {
		contact = *m.ContactID
	}
	facts, ok := f.contacts[contact]
	if !ok {
		return templates.Facts{}, fmt.Errorf("contact %d is gone", contact)
	}
	if e := m.Enrolment; e != nil {
		if e.OrderID != nil {
			facts.Order = f.orders[*e.OrderID]
		}
		if e.EventID != nil {
			facts.Event = f.events[*e.EventID]
		}
	}
	return facts, nil
}

// loadFacts reads, in one go, what the mails of a batch are personalised with.
func (s *shift) loadFacts(ctx context.Context, batch []messages.Claimed) (facts batchFacts, err error) {
	if s.isTest() {
		sample := templates.SampleFacts()
		if s.RenderAs != nil {
			contacts, err := templates.LoadFacts(ctx, s.Pool, []int64{*s.RenderAs})
			if err != nil {
				return batchFacts{}, err
			}
			sample = contacts[*s.RenderAs]
		}
		return batchFacts{contacts: map[int64]templates.Facts{0: sample}}, nil
	}
	contacts := make([]int64, 0, len(batch))
	var orders, events []int64
	for _, m := range batch {
		if m.Skip != "" {
			continue
		}
		contacts = append(contacts, *m.ContactID)
		if e := m.Enrolment; e != nil {
			if e.OrderID != nil {
				orders = append(orders, *e.OrderID)
			}
			if e.EventID != nil {
				events = append(events, *e.EventID)
			}
		}
	}
	if facts.contacts, err = templates.LoadFacts(ctx, s.Pool, contacts); err != nil {
		return batchFacts{}, err
	}
	// It asks nothing where nothing triggered them, as in a campaign.
	if facts.orders, facts.events, err = templates.LoadTriggers(ctx, s.Pool, orders, events); err != nil {
		return batchFacts{}, err
	}
	return facts, nil
}

// loadSigners gets the keys that sign for the campaign's sender. One that does not
// open pauses the campaign: unsigned, its mails would be taken for somebody else's.
func (s *shift) loadSigners(ctx context.Context) error {
	var err error
	var sealed *fault.Conflict
	if s.sign, err = s.signers.get(ctx, s.Pool, s.Clock(), s.Sender.Address); errors.As(err, &sealed) {
		return s.giveUp(ctx, fmt.Sprintf("%s; then resume", sealed))
	}
	return err
}

// compose renders a message and puts its headers on.
func (s *shift) compose(ctx context.Context, m messages.Claimed, batch batchFacts) (delivery.Mail, error) {
	facts, err := batch.of(m)
	if err != nil {
		return delivery.Mail{}, err
	}
	unsubscribe := s.Links.Unsubscribe(m.ID)
	rendered, err := s.renderer.Render(ctx, templates.Data{
		Facts:          facts,
		Campaign:       templates.Campaign{ID: s.CampaignID, Name: s.Name, Topic: s.Topic},
		UnsubscribeURL: unsubscribe,
	})
	if err != nil {
		return delivery.Mail{}, err
	}
	if s.isTest() {
		rendered.Subject = "[Test] " + rendered.Subject
	}
	return delivery.Mail{
		From:               mail.Address{Name: s.Sender.Name, Address: s.Sender.Address},
		To:                 m.Email,
		Subject:            rendered.Subject,
		HTML:               rendered.HTML,
		Text:               rendered.Text,
		MessageID:          messages.MessageID(s.RunKey, m.ID, s.Sender.Address),
		Date:               s.Clock(),
		ListID:             listID(s.Topic, s.Sender.Address),
		ListUnsubscribeURL: unsubscribe,
		Sign:               s.sign,
	}, nil
}

// listID names the list that a mail belongs to (RFC 2919): the topic, under the
// sender's domain.
func listID(topic, sender string) string {
	_, domain, _ := strings.Cut(sender, "@")
	return topic + "." + domain
}
