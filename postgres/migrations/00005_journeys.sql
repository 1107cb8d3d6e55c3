-- +goose Up

-- A journey is a follow-up of several steps. New enrolments begin with live_version; those under way stay on theirs.
CREATE TABLE journeys (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text        NOT NULL,
    status        text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'live', 'paused', 'archived')),
    status_reason text        NOT NULL DEFAULT '',  -- why it paused itself
    version       integer     NOT NULL,             -- the newest
    live_version  integer,                          -- NULL: never published
    live_since    timestamptz,                      -- what happened before it was first published does not count
    looked_until  timestamptz,                      -- segment, date: how far it was looked for who enters
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

-- A version is never changed once it was published: whoever is on it, stays on it.
CREATE TABLE journey_versions (
    journey_id   bigint      NOT NULL REFERENCES journeys ON DELETE CASCADE,
    version      integer     NOT NULL,
    definition   jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    published_at timestamptz,
    PRIMARY KEY (journey_id, version)
);

-- All mails of one send step of one version are a run.
ALTER TABLE runs
    ALTER COLUMN campaign_id DROP NOT NULL,
    DROP CONSTRAINT runs_kind_check,
    ADD CONSTRAINT runs_kind_check CHECK (kind IN ('campaign', 'test', 'journey')),
    ADD COLUMN journey_id      bigint  REFERENCES journeys ON DELETE CASCADE,
    ADD COLUMN journey_version integer,
    ADD COLUMN step            text    NOT NULL DEFAULT '',
    ADD COLUMN transactional   boolean NOT NULL DEFAULT false, -- owed to the contact: no consent, cap or quiet hours
    ADD COLUMN promotes        text[]  NOT NULL DEFAULT '{}',  -- skus: not sent while all of them are out of stock
    ADD COLUMN on_refund       boolean NOT NULL DEFAULT false, -- not sent once the triggering order is refunded or cancelled
    ADD CONSTRAINT runs_of_something CHECK ((kind = 'journey') = (journey_id IS NOT NULL) AND (kind = 'journey') = (campaign_id IS NULL));
CREATE UNIQUE INDEX runs_journey ON runs (journey_id, journey_version, step) WHERE journey_id IS NOT NULL;

