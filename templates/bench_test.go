package templates

import (
	"context"
	"strings"
	"testing"
)

func benchmark(b *testing.B, src Source) {
	compiled, problems := Compile(src)
	if failed(problems) {
		b.Fatal(problems)
	}
	r, err := NewRenderer(Version{Subject: src.Subject, Text: src.Text, CompiledHTML: compiled.HTML, CompiledText: compiled.Text})
	if err != nil {
		b.Fatal(err)
	}
	data := Data{Facts: SampleFacts(), Campaign: Campaign{ID: 1, Name: "Grinder", Topic: "news"}, UnsubscribeURL: sampleUnsubscribe}
	m, err := r.Render(context.Background(), data)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(m.HTML) + len(m.Text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Render(context.Background(), data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenderSmall is a note of three lines.
func BenchmarkRenderSmall(b *testing.B) {
	benchmark(b, Source{
		Subject: "Hello {{ contact.first_name }}",
		HTML:    `<p>Dear {{ contact.first_name | default: "friend" }},</p><p>thank you.</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>`,
	})
}

// BenchmarkRenderLinks is a mail of about 10 KB with five links.
func BenchmarkRenderLinks(b *testing.B) {
	row := `<p>` + strings.Repeat("Freshly roasted coffee, and all that goes with it. ", 36) + `<a href="https://shop.example/p/{{ contact.external_id }}">{{ contact.first_name }}</a></p>`
	benchmark(b, Source{
		Subject: "Hello {{ contact.first_name }}",
		HTML:    strings.Repeat(row, 5) + `<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>`,
	})
}

// BenchmarkRenderSample is the demo's template: a loop, prices, a date.
func BenchmarkRenderSample(b *testing.B) { benchmark(b, Sample()) }
