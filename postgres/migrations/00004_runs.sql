-- +goose Up

-- A run holds what is sent and whether it may be. What sends (messages.Take) looks at the run alone, so that it need
-- not know what the run belongs to.
ALTER TABLE runs
    ADD COLUMN name           text    NOT NULL DEFAULT '',        -- the campaign's
    ADD COLUMN topic          text    NOT NULL DEFAULT '',
    ADD COLUMN sender_name    text    NOT NULL DEFAULT '',
    ADD COLUMN sender_address text    NOT NULL DEFAULT '',
    ADD COLUMN relay          text    NOT NULL DEFAULT 'default',
    ADD COLUMN resend         boolean NOT NULL DEFAULT false,     -- a mail in doubt is sent again
    ADD COLUMN held           boolean NOT NULL DEFAULT false;     -- nothing more is to be offered: paused or ended
UPDATE runs r
SET name = c.name, topic = c.topic, sender_name = c.sender_name, sender_address = c.sender_address, relay = c.relay,
    resend = r.kind = 'test' OR c.in_doubt = 'resend',
    held = r.kind = 'campaign' AND r.finished_at IS NULL AND c.status NOT IN ('running', 'scheduled')
FROM campaigns c WHERE c.id = r.campaign_id;
