package journeys

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/fault"
)

func (s *shop) explain(id int64, contact string) Explanation {
	s.t.Helper()
	e, err := Explain(s.t.Context(), s.db, s.now, id, contact, nil)
	s.must(err)
	return e
}

func (s *shop) wantWhyNot(id int64, contact, want string) {
	s.t.Helper()
	if e := s.explain(id, contact); e.WhyNot != want || len(e.Enrolments) != 0 {
		s.t.Errorf("%s: %q, %d enrolments; want %q", contact, e.WhyNot, len(e.Enrolments), want)
	}
}

func texts(e Explained) []string {
	var out []string
	for _, s := range e.Sentences {
		out = append(out, s.Text)
	}
	return out
}

// What is waited for is named, and so is how a contact came to be in the journey.
func TestExplainNamesWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.segment(someRule)
	s.contact("C1")
	bought := `"if":{"field":"bought.product","operator":"bought","value":"Y","from":"trigger"}`
	until := func(id, what string, then ...string) string {
		return `{"id":"` + id + `","type":"wait_until",` + what + `,"timeout":"P2D","then":[` + strings.Join(then, ",") + `]}`
	}
	j := s.journey(definition(`{"type":"not_bought","within":"P1D","unless":{`+bought[6:]+`}`, until("e", `"event":"clicked"`), until("r", bought), until("f", `"event":"looked"`)))
	seg := s.journey(definition(`{"type":"segment","on":"entered","segment_id":1}`, send("m")))
	date := s.journey(definition(`{"type":"date","attribute":"ends","at":"09:00"}`, send("m")))
	s.later(time.Minute)
	s.order("C1", "O1", "X", "placed")
	_, err := s.db.Exec(t.Context(), `UPDATE contacts SET country = 'Iceland', attributes = '{"ends": "2026-03-17"}'`)
	s.must(err)
	s.later(0)
	want := []string{`entered: order O1 was placed, and within P1D it did not come true that bought product "Y" since the trigger`}
	for _, step := range []struct{ standing, then string }{
		{`waits at step "e" until 2026-03-17 09:27 UTC, or until event "clicked" comes`, `step "e", else: event "clicked" did not come within P2D`},
		{`waits at step "r" until 2026-03-19 09:27 UTC, or until it is true that bought product "Y" since the trigger`,
			`step "r", else: within P2D it did not come true that bought product "Y" since the trigger`},
		{`waits at step "f" until 2026-03-21 09:27 UTC, or until event "looked" comes`, `step "f", then: event "looked" came`},
	} {
		s.later(day24)
		if len(want) > 1 {
			s.later(day24)
		}
		if got := texts(s.explain(j.ID, "C1").Enrolments[0]); !slices.Equal(got, append(slices.Clone(want), step.standing)) {
			t.Errorf("%q, want %q and %q", got, want, step.standing)
		}
		want = append(want, step.then)
	}
	s.event("C1", "looked")
	s.later(0)
	want = append(want, "finished: came to the end")
	if got := texts(s.explain(j.ID, "C1").Enrolments[0]); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for id, want := range map[int64]string{seg.ID: "entered: the contact entered segment 1", date.ID: `entered: the date in attribute "ends" came`} {
		if e := s.explain(id, "C1"); len(e.Enrolments) != 1 || texts(e.Enrolments[0])[0] != want {
			t.Errorf("%s, want %q", pretty(e), want)
		}
	}
}

