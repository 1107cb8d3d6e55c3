package segments

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

const fromIceland = `{"combinator":"and","rules":[{"field":"country","operator":"=","value":"Iceland"}]}`

func TestSegments(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	made, err := Create(ctx, pool, noon, "  From Iceland ", []byte(`{"rules":[{"value":"Iceland","operator":"=","field":"country"}],"combinator":"and"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Segment{ID: made.ID, Name: "From Iceland", Rule: []byte(fromIceland), CreatedAt: noon, UpdatedAt: noon}
	if diff := cmp.Diff(want, made); diff != "" || made.ID == 0 {
		t.Errorf("created %s", diff)
	}
	if got, err := Get(ctx, pool, made.ID); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("got %v %s", err, cmp.Diff(want, got))
	}

	later := noon.Add(time.Hour)
	if got, err := Update(ctx, pool, later, made.ID, want.Name, want.Rule); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("the same again: %v %s", err, cmp.Diff(want, got))
	}
	want.Name, want.UpdatedAt, want.Rule = "Everybody", later, []byte(`{"combinator":"and","rules":[]}`)
	if got, err := Update(ctx, pool, later, made.ID, want.Name, want.Rule); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("updated %v %s", err, cmp.Diff(want, got))
	}

	if err := Delete(ctx, pool, made.ID); err != nil {
		t.Error(err)
	}
	var missing *fault.NotFound
	if _, err := Get(ctx, pool, made.ID); !errors.As(err, &missing) {
		t.Errorf("get a deleted one: %v", err)
	}
	if _, err := Update(ctx, pool, later, made.ID, "x", want.Rule); !errors.As(err, &missing) {
		t.Errorf("update a deleted one: %v", err)
	}
	if err := Delete(ctx, pool, made.ID); !errors.As(err, &missing) {
		t.Errorf("delete a deleted one: %v", err)
	}
}

func TestSegmentsAreChecked(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	for _, test := range []struct{ name, rule, fields string }{
		{"", fromIceland, "name"},
		{" \t ", fromIceland, "name"},
		{"a\r\nb", fromIceland, "name"},
		{"a\x00b", fromIceland, "name"},
		{"a\xffb", fromIceland, "name"},
		{strings.Repeat("ä", 201), fromIceland, "name"},
		{"x", `{"field":"shoe"}`, "rule.field"},
		{"", inAnd(`{"field":"shoe"}`, `{"field":"hat"}`), "name rule.rules[0].field rule.rules[1].field"},
		{"x", "", "rule"},
	} {
		_, err := Create(t.Context(), pool, noon, test.name, []byte(test.rule))
		var list fault.List
		var single *fault.Invalid
		var got []string
		if errors.As(err, &list) {
			for _, f := range list {
				got = append(got, f.Field)
			}
		} else if errors.As(err, &single) {
			got = append(got, single.Field)
		}
		if strings.Join(got, " ") != test.fields {
			t.Errorf("%q %s: got %v, want faults in %s", test.name, test.rule, err, test.fields)
		}
	}
	if list, _, err := List(t.Context(), pool, 0, 0); err != nil || len(list) != 0 {
		t.Errorf("something was kept: %v %v", list, err)
	}
}

func TestListSegments(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	for i := range 5 {
		if _, err := Create(ctx, pool, noon, fmt.Sprint(i), []byte(fromIceland)); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	var cursor int64
	for range 3 {
		list, next, err := List(ctx, pool, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			names = append(names, s.Name)
		}
		cursor = next
	}
	if strings.Join(names, "") != "43210" || cursor != 0 {
		t.Errorf("listed %v, cursor %d", names, cursor)
	}
}

// A journey that looks at a segment would stop all others from being looked for
// without it.
func TestDeleteSegmentThatTriggersAJourney(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	for _, test := range []struct {
		status  string
		version int // the version that names it; 2 is the newest, 1 is live
		free    bool
	}{{"draft", 2, false}, {"live", 2, false}, {"live", 1, false}, {"paused", 1, false}, {"archived", 2, true}, {"live", 0, true}} {
		s, err := Create(ctx, pool, noon, "s", []byte(fromIceland))
		if err != nil {
			t.Fatal(err)
		}
		_, err = pool.Exec(ctx, `
			WITH j AS (
				INSERT INTO journeys (name, status, version, live_version, created_at, updated_at) VALUES ('Welcome', $1, 2, 1, $2, $2) RETURNING id
			)
			INSERT INTO journey_versions (journey_id, version, definition, created_at)
			SELECT j.id, n, jsonb_build_object('trigger', jsonb_build_object('type', 'segment', 'segment_id', CASE WHEN n = $3 THEN $4::bigint ELSE $4 + 1000 END)), $2
			FROM j, generate_series(0, 2) AS n`, test.status, noon, test.version, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		err = Delete(ctx, pool, s.ID)
		var conflict *fault.Conflict
		switch {
		case test.free && err != nil:
			t.Errorf("%+v: %v", test, err)
		case !test.free && (!errors.As(err, &conflict) || !strings.Contains(err.Error(), "Welcome ("+test.status+")")):
			t.Errorf("%+v: got %v, want a conflict that names the journey", test, err)
		}
	}
}

func TestDeleteSegmentInUse(t *testing.T) {
	t.Parallel()
	pool, ctx := pgtest.New(t), t.Context()
	if _, err := pool.Exec(ctx, `INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, $1, $1)`, noon); err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"include", "exclude"} {
		for _, test := range []struct {
			status string
			free   bool
		}{
			{"draft", false}, {"scheduled", false}, {"running", false}, {"paused", false},
			{"finished", true}, {"cancelled", true}, {"failed", true},
		} {
			s, err := Create(ctx, pool, noon, "s", []byte(fromIceland))
			if err != nil {
				t.Fatal(err)
			}
			_, err = pool.Exec(ctx, `
				INSERT INTO campaigns (name, template_id, sender_address, topic, `+column+`, status, created_at, updated_at)
				SELECT 'Spring sale', id, 'shop@shop.example', 'news', ARRAY[$1::bigint], $2, $3, $3 FROM templates`, s.ID, test.status, noon)
			if err != nil {
				t.Fatal(err)
			}
			err = Delete(ctx, pool, s.ID)
			var conflict *fault.Conflict
			switch {
			case test.free && err != nil:
				t.Errorf("%s %s: %v", column, test.status, err)
			case !test.free && (!errors.As(err, &conflict) || !strings.Contains(err.Error(), "Spring sale ("+test.status+")")):
				t.Errorf("%s %s: got %v, want a conflict that names the campaign", column, test.status, err)
			}
		}
	}
}
