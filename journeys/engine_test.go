package journeys

import (
	"slices"
	"testing"
	"time"

	"posthorn/contacts"
	"posthorn/messages"
)

const day24 = 24 * time.Hour

// thanks is: a mail at once, and after 14 days an offer unless a grinder was bought.
const thanks = `{
	"trigger": {"type": "order", "on": "placed", "where": {"field": "order.category", "operator": "bought", "value": "coffee"}},
	"entry": {"key": "order"},
	"exit": {"goal": {"field": "bought.category", "operator": "bought", "value": "grinders", "from": "trigger"}},
	"steps": [
		{"id": "thanks", "type": "send", "template_id": %[1]d, "sender": {"name": "Shop", "address": "news@shop.example"}, "topic": "orders"},
		{"id": "pause", "type": "wait", "for": "P14D"},
		{"id": "offer", "type": "send", "template_id": %[1]d, "sender": {"address": "news@shop.example"}, "topic": "news"}
	]}`

func TestAnOrderLeadsToItsMails(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	s.product("GR", "grinders")
	c1, c2, c3 := s.contact(1), s.contact(2), s.contact(3)
	s.order("before", c1, "placed", "CO") // before the journey is live
	s.now = s.now.Add(time.Minute)
	j := s.journey(thanks)
	s.now = s.now.Add(time.Minute)
	for range 3 { // delivered three times
		s.order("O1", c1, "placed", "CO")
	}
	s.order("O2", c2, "paid", "CO")
	s.order("O3", c3, "placed", "GR") // does not fit
	s.work()
	if got := s.counts(j); got.Enrolled != 2 || got.Waiting != 2 {
		t.Fatalf("%+v", got)
	}
	if got := s.mails(j); got[messages.Planned] != 2 {
		t.Fatalf("%v", got)
	}
	s.later(3 * day24)
	s.order("O4", c2, "placed", "GR")
	s.work()
	if got := s.reasons(j); !slices.Equal(got, []string{"waiting ", "exited goal_met"}) {
		t.Fatalf("%v", got)
	}
	s.later(12 * day24)
	if got := s.counts(j); got.Finished != 1 || got.Exited != 1 {
		t.Fatalf("%+v", got)
	}
	if got := s.mails(j); got[messages.Planned]+got[messages.Cancelled] != 3 {
		t.Fatalf("%v", got)
	}
}

func TestNothingIsSentAfterARefund(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	c := s.contact(1)
	j := s.journey(thanks)
	s.now = s.now.Add(time.Minute)
	at := s.now
	s.order("O1", c, "placed", "CO")
	s.work()
	s.later(5 * day24)
	was := s.now
	s.now = at // the same order, as it was placed
	s.order("O1", c, "refunded", "CO")
	s.now = was
	if _, err := s.pool.Exec(s.ctx, `UPDATE happenings SET at = $1`, was); err != nil {
		t.Fatal(err)
	}
	s.work()
	if got := s.reasons(j); !slices.Equal(got, []string{"exited order_refunded"}) {
		t.Fatalf("%v", got)
	}
	if got := s.mails(j); got[messages.Cancelled] != 1 || len(got) != 1 { // the first was still to be sent, and is not
		t.Fatalf("%v", got)
	}
	s.later(30 * day24)
	if got := s.mails(j); got[messages.Cancelled] != 1 || len(got) != 1 {
		t.Fatalf("after it: %v", got)
	}
}

func TestAnUnsubscribedContactLeaves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	c := s.contact(1)
	j := s.journey(thanks)
	s.now = s.now.Add(time.Minute)
	s.order("O1", c, "placed", "CO")
	s.work()
	if _, _, err := contacts.Upsert(s.ctx, s.pool, s.now, contacts.Input{ExternalID: c, Topics: map[string]string{"news": "unsubscribed"}}, "test"); err != nil {
		t.Fatal(err)
	}
	s.later(15 * day24)
	if got := s.reasons(j); !slices.Equal(got, []string{"exited unsubscribed"}) {
		t.Fatalf("%v", got)
	}
}

