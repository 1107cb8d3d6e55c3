-- +goose Up

-- Who saved a version; '': not known. restored_from says which version it brought back.
ALTER TABLE template_versions
    ADD COLUMN created_by    text    NOT NULL DEFAULT '',
    ADD COLUMN restored_from integer;

-- An archived template is not offered any more. What was sent with it can still be shown, so it is not deleted.
ALTER TABLE templates ADD COLUMN archived_at timestamptz;

ALTER TABLE journey_versions
    ADD COLUMN created_by   text NOT NULL DEFAULT '',
    ADD COLUMN published_by text NOT NULL DEFAULT '';

-- "Which campaigns use this template", and "was it ever sent".
CREATE INDEX campaigns_template ON campaigns (template_id);
CREATE INDEX runs_template ON runs (template_id);
