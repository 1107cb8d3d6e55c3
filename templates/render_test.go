package templates

import (
	"context"
	"errors"
	"fmt"
	"html"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	xhtml "golang.org/x/net/html"
	"pgregory.net/rapid"
)

// renderText renders Liquid as plain text, without the check of the whole.
func renderText(t testing.TB, liquid string, d Data) (string, error) {
	t.Helper()
	r, err := NewRenderer(Version{Subject: "x", Text: liquid, CompiledText: liquid})
	if err != nil {
		return "", err
	}
	m, err := r.Render(context.Background(), d)
	return m.Text, err
}

func renderHTML(t testing.TB, liquid string, d Data) (string, error) {
	t.Helper()
	r, err := NewRenderer(Version{Subject: "x", CompiledHTML: liquid})
	if err != nil {
		return "", err
	}
	m, err := r.Render(context.Background(), d)
	return m.HTML, err
}

func TestNamesAreWhatTheyAreCalled(t *testing.T) {
	t.Parallel()
	price := 12.5
	order := &Order{
		ID: "O-1", PlacedAt: time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC), Status: "paid", Currency: "EUR", Total: 25,
		Items: []Item{{SKU: "S-1", Quantity: 2, UnitPrice: 12.5, Total: 25, Product: Product{
			SKU: "S-1", Name: "Cup", Category: "cups", Price: &price, Currency: "EUR", URL: "https://x.example/", ImageURL: "https://x.example/i.png", InStock: true,
		}}},
	}
	trigger := *order
	trigger.ID, trigger.Status = "O-2", "refunded"
	d := Data{
		Facts: Facts{
			Contact: Contact{
				ID: 4, ExternalID: "C-4", Email: "a@example.com", FirstName: "Ann", LastName: "Lee", Country: "Iceland", Language: "is",
				Phone: "+354", Timezone: "Atlantic/Reykjavik", Attributes: map[string]any{"vip": true},
			},
			LastOrder: order,
			Order:     &trigger,
			Event:     &Event{Name: "signed up", OccurredAt: time.Date(2026, 3, 15, 1, 0, 0, 0, time.FixedZone("", 3600)), Properties: map[string]any{"a": "b"}},
		},
		Campaign:       Campaign{ID: 9, Name: "Spring", Topic: "news"},
		UnsubscribeURL: "https://x.example/u/1",
	}
	want := map[string]string{
		"contact.external_id": "C-4", "contact.email": "a@example.com", "contact.first_name": "Ann", "contact.last_name": "Lee",
		"contact.name": "Ann Lee", "contact.country": "Iceland", "contact.language": "is", "contact.phone": "+354",
		"contact.timezone": "Atlantic/Reykjavik", "contact.attributes": "",
		"last_order.id": "O-1", "last_order.placed_at": "2026-03-14T09:26:00Z", "last_order.status": "paid",
		"last_order.currency": "EUR", "last_order.total": "25", "last_order.items": "",
		"last_order.items[0].sku": "S-1", "last_order.items[0].name": "Cup", "last_order.items[0].category": "cups",
		"last_order.items[0].url": "https://x.example/", "last_order.items[0].image_url": "https://x.example/i.png",
		"last_order.items[0].in_stock": "true", "last_order.items[0].quantity": "2", "last_order.items[0].unit_price": "12.5",
		"last_order.items[0].total": "25", "last_order.items[0].product": "",
		"last_order.items[0].product.sku": "S-1", "last_order.items[0].product.name": "Cup",
		"last_order.items[0].product.category": "cups", "last_order.items[0].product.price": "12.5",
		"last_order.items[0].product.currency": "EUR", "last_order.items[0].product.url": "https://x.example/",
		"last_order.items[0].product.image_url": "https://x.example/i.png", "last_order.items[0].product.in_stock": "true",
		"event.name": "signed up", "event.occurred_at": "2026-03-15T00:00:00Z", "event.properties": "",
		"campaign.id": "9", "campaign.name": "Spring", "campaign.topic": "news",
		"unsubscribe_url": "https://x.example/u/1", "blank": "", "empty": "",
	}
	// The order that triggered the mail has the names of the last one.
	for path, expected := range maps.Clone(want) {
		if field, ok := strings.CutPrefix(path, "last_order."); ok {
			want["order."+field] = expected
		}
	}
	want["order.id"], want["order.status"] = "O-2", "refunded"
	var walk func(path string, s *shape)
	walk = func(path string, s *shape) {
		switch s.kind {
		case kindObject:
			for field, f := range s.fields {
				walk(path+"."+field, f)
			}
			if strings.Count(path, ".") == 0 {
				return
			}
		case kindList:
			walk(path+"[0]", s.item)
		}
		if strings.HasSuffix(path, "[0]") {
			return
		}
		expected, documented := want[path]
		if !documented {
			t.Errorf("%s is not in this test", path)
			return
		}
		delete(want, path)
		if s.kind != kindValue {
			return
		}
		got, err := renderText(t, "{{ "+path+" }}", d)
		if err != nil || got != expected {
			t.Errorf("%s is %q (%v), want %q", path, got, err, expected)
		}
		// The same for a contact with nothing: no value, and no error.
		if got, err := renderText(t, "{{ "+path+" }}{% if "+path+" %}!{% endif %}", Data{}); err != nil || got != "" {
			t.Errorf("%s without a value is %q (%v)", path, got, err)
		}
	}
	for name, s := range names {
		walk(name, s)
	}
	for path := range want {
		t.Errorf("%s is not a name", path)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	d := sampleData()
	d.Contact.Attributes = map[string]any{
		"tags": []any{"b", "a", "b", "", nil}, "n": 3.0, "f": 2.5, "text": "ab", "empty": "", "zero": 0.0, "no": false, "yes": true,
		"nested": map[string]any{"city": "Oslo", "list": []any{map[string]any{"k": 1.0}}}, "when": "2026-02-01", "price": "12.50",
	}
	for _, test := range []struct{ liquid, want string }{
		// absent values
		{"{{ contact.attributes.none }}|{{ contact.attributes.none.deeper[3] }}", "|"},
		{"{{ contact.attributes.none | default: 'x' }}{{ contact.attributes.empty | default: 'y' }}{{ contact.attributes.no | default: 'z' }}", "xyz"},
		{"{% if contact.attributes.empty %}a{% endif %}{% if contact.attributes.zero %}b{% endif %}{% if contact.attributes.no %}c{% endif %}", "b"},
		{"{% if contact.attributes.none == blank %}a{% endif %}{% if contact.attributes.empty == '' %}b{% endif %}{% if contact.first_name != blank %}c{% endif %}{% if contact.attributes.none == nil %}d{% endif %}", "abcd"},
		{"{% if contact.attributes.none > 1 %}a{% endif %}{% if contact.attributes.none < 1 %}b{% endif %}", ""},
		{"{% for i in contact.attributes.none %}x{% else %}none{% endfor %}", "none"},
		{"{% for i in (1..contact.attributes.none) %}x{% endfor %}", ""},
		{"{{ contact.attributes.none | upcase | append: 'x' | size }}", "1"},
		// attributes
		{"{{ contact.attributes.tags }}", "b, a, b, , "},
		{"{{ contact.attributes.tags | join: '-' }} {{ contact.attributes.tags | compact | uniq | sort | join: '' }} {{ contact.attributes.tags.size }} {{ contact.attributes.tags.first }} {{ contact.attributes.tags[1] }} {{ contact.attributes.tags[-1] }}", "b-a-b ab 5 b a "},
		{"{% if contact.attributes.tags contains 'a' %}y{% endif %}{% if contact.attributes.text contains 'b' %}y{% endif %}{% if contact.attributes contains 'n' %}y{% endif %}", "yyy"},
		{"{{ contact.attributes.nested.city }} {{ contact.attributes['nested']['city'] }} {{ contact.attributes.nested.list[0].k | plus: 1 }}", "Oslo Oslo 2"},
		{"{% for p in contact.attributes.nested %}{{ p[0] }};{% endfor %}", "city;list;"},
		{"{% for i in (1..contact.attributes.n) %}{{ i }}{% endfor %}{% for t in contact.attributes.tags limit: contact.attributes.n %}{{ t }}{% endfor %}", "123bab"},
		{"{% for t in contact.attributes.text %}[{{ t }}]{% endfor %}", "[ab]"},
		{"{{ contact.attributes.n }} {{ contact.attributes.f }} {{ contact.attributes.yes }}", "3 2.5 true"},
		{"{% if contact.attributes.n == 3 and contact.attributes.f > 2 %}y{% endif %}", "y"},
		// tags
		{"{% unless contact.attributes.no %}a{% endunless %}{% unless contact.attributes.yes %}b{% else %}c{% endunless %}", "ac"},
		{"{% case contact.country %}{% when 'Norway', 'Sweden' %}a{% else %}b{% endcase %}{% case contact.attributes.none %}{% when nil %}c{% endcase %}{% case 5 %}{% when 4 %}x{% endcase %}", "ac"},
		{"{% for i in (1..5) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}", "13"},
		{"{% for i in (1..2) %}{% for j in (1..3) %}{% if j == 2 %}{% break %}{% endif %}{{ i }}{{ j }}{{ forloop.length }} {% endfor %}{{ forloop.length }} {% endfor %}", "113 2 213 2 "},
		{"{% for i in (1..5) limit: 3 offset: 1 reversed %}{{ i }}{% if forloop.last %}.{% endif %}{% endfor %}", "432."},
		{"{% for i in (1..3) %}{{ forloop.index }}{{ forloop.index0 }}{{ forloop.rindex }}{{ forloop.rindex0 }}{{ forloop.first }} {% endfor %}", "1032true 2121false 3210false "},
		{"{% for i in (1..4) %}{% cycle 'a', 'b' %}{% cycle 'x': '1', '2', '3' %}{% endfor %}", "a1b2a3b1"},
		{"{% assign i = 7 %}{% for i in (1..2) %}{{ i }}{% endfor %}{{ i }}", "127"},
		{"{% capture a %}x{{ contact.first_name }}{% endcapture %}{{ a }}{{ a | upcase }}{% if a == 'xMaria' %}!{% endif %}", "xMariaXMARIA!"},
		{"a  {%- if true -%}  b  {%- endif -%}  c", "abc"},
		{"{% raw %}{{ x }}{% endraw %}{% comment %}{{ x }}{% endcomment %}", "{{ x }}"},
		{"{% assign r = (1..3) %}{{ r | join: '+' }}{{ (1..3) | reverse | first }}", "1+2+33"},
		// filters
		{"{{ 'a' | append: 'b' | prepend: 'c' | capitalize }} {{ 'ß ÄB' | downcase }} {{ 'éa' | capitalize }}", "Cab ß äb Éa"},
		{"[{{ ' a ' | strip }}{{ ' a ' | lstrip }}{{ ' a ' | rstrip }}]", "[aa  a]"},
		{"{{ '<p>a<!-- > --><b' | strip_html }}{{ 'a<b>c</b>d' | strip_html }}", "aacd"},
		{"{{ 'aXbX' | replace: 'X', '-' }} {{ 'aXbX' | replace_first: 'X' }} {{ 'aXbX' | remove: 'X' }} {{ 'aXbX' | remove_first: 'X' }}", "a-b- abX ab abX"},
		{"{{ 'äöüß' | truncate: 3, '' }} {{ 'abcdef' | truncate: 5 }} {{ 'one two three' | truncatewords: 2 }}", "äöü ab... one two..."},
		{"{{ 'äöü' | slice: 1 }}{{ 'äöü' | slice: -2, 2 }}{{ 'äöü' | slice: 9 }}{{ 'äöü' | size }}", "ööü3"},
		{"{{ 'a,b,,c' | split: ',' | join: ';' }} {{ 'a  b' | split: ' ' | last }}", "a;b;c b"},
		{"{{ 'a b&c' | url_encode }} {{ 'a+b%26c%zz' | url_decode }} {{ 'a+b' | url_decode }}", "a+b%26c a+b%26c%zz a b"},
		{"{{ 'JavaScript:x' | safe_url }}|{{ ' https://x.example ' | safe_url }}|{{ 'a/b:c' | safe_url }}|{{ 'x:y' | safe_url }}|{{ 'tel:1' | safe_url }}", "|https://x.example|a/b:c||tel:1"},
		{"{{ 3 | plus: 4 }} {{ 3 | minus: 4.5 }} {{ 12.9 | times: 3 }} {{ '12.50' | times: 2 }} {{ 'x' | plus: 1 }}", "7 -1.5 38.7 25 1"},
		{"{{ 7 | divided_by: 2 }} {{ 7 | divided_by: 2.0 }} {{ -7 | divided_by: 2 }} {{ 7 | modulo: 4 }} {{ -2.5 | abs }} {{ 2.4 | ceil }} {{ 2.6 | floor }}", "3 3.5 -4 3 2.5 3 2"},
		{"{{ 2.5 | round }} {{ 2.345 | round: 2 }} {{ 1 | at_least: 2 }} {{ 3 | at_most: 2 }}", "3 2.35 2 2"},
		{"{{ 0.1 | plus: 0.2 }}", "0.3"},
		{"{{ last_order.items | map: 'name' | join: '; ' }}", "Ethiopia Yirgacheffe, 250 g; Kenya AA, 250 g"},
		{"{{ last_order.items | where: 'quantity', 2 | map: 'sku' }} {{ last_order.items | where: 'in_stock' | size }} {{ last_order.items | where: 'category', 'tea' | size }}", "COF-ETH-250 2 0"},
		{"{% assign best = last_order.items | sort: 'unit_price' | last %}{{ best.sku }} {{ last_order.items | sort: 'name' | map: 'sku' | first }}", "COF-KEN-250 COF-ETH-250"},
		{"{{ 'b,A,c' | split: ',' | sort | join: '' }} {{ 'b,A,c' | split: ',' | sort_natural | join: '' }} {{ 'a,b' | split: ',' | concat: contact.attributes.tags | size }}", "Abc Abc 7"},
		{"{{ 1234.5 | money: 'EUR' }} {{ 1234.5 | money: 'eur', 'de-AT' }} {{ 1234567.891 | money: 'SEK', 'sv' }} {{ 99.5 | money: 'JPY' }} {{ -3 | money: 'USD' }} {{ 3 | money }} {{ contact.attributes.none | money: 'EUR' }} {{ 1.005 | money: 'GBP' }} {{ '12.50' | money: 'NOK' }} {{ -0.001 | money: 'EUR' }}", "€1,234.50 1.234,50\u00a0€ 1\u00a0234\u00a0567,89\u00a0SEK ¥100 -$3.00 3.00  £1.01 12.50\u00a0NOK €0.00"},
		{"{{ last_order.placed_at | date: '%-d %B %Y %H:%M' }} {{ last_order.placed_at | date: '%d.%m.%y %H:%M', contact.timezone }} {{ last_order.placed_at | date: '%F', 'No/Where' }}", "14 March 2026 09:26 14.03.26 10:26 2026-03-14"},
		{"{{ contact.attributes.when | date: '%A' }} {{ 'soon' | date: '%A' }} {{ contact.attributes.none | date: '%A' }} {{ 0 | date: '%Y' }}", "Sunday soon  1970"},
	} {
		got, err := renderText(t, test.liquid, d)
		if err != nil {
			t.Errorf("%s\n%v", test.liquid, err)
		} else if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s\n%s", test.liquid, diff)
		}
	}
	now, err := renderText(t, "{{ 'now' | date: '%Y' }}", d)
	if err != nil || now < "2026" {
		t.Errorf("now is %q, %v", now, err)
	}
}

