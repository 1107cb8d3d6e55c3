package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"posthorn/campaigns"
	"posthorn/internal/publicnet"
	"posthorn/senders"
	"posthorn/templates"
)

const (
	dnsTimeout  = 3 * time.Second
	linkTimeout = 5 * time.Second  // for one link, redirects included
	callTimeout = 12 * time.Second // for all of Remote
	maxLinks    = 20
	atOnce      = 4
	maxHops     = 5
)

// Remote asks the DNS about the sender's domain and calls the links that are the same
// for everybody. (One that differs by recipient may do something for whoever is named
// in it.) Only servers are called that anybody can reach.
func (c Checker) Remote(ctx context.Context, id int64) (Checklist, error) {
	campaign, err := campaigns.Get(ctx, c.DB, id)
	if err != nil {
		return Checklist{}, err
	}
	list := Checklist{Revision: campaign.Revision, Items: []Item{}}
	var keys []senders.DKIMKey
	if campaign.Sender.Address != "" {
		if keys, err = c.keysOf(ctx, campaign.Sender.Address); err != nil {
			return Checklist{}, err
		}
	}
	links, err := c.commonLinks(ctx, campaign)
	if err != nil {
		return Checklist{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var looks []func() Item
	if domain := domainOf(campaign.Sender.Address); domain != "" {
		if len(keys) > 0 {
			looks = append(looks, func() Item { return c.dkimRecord(ctx, keys) })
		}
		looks = append(looks, func() Item { return c.spf(ctx, domain) }, func() Item { return c.dmarc(ctx, domain) })
	}
	if len(links) > 0 {
		looks = append(looks, func() Item { return c.call(ctx, links) })
	}
	items := make([]Item, len(looks))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() { items[i] = look() })
	}
	all.Wait()
	list.Items = append(list.Items, items...)
	return list, nil
}

// keysOf lists the active keys that sign for an address, see senders.Signers.
func (c Checker) keysOf(ctx context.Context, address string) ([]senders.DKIMKey, error) {
	for domain := domainOf(address); domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		keys, err := senders.List(ctx, c.DB, domain)
		if err != nil {
			return nil, err
		}
		if keys = slices.DeleteFunc(keys, func(k senders.DKIMKey) bool { return !k.Active }); len(keys) > 0 {
			return keys, nil
		}
	}
	return nil, nil
}

func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

func unchecked(id, code string, err error) Item {
	why := "no answer in time"
	var dns *net.DNSError
	if errors.As(err, &dns) && !dns.IsTimeout {
		why = dns.Err
	}
	return Item{ID: id, Level: Unchecked, Code: code, What: "It could not be checked: " + why + ".", How: "Look again later.", Values: map[string]any{"why": why}}
}

// dkimRecord compares the published keys with ours (RFC 6376 3.6.1).
func (c Checker) dkimRecord(ctx context.Context, keys []senders.DKIMKey) Item {
	key := func(record string) string {
		for part := range strings.SplitSeq(record, ";") {
			name, value, _ := strings.Cut(part, "=")
			if strings.TrimSpace(name) == "p" {
				return strings.Join(strings.Fields(value), "")
			}
		}
		return ""
	}
	for _, k := range keys {
		values := map[string]any{"record": k.Record.Name}
		records, err := c.lookupTXT(ctx, k.Record.Name)
		switch {
		case err != nil:
			return unchecked("dkim_record", "dkim_record_unchecked", err)
		case len(records) == 0:
			return Item{ID: "dkim_record", Level: Warning, Code: "dkim_record_missing", Values: values,
				What: "The key that signs is not published: there is no record " + k.Record.Name + ".", How: "Publish the record that Settings shows for the key, or wait until the DNS has it."}
		case !slices.ContainsFunc(records, func(r string) bool { return key(r) == key(k.Record.Value) }):
			return Item{ID: "dkim_record", Level: Warning, Code: "dkim_record_differs", Values: values,
				What: "The record " + k.Record.Name + " holds another key than the one that signs: receivers will find the signature wrong.", How: "Publish the record that Settings shows for the key."}
		}
	}
	return Item{ID: "dkim_record", Level: OK, Code: "dkim_record_ok", What: "The key that signs is published.", Values: map[string]any{"record": keys[0].Record.Name}}
}

// spf looks for exactly one record (RFC 7208 4.5).
func (c Checker) spf(ctx context.Context, domain string) Item {
	records, err := c.lookupTXT(ctx, domain)
	if err != nil {
		return unchecked("spf", "spf_unchecked", err)
	}
	n := 0
	for _, r := range records {
		if r = strings.ToLower(r); r == "v=spf1" || strings.HasPrefix(r, "v=spf1 ") {
			n++
		}
	}
	item := Item{ID: "spf", Values: map[string]any{"domain": domain}}
	switch n {
	case 0:
		item.Level, item.Code = Warning, "spf_missing"
		item.What, item.How = domain+" has no SPF record: receivers cannot tell which servers may send for it.", "Publish a TXT record such as v=spf1 include:YOUR-RELAY -all."
	case 1:
		item.Level, item.Code, item.What = OK, "spf_ok", domain+" has an SPF record."
	default:
		item.Level, item.Code = Warning, "spf_many"
		item.What, item.How = domain+" has several SPF records, which counts as none.", "Put them into one."
	}
	return item
}

