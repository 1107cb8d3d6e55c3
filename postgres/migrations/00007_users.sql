-- +goose Up

-- Who signs in. A person without a password was invited and has not accepted yet, or was made on the
-- command line. People are disabled, not deleted: what they did stays theirs.
CREATE TABLE users (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email            text        NOT NULL,
    email_key        text        NOT NULL UNIQUE, -- lower case: what "the same address" means
    name             text        NOT NULL DEFAULT '',
    role             text        NOT NULL CHECK (role IN ('owner', 'marketer', 'ops')),
    password_hash    text        NOT NULL DEFAULT '', -- argon2id with its parameters and salt; '': none yet
    sessions_epoch   integer     NOT NULL DEFAULT 1,  -- a session that began under another one is over
    language         text        NOT NULL DEFAULT '', -- en, de; '': the browser's
    timezone         text        NOT NULL DEFAULT '', -- IANA name; '': the browser's
    invitation_hash  bytea       UNIQUE,              -- SHA-256 of the link's token, which is random and long
    invitation_until timestamptz,
    signed_in_at     timestamptz,                     -- the last time
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    disabled_at      timestamptz
);

-- What a key may do. Those from before could do everything.
ALTER TABLE api_keys
    ADD COLUMN role         text        NOT NULL DEFAULT 'owner' CHECK (role IN ('owner', 'marketer', 'ops', 'shop')),
    ADD COLUMN prefix       text        NOT NULL DEFAULT '', -- the key's first characters, to tell it by; '': from before
    ADD COLUMN last_used_at timestamptz;                     -- to the minute
ALTER TABLE api_keys ALTER COLUMN role DROP DEFAULT;
