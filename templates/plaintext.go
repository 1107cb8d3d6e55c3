package templates

import (
	"fmt"
	"strings"

	"github.com/inbucket/html2text"
	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// deriveText makes a plain text part of finished HTML with its Liquid kept: loops
// and conditions stay around what they were around.
func deriveText(src string) (out string, err error) {
	defer recovered(&err)
	masked, m := maskHTML(src)
	doc, err := xhtml.Parse(strings.NewReader(masked))
	if err != nil {
		return "", err
	}
	m.wordsForComments(doc)
	eachElement(doc, func(n *xhtml.Node) { forText(n, m) })
	out, err = html2text.FromHTMLNode(doc)
	if err != nil {
		return "", err
	}
	// A text that reads {{ must not become Liquid here.
	out = strings.ReplaceAll(strings.ReplaceAll(out, "{{", "{ {"), "{%", "{ %")
	return tidyText(m.restore(out)), nil
}

// wordsForComments turns the masks between elements, which are comments, into text:
// html2text drops comments. In the tree a text can stand where no parser would let
// it, such as between the rows of a table. Masks of comments go.
func (m *masks) wordsForComments(n *xhtml.Node) {
	var next *xhtml.Node
	for c := n.FirstChild; c != nil; c = next {
		next = c.NextSibling
		if c.Type != xhtml.CommentNode {
			m.wordsForComments(c)
			continue
		}
		if original := m.restore("<!--" + c.Data + "-->"); strings.HasPrefix(original, "<") {
			n.RemoveChild(c)
			continue
		}
		c.Type = xhtml.TextNode
		// Texts side by side become one: html2text puts a space between two.
		if p := c.PrevSibling; p != nil && p.Type == xhtml.TextNode {
			p.Data += c.Data
			n.RemoveChild(c)
			c = p
		}
		if next != nil && next.Type == xhtml.TextNode {
			c.Data += next.Data
			after := next.NextSibling
			n.RemoveChild(next)
			next = after
		}
	}
}

// forText makes an element fit for html2text.
func forText(n *xhtml.Node, m *masks) {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3:
		// It would be underlined to the length of its masks.
		n.Data, n.DataAtom = "p", atom.P
	case atom.Tr:
		// Rows would follow each other on one line.
		n.AppendChild(&xhtml.Node{Type: xhtml.ElementNode, Data: "br", DataAtom: atom.Br})
	}
	if i := attrIndex(n, "style"); i >= 0 && n.Parent != nil && isHidden(n.Attr[i].Val) && !strings.Contains(renderNode(n), m.prefix) {
		n.Parent.RemoveChild(n)
	}
}

func isHidden(style string) bool {
	style = strings.ToLower(strings.ReplaceAll(style, " ", ""))
	return strings.Contains(style, "display:none") || strings.Contains(style, "mso-hide:all")
}

// withPreheader puts the preheader, as hidden text, at the start of the body: mail
// programs show the first words of a mail next to its subject. What follows it
// keeps them from going on with the body.
func withPreheader(html, preheader string) string {
	if strings.TrimSpace(preheader) == "" {
		return html
	}
	m := newMasks(preheader)
	var b strings.Builder
	last := 0
	for _, u := range liquidUnits(preheader) {
		b.WriteString(preheader[last:u.offset])
		b.WriteString(m.word(u.source))
		last = u.end()
	}
	b.WriteString(preheader[last:])
	hidden := fmt.Sprintf(preheaderHTML, m.restore(escapeHTML(b.String())), strings.Repeat("&#847;&zwnj;&nbsp;", 60))
	at := bodyStart(html)
	return html[:at] + hidden + html[at:]
}

const preheaderHTML = `<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all">%s%s</div>`