// dmarc looks at the domain and then at the one that was registered (RFC 7489 6.6.3).
func (c Checker) dmarc(ctx context.Context, domain string) Item {
	domains := []string{domain}
	if registered, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil && registered != domain {
		domains = append(domains, registered)
	}
	for _, d := range domains {
		records, err := c.lookupTXT(ctx, "_dmarc."+d)
		if err != nil {
			return unchecked("dmarc", "dmarc_unchecked", err)
		}
		if slices.ContainsFunc(records, func(r string) bool { return strings.HasPrefix(r, "v=DMARC1") }) {
			return Item{ID: "dmarc", Level: OK, Code: "dmarc_ok", What: d + " has a DMARC record.", Values: map[string]any{"domain": d}}
		}
	}
	return Item{ID: "dmarc", Level: Warning, Code: "dmarc_missing", Values: map[string]any{"domain": domain},
		What: domain + " has no DMARC record, which Google and Yahoo ask of whoever sends to many.", How: "Publish a TXT record _dmarc." + domains[len(domains)-1] + " such as v=DMARC1; p=none."}
}

// commonLinks are the links that the mail has for a made-up contact and for one
// without anything alike.
func (c Checker) commonLinks(ctx context.Context, campaign campaigns.Campaign) ([]string, error) {
	if campaign.TemplateID == 0 {
		return nil, nil
	}
	t, err := templates.Get(ctx, c.DB, campaign.TemplateID)
	if err != nil {
		return nil, err
	}
	version, err := templates.GetVersion(ctx, c.DB, t.ID, t.Version)
	if err != nil {
		return nil, err
	}
	probe, err := templates.NewProbe(version)
	if err != nil {
		return nil, nil // Local says so
	}
	data := templates.Data{UnsubscribeURL: c.BaseURL + "/u/preview", Campaign: templates.Campaign{ID: campaign.ID, Name: campaign.Name, Topic: campaign.Topic}}
	nobody := templates.Facts{Contact: templates.Contact{ID: 2, ExternalID: "nobody", Email: "nobody@example.com"}}
	var links []map[string]bool
	for _, facts := range []templates.Facts{templates.SampleFacts(), nobody} {
		data.Facts = facts
		data.Order, data.Event = nil, nil
		m := newMails(data.UnsubscribeURL)
		mail, err := probe.Render(ctx, data)
		m.add(mail, err)
		links = append(links, m.links)
	}
	var common []string
	for _, link := range sorted(links[0]) {
		if links[1][link] && !strings.HasPrefix(link, "#") {
			common = append(common, link)
		}
	}
	return common, nil
}

// call asks the servers of links whether they are there.
func (c Checker) call(ctx context.Context, links []string) Item {
	left := max(len(links)-maxLinks, 0)
	links = links[:min(len(links), maxLinks)]
	dialer := &net.Dialer{Timeout: linkTimeout, Control: publicnet.Dial{Loopback: c.Loopback}.Control}
	transport := &http.Transport{
		Proxy:                  nil, // the environment's would connect in our place, to whatever it is told to
		DialContext:            dialer.DialContext,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	client := &http.Client{Transport: transport, Timeout: linkTimeout, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) >= maxHops {
			return errors.New("redirects without end")
		}
		return nil
	}}
	answers := make([]answer, len(links))
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, link := range links {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answers[i] = head(ctx, client, link)
		})
	}
	all.Wait()
	var dead, unsure []string
	for i, a := range answers {
		switch {
		case a.dead:
			dead = append(dead, describe(links[i])+": "+a.why)
		case a.why != "":
			unsure = append(unsure, describe(links[i])+": "+a.why)
		}
	}
	item := Item{ID: "link_targets", Values: map[string]any{"n": len(dead), "of": len(links), "unsure": len(unsure), "left_out": left}}
	switch {
	case len(dead) > 0:
		item.Level, item.Code = Warning, "link_targets_dead"
		item.What, item.How = fmt.Sprintf("%s nowhere, of %d.", number(len(dead), "link leads", "links lead"), len(links)), "Open them, and mend them in the template."
		item.Details = dead
	case len(unsure) > 0:
		item.Level, item.Code = Unchecked, "link_targets_unchecked"
		item.What = fmt.Sprintf("%s could not be checked, of %d.", number(len(unsure), "link", "links"), len(links))
		item.Details = unsure
	default:
		item.Level, item.Code, item.What = OK, "link_targets_ok", fmt.Sprintf("%s somewhere.", number(len(links), "link leads", "links lead"))
	}
	return item
}

// answer is what came of a link: dead, or not known (with why), or there.
type answer struct {
	dead bool
	why  string
}

// head asks for a page's header, and for the page where the server knows no HEAD.
func head(ctx context.Context, client *http.Client, link string) answer {
	var status int
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		req, err := http.NewRequestWithContext(ctx, method, link, nil)
		if err != nil {
			return answer{dead: true, why: "it is not a URL"}
		}
		req.Header.Set("User-Agent", "Posthorn link check")
		resp, err := client.Do(req)
		if err != nil {
			return unanswered(ctx, err)
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 1)
		_ = resp.Body.Close()
		if status = resp.StatusCode; status != http.StatusMethodNotAllowed && status != http.StatusNotImplemented && status != http.StatusForbidden {
			break
		}
	}
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return answer{dead: true, why: fmt.Sprintf("%d %s", status, http.StatusText(status))}
	case status >= 400: // the page may be there for people, or be back soon
		return answer{why: fmt.Sprintf("%d %s", status, http.StatusText(status))}
	}
	return answer{}
}

func unanswered(ctx context.Context, err error) answer {
	var refused publicnet.Refusal
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.As(err, &refused):
		return answer{why: refused.Error()}
	case errors.As(err, &dns) && dns.IsNotFound:
		return answer{dead: true, why: "there is no server of this name"}
	case ctx.Err() != nil, errors.As(err, &netErr) && netErr.Timeout():
		return answer{why: "no answer in time"}
	case errors.As(err, &dns):
		return answer{why: "its name could not be looked up"}
	}
	return answer{why: "no connection"}
}
