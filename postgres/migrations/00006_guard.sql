-- +goose Up

-- What the installation asks of its marketing mails: one row.
CREATE TABLE sending_rules (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    cap_mails  integer NOT NULL DEFAULT 0 CHECK (cap_mails >= 0), -- at most, per contact,
    cap_days   integer NOT NULL DEFAULT 0 CHECK (cap_days >= 0),  -- within so many days; 0: no cap
    quiet_from text    NOT NULL DEFAULT '',                       -- HH:MM, as the contact's clock shows; '': no quiet hours
    quiet_to   text    NOT NULL DEFAULT '',
    timezone   text    NOT NULL DEFAULT 'UTC',                    -- of contacts whose own is not known
    CHECK ((cap_mails = 0) = (cap_days = 0)),
    CHECK ((quiet_from = '') = (quiet_to = ''))
);
INSERT INTO sending_rules DEFAULT VALUES;
