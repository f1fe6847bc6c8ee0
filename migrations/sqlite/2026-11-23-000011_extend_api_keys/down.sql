ALTER TABLE api_keys RENAME TO later_api_keys;
CREATE TABLE api_keys (
    key_id TEXT PRIMARY KEY NOT NULL,
    secret_sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    client_id TEXT,
    admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO api_keys (key_id, secret_sha256, name, client_id, admin, created_at)
    SELECT k.key_id, s.secret_sha256, k.name, k.client_id, k.scopes LIKE '%admin%', k.created_at
    FROM later_api_keys k JOIN api_key_secrets s ON s.key_id = k.key_id AND s.good_until IS NULL
    WHERE k.active AND k.revoked_at IS NULL AND k.expires_at IS NULL AND k.agent_id IS NULL;
DROP TABLE api_key_secrets;
DROP TABLE later_api_keys;
