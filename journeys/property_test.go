package journeys

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"posthorn/contacts"
)

// replayed is a definition with everything that depends on time in it.
const replayed = `{
	"trigger": {"type": "not_bought", "where": {"field": "order.category", "operator": "bought", "value": "coffee"}, "within": "P2D",
		"unless": {"field": "bought.category", "operator": "bought", "value": "grinders", "from": "trigger"}},
	"entry": {"key": "contact", "again_after": "P20D"},
	"exit": {"goal": {"field": "orders.count", "operator": ">", "value": 2, "from": "trigger"}},
	"steps": [
		{"id": "first", "type": "send", "template_id": %[1]d, "sender": {"address": "news@shop.example"}, "topic": "news"},
		{"id": "morning", "type": "wait", "for": "PT6H", "at": "09:00", "on": ["mon", "wed", "fri"]},
		{"id": "came", "type": "wait_until", "event": "visited", "timeout": "P5D",
			"then": [{"id": "mark", "type": "update_contact", "set": {"visitor": true}}, {"id": "glad", "type": "send", "template_id": %[1]d, "sender": {"address": "news@shop.example"}, "topic": "news"}],
			"else": [{"id": "lot", "type": "split", "paths": [
				{"weight": 1, "steps": [{"id": "a", "type": "send", "template_id": %[1]d, "sender": {"address": "news@shop.example"}, "topic": "news"}]},
				{"weight": 2, "steps": []}]}]},
		{"id": "known", "type": "branch", "if": {"field": "attributes.visitor", "operator": "=", "value": true},
			"then": [{"id": "bye", "type": "exit"}], "else": []},
		{"id": "last", "type": "send", "template_id": %[1]d, "sender": {"address": "news@shop.example"}, "topic": "news"}
	]}`

// TestTheSimulatorSaysWhatTheLiveEngineDoes replays random shops through both, the
// live engine driven by the clock of what happens, and compares who gets what and
// when.
func TestTheSimulatorSaysWhatTheLiveEngineDoes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	s.product("GR", "grinders")
	s.product("TE", "tea")
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		s.tb = rt
		s.now = start.AddDate(round%150, 0, 0) // no round sees another's events
		begin := s.now
		var people []string
		for i := range 4 {
			people = append(people, s.contact(round*100+i))
		}
		j := s.journey(replayed)
		n := rapid.IntRange(1, 25).Draw(rt, "happenings")
		for i := range n {
			s.passTo(s.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(rt, "hours")) * time.Hour))
			who := people[rapid.IntRange(0, 3).Draw(rt, "who")]
			if rapid.IntRange(0, 2).Draw(rt, "what") == 0 {
				s.event(who, "visited", nil)
			} else {
				s.order(fmt.Sprintf("O%d-%d", round, i), who, rapid.SampledFrom([]string{"placed", "paid"}).Draw(rt, "status"),
					rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"CO", "GR", "TE"}), 1, 2, rapid.ID[string]).Draw(rt, "items")...)
			}
			s.eval()
		}
		until := s.now.AddDate(0, 2, 0)
		s.passTo(until)
		live := s.sent(j)

		v, err := GetVersion(s.ctx, s.pool, j, 1)
		s.ok(err)
		d, err := Parse(v.Definition)
		s.ok(err)
		// What the live engine changed must not be known before.
		_, err = s.pool.Exec(s.ctx, `UPDATE contacts SET attributes = '{}' WHERE external_id = ANY($1)`, people)
		s.ok(err)
		var simulated []Mail
		report, err := Simulate(s.ctx, s.pool, j, d, Simulation{From: begin, To: until, Each: func(m Mail) error { m.Skipped = ""; simulated = append(simulated, m); return nil }})
		s.ok(err)
		sortMails(simulated)
		if !slices.Equal(live, simulated) {
			a, _ := json.MarshalIndent(live, "", " ")
			b, _ := json.MarshalIndent(simulated, "", " ")
			rt.Fatalf("live:\n%s\nsimulated:\n%s", a, b)
		}
		c := s.counts(j)
		if int64(report.Enrolled) != c.Enrolled || report.Mails != len(live) || int64(report.Dropped) != c.Dropped {
			rt.Fatalf("report %+v, live %+v", report, c)
		}
		// Nothing of this round is left to the next.
		_, err = Archive(s.ctx, s.pool, s.now, j)
		s.ok(err)
	})
}

