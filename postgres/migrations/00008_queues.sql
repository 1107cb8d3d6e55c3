-- +goose Up

-- When a chunk was first knocked for since it became due: a mail's latency counts from there (docs/operations.md).
-- knocked_until cannot tell: it moves on with every knock that is made again.
ALTER TABLE chunks ADD COLUMN asked_at timestamptz;

-- What waits while a run is held does not wait for a worker: its latency counts from here where that is later.
ALTER TABLE runs ADD COLUMN resumed_at timestamptz;

-- How long a happening has waited to be looked at; "at" is when it happened, which may be long before it was told.
ALTER TABLE happenings ADD COLUMN noted_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- An unknown message is always in doubt, and that column hardly ever changes: the index finds the few unknown ones of
-- a run without holding state, so that a change of state stays a HOT update.
UPDATE messages SET in_doubt = true WHERE state = 'unknown' AND NOT in_doubt;
ALTER TABLE messages ADD CONSTRAINT messages_unknown_in_doubt CHECK (state <> 'unknown' OR in_doubt);
CREATE INDEX messages_in_doubt ON messages (run_id, id) WHERE in_doubt;
CREATE INDEX message_counts_unknown ON message_counts (run_id) WHERE state = 'unknown';

-- Queues that somebody paused. Redis forgets with a flush; the sweep pauses them again.
CREATE TABLE paused_queues (
    queue text        PRIMARY KEY,
    since timestamptz NOT NULL
);

-- The last test of each relay: asked for by a person, made by a worker, from where mails are sent.
CREATE TABLE relay_tests (
    relay       text        PRIMARY KEY REFERENCES relays (name) ON DELETE CASCADE,
    epoch       integer     NOT NULL DEFAULT 1,    -- counts the tests of a relay: part of the TaskID
    sender      text        NOT NULL DEFAULT '',   -- with recipient: sends a mail, too
    recipient   text        NOT NULL DEFAULT '',   -- removed when the test is over
    mailed      boolean     NOT NULL DEFAULT false,
    asked_at    timestamptz NOT NULL,
    began_at    timestamptz,
    finished_at timestamptz,
    worker      text        NOT NULL DEFAULT '',   -- host of the worker that made it
    steps       jsonb       NOT NULL DEFAULT '[]'
);
