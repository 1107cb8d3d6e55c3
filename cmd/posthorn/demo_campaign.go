package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/fault"
	"posthorn/internal/shop"
	"posthorn/messages"
	"posthorn/segments"
	"posthorn/templates"
)

const demoSegment = "Bought coffee, not yet a grinder"

// sampleLink is where the sample template's button leads: in the demo there is a
// page to arrive at.
const sampleLink = "https://shop.example/p/GRI-HAND"

// demoRule selects the campaign's audience.
const demoRule = `{"combinator": "and", "rules": [
	{"field": "bought.category", "operator": "bought", "value": "coffee"},
	{"field": "bought.category", "operator": "not_bought", "value": "grinders"}
]}`

// campaign sends the demo's campaign and reports it. A start that finds one which
// was cut off lets it go on; one that finds a finished one shows its report,
// unless the demo is to send one anyway (--once).
func (d *demo) campaign(ctx context.Context) error {
	c, err := d.lastCampaign(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		switch c.Status {
		case campaigns.Running, campaigns.Scheduled:
			d.note("the campaign %q was under way when the demo ended: it goes on", c.Name)
			if c, err = d.follow(ctx, *c, nil); err != nil {
				return err
			}
			if err := d.report(ctx, *c); err != nil || !d.Once {
				return err
			}
		case campaigns.Draft:
			return d.send(ctx, *c)
		case campaigns.Finished:
			if !d.Once {
				fmt.Fprintf(d.std.out, "The campaign %q was sent by an earlier start, and is not sent again:\n\n", c.Name)
				return d.report(ctx, *c)
			}
		default: // paused, cancelled, failed: a visitor's doing
			if !d.Once {
				fmt.Fprintf(d.std.out, "The campaign %q is %s: its report is at %s/api/v1/campaigns/%d\n", c.Name, c.Status, baseURLOf(d.http.Addr().String()), c.ID)
				return nil
			}
		}
	}
	made, err := d.makeCampaign(ctx)
	if err != nil {
		return err
	}
	return d.send(ctx, made)
}

// lastCampaign returns the demo's latest campaign, nil where there is none.
func (d *demo) lastCampaign(ctx context.Context) (*campaigns.Campaign, error) {
	if d.state.CampaignID == 0 {
		return nil, nil
	}
	c, err := campaigns.Get(ctx, d.svc.pool, d.state.CampaignID)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// Another database may have another campaign under the number.
	if c.TemplateID != d.state.TemplateID || !strings.HasPrefix(c.Name, demoSegment) {
		return nil, nil
	}
	return &c, nil
}

// makeCampaign makes the campaign, and its template and segment where they are missing.
func (d *demo) makeCampaign(ctx context.Context) (campaigns.Campaign, error) {
	now := clock.System()
	step := d.step("segment")
	segment, err := segments.Get(ctx, d.svc.pool, d.state.SegmentID)
	if absent(err) || err == nil && segment.Name != demoSegment {
		segment, err = segments.Create(ctx, d.svc.pool, now, demoSegment, []byte(demoRule))
	}
	if err != nil {
		return campaigns.Campaign{}, err
	}
	rule, err := segments.Parse(segment.Rule)
	if err != nil {
		return campaigns.Campaign{}, err
	}
	estimate, err := segments.EstimateRule(ctx, d.svc.pool, rule, now)
	if err != nil {
		return campaigns.Campaign{}, err
	}
	step("%q: %s contacts", segment.Name, count(estimate.Count))

	step = d.step("template")
	template, err := templates.Get(ctx, d.svc.pool, d.state.TemplateID)
	if absent(err) || err == nil && template.Name != demoSegment {
		source := templates.Sample()
		source.MJML = strings.ReplaceAll(source.MJML, sampleLink, d.cfg.BaseURL+"/shop/products/GRI-001")
		template, _, err = templates.Create(ctx, d.svc.pool, now, demoSegment, source)
	}
	if err != nil {
		return campaigns.Campaign{}, err
	}
	step("%q, version %d, from MJML", template.Name, template.Version)

	c, err := campaigns.Create(ctx, d.svc.pool, now, campaigns.Input{
		Name:       demoSegment + ", " + now.Local().Format("2 Jan 15:04"),
		TemplateID: template.ID,
		Sender:     campaigns.Sender{Name: "Bean & Burr", Address: "news@shop.example"},
		Topic:      shop.Topic,
		Audience:   campaigns.Audience{Include: []int64{segment.ID}},
	})
	if err != nil {
		return campaigns.Campaign{}, err
	}
	d.state.SegmentID, d.state.TemplateID, d.state.CampaignID = segment.ID, template.ID, c.ID
	return c, d.state.write()
}

