package web

import (
	"context"
	"net/http"

	"posthorn/senders"
)

type DomainPath struct {
	Domain string `path:"domain" maxLength:"253" example:"shop.example"`
}

type DKIMPath struct {
	DomainPath
	Selector string `path:"selector" maxLength:"253" example:"2026a"`
}

type putDKIMKeyInput struct {
	DKIMPath
	Body struct {
		Algorithm  string `json:"algorithm" enum:"rsa-sha256,ed25519-sha256" example:"rsa-sha256" doc:"rsa-sha256 is verified everywhere; ed25519-sha256 only by some, so use it beside the other."`
		PrivateKey string `json:"private_key,omitempty" maxLength:"16384" doc:"PEM, PKCS #8 or PKCS #1; RSA with 1024 to 4096 bits. Kept encrypted and never returned. Left out: the stored one is kept, or a new one is made where there is none."`
		Active     *bool  `json:"active,omitempty" default:"true" doc:"Whether it signs. Make a key inactive until its record is published."`
	}
}

var putDKIMKeyDoc = operation{
	Description: "The key becomes what the body says; only a private key that is left out stays. `record` in the answer is the TXT record to publish. Workers sign with an active key within seconds.",
	Example:     map[string]any{"algorithm": "rsa-sha256", "active": false},
}

func (a *api) putDKIMKey(ctx context.Context, in *putDKIMKeyInput) (*reply[senders.DKIMKey], error) {
	k, err := senders.Put(ctx, a.pool, a.now(), a.secret, senders.PutInput{
		Domain:     in.Domain,
		Selector:   in.Selector,
		Algorithm:  in.Body.Algorithm,
		PrivateKey: in.Body.PrivateKey,
		Active:     in.Body.Active == nil || *in.Body.Active,
	})
	if err != nil {
		return nil, err
	}
	return ok(k), nil
}

var getDKIMKeyDoc = operation{Description: "One key with the record to publish. Its private part is not shown."}

func (a *api) getDKIMKey(ctx context.Context, in *DKIMPath) (*reply[senders.DKIMKey], error) {
	k, err := senders.Get(ctx, a.pool, in.Domain, in.Selector)
	if err != nil {
		return nil, err
	}
	return ok(k), nil
}

var listDomainDKIMKeysDoc = operation{Description: "The keys of one domain, in the order of their selectors: there are few, so this is always the last page."}

type domainDKIMKeysInput struct {
	DomainPath
	Paging
}

func (a *api) listDomainDKIMKeys(ctx context.Context, in *domainDKIMKeysInput) (*reply[Page[senders.DKIMKey]], error) {
	return a.dkimKeys(ctx, in.Paging, in.Domain)
}

var listDKIMKeysDoc = operation{Description: "The keys of all domains, in the order of domains and selectors: there are few, so this is always the last page."}

func (a *api) listDKIMKeys(ctx context.Context, in *Paging) (*reply[Page[senders.DKIMKey]], error) {
	return a.dkimKeys(ctx, *in, "")
}

func (a *api) dkimKeys(ctx context.Context, in Paging, domain string) (*reply[Page[senders.DKIMKey]], error) {
	if _, err := in.text(); err != nil {
		return nil, err
	}
	list, err := senders.List(ctx, a.pool, domain)
	if err != nil {
		return nil, err
	}
	return pageOf(list, ""), nil
}

var deleteDKIMKeyDoc = operation{
	Description: "Mails that it signed still verify for as long as its record is published.",
	Status:      http.StatusNoContent,
}

func (a *api) deleteDKIMKey(ctx context.Context, in *DKIMPath) (*none, error) {
	return nil, senders.Delete(ctx, a.pool, in.Domain, in.Selector)
}
