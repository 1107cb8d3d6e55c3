-- +goose Up

-- People -------------------------------------------------------------------

-- A contact is a person. external_id is the shop's id; where the shop gave none it is the address
-- (email_key), until an import or a PUT brings the shop's id for that address.
CREATE TABLE contacts (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id text        NOT NULL UNIQUE,
    email       text        NOT NULL DEFAULT '', -- as given, trimmed, domain in its ASCII form; '' where unknown
    email_key   text        NOT NULL DEFAULT '', -- lower case: what "the same address" means everywhere
    first_name  text        NOT NULL DEFAULT '',
    last_name   text        NOT NULL DEFAULT '',
    phone       text        NOT NULL DEFAULT '',
    country     text        NOT NULL DEFAULT '',
    language    text        NOT NULL DEFAULT '',
    timezone    text        NOT NULL DEFAULT '',
    attributes  jsonb       NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX contacts_email_key ON contacts (email_key) WHERE email_key <> '';

-- Consent of one contact to one topic. No row: never asked.
CREATE TABLE consents (
    contact_id bigint      NOT NULL REFERENCES contacts ON DELETE CASCADE,
    topic      text        NOT NULL,
    state      text        NOT NULL CHECK (state IN ('pending', 'subscribed', 'unsubscribed')),
    source     text        NOT NULL DEFAULT '', -- 'import', 'api', 'unsubscribe page', …
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (contact_id, topic)
);
CREATE INDEX consents_topic ON consents (topic, state, contact_id);

-- Addresses never to be mailed. Keyed by address, not by contact: it outlives the contact.
CREATE TABLE suppressions (
    email_key  text        PRIMARY KEY,
    cause      text        NOT NULL CHECK (cause IN ('unsubscribe', 'complaint', 'bounce', 'manual')),
    detail     text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL
);

-- What the shop sells and what a contact chose -----------------------------

CREATE TABLE products (
    id         bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku        text          NOT NULL UNIQUE,
    name       text          NOT NULL DEFAULT '',
    category   text          NOT NULL DEFAULT '',
    price      numeric(18,4),
    currency   text          NOT NULL DEFAULT '',
    url        text          NOT NULL DEFAULT '',
    image_url  text          NOT NULL DEFAULT '',
    in_stock   boolean       NOT NULL DEFAULT true,
    attributes jsonb         NOT NULL DEFAULT '{}',
    created_at timestamptz   NOT NULL,
    updated_at timestamptz   NOT NULL
);
CREATE INDEX products_category ON products (category);
CREATE INDEX products_category_folded ON products (lower(category COLLATE "C")); -- how segments compare it; also for its statistics

CREATE TABLE orders (
    id          bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id text          NOT NULL UNIQUE, -- the shop's order id
    contact_id  bigint        NOT NULL REFERENCES contacts ON DELETE CASCADE,
    placed_at   timestamptz   NOT NULL,
    status      text          NOT NULL CHECK (status IN ('placed', 'paid', 'cancelled', 'refunded')),
    currency    text          NOT NULL DEFAULT '',
    total       numeric(18,4) NOT NULL DEFAULT 0, -- sum of quantity * unit_price, written with the items
    created_at  timestamptz   NOT NULL,
    updated_at  timestamptz   NOT NULL
);
CREATE INDEX orders_contact ON orders (contact_id, placed_at);
CREATE INDEX orders_placed_at ON orders (placed_at);

-- An item names its product by sku, not by a foreign key: an order may arrive before its product,
-- and old orders name products that are sold no more.
CREATE TABLE order_items (
    order_id   bigint        NOT NULL REFERENCES orders ON DELETE CASCADE,
    line       integer       NOT NULL, -- 1, 2, … in the order's own sequence
    sku        text          NOT NULL,
    quantity   integer       NOT NULL, -- negative for goods returned
    unit_price numeric(18,4) NOT NULL,
    PRIMARY KEY (order_id, line)
);
-- "Who bought this" reads the index alone. order_id is not a key of it on purpose: as one, and without
-- statistics (just after a load), it tempts the planner into looking up every product in every order.
CREATE INDEX order_items_sku ON order_items (sku) INCLUDE (order_id) WHERE quantity > 0;

CREATE TABLE events (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id      bigint      NOT NULL REFERENCES contacts ON DELETE CASCADE,
    name            text        NOT NULL,
    properties      jsonb       NOT NULL DEFAULT '{}',
    occurred_at     timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    idempotency_key text        UNIQUE -- the sender's; the same key twice is one event
);
CREATE INDEX events_contact ON events (contact_id, name, occurred_at);
CREATE INDEX events_name ON events (name, occurred_at);

-- What is said, and to whom --------------------------------------------------

CREATE TABLE segments (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL,
    rule       jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE templates (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL,
    version    integer     NOT NULL, -- the newest
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- A version is written once and never edited: what a run sent can always be shown again.
CREATE TABLE template_versions (
    template_id   bigint      NOT NULL REFERENCES templates ON DELETE CASCADE,
    version       integer     NOT NULL,
    subject       text        NOT NULL,
    preheader     text        NOT NULL DEFAULT '',
    html          text        NOT NULL DEFAULT '', -- source, where written as HTML
    mjml          text        NOT NULL DEFAULT '', -- source, where written as MJML
    text          text        NOT NULL DEFAULT '', -- source, where written; '' means derived
    compiled_html text        NOT NULL,            -- Liquid over finished HTML, CSS inlined
    compiled_text text        NOT NULL,            -- Liquid over plain text
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (template_id, version)
);

-- Sending --------------------------------------------------------------------

CREATE TABLE relays (
    name            text        PRIMARY KEY,
    host            text        NOT NULL,
    port            integer     NOT NULL CHECK (port BETWEEN 1 AND 65535),
    tls             text        NOT NULL CHECK (tls IN ('none', 'starttls', 'tls')),
    username        text        NOT NULL DEFAULT '',
    sealed_password bytea,                        -- AES-256-GCM under a key derived from POSTHORN_SECRET
    connections     integer     NOT NULL CHECK (connections BETWEEN 1 AND 500), -- at most, per worker process
    rate_per_second integer     NOT NULL DEFAULT 0 CHECK (rate_per_second >= 0), -- all workers together; 0: no limit
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);

CREATE TABLE campaigns (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text        NOT NULL,
    template_id    bigint      NOT NULL REFERENCES templates,
    sender_name    text        NOT NULL DEFAULT '',
    sender_address text        NOT NULL,
    topic          text        NOT NULL,
    relay          text        NOT NULL DEFAULT 'default',
    include        bigint[]    NOT NULL DEFAULT '{}', -- segment ids; empty: everyone subscribed to the topic
    exclude        bigint[]    NOT NULL DEFAULT '{}',
    schedule_at    timestamptz,                       -- once, at this time
    schedule_cron  text        NOT NULL DEFAULT '',   -- or at every tick of this spec
    schedule_zone  text        NOT NULL DEFAULT '',   -- in this IANA time zone
    status         text        NOT NULL DEFAULT 'draft'
                   CHECK (status IN ('draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled', 'failed')),
    status_reason  text        NOT NULL DEFAULT '',   -- why it paused itself or failed
    due_at         timestamptz,                       -- scheduled: when the next run is due
    due_tick       text        NOT NULL DEFAULT '',   -- and the key of that tick (see campaigns/schedule.go)
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE INDEX campaigns_due ON campaigns (due_at) WHERE status = 'scheduled';
CREATE INDEX campaigns_active ON campaigns (status) WHERE status IN ('scheduled', 'running', 'paused', 'cancelled');

-- A run is one execution of a campaign. What it sends and to whom is frozen in it.
-- UNIQUE (campaign, tick) is what makes a cron tick run once, whoever notices it first.
CREATE TABLE runs (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id      bigint      NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    kind             text        NOT NULL CHECK (kind IN ('campaign', 'test')),
    tick             text        NOT NULL,
    key              uuid        NOT NULL DEFAULT gen_random_uuid(), -- part of every Message-ID of the run
    template_id      bigint      NOT NULL,
    template_version integer     NOT NULL,
    audience         jsonb       NOT NULL,          -- the segments' rules as they were at the start
    as_of            timestamptz NOT NULL,          -- the "now" of those rules
    render_as        bigint,                        -- test: the contact whose facts are shown
    cursor           bigint      NOT NULL DEFAULT 0, -- the last contact id planned
    planned_at       timestamptz,                   -- the audience is frozen in full
    epoch            integer     NOT NULL DEFAULT 0, -- counts the times a worker looked at it: part of the TaskID
    strikes_from     bigint      NOT NULL DEFAULT 0, -- failures up to the last time it paused itself
    started_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    UNIQUE (campaign_id, tick),
    FOREIGN KEY (template_id, template_version) REFERENCES template_versions
);
CREATE INDEX runs_open ON runs (id) WHERE finished_at IS NULL;

-- A chunk is about 200 recipients of a run that one task works through. due_at is when it may be
-- worked on next; knocked_until is how long a knock for it is trusted to be still in Redis.
CREATE TABLE chunks (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        bigint      NOT NULL REFERENCES runs ON DELETE CASCADE,
    epoch         integer     NOT NULL DEFAULT 0, -- counts the leases: part of the TaskID, and fences off a worker that lost its lease
    due_at        timestamptz NOT NULL,
    knocked_until timestamptz,
    lease_until   timestamptz,                    -- a worker has it until then
    done_at       timestamptz
);
CREATE INDEX chunks_open ON chunks (run_id, id) WHERE done_at IS NULL;

-- The ledger: one row per mail to one contact, written before any SMTP. See docs/states.md.
CREATE TABLE messages (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        bigint      NOT NULL REFERENCES runs ON DELETE CASCADE,
    chunk_id      bigint,                          -- NULL where skipped at planning
    contact_id    bigint      REFERENCES contacts ON DELETE SET NULL, -- NULL: a test mail, or the contact was deleted
    email         text        NOT NULL,            -- the address as frozen
    state         text        NOT NULL
                  CHECK (state IN ('planned', 'sending', 'deferred', 'sent', 'failed', 'skipped', 'cancelled', 'unknown')),
    reason        text        NOT NULL DEFAULT '', -- a short code, few distinct values: it is counted
    detail        text        NOT NULL DEFAULT '', -- the server's words or the error
    code          integer     NOT NULL DEFAULT 0,  -- SMTP reply code (RFC 5321)
    enhanced_code text        NOT NULL DEFAULT '', -- e.g. 5.1.1 (RFC 3463)
    attempts      integer     NOT NULL DEFAULT 0,
    due_at        timestamptz,                     -- deferred: not before
    claim         integer     NOT NULL DEFAULT 0,  -- the chunk's epoch under which it was last claimed; the chunk holds the lease
    queue_id      text        NOT NULL DEFAULT '', -- the relay's id from its 250
    sent_at       timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    UNIQUE (run_id, contact_id)
) WITH (fillfactor = 75);
-- No index holds state or due_at, so that a change of state can be a HOT update.
CREATE INDEX messages_chunk ON messages (chunk_id) WHERE chunk_id IS NOT NULL;
CREATE INDEX messages_contact ON messages (contact_id);

-- How many rows of a run are in which state for which reason: kept by trigger, in the transaction that
-- changes the rows, so that it is exact whoever changes them and cheap to read while a run is under way.
-- Sharded by backend so that workers do not queue for one row.
CREATE TABLE message_counts (
    run_id bigint   NOT NULL REFERENCES runs ON DELETE CASCADE,
    shard  smallint NOT NULL,
    state  text     NOT NULL,
    reason text     NOT NULL,
    n      bigint   NOT NULL,
    PRIMARY KEY (run_id, shard, state, reason)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION count_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO message_counts AS c (run_id, shard, state, reason, n)
        SELECT run_id, pg_backend_pid() % 128, state, reason, count(*)
        FROM new_rows GROUP BY run_id, state, reason ORDER BY run_id, state, reason
        ON CONFLICT (run_id, shard, state, reason) DO UPDATE SET n = c.n + excluded.n;
    ELSIF TG_OP = 'DELETE' THEN
        -- A whole run that goes takes its counts along; the rows of a run that stays are counted down.
        INSERT INTO message_counts AS c (run_id, shard, state, reason, n)
        SELECT run_id, pg_backend_pid() % 128, state, reason, -count(*)
        FROM old_rows WHERE run_id IN (SELECT id FROM runs)
        GROUP BY run_id, state, reason ORDER BY run_id, state, reason
        ON CONFLICT (run_id, shard, state, reason) DO UPDATE SET n = c.n + excluded.n;
    ELSE
        INSERT INTO message_counts AS c (run_id, shard, state, reason, n)
        SELECT run_id, pg_backend_pid() % 128, state, reason, sum(d)
        FROM (SELECT run_id, state, reason, -1 AS d FROM old_rows
              UNION ALL
              SELECT run_id, state, reason, 1 FROM new_rows) AS delta
        GROUP BY run_id, state, reason HAVING sum(d) <> 0 ORDER BY run_id, state, reason
        ON CONFLICT (run_id, shard, state, reason) DO UPDATE SET n = c.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER messages_inserted AFTER INSERT ON messages
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER messages_updated AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER messages_deleted AFTER DELETE ON messages
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();

-- Access ----------------------------------------------------------------------

CREATE TABLE api_keys (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL,
    hash       bytea       NOT NULL UNIQUE, -- SHA-256 of the key, which is random and long, so no salt is needed
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
