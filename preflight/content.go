package preflight

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"posthorn/templates"
)

// clipSize is where Gmail cuts a mail off.
const clipSize = 102 << 10

// parsed is of how many mails the HTML is read: the others are made of the same
// template, and reading it is most of the work.
const parsed = 25

// mails gathers what is found in the rendered mails of one template.
type mails struct {
	unsubscribe string // the link that stands for each recipient's own
	looked      int
	all         bool
	failed      int
	failures    map[string]int // by the words of the error
	empty       map[string]int // mails by the {{ }} that prints nothing
	bare        int            // mails with something empty
	noSubject   int
	noText      int
	noLink      int // no unsubscribe link in the text
	largest     int // bytes of HTML
	read        int
	links       map[string]bool // as they stand in the HTML
	broken      map[string]bool
	images      int
	noAlt       map[string]bool // by source
	noSource    map[string]bool
}

func newMails(unsubscribe string) mails {
	return mails{unsubscribe: unsubscribe, failures: map[string]int{}, empty: map[string]int{}, links: map[string]bool{}, broken: map[string]bool{},
		noAlt: map[string]bool{}, noSource: map[string]bool{}}
}

func (m *mails) add(mail templates.Probed, err error) {
	m.looked++
	if err != nil {
		m.failed++
		m.failures[err.Error()]++
		return
	}
	for _, label := range mail.Empty {
		m.empty[label]++
	}
	if len(mail.Empty) > 0 {
		m.bare++
	}
	if strings.TrimSpace(mail.Subject) == "" {
		m.noSubject++
	}
	switch text := strings.TrimSpace(mail.Text); {
	case text == "":
		m.noText++
	case !strings.Contains(text, m.unsubscribe):
		m.noLink++
	}
	m.largest = max(m.largest, len(mail.HTML))
	if m.read < parsed && mail.HTML != "" {
		m.read++
		m.readHTML(mail.HTML)
	}
}

// readHTML notes links and images.
func (m *mails) readHTML(src string) {
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		t := z.Token()
		attributes := map[string]string{}
		for _, a := range t.Attr {
			attributes[a.Key] = a.Val
		}
		switch t.Data {
		case "a", "area":
			if href, there := attributes["href"]; there {
				m.link(href)
			}
		case "img":
			m.images++
			src := attributes["src"]
			if _, there := attributes["alt"]; !there {
				m.noAlt[src] = true
			}
			if why := brokenURL(src); why != "" && !strings.HasPrefix(src, "data:") && !strings.HasPrefix(src, "cid:") {
				m.noSource[describe(src)+": "+why] = true
			}
		}
	}
}

func (m *mails) link(href string) {
	if strings.HasPrefix(href, m.unsubscribe) {
		return
	}
	for _, scheme := range []string{"mailto:", "tel:", "sms:"} {
		if len(href) > len(scheme) && strings.EqualFold(href[:len(scheme)], scheme) {
			return
		}
	}
	if why := brokenURL(href); why != "" {
		m.broken[describe(href)+": "+why] = true
		return
	}
	m.links[href] = true
}

// brokenURL says why a URL leads nowhere; empty where it may lead somewhere.
func brokenURL(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	switch {
	case s == "" || s == "#":
		return "leads nowhere"
	case strings.HasPrefix(s, "#"):
		return "" // a place in the mail
	case err != nil || strings.ContainsAny(s, " \t\r\n<>\"`"):
		return "is not a URL"
	case strings.Contains(s, "{{") || strings.Contains(s, "{%"):
		return "has Liquid in it that was not filled in"
	case u.Scheme != "http" && u.Scheme != "https":
		return "does not begin with https://"
	case u.Hostname() == "":
		return "names no server"
	case !strings.Contains(u.Hostname(), ".") && !strings.Contains(u.Hostname(), ":") && u.Hostname() != "localhost":
		return "names no server that others could reach"
	}
	return ""
}

