-- What was drawn of the limits of keys: for each length of window, the latest one. used: what it gave in all; quota: how
-- much it may give; granted: what the last draw was given.
CREATE TABLE rate_windows (
    key_id TEXT NOT NULL,
    period TEXT NOT NULL CHECK (period IN ('minute', 'hour')),
    window_start BIGINT NOT NULL,
    used BIGINT NOT NULL,
    quota BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (key_id, period)
);

-- How many requests each key made in each hour of UTC; hour: when it began.
CREATE TABLE key_usage (
    key_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (key_id, hour)
);
CREATE INDEX key_usage_by_hour ON key_usage (hour);
