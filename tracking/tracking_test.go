package tracking

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestLinks(t *testing.T) {
	t.Parallel()
	l := NewLinks("https://mail.shop.example/", "secret")
	for _, id := range []int64{1, 127, 128, 1 << 20, 1<<63 - 1} {
		link := l.Unsubscribe(id)
		token, ok := strings.CutPrefix(link, "https://mail.shop.example/u/")
		if !ok || token != url.PathEscape(token) || len(token) > 35 {
			t.Fatalf("link %s", link)
		}
		if got, err := l.Parse(token); got != id || err != nil {
			t.Errorf("%d: %d, %v", id, got, err)
		}
		if again := l.Unsubscribe(id); again != link {
			t.Errorf("%d has two links: %s, %s", id, link, again)
		}
		for _, other := range []Links{NewLinks("https://mail.shop.example", "another"), NewLinks("", ""), {}} {
			if _, err := other.Parse(token); err == nil {
				t.Errorf("%d: the token is good under another secret", id)
			}
		}
		raw, _ := base64.RawURLEncoding.DecodeString(token)
		for i := range len(raw) * 8 {
			raw[i/8] ^= 1 << (i % 8)
			if got, err := l.Parse(base64.RawURLEncoding.EncodeToString(raw)); err == nil {
				t.Errorf("%d: with bit %d changed it names %d", id, i, got)
			}
			raw[i/8] ^= 1 << (i % 8)
		}
	}
	// Numbers that are never given out, though signed by us.
	for _, id := range []int64{0, -1} {
		if got, err := l.Parse(l.token(id)); err == nil {
			t.Errorf("the token of %d names %d", id, got)
		}
	}
	padded := []byte{0x81, 0x00} // 1, not in its shortest form: cannot be forged, but is not what Unsubscribe makes
	if _, err := l.Parse(base64.RawURLEncoding.EncodeToString(append(padded, l.mac(padded)...))); err == nil {
		t.Error("a number of more bytes than it needs")
	}
	var missing *fault.NotFound
	for _, token := range []string{"", "x", "AAAA", strings.Repeat("A", 1000), "ä", "a/b", l.token(7) + "A", l.token(7) + "=", "\n" + l.token(7), l.token(7)[1:]} {
		if _, err := l.Parse(token); !errors.As(err, &missing) || len(err.Error()) > 200 {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// FuzzParse: whatever comes in, only what Unsubscribe made is let through.
func FuzzParse(f *testing.F) {
	l := NewLinks("https://x", "secret")
	f.Add(l.token(1))
	f.Add(l.token(1 << 40))
	f.Add(l.token(5) + "==")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		id, err := l.Parse(token)
		if err == nil && l.token(id) != token {
			t.Errorf("%q is taken for %d, whose token is %q", token, id, l.token(id))
		}
	})
}

// shop is a database with one contact and a sent mail each of a campaign and of a
// test send to it.
type shop struct {
	*pgxpool.Pool
	contact       int64
	message, test int64
}

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{Pool: pgtest.New(t)}
	var template, campaign int64
	s.id(t, &template, `INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, @now, @now) RETURNING id`, nil)
	s.id(t, new(int64), `INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at)
		VALUES (@template, 1, 's', 'h', 't', @now) RETURNING template_id`, pgx.NamedArgs{"template": template})
	s.id(t, &campaign, `INSERT INTO campaigns (name, template_id, sender_address, topic, status, created_at, updated_at)
		VALUES ('Spring', @template, 'news@shop.example', 'news', 'running', @now, @now) RETURNING id`, pgx.NamedArgs{"template": template})
	s.id(t, &s.contact, `INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
		VALUES ('c1', 'Anna@example.com', 'anna@example.com', @now, @now) RETURNING id`, nil)
	s.id(t, new(int64), `INSERT INTO consents (contact_id, topic, state, source, updated_at)
		SELECT @contact, topic, 'subscribed', 'import', @now FROM unnest(ARRAY['news', 'offers']) topic RETURNING contact_id`, pgx.NamedArgs{"contact": s.contact})
	send := func(kind string, contact *int64) (message int64) {
		var run int64
		s.id(t, &run, `INSERT INTO runs (campaign_id, kind, tick, template_id, template_version, audience, as_of, started_at, name, topic, sender_address)
			VALUES (@campaign, @kind, @kind, @template, 1, '{}', @now, @now, 'Spring', 'news', 'news@shop.example') RETURNING id`,
			pgx.NamedArgs{"campaign": campaign, "kind": kind, "template": template})
		s.id(t, &message, `INSERT INTO messages (run_id, contact_id, email, state, created_at, updated_at)
			VALUES (@run, @contact, 'Anna@example.com', 'sent', @now, @now) RETURNING id`, pgx.NamedArgs{"run": run, "contact": contact})
		return message
	}
	s.message, s.test = send("campaign", &s.contact), send("test", nil)
	return s
}

func (s shop) id(t *testing.T, id *int64, sql string, args pgx.NamedArgs) {
	t.Helper()
	if args == nil {
		args = pgx.NamedArgs{}
	}
	args["now"] = noon
	if err := s.QueryRow(t.Context(), sql, args).Scan(id); err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
}

// wishes is all that an unsubscribe could change.
type wishes struct {
	Suppressed []string // address, cause
	Consent    []string // topic, state, source
}

