package journeys

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/messages"
)

// send does what a worker does with a journey's mails that are due, and returns them
// as they were claimed.
func (s *stage) send(journey int64) []messages.Claimed {
	s.Helper()
	rows, err := s.pool.Query(s.ctx, `SELECT k.id FROM chunks k JOIN runs r ON r.id = k.run_id WHERE r.journey_id = $1 AND k.done_at IS NULL ORDER BY k.id`, journey)
	s.ok(err)
	var chunks []int64
	for rows.Next() {
		var id int64
		s.ok(rows.Scan(&id))
		chunks = append(chunks, id)
	}
	var all []messages.Claimed
	for _, id := range chunks {
		k, ok, err := messages.Take(s.ctx, s.pool, s.now, id)
		s.ok(err)
		if !ok {
			continue // paused
		}
		claimed, err := messages.Claim(s.ctx, s.pool, s.now, k.ID, k.Epoch, messages.ChunkSize, messages.SendingRules{})
		s.ok(err)
		s.ok(s.engine.AskAgain(s.ctx, s.pool, s.now, k.JourneyID, k.JourneyVersion, claimed))
		var results []messages.Result
		for _, c := range claimed {
			r, refused := c.Refused()
			if !refused {
				r = messages.Result{ID: c.ID, State: messages.Sent}
			}
			results = append(results, r)
		}
		_, err = messages.Record(s.ctx, s.pool, s.now, k.Epoch, results)
		s.ok(err)
		s.ok(messages.Put(s.ctx, s.pool, s.now, k, time.Time{}))
		all = append(all, claimed...)
	}
	return all
}

// What a mail's journey asks is asked again when the mail is claimed, with the same
// trigger. What the journey did to the contact after it is no reason.
func TestAClaimedMailIsAskedAgain(t *testing.T) {
	t.Parallel()
	const (
		grinder   = `{"field": "bought.product", "operator": "bought", "value": "GR", "from": "trigger"}`
		welcome   = `{"field": "attributes.welcomed", "operator": "null"}`
		large     = `{"field": "properties.size", "operator": "=", "value": "large"}`
		mail      = `{"id": "mail", "type": "send", "template_id": %d, "sender": {"address": "news@shop.example"}, "topic": "news"}`
		noteIt    = `{"id": "note", "type": "update_contact", "set": {"welcomed": true}}`
		onOrders  = `{"type": "order", "on": "placed"}`
		onVisited = `{"type": "event", "name": "visited"}`
	)
	for name, c := range map[string]struct {
		trigger, entry, exit, steps string
		meanwhile                   func(s *stage)
		want                        string // skip and why
	}{
		"nothing is asked": {trigger: onOrders, meanwhile: func(s *stage) { s.order("O2", "c1", "placed", "GR") }},
		"the goal is met": {trigger: onOrders, exit: `"goal": ` + grinder, meanwhile: func(s *stage) { s.order("O2", "c1", "placed", "GR") },
			want: `goal_met: the goal is met: bought product "GR" since the trigger`},
		"by somebody else": {trigger: onOrders, exit: `"goal": ` + grinder, meanwhile: func(s *stage) { s.contact(2); s.order("O2", "c2", "placed", "GR") }},
		"by an order before the trigger": {trigger: onOrders, exit: `"goal": ` + grinder, meanwhile: func(s *stage) {
			was := s.now
			s.now = start.Add(-time.Hour)
			s.order("O2", "c1", "placed", "GR")
			s.now = was
		}},
		"entry.if does not hold any more": {trigger: onOrders, entry: `"if": ` + welcome, meanwhile: func(s *stage) { s.attribute("welcomed") },
			want: "no_longer_wanted: does not fit any more who may enter: "},
		"by the journey's own doing": {trigger: onOrders, entry: `"if": ` + welcome, steps: "," + noteIt, meanwhile: func(*stage) {}},
		"the event is still the same": {trigger: onVisited, entry: `"if": ` + large,
			meanwhile: func(s *stage) { s.event("c1", "visited", map[string]any{"size": "small"}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.contact(1)
			j := s.journey(fmt.Sprintf(`{"trigger": %s, "entry": {%s}, "exit": {%s}, "steps": [%s%s]}`, c.trigger, c.entry, c.exit, mail, c.steps))
			s.now = s.now.Add(time.Minute)
			if c.trigger == onOrders {
				s.order("O1", "c1", "placed", "CO")
			} else {
				s.event("c1", "visited", map[string]any{"size": "large"})
			}
			s.work()
			if got := s.reasons(j); len(got) != 1 || got[0] != "finished " {
				t.Fatalf("%q: the enrolment is not over", got)
			}
			s.now = s.now.Add(time.Minute)
			c.meanwhile(s)
			claimed := s.send(j)
			if len(claimed) != 1 {
				t.Fatalf("%+v", claimed)
			}
			if got := strings.Trim(claimed[0].Skip+": "+claimed[0].Why, ": "); got != c.want && (c.want == "" || !strings.HasPrefix(got, c.want)) {
				t.Errorf("%q, want %q", got, c.want)
			}
			state := messages.Sent
			if c.want != "" {
				state = messages.Skipped
			}
			if got := s.mails(j); got[state] != 1 {
				t.Errorf("%v", got)
			}
		})
	}
}

// attribute sets one of all contacts.
func (s *stage) attribute(name string) {
	s.Helper()
	_, err := s.pool.Exec(s.ctx, `UPDATE contacts SET attributes = attributes || jsonb_build_object($1::text, true)`, name)
	s.ok(err)
}
