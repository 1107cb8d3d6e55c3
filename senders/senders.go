// Package senders keeps the domains that mail is sent from: the DKIM keys that sign
// for them (RFC 6376).
//
// A key's way: Put makes it (or takes one from outside) and returns the DNS record
// to publish; once that can be looked up, the key is made active, and Signers hands
// it to delivery for every sender address of its domain or of a subdomain of it. A
// domain without active keys sends unsigned.
//
// The private key is sealed in the database under a key derived from
// POSTHORN_SECRET (internal/seal), leaves this package only through Signers, and is
// never part of JSON.
package senders

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/internal/seal"
	"posthorn/postgres"
)

// Algorithms, as in a signature's a= (RFC 6376 3.3, RFC 8463 3).
const (
	RSA     = "rsa-sha256"
	Ed25519 = "ed25519-sha256" // not every receiver knows it: use it beside RSA
)

// DKIMKey is a DKIM key, without its private part.
type DKIMKey struct {
	Domain    string    `json:"domain"`
	Selector  string    `json:"selector"`
	Algorithm string    `json:"algorithm"`
	Active    bool      `json:"active"` // it signs
	Record    Record    `json:"record"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Record is a TXT record, as it is to be published.
type Record struct {
	Name  string `json:"name"`
	Value string `json:"value"` // may be longer than the 255 bytes of one string (RFC 6376 3.6.2.2)
}

// Signer is a key that signs. It is safe for concurrent use.
type Signer struct {
	Domain   string // the signature's d=
	Selector string // its s=
	Key      crypto.Signer
}

// PutInput is a key as given from outside.
type PutInput struct {
	Domain     string
	Selector   string
	Algorithm  string // RSA or Ed25519
	PrivateKey string // PEM, PKCS #8 or PKCS #1; "" keeps the one that is stored, or makes a new one where none is
	Active     bool
}

// Put creates or replaces a key. It returns fault.Invalid or fault.List for what
// cannot be used.
func Put(ctx context.Context, db postgres.DB, now time.Time, secret string, in PutInput) (DKIMKey, error) {
	if err := in.normalize(); err != nil {
		return DKIMKey{}, err
	}
	var out DKIMKey
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		// Two first Puts of one selector at once: the second keeps what the first made.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('dkim_keys'), hashtext($1))`, in.name()); err != nil {
			return err
		}
		old, err := Get(ctx, tx, in.Domain, in.Selector)
		var missing *fault.NotFound
		if err != nil && !errors.As(err, &missing) {
			return err
		}
		if exists := err == nil; exists && in.PrivateKey == "" {
			if old.Algorithm != in.Algorithm {
				return fault.Invalidf("algorithm", "the stored key is of %s: give a private key of %s, or use another selector", old.Algorithm, in.Algorithm)
			}
			out, err = scan(tx.QueryRow(ctx, `
				UPDATE dkim_keys SET active = $3, updated_at = CASE WHEN active = $3 THEN updated_at ELSE $4 END
				WHERE domain = $1 AND selector = $2
				RETURNING `+columns, in.Domain, in.Selector, in.Active, now))
			return err
		}

		key, err := in.key()
		if err != nil {
			return err
		}
		private, public, err := encode(key)
		if err != nil {
			return err
		}
		box, err := seal.Seal(secret, seal.DKIMKey, in.name(), private)
		if err != nil {
			return err
		}
		out, err = scan(tx.QueryRow(ctx, `
			INSERT INTO dkim_keys (domain, selector, algorithm, sealed_key, public_key, active, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
			ON CONFLICT (domain, selector) DO UPDATE SET
				algorithm = excluded.algorithm, sealed_key = excluded.sealed_key, public_key = excluded.public_key,
				active = excluded.active, updated_at = excluded.updated_at
			RETURNING `+columns, in.Domain, in.Selector, in.Algorithm, box, public, in.Active, now))
		return err
	})
	if err != nil {
		return DKIMKey{}, fmt.Errorf("senders: put DKIM key: %w", err)
	}
	return out, nil
}

