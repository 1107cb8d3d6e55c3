-- +goose Up

-- What becomes of a mail of which nobody knows whether the relay took it: 'hold' leaves it unknown until a
-- person decides; 'resend' offers it again, with the same Message-ID.
ALTER TABLE campaigns ADD COLUMN in_doubt text NOT NULL DEFAULT 'hold' CHECK (in_doubt IN ('hold', 'resend'));

-- An earlier offer of this mail was never answered: it may have been sent already, whatever becomes of it now.
ALTER TABLE messages ADD COLUMN in_doubt boolean NOT NULL DEFAULT false;

-- A row is written three times: planned, claimed, recorded. With room in its page for one more version, and the
-- one before cleared away by then, neither update touches an index (docs/benchmarks.md).
ALTER TABLE messages SET (fillfactor = 40);
