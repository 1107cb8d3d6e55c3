-- +goose Up

-- A key that signs the mails of a domain. The DNS record to publish is made of algorithm and public_key;
-- it is kept apart from the private key so that it can be shown without opening that.
CREATE TABLE dkim_keys (
    domain      text        NOT NULL, -- lower-case ASCII
    selector    text        NOT NULL, -- lower case
    algorithm   text        NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
    sealed_key  bytea       NOT NULL, -- PKCS #8, AES-256-GCM under a key derived from POSTHORN_SECRET
    public_key  bytea       NOT NULL, -- as in the record's p=
    active      boolean     NOT NULL, -- signs; otherwise only kept, e.g. until its record is published
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (domain, selector)
);

-- How the parts of a mail are written: unencoded where possible, or always quoted-printable.
ALTER TABLE relays ADD COLUMN encoding text NOT NULL DEFAULT 'auto' CHECK (encoding IN ('auto', 'quoted-printable'));
