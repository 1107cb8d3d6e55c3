package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/segments"
)

// AskAgain asks once more, of mails of a journey that were just claimed, what was asked
// when they were decided: whether the goal is met by now, and whether the contact still
// fits entry.if. Who must not get the mail any more has Skip set, with the reason that
// an enrolment would end with. A mail may have waited for hours (for the morning, for
// the relay, for a journey to be resumed), and its enrolment may be over, so that nobody
// else asks.
//
// The rules are those of the version that wrote the mail. Where these are none, nothing
// is read; else it is the facts of all the contacts together.
func (e *Engine) AskAgain(ctx context.Context, db postgres.DB, now time.Time, journeyID int64, version int, claimed []messages.Claimed) error {
	p, err := e.programs.get(ctx, db, journeyID, version)
	if err != nil {
		return err
	}
	if p.Exit.Goal == nil && p.Entry.If == nil {
		return nil
	}
	var contacts, eventIDs []int64
	for _, c := range claimed {
		if c.Skip != "" || c.Enrolment == nil {
			continue
		}
		contacts = append(contacts, *c.ContactID)
		if c.Enrolment.EventID != nil {
			eventIDs = append(eventIDs, *c.Enrolment.EventID)
		}
	}
	if len(contacts) == 0 {
		return nil
	}
	facts, err := segments.LoadFacts(ctx, db, contacts)
	if err != nil {
		return err
	}
	events, err := eventFacts(ctx, db, eventIDs)
	if err != nil {
		return err
	}
	refused := map[int64]messages.Claimed{}
	for _, c := range claimed {
		if c.Skip != "" || c.Enrolment == nil {
			continue
		}
		f, there := facts[*c.ContactID]
		if !there {
			continue // deleted this moment: the mail cannot be rendered
		}
		f.Trigger = trigger(f, c.Enrolment.TriggerAt, c.Enrolment.OrderID, c.Enrolment.EventID, events)
		if c.Skip, c.Why = p.unwanted(World{Now: now, Facts: f}); c.Skip != "" {
			refused[c.ID] = c
		}
	}
	if err := p.spareOwnDoing(ctx, db, refused); err != nil {
		return err
	}
	for i, c := range claimed {
		if r, ok := refused[c.ID]; ok {
			claimed[i] = r
		}
	}
	return nil
}

// unwanted says why a mail that is about to go must not: a reason and a sentence, as
// Decide would end an enrolment with. Both are empty where it may.
func (p *Program) unwanted(w World) (reason, why string) {
	d := decision{Program: p, World: w}
	switch {
	case p.Exit.Goal != nil && p.Exit.Goal.Match(w.Facts, w.Now):
		return ReasonGoal, d.goalMet()
	case !d.wanted():
		return ReasonFilter, d.noLongerWanted()
	}
	return "", ""
}

// spareOwnDoing takes out mails after which the enrolment itself has changed its
// contact. "If nobody welcomed them: send the welcome, and note that they were welcomed"
// is written together with its mail, and must not stop it.
func (p *Program) spareOwnDoing(ctx context.Context, db postgres.DB, refused map[int64]messages.Claimed) error {
	updates := false
	p.Walk(func(s *Step) { updates = updates || s.Type == UpdateStep })
	if !updates || len(refused) == 0 {
		return nil
	}
	var ids, enrolments []int64
	for _, c := range refused {
		ids, enrolments = append(ids, c.ID), append(enrolments, c.Enrolment.ID)
	}
	rows, err := db.Query(ctx, `
		SELECT s.message_id
		FROM enrolment_steps s
		WHERE s.enrolment_id = ANY($1) AND s.message_id = ANY($2)
		  AND EXISTS (SELECT FROM enrolment_steps u WHERE u.enrolment_id = s.enrolment_id AND u.type = 'update_contact' AND u.n > s.n)`, enrolments, ids)
	if err != nil {
		return fmt.Errorf("look for what journeys changed: %w", err)
	}
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { delete(refused, id); return nil }); err != nil {
		return fmt.Errorf("look for what journeys changed: %w", err)
	}
	return nil
}
