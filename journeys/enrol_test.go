package journeys

import (
	"slices"
	"testing"
	"time"
)

// The shop takes an order back and places it again after its enrolment has entered.
func TestAnOrderEntersOnceThoughItIsPlacedAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(`{"trigger":{"type":"not_bought","within":"P14D","unless":` + sinceRule + `},"exit":{"on_refund":false},"steps":[` + send("m") + `]}`)
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.later(14 * 24 * time.Hour)
	s.wantWhere(j.ID, "C1 v1 finished m")
	_, err := s.db.Exec(t.Context(), `UPDATE orders SET status = 'cancelled', updated_at = $1`, s.now)
	s.must(err)
	s.later(time.Hour)
	_, err = s.db.Exec(t.Context(), `UPDATE orders SET status = 'placed', updated_at = $1`, s.now)
	s.must(err)
	s.later(time.Hour)
	s.later(14 * 24 * time.Hour)
	s.wantWhere(j.ID, "C1 v1 finished m")
}

func TestAJourneySubscribesNobodyWhoUnsubscribed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.journey(definition(onOrder, `{"id":"u","type":"update_contact","subscribe":["care","news"],"unsubscribe":["offers"]}`, send("m")))
	for contact, state := range map[string]string{"C1": "unsubscribed", "C2": "pending", "C3": "subscribed"} {
		id := s.contact(contact)
		_, err := s.db.Exec(t.Context(), `UPDATE consents SET state = $2, source = 'page' WHERE contact_id = $1`, id, state)
		s.must(err)
		s.order(contact, "O"+contact, "X", "placed")
	}
	s.work()
	got := s.texts(`SELECT external_id || ' ' || topic || ' ' || state || ' ' || source FROM consents s JOIN contacts c ON c.id = s.contact_id ORDER BY 1`)
	if want := []string{
		"C1 care subscribed journey 1", "C1 news unsubscribed page", "C1 offers unsubscribed journey 1",
		"C2 care subscribed journey 1", "C2 news subscribed journey 1", "C2 offers unsubscribed journey 1",
		"C3 care subscribed journey 1", "C3 news subscribed page", "C3 offers unsubscribed journey 1",
	}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := s.texts(`SELECT c.external_id || ' ' || e.reason FROM enrolments e JOIN contacts c ON c.id = e.contact_id WHERE e.status = 'exited'`); !slices.Equal(got, []string{"C1 unsubscribed"}) {
		t.Errorf("left: %q", got)
	}
}

func TestAPendingEnrolmentOutlivesItsOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(`{"trigger":{"type":"win_back","within":"P1D"},"steps":[` + send("m") + `]}`)
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.work()
	_, err := s.db.Exec(t.Context(), `DELETE FROM orders`)
	s.must(err)
	s.later(24 * time.Hour)
	s.wantWhere(j.ID, "C1 v1 finished m")
}

// Once per order, and not for one that comes too soon: the order is the key, and the
// contact is left in peace all the same.
func TestOncePerOrderAndNotTooSoon(t *testing.T) {
	t.Parallel()
	for trigger, want := range map[string][]string{
		onOrder: {"C1 v1 finished m", "C1 v1 finished m", "C2 v1 finished m"},
		`{"type":"not_bought","within":"P1D","unless":{"field":"bought.product","operator":"bought","value":"Y","from":"trigger"}}`: {
			"C1 v1 finished m", "C1 v1 dropped", "C1 v1 finished m", "C2 v1 finished m"},
	} {
		s := newShop(t)
		s.contact("C1")
		s.contact("C2")
		j := s.journey(`{"trigger":` + trigger + `,"entry":{"key":"order","again_after":"P30D"},"steps":[` + send("m") + `]}`)
		s.later(time.Second)
		for day := range 35 {
			switch day {
			case 0:
				for range 3 {
					s.order("C1", "O1", "X", "placed")
				}
			case 10:
				s.order("C1", "O2", "X", "placed") // too soon
			case 31:
				s.order("C1", "O3", "X", "placed")
				s.order("C2", "O4", "X", "placed")
			}
			s.work()
			s.later(24 * time.Hour)
		}
		s.wantWhere(j.ID, want...)
	}
}

// The example that the design began with, as JSON.
func TestTheFirstExample(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(`{
		"trigger": {"type": "order", "on": "placed", "where": null},
		"entry": {"key": "order", "again_after": "P30D"},
		"exit": {"goal": null, "on_refund": true},
		"steps": [
			{"id": "thanks", "type": "send", "template_id": 1, "sender": {"name": "Shop", "address": "news@shop.example"}, "topic": "orders"},
			{"id": "pause", "type": "wait", "for": "P14D"},
			{"id": "bought", "type": "branch", "if": ` + sinceRule + `, "then": [{"id": "done", "type": "exit"}], "else": [` + mailStep + `]}
		]}`))
	if err != nil {
		t.Error(err)
	}
}
