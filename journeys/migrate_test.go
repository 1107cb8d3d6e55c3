package journeys

import (
	"errors"
	"slices"
	"testing"
	"time"

	"posthorn/internal/fault"
)

func (s *shop) migrate(id int64, dryRun bool) Migration {
	s.t.Helper()
	m, err := Migrate(s.t.Context(), s.db, s.now, id, dryRun)
	s.must(err)
	return m
}

func TestMigrateMovesWhoWaitsAtAStepThatIsStillThere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	event := `{"id":"click","type":"wait_until","event":"clicked","timeout":"P9D"}`
	j := s.journey(definition(onOrder, wait("a", "P10D"), wait("b", "P10D"), event))
	s.contact("C1")
	s.contact("C2")
	s.contact("C3")
	s.order("C1", "O1", "X", "placed")
	s.work()
	s.later(10 * 24 * time.Hour) // C1 is at b
	s.order("C2", "O2", "X", "placed")
	s.work()
	s.later(2 * 24 * time.Hour) // C2 is at a, for two days
	s.wantWhere(j.ID, "C1 v1 waiting b", "C2 v1 waiting a")

	// b is of another type, a is shorter, and click is gone.
	s.republish(j.ID, definition(onOrder, wait("a", "P1D"), send("b")))
	s.order("C3", "O3", "X", "placed")
	s.work()
	dry := s.migrate(j.ID, true)
	s.wantWhere(j.ID, "C1 v1 waiting b", "C2 v1 waiting a", "C3 v2 waiting a")
	real := s.migrate(j.ID, false)
	for _, m := range []Migration{dry, real} {
		want := []Part{{Version: 1, Step: "a", Moved: 1}, {Version: 1, Step: "b", Stayed: 1, Why: "the step is of type send in the live version, not wait"}}
		if m.LiveVersion != 2 || m.Moved != 1 || m.Stayed != 1 || !slices.Equal(m.Parts, want) {
			t.Errorf("%+v", m)
		}
	}
	if !dry.DryRun || real.DryRun {
		t.Error("dry_run is not said")
	}
	s.work() // two days at a were enough
	s.wantWhere(j.ID, "C1 v1 waiting b", "C2 v2 finished b", "C3 v2 waiting a")
	if got := s.texts(`SELECT what || ': ' || why FROM enrolment_steps s JOIN enrolments e ON e.id = s.enrolment_id WHERE e.key = 'order:2' ORDER BY n`); !slices.Equal(got,
		[]string{"entered: order O2 was placed", "migrated: moved from version 1 to version 2", "waited: the wait is over", "mail: the mail was due", "finished: came to the end"}) {
		t.Errorf("%q", got)
	}
	if m := s.migrate(j.ID, false); m.Moved != 0 || m.Stayed != 1 {
		t.Errorf("again: %+v", m)
	}
	s.later(10 * 24 * time.Hour)
	s.wantWhere(j.ID, "C1 v1 waiting click", "C2 v2 finished b", "C3 v2 finished b")
	if m := s.migrate(j.ID, false); m.Parts[0].Why != "the step is not in the live version" {
		t.Errorf("%+v", m)
	}
}

func TestMigrateSendsNoMailTwice(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(definition(onOrder, send("tips"), wait("a", "P10D"), send("more")))
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.work()
	branch := `{"id":"which","type":"branch","if":{"field":"country","operator":"=","value":"Iceland"},"then":[` + send("tips") + `],"else":[` + send("more") + `]}`
	s.republish(j.ID, definition(onOrder, wait("a", "P1D"), branch))
	m := s.migrate(j.ID, false)
	if m.Stayed != 1 || m.Parts[0].Why != `some got the mail of step "tips" already, which comes after it in the live version` {
		t.Errorf("%+v", m)
	}
	s.later(10 * 24 * time.Hour)
	s.wantWhere(j.ID, "C1 v1 finished more")
}

func TestMigrateWhoHasNotBegun(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const winBack = `{"type":"win_back","within":"P30D"}`
	j := s.journey(definition(winBack, send("hello")))
	s.contact("C1")
	s.order("C1", "O1", "X", "placed")
	s.work()
	s.wantWhere(j.ID, "C1 v1 pending")

	s.republish(j.ID, definition(onOrder, send("hello")))
	if m := s.migrate(j.ID, false); m.Stayed != 1 || m.Parts[0].Why != "the live version's trigger is order, not win_back" {
		t.Errorf("%+v", m)
	}
	s.republish(j.ID, definition(`{"type":"win_back","within":"P10D"}`, wait("a", "P1D"), send("hello")))
	if m := s.migrate(j.ID, false); m.Moved != 1 {
		t.Errorf("%+v", m)
	}
	s.later(9 * 24 * time.Hour)
	s.wantWhere(j.ID, "C1 v3 pending")
	s.later(24 * time.Hour)
	s.wantWhere(j.ID, "C1 v3 waiting a")
}

// More than one batch, with contacts that a worker locks at the same time.
func TestMigrateManyWhileTheyAdvance(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.journey(definition(onOrder, wait("a", "P1D"), wait("b", "P1D")))
	const n = 1200
	_, err := s.db.Exec(t.Context(), `
		INSERT INTO contacts (external_id, created_at, updated_at) SELECT 'C' || g, $1, $1 FROM generate_series(1, $2::int) AS g`, s.now, n)
	s.must(err)
	_, err = s.db.Exec(t.Context(), `
		INSERT INTO enrolments (journey_id, version, contact_id, key, status, position, since, due_at, trigger_at, entered_at, created_at, updated_at)
		SELECT $1, 1, id, 'contact:' || id, 'waiting', 'a', $2, $2::timestamptz + interval '1 day', $2, $2, $2, $2 FROM contacts`, j.ID, s.now)
	s.must(err)
	s.republish(j.ID, definition(onOrder, wait("a", "P1D"), wait("b", "P2D")))
	s.now = s.now.Add(24 * time.Hour)
	done := make(chan error)
	go func() {
		for range 6 {
			if _, err := s.engine.Advance(t.Context(), s.db, s.now, j.ID); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	m := s.migrate(j.ID, false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if m.Moved != n {
		t.Errorf("%+v", m)
	}
	s.work()
	all, err := Count(t.Context(), s.db, j.ID)
	s.must(err)
	if all.Total.Waiting != n || all.Versions[2] == nil || all.Versions[2].Waiting != n || all.Steps["b"].Waiting != n {
		t.Errorf("%s", pretty(all))
	}
}

func TestMigrateNeedsALiveVersion(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j, err := Create(t.Context(), s.db, s.now, "Draft", []byte(definition(onOrder, send("a"))))
	s.must(err)
	var conflict *fault.Conflict
	if _, err := Migrate(t.Context(), s.db, s.now, j.ID, true); !errors.As(err, &conflict) {
		t.Errorf("%v, want a conflict", err)
	}
	var notFound *fault.NotFound
	if _, err := Migrate(t.Context(), s.db, s.now, 99, true); !errors.As(err, &notFound) {
		t.Errorf("%v, want not found", err)
	}
}
