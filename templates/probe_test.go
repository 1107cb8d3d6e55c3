package templates

import (
	"slices"
	"strings"
	"testing"
)

func probed(t *testing.T, src Source, f Facts) Probed {
	t.Helper()
	compiled, problems := Compile(src)
	if failed(problems) {
		t.Fatalf("%v", problems)
	}
	p, err := NewProbe(Version{Subject: src.Subject, Text: src.Text, CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Render(t.Context(), Data{Facts: f, UnsubscribeURL: "https://unsubscribe.example/u/x"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestProbeFindsWhatPrintsNothing(t *testing.T) {
	t.Parallel()
	const link = `<a href="{{ unsubscribe_url }}">Unsubscribe</a>`
	nobody := Facts{Contact: Contact{ID: 2, ExternalID: "C-2", Email: "someone@example.com", Attributes: map[string]any{"blank": " ", "zero": 0.0, "no": false}}}
	for name, tt := range map[string]struct {
		src  Source
		want []string
	}{
		"a name":                 {Source{Subject: "Hi", HTML: "<p>Dear {{ contact.first_name }},</p>" + link}, []string{"contact.first_name"}},
		"in the subject":         {Source{Subject: "Hi {{ contact.first_name }}", HTML: "<p>x</p>" + link}, []string{"contact.first_name"}},
		"in the preheader":       {Source{Subject: "Hi", Preheader: "For {{contact.last_name}}", HTML: "<p>x</p>" + link}, []string{"contact.last_name"}},
		"in both, once":          {Source{Subject: "{{ contact.first_name }}!", HTML: "<p>{{contact.first_name}}</p>" + link}, []string{"contact.first_name"}},
		"with a default":         {Source{Subject: "Hi", HTML: "<p>Dear {{ contact.first_name | default: 'you' }}</p>" + link}, nil},
		"behind a condition":     {Source{Subject: "Hi", HTML: "{% if contact.first_name %}<p>{{ contact.first_name }}</p>{% endif %}" + link}, nil},
		"in the other branch":    {Source{Subject: "Hi", HTML: "{% if contact.first_name %}x{% else %}<p>{{ contact.last_name }}</p>{% endif %}" + link}, []string{"contact.last_name"}},
		"only space":             {Source{Subject: "Hi", HTML: "<p>{{ contact.attributes.blank }}</p>" + link}, []string{"contact.attributes.blank"}},
		"zero and false":         {Source{Subject: "Hi", HTML: "<p>{{ contact.attributes.zero }} {{ contact.attributes.no }}</p>" + link}, nil},
		"no such attribute":      {Source{Subject: "Hi", HTML: "<p>{{ contact.attributes.size | upcase }}</p>" + link}, []string{"contact.attributes.size | upcase"}},
		"a link":                 {Source{Subject: "Hi", HTML: `<a href="{{ contact.attributes.shop }}">x</a>` + link}, []string{"contact.attributes.shop"}},
		"in a loop without turn": {Source{Subject: "Hi", HTML: "{% for i in last_order.items %}{{ i.name }}{% endfor %}" + link}, nil},
		"in the written text":    {Source{Subject: "Hi", HTML: "<p>x</p>" + link, Text: "Dear {{ contact.country }} {{ unsubscribe_url }}"}, []string{"contact.country"}},
		"raw is text":            {Source{Subject: "Hi", HTML: "{% raw %}{{ contact.first_name }}{% endraw %}" + link}, nil},
		"trimmed":                {Source{Subject: "Hi", HTML: "<p>{{- contact.first_name -}}</p>" + link}, []string{"contact.first_name"}},
		"assigned":               {Source{Subject: "Hi", HTML: "{% assign who = contact.first_name %}<p>{{ who }}</p>" + link}, []string{"who"}},
		"captured":               {Source{Subject: "Hi", HTML: "{% capture who %}{{ contact.first_name }}{% endcapture %}<p>{{ who }}</p>" + link}, []string{"contact.first_name", "who"}},
	} {
		got := probed(t, tt.src, nobody).Empty
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		full := SampleFacts()
		full.Contact.Attributes = map[string]any{"blank": "b", "zero": 0.0, "no": false, "size": "m", "shop": "https://shop.example/"}
		if got := probed(t, tt.src, full).Empty; len(got) > 0 && name != "in the other branch" {
			t.Errorf("%s: of a contact with everything, %q", name, got)
		}
	}
}

// What a probe renders is what is sent.
func TestProbeRendersTheSame(t *testing.T) {
	t.Parallel()
	src := Source{
		Subject: "Hello {{ contact.first_name | default: 'you' }}", Preheader: "{{ contact.country }}",
		HTML: `<h1>{{ contact.name }}</h1>{% for item in last_order.items %}<a href="{{ item.url }}?a={{ contact.external_id | url_encode }}">{{ item.name }} {{ item.total | money: "EUR" }}</a>{% endfor %}
			{% if last_order.total > 20 %}<b>{{ "<b>" }}</b>{% endif %}<a href="{{ unsubscribe_url }}">u</a>`,
	}
	compiled, problems := Compile(src)
	if failed(problems) {
		t.Fatalf("%v", problems)
	}
	v := Version{Subject: src.Subject, CompiledHTML: compiled.HTML, CompiledText: compiled.Text}
	r, err := NewRenderer(v)
	if err != nil {
		t.Fatal(err)
	}
	data := Data{Facts: SampleFacts(), UnsubscribeURL: "https://unsubscribe.example/u/x"}
	want, err := r.Render(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	got := probed(t, src, data.Facts)
	if got.Rendered != want {
		t.Errorf("got:\n%v\nwant:\n%v", got.Rendered, want)
	}
	if strings.Contains(got.HTML, probeTag) {
		t.Error("the block shows")
	}
}
