// Package relays keeps the SMTP servers that mail is handed to: where they are,
// how to log in, and how much they take.
//
// A relay's password is sealed in the database under a key derived from
// POSTHORN_SECRET (internal/seal), leaves this package only through Get, and is
// never part of JSON. UpdatedAt changes with every change of the settings, which
// is how delivery notices that its connections are out of date.
package relays

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/internal/seal"
	"posthorn/postgres"
)

// Default is the name of the relay that is used where none is named.
const Default = "default"

// How a connection is protected.
const (
	TLSNone     = "none"     // not at all
	TLSStartTLS = "starttls" // begins in the clear; refused where the server does not offer STARTTLS
	TLSImplicit = "tls"      // TLS from the first byte, usually port 465
)

// How the parts of a mail are written.
const (
	EncodingAuto            = "auto"             // as they are, where the relay offers 8BITMIME and no line is too long
	EncodingQuotedPrintable = "quoted-printable" // always so: no hop behind the relay has to convert a signed mail
)

// Bounds of PutInput.Connections.
const (
	DefaultConnections = 8
	MaxConnections     = 500
)

// Relay is an SMTP server. Password is only filled in by Get and Put.
type Relay struct {
	Name          string    `json:"name"`
	Host          string    `json:"host"`
	Port          int       `json:"port"`
	TLS           string    `json:"tls"`
	Encoding      string    `json:"encoding"`
	Username      string    `json:"username"` // "": no login
	Password      string    `json:"-"`
	HasPassword   bool      `json:"has_password"`
	Connections   int       `json:"connections"`     // at most, per worker process
	RatePerSecond int       `json:"rate_per_second"` // mails, all workers together; 0: no limit
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
}

// Loopback reports whether the relay is on this machine, where a password need
// not be encrypted.
func (r Relay) Loopback() bool { return loopback(r.Host) }

// PutInput is a relay as given from outside.
type PutInput struct {
	Name          string
	Host          string // a name or an IP address, without scheme or port
	Port          int
	TLS           string // TLSNone, TLSStartTLS or TLSImplicit
	Encoding      string // EncodingAuto or EncodingQuotedPrintable; "" means EncodingAuto
	Username      string
	Password      *string // nil keeps the one that is stored; "" removes it
	Connections   int     // 0 means DefaultConnections
	RatePerSecond int     // 0 means no limit
}

