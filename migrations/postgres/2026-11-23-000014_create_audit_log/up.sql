-- What was done to the service or refused, by whom and from where (extra_metadata: JSON object). Rows are added, and removed
-- when they are old. A row stands for one request, or for all that were refused to one caller within a minute: of such a
-- row count, last_action and last_at change.
CREATE TABLE audit_log (
    id TEXT PRIMARY KEY NOT NULL,
    event_type TEXT NOT NULL,
    action TEXT NOT NULL,
    last_action TEXT,
    client_id TEXT,
    key_id TEXT,
    agent_id TEXT,
    resource_type TEXT,
    resource_id TEXT,
    success BOOLEAN NOT NULL,
    error_message TEXT,
    extra_metadata TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    count BIGINT NOT NULL CHECK (count > 0),
    created_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    CHECK ((resource_type IS NULL) = (resource_id IS NULL))
);
CREATE INDEX audit_log_by_client ON audit_log (client_id, id);
CREATE INDEX audit_log_by_client_and_type ON audit_log (client_id, event_type, id);
CREATE INDEX audit_log_by_type ON audit_log (event_type, id);
CREATE INDEX audit_log_by_key ON audit_log (key_id, id);
