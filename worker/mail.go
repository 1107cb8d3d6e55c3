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

// factsOf holds what the templates know, by contact id.
type factsOf map[int64]templates.Facts

// loadFacts reads, in one go, what the mails of a batch are personalised with.
func (s *shift) loadFacts(ctx context.Context, batch []messages.Claimed) (factsOf, error) {
	if s.isTest() {
		if s.RenderAs == nil {
			return factsOf{0: templates.SampleFacts()}, nil
		}
		facts, err := templates.LoadFacts(ctx, s.Pool, []int64{*s.RenderAs})
		if err != nil {
			return nil, err
		}
		return factsOf{0: facts[*s.RenderAs]}, nil
	}
	ids := make([]int64, 0, len(batch))
	for _, m := range batch {
		if m.Skip == "" {
			ids = append(ids, *m.ContactID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return templates.LoadFacts(ctx, s.Pool, ids)
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
func (s *shift) compose(ctx context.Context, m messages.Claimed, all factsOf) (delivery.Mail, error) {
	var contact int64 // a test mail's facts are under 0
	if !s.isTest() {
		contact = *m.ContactID
	}
	facts, ok := all[contact]
	if !ok {
		return delivery.Mail{}, fmt.Errorf("contact %d is gone", contact)
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