func TestEscaping(t *testing.T) {
	t.Parallel()
	d := sampleData()
	d.Contact.FirstName = `<b>"Ann" & 'Bo'` + "`</b>\x00\xff"
	d.Contact.Attributes = map[string]any{"x": map[string]any{"<i>": "<i>"}, "l": []any{"<i>", "&"}, "lines": "a<\nb"}
	const escaped = "&lt;b&gt;&#34;Ann&#34; &amp; &#39;Bo&#39;&#96;&lt;/b&gt;\uFFFD"
	for _, test := range []struct{ liquid, want string }{
		{"{{ contact.first_name }}", escaped},
		{"{{ contact.first_name | escape }}", escaped},
		{"{{ contact.first_name | escape | escape }}", escaped},
		{"{{ contact.first_name | escape_once }}", escaped},
		{"{{ '&lt;' | escape_once }}", "&lt;"},
		{"{% capture a %}<p>{{ contact.first_name }}</p>{% endcapture %}{{ a }}", "<p>" + escaped + "</p>"},
		{"{% capture a %}{{ contact.first_name }}{% endcapture %}{{ a | append: '' }}", escaped},
		{"{% capture a %}{{ contact.first_name }}{% endcapture %}{% assign b = a %}{{ b }}", escaped},
		{"{% capture a %}{{ contact.first_name }}{% endcapture %}{% capture b %}{{ a }}{% endcapture %}{{ b }}", escaped},
		{"{% capture a %}x{% endcapture %}{% if a == 'x' %}same{% endif %}{% if a contains 'x' %}in{% endif %}", "samein"},
		{"{% capture a %}{{ contact.first_name }}{% endcapture %}{{ a | split: '|' | first }}", escaped},
		{"{{ contact.attributes.l }}", "&lt;i&gt;, &amp;"},
		{"{{ contact.attributes.l | join: '<' }}", "&lt;i&gt;&lt;&amp;"},
		{"{{ contact.attributes.lines | newline_to_br }}", "a&lt;<br>\nb"},
		{"{{ contact.attributes.lines | newline_to_br | upcase }}", "A&lt;&lt;BR&gt;\nB"},
		{"{% for p in contact.attributes.x %}{{ p[0] }}{{ p }}{% endfor %}", "&lt;i&gt;&lt;i&gt;, &lt;i&gt;"},
		{"{{ contact.attributes.x }}{{ contact.attributes }}", ""},
	} {
		got, err := renderHTML(t, test.liquid, d)
		if err != nil {
			t.Errorf("%s\n%v", test.liquid, err)
		} else if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s\n%s", test.liquid, diff)
		}
	}
	got, err := renderText(t, "{{ contact.first_name | escape }} {{ contact.attributes.lines | newline_to_br }}", d)
	if want := `<b>"Ann" & 'Bo'` + "`</b>\uFFFD a<\nb"; err != nil || got != want {
		t.Errorf("text is %q (%v), want %q", got, err, want)
	}
}

func TestSubjectIsOneLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ subject, name, want string }{
		{"Hi {{ contact.first_name }}", "Ann\r\nBcc: all@example.com", "Hi Ann Bcc: all@example.com"},
		{"Hi {{ contact.first_name }}", "A\x00n\u2028n\x1b[31m", "Hi A n n [31m"},
		{"Hi {{ contact.first_name }}", "<Ann & Bo>", "Hi <Ann & Bo>"},
		{"Hi {{ contact.first_name | append: '\n' }}", "Ann", ""},
		{" {{ contact.first_name }}  x ", "", "x"},
		{"{{ contact.first_name }}", strings.Repeat("é", 600), strings.Repeat("é", 499) + "…"},
		{"{{ contact.first_name }}", "a\xffb", "a\uFFFDb"},
	} {
		r, err := NewRenderer(Version{Subject: test.subject})
		if err != nil {
			if test.want != "" {
				t.Errorf("%q: %v", test.subject, err)
			}
			continue
		}
		m, err := r.Render(context.Background(), Data{Facts: Facts{Contact: Contact{FirstName: test.name}}})
		if err != nil || test.want != "" && m.Subject != test.want {
			t.Errorf("%q: %q, %v", test.subject, m.Subject, err)
		}
		if strings.ContainsFunc(m.Subject, isControl) {
			t.Errorf("%q has control characters", m.Subject)
		}
	}
}