// describe is a URL as it is shown.
func describe(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return "an empty link"
	}
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// report turns what was found into items.
func (m mails) report(list *Checklist, template string) {
	of := map[string]any{"template": template, "looked_at": m.looked, "all": m.all}
	values := func(n int) map[string]any {
		v := maps.Clone(of)
		v["n"] = n
		return v
	}
	tried := max(m.looked, 1) // the made-up contact counts as none
	switch {
	case m.failed == tried:
		list.add(Error, "template", "template_fails", fmt.Sprintf("The template %q cannot be filled in for anybody.", template), "Open the template and mend what it says there.").
			with(values(m.failed), keys(m.failures)...)
		return
	case m.failed > 0:
		list.add(Warning, "template", "template_fails_some", fmt.Sprintf("The template %q cannot be filled in for %s, who would get no mail.", template, m.share(m.failed)),
			"Open the template and look at it as one of them.").with(values(m.failed), keys(m.failures)...)
	default:
		list.add(OK, "template", "template_ok", fmt.Sprintf("The template %q can be filled in.", template), "").with(of)
	}

	if m.noSubject > 0 {
		list.add(Warning, "subject", "subject_empty", "The subject is empty for "+m.share(m.noSubject)+".", "Give it words that do not depend on the contact, or a default.").with(values(m.noSubject))
	} else {
		list.add(OK, "subject", "subject_ok", "The subject is filled in.", "")
	}

	switch {
	case m.bare > 0:
		list.add(Warning, "merge_fields", "merge_fields_empty", "Something is left empty for "+m.share(m.bare)+".",
			"Give it a default in the template, as in {{ contact.first_name | default: 'there' }}, or put it into a condition.").
			with(values(m.bare), m.counted(m.empty)...)
	case m.looked == 0:
		list.add(Unchecked, "merge_fields", "merge_fields_unchecked", "What is left empty cannot be seen before there is an audience.", "")
	default:
		list.add(OK, "merge_fields", "merge_fields_ok", "Nothing is left empty.", "").with(of)
	}

	switch {
	case m.noLink > 0:
		list.add(Warning, "unsubscribe", "unsubscribe_not_in_text", "The plain text has no unsubscribe link.", "Put {{ unsubscribe_url }} into the text part of the template.")
	default:
		list.add(OK, "unsubscribe", "unsubscribe_ok", "The mail has an unsubscribe link.", "")
	}

	switch n := len(m.broken); {
	case n > 0:
		list.add(Warning, "links", "links_broken", fmt.Sprintf("%s broken.", number(n, "link is", "links are")), "Mend them in the template.").with(values(n), sorted(m.broken)...)
	default:
		list.add(OK, "links", "links_ok", fmt.Sprintf("%s well-formed.", number(len(m.links), "link is", "links are")), "").with(values(len(m.links)))
	}

	switch {
	case len(m.noSource) > 0:
		list.add(Warning, "images", "images_broken", fmt.Sprintf("%s shown.", number(len(m.noSource), "image cannot be", "images cannot be")), "Give each a complete address that begins with https://.").
			with(values(len(m.noSource)), sorted(m.noSource)...)
	case len(m.noAlt) > 0:
		list.add(Warning, "images", "images_without_alt", fmt.Sprintf("%s no alternative text, which is all that many people get to see or hear of them.", number(len(m.noAlt), "image has", "images have")),
			`Give each an alt, or alt="" where it says nothing.`).with(values(len(m.noAlt)), sorted(m.noAlt)...)
	case m.images > 0:
		list.add(OK, "images", "images_ok", "All images have an alternative text.", "")
	default:
		list.add(OK, "images", "images_none", "There are no images.", "")
	}

	if m.noText > 0 {
		list.add(Warning, "text", "text_missing", "The mail has no plain text, for "+m.share(m.noText)+".", "Write a text part in the template.").with(values(m.noText))
	} else {
		list.add(OK, "text", "text_ok", "The mail has a plain text.", "")
	}

	kb := (m.largest + 1023) >> 10
	size := map[string]any{"kb": kb, "limit_kb": clipSize >> 10}
	if m.largest > clipSize {
		list.add(Warning, "size", "size_clipped", fmt.Sprintf("The mail is %d KB large, and Gmail cuts off what is over %d KB, the unsubscribe link with it.", kb, clipSize>>10), "Make it shorter.").with(size)
	} else {
		list.add(OK, "size", "size_ok", fmt.Sprintf("The mail is %d KB large.", kb), "").with(size)
	}
}

// share is how many of those who were looked at.
func (m mails) share(n int) string {
	switch {
	case m.looked == 0:
		return "the made-up contact"
	case m.all:
		return fmt.Sprintf("%d of the %d recipients", n, m.looked)
	default:
		return fmt.Sprintf("%d of the %d recipients looked at", n, m.looked)
	}
}

// counted lists names with how many mails they are in, the most first.
func (m mails) counted(counts map[string]int) []string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		if m.looked > 0 {
			names[i] = fmt.Sprintf("{{ %s }}: %d of %d", name, counts[name], m.looked)
		} else {
			names[i] = fmt.Sprintf("{{ %s }}", name)
		}
	}
	return names
}

func keys(counts map[string]int) []string { return slices.Sorted(maps.Keys(counts)) }

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