// Put creates or replaces a relay. Settings that are all as they were write
// nothing, so that connections stay open. Without a Password the stored one is
// kept, unless the host changes: it was given for that host.
//
// It returns fault.Invalid or fault.List for settings that cannot be used.
func Put(ctx context.Context, db postgres.DB, now time.Time, secret string, in PutInput) (Relay, error) {
	if err := in.normalize(); err != nil {
		return Relay{}, err
	}
	var out Relay
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		// Two first Puts of one name at once: the second waits here for the first.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('relays'), hashtext($1))`, in.Name); err != nil {
			return err
		}
		old, sealed, err := load(ctx, tx, in.Name)
		exists := err == nil
		var missing *fault.NotFound
		if err != nil && !errors.As(err, &missing) {
			return err
		}
		out = in.relay()
		out.CreatedAt, out.UpdatedAt = now, now
		if exists {
			out.CreatedAt = old.CreatedAt
		}

		changed := !exists || !sameSettings(old, out)
		switch {
		case in.Password != nil:
			out.Password = *in.Password
			before, openErr := open(secret, in.Name, sealed)
			if openErr != nil || before != out.Password {
				changed = true
			}
		case in.Username != "" && len(sealed) > 0:
			if old.Host != out.Host {
				return fault.Invalidf("password", "give it again: the stored one was for %s, not for %s", old.Host, out.Host)
			}
			if out.Password, err = open(secret, in.Name, sealed); err != nil {
				return fault.Invalidf("password", "give it again: the stored one cannot be opened, probably because POSTHORN_SECRET was changed")
			}
		case len(sealed) > 0: // no user name any more: the password goes too
			changed = true
		}
		if err := checkLogin(out); err != nil {
			return err
		}
		out.HasPassword = out.Password != ""
		if !changed {
			out.UpdatedAt = old.UpdatedAt
			return nil
		}
		var box []byte
		if out.Password != "" {
			if box, err = seal.Seal(secret, seal.RelayPassword, out.Name, []byte(out.Password)); err != nil {
				return err
			}
		}
		// Two changes within one microsecond are still two: pools are told apart by this time.
		if exists && !out.UpdatedAt.After(old.UpdatedAt) {
			out.UpdatedAt = old.UpdatedAt.Add(time.Microsecond)
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO relays (name, host, port, tls, encoding, username, sealed_password, connections, rate_per_second, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (name) DO UPDATE SET
				host = excluded.host, port = excluded.port, tls = excluded.tls, encoding = excluded.encoding,
				username = excluded.username, sealed_password = excluded.sealed_password, connections = excluded.connections,
				rate_per_second = excluded.rate_per_second, updated_at = excluded.updated_at`,
			out.Name, out.Host, out.Port, out.TLS, out.Encoding, out.Username, box, out.Connections, out.RatePerSecond, out.CreatedAt, out.UpdatedAt)
		return err
	})
	if err != nil {
		return Relay{}, fmt.Errorf("relays: put: %w", err)
	}
	return out, nil
}

// ErrSealed is a fault.Conflict: the password cannot be opened because secret is
// not the one it was sealed with. Putting the relay with its password mends it.
var ErrSealed error = &fault.Conflict{Message: "the stored password cannot be opened, probably because POSTHORN_SECRET was changed: put the relay again with its password"}

// Get returns a relay with its password, ready for delivery. It returns
// fault.NotFound or ErrSealed.
func Get(ctx context.Context, db postgres.DB, secret, name string) (Relay, error) {
	r, sealed, err := load(ctx, db, name)
	if err != nil {
		return Relay{}, fmt.Errorf("relays: get: %w", err)
	}
	if r.Password, err = open(secret, name, sealed); err != nil {
		return Relay{}, fmt.Errorf("relay %q: %w", name, ErrSealed)
	}
	return r, nil
}

// List returns all relays by name, without passwords.
func List(ctx context.Context, db postgres.DB) ([]Relay, error) {
	rows, err := db.Query(ctx, `
		SELECT name, host, port, tls, encoding, username, sealed_password IS NOT NULL AS has_password,
		       connections, rate_per_second, created_at, updated_at
		FROM relays ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("relays: list: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Relay, error) {
		var r Relay
		err := row.Scan(&r.Name, &r.Host, &r.Port, &r.TLS, &r.Encoding, &r.Username, &r.HasPassword,
			&r.Connections, &r.RatePerSecond, &r.CreatedAt, &r.UpdatedAt)
		r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("relays: list: %w", err)
	}
	return list, nil
}

// Delete removes a relay. It returns fault.NotFound, or fault.Conflict where a
// campaign that is not over still sends through it.
func Delete(ctx context.Context, db postgres.DB, name string) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var campaign string
		err := tx.QueryRow(ctx, `
			SELECT name FROM campaigns
			WHERE relay = $1 AND status IN ('scheduled', 'running', 'paused') ORDER BY id LIMIT 1`, name).Scan(&campaign)
		if err == nil {
			return fault.Conflictf("", "relay %q is in use by the campaign %q", name, campaign)
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("relays: delete: %w", err)
		}
		tag, err := tx.Exec(ctx, `DELETE FROM relays WHERE name = $1`, name)
		if err != nil {
			return fmt.Errorf("relays: delete: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return fault.NotFoundf("relay", name)
		}
		return nil
	})
}

// load returns a relay and its sealed password (nil: it has none).
func load(ctx context.Context, db postgres.DB, name string) (Relay, []byte, error) {
	var r Relay
	var sealed []byte
	err := db.QueryRow(ctx, `
		SELECT name, host, port, tls, encoding, username, sealed_password, connections, rate_per_second, created_at, updated_at
		FROM relays WHERE name = $1`, name).
		Scan(&r.Name, &r.Host, &r.Port, &r.TLS, &r.Encoding, &r.Username, &sealed, &r.Connections, &r.RatePerSecond, &r.CreatedAt, &r.UpdatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return Relay{}, nil, fault.NotFoundf("relay", name)
	}
	r.HasPassword = len(sealed) > 0
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	return r, sealed, err
}

// open returns the password in a box. No box is the password "".
func open(secret, name string, box []byte) (string, error) {
	if len(box) == 0 {
		return "", nil
	}
	password, err := seal.Open(secret, seal.RelayPassword, name, box)
	return string(password), err
}

// sameSettings compares all but the password.
func sameSettings(a, b Relay) bool {
	return a.Host == b.Host && a.Port == b.Port && a.TLS == b.TLS && a.Encoding == b.Encoding && a.Username == b.Username &&
		a.Connections == b.Connections && a.RatePerSecond == b.RatePerSecond
}
