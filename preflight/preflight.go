// Package preflight looks at a campaign before it leaves: what keeps it from being
// sent, and what would be regretted after.
//
//  1. Local renders the mail for a sample of the very contacts who would get it, and
//     asks the database about the rest: relay, keys, audience. It takes a moment.
//  2. Remote asks the world: the sender domain's DNS records, and whether the links
//     lead anywhere. What does not answer in time could not be checked, which is no
//     fault of the campaign's.
//  3. Start looks once more at what is local and starts the campaign where nothing is
//     an error. Warnings can be accepted, and are then kept with who accepted them.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Level is how much an item matters.
type Level string

const (
	OK        Level = "ok"
	Warning   Level = "warning"   // it may be sent like this, if somebody says so
	Error     Level = "error"     // it cannot be sent like this
	Unchecked Level = "unchecked" // it could not be found out; that keeps nobody from sending
)

// Item is one thing that was looked at.
type Item struct {
	ID      string         `json:"id"` // what was looked at, such as merge_fields
	Level   Level          `json:"level" enum:"ok,warning,error,unchecked"`
	Code    string         `json:"code"`              // what was found, such as merge_fields_empty: for those who word it themselves
	What    string         `json:"what"`              // the same in a sentence
	How     string         `json:"how,omitempty"`     // to mend it
	Values  map[string]any `json:"values,omitempty"`  // the numbers and names in what
	Details []string       `json:"details,omitempty"` // the links, fields or errors that it is about; at most maxDetails
}

const maxDetails = 20

// Checklist is what was found about one revision of a campaign.
type Checklist struct {
	Revision int    `json:"revision"`
	LookedAt int    `json:"looked_at"` // mails that were rendered for it
	All      bool   `json:"all"`       // these are all who would get it; else a sample
	Items    []Item `json:"items"`
}

// The items, by who looks at them.
var (
	localItems = []string{"template", "subject", "merge_fields", "unsubscribe", "links", "images", "text", "size",
		"sender", "dkim", "relay", "topic", "audience", "schedule"}
	remoteItems = map[string]string{
		"dkim_record":  "the DKIM record of the sender's domain",
		"spf":          "the SPF record of the sender's domain",
		"dmarc":        "the DMARC record of the sender's domain",
		"link_targets": "where the links lead",
	}
)

func (l *Checklist) add(level Level, id, code, what, how string) *Item {
	l.Items = append(l.Items, Item{ID: id, Level: level, Code: code, What: what, How: how})
	return &l.Items[len(l.Items)-1]
}

// with adds what the sentence was made of.
func (i *Item) with(values map[string]any, details ...string) {
	i.Values = values
	i.Details = details[:min(len(details), maxDetails)]
}

// Checker looks at campaigns. All fields but Loopback are needed.
type Checker struct {
	DB      postgres.DB
	Secret  string // POSTHORN_SECRET: relays' passwords and keys are sealed under it
	BaseURL string // where unsubscribe links lead

	LookupTXT func(ctx context.Context, name string) ([]string, error) // nil: the system's resolver
	Loopback  bool                                                     // links to this machine are called: for tests
}

// Blocked says that a campaign was not started, because of these items.
type Blocked struct{ Items []Item }

func (b *Blocked) Error() string {
	lines := make([]string, len(b.Items))
	for i, item := range b.Items {
		lines[i] = item.What
	}
	return "the checklist does not allow it: " + strings.Join(lines, "; ")
}

// Start looks at what is local and starts a draft. It returns *Blocked for errors and,
// where accepted is not nil, for warnings that are not in it; nil is a program that
// does not look at checklists. It returns whatever campaigns.StartApproved does.
func (c Checker) Start(ctx context.Context, now time.Time, id int64, a campaigns.Approval, accepted []string) (campaigns.Campaign, error) {
	campaign, err := campaigns.Get(ctx, c.DB, id)
	if err != nil {
		return campaigns.Campaign{}, err
	}
	if campaign.Status != campaigns.Draft || a.Revision != 0 && a.Revision != campaign.Revision {
		return campaigns.StartApproved(ctx, c.DB, now, id, a) // which says what is wrong
	}
	list, err := c.Local(ctx, now, id)
	if err != nil {
		return campaigns.Campaign{}, err
	}
	var blocked Blocked
	for _, item := range list.Items {
		if item.Level == Error || item.Level == Warning && accepted != nil && !slices.Contains(accepted, item.ID) {
			blocked.Items = append(blocked.Items, item)
		}
	}
	if len(blocked.Items) > 0 {
		return campaigns.Campaign{}, &blocked
	}
	if a.Accepted, err = list.accepted(accepted); err != nil {
		return campaigns.Campaign{}, err
	}
	a.Revision = list.Revision // what was looked at is what is started
	return campaigns.StartApproved(ctx, c.DB, now, id, a)
}

// accepted are the warnings that somebody accepted, as they are kept. Those of Remote
// are not looked at again: that they were shown is the caller's word.
func (l Checklist) accepted(ids []string) ([]campaigns.Accepted, error) {
	out := []campaigns.Accepted{}
	for i, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		remote, isRemote := remoteItems[id]
		if !isRemote && !slices.Contains(localItems, id) {
			return nil, fault.Invalidf(fmt.Sprintf("accepted[%d]", i), "is no item of the checklist")
		}
		if isRemote {
			out = append(out, campaigns.Accepted{ID: id, What: remote})
			continue
		}
		n := slices.IndexFunc(l.Items, func(item Item) bool { return item.ID == id && item.Level == Warning })
		if n >= 0 { // else it was mended meanwhile
			out = append(out, campaigns.Accepted{ID: id, What: l.Items[n].What})
		}
	}
	return out, nil
}

// lookupTXT asks for the TXT records of a name, in full.
func (c Checker) lookupTXT(ctx context.Context, name string) ([]string, error) {
	lookup := c.LookupTXT
	if lookup == nil {
		lookup = net.DefaultResolver.LookupTXT
	}
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	records, err := lookup(ctx, name+".") // with the dot, no search domain of this machine's is tried
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, nil
	}
	return records, err
}