func (s shop) wishes(t *testing.T) wishes {
	t.Helper()
	list := func(sql string) []string {
		rows, err := s.Query(context.Background(), sql)
		if err != nil {
			t.Fatal(err)
		}
		out, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	return wishes{
		Suppressed: list(`SELECT email_key || ' ' || cause FROM suppressions ORDER BY 1`),
		Consent:    list(`SELECT topic || ' ' || state || ' ' || source FROM consents ORDER BY 1`),
	}
}

var (
	untouched = wishes{Suppressed: []string{}, Consent: []string{"news subscribed import", "offers subscribed import"}}
	left      = []string{"news unsubscribed unsubscribe page", "offers subscribed import"}
)

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		scope  string
		test   bool
		before string // SQL
		want   wishes
	}{
		{"all", ScopeAll, false, ``, wishes{[]string{"anna@example.com unsubscribe"}, left}},
		{"topic", ScopeTopic, false, ``, wishes{[]string{}, left}},
		{"all, from a test mail", ScopeAll, true, ``, untouched},
		{"topic, from a test mail", ScopeTopic, true, ``, untouched},
		{"all, suppressed already", ScopeAll, false, `INSERT INTO suppressions (email_key, cause, created_at) VALUES ('anna@example.com', 'bounce', now())`,
			wishes{[]string{"anna@example.com bounce"}, left}},
		{"all, never asked", ScopeAll, false, `DELETE FROM consents`, wishes{[]string{"anna@example.com unsubscribe"}, []string{"news unsubscribed unsubscribe page"}}},
		{"topic, another contact with the address", ScopeTopic, false, `
			WITH twin AS (INSERT INTO contacts (external_id, email, email_key, created_at, updated_at)
			              VALUES ('c2', 'anna@Example.com', 'anna@example.com', now(), now()) RETURNING id)
			INSERT INTO consents (contact_id, topic, state, source, updated_at) SELECT id, 'news', 'subscribed', 'import', now() FROM twin`,
			wishes{[]string{}, []string{"news unsubscribed unsubscribe page", "news unsubscribed unsubscribe page", "offers subscribed import"}}},
		{"all, contact deleted", ScopeAll, false, `DELETE FROM contacts`, wishes{[]string{"anna@example.com unsubscribe"}, []string{}}},
		{"topic, contact deleted", ScopeTopic, false, `DELETE FROM contacts`, wishes{[]string{"anna@example.com unsubscribe"}, []string{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if test.before != "" {
				if _, err := s.Exec(t.Context(), test.before); err != nil {
					t.Fatal(err)
				}
			}
			id := s.message
			if test.test {
				id = s.test
			}
			// Three times, two of them at once: mail programs and people both click.
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if err := Unsubscribe(context.Background(), s, noon.Add(time.Hour), id, test.scope); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			if err := Unsubscribe(t.Context(), s, noon.Add(2*time.Hour), id, test.scope); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want, s.wishes(t)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestUnsubscribeRefuses(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var invalid *fault.Invalid
	if err := Unsubscribe(t.Context(), s, noon, s.message, "some"); !errors.As(err, &invalid) || invalid.Field != "scope" {
		t.Errorf("an unknown scope: %v", err)
	}
	var missing *fault.NotFound
	if err := Unsubscribe(t.Context(), s, noon, s.test+1000, ScopeAll); !errors.As(err, &missing) {
		t.Errorf("an unknown message: %v", err)
	}
	if diff := cmp.Diff(untouched, s.wishes(t)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestUnsubscribeIsOne: where consent cannot be written, nothing is suppressed.
func TestUnsubscribeIsOne(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if _, err := s.Exec(t.Context(), `ALTER TABLE consents ADD CHECK (state <> 'unsubscribed')`); err != nil {
		t.Fatal(err)
	}
	if err := Unsubscribe(t.Context(), s, noon, s.message, ScopeAll); err == nil {
		t.Error("no error")
	}
	if diff := cmp.Diff(untouched, s.wishes(t)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	look := func(id int64) Subscription {
		t.Helper()
		got, err := Lookup(t.Context(), s, id)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := Subscription{MessageID: s.message, ContactID: &s.contact, Email: "Anna@example.com", Topic: "news", CampaignName: "Spring"}
	if diff := cmp.Diff(want, look(s.message)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	test := want
	test.MessageID, test.ContactID, test.Test = s.test, nil, true
	if diff := cmp.Diff(test, look(s.test)); diff != "" {
		t.Errorf("test mail (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(untouched, s.wishes(t)); diff != "" {
		t.Errorf("looking changed something (-want +got)\n%s", diff)
	}
	if err := Unsubscribe(t.Context(), s, noon, s.message, ScopeTopic); err != nil {
		t.Fatal(err)
	}
	want.Unsubscribed = true
	if diff := cmp.Diff(want, look(s.message)); diff != "" {
		t.Errorf("after leaving the topic (-want +got)\n%s", diff)
	}
	if err := Unsubscribe(t.Context(), s, noon, s.message, ScopeAll); err != nil {
		t.Fatal(err)
	}
	want.Suppressed = true
	if diff := cmp.Diff(want, look(s.message)); diff != "" {
		t.Errorf("after leaving all (-want +got)\n%s", diff)
	}
	if _, err := s.Exec(t.Context(), `DELETE FROM contacts`); err != nil {
		t.Fatal(err)
	}
	want.ContactID, want.Unsubscribed = nil, false
	if diff := cmp.Diff(want, look(s.message)); diff != "" {
		t.Errorf("without the contact (-want +got)\n%s", diff)
	}
	var missing *fault.NotFound
	if _, err := Lookup(t.Context(), s, s.test+1000); !errors.As(err, &missing) {
		t.Errorf("an unknown message: %v", err)
	}
}
