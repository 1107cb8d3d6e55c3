package journeys

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
	"posthorn/segments"
)

// TestEveryTransitionOfAnEnrolment lists each status with each: whether an enrolment may
// go from the one to the other.
func TestEveryTransitionOfAnEnrolment(t *testing.T) {
	t.Parallel()
	const yes, no = true, false
	table := map[Status][]bool{
		//        pending active waiting finished exited dropped
		Pending:  {no, no, yes, yes, yes, yes},
		Active:   {no, no, yes, yes, yes, no},
		Waiting:  {no, no, yes, yes, yes, no},
		Finished: {no, no, no, no, no, no},
		Exited:   {no, no, no, no, no, no},
		Dropped:  {no, no, no, no, no, no},
	}
	if len(table) != len(Statuses) {
		t.Fatalf("the table knows %d statuses, there are %d", len(table), len(Statuses))
	}
	for from, row := range table {
		for i, to := range Statuses {
			if got := from.CanBecome(to); got != row[i] {
				t.Errorf("%s to %s: %v, want %v", from, to, got, row[i])
			}
		}
		if over := !slices.Contains(row, yes); from.Over() != over {
			t.Errorf("%s is over: %v, want %v", from, from.Over(), over)
		}
	}
}

// TestEveryLegalTransitionHappens has a decision come to each of them, and to no step
// where nothing more may happen.
func TestEveryLegalTransitionHappens(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	const (
		afterwards = `{"type":"win_back","within":"P1D"}`
		never      = `{"id":"u","type":"wait_until","event":"never","timeout":"P1D","else":[` + mailStep + `]}`
	)
	var (
		pause = wait("w", "P2D")
		fine  = segments.Facts{ExternalID: "C1"}
		gone  = segments.Facts{ExternalID: "C1", Consents: map[string]string{"news": "unsubscribed"}}
		again = segments.Facts{ExternalID: "C1", Orders: []segments.OrderFact{{ID: 2, Status: "placed", PlacedAt: now.Add(-time.Hour)}}}
		at    = func(s Status, step string) State {
			return State{Status: s, Position: step, Since: now.AddDate(0, 0, -2)}
		}
		happen = map[[2]Status]bool{}
	)
	for _, c := range []struct {
		trigger string
		steps   []string
		state   State
		facts   segments.Facts
		want    Status
		reason  string
	}{
		{afterwards, []string{pause}, at(Pending, ""), fine, Waiting, ""},
		{afterwards, []string{send("m")}, at(Pending, ""), fine, Finished, ""},
		{afterwards, []string{send("m")}, at(Pending, ""), gone, Exited, ReasonUnsubscribed},
		{afterwards, []string{send("m")}, at(Pending, ""), again, Dropped, ReasonHappened},
		{onOrder, []string{pause}, at(Active, ""), fine, Waiting, ""},
		{onOrder, []string{send("m")}, at(Active, ""), fine, Finished, ""},
		{onOrder, []string{`{"id":"x","type":"exit"}`}, at(Active, ""), fine, Finished, ReasonStep},
		{onOrder, []string{send("m")}, at(Active, ""), gone, Exited, ReasonUnsubscribed},
		{onOrder, []string{wait("first", "P1D"), pause}, at(Waiting, "first"), fine, Waiting, ""},
		{onOrder, []string{pause, send("m")}, at(Waiting, "w"), fine, Finished, ""},
		{onOrder, []string{pause, send("m")}, at(Waiting, "w"), gone, Exited, ReasonUnsubscribed},
		{onOrder, []string{never}, at(Waiting, "u"), fine, Finished, ""},
		{onOrder, []string{never}, at(Finished, "u"), fine, Finished, ""},
		{onOrder, []string{never}, at(Exited, "u"), fine, Exited, ""},
		{afterwards, []string{never}, at(Dropped, ""), fine, Dropped, ""},
	} {
		d, err := Parse([]byte(definition(c.trigger, c.steps...)))
		if err != nil {
			t.Fatal(err)
		}
		c.facts.Trigger = &segments.TriggerFact{At: now.AddDate(0, 0, -2)}
		out := Compile(d).Decide(c.state, World{Now: now, Facts: c.facts})
		if out.Status != c.want || out.Reason != c.reason {
			t.Errorf("%s at %q, %s: %s %s, want %s %s", c.state.Status, c.state.Position, c.steps, out.Status, out.Reason, c.want, c.reason)
		}
		if c.state.Status.Over() {
			if len(out.Taken) > 0 {
				t.Errorf("%s: %v is taken although it is over", c.state.Status, out.Taken)
			}
			continue
		}
		happen[[2]Status{c.state.Status, out.Status}] = true
	}
	for _, from := range Statuses {
		for _, to := range Statuses {
			if from.CanBecome(to) != happen[[2]Status{from, to}] {
				t.Errorf("%s to %s: allowed %v, happens %v", from, to, from.CanBecome(to), happen[[2]Status{from, to}])
			}
		}
	}
}

// A decision that would take an enrolment where it may not go is not written.
func TestAnIllegalTransitionIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	e := &enrolment{ID: 1, State: State{Status: Finished}, out: Outcome{State: State{Status: Waiting}}}
	err := postgres.InTx(t.Context(), s.db, func(tx pgx.Tx) error { return write(t.Context(), tx, s.now, []*enrolment{e}, &Work{}) })
	if err == nil {
		t.Error("a finished enrolment waits again")
	}
}

// TestEveryTransitionOfAJourney lists each status with each action: what it leads to,
// or that it is refused.
func TestEveryTransitionOfAJourney(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	type do = func(ctx context.Context, db postgres.DB, now time.Time, id int64) (Journey, error)
	publish := func(ctx context.Context, db postgres.DB, now time.Time, id int64) (Journey, error) {
		return Publish(ctx, db, now, id)
	}
	acts := []struct {
		name string
		do   do
	}{{"publish", publish}, {"pause", Pause}, {"resume", Resume}, {"archive", Archive}}
	const no = ""
	table := []struct {
		from string
		via  []do // from a draft
		to   []string
	}{
		//                             publish pause   resume archive
		{Draft, nil, []string{Live, no, no, Archived}},
		{Live, []do{publish}, []string{Live, Paused, no, Archived}},
		{Paused, []do{publish, Pause}, []string{Paused, no, Live, Archived}},
		{Archived, []do{Archive}, []string{no, no, no, no}},
	}
	for _, row := range table {
		for i, act := range acts {
			j, err := Create(t.Context(), s.db, s.now, "Journey", []byte(definition(onOrder, send("m"))))
			s.must(err)
			for _, first := range row.via {
				_, err := first(t.Context(), s.db, s.now, j.ID)
				s.must(err)
			}
			_, err = act.do(t.Context(), s.db, s.now, j.ID)
			now, getErr := Get(t.Context(), s.db, j.ID)
			s.must(getErr)
			if want := row.to[i]; want != no {
				if err != nil || now.Status != want {
					t.Errorf("%s %s: %s, %v; want %s", act.name, row.from, now.Status, err, want)
				}
				continue
			}
			var conflict *fault.Conflict
			if !errors.As(err, &conflict) || conflict.State != row.from || now.Status != row.from {
				t.Errorf("%s %s: %s, %v; want a conflict that names the status", act.name, row.from, now.Status, err)
			}
		}
	}
	if len(actions) != len(acts) {
		t.Errorf("there are %d actions, this table knows %d", len(actions), len(acts))
	}
}
