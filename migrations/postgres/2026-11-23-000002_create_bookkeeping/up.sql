-- What the service keeps for itself.
CREATE TABLE api_keys (
    key_id TEXT PRIMARY KEY NOT NULL,
    secret_sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    client_id TEXT,
    admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Statistics: each writer adds to rows of its own, readers sum them. minute is 0 for running
-- totals, else minutes since 1970.
CREATE TABLE counters (
    writer TEXT NOT NULL,
    name TEXT NOT NULL,
    minute BIGINT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (writer, name, minute)
);
CREATE INDEX counters_by_minute ON counters (minute, name);

CREATE TABLE server_nodes (
    slot INTEGER PRIMARY KEY NOT NULL,
    node_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
