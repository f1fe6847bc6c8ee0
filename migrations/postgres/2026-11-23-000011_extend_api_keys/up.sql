-- Keys with scopes (names, with commas), an agent, limits (requests; NULL: none) and an end. last_used_at: to the
-- minute or so.
ALTER TABLE api_keys RENAME TO earlier_api_keys;
CREATE TABLE api_keys (
    key_id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    client_id TEXT,
    agent_id TEXT,
    scopes TEXT NOT NULL,
    rate_limit_per_minute BIGINT,
    rate_limit_per_hour BIGINT,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_keys_by_client ON api_keys (client_id, key_id);
CREATE INDEX api_keys_active ON api_keys (key_id) WHERE active AND revoked_at IS NULL;
INSERT INTO api_keys (key_id, name, client_id, scopes, active, created_at, updated_at)
    SELECT key_id, name, client_id, CASE WHEN admin THEN 'admin' ELSE '' END, TRUE, created_at, created_at
    FROM earlier_api_keys;

-- The secrets of keys, of which only SHA-256 is kept: the one that is good, and until its instant the one before.
CREATE TABLE api_key_secrets (
    secret_sha256 TEXT PRIMARY KEY NOT NULL,
    key_id TEXT NOT NULL REFERENCES api_keys (key_id) ON DELETE CASCADE,
    good_until BIGINT
);
CREATE INDEX api_key_secrets_of_key ON api_key_secrets (key_id);
INSERT INTO api_key_secrets (secret_sha256, key_id) SELECT secret_sha256, key_id FROM earlier_api_keys;
DROP TABLE earlier_api_keys;
