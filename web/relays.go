package web

import (
	"context"
	"net/http"

	"posthorn/relays"
)

type RelayPath struct {
	Name string `path:"name" maxLength:"100" example:"default"`
}

type putRelayInput struct {
	RelayPath
	Body struct {
		Host          string  `json:"host" maxLength:"253" example:"smtp.example.com"`
		Port          int     `json:"port" minimum:"1" maximum:"65535" example:"587"`
		TLS           string  `json:"tls" enum:"none,starttls,tls" example:"starttls" doc:"starttls and tls verify the server's certificate and never fall back to plain text."`
		Encoding      string  `json:"encoding,omitempty" enum:"auto,quoted-printable" default:"auto" doc:"How the parts of a mail are written. auto: as they are, where the relay offers 8BITMIME and no line is too long. quoted-printable: always so, for a relay behind which a server without 8BITMIME would convert the mail and break its DKIM signature."`
		Username      string  `json:"username,omitempty" example:"posthorn" doc:"Empty: no login."`
		Password      *string `json:"password,omitempty" example:"secret" doc:"Kept encrypted and never returned. Left out: the stored one is kept, unless the host changes. Empty: it is removed."`
		Connections   int     `json:"connections,omitempty" minimum:"1" maximum:"500" default:"8" doc:"At most, for each worker process."`
		RatePerSecond int     `json:"rate_per_second,omitempty" minimum:"0" doc:"Mails per second of all workers together. 0: no limit."`
	}
}

var putRelayDoc = operation{
	Description: "The relay becomes what the body says; only a password that is left out stays. Workers use it from their next connection on.",
	Example: map[string]any{
		"host": "smtp.example.com", "port": 587, "tls": "starttls", "username": "posthorn", "password": "secret",
		"connections": 5, "rate_per_second": 50,
	},
}

func (a *api) putRelay(ctx context.Context, in *putRelayInput) (*reply[relays.Relay], error) {
	r, err := relays.Put(ctx, a.pool, a.now(), a.secret, relays.PutInput{
		Name:          in.Name,
		Host:          in.Body.Host,
		Port:          in.Body.Port,
		TLS:           in.Body.TLS,
		Encoding:      in.Body.Encoding,
		Username:      in.Body.Username,
		Password:      in.Body.Password,
		Connections:   in.Body.Connections,
		RatePerSecond: in.Body.RatePerSecond,
	})
	if err != nil {
		return nil, err
	}
	return ok(r), nil
}

var getRelayDoc = operation{Description: "One relay. Its password is not shown."}

func (a *api) getRelay(ctx context.Context, in *RelayPath) (*reply[relays.Relay], error) {
	r, err := relays.Get(ctx, a.pool, a.secret, in.Name)
	if err != nil {
		return nil, err
	}
	return ok(r), nil
}

var listRelaysDoc = operation{Description: "All relays, in the order of their names: there are few, so this is always the last page."}

func (a *api) listRelays(ctx context.Context, in *Paging) (*reply[Page[relays.Relay]], error) {
	if _, err := in.text(); err != nil {
		return nil, err
	}
	list, err := relays.List(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return pageOf(list, ""), nil
}

var deleteRelayDoc = operation{
	Description: "A relay that a campaign under way uses cannot be deleted.",
	Status:      http.StatusNoContent,
	Errors:      []int{http.StatusConflict},
}

func (a *api) deleteRelay(ctx context.Context, in *RelayPath) (*none, error) {
	return nil, relays.Delete(ctx, a.pool, in.Name)
}
