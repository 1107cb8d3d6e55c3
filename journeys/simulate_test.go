package journeys

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"posthorn/contacts"
)

// What nobody would get is no mail: the simulator says why, as the claim would.
func TestSimulateSkipsWhatWouldNotBeSent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.contact("fine")
	s.contact("suppressed")
	s.must(contacts.Suppress(t.Context(), s.db, s.now, "suppressed@example.com", contacts.CauseManual, ""))
	email := "stranger@example.com"
	for _, in := range []contacts.Input{{ExternalID: "stranger", Email: &email}, {ExternalID: "nowhere", Topics: map[string]string{"news": "subscribed"}}} {
		_, _, err := contacts.Upsert(t.Context(), s.db, s.now, in, "test")
		s.must(err)
	}
	for _, who := range []string{"fine", "suppressed", "stranger", "nowhere"} {
		s.order(who, "O-"+who, "X", "placed")
	}
	owed := `{"id":"owed","type":"send","template_id":1,"topic":"news","transactional":true,"sender":{"address":"news@shop.example"}}`
	subscribe := `{"id":"u","type":"update_contact","subscribe":["care"]}`
	care := `{"id":"care","type":"send","template_id":1,"topic":"care","sender":{"address":"news@shop.example"}}`
	d, err := Parse([]byte(definition(onOrder, owed, subscribe, care, send("m"))))
	s.must(err)
	got := map[string][]string{}
	report, err := Simulate(t.Context(), s.db, 1, d, Simulation{From: s.now, To: s.now.Add(time.Hour), Each: func(m Mail) error {
		got[m.Contact] = append(got[m.Contact], m.Step+" "+m.Skipped)
		return nil
	}})
	s.must(err)
	want := map[string][]string{
		"fine":       {"owed ", "care ", "m "},
		"suppressed": {"owed suppressed"}, // and leaves
		"stranger":   {"owed ", "care ", "m no_consent"},
		"nowhere":    {"owed invalid_address", "care invalid_address", "m invalid_address"},
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
	if want := map[string]int{"suppressed": 1, "no_consent": 1, "invalid_address": 3}; report.Mails != 5 || !maps.Equal(report.Skipped, want) || report.BusiestHour.Mails != 5 {
		t.Errorf("%+v", report)
	}
}

// What came to a step went on, left, or is still there.
func TestSimulateSaysWhatBecameOfContactsAtEachStep(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	abroad := `{"field":"country","operator":"=","value":"Iceland"}`
	d, err := Parse([]byte(`{"trigger":` + onOrder + `,"entry":{"key":"contact"},"exit":{"goal":{"field":"bought.product","operator":"bought","value":"G","from":"trigger"}},"steps":[` +
		`{"id":"way","type":"branch","if":` + abroad + `,"then":[{"id":"bye","type":"exit","reason":"abroad"}]},` +
		`{"id":"lot","type":"split","paths":[{"weight":1,"steps":[` + wait("short", "P1D") + `]},{"weight":1,"steps":[` + wait("long", "P60D") + `]}]},` +
		`{"id":"until","type":"wait_until","event":"clicked","timeout":"P2D","then":[` + send("thanks") + `],"else":[` + send("reminder") + `]}]}`))
	s.must(err)
	begin := s.now
	for i := range 40 {
		id := fmt.Sprint("C", i)
		s.contact(id)
		if i%8 == 0 {
			_, err := s.db.Exec(t.Context(), `UPDATE contacts SET country = 'Iceland' WHERE external_id = $1`, id)
			s.must(err)
		}
		s.order(id, "O-"+id, "X", "placed")
	}
	s.now = begin.Add(30 * time.Hour)
	for i := range 40 {
		id := fmt.Sprint("C", i)
		switch {
		case i%5 == 1:
			s.order(id, "G-"+id, "G", "placed")
		case i%5 == 2:
			s.event(id, "clicked")
		case i%5 == 3:
			s.must(contacts.SetConsent(t.Context(), s.db, s.now, mustID(s, id), "news", contacts.Unsubscribed, "test"))
		}
	}
	report, err := Simulate(t.Context(), s.db, 1, d, Simulation{From: begin, To: begin.AddDate(0, 0, 10)})
	s.must(err)
	at := report.Steps
	if len(at) != 8 || at["way"].Came != 40 || at["way"].Ways["then"] != 5 || at["bye"].Left != 5 || at["bye"].Came != 5 || at["lot"].Came != 35 {
		t.Errorf("%s", pretty(report))
	}
	if at["lot"].Ways["path 1"] != at["short"].Came || at["lot"].Ways["path 2"] != at["long"].Came || at["short"].Came == 0 || at["long"].Came == 0 {
		t.Errorf("%s", pretty(at))
	}
	for id, a := range at {
		on := 0
		for _, n := range a.Ways {
			on += n
		}
		switch id {
		case "way", "lot", "until":
			if a.Came != on+a.Left+a.Waiting {
				t.Errorf("%s: %s", id, pretty(a))
			}
		case "thanks", "reminder":
			if a.Came != a.Mails+a.Skipped+a.Left {
				t.Errorf("%s: %s", id, pretty(a))
			}
		case "long":
			if a.Came != a.Waiting+a.Left || a.Left == 0 {
				t.Errorf("%s: %s", id, pretty(a))
			}
		}
	}
	if at["thanks"].Came != at["until"].Ways["then"] || at["reminder"].Came != at["until"].Ways["else"] || at["until"].Ways["then"] == 0 || at["reminder"].Left == 0 {
		t.Errorf("%s", pretty(at))
	}
	if report.Reasons[ReasonStep] != 5 || report.Reasons[ReasonGoal] == 0 || report.Reasons[ReasonUnsubscribed] != at["reminder"].Left {
		t.Errorf("%v", report.Reasons)
	}
}

func mustID(s *shop, external string) int64 {
	s.t.Helper()
	c, err := contacts.ByExternalID(s.t.Context(), s.db, external)
	s.must(err)
	return c.ID
}
