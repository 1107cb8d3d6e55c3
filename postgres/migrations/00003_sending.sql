-- +goose Up

-- What becomes of a mail of which nobody knows whether the relay took it: 'hold' leaves it unknown until a
-- person decides; 'resend' offers it again, with the same Message-ID.
ALTER TABLE campaigns ADD COLUMN in_doubt text NOT NULL DEFAULT 'hold' CHECK (in_doubt IN ('hold', 'resend'));

-- An earlier offer of this mail was never answered: it may have been sent already, whatever becomes of it now.
ALTER TABLE messages ADD COLUMN in_doubt boolean NOT NULL DEFAULT false;

-- A row is written three times: planned, claimed, recorded. With room in its page for one more version, and the
-- one before cleared away by then, neither update touches an index (docs/benchmarks.md).
ALTER TABLE messages SET (fillfactor = 40);

-- Of a run with thousands of open chunks, those under way and those that are due are found without a look at the rest.
CREATE INDEX chunks_busy ON chunks (run_id) WHERE done_at IS NULL AND (lease_until IS NOT NULL OR knocked_until IS NOT NULL);
CREATE INDEX chunks_due ON chunks (run_id, due_at, id) WHERE done_at IS NULL AND lease_until IS NULL;
