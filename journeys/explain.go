package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/contacts"
	"posthorn/postgres"
	"posthorn/segments"
)

// Explanation says what was decided about a contact, and why.
type Explanation struct {
	ContactExternalID string      `json:"contact_external_id"`
	Enrolments        []Explained `json:"enrolments"`         // the newest first
	WhyNot            string      `json:"why_not,omitempty"`  // why there is none
	LeftOut           []Sentence  `json:"left_out,omitempty"` // orders or events that came too soon after one that entered; the newest first
}

// Explained is an enrolment with its history.
type Explained struct {
	Enrolment
	Sentences []Sentence `json:"sentences"` // the oldest first; the last says how things stand
}

// Sentence is one decision.
type Sentence struct {
	At   time.Time `json:"at"`
	Step string    `json:"step,omitempty"`
	Text string    `json:"text"`
}

// explained is how many enrolments of a contact are explained: the newest.
const explained = 20

// Explain tells a contact's history in a journey. Where there is none it says why, and
// else what came too soon to be in it, by asking the live version about what could have
// been its trigger, as things are now.
// zone is the time zone of contacts without one; nil: UTC.
func Explain(ctx context.Context, db postgres.DB, now time.Time, id int64, contact string, zone *time.Location) (Explanation, error) {
	out := Explanation{ContactExternalID: contact, Enrolments: []Explained{}}
	j, err := Get(ctx, db, id)
	if err != nil {
		return out, err
	}
	c, err := contacts.ByExternalID(ctx, db, contact)
	if err != nil {
		return out, err
	}
	list, _, err := Enrolments(ctx, db, id, EnrolmentFilter{Contact: contact, Limit: explained})
	if err != nil {
		return out, err
	}
	for _, e := range list {
		sentences, err := sentences(ctx, db, e.ID)
		if err != nil {
			return out, err
		}
		if e.DueAt != nil {
			d, err := DefinitionOf(ctx, db, id, e.Version)
			if err != nil {
				return out, err
			}
			s := standing(j, d, e)
			s.At = now
			sentences = append(sentences, s)
		}
		out.Enrolments = append(out.Enrolments, Explained{e, sentences})
	}
	if len(list) == 0 {
		out.WhyNot, err = whyNot(ctx, db, now, j, c.ID, zone)
	} else {
		out.LeftOut, err = leftOut(ctx, db, now, j, c.ID, zone)
	}
	return out, err
}

// sentences tells the steps of an enrolment, and what became of its mails.
func sentences(ctx context.Context, db postgres.DB, enrolment int64) ([]Sentence, error) {
	rows, err := db.Query(ctx, `
		SELECT s.at, s.step, s.what, s.why, coalesce(m.state, ''), coalesce(m.reason, '')
		FROM enrolment_steps s
		LEFT JOIN messages m ON m.id = s.message_id
		WHERE s.enrolment_id = $1
		ORDER BY s.n`, enrolment)
	if err != nil {
		return nil, fmt.Errorf("read steps of enrolment %d: %w", enrolment, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Sentence, error) {
		var s Sentence
		var what, why, state, reason string
		err := row.Scan(&s.At, &s.Step, &what, &why, &state, &reason)
		s.Text = tell(s.Step, what, why, state, reason)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read steps of enrolment %d: %w", enrolment, err)
	}
	return list, nil
}

// tell is one row of enrolment_steps in words.
func tell(step, what, why, state, reason string) string {
	begin := map[string]string{"entered": "entered", "exited": "left", "dropped": "did not enter"}[what]
	if begin == "" {
		begin = what
	}
	if step != "" {
		begin = fmt.Sprintf("step %q, %s", step, what)
	}
	out := begin + ": " + why
	if state != "" {
		out += "; it is " + state
	}
	if reason != "" {
		out += " (" + reason + ")"
	}
	return out
}

// standing says what an enrolment that is not over waits for.
func standing(j Journey, d *Definition, e Enrolment) Sentence {
	s := Sentence{Step: e.Position}
	switch {
	case j.Status != Live:
		s.Text = "stays where it is, because the journey is " + j.Status
	case e.Status == Pending:
		s.Text = fmt.Sprintf("has not entered yet: whether something else happens meanwhile shows on %s", minute(*e.DueAt))
	case e.Status == Active:
		s.Text = "is about to go on"
	default:
		s.Text = fmt.Sprintf("waits at step %q until %s", e.Position, minute(*e.DueAt))
		d.Walk(func(step *Step) {
			if step.ID == e.Position && step.Type == WaitUntilStep {
				s.Text += ", or until " + step.awaited("comes", "it is true that")
			}
		})
	}
	return s
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// whyNot says why a contact has no enrolment.
func whyNot(ctx context.Context, db postgres.DB, now time.Time, j Journey, contactID int64, zone *time.Location) (string, error) {
	switch {
	case j.LiveVersion == nil:
		return "the journey was never published", nil
	case j.Status == Archived:
		return "the journey is archived: nobody enters any more", nil
	}
	q, err := newQuestioner(ctx, db, now, j, contactID, zone)
	if err != nil {
		return "", err
	}
	err = q.ask(ctx)
	return q.answer, err
}

// leftOut says which orders or events did not enter because the contact had entered
// shortly before.
func leftOut(ctx context.Context, db postgres.DB, now time.Time, j Journey, contactID int64, zone *time.Location) ([]Sentence, error) {
	if j.LiveVersion == nil || j.Status == Archived {
		return nil, nil
	}
	q, err := newQuestioner(ctx, db, now, j, contactID, zone)
	if err != nil {
		return nil, err
	}
	return q.tooSoon(ctx)
}

func newQuestioner(ctx context.Context, db postgres.DB, now time.Time, j Journey, contactID int64, zone *time.Location) (*questioner, error) {
	d, err := DefinitionOf(ctx, db, j.ID, *j.LiveVersion)
	if err != nil {
		return nil, err
	}
	if zone == nil {
		zone = time.UTC
	}
	facts, err := segments.LoadFacts(ctx, db, []int64{contactID})
	if err != nil {
		return nil, err
	}
	return &questioner{db: db, journey: j, contact: contactID, program: Compile(d), world: World{Now: now, Facts: facts[contactID], Zone: zone}}, nil
}
