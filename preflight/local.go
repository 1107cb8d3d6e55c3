package preflight

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/fault"
	"posthorn/postgres"
	"posthorn/relays"
	"posthorn/senders"
	"posthorn/templates"
)

// sampleSize is how many contacts the mail is rendered for: one in a hundred who has
// no first name is found, at a cost of a fraction of a second.
const sampleSize = 500

// Local looks at the mail, the sender, the relay and the audience.
func (c Checker) Local(ctx context.Context, now time.Time, id int64) (Checklist, error) {
	campaign, err := campaigns.Get(ctx, c.DB, id)
	if err != nil {
		return Checklist{}, err
	}
	list := Checklist{Revision: campaign.Revision, Items: []Item{}}
	for _, look := range []func(context.Context, time.Time, campaigns.Campaign, *Checklist) error{
		c.content, c.sender, c.relay, c.audience, c.schedule,
	} {
		if err := look(ctx, now, campaign, &list); err != nil {
			return Checklist{}, fmt.Errorf("look at campaign %d: %w", id, err)
		}
	}
	return list, nil
}

// content renders the mail and looks at what comes out.
func (c Checker) content(ctx context.Context, now time.Time, campaign campaigns.Campaign, list *Checklist) error {
	if campaign.TemplateID == 0 {
		list.add(Error, "template", "template_missing", "No template is chosen.", "Choose one under Content.")
		return nil
	}
	t, err := templates.Get(ctx, c.DB, campaign.TemplateID)
	if err != nil {
		return err
	}
	version, err := templates.GetVersion(ctx, c.DB, t.ID, t.Version)
	if err != nil {
		return err
	}
	probe, err := templates.NewProbe(version)
	if err != nil {
		list.add(Error, "template", "template_broken", fmt.Sprintf("The template %q is broken.", t.Name), "Open the template and mend what it says there.").
			with(map[string]any{"template": t.Name}, err.Error())
		return nil
	}
	mails, err := c.render(ctx, now, campaign, probe)
	if err != nil {
		return err
	}
	list.LookedAt, list.All = mails.looked, mails.all
	mails.report(list, t.Name)
	return nil
}

// render makes the mail for a sample of the audience, or for a made-up contact where
// there is none yet.
func (c Checker) render(ctx context.Context, now time.Time, campaign campaigns.Campaign, probe *templates.Probe) (mails, error) {
	m := newMails(c.BaseURL + "/u/preview")
	data := templates.Data{UnsubscribeURL: m.unsubscribe}
	data.Campaign = templates.Campaign{ID: campaign.ID, Name: campaign.Name, Topic: campaign.Topic}
	var ids []int64
	if campaign.Topic != "" {
		var err error
		var gone *fault.NotFound // a segment, which is the audience's to say
		if ids, m.all, err = campaigns.Sample(ctx, c.DB, now, campaign, sampleSize); err != nil && !postgres.TimedOut(err) && !errors.As(err, &gone) {
			return mails{}, err
		}
	}
	facts, err := templates.LoadFacts(ctx, c.DB, ids)
	if err != nil {
		return mails{}, err
	}
	for _, id := range ids {
		f, there := facts[id]
		if !there {
			continue // deleted this moment
		}
		data.Facts = f
		mail, err := probe.Render(ctx, data)
		if ctx.Err() != nil {
			return mails{}, ctx.Err()
		}
		m.add(mail, err)
	}
	if m.looked == 0 {
		m.all = false
		data.Facts = templates.SampleFacts()
		data.Order, data.Event = nil, nil // nothing triggers a campaign
		mail, err := probe.Render(ctx, data)
		m.add(mail, err)
		m.looked = 0
	}
	return m, nil
}

