package journeys

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"posthorn/internal/fault"
	"posthorn/messages"
)

// Whoever is under way in a journey that is archived leaves it, whatever they wait for,
// and nothing more is sent.
func TestArchivingEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(definition(onOrder, send("first"), wait("w", "P1D"), send("second")))
	other := s.journey(definition(onOrder, wait("w", "P1D")))
	pending := s.journey(definition(`{"type":"win_back","within":"P30D"}`, send("m")))
	s.later(time.Second)
	for i := range 5 {
		s.contact(fmt.Sprint("C", i))
		s.order(fmt.Sprint("C", i), fmt.Sprint("O", i), "X", "placed")
	}
	s.work()
	// Somebody has come to the end, with a mail that waits.
	s.later(24 * time.Hour)
	s.contact("C9")
	s.order("C9", "O9", "X", "placed")
	s.work()
	for _, id := range []int64{j.ID, pending.ID} {
		_, err := Archive(t.Context(), s.db, s.now, id)
		s.must(err)
	}
	// One of its chunks is with a worker.
	_, err := s.db.Exec(t.Context(), `UPDATE chunks SET lease_until = now() + interval '1 hour' WHERE id = (SELECT min(k.id) FROM chunks k JOIN runs r ON r.id = k.run_id WHERE r.journey_id = $1)`, j.ID)
	s.must(err)
	s.order("C9", "O10", "X", "placed") // concerns nobody any more
	for range 10 {
		due, err := FindDue(t.Context(), s.db, s.now)
		s.must(err)
		for _, id := range due.Journeys {
			_, err := s.engine.Advance(t.Context(), s.db, s.now, id)
			s.must(err)
		}
	}
	s.wantWhere(j.ID, "C0 v1 finished second", "C1 v1 finished second", "C2 v1 finished second", "C3 v1 finished second", "C4 v1 finished second", "C9 v1 exited w")
	s.wantWhere(pending.ID, "C0 v1 dropped", "C1 v1 dropped", "C2 v1 dropped", "C3 v1 dropped", "C4 v1 dropped", "C9 v1 dropped")
	if got := s.texts(`SELECT DISTINCT status || ' ' || reason FROM enrolments WHERE journey_id IN ($1, $2) AND due_at IS NULL AND reason <> ''`, j.ID, pending.ID); len(got) != 2 || !slices.Contains(got, "exited archived") {
		t.Errorf("%q", got)
	}
	if got := s.texts(`SELECT e.status || ': ' || s.why FROM enrolment_steps s JOIN enrolments e ON e.id = s.enrolment_id WHERE s.n = (SELECT max(n) FROM enrolment_steps WHERE enrolment_id = e.id) AND e.reason = 'archived' GROUP BY 1 ORDER BY 1`); !slices.Equal(got, []string{"dropped: the journey was archived", "exited: the journey was archived"}) {
		t.Errorf("%q", got)
	}
	counts, err := Count(t.Context(), s.db, j.ID)
	if err != nil || counts.Total.Waiting != 0 || counts.Total.Exited != 1 || counts.Steps["w"].Exited != 1 {
		t.Errorf("%+v, %v", counts, err)
	}

	// The chunk that a worker had comes back, and is settled, too.
	states := func() []string {
		return s.texts(`SELECT r.step || ' ' || m.state || ' ' || m.reason || ' ' || count(*) FROM messages m JOIN runs r ON r.id = m.run_id WHERE r.journey_id = $1 GROUP BY r.step, m.state, m.reason ORDER BY 1`, j.ID)
	}
	if got := states(); !slices.Equal(got, []string{"first cancelled journey_left 1", "first planned  5", "second cancelled journey_archived 5"}) {
		t.Errorf("%q", got)
	}
	_, err = s.db.Exec(t.Context(), `UPDATE chunks SET lease_until = NULL`)
	s.must(err)
	s.work()
	if got := states(); !slices.Equal(got, []string{"first cancelled journey_archived 5", "first cancelled journey_left 1", "second cancelled journey_archived 5"}) {
		t.Errorf("%q", got)
	}
	if due, err := FindDue(t.Context(), s.db, s.now.AddDate(1, 0, 0)); err != nil || !slices.Equal(due.Journeys, []int64{other.ID}) {
		t.Errorf("%+v, %v", due, err)
	}
	mails, err := CountMails(t.Context(), s.db, j.ID)
	if err != nil || mails["first"][messages.Cancelled] != 6 || mails["second"][messages.Cancelled] != 5 {
		t.Errorf("%+v, %v", mails, err)
	}
	if e, err := Explain(t.Context(), s.db, s.now, j.ID, "C9", nil); err != nil || e.Enrolments[0].Sentences[len(e.Enrolments[0].Sentences)-1].Text != "left: the journey was archived" {
		t.Errorf("%+v, %v", e, err)
	}
}