// TestRenderIsBounded: whatever a template or its data does, rendering ends soon,
// with an error that says why.
func TestRenderIsBounded(t *testing.T) {
	t.Parallel()
	many := make([]any, 5000)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	d := sampleData()
	d.Contact.Attributes = map[string]any{"huge": 1e12, "many": many, "long": strings.Repeat("x", maxText+1), "part": strings.Repeat("x", 60_000)}
	for _, test := range []struct {
		name, liquid string
		want         error
	}{
		{"output", "{% for i in (1..1000) %}{% for j in (1..99) %}0123456789 0123456789{% endfor %}{% endfor %}", errOutput},
		{"loops without output", "{% for i in (1..1000) %}{% for j in (1..1000) %}{% for k in (1..1000) %}{% endfor %}{% endfor %}{% endfor %}", errSteps},
		{"loops with tags only", "{% for i in (1..1000) %}{% for j in (1..1000) %}{% if i == j %}{% endif %}{% endfor %}{% endfor %}", errSteps},
		{"text that doubles", "{% assign a = 'x' %}{% for i in (1..100) %}{% assign a = a | append: a %}{% endfor %}", errText},
		{"text that doubles by replacing", "{% assign a = 'xx' %}{% for i in (1..100) %}{% assign a = a | replace: 'x', 'xx' %}{% endfor %}", errText},
		{"text that doubles by replacing nothing", "{% assign a = 'xx' %}{% for i in (1..100) %}{% assign a = a | replace: '', 'xx' %}{% endfor %}", errText},
		{"text that doubles by capturing", "{% assign a = 'xx' %}{% for i in (1..100) %}{% capture a %}{{ a }}{{ a }}{% endcapture %}{% endfor %}", errText},
		{"capture of a loop", "{% capture a %}{% for i in (1..1000) %}{% for j in (1..90) %}x{% endfor %}{% endfor %}{% endcapture %}", errText},
		{"text joined", "{% assign a = contact.attributes.part | split: '' %}", errList},
		{"list that doubles", "{% assign l = 'a,b' | split: ',' %}{% for i in (1..100) %}{% assign l = l | concat: l %}{% endfor %}", errList},
		{"join of long texts", "{% assign a = contact.attributes.part | append: ',' | append: 'b' | split: ',' | concat: contact.attributes.many | join: contact.attributes.part %}", errList},
		{"much kept", "{% for i in (1..1000) %}{% assign a = contact.attributes.part | append: i %}{% endfor %}", errKept},
		{"kept in lists", "{% assign l = '' | split: ',' %}{% for i in (1..500) %}{% assign p = contact.attributes.part | append: i | split: '|' %}{% assign l = l | concat: p %}{% endfor %}", errKept},
		{"long data through a filter", "{{ contact.attributes.long | upcase }}", errText},
		{"range from data", "{% for i in (1..contact.attributes.huge) %}{% endfor %}", nil},
		{"range from data, in a filter", "{{ (1..contact.attributes.huge) | join: ',' }}", nil},
		{"range from data, assigned", "{% assign r = (1..contact.attributes.huge) %}", nil},
		{"escaping makes it larger", "{% for i in (1..1000) %}{{ '&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&' }}{% endfor %}", errOutput},
		{"date with a width", "{{ 'now' | date: '%999999999Y' }}", errFormat},
		{"long date format", "{{ 'now' | date: '" + strings.Repeat("%A", 60) + "' }}", errFormat},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := renderHTML(t, test.liquid, d)
			switch {
			case err == nil:
				t.Error("it renders")
			case test.want != nil && !errors.Is(err, test.want) && !strings.Contains(err.Error(), test.want.Error()):
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	// What is below the limits works.
	for _, liquid := range []string{
		"{% for i in contact.attributes.many %}{% endfor %}", // cut to maxList
		"{% for i in (1..1000) %}{% for j in (1..50) %}{% endfor %}{% endfor %}",
		"{{ contact.attributes.long | size }}",
		"{{ contact.attributes.many | uniq | sort | reverse | size }}",
	} {
		if _, err := renderHTML(t, liquid, d); err != nil {
			t.Errorf("%s: %v", liquid, err)
		}
	}
}

func TestRenderObeysItsContext(t *testing.T) {
	t.Parallel()
	r, err := NewRenderer(Version{Subject: "x", CompiledHTML: "{% for i in (1..1000) %}{{ i }}{% endfor %}"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Render(ctx, Data{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// In the middle of a rendering: the clock is looked at every 16 steps.
	b := newBudget(context.Background())
	b.deadline = time.Now().Add(-time.Second)
	for range 15 {
		if err := b.spend(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.spend(); !errors.Is(err, errTime) {
		t.Errorf("got %v", err)
	}
}

// TestRenderErrorSaysWhere: what goes wrong with one contact's data ends up in the
// ledger, where someone has to understand it.
func TestRenderErrorSaysWhere(t *testing.T) {
	t.Parallel()
	for liquid, want := range map[string]string{
		"a\n{% if true %}\n{{ 1 | divided_by: 0 }}{% endif %}":              `html: line 3: error applying filter "divided_by" ("division by zero")`,
		"{% for i in (1..3) %}\n{% assign a = 1 | modulo: 0 %}{% endfor %}": `html: line 2: error applying filter "modulo" ("division by zero")`,
		"{% for i in ('a'..3) %}{% endfor %}":                               `html: line 1: can't convert string(a) to type int`,
	} {
		_, err := renderHTML(t, liquid, Data{})
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", liquid, err, want)
		}
	}
}

func TestRendererRefusesWhatTheCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, liquid := range []string{"{{ x | safe }}", "{% include 'x' %}", "{{ (1..9).AsArray }}", "{% if %}", "{{ 99999999999999999999 }}", strings.Repeat("{% for i in (1..9) %}", 5)} {
		if _, err := NewRenderer(Version{Subject: "x", CompiledHTML: liquid}); err == nil {
			t.Errorf("%s is accepted", liquid)
		}
	}
}

func TestRenderAtOnce(t *testing.T) {
	t.Parallel()
	src := Sample()
	compiled := mustCompile(t, src)
	r, err := NewRenderer(Version{Subject: src.Subject, CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				d := sampleData()
				d.Contact.FirstName = fmt.Sprintf("W%dN%d", worker, i)
				m, err := r.Render(context.Background(), d)
				if err != nil {
					t.Error(err)
					return
				}
				for part, s := range map[string]string{"subject": m.Subject, "html": m.HTML, "text": m.Text} {
					if !strings.Contains(s, d.Contact.FirstName) || strings.Count(s, "W") > strings.Count(s, d.Contact.FirstName)+5 {
						t.Errorf("%s of %s: %s", part, d.Contact.FirstName, s)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestNoFieldBringsMarkup: whatever a contact or a shop puts into a field, the mail
// has the elements and attributes it has without it, and shows the field as it is.
func TestNoFieldBringsMarkup(t *testing.T) {
	t.Parallel()
	src := Source{
		Subject:   "Hi {{ contact.name }}",
		Preheader: "{{ contact.country }} & {{ contact.attributes.a }}",
		HTML: page(`<style>p{margin:0}</style><p title="{{ contact.first_name }}" class='{{ contact.last_name }}'>{{ contact.first_name }} {{ contact.last_name | escape }}
			{{ contact.name | upcase }} {{ contact.country | default: "x" }} {{ contact.language }} {{ contact.phone }} {{ contact.timezone }} {{ contact.email }} {{ contact.external_id }}</p>
			{% capture c %}<i>{{ contact.attributes.a }}</i>{% endcapture %}{{ c }}{{ c | append: contact.attributes.a }}{{ contact.attributes.l | join: contact.phone }}
			{{ contact.attributes.a | newline_to_br }} {{ contact.attributes }} {{ contact.attributes.l }}
			<a href="{{ contact.attributes.a }}">x</a><a href="https://x.example/?q={{ contact.attributes.a }}">x</a><img src="{{ contact.attributes.a }}" alt="{{ contact.attributes.a | truncate: 9 }}">
			{% for i in last_order.items %}<b>{{ i.name }} {{ i.sku }} {{ i.category }}<a href="{{ i.url }}">x</a></b>{% endfor %}
			{% for i in order.items %}<i>{{ i.name }}<a href="{{ i.url }}"><img src="{{ i.image_url }}" alt="{{ i.name }}"></a></i>{% endfor %}{{ order.id }} {{ event.name }}
			{{ event.properties.a }}<a href="{{ event.properties.a }}" title="{{ event.properties.a }}">x</a>{% for l in event.properties.l %}{{ l }}{% endfor %}<!--[if mso]>{{ contact.first_name }}<![endif]-->`),
	}
	compiled := mustCompile(t, src)
	r, err := NewRenderer(Version{Subject: src.Subject, CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
	if err != nil {
		t.Fatal(err)
	}
	structure := func(s string) string {
		doc, err := xhtml.Parse(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		eachElement(doc, func(n *xhtml.Node) {
			if n.Data == "br" { // newline_to_br may make some
				return
			}
			b.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				b.WriteString(" " + a.Key)
			}
		})
		return b.String()
	}
	render := func(s string) Rendered {
		order := &Order{ID: s, Status: s, Currency: s, Items: []Item{{SKU: s, Product: Product{Name: s, Category: s, URL: s, ImageURL: s}}}}
		m, err := r.Render(context.Background(), Data{
			Facts: Facts{
				Contact:   Contact{ExternalID: s, Email: s, FirstName: s, LastName: s, Country: s, Language: s, Phone: s, Timezone: s, Attributes: map[string]any{"a": s, "l": []any{s, s}, s: s}},
				LastOrder: order,
				Order:     order,
				Event:     &Event{Name: s, Properties: map[string]any{"a": s, "l": []any{s}, s: s}},
			},
			Campaign: Campaign{Name: s, Topic: s}, UnsubscribeURL: "https://mail.example/u/abc",
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	want := structure(render("harmless").HTML)
	pieces := []string{"<", ">", "\"", "'", "&", "`", "=", " ", "\n", "-->", "<!--", "</p>", "<script>", "javascript:", "data:", "onload=", "]]>", "<![endif]-->", "{{", "}}", "{%", "x", "é", "\x00", "\xff", "&lt;", "\r"}
	rapid.Check(t, func(rt *rapid.T) {
		s := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.String()), 1, 8).Draw(rt, "field"), "")
		m := render(s)
		if got := structure(m.HTML); got != want {
			rt.Fatalf("%q changes the mail:\n%s", s, m.HTML)
		}
		for _, href := range links(t, m.HTML) {
			if dangerousScheme(href) != "" {
				rt.Fatalf("a live link to %q", href)
			}
		}
		if strings.ContainsFunc(m.Subject, isControl) {
			rt.Fatalf("subject %q", m.Subject)
		}
		if clean := strings.ToValidUTF8(s, "\uFFFD"); !strings.ContainsAny(clean, "\x00\r") && !strings.Contains(html.UnescapeString(m.HTML), clean) {
			rt.Fatalf("%q is not shown", s)
		}
	})
}

// TestWhatTriggeredTheMail: a mail of a journey tells of it; in any other mail it is
// absent, and neither prints, loops nor fails.
func TestWhatTriggeredTheMail(t *testing.T) {
	t.Parallel()
	journey := sampleData()
	journey.Order = &Order{ID: "O-9", Status: "refunded", Items: []Item{{SKU: "CUP", Quantity: 2}, {SKU: "POT", Quantity: 1}}}
	journey.Event = &Event{Name: "reviewed", Properties: map[string]any{
		"text": `<b>"good"</b>`, "stars": 5.0, "tags": []any{"a", "b"}, "of": map[string]any{"sku": "CUP"}, "url": "javascript:alert(1)", "size": "XL",
	}}
	campaign := journey
	campaign.Order, campaign.Event = nil, nil
	for _, test := range []struct{ liquid, journey, campaign string }{
		{"{% for i in order.items %}{{ i.quantity }} {{ i.name }};{% else %}none{% endfor %}", "2 CUP;1 POT;", "none"},
		{"{% if order %}{{ order.id }} {{ order.status }}{% else %}{{ last_order.id }}{% endif %}", "O-9 refunded", "O-20481"},
		{"{{ order.items.size }}{{ order.items | map: 'sku' | join: '+' }}{{ order.items.first.name }}{{ order.items[1].sku }}", "2CUP+POTCUPPOT", ""},
		{"{% if order == blank %}no{% endif %}{% for i in (1..order.items.size) %}{{ i }}{% endfor %}", "12", "no"},
		{"{{ event.name }}{% if event %}!{% endif %}", "reviewed!", ""},
		{"{{ event.properties.stars | plus: 1 }}{% if event.properties.stars > 4 %}!{% endif %}", "6!", "1"},
		{"{{ event.properties.tags }} {{ event.properties.of.sku }} {{ event.properties['size'] }}", "a, b CUP XL", "  "},
		{"{% for p in event.properties %}{{ p[0] }};{% endfor %}", "of;size;stars;tags;text;url;", ""},
		{"{{ event.properties.none.deeper[3] | default: 'x' }}{{ event.occurred_at | date: '%Y' }}", "x0001", "x"},
	} {
		for _, mail := range []struct {
			of   string
			data Data
			want string
		}{{"journey", journey, test.journey}, {"campaign", campaign, test.campaign}} {
			if got, err := renderText(t, test.liquid, mail.data); err != nil || got != mail.want {
				t.Errorf("%s in a mail of a %s is %q (%v), want %q", test.liquid, mail.of, got, err, mail.want)
			}
		}
	}

	m := mustRender(t, Source{
		Subject: "{{ event.properties.text }}",
		HTML:    page(`<p title="{{ event.properties.text }}">{{ event.properties.text }}</p><a href="{{ event.properties.url }}">x</a>`),
	}, journey)
	const escaped = `&lt;b&gt;&#34;good&#34;&lt;/b&gt;`
	if want := `<p title="` + escaped + `">` + escaped + `</p><a href="">x</a>`; body(t, m.HTML) != want || m.Subject != `<b>"good"</b>` {
		t.Errorf("got %q, %q, want %q", m.Subject, body(t, m.HTML), want)
	}
}
