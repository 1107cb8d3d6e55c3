-- +goose Up

-- A draft may lack what it takes to send it: template_id NULL, sender_address '' and topic '' are gaps, which start refuses.
ALTER TABLE campaigns
    ALTER COLUMN template_id DROP NOT NULL,
    ADD COLUMN revision   integer NOT NULL DEFAULT 1,  -- counts the changes of what a marketer sets; whoever changes an older one is told
    ADD COLUMN updated_by text    NOT NULL DEFAULT '', -- whose change the newest revision is; '': not known
    ADD COLUMN approval   jsonb;                       -- who started it, when, and the warnings that were accepted

-- Who has a draft open: a row for each tab of a browser, which says every few seconds that it is still there.
CREATE TABLE campaign_editors (
    campaign_id bigint      NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    tab         text        NOT NULL, -- chosen by the page
    name        text        NOT NULL DEFAULT '',
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, tab)
);

-- The home page asks every second. The index has no column that a running campaign changes.
CREATE INDEX runs_finished ON runs (finished_at DESC) WHERE kind = 'campaign' AND finished_at IS NOT NULL;

-- Between which ids a run's messages are, those of others among them: lists of a run begin there, instead of at the
-- first message ever. (A journey's run has no end, and none of them.)
ALTER TABLE runs ADD COLUMN first_message bigint, ADD COLUMN last_message bigint;
UPDATE runs r
SET first_message = m.first, last_message = m.last
FROM (SELECT run_id, min(id) AS first, max(id) AS last FROM messages GROUP BY run_id) AS m
WHERE m.run_id = r.id AND r.kind <> 'journey' AND r.planned_at IS NOT NULL;