// A paused journey has people before their first step: they leave as well.
func TestArchivingAPausedJourney(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(definition(onOrder, send("m")))
	_, err := Pause(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	s.later(time.Second)
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.work()
	s.wantWhere(j.ID, "C1 v1 active")
	_, err = Archive(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	s.work()
	s.wantWhere(j.ID, "C1 v1 exited")
}

func TestAnArchivedJourneyIsNotChanged(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(definition(onOrder, send("m")))
	_, err := Archive(t.Context(), s.db, s.now, j.ID)
	s.must(err)
	_, err = Update(t.Context(), s.db, s.now, j.ID, "Other", []byte(definition(onOrder, send("m"))))
	var conflict *fault.Conflict
	if !errors.As(err, &conflict) || conflict.State != Archived {
		t.Errorf("%v", err)
	}
}

func TestVersionsSayWho(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j, err := Create(t.Context(), s.db, s.now, "J", []byte(definition(onOrder, send("a"))), By("Anna"))
	s.must(err)
	saved := s.now
	s.now = s.now.Add(time.Minute)
	_, err = Update(t.Context(), s.db, s.now, j.ID, "J", []byte(definition(onOrder, send("b"))), By("Ben"), Over(saved))
	s.must(err)
	// The draft was replaced: it has the same number, and is another one.
	_, err = Update(t.Context(), s.db, s.now, j.ID, "J", []byte(definition(onOrder, send("c"))), Over(saved))
	var conflict *fault.Conflict
	if !errors.As(err, &conflict) {
		t.Errorf("%v", err)
	}
	_, err = Publish(t.Context(), s.db, s.now, j.ID, By("Carl"))
	s.must(err)
	versions, err := Versions(t.Context(), s.db, j.ID)
	if err != nil || len(versions) != 1 || versions[0].CreatedBy != "Ben" || versions[0].PublishedBy != "Carl" || !versions[0].CreatedAt.Equal(s.now) {
		t.Errorf("%+v, %v", versions, err)
	}
	_, err = Publish(t.Context(), s.db, s.now, j.ID, By("Dora"))
	s.must(err)
	if v, err := GetVersion(t.Context(), s.db, j.ID, 1); err != nil || v.PublishedBy != "Carl" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestListSaysWhatAJourneyDoes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	live := s.journey(definition(onOrder, send("m"), wait("w", "P1D")))
	_, err := Update(t.Context(), s.db, s.now, live.ID, "Journey", []byte(definition(`{"type":"event","name":"x"}`, send("m"))))
	s.must(err)
	draft, err := Create(t.Context(), s.db, s.now, "100% draft", []byte(definition(`{"type":"event","name":"x"}`, send("m"))))
	s.must(err)
	s.later(time.Second)
	for i := range 3 {
		s.contact(fmt.Sprint("C", i))
		s.order(fmt.Sprint("C", i), fmt.Sprint("O", i), "X", "placed")
	}
	s.work()
	list, next, err := List(t.Context(), s.db, Filter{Limit: 1})
	if err != nil || next != draft.ID || len(list) != 1 || list[0].ID != draft.ID || list[0].Trigger != (Listener{OnEvent, "", "x"}) || list[0].Steps != 1 || list[0].Counts != (Counts{}) {
		t.Errorf("%+v, %d, %v", list, next, err)
	}
	list, next, err = List(t.Context(), s.db, Filter{Limit: 1, Cursor: next})
	if err != nil || next != 0 || len(list) != 1 || list[0].ID != live.ID || list[0].Trigger != (Listener{OnOrder, "placed", ""}) || list[0].Steps != 2 || list[0].Counts.Waiting != 3 || list[0].Counts.Enrolled != 3 {
		t.Errorf("%+v, %d, %v", list, next, err)
	}
	for _, c := range []struct {
		f    Filter
		want int
	}{{Filter{Status: []string{Draft}}, 1}, {Filter{Status: []string{Draft, Live}}, 2}, {Filter{Status: []string{Archived}}, 0}, {Filter{Query: "0% DR"}, 1}, {Filter{Query: "_"}, 0}} {
		if list, _, err := List(t.Context(), s.db, c.f); err != nil || len(list) != c.want {
			t.Errorf("%+v: %d, %v", c.f, len(list), err)
		}
	}
	at, _, err := Enrolments(t.Context(), s.db, live.ID, EnrolmentFilter{Step: "w", Status: Waiting, Limit: 2})
	if err != nil || len(at) != 2 {
		t.Errorf("%+v, %v", at, err)
	}
	if at, _, err := Enrolments(t.Context(), s.db, live.ID, EnrolmentFilter{Step: "m"}); err != nil || len(at) != 0 {
		t.Errorf("%+v, %v", at, err)
	}
}