// send starts a campaign, follows it to its end, reports it and compares it with
// what the sandbox received.
func (d *demo) send(ctx context.Context, c campaigns.Campaign) error {
	before := d.sandbox.Stats()
	c, err := campaigns.Start(ctx, d.svc.pool, clock.System(), c.ID)
	if err != nil {
		return err
	}
	began := time.Now()
	if c.Run != nil {
		if err := d.svc.tasks.KnockRun(ctx, c.Run.ID, c.Run.Epoch); err != nil {
			d.log.Warn("knock failed; the scheduler will knock", "error", err)
		}
	}
	var tried pace
	done, err := d.follow(ctx, c, &tried)
	if err != nil {
		return err
	}
	if err := d.report(ctx, *done); err != nil {
		return err
	}
	after := d.sandbox.Stats()
	if tried.sent > 0 {
		fmt.Fprintf(d.std.out, "\n  %s", paceText(done.Run.Sent, tried.sent, tried.at.Sub(began)))
		if before.Accepted == 0 && !after.First.IsZero() {
			fmt.Fprintf(d.std.out, "; the very first %s after the demo began", seconds(after.First.Sub(d.began)))
		}
		fmt.Fprintln(d.std.out)
	}
	received, distinct := after.Accepted-before.Accepted, after.Distinct-before.Distinct
	if received == done.Run.Sent && distinct == received {
		fmt.Fprintf(d.std.out, "  the sandbox received %s mails, each once: the ledger agrees\n", count(received))
		return nil
	}
	err = fmt.Errorf("the sandbox received %s mails, %s of them different, but the ledger says that %s were sent", count(received), count(distinct), count(done.Run.Sent))
	if d.Once {
		return err
	}
	d.note("%s (did somebody else send meanwhile?)", err)
	return nil
}

// pace is when every recipient had been tried once, and how many mails were sent
// by then: what comes later are waits, which say nothing about speed.
type pace struct {
	at   time.Time
	sent int64
}

// paceText words how fast the first of all mails were sent.
func paceText(all, first int64, took time.Duration) string {
	speed := fmt.Sprintf("in %s (%s mails/s)", seconds(took), count(int64(float64(first)/max(took.Seconds(), 0.001))))
	if first == all {
		return fmt.Sprintf("%s mails %s", count(all), speed)
	}
	return fmt.Sprintf("%s mails: the first %s %s, %s after a retry", count(all), count(first), speed, count(all-first))
}

// follow shows a campaign's progress until its run is finished.
func (d *demo) follow(ctx context.Context, c campaigns.Campaign, tried *pace) (*campaigns.Campaign, error) {
	bar := newBar(d.std, "sending", -1)
	defer func() { _ = bar.Clear() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var err error
		if c, err = campaigns.Get(ctx, d.svc.pool, c.ID); err != nil {
			return nil, err
		}
		switch c.Status {
		case campaigns.Running, campaigns.Scheduled, campaigns.Finished:
		default:
			return nil, fmt.Errorf("the campaign %q is %s: %s", c.Name, c.Status, c.StatusReason)
		}
		if r := c.Run; r != nil {
			settled := r.Sent + r.Failed + r.Skipped + r.Cancelled + r.Unknown
			if r.Recipients > 0 {
				bar.ChangeMax64(r.Recipients)
				_ = bar.Set64(settled)
				bar.Describe(fmt.Sprintf("%s of %s sent", count(r.Sent), count(r.Recipients)))
			}
			if tried != nil && tried.at.IsZero() && r.PlannedAt != nil && r.Planned == 0 && r.Sending == 0 {
				*tried = pace{time.Now(), r.Sent}
			}
			if r.FinishedAt != nil {
				return &c, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// report prints how many recipients are in which state and why, and checks that
// the kept counts are what the ledger's rows add up to.
func (d *demo) report(ctx context.Context, c campaigns.Campaign) error {
	report, err := campaigns.GetReport(ctx, d.svc.pool, c.ID, 0)
	if err != nil {
		return err
	}
	took := ""
	if report.Run.FinishedAt != nil {
		took = ", " + seconds(report.Run.FinishedAt.Sub(report.Run.StartedAt)) + " in all"
	}
	fmt.Fprintf(d.std.out, "  %q: %s%s\n\n", c.Name, c.Status, took)
	fmt.Fprintf(d.std.out, "  %-12s %-24s %10s\n", "state", "reason", "recipients")
	var sum int64
	for _, r := range report.Reasons {
		fmt.Fprintf(d.std.out, "  %-12s %-24s %10s\n", r.State, r.Reason, count(r.N))
		sum += r.N
	}
	fmt.Fprintf(d.std.out, "  %-12s %-24s %10s\n", "all", "", count(sum))

	var rows, distinct int64
	err = d.svc.pool.QueryRow(ctx, `
		SELECT count(*), count(DISTINCT contact_id)
		FROM messages
		WHERE run_id = $1`, report.Run.ID).Scan(&rows, &distinct)
	if err != nil {
		return fmt.Errorf("count the ledger: %w", err)
	}
	settled := report.Run.Sent + report.Run.Failed + report.Run.Skipped + report.Run.Cancelled + report.Run.Unknown
	if rows != sum || distinct != sum || report.Run.Recipients != sum || settled != sum {
		return fmt.Errorf("the states do not add up: %s rows for %s contacts in the ledger, %s counted, %s of them settled", count(rows), count(distinct), count(sum), count(settled))
	}
	if unknown := messages.Sum(report.Reasons)[messages.Unknown]; unknown > 0 {
		d.note("%s mails are unknown: a process died between handing them over and hearing the answer; they are not sent again", count(unknown))
	}
	return nil
}

// absent reports whether err says that there is no such thing.
func absent(err error) bool {
	var missing *fault.NotFound
	return errors.As(err, &missing)
}
