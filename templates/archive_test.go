package templates

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func create(t *testing.T, pool *pgxpool.Pool, name, text string) Template {
	t.Helper()
	tmpl, _, err := Create(t.Context(), pool, now, name, Source{Subject: text, Text: "{{ unsubscribe_url }}"})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestListIsInTheOrderOfChange(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	for i := range 6 {
		create(t, pool, fmt.Sprint(i), "100% x") // all at the same time
	}
	if _, _, err := Update(ctx, pool, now.Add(time.Hour), 2, "1", Source{Subject: "changed", HTML: page("x")}, By("Anna")); err != nil {
		t.Fatal(err)
	}
	if _, err := Archive(ctx, pool, now, 4); err != nil {
		t.Fatal(err)
	}
	all := func(s Selection) (names []string) {
		t.Helper()
		for s.Limit = 2; len(names) < 10; {
			list, next, err := List(ctx, pool, s)
			if err != nil {
				t.Fatal(err)
			}
			for _, tmpl := range list {
				names = append(names, tmpl.Name)
			}
			if s.Cursor = next; next == (Cursor{}) {
				break
			}
		}
		return names
	}
	for _, test := range []struct {
		s    Selection
		want string
	}{
		{Selection{}, "1 5 4 2 0"},
		{Selection{Archived: true}, "3"},
		{Selection{Query: "CHANG"}, "1"},
		{Selection{Query: "4"}, "4"},
		{Selection{Query: "0% x"}, "5 4 2 0"},
		{Selection{Query: "_"}, ""},
	} {
		if got := strings.Join(all(test.s), " "); got != test.want {
			t.Errorf("%+v: %s, want %s", test.s, got, test.want)
		}
	}
	list, _, err := List(ctx, pool, Selection{Limit: 1})
	if err != nil || list[0].Kind != "html" || list[0].UpdatedBy != "Anna" || list[0].Version != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// What is used is neither archived nor deleted, and the answer names what uses it.
func TestWhatIsUsedStays(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	create(t, pool, "used", "x")
	create(t, pool, "other", "x")
	exec(t, pool, `
		INSERT INTO campaigns (name, template_id, sender_address, topic, status, created_at, updated_at)
		VALUES ('Autumn', 1, 'a@shop.example', 'news', 'draft', now(), now()), ('Summer', 1, 'a@shop.example', 'news', 'finished', now(), now())`)
	step := func(id string, template int) string {
		return fmt.Sprintf(`{"id": %q, "type": "send", "template_id": %d}`, id, template)
	}
	exec(t, pool, `INSERT INTO journeys (name, status, version, live_version, created_at, updated_at) VALUES ('Thanks', 'live', 3, 2, now(), now()), ('Old', 'archived', 1, 1, now(), now())`)
	exec(t, pool, `
		INSERT INTO journey_versions (journey_id, version, definition, created_at)
		VALUES (1, 1, $1, now()), (1, 2, $2, now()), (1, 3, $3, now()), (2, 1, $4, now())`,
		`{"steps": [`+step("a", 2)+`]}`,
		`{"steps": [`+step("a", 1)+`, {"id": "b", "type": "branch", "then": [{"id": "s", "type": "split", "paths": [{"steps": [`+step("c", 1)+`]}]}], "else": [`+step("d", 2)+`]}]}`,
		`{"steps": [`+step("e", 1)+`, {"id": "u", "type": "update_contact", "set": {"template_id": 2}}]}`,
		`{"steps": [`+step("z", 1)+`]}`)

	uses, err := Uses(ctx, pool, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []Use{
		{Kind: "journey", ID: 1, Name: "Thanks", Status: "live", Steps: []string{"a", "c", "e"}},
		{Kind: "campaign", ID: 1, Name: "Autumn", Status: "draft", Steps: []string{}},
		{Kind: "journey", ID: 2, Name: "Old", Status: "archived", Steps: []string{"z"}, Ended: true},
		{Kind: "campaign", ID: 2, Name: "Summer", Status: "finished", Steps: []string{}, Ended: true},
	}
	if diff := cmp.Diff(want, uses); diff != "" {
		t.Error(diff)
	}
	refused := func(err error, say string) {
		t.Helper()
		var conflict *fault.Conflict
		if !errors.As(err, &conflict) || !strings.Contains(err.Error(), say) {
			t.Errorf("got %v, want a conflict that says %s", err, say)
		}
	}
	_, err = Archive(ctx, pool, now, 1)
	refused(err, `journey "Thanks" (live), campaign "Autumn" (draft)`)
	refused(Delete(ctx, pool, 1), `journey "Thanks" (live)`)
	refused(Delete(ctx, pool, 2), `journey "Thanks" (live)`) // its live version
	if uses, err := Uses(ctx, pool, 2); err != nil || len(uses) != 1 || strings.Join(uses[0].Steps, " ") != "d" {
		t.Errorf("%+v, %v", uses, err)
	}

	// All of it has ended: it can be archived, and what was sent can still be shown.
	exec(t, pool, `UPDATE campaigns SET status = 'cancelled'`)
	exec(t, pool, `UPDATE journeys SET status = 'archived'`)
	refused(Delete(ctx, pool, 1), "archive it instead")
	refused(Delete(ctx, pool, 2), "archive it instead")
	archived, err := Archive(ctx, pool, now, 1)
	if err != nil || archived.ArchivedAt == nil || !archived.ArchivedAt.Equal(now) {
		t.Fatalf("%+v, %v", archived, err)
	}
	if again, err := Archive(ctx, pool, now.Add(time.Hour), 1); err != nil || !again.ArchivedAt.Equal(now) {
		t.Errorf("%+v, %v", again, err)
	}
	_, _, err = Update(ctx, pool, now, 1, "x", archived.Source)
	refused(err, "archived")
	if _, found, err := Named(ctx, pool, "used"); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := GetVersion(ctx, pool, 1, 1); err != nil {
		t.Error(err)
	}
	if back, err := Unarchive(ctx, pool, 1); err != nil || back.ArchivedAt != nil {
		t.Errorf("%+v, %v", back, err)
	}

	// Nothing ever named this one.
	create(t, pool, "draft", "x")
	if err := Delete(ctx, pool, 3); err != nil {
		t.Error(err)
	}
	var notFound *fault.NotFound
	for _, err := range []error{Delete(ctx, pool, 3), func() error { _, err := Archive(ctx, pool, now, 3); return err }(), func() error { _, err := Uses(ctx, pool, 3); return err }()} {
		if !errors.As(err, &notFound) {
			t.Errorf("got %v", err)
		}
	}
}

func TestVersionsSayWhoAndWhatCameBack(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	first := Source{Subject: "One", Preheader: "p", MJML: Samples("en")[1].MJML}
	if _, _, err := Create(ctx, pool, now, "T", first, By("Anna")); err != nil {
		t.Fatal(err)
	}
	second := Source{Subject: "Two", HTML: page("x")}
	if tmpl, _, err := Update(ctx, pool, now, 1, "T", second, By("Ben"), Over(1)); err != nil || tmpl.UpdatedBy != "Ben" {
		t.Fatal(tmpl, err)
	}
	// Somebody who still looks at version 1.
	_, _, err := Update(ctx, pool, now, 1, "T", Source{Subject: "Three", HTML: page("y")}, Over(1))
	var conflict *fault.Conflict
	if !errors.As(err, &conflict) || conflict.State != "version 2" {
		t.Errorf("got %v", err)
	}
	back, _, err := Restore(ctx, pool, now, 1, 1, By("Carl"))
	if err != nil || back.Version != 3 || back.Source != first {
		t.Fatal(back, err)
	}
	if same, _, err := Restore(ctx, pool, now, 1, 1); err != nil || same.Version != 3 {
		t.Errorf("brought back twice: %+v, %v", same, err)
	}
	_, _, err = Restore(ctx, pool, now, 1, 9)
	var notFound *fault.NotFound
	if !errors.As(err, &notFound) {
		t.Errorf("got %v", err)
	}
	one := 1
	want := []VersionSummary{{3, now, "Carl", &one, "One"}, {2, now, "Ben", nil, "Two"}, {1, now, "Anna", nil, "One"}}
	got, err := Versions(ctx, pool, 1, 0, 10)
	if diff := cmp.Diff(want, utc(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got, err := Versions(ctx, pool, 1, 3, 1); err != nil || len(got) != 1 || got[0].Version != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	copied, _, err := Duplicate(ctx, pool, now, 1, "")
	if err != nil || copied.Name != "T (copy)" || copied.Version != 1 || copied.Source != first || copied.ID == 1 {
		t.Errorf("%+v, %v", copied, err)
	}
	if named, _, err := Duplicate(ctx, pool, now, 1, " Winter ", By("Dora")); err != nil || named.Name != "Winter" || named.UpdatedBy != "Dora" {
		t.Errorf("%+v, %v", named, err)
	}
}

func utc(list []VersionSummary) []VersionSummary {
	for i := range list {
		list[i].CreatedAt = list[i].CreatedAt.UTC()
	}
	return list
}

func TestPreviewHasAnOrderAndAnEvent(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	fill(t, pool)
	src := Source{
		Subject: "{{ contact.name }} {{ order.id }} {{ event.name }} {{ event.properties.x }}", Preheader: "{{ order.status }} & more",
		HTML: page("{% for i in order.items %}{{ i.name }} {% endfor %}"),
	}
	show := func(as PreviewAs) string {
		t.Helper()
		facts, err := LoadPreview(ctx, pool, as)
		if err != nil {
			t.Fatal(err)
		}
		d := madeUp()
		d.Facts = facts
		m, found := TryOut(ctx, src, d)
		if failed(found) {
			t.Fatal(describe(found))
		}
		return m.Subject + ", " + m.Preheader
	}
	exec(t, pool, `DELETE FROM events`)
	exec(t, pool, `INSERT INTO events (contact_id, name, properties, occurred_at, received_at)
		SELECT id, 'seen', '{"x": 1}'::jsonb, timestamptz '2026-01-01', now() FROM contacts WHERE external_id = 'C-1'
		UNION ALL SELECT id, 'left', '{"x": 2, "y": 3}', '2026-01-02', now() FROM contacts WHERE external_id = 'C-1'`)
	var orders []string
	rows, err := pool.Query(ctx, `SELECT external_id FROM orders WHERE contact_id = 1 ORDER BY placed_at DESC, id DESC`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		orders = append(orders, id)
	}
	if got, want := show(PreviewAs{Contact: "C-1"}), "Ann Lee "+orders[0]+" left 2, "; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, " & more") {
		t.Errorf("the newest: %q, want %q", got, want)
	}
	if got, want := show(PreviewAs{Contact: "C-1", Order: orders[len(orders)-1], Event: "seen"}), "Ann Lee "+orders[len(orders)-1]+" seen 1, "; !strings.HasPrefix(got, want) {
		t.Errorf("those named: %q, want %q", got, want)
	}
	if got := show(PreviewAs{Contact: "C-3"}); strings.Contains(got, "left") {
		t.Errorf("another contact's event: %q", got)
	}
	if got := show(PreviewAs{}); !strings.HasPrefix(got, "Maria Lindqvist O-20481 cart_abandoned") {
		t.Errorf("made up: %q", got)
	}
	if got := show(PreviewAs{Bare: true}); got != ", & more" {
		t.Errorf("bare: %q", got)
	}
	for _, test := range []struct {
		as   PreviewAs
		want string
	}{
		{PreviewAs{Contact: "C-9"}, "there is no contact"},
		{PreviewAs{Contact: "C-1", Order: "O-99"}, "order_id: the contact has no order"},
		{PreviewAs{Contact: "C-3", Event: "left"}, "event: the contact has no event"},
	} {
		if _, err := LoadPreview(ctx, pool, test.as); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %s", test.as, err, test.want)
		}
	}
	used, err := LoadInUse(ctx, pool)
	if err != nil {
		t.Fatal(err)
	}
	want := InUse{Attributes: []string{"n", "vip"}, Events: []EventInUse{{"left", []string{"x", "y"}}, {"seen", []string{"x"}}}}
	if diff := cmp.Diff(want, used); diff != "" {
		t.Error(diff)
	}
}

// What goes wrong for one contact is a problem, not an error.
func TestTryOutSaysWhatGoesWrong(t *testing.T) {
	t.Parallel()
	d := madeUp()
	d.Facts = bareFacts()
	m, found := TryOut(t.Context(), Source{Subject: "x", HTML: page("{{ 1 | divided_by: last_order.total }}")}, d)
	if !failed(found) || m.HTML != "" || !strings.HasPrefix(found[0].Message, "does not render for this contact") || found[0].Part != partHTML {
		t.Errorf("%s", describe(found))
	}
	if _, found := TryOut(t.Context(), Source{Subject: "{{ x }}", Text: "a"}, d); len(found) != 2 {
		t.Errorf("%s", describe(found))
	}
}
