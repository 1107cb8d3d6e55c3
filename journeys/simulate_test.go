package journeys

import (
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