-- One contact's way through one version of a journey.
CREATE TABLE enrolments (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journey_id bigint      NOT NULL REFERENCES journeys ON DELETE CASCADE,
    version    integer     NOT NULL,
    contact_id bigint      NOT NULL REFERENCES contacts ON DELETE CASCADE,
    key        text        NOT NULL,             -- what it is once for: 'order:17', 'event:5', 'contact:9:1', and before that 'pending:order:17'
    status     text        NOT NULL CHECK (status IN ('pending', 'active', 'waiting', 'finished', 'exited', 'dropped')),
    position   text        NOT NULL DEFAULT '',  -- the step it is at; '': before the first
    since      timestamptz NOT NULL,             -- when it came there
    due_at     timestamptz,                      -- when to look again; NULL: it is over
    wakes      boolean     NOT NULL DEFAULT false, -- look again also when something happens to the contact
    order_id   bigint      REFERENCES orders ON DELETE SET NULL,
    event_id   bigint      REFERENCES events ON DELETE SET NULL,
    trigger_at timestamptz NOT NULL,
    reason     text        NOT NULL DEFAULT '',  -- why it ended: a short code
    taken      integer     NOT NULL DEFAULT 0,   -- how many rows of enrolment_steps it has
    entered_at timestamptz,                      -- NULL: pending or dropped
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (journey_id, key)
);
-- What is due, whatever number is not.
CREATE INDEX enrolments_due ON enrolments (journey_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX enrolments_journey ON enrolments (journey_id, id);
CREATE INDEX enrolments_contact ON enrolments (contact_id, journey_id);
CREATE INDEX enrolments_order ON enrolments (order_id) WHERE due_at IS NOT NULL;

-- Every step taken: when, what, why. A mail's message is written in the same transaction.
CREATE TABLE enrolment_steps (
    enrolment_id bigint      NOT NULL REFERENCES enrolments ON DELETE CASCADE,
    n            integer     NOT NULL,            -- 1, 2, …
    step         text        NOT NULL DEFAULT '', -- '': entering, leaving
    type         text        NOT NULL DEFAULT '',
    what         text        NOT NULL,
    why          text        NOT NULL,
    message_id   bigint,
    at           timestamptz NOT NULL,
    PRIMARY KEY (enrolment_id, n)
);
-- A step is taken once, whoever takes it again.
CREATE UNIQUE INDEX enrolment_steps_mail ON enrolment_steps (enrolment_id, step) WHERE type = 'send';

-- A contact may get a mail of the same run for each enrolment.
ALTER TABLE messages
    DROP CONSTRAINT messages_run_id_contact_id_key,
    ADD COLUMN enrolment_id bigint REFERENCES enrolments ON DELETE SET NULL;
CREATE UNIQUE INDEX messages_run_contact ON messages (run_id, contact_id) WHERE enrolment_id IS NULL;
CREATE UNIQUE INDEX messages_enrolment ON messages (enrolment_id, run_id) WHERE enrolment_id IS NOT NULL;

-- How many enrolments of a journey are where: kept by trigger, see message_counts.
CREATE TABLE enrolment_counts (
    journey_id bigint   NOT NULL REFERENCES journeys ON DELETE CASCADE,
    version    integer  NOT NULL,
    shard      smallint NOT NULL,
    position   text     NOT NULL,
    status     text     NOT NULL,
    n          bigint   NOT NULL,
    PRIMARY KEY (journey_id, version, shard, position, status)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION count_enrolments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO enrolment_counts AS c (journey_id, version, shard, position, status, n)
        SELECT journey_id, version, pg_backend_pid() % 32, position, status, count(*)
        FROM new_rows GROUP BY journey_id, version, position, status ORDER BY 1, 2, 4, 5
        ON CONFLICT (journey_id, version, shard, position, status) DO UPDATE SET n = c.n + excluded.n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO enrolment_counts AS c (journey_id, version, shard, position, status, n)
        SELECT journey_id, version, pg_backend_pid() % 32, position, status, -count(*)
        FROM old_rows WHERE journey_id IN (SELECT id FROM journeys)
        GROUP BY journey_id, version, position, status ORDER BY 1, 2, 4, 5
        ON CONFLICT (journey_id, version, shard, position, status) DO UPDATE SET n = c.n + excluded.n;
    ELSE
        INSERT INTO enrolment_counts AS c (journey_id, version, shard, position, status, n)
        SELECT journey_id, version, pg_backend_pid() % 32, position, status, sum(d)
        FROM (SELECT journey_id, version, position, status, -1 AS d FROM old_rows
              UNION ALL
              SELECT journey_id, version, position, status, 1 FROM new_rows) AS delta
        GROUP BY journey_id, version, position, status HAVING sum(d) <> 0 ORDER BY 1, 2, 4, 5
        ON CONFLICT (journey_id, version, shard, position, status) DO UPDATE SET n = c.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER enrolments_inserted AFTER INSERT ON enrolments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_enrolments();
CREATE TRIGGER enrolments_updated AFTER UPDATE ON enrolments
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_enrolments();
CREATE TRIGGER enrolments_deleted AFTER DELETE ON enrolments
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_enrolments();

-- What happened that journeys have to look at: a row until one did. Written by trigger, in the transaction that
-- brought it, whoever wrote that (a request, a batch, an import); only where a journey is live that it could concern, so
-- that a shop's history comes in without a sound.
CREATE TABLE happenings (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('order', 'event', 'segment', 'date')),
    what       text        NOT NULL DEFAULT '', -- order: the status it reached; segment: entered or left
    contact_id bigint      NOT NULL REFERENCES contacts ON DELETE CASCADE,
    order_id   bigint      REFERENCES orders ON DELETE CASCADE,
    event_id   bigint      REFERENCES events ON DELETE CASCADE,
    journey_id bigint      REFERENCES journeys ON DELETE CASCADE, -- segment, date: of this journey only
    at         timestamptz NOT NULL             -- when it happened
);

-- +goose StatementBegin
CREATE FUNCTION note_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- One that comes as paid was placed, too.
        INSERT INTO happenings (kind, what, contact_id, order_id, at)
        SELECT 'order', s.what, o.contact_id, o.id, o.placed_at
        FROM new_rows o, LATERAL (
            SELECT 'placed' AS what WHERE o.status IN ('placed', 'paid')
            UNION ALL
            SELECT o.status WHERE o.status <> 'placed') AS s
        WHERE EXISTS (SELECT FROM journeys j WHERE j.live_since <= o.placed_at)
        ORDER BY o.id, s.what DESC;
    ELSE
        INSERT INTO happenings (kind, what, contact_id, order_id, at)
        SELECT 'order', o.status, o.contact_id, o.id, o.updated_at
        FROM new_rows o JOIN old_rows w ON w.id = o.id AND w.status <> o.status
        WHERE EXISTS (SELECT FROM journeys j WHERE j.live_since <= o.updated_at)
        ORDER BY o.id;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION note_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO happenings (kind, what, contact_id, event_id, at)
    SELECT 'event', e.name, e.contact_id, e.id, e.occurred_at
    FROM new_rows e
    WHERE EXISTS (SELECT FROM journeys j WHERE j.live_since <= e.occurred_at)
    ORDER BY e.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER orders_inserted AFTER INSERT ON orders
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_orders();
CREATE TRIGGER orders_updated AFTER UPDATE ON orders
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_orders();
CREATE TRIGGER events_inserted AFTER INSERT ON events
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_events();

-- Who was in a segment when a journey last looked.
CREATE TABLE journey_members (
    journey_id bigint NOT NULL REFERENCES journeys ON DELETE CASCADE,
    contact_id bigint NOT NULL REFERENCES contacts ON DELETE CASCADE,
    PRIMARY KEY (journey_id, contact_id)
);

-- Calls that webhook steps ask for (package webhooks), due until they were answered or given up.
CREATE TABLE webhook_calls (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enrolment_id bigint      NOT NULL REFERENCES enrolments ON DELETE CASCADE,
    step         text        NOT NULL,
    url          text        NOT NULL,
    body         jsonb       NOT NULL,
    attempts     integer     NOT NULL DEFAULT 0,
    due_at       timestamptz,                     -- or the end of a worker's lease; NULL: it is over
    state        text        NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed')),
    detail       text        NOT NULL DEFAULT '', -- the answer, or what went wrong
    created_at   timestamptz NOT NULL,
    UNIQUE (enrolment_id, step)
);
CREATE INDEX webhook_calls_due ON webhook_calls (due_at) WHERE due_at IS NOT NULL;
