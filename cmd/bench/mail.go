package main

import (
	"fmt"
	"strings"
)

// benchHTML is a personalised mail of about 10 KB with five links.
func benchHTML() string {
	var b strings.Builder
	b.WriteString("<html><body>\n<h1>Hello {{ contact.first_name }} {{ contact.last_name }}</h1>\n")
	for i := range 4 {
		fmt.Fprintf(&b, `<p><a href="https://shop.example/offer/%d?c={{ contact.external_id }}">Offer %d for {{ contact.country }}</a></p>`+"\n", i, i)
		for j := range 8 {
			fmt.Fprintf(&b, `<p style="margin:0 0 12px;color:#333">Paragraph %d.%d: %s</p>`+"\n", i, j,
				strings.Repeat("fresh beans, a good grinder and a little patience. ", 5))
		}
	}
	b.WriteString(`<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`)
	return b.String()
}
