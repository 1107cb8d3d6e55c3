package worker_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/senders"
)

func (s *shop) putKey(secret string, in senders.PutInput) senders.DKIMKey {
	s.t.Helper()
	k, err := senders.Put(s.t.Context(), s.pool, clock.System(), secret, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return k
}

func TestMailsAreSigned(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(12)
	records := map[string]string{}
	for _, algorithm := range []string{senders.RSA, senders.Ed25519} {
		selector, _, _ := strings.Cut(algorithm, "-")
		k := s.putKey(secret, senders.PutInput{Domain: "shop.example", Selector: selector, Algorithm: algorithm, Active: true})
		records[k.Record.Name] = k.Record.Value
	}
	s.putKey(secret, senders.PutInput{Domain: "shop.example", Selector: "next", Algorithm: senders.Ed25519})
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	if c = s.awaitEnd(c.ID); c.Status != campaigns.Finished || c.Run.Sent != 12 {
		t.Fatalf("%s, %+v", c.Status, c.Run)
	}
	s.exactlyOnce(12)
	lookup := func(name string) ([]string, error) {
		if record, ok := records[name]; ok {
			return []string{record}, nil
		}
		return nil, fmt.Errorf("no record %s", name)
	}
	for _, m := range s.relay.Mails() {
		found, err := dkim.VerifyWithOptions(bytes.NewReader(m.Content), &dkim.VerifyOptions{LookupTXT: lookup})
		if err != nil || len(found) != 2 {
			t.Fatalf("%d signatures, %v:\n%s", len(found), err, m.Content)
		}
		for _, v := range found {
			if v.Err != nil || v.Domain != "shop.example" {
				t.Errorf("by %s: %v:\n%s", v.Domain, v.Err, m.Content)
			}
		}
	}
}

func TestAKeyThatDoesNotOpenPausesTheCampaign(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.people(3)
	key := senders.PutInput{Domain: "shop.example", Selector: "a", Algorithm: senders.Ed25519, Active: true}
	s.putKey("the secret before", key)
	c := s.campaign(html)
	s.schedule()
	s.work()
	s.start(c)
	c = s.await(c.ID, "it pauses itself", func(c campaigns.Campaign) bool { return c.Status == campaigns.Paused })
	if !strings.Contains(c.StatusReason, "a._domainkey.shop.example") || !strings.HasSuffix(c.StatusReason, "then resume") {
		t.Errorf("paused because %q", c.StatusReason)
	}
	if n := len(s.relay.Mails()); n != 0 {
		t.Errorf("%d mails were sent unsigned", n)
	}
	key.Active = false
	s.putKey(secret, key)
	if _, err := campaigns.Resume(t.Context(), s.pool, clock.System(), c.ID); err != nil {
		t.Fatal(err)
	}
	if c = s.awaitEnd(c.ID); c.Run.Sent != 3 {
		t.Errorf("%+v", *c.Run)
	}
	s.exactlyOnce(3)
}
