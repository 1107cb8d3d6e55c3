package templates

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vanng822/go-premailer/premailer"
	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// inlineCSS writes the rules of style elements into the style attributes of what
// they select, because many mail programs read only those. Rules that cannot be
// inlined (@media, :hover) stay in the head. With marked set, only style elements
// that carry the attribute inlineMark are inlined, and the rest stays as it is.
//
// A style element with Liquid in it, or for a medium, is left alone, and so are
// style attributes with Liquid.
func inlineCSS(src string, marked bool) (out string, err error) {
	defer recovered(&err)
	masked, m := maskHTML(src)
	doc, err := xhtml.Parse(strings.NewReader(masked))
	if err != nil {
		return "", err
	}
	liquidStyle := "data-" + m.prefix + "-style"
	css := gatherStyles(doc, m.prefix, marked)
	elements := 0
	eachElement(doc, func(*xhtml.Node) { elements++ })
	if rules := strings.Count(css, "{"); rules*elements > maxMatches {
		return "", fmt.Errorf("%d rules for %d elements are too many", rules, elements)
	}
	if css != "" {
		eachElement(doc, func(n *xhtml.Node) {
			if i := attrIndex(n, "style"); i >= 0 && strings.Contains(n.Attr[i].Val, m.prefix) {
				n.Attr[i].Key = liquidStyle
			}
		})
		options := premailer.NewOptions()
		options.CssToAttributes = !marked
		p, err := premailer.NewPremailerFromString(renderNode(doc), options)
		if err != nil {
			return "", err
		}
		inlined, err := p.Transform()
		if err != nil {
			return "", err
		}
		if doc, err = xhtml.Parse(strings.NewReader(inlined)); err != nil {
			return "", err
		}
	}
	eachElement(doc, func(n *xhtml.Node) {
		mergeStyle(n, liquidStyle)
		if i := attrIndex(n, ignoreMark); i >= 0 {
			n.Attr = slices.Delete(n.Attr, i, i+1)
		}
	})
	out = renderNode(doc)
	if lost := m.missing(out); len(lost) > 0 {
		return "", fmt.Errorf("%s would be lost", m.originals[lost[0]])
	}
	return m.unmask(out), nil
}

// maxMatches bounds how often premailer tries a rule on an element: a million takes
// about a second. A large mail has 300 rules and 1,500 elements.
const maxMatches = 1_000_000

const (
	inlineMark = "data-inline"
	ignoreMark = "data-premailer" // premailer leaves such style elements alone
)

// gatherStyles makes one style element of all that are to be inlined, and marks the
// others for premailer to ignore. It returns the rules to inline.
//
// One, because premailer reads several at the same time, without a lock, and loses
// some.
func gatherStyles(doc *xhtml.Node, prefix string, marked bool) string {
	var (
		css  strings.Builder
		gone []*xhtml.Node
		head *xhtml.Node
	)
	eachElement(doc, func(n *xhtml.Node) {
		if n.DataAtom == atom.Head && head == nil {
			head = n
		}
		if n.DataAtom != atom.Style {
			return
		}
		var content strings.Builder
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			content.WriteString(c.Data)
		}
		media := ""
		if i := attrIndex(n, "media"); i >= 0 {
			media = strings.TrimSpace(strings.ToLower(n.Attr[i].Val))
		}
		if media != "" && media != "all" || strings.Contains(content.String(), prefix) || marked && attrIndex(n, inlineMark) < 0 || attrIndex(n, ignoreMark) >= 0 {
			if attrIndex(n, ignoreMark) < 0 {
				n.Attr = append(n.Attr, xhtml.Attribute{Key: ignoreMark, Val: "ignore"})
			}
			return
		}
		css.WriteString(content.String())
		css.WriteByte('\n')
		gone = append(gone, n)
	})
	if len(gone) == 0 || head == nil {
		return ""
	}
	for _, n := range gone {
		n.Parent.RemoveChild(n)
	}
	style := &xhtml.Node{Type: xhtml.ElementNode, Data: "style", DataAtom: atom.Style}
	style.AppendChild(&xhtml.Node{Type: xhtml.TextNode, Data: css.String()})
	head.AppendChild(style)
	return css.String()
}

// mergeStyle puts a style attribute that premailer did not see behind what it
// inlined: what is written on the element itself wins.
func mergeStyle(n *xhtml.Node, key string) {
	i := attrIndex(n, key)
	if i < 0 {
		return
	}
	own := n.Attr[i].Val
	if j := attrIndex(n, "style"); j >= 0 {
		n.Attr[j].Val = strings.TrimRight(n.Attr[j].Val, "; ") + ";" + own
		n.Attr = slices.Delete(n.Attr, i, i+1)
		return
	}
	n.Attr[i].Key = "style"
}

func eachElement(n *xhtml.Node, visit func(*xhtml.Node)) {
	var next *xhtml.Node
	for c := n.FirstChild; c != nil; c = next {
		next = c.NextSibling // visit may take c out
		if c.Type == xhtml.ElementNode {
			visit(c)
		}
		eachElement(c, visit)
	}
}

func attrIndex(n *xhtml.Node, key string) int {
	return slices.IndexFunc(n.Attr, func(a xhtml.Attribute) bool { return a.Key == key })
}

func renderNode(n *xhtml.Node) string {
	var b strings.Builder
	if err := xhtml.Render(&b, n); err != nil {
		panic(err) // a strings.Builder does not fail; what remains are trees that no parser makes
	}
	return b.String()
}
