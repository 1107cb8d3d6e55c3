package main

import (
	"fmt"
	"strings"
)

// benchWords is a paragraph.
var benchWords = strings.Repeat("fresh beans, a good grinder and a little patience. ", 5)

// benchText says the same as benchHTML.
func benchText() string {
	var b strings.Builder
	b.WriteString("Hello {{ contact.first_name }} {{ contact.last_name }}\n\n")
	for i := range 4 {
		fmt.Fprintf(&b, "Offer %d for {{ contact.country }}: https://shop.example/offer/%d?c={{ contact.external_id }}\n\n", i, i)
		for j := range 8 {
			fmt.Fprintf(&b, "Paragraph %d.%d: %s\n\n", i, j, benchWords)
		}
	}
	b.WriteString("Unsubscribe: {{ unsubscribe_url }}\n")
	return b.String()
}

// benchHTML is a personalised mail of about 10 KB with five links.
func benchHTML() string {
	var b strings.Builder
	b.WriteString("<html><body>\n<h1>Hello {{ contact.first_name }} {{ contact.last_name }}</h1>\n")
	for i := range 4 {
		fmt.Fprintf(&b, `<p><a href="https://shop.example/offer/%d?c={{ contact.external_id }}">Offer %d for {{ contact.country }}</a></p>`+"\n", i, i)
		for j := range 8 {
			fmt.Fprintf(&b, `<p style="margin:0 0 12px;color:#333">Paragraph %d.%d: %s</p>`+"\n", i, j,
				benchWords)
		}
	}
	b.WriteString(`<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`)
	return b.String()
}
