package journeys

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// soon is a journey that a contact enters once for each order, but not twice a month.
const soon = `{"trigger": {"type": "order", "on": "placed"}, "entry": {"key": "order", "again_after": "P30D"},
	"steps": [{"id": "thanks", "type": "send", "template_id": %d, "sender": {"address": "news@shop.example"}, "topic": "orders"}]}`

// An old order comes back together with a new one: it has been in the journey, and
// must not keep the new one out.
func TestAnOrderThatCameBackKeepsNoOtherOut(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.contact(1)
	j := s.journey(soon)
	s.now = s.now.Add(time.Minute)
	s.order("OLD", "c1", "placed", "CO")
	s.work()
	first := s.now
	s.later(40 * day24)
	again := func(id string, at time.Time, status string) {
		now := s.now
		s.now = at
		s.order(id, "c1", status, "CO")
		s.now = now
	}
	again("OLD", first, "cancelled")
	again("OLD", first, "placed")
	s.order("NEW", "c1", "placed", "CO")
	s.work()
	if got, want := s.reasons(j), []string{"finished ", "finished "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q: the new order was kept out", got, want)
	}
	// What comes too soon after it is.
	s.now = s.now.Add(29 * day24)
	s.order("SOON", "c1", "placed", "CO")
	s.work()
	s.now = s.now.Add(day24)
	s.order("THEN", "c1", "placed", "CO")
	s.work()
	if got := s.reasons(j); len(got) != 3 {
		t.Errorf("%q, want a third", got)
	}
}

// What came too soon leaves no row, and is explained all the same.
func TestExplainSaysWhatCameTooSoon(t *testing.T) {
	t.Parallel()
	visited := `{"type":"event","name":"visited"}`
	for _, c := range []struct {
		name, trigger, entry string
		want                 []string
	}{
		{"an order", onOrder, `{"again_after":"P30D"}`, []string{
			"order O3 of 2026-03-26 09:26 UTC did not enter: the contact had entered on 2026-03-14 09:27 UTC and may again from 2026-04-13 09:27 UTC",
			"order O2 of 2026-03-14 09:28 UTC did not enter: the contact had entered on 2026-03-14 09:27 UTC and may again from 2026-04-13 09:27 UTC"}},
		{"once ever", onOrder, `{"key":"contact"}`, []string{
			"order O4 of 2026-04-25 09:26 UTC did not enter: the contact had entered on 2026-03-14 09:27 UTC and enters only once",
			"order O3 of 2026-03-26 09:26 UTC did not enter: the contact had entered on 2026-03-14 09:27 UTC and enters only once",
			"order O2 of 2026-03-14 09:28 UTC did not enter: the contact had entered on 2026-03-14 09:27 UTC and enters only once"}},
		{"each order", onOrder, `{}`, nil},
		{"one that does not fit", `{"type":"order","on":"placed","where":{"field":"order.product","operator":"bought","value":"X"}}`, `{"again_after":"P30D"}`, []string{
			"order O3 of 2026-03-26 09:26 UTC did not enter: the contact had entered on 2026-03-14 09:27 UTC and may again from 2026-04-13 09:27 UTC"}},
		{"an event", visited, `{"again_after":"P30D"}`, []string{
			`event "visited" of 2026-03-26 09:26 UTC did not enter: the contact had entered on 2026-03-14 09:27 UTC and may again from 2026-04-13 09:27 UTC`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.contact("C1")
			j := s.journey(`{"trigger":` + c.trigger + `,"entry":` + c.entry + `,"steps":[` + send("m") + `]}`)
			place := func(after time.Duration, id, sku string) {
				s.now = s.now.Add(after)
				s.order("C1", id, sku, "placed")
				if id != "O2" {
					s.event("C1", "visited")
				}
			}
			place(time.Minute, "O1", "X")
			s.work()
			place(time.Minute, "O2", "Y")
			s.work()
			place(12*day24-2*time.Minute, "O3", "X")
			if got := s.explain(j.ID, "C1").LeftOut; slices.ContainsFunc(got, func(s Sentence) bool { return strings.Contains(s.Text, "O3") }) {
				t.Errorf("%v, although O3 was not looked at", got)
			}
			s.work()
			place(30*day24, "O4", "X")
			s.work()
			var got []string
			for _, s := range s.explain(j.ID, "C1").LeftOut {
				got = append(got, s.Text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Two orders of one batch are looked at together, later: the second came too soon.
func TestExplainSaysWhatCameTooSoonInABatch(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.contact("C1")
	j := s.journey(`{"trigger":` + onOrder + `,"entry":{"again_after":"P30D"},"steps":[` + send("m") + `]}`)
	s.now = s.now.Add(time.Minute)
	s.order("C1", "O1", "X", "placed")
	s.order("C1", "O2", "X", "placed")
	s.later(time.Hour)
	want := "order O2 of 2026-03-14 09:27 UTC did not enter: the contact had entered on 2026-03-14 10:27 UTC and may again from 2026-04-13 10:27 UTC"
	if got := s.explain(j.ID, "C1").LeftOut; len(got) != 1 || got[0].Text != want {
		t.Errorf("%v, want %q", got, want)
	}
}