func (c Checker) sender(ctx context.Context, _ time.Time, campaign campaigns.Campaign, list *Checklist) error {
	address := campaign.Sender.Address
	if address == "" {
		list.add(Error, "sender", "sender_missing", "No sender address is set.", "Say under Content who the mail comes from.")
		return nil
	}
	list.add(OK, "sender", "sender_ok", "The mail comes from "+address+".", "").with(map[string]any{"address": address})
	signers, err := senders.Signers(ctx, c.DB, c.Secret, address)
	var sealed *fault.Conflict
	switch {
	case errors.As(err, &sealed):
		list.add(Error, "dkim", "dkim_sealed", "The key that signs for the sender cannot be opened: POSTHORN_SECRET was changed.",
			"An owner can put the key again under Settings.")
	case err != nil:
		return err
	case len(signers) == 0:
		list.add(Warning, "dkim", "dkim_missing", "Mail from "+domainOf(address)+" is not signed: large providers put unsigned mail into spam or refuse it.",
			"An owner can make a DKIM key for the domain under Settings, unless the relay signs itself.").with(map[string]any{"domain": domainOf(address)})
	default:
		list.add(OK, "dkim", "dkim_ok", "Mail is signed by "+signers[0].Domain+".", "").with(map[string]any{"domain": signers[0].Domain})
	}
	return nil
}

func (c Checker) relay(ctx context.Context, _ time.Time, campaign campaigns.Campaign, list *Checklist) error {
	_, err := relays.Get(ctx, c.DB, c.Secret, campaign.Relay)
	values := map[string]any{"relay": campaign.Relay}
	var missing *fault.NotFound
	switch {
	case errors.As(err, &missing):
		list.add(Error, "relay", "relay_missing", fmt.Sprintf("There is no relay %q: nothing can be sent.", campaign.Relay),
			"Whoever runs Posthorn can set it up under Settings.").with(values)
	case errors.Is(err, relays.ErrSealed):
		list.add(Error, "relay", "relay_sealed", fmt.Sprintf("The password of the relay %q cannot be opened: POSTHORN_SECRET was changed.", campaign.Relay),
			"Whoever runs Posthorn can put the password again under Settings.").with(values)
	case err != nil:
		return err
	default:
		list.add(OK, "relay", "relay_ok", fmt.Sprintf("The relay %q is set up.", campaign.Relay), "").with(values)
	}
	return nil
}

func (c Checker) audience(ctx context.Context, now time.Time, campaign campaigns.Campaign, list *Checklist) error {
	if campaign.Topic == "" {
		list.add(Error, "topic", "topic_missing", "No topic is chosen: nobody has agreed to get this mail.", "Choose under Audience what recipients must be subscribed to.")
		return nil
	}
	list.add(OK, "topic", "topic_ok", fmt.Sprintf("Only who is subscribed to %q gets it.", campaign.Topic), "").with(map[string]any{"topic": campaign.Topic})
	e, err := campaigns.EstimateFor(ctx, c.DB, now, campaign.Topic, campaign.Audience)
	later := campaign.Schedule != nil && (campaign.Schedule.At == nil || campaign.Schedule.At.After(now))
	values := map[string]any{"will_receive": e.WillReceive, "matched": e.Matched}
	const how = "Look at the segments under Audience, and at who is subscribed to the topic."
	var wrong *fault.Invalid
	switch {
	case errors.As(err, &wrong):
		list.add(Error, "audience", "audience_broken", "The audience cannot be selected: "+wrong.Message+".", "Choose other segments under Audience.")
	case postgres.TimedOut(err): // too dear to be looked at, which is no reason not to send to it
		list.add(Unchecked, "audience", "audience_unchecked", "How many will receive it takes too long to count.", "Simpler segments are counted sooner.")
	case err != nil:
		return err
	case e.WillReceive > 0:
		list.add(OK, "audience", "audience_ok", fmt.Sprintf("%d of %d contacts would receive it now.", e.WillReceive, e.Matched), "").with(values)
	case later:
		list.add(Warning, "audience", "audience_empty_now", "Nobody would receive it now.", how+" Who is in them when it is sent, gets it.").with(values)
	default:
		list.add(Error, "audience", "audience_empty", "Nobody would receive it.", how).with(values)
	}
	return nil
}

func (c Checker) schedule(_ context.Context, now time.Time, campaign campaigns.Campaign, list *Checklist) error {
	if s := campaign.Schedule; s != nil && s.At != nil && !s.At.After(now) {
		list.add(Warning, "schedule", "schedule_past", "The time it was to be sent at has passed: it would be sent at once.", "Choose a later time, or to send now.").
			with(map[string]any{"at": s.At.Format(time.RFC3339)})
	}
	return nil
}