// passTo lets time go on to a moment, and takes what is due on the way when it is due.
func (s *stage) passTo(at time.Time) {
	s.Helper()
	for {
		var due *time.Time
		s.ok(s.pool.QueryRow(s.ctx, `
			SELECT min(e.due_at) FROM enrolments e JOIN journeys j ON j.id = e.journey_id WHERE j.status = 'live' AND e.due_at <= $1`, at).Scan(&due))
		if due == nil {
			s.now = at
			return
		}
		s.now = due.UTC()
		list, err := FindDue(s.ctx, s.pool, s.now)
		s.ok(err)
		for _, id := range list.Journeys {
			_, err := s.engine.Advance(s.ctx, s.pool, s.now, id)
			s.ok(err)
		}
	}
}

// eval looks at what just happened.
func (s *stage) eval() {
	s.Helper()
	_, err := s.engine.Eval(s.ctx, s.pool, s.now)
	s.ok(err)
	s.passTo(s.now)
}

// sent lists a journey's mails by contact and time.
func (s *stage) sent(journey int64) []Mail {
	s.Helper()
	rows, err := s.pool.Query(s.ctx, `
		SELECT c.external_id, r.step, m.created_at FROM messages m JOIN runs r ON r.id = m.run_id JOIN contacts c ON c.id = m.contact_id
		WHERE r.journey_id = $1`, journey)
	s.ok(err)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Mail, err error) {
		err = row.Scan(&m.Contact, &m.Step, &m.At)
		m.At = m.At.UTC()
		return m, err
	})
	s.ok(err)
	sortMails(list)
	return list
}

func sortMails(list []Mail) {
	slices.SortFunc(list, func(a, b Mail) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Step, b.Step))
	})
}