func TestExplainTellsEveryDecision(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	branch := `{"id":"which","type":"branch","if":{"field":"order.total","operator":">","value":5},"then":[` + send("tips") + `]}`
	j := s.journey(`{"trigger":` + onOrder + `,"exit":{"goal":` + sinceRule + `},"steps":[` + branch + `,` + wait("a", "P1D") + `,` + wait("b", "P9D") + `]}`)
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.work()
	s.later(24 * time.Hour)
	want := []string{
		"entered: order O1 was placed",
		`step "which", then: so it is: the order's total is more than 5`,
		`step "tips", mail: the mail was due; it is planned`,
		`step "a", waited: the wait is over`,
		`waits at step "b" until 2026-03-24 09:26 UTC`,
	}
	if e := s.explain(j.ID, "C1"); e.WhyNot != "" || len(e.Enrolments) != 1 || !slices.Equal(texts(e.Enrolments[0]), want) {
		t.Errorf("%s", pretty(e))
	}
	_, err := Pause(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	if got := texts(s.explain(j.ID, "C1").Enrolments[0]); got[4] != "stays where it is, because the journey is paused" {
		t.Errorf("%q", got[4])
	}
	_, err = Resume(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	_, err = s.db.Exec(t.Context(), `INSERT INTO products (sku, category, created_at, updated_at) VALUES ('G', 'grinders', $1, $1)`, s.now)
	s.must(err)
	s.now = s.now.Add(time.Hour)
	s.order("C1", "O2", "G", "placed")
	s.work()
	e := s.explain(j.ID, "C1")
	if got := texts(e.Enrolments[1]); e.Enrolments[1].Reason != ReasonGoal || got[len(got)-1] != `left: the goal is met: bought a product of category "grinders" since the trigger` || got[2] != `step "tips", mail: the mail was due; it is cancelled (journey_left)` {
		t.Errorf("%q", got)
	}
}

func TestExplainPendingAndDropped(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(definition(`{"type":"win_back","within":"P10D"}`, send("m")))
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.work()
	if got := texts(s.explain(j.ID, "C1").Enrolments[0]); !slices.Equal(got, []string{"has not entered yet: whether something else happens meanwhile shows on 2026-03-24 09:26 UTC"}) {
		t.Errorf("%q", got)
	}
	s.now = s.now.Add(time.Hour)
	s.order("C1", "O2", "X", "placed")
	s.later(10*24*time.Hour - time.Hour)
	e := s.explain(j.ID, "C1")
	if got := texts(e.Enrolments[1]); !slices.Equal(got, []string{"did not enter: there was an order meanwhile"}) {
		t.Errorf("%q", got)
	}
}

func TestExplainWhyNot(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, id := range []string{"NONE", "OLD", "PLACED", "OTHER", "ABROAD", "NOW", "CHANGED"} {
		s.contact(id)
	}
	_, err := s.db.Exec(t.Context(), `
		INSERT INTO products (sku, category, created_at, updated_at) VALUES ('A', 'coffee', $1, $1);`, s.now)
	s.must(err)
	s.order("OLD", "O-old", "A", "paid")
	s.now = s.now.Add(time.Hour)
	coffee := `{"field":"order.category","operator":"bought","value":"coffee"}`
	paid := `{"trigger":{"type":"order","on":"paid","where":` + coffee + `},"entry":{"if":{"field":"attributes.vip","operator":"=","value":true}},"steps":[` + send("m") + `]}`
	j, err := Create(t.Context(), s.db, s.now, "J", []byte(paid))
	s.must(err)
	s.wantWhyNot(j.ID, "NONE", "the journey was never published")
	_, err = Publish(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	s.now = s.now.Add(time.Hour)
	_, err = s.db.Exec(t.Context(), `UPDATE contacts SET attributes = '{"vip": true}' WHERE external_id = 'NOW'`)
	s.must(err)
	s.order("PLACED", "O-placed", "A", "placed")
	s.order("OTHER", "O-other", "B", "paid")
	s.order("ABROAD", "O-abroad", "A", "paid")
	s.order("CHANGED", "O-changed", "A", "paid")
	s.work()
	s.order("NOW", "O-now", "A", "paid")
	_, err = s.db.Exec(t.Context(), `UPDATE contacts SET attributes = '{"vip": true}' WHERE external_id = 'CHANGED'`)
	s.must(err)

	for contact, want := range map[string]string{
		"NONE":    "the contact has no order",
		"OLD":     "no order since the journey went live on 2026-03-14 10:26 UTC; the newest, O-old, is of 2026-03-14 09:26 UTC",
		"PLACED":  "order O-placed does not fit: it is placed, not paid",
		"OTHER":   `order O-other does not fit: the order does not hold a product of category "coffee"`,
		"ABROAD":  `order O-abroad fits, but the contact may not enter: attribute "vip" is not true`,
		"NOW":     "order O-now fits: the contact enters as soon as a worker has looked at it",
		"CHANGED": "order O-changed fits now, but did not when it was looked at: since then the contact or the journey has changed",
	} {
		s.wantWhyNot(j.ID, contact, want)
	}
	_, err = Archive(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	s.wantWhyNot(j.ID, "OTHER", "the journey is archived: nobody enters any more")

	var notFound *fault.NotFound
	for _, of := range []struct {
		id      int64
		contact string
	}{{99, "OLD"}, {j.ID, "NOBODY"}} {
		if _, err := Explain(t.Context(), s.db, s.now, of.id, of.contact, nil); !errors.As(err, &notFound) {
			t.Errorf("%+v: %v", of, err)
		}
	}
}

func TestExplainWhyNotOfOtherTriggers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.contact("IN")
	s.contact("OUT")
	_, err := s.db.Exec(t.Context(), `UPDATE contacts SET country = 'Iceland', attributes = '{"birthday": "1984-05-17", "was": "1984-01-17"}' WHERE external_id = 'IN'`)
	s.must(err)
	segment := s.segment(someRule)
	if segment != 1 {
		t.Fatal(segment)
	}
	s.event("OUT", "left a cart")
	s.order("IN", "O1", "A", "placed")
	s.order("OUT", "O2", "B", "placed")
	s.now = s.now.Add(10 * 24 * time.Hour)
	for trigger, want := range map[string][2]string{ // of IN and of OUT; "": it is enrolled
		`{"type":"segment","on":"entered","segment_id":1}`: {
			`the contact is in segment "Segment", but was before the journey looked for who enters it`,
			`the contact is not in segment "Segment": country is not "Iceland"`},
		`{"type":"segment","on":"left","segment_id":1}`: {
			`the contact is in segment "Segment" and has not left it`,
			`the contact is not in segment "Segment", but was not when the journey began to look for who leaves it either`},
		`{"type":"date","attribute":"birthday","at":"09:00","yearly":true}`: {
			`the date in attribute "birthday" has not come since the journey went live on 2026-03-24 09:26 UTC; it comes on 2026-05-17 09:00 UTC`,
			`attribute "birthday" holds no date`},
		`{"type":"date","attribute":"was","at":"09:00"}`: {
			`the date in attribute "was" has not come since the journey went live on 2026-03-24 09:26 UTC`,
			`attribute "was" holds no date`},
		`{"type":"event","name":"left a cart"}`: {
			`the contact has no event "left a cart"`,
			`no event "left a cart" since the journey went live on 2026-03-24 09:26 UTC; the newest is of 2026-03-14 09:26 UTC`},
		`{"type":"win_back","within":"P9D"}`: {
			`no order since 2026-03-15 09:26 UTC, which is as far back as the journey looks; the newest, O1, is of 2026-03-14 09:26 UTC`,
			`no order since 2026-03-15 09:26 UTC, which is as far back as the journey looks; the newest, O2, is of 2026-03-14 09:26 UTC`},
		`{"type":"replenishment","products":["A"],"interval":"learned"}`: {
			`how often the contact needs it cannot be told yet: it takes 3 orders of it, and there are 1`,
			`order O2 does not fit: it holds nothing of what is asked for`},
	} {
		j := s.journey(definition(trigger, send("m")))
		s.work()
		for i, contact := range []string{"IN", "OUT"} {
			e := s.explain(j.ID, contact)
			if e.WhyNot != want[i] {
				t.Errorf("%s, %s: %q, want %q", trigger, contact, e.WhyNot, want[i])
			}
			if strings.Contains(e.WhyNot, "\n") {
				t.Errorf("more than a sentence: %q", e.WhyNot)
			}
		}
	}
}