// Get returns a key. It returns fault.NotFound.
func Get(ctx context.Context, db postgres.DB, domain, selector string) (DKIMKey, error) {
	domain, selector = normalizeDomain(domain), strings.ToLower(selector)
	k, err := scan(db.QueryRow(ctx, `
		SELECT `+columns+`
		FROM dkim_keys WHERE domain = $1 AND selector = $2`, domain, selector))
	if errors.Is(err, pgx.ErrNoRows) {
		return DKIMKey{}, fault.NotFoundf("DKIM key", recordName(domain, selector))
	}
	if err != nil {
		return DKIMKey{}, fmt.Errorf("senders: get DKIM key: %w", err)
	}
	return k, nil
}

// List returns the keys of a domain, or of all where domain is "", by domain and
// selector.
func List(ctx context.Context, db postgres.DB, domain string) ([]DKIMKey, error) {
	rows, err := db.Query(ctx, `
		SELECT `+columns+`
		FROM dkim_keys WHERE $1 IN ('', domain) ORDER BY domain, selector`, normalizeDomain(domain))
	if err != nil {
		return nil, fmt.Errorf("senders: list DKIM keys: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DKIMKey, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("senders: list DKIM keys: %w", err)
	}
	return list, nil
}

// Delete removes a key. It returns fault.NotFound.
func Delete(ctx context.Context, db postgres.DB, domain, selector string) error {
	domain, selector = normalizeDomain(domain), strings.ToLower(selector)
	tag, err := db.Exec(ctx, `DELETE FROM dkim_keys WHERE domain = $1 AND selector = $2`, domain, selector)
	if err != nil {
		return fmt.Errorf("senders: delete DKIM key: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fault.NotFoundf("DKIM key", recordName(domain, selector))
	}
	return nil
}

// Signers returns what signs the mails of a sender address: the active keys of its
// domain or, where that has none, of the nearest domain above it that has (DMARC's
// relaxed alignment, RFC 7489 3.1.1). All of them sign: there is one per algorithm,
// but for a moment while keys are being changed.
//
// It returns none where nothing is to be signed, and fault.Conflict where a key
// cannot be opened because secret is not the one that it was sealed with.
func Signers(ctx context.Context, db postgres.DB, secret, address string) ([]Signer, error) {
	domain := normalizeDomain(address[strings.LastIndexByte(address, '@')+1:])
	candidates := []string{domain}
	for _, above, ok := strings.Cut(domain, "."); ok; _, above, ok = strings.Cut(above, ".") {
		candidates = append(candidates, above)
	}
	rows, err := db.Query(ctx, `
		SELECT domain, selector, sealed_key
		FROM dkim_keys
		WHERE active AND domain = (
			SELECT domain FROM dkim_keys
			WHERE active AND domain = ANY ($1) ORDER BY length(domain) DESC LIMIT 1)
		ORDER BY algorithm, selector`, candidates)
	if err != nil {
		return nil, fmt.Errorf("senders: DKIM keys: %w", err)
	}
	signers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Signer, error) {
		var s Signer
		var box []byte
		if err := row.Scan(&s.Domain, &s.Selector, &box); err != nil {
			return s, err
		}
		private, err := seal.Open(secret, seal.DKIMKey, recordName(s.Domain, s.Selector), box)
		if errors.Is(err, seal.ErrSealed) {
			return s, fault.Conflictf("", "the DKIM key %s cannot be opened, probably because POSTHORN_SECRET was changed: "+
				"put it again with its private key, or make one under another selector and delete this one", recordName(s.Domain, s.Selector))
		}
		if err != nil {
			return s, err
		}
		s.Key, err = decode(private)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("senders: DKIM keys: %w", err)
	}
	return signers, nil
}

const columns = `domain, selector, algorithm, public_key, active, created_at, updated_at`

// scan reads a row of columns.
func scan(row pgx.Row) (DKIMKey, error) {
	var k DKIMKey
	var public []byte
	err := row.Scan(&k.Domain, &k.Selector, &k.Algorithm, &public, &k.Active, &k.CreatedAt, &k.UpdatedAt)
	k.CreatedAt, k.UpdatedAt = k.CreatedAt.UTC(), k.UpdatedAt.UTC()
	kind, _, _ := strings.Cut(k.Algorithm, "-")
	k.Record = Record{Name: recordName(k.Domain, k.Selector), Value: "v=DKIM1; k=" + kind + "; p=" + base64.StdEncoding.EncodeToString(public)}
	return k, err
}

// recordName is where a key's record stands (RFC 6376 3.6.2.1). It is also the name
// in its seal.
func recordName(domain, selector string) string { return selector + "._domainkey." + domain }
