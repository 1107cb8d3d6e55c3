-- +goose Up

-- How names are folded and sorted for people: Ö beside O, whatever the database's own locale is, which may be C. Where
-- this PostgreSQL was built without ICU, as the database does it.
-- +goose StatementBegin
DO $$
BEGIN
    CREATE COLLATION posthorn_text (provider = icu, locale = 'und');
EXCEPTION WHEN feature_not_supported OR undefined_object OR invalid_parameter_value THEN
    CREATE COLLATION posthorn_text FROM "default";
END $$;
-- +goose StatementEnd

-- Lists of contacts: by name, by when the shop met them, by country.
CREATE INDEX contacts_name ON contacts (
    (first_name = '' AND last_name = ''), -- who has no name comes last
    (lower(COALESCE(NULLIF(last_name, ''), first_name) COLLATE posthorn_text)),
    (lower(first_name COLLATE posthorn_text)),
    id);
CREATE INDEX contacts_created ON contacts (created_at, id);
CREATE INDEX contacts_country ON contacts (country, id);
CREATE INDEX suppressions_created ON suppressions (created_at, email_key);

-- Search by any part of a word. pg_trgm comes with PostgreSQL and is trusted: who may create tables may create it. A
-- server that lacks it all the same searches without an index: at 100,000 contacts that takes some tenths of a second
-- instead of some milliseconds, and docs/operations.md says how to add it later. (contacts/list_*.go asks with these very
-- expressions.)
-- +goose StatementBegin
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX contacts_search ON contacts USING gin (
        lower((' ' || external_id || ' ' || email || ' ' || first_name || ' ' || last_name) COLLATE posthorn_text) gin_trgm_ops);
    CREATE INDEX suppressions_search ON suppressions USING gin (email_key gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file OR undefined_object OR external_routine_exception THEN
    RAISE WARNING 'pg_trgm is not available (%): contacts are searched without an index', SQLERRM;
END $$;
-- +goose StatementEnd

-- Imports that run in the background: from the upload to the summary. See docs/states.md.
CREATE TABLE imports (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text        NOT NULL CHECK (kind IN ('contacts', 'products', 'orders')),
    file_name    text        NOT NULL DEFAULT '',
    options      jsonb       NOT NULL,             -- which column is what; contacts: topic and source of the consent
    state        text        NOT NULL DEFAULT 'uploading'
                 CHECK (state IN ('uploading', 'waiting', 'running', 'done', 'failed', 'cancelled')),
    reason       text        NOT NULL DEFAULT '',  -- why it failed
    created_by   text        NOT NULL DEFAULT '',
    size         bigint      NOT NULL DEFAULT 0,   -- bytes as they were sent
    stored_size  bigint      NOT NULL DEFAULT 0,   -- bytes as they are kept, gzipped
    read_bytes   bigint      NOT NULL DEFAULT 0,   -- of these, in the present attempt
    rows         bigint      NOT NULL DEFAULT 0,   -- read in the present attempt
    rejected     bigint      NOT NULL DEFAULT 0,   -- of these
    settled      bigint      NOT NULL DEFAULT 0,   -- things written or found unchanged in the present attempt
    created      bigint      NOT NULL DEFAULT 0,   -- things, in all attempts: counted in the transaction that wrote them
    updated      bigint      NOT NULL DEFAULT 0,
    unchanged    bigint      NOT NULL DEFAULT 0,   -- known at the end
    rejects      jsonb       NOT NULL DEFAULT '[]', -- the first of them, to show; all are in import_chunks
    rejects_kept boolean     NOT NULL DEFAULT false, -- there is a file of rejected rows
    epoch        integer     NOT NULL DEFAULT 0,   -- counts the leases: part of the TaskID, and fences off who lost his
    attempts     integer     NOT NULL DEFAULT 0,   -- that ended without a word
    lease_until  timestamptz,                      -- running: a worker has it until then
    expires_at   timestamptz,                      -- when file and rejects go; NULL: there are none
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    started_at   timestamptz,
    finished_at  timestamptz
);
CREATE INDEX imports_open ON imports (id) WHERE state IN ('uploading', 'waiting', 'running');
CREATE INDEX imports_expire ON imports (expires_at) WHERE expires_at IS NOT NULL;

-- The uploaded file, gzipped, and the file of rejected rows, in pieces, so that any process may go on with an import.
CREATE TABLE import_chunks (
    import_id bigint  NOT NULL REFERENCES imports ON DELETE CASCADE,
    part      text    NOT NULL CHECK (part IN ('file', 'rejects')),
    n         integer NOT NULL,
    data      bytea   NOT NULL,
    PRIMARY KEY (import_id, part, n)
);
ALTER TABLE import_chunks ALTER COLUMN data SET STORAGE EXTERNAL; -- it is compressed already
