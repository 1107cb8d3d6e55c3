package worker

import (
	"context"
	"testing"

	"posthorn/internal/clock"
	"posthorn/internal/pgtest"
	"posthorn/messages"
	"posthorn/templates"
	"posthorn/tracking"
)

// TestAMailTellsOfItsOwnTrigger: mails of one batch may be to the same contact for
// different orders and events, or for some that were deleted meanwhile.
func TestAMailTellsOfItsOwnTrigger(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	var contact, first, second, event int64
	err := pool.QueryRow(ctx, `
		WITH c AS (
			INSERT INTO contacts (external_id, email, created_at, updated_at)
			VALUES ('C-1', 'pat@x.example', now(), now())
			RETURNING id
		), o AS (
			INSERT INTO orders (external_id, contact_id, placed_at, status, created_at, updated_at)
			SELECT 'O-' || n, c.id, now(), 'refunded', now(), now() FROM c, generate_series(1, 2) n
			RETURNING id
		), e AS (
			INSERT INTO events (contact_id, name, properties, occurred_at, received_at)
			SELECT c.id, 'reviewed', '{"stars": 5}', now(), now() FROM c
			RETURNING id
		)
		SELECT c.id, (SELECT min(id) FROM o), (SELECT max(id) FROM o), e.id FROM c, e`).Scan(&contact, &first, &second, &event)
	if err != nil {
		t.Fatal(err)
	}
	liquid := "{{ campaign.name }}/{{ campaign.topic }}/{{ campaign.id }}/{{ order.id }}{{ event.name }}{{ event.properties.stars }}"
	renderer, err := templates.NewRenderer(templates.Version{Subject: liquid})
	if err != nil {
		t.Fatal(err)
	}
	s := &shift{
		Worker:   &Worker{Deps: Deps{Pool: pool, Clock: clock.System, Links: tracking.NewLinks("https://mail.x.example", "a secret for tests, long enough")}},
		Chunk:    messages.Chunk{Kind: messages.OfJourney, JourneyID: 3, Name: "Thanks", Topic: "orders", Sender: messages.Sender{Address: "shop@x.example"}},
		renderer: renderer,
	}
	gone := int64(999_999)
	batch := []messages.Claimed{
		{ID: 1, ContactID: &contact, Enrolment: &messages.Enrolment{OrderID: &first}},
		{ID: 2, ContactID: &contact, Enrolment: &messages.Enrolment{OrderID: &second}},
		{ID: 3, ContactID: &contact, Enrolment: &messages.Enrolment{EventID: &event}},
		{ID: 4, ContactID: &contact, Enrolment: &messages.Enrolment{OrderID: &gone}},
		{ID: 5, ContactID: &contact},
		{ID: 6, Skip: "contact_deleted"},
	}
	facts, err := s.loadFacts(ctx, batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"O-1", "O-2", "reviewed5", "", ""} {
		mail, err := s.compose(ctx, batch[i], facts)
		if err != nil {
			t.Fatal(err)
		}
		if want = "Thanks/orders//" + want; mail.Subject != want {
			t.Errorf("mail %d: %q, want %q", i+1, mail.Subject, want)
		}
		if mail.ListID != "orders.x.example" || mail.ListUnsubscribeURL == "" {
			t.Errorf("mail %d: List-Id %q, List-Unsubscribe %q", i+1, mail.ListID, mail.ListUnsubscribeURL)
		}
	}
}