func TestAPauseHoldsEverybodyWhereTheyAre(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	c1, c2 := s.contact(1), s.contact(2)
	j := s.journey(thanks)
	s.now = s.now.Add(time.Minute)
	s.order("O1", c1, "placed", "CO")
	s.work()
	_, err := Pause(s.ctx, s.pool, s.now, j)
	s.ok(err)
	s.order("O2", c2, "placed", "CO")
	s.later(20 * day24)
	if got := s.counts(j); got.Enrolled != 2 || got.Waiting != 1 || got.Active != 1 {
		t.Fatalf("while paused: %+v", got)
	}
	_, err = Resume(s.ctx, s.pool, s.now, j)
	s.ok(err)
	s.work()
	if got := s.counts(j); got.Finished != 1 || got.Waiting != 1 {
		t.Fatalf("after it: %+v", got)
	}
}

func TestPublishingLeavesThoseUnderWay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	c1, c2 := s.contact(1), s.contact(2)
	j := s.journey(thanks)
	s.now = s.now.Add(time.Minute)
	s.order("O1", c1, "placed", "CO")
	s.work()
	next := `{"trigger": {"type": "order", "on": "placed"}, "steps": [{"id": "only", "type": "wait", "for": "P1D"}, {"id": "done", "type": "exit"}]}`
	up, err := Update(s.ctx, s.pool, s.now, j, "j", []byte(next))
	s.ok(err)
	if up.Version != 2 || *up.LiveVersion != 1 {
		t.Fatalf("%+v", up)
	}
	_, err = Publish(s.ctx, s.pool, s.now, j)
	s.ok(err)
	s.order("O2", c2, "placed", "CO")
	s.work()
	all, err := Count(s.ctx, s.pool, j)
	s.ok(err)
	if all.Versions[1].Waiting != 1 || all.Versions[2].Waiting != 1 || all.Steps["pause"].Waiting != 1 || all.Steps["only"].Waiting != 1 {
		t.Fatalf("%+v %+v %+v", all.Versions[1], all.Versions[2], all.Steps)
	}
	s.later(15 * day24)
	if got := s.mails(j); got[messages.Planned] != 2 { // thanks and offer, as version 1 says
		t.Fatalf("%v", got)
	}
}

