package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/campaigns"
	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
	"posthorn/relays"
	"posthorn/senders"
	"posthorn/templates"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var now = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

const secret = "a secret of the tests, long enough"

// bench has a relay, a template and a draft, and nobody to send it to.
type bench struct {
	t        *testing.T
	ctx      context.Context
	pool     *pgxpool.Pool
	checker  Checker
	campaign campaigns.Campaign
}

func newBench(t *testing.T, src templates.Source) *bench {
	t.Helper()
	b := &bench{t: t, ctx: t.Context(), pool: pgtest.New(t)}
	b.checker = Checker{DB: b.pool, Secret: secret, BaseURL: "https://mail.shop.example", Loopback: true,
		LookupTXT: func(context.Context, string) ([]string, error) { return nil, &net.DNSError{IsNotFound: true} }}
	if _, err := relays.Put(b.ctx, b.pool, now, secret, relays.PutInput{Name: "default", Host: "localhost", Port: 25, TLS: relays.TLSNone}); err != nil {
		t.Fatal(err)
	}
	tpl, _, err := templates.Create(b.ctx, b.pool, now, "Spring", src)
	if err != nil {
		t.Fatal(err)
	}
	b.campaign, err = campaigns.Create(b.ctx, b.pool, now, campaigns.Input{Name: "c", TemplateID: tpl.ID, Topic: "news", Sender: campaigns.Sender{Address: "news@mail.shop.co.uk"}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// people adds subscribed contacts; of each tenth the first name is not known.
func (b *bench) people(n int) {
	b.t.Helper()
	b.exec(`
		WITH people AS (
			INSERT INTO contacts (external_id, email, email_key, first_name, created_at, updated_at)
			SELECT 'c' || i, 'p' || i || '@x.example', 'p' || i || '@x.example', CASE WHEN i % 10 = 0 THEN '' ELSE 'Ann' END, $2, $2
			FROM generate_series(1, $1::int) AS i RETURNING id
		)
		INSERT INTO consents (contact_id, topic, state, updated_at) SELECT id, 'news', 'subscribed', $2 FROM people`, n, now)
}

func (b *bench) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.pool.Exec(b.ctx, sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) local() Checklist {
	b.t.Helper()
	list, err := b.checker.Local(b.ctx, now, b.campaign.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b *bench) remote() Checklist {
	b.t.Helper()
	list, err := b.checker.Remote(b.ctx, b.campaign.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (l Checklist) item(id string) Item {
	i := slices.IndexFunc(l.Items, func(item Item) bool { return item.ID == id })
	if i < 0 {
		return Item{}
	}
	return l.Items[i]
}

const unsubscribe = `<a href="{{ unsubscribe_url }}">Unsubscribe</a>`

func TestAGoodCampaign(t *testing.T) {
	t.Parallel()
	b := newBench(t, templates.Source{Subject: "Hello {{ contact.first_name | default: 'there' }}",
		HTML: `<p>Dear {{ contact.first_name | default: 'friend' }}</p><a href="https://shop.example/">shop</a><img src="https://shop.example/i.png" alt="">` + unsubscribe})
	b.people(20)
	if _, err := senders.Put(b.ctx, b.pool, now, secret, senders.PutInput{Domain: "shop.co.uk", Selector: "a", Algorithm: senders.Ed25519, Active: true}); err != nil {
		t.Fatal(err)
	}
	list := b.local()
	if list.LookedAt != 20 || !list.All || list.Revision != 1 {
		t.Errorf("%+v", list)
	}
	for _, item := range list.Items {
		if item.Level != OK || item.What == "" || item.How != "" || !slices.Contains(localItems, item.ID) {
			t.Errorf("%+v", item)
		}
	}
	for _, id := range localItems {
		if list.item(id).ID == "" && id != "schedule" {
			t.Errorf("%s was not looked at", id)
		}
	}
}

func TestWhatIsFound(t *testing.T) {
	t.Parallel()
	good := templates.Source{Subject: "Hi", HTML: "<p>x</p>" + unsubscribe}
	html := func(s string) templates.Source { return templates.Source{Subject: "Hi", HTML: s + unsubscribe} }
	for name, tt := range map[string]struct {
		src    templates.Source
		change func(b *bench)
		id     string
		level  Level
		code   string
		detail string
	}{
		"an empty name":         {src: html("<p>Dear {{ contact.first_name }}</p>"), id: "merge_fields", level: Warning, code: "merge_fields_empty", detail: "{{ contact.first_name }}: 2 of 20"},
		"an empty subject":      {src: templates.Source{Subject: "{{ contact.first_name }}", HTML: "<p>x</p>" + unsubscribe}, id: "subject", level: Warning, code: "subject_empty"},
		"fails for some":        {src: html("{% if contact.first_name %}x{% else %}{{ 1 | divided_by: 0 }}{% endif %}"), id: "template", level: Warning, code: "template_fails_some", detail: "division"},
		"a relative link":       {src: html(`<a href="/shop">x</a>`), id: "links", level: Warning, code: "links_broken", detail: "/shop: does not begin with https://"},
		"an empty link":         {src: html(`<a href="{{ contact.attributes.shop }}">x</a>`), id: "links", level: Warning, code: "links_broken", detail: "an empty link: leads nowhere"},
		"a link with a space":   {src: html(`<a href="https://shop.example/a b">x</a>`), id: "links", level: Warning, code: "links_broken", detail: "is not a URL"},
		"a link without server": {src: html(`<a href="https:///x">x</a>`), id: "links", level: Warning, code: "links_broken", detail: "names no server"},
		"an inner link":         {src: html(`<a href="https://intranet/x">x</a>`), id: "links", level: Warning, code: "links_broken", detail: "names no server that others could reach"},
		"mail and phone":        {src: html(`<a href="mailto:a@b.example">x</a><a href="tel:+49">y</a><a href="#top">z</a>`), id: "links", level: OK, code: "links_ok"},
		"an image without alt":  {src: html(`<img src="https://shop.example/i.png">`), id: "images", level: Warning, code: "images_without_alt", detail: "i.png"},
		"an image without src":  {src: html(`<img src="i.png" alt="x">`), id: "images", level: Warning, code: "images_broken", detail: "i.png"},
		"a large mail":          {src: html("<p>" + strings.Repeat("all work and no play ", 6000) + "</p>"), id: "size", level: Warning, code: "size_clipped"},
		"no link in the text":   {src: templates.Source{Subject: "Hi", HTML: "<p>x</p>" + unsubscribe, Text: "x"}, id: "unsubscribe", level: Warning, code: "unsubscribe_not_in_text"},
		"unsigned":              {src: good, id: "dkim", level: Warning, code: "dkim_missing"},
		"a lost key": {src: good, id: "dkim", level: Error, code: "dkim_sealed", change: func(b *bench) {
			if _, err := senders.Put(b.ctx, b.pool, now, "another secret, which was changed", senders.PutInput{Domain: "shop.co.uk", Selector: "a", Algorithm: senders.Ed25519, Active: true}); err != nil {
				b.t.Fatal(err)
			}
		}},
		"no relay": {src: good, id: "relay", level: Error, code: "relay_missing", change: func(b *bench) { b.exec(`DELETE FROM relays`) }},
		"a lost password": {src: good, id: "relay", level: Error, code: "relay_sealed", change: func(b *bench) {
			password := "p"
			if _, err := relays.Put(b.ctx, b.pool, now, "another secret, which was changed", relays.PutInput{Name: "default", Host: "localhost", Port: 25, TLS: relays.TLSNone, Username: "u", Password: &password}); err != nil {
				b.t.Fatal(err)
			}
		}},
		"no template":         {src: good, id: "template", level: Error, code: "template_missing", change: func(b *bench) { b.exec(`UPDATE campaigns SET template_id = NULL`) }},
		"a broken template":   {src: good, id: "template", level: Error, code: "template_broken", change: func(b *bench) { b.exec(`UPDATE template_versions SET compiled_html = '{% if %}'`) }},
		"fails for everybody": {src: good, id: "template", level: Error, code: "template_fails", change: func(b *bench) { b.exec(`UPDATE template_versions SET compiled_html = '{{ 1 | divided_by: 0 }}'`) }},
		"no sender":           {src: good, id: "sender", level: Error, code: "sender_missing", change: func(b *bench) { b.exec(`UPDATE campaigns SET sender_address = ''`) }},
		"no topic":            {src: good, id: "topic", level: Error, code: "topic_missing", change: func(b *bench) { b.exec(`UPDATE campaigns SET topic = ''`) }},
		"nobody":              {src: good, id: "audience", level: Error, code: "audience_empty", change: func(b *bench) { b.exec(`DELETE FROM consents`) }},
		"nobody yet": {src: good, id: "audience", level: Warning, code: "audience_empty_now", change: func(b *bench) {
			b.exec(`DELETE FROM consents`)
			b.exec(`UPDATE campaigns SET schedule_cron = '0 9 * * *'`)
		}},
		"nobody to look at":   {src: html("<p>{{ contact.attributes.no }}</p>"), id: "merge_fields", level: Warning, code: "merge_fields_empty", detail: "{{ contact.attributes.no }}", change: func(b *bench) { b.exec(`DELETE FROM consents`) }},
		"a segment is gone":   {src: good, id: "audience", level: Error, code: "audience_broken", change: func(b *bench) { b.exec(`UPDATE campaigns SET include = '{99}'`) }},
		"its time has passed": {src: good, id: "schedule", level: Warning, code: "schedule_past", change: func(b *bench) { b.exec(`UPDATE campaigns SET schedule_at = $1`, now) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, tt.src)
			b.people(20)
			if tt.change != nil {
				tt.change(b)
			}
			item := b.local().item(tt.id)
			if item.Level != tt.level || item.Code != tt.code || (item.Level == OK) != (item.How == "") || tt.detail != "" && !strings.Contains(strings.Join(item.Details, "\n"), tt.detail) {
				t.Errorf("%+v; want %s %s with %q", item, tt.level, tt.code, tt.detail)
			}
		})
	}
}

func TestASampleSaysThatItIsOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, templates.Source{Subject: "Hi", HTML: "<p>Dear {{ contact.first_name }}</p>" + unsubscribe})
	b.people(3000)
	list := b.local()
	if list.LookedAt != sampleSize || list.All {
		t.Errorf("looked at %d, all %t", list.LookedAt, list.All)
	}
	item := list.item("merge_fields")
	n := item.Values["n"].(int)
	if n < 20 || n > 90 || item.What != fmt.Sprintf("Something is left empty for %d of the 500 recipients looked at.", n) {
		t.Errorf("of 3,000, 300 have no first name; found %+v", item)
	}
	if again := b.local().item("merge_fields"); again.What != item.What {
		t.Errorf("the next look sees others: %s", again.What)
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t, templates.Source{Subject: "Hi", HTML: "<p>x</p>" + unsubscribe})
	key, err := senders.Put(b.ctx, b.pool, now, secret, senders.PutInput{Domain: "shop.co.uk", Selector: "a", Algorithm: senders.Ed25519, Active: true})
	if err != nil {
		t.Fatal(err)
	}
	split := strings.Replace(key.Record.Value, "; p=", ";p= ", 1)
	other := key.Record.Value[:len(key.Record.Value)-8] + "AAAAAAA="
	timeout := &net.DNSError{Err: "i/o timeout", IsTimeout: true}
	for _, tt := range []struct {
		records map[string][]string
		fails   error
		want    string
	}{
		{nil, nil, "dkim_record_missing spf_missing dmarc_missing"},
		{map[string][]string{
			"a._domainkey.shop.co.uk.": {"something else", split}, "mail.shop.co.uk.": {"v=spf1 include:relay.example -all", "x"}, "_dmarc.shop.co.uk.": {"v=DMARC1; p=none"},
		}, nil, "dkim_record_ok spf_ok dmarc_ok"},
		{map[string][]string{
			"a._domainkey.shop.co.uk.": {other}, "mail.shop.co.uk.": {"v=spf1 -all", "V=SPF1 ~all"}, "_dmarc.mail.shop.co.uk.": {"v=DMARC1; p=reject"}, "_dmarc.co.uk.": {"v=DMARC1"},
		}, nil, "dkim_record_differs spf_many dmarc_ok"},
		{map[string][]string{"mail.shop.co.uk.": {"v=spf10 x"}, "_dmarc.co.uk.": {"v=DMARC1"}}, nil, "dkim_record_missing spf_missing dmarc_missing"},
		{nil, timeout, "dkim_record_unchecked spf_unchecked dmarc_unchecked"},
	} {
		b.checker.LookupTXT = func(_ context.Context, name string) ([]string, error) {
			if tt.fails != nil {
				return nil, tt.fails
			}
			if r, there := tt.records[name]; there {
				return r, nil
			}
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		}
		var codes []string
		for _, item := range b.remote().Items {
			codes = append(codes, item.Code)
			if strings.HasSuffix(item.Code, "_unchecked") != (item.Level == Unchecked) || remoteItems[item.ID] == "" {
				t.Errorf("%+v", item)
			}
		}
		if got := strings.Join(codes, " "); got != tt.want {
			t.Errorf("%v: %s; want %s", tt.records, got, tt.want)
		}
	}
}

func TestLinksAreCalled(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	mux := http.NewServeMux()
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked = append(asked, r.Method+" "+r.URL.String())
			mu.Unlock()
			w.WriteHeader(status)
		}
	}
	mux.HandleFunc("/ok", answer(200))
	mux.HandleFunc("/gone", answer(410))
	mux.HandleFunc("/shy", answer(503))
	mux.HandleFunc("/nohead", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(405)
		}
	})
	mux.Handle("/moved", http.RedirectHandler("/ok", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.Handle("/inside", http.RedirectHandler("http://10.0.0.1/secret", http.StatusFound))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	find := func(paths ...string) Item {
		t.Helper()
		body := ""
		for _, p := range paths {
			body += fmt.Sprintf(`<a href="%s%s">x</a>`, server.URL, p)
		}
		// One that is another for each contact is never called.
		body += fmt.Sprintf(`<a href="%s/personal?who={{ contact.external_id }}">x</a>`, server.URL)
		b := newBench(t, templates.Source{Subject: "Hi", HTML: body + unsubscribe})
		return b.remote().item("link_targets")
	}
	if item := find("/ok", "/nohead", "/moved"); item.Code != "link_targets_ok" || item.Values["of"] != 3 {
		t.Errorf("%+v", item)
	}
	if item := find("/ok", "/gone", "/shy", "/none"); item.Level != Warning || item.Code != "link_targets_dead" || len(item.Details) != 2 || !strings.HasSuffix(item.Details[0], "/gone: 410 Gone") {
		t.Errorf("%+v", item)
	}
	if item := find("/shy", "/loop", "/inside"); item.Level != Unchecked || item.Code != "link_targets_unchecked" || len(item.Details) != 3 ||
		!strings.Contains(strings.Join(item.Details, "\n"), "/inside: the URL does not lead to a public address") {
		t.Errorf("%+v", item)
	}
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("/ok?n=%d", i))
	}
	if item := find(many...); item.Values["of"] != maxLinks || item.Values["left_out"] != 10 {
		t.Errorf("%+v", item)
	}
	if item := find(); item.ID != "" {
		t.Errorf("without links: %+v", item)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, a := range asked {
		if strings.Contains(a, "personal") {
			t.Errorf("asked %s", a)
		}
	}
}