// TestNobodyIsMailedTwiceOrTooLate throws random things at the live engine: orders,
// the same again, refunds, goals, late events, unsubscribes, publishes, pauses, mails
// that are claimed much later, and processes that die before their commit.
func TestNobodyIsMailedTwiceOrTooLate(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	s.product("GR", "grinders")
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		s.tb = rt
		s.now = start.AddDate(round%150, 0, 0)
		var people []string
		for i := range 3 {
			people = append(people, s.contact(round*100+i))
		}
		j := s.journey(thanks)
		type placed struct {
			who    string
			at     time.Time
			status string
		}
		orders := map[string]*placed{}
		var ids []string
		refunded, gone := map[string]time.Time{}, map[string]time.Time{}
		goals := map[string][]time.Time{} // when people met it
		put := func(id string) {
			was := s.now
			s.now = orders[id].at
			s.order(id, orders[id].who, orders[id].status, "CO")
			s.now = was
		}
		for i := range rapid.IntRange(5, 40).Draw(rt, "steps") {
			s.now = s.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(rt, "hours")) * time.Hour)
			who := people[rapid.IntRange(0, 2).Draw(rt, "who")]
			switch what := rapid.SampledFrom([]string{"order", "order", "again", "refund", "goal", "send", "late event", "unsubscribe", "publish", "pause", "resume", "die", "work", "work"}).Draw(rt, "what"); what {
			case "order":
				id := fmt.Sprintf("P%d-%d", round, i)
				ids = append(ids, id)
				orders[id] = &placed{who, s.now, "placed"}
				put(id)
			case "again", "refund":
				if len(ids) == 0 {
					continue
				}
				id := ids[rapid.IntRange(0, len(ids)-1).Draw(rt, "order")]
				if what == "refund" && orders[id].status == "placed" {
					orders[id].status = "refunded"
					refunded[id] = s.now
				}
				put(id)
			case "goal":
				s.order(fmt.Sprintf("G%d-%d", round, i), who, "placed", "GR")
				goals[who] = append(goals[who], s.now)
			case "send":
				s.send(j)
			case "late event":
				was := s.now
				s.now = s.now.Add(-50 * time.Hour)
				s.event(who, "visited", nil)
				s.now = was
			case "unsubscribe":
				if _, done := gone[who]; !done {
					_, _, err := contacts.Upsert(s.ctx, s.pool, s.now, contacts.Input{ExternalID: who, Topics: map[string]string{"orders": "unsubscribed", "news": "unsubscribed"}}, "test")
					s.ok(err)
					gone[who] = s.now
				}
			case "publish":
				_, err := Update(s.ctx, s.pool, s.now, j, fmt.Sprint("j", i), []byte(fmt.Sprintf(thanks, s.tpl)))
				s.ok(err)
				_, err = Publish(s.ctx, s.pool, s.now, j)
				s.ok(err)
			case "pause":
				_, _ = Pause(s.ctx, s.pool, s.now, j)
			case "resume":
				_, _ = Resume(s.ctx, s.pool, s.now, j)
			case "die": // all was done but the commit
				tx, err := s.pool.Begin(s.ctx)
				s.ok(err)
				_, err = s.engine.Eval(s.ctx, tx, s.now)
				s.ok(err)
				_, err = s.engine.Advance(s.ctx, tx, s.now, j)
				s.ok(err)
				s.ok(tx.Rollback(s.ctx))
			case "work":
				s.work()
			}
		}
		_, _ = Resume(s.ctx, s.pool, s.now, j)
		s.later(40 * day24)
		s.send(j)
		rows, err := s.pool.Query(s.ctx, `
			SELECT e.id, r.step, c.external_id, o.external_id, m.created_at, m.sent_at
			FROM messages m JOIN runs r ON r.id = m.run_id JOIN enrolments e ON e.id = m.enrolment_id
			JOIN contacts c ON c.id = e.contact_id JOIN orders o ON o.id = e.order_id
			WHERE r.journey_id = $1`, j)
		s.ok(err)
		defer rows.Close()
		type step struct {
			enrolment int64
			step      string
		}
		seen := map[step]bool{}
		perOrder := map[string]bool{}
		for rows.Next() {
			var k step
			var who, order string
			var at time.Time
			var sent *time.Time
			s.ok(rows.Scan(&k.enrolment, &k.step, &who, &order, &at, &sent))
			if seen[k] || perOrder[order+k.step] {
				rt.Errorf("enrolment %d got step %s twice, or order %s did", k.enrolment, k.step, order)
			}
			seen[k], perOrder[order+k.step] = true, true
			if when, ok := refunded[order]; ok && at.After(when) {
				rt.Errorf("order %s was refunded at %s, and %s mailed at %s", order, when, k.step, at)
			}
			if when, ok := gone[who]; ok && at.After(when) {
				rt.Errorf("%s unsubscribed at %s, and was mailed %s at %s", who, when, k.step, at)
			}
			for _, when := range goals[who] {
				if sent != nil && sent.After(when) && !when.Before(orders[order].at) {
					rt.Errorf("%s met the goal at %s, after order %s, and was sent %s at %s", who, when, order, k.step, sent)
				}
			}
		}
		for id, o := range orders { // and nobody was forgotten
			_, wasRefunded := refunded[id]
			_, hasLeft := gone[o.who]
			if !wasRefunded && !hasLeft && len(goals[o.who]) == 0 && !perOrder[id+"thanks"] {
				rt.Errorf("order %s led to no mail", id)
			}
		}
		_, err = Archive(s.ctx, s.pool, s.now, j)
		s.ok(err)
	})
}
