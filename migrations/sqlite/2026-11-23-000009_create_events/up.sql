-- What happened, for those who follow it: each row what one transaction told, in order (told: JSON list of lists).
-- position: where it stands among all that was told.
CREATE TABLE events (
    id BIGINT PRIMARY KEY NOT NULL,
    position BIGINT,
    recorded_at BIGINT NOT NULL,
    told TEXT NOT NULL
);
CREATE UNIQUE INDEX events_by_position ON events (position) WHERE position IS NOT NULL;
CREATE INDEX events_without_position ON events (id) WHERE position IS NULL;

-- The position that was given out last, in one row.
CREATE TABLE event_feed (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    last_position BIGINT NOT NULL
);
INSERT INTO event_feed (id, last_position) VALUES (1, 0);
