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