func TestThisMachineIsNotCalled(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	t.Cleanup(server.Close)
	b := newBench(t, templates.Source{Subject: "Hi", HTML: `<a href="` + server.URL + `/x">x</a>` + unsubscribe})
	b.checker.Loopback = false
	if item := b.remote().item("link_targets"); item.Level != Unchecked || !strings.Contains(item.Details[0], "not lead to a public address") {
		t.Errorf("%+v", item)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, templates.Source{Subject: "Hi", HTML: "<p>{{ contact.first_name }}</p>" + unsubscribe})
	start := func(accepted ...string) (campaigns.Campaign, error) {
		return b.checker.Start(b.ctx, now, b.campaign.ID, campaigns.Approval{By: "Anna"}, accepted)
	}
	blockedBy := func(err error) string {
		var blocked *Blocked
		if !errors.As(err, &blocked) {
			t.Fatalf("%v", err)
		}
		var ids []string
		for _, item := range blocked.Items {
			ids = append(ids, item.ID)
		}
		return strings.Join(ids, " ")
	}
	_, err := start()
	if got := blockedBy(err); got != "audience" { // a program that looks at no checklist is kept by errors alone
		t.Errorf("blocked by %s", got)
	}
	b.people(20)
	_, err = start("links")
	if got := blockedBy(err); got != "merge_fields dkim" {
		t.Errorf("blocked by %s", got)
	}
	_, err = start("dkim", "dkim", "audience")
	if got := blockedBy(err); got != "merge_fields" {
		t.Errorf("blocked by %s", got)
	}
	var invalid *fault.Invalid
	if _, err = start("dkim", "merge_fields", "weather"); !errors.As(err, &invalid) || invalid.Field != "accepted[2]" {
		t.Errorf("%v", err)
	}
	if _, err := b.checker.Start(b.ctx, now, b.campaign.ID, campaigns.Approval{Revision: 7}, nil); !errors.As(err, new(*campaigns.Stale)) {
		t.Errorf("another revision: %v", err)
	}
	c, err := start("dkim", "merge_fields", "spf", "size")
	if err != nil || c.Status != campaigns.Running {
		t.Fatalf("%s, %v", c.Status, err)
	}
	got := map[string]string{}
	for _, a := range c.Approval.Accepted {
		got[a.ID] = a.What
	}
	if len(got) != 3 || got["merge_fields"] != "Something is left empty for 2 of the 20 recipients." || got["spf"] == "" || got["dkim"] == "" || c.Approval.By != "Anna" || c.Approval.Revision != 1 {
		t.Errorf("%+v", c.Approval)
	}
	var conflict *fault.Conflict
	if _, err = start("dkim"); !errors.As(err, &conflict) || conflict.State != "running" {
		t.Errorf("again: %v", err)
	}
	if _, err := b.checker.Start(b.ctx, now, 999, campaigns.Approval{}, nil); !errors.As(err, new(*fault.NotFound)) {
		t.Errorf("%v", err)
	}
}
