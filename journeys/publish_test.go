package journeys

import (
	"slices"
	"testing"
	"time"

	"posthorn/segments"
	"posthorn/templates"
)

func (s *shop) segment(rule string) int64 {
	s.t.Helper()
	g, err := segments.Create(s.t.Context(), s.db, s.now, "Segment", []byte(rule))
	s.must(err)
	return g.ID
}

// A journey that changes to a segment or a date does not enter everybody who has been
// in the segment, or had the date, since it first went live.
func TestANewTriggerLooksForwardOnly(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, id := range []string{"C1", "C2"} {
		s.contact(id)
	}
	_, err := s.db.Exec(t.Context(), `UPDATE contacts SET country = 'Iceland', attributes = '{"birthday": "1984-03-20"}' WHERE external_id = 'C1'`)
	s.must(err)
	s.segment(someRule)
	s.segment(`{"field":"country","operator":"=","value":"Finland"}`)
	j := s.journey(definition(onOrder, send("m")))
	s.later(30 * 24 * time.Hour)

	for _, trigger := range []string{
		`{"type":"segment","on":"entered","segment_id":1}`, `{"type":"segment","on":"entered","segment_id":2}`,
		`{"type":"segment","on":"left","segment_id":1}`, `{"type":"date","attribute":"birthday","at":"09:00","yearly":true}`,
	} {
		s.republish(j.ID, definition(trigger, send("m")))
		s.later(time.Hour)
		if s.wantWhere(j.ID); t.Failed() {
			t.Fatal(trigger)
		}
	}
	s.republish(j.ID, definition(`{"type":"segment","on":"entered","segment_id":1}`, send("m")))
	_, err = s.db.Exec(t.Context(), `UPDATE contacts SET country = 'Iceland'`)
	s.must(err)
	s.later(time.Hour)
	s.wantWhere(j.ID, "C2 v6 finished m")
}

// An order whose time has not run out yet counts for a new trigger that waits for what
// does not happen, as it does for a new journey.
func TestANewWinBackCountsTheOrdersItStillWaitsFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.later(10 * 24 * time.Hour)
	j := s.journey(definition(`{"type":"event","name":"x"}`, send("m")))
	s.republish(j.ID, definition(`{"type":"win_back","within":"P30D"}`, send("m")))
	s.work()
	s.wantWhere(j.ID, "C1 v2 pending")
}

func TestPublishTakesTemplatesAsTheyAreNow(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(definition(onOrder, send("m")))
	again, err := Publish(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	if again.Version != 1 {
		t.Errorf("published again, nothing changed: version %d", again.Version)
	}
	_, _, err = templates.Update(t.Context(), s.db, s.now, 1, "care-tips", templates.Source{Subject: "Better care", HTML: `<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>`})
	s.must(err)
	again, err = Publish(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	if again.Version != 2 || *again.LiveVersion != 2 {
		t.Errorf("%+v", again)
	}
	if got := s.texts(`SELECT journey_version || ': ' || template_version FROM runs ORDER BY id`); !slices.Equal(got, []string{"1: 1", "2: 2"}) {
		t.Errorf("runs: %q", got)
	}
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.work()
	s.wantWhere(j.ID, "C1 v2 finished m")
}
