package journeys

import (
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