func TestDelayedTriggers(t *testing.T) {
	t.Parallel()
	send := `"steps": [{"id": "mail", "type": "send", "template_id": %[1]d, "sender": {"address": "news@shop.example"}, "topic": "news"}]}`
	for name, test := range map[string]struct {
		trigger string
		do      func(s *stage)
		want    []string // of c1, c2: status and reason
	}{
		"win back": {`{"trigger": {"type": "win_back", "within": "P90D"}, `, func(s *stage) {
			s.order("A", "c1", "placed", "CO")
			s.order("B", "c2", "placed", "CO")
			s.later(30 * day24)
			s.order("C", "c2", "placed", "CO")
			s.work()
			s.later(70 * day24)
		}, []string{"finished ", "dropped happened_meanwhile", "pending "}},
		"not bought": {`{"trigger": {"type": "not_bought", "where": {"field": "order.category", "operator": "bought", "value": "coffee"}, "within": "P14D",
			"unless": {"field": "bought.category", "operator": "bought", "value": "grinders", "from": "trigger"}}, `, func(s *stage) {
			s.order("A", "c1", "placed", "CO")
			s.order("B", "c2", "placed", "CO", "GR") // together: not since
			s.later(day24)
			s.order("C", "c2", "placed", "GR")
			s.work()
			s.later(14 * day24)
		}, []string{"finished ", "dropped happened_meanwhile"}},
		"abandoned": {`{"trigger": {"type": "abandoned", "name": "left a cart", "within": "PT30M"}, `, func(s *stage) {
			s.event("c1", "left a cart", nil)
			s.event("c2", "left a cart", nil)
			s.later(10 * time.Minute)
			s.order("A", "c2", "placed", "CO")
			s.work()
			s.later(20 * time.Minute)
		}, []string{"finished ", "dropped happened_meanwhile"}},
		"replenishment": {`{"trigger": {"type": "replenishment", "categories": ["coffee"], "interval": "P30D"}, `, func(s *stage) {
			s.order("A", "c1", "placed", "CO")
			s.order("B", "c2", "placed", "GR")
			s.work()
			s.later(30 * day24)
		}, []string{"finished "}},
		"replenishment, by product": {`{"trigger": {"type": "replenishment", "categories": ["coffee"], "interval": "learned", "intervals": {"CO": "P10D"}}, `, func(s *stage) {
			s.order("A", "c1", "placed", "CO", "GR")
			s.work()
			s.later(9 * day24)
			if got := s.reasons(1); len(got) != 1 || got[0] != "pending " {
				s.Fatal("too early: ", got)
			}
			s.later(day24)
		}, []string{"finished "}},
		"replenishment, learned": {`{"trigger": {"type": "replenishment", "products": ["CO"], "interval": "learned"}, `, func(s *stage) {
			for _, id := range []string{"A", "B", "C"} { // every 20 days: known from the third on
				s.order(id, "c1", "placed", "CO")
				s.later(20 * day24)
			}
		}, []string{"finished "}},
		"a refund meanwhile": {`{"trigger": {"type": "win_back", "within": "P90D"}, `, func(s *stage) {
			s.order("A", "c1", "placed", "CO")
			s.work()
			_, err := s.pool.Exec(s.ctx, `UPDATE orders SET status = 'refunded'`)
			s.ok(err)
			s.later(91 * day24)
		}, []string{"dropped order_refunded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.product("CO", "coffee")
			s.product("GR", "grinders")
			s.contact(1)
			s.contact(2)
			j := s.journey(test.trigger + send)
			s.now = s.now.Add(time.Minute)
			test.do(s)
			if got := s.reasons(j); !slices.Equal(got, test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestABirthday(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	c := s.contact(1)
	zone := "Australia/Sydney"
	if _, _, err := contacts.Upsert(s.ctx, s.pool, s.now, contacts.Input{ExternalID: c, Timezone: &zone, Attributes: map[string]any{"birthday": "1984-05-10"}}, "test"); err != nil {
		t.Fatal(err)
	}
	j := s.journey(`{"trigger": {"type": "date", "attribute": "birthday", "offset": "-P3D", "at": "09:00", "yearly": true},
		"steps": [{"id": "mail", "type": "send", "template_id": %[1]d, "sender": {"address": "news@shop.example"}, "topic": "news"}]}`)
	s.now = time.Date(2026, 5, 6, 22, 58, 0, 0, time.UTC) // the 7th, 08:58 in Sydney
	s.work()
	if got := s.counts(j); got.Enrolled != 0 {
		t.Fatalf("too early: %+v", got)
	}
	s.later(3 * time.Minute)
	if got := s.counts(j); got.Finished != 1 {
		t.Fatalf("%+v", got)
	}
	s.later(100 * day24)
	s.later(266 * day24)
	if got := s.counts(j); got.Finished != 2 {
		t.Fatalf("a year later: %+v", got)
	}
}

func TestASegmentIsEnteredAndLeft(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.product("CO", "coffee")
	c1, c2 := s.contact(1), s.contact(2)
	s.order("A", c1, "placed", "CO")
	var segment int64
	s.ok(s.pool.QueryRow(s.ctx, `INSERT INTO segments (name, rule, created_at, updated_at)
		VALUES ('s', '{"field":"bought.product","operator":"bought","value":"CO"}', $1, $1) RETURNING id`, s.now).Scan(&segment))
	definition := func(on string) string {
		return `{"trigger": {"type": "segment", "segment_id": 1, "on": "` + on + `"}, "steps": [{"id": "x", "type": "exit"}], "entry": {"key": "contact"}}`
	}
	make := func(on string) int64 {
		j, err := Create(s.ctx, s.pool, s.now, on, []byte(definition(on)))
		s.ok(err)
		_, err = Publish(s.ctx, s.pool, s.now, j.ID)
		s.ok(err)
		return j.ID
	}
	entered, left := make("entered"), make("left")
	s.later(2 * time.Minute)
	if s.counts(entered).Enrolled+s.counts(left).Enrolled != 0 {
		t.Fatal("who is inside already has entered")
	}
	s.order("B", c2, "placed", "CO")
	s.later(2 * time.Minute)
	if s.counts(entered).Finished != 1 || s.counts(left).Enrolled != 0 {
		t.Fatalf("%+v %+v", s.counts(entered), s.counts(left))
	}
	_, err := s.pool.Exec(s.ctx, `UPDATE orders SET status = 'cancelled' WHERE external_id = 'A'`)
	s.ok(err)
	s.later(2 * time.Minute)
	if s.counts(entered).Finished != 1 || s.counts(left).Finished != 1 {
		t.Fatalf("%+v %+v", s.counts(entered), s.counts(left))
	}
}
