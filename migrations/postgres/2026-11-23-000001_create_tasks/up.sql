-- The work. Instants are microseconds since 1970; JSON is text.
-- Every partial index asks for IS NOT NULL of one column, so that both databases can use it
-- with bound parameters: queue_key = ready, gate = PENDING, lease_expires_at = held by an
-- agent, ended_at = ended.
CREATE TABLE tasks (
    id TEXT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL,
    task_type TEXT NOT NULL,
    capability TEXT NOT NULL,
    lane TEXT NOT NULL,
    heartbeat_needed BOOLEAN NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'ASSIGNED', 'ACTIVE', 'COMPLETED', 'FAILED', 'CANCELLED')),
    gate TEXT CHECK (gate IN ('ready', 'blocked', 'not_due', 'limited', 'paused')),
    priority INTEGER NOT NULL,
    queue_key BIGINT,
    routing_strategy TEXT NOT NULL,
    min_trust DOUBLE PRECISION NOT NULL,
    timeout_seconds INTEGER NOT NULL,
    timeout_policy TEXT NOT NULL,
    heartbeat_timeout_seconds INTEGER,
    max_retries INTEGER NOT NULL,
    retry_policy TEXT NOT NULL,
    retry_count INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    lost_to TEXT NOT NULL,
    agent_id TEXT,
    claim_id TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    assigned_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    expires_at BIGINT,
    run_at BIGINT,
    due_at BIGINT,
    lease_expires_at BIGINT,
    input_data TEXT,
    metadata TEXT,
    result_data TEXT,
    usage_data TEXT,
    progress TEXT,
    CHECK ((gate IS NOT NULL) = (status = 'PENDING')),
    CHECK ((lease_expires_at IS NOT NULL) = (status IN ('ASSIGNED', 'ACTIVE'))),
    CHECK ((ended_at IS NOT NULL) = (status IN ('COMPLETED', 'FAILED', 'CANCELLED'))),
    CHECK (queue_key IS NULL OR gate = 'ready')
);
CREATE INDEX tasks_ready ON tasks (lane, priority DESC, queue_key, id) WHERE queue_key IS NOT NULL;
CREATE INDEX tasks_ready_by_client ON tasks (lane, priority, client_id, queue_key) WHERE queue_key IS NOT NULL;
CREATE INDEX tasks_pending ON tasks (id) WHERE gate IS NOT NULL;
CREATE INDEX tasks_held ON tasks (agent_id, id) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX tasks_by_lease ON tasks (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX tasks_by_due ON tasks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_by_expiry ON tasks (expires_at) WHERE expires_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX tasks_ended ON tasks (status, id) WHERE ended_at IS NOT NULL;
CREATE INDEX tasks_by_client ON tasks (client_id, id);
CREATE INDEX tasks_ended_by_agent ON tasks (agent_id, id) WHERE ended_at IS NOT NULL;

-- Input and metadata that are too large to be rewritten with every change of state.
CREATE TABLE task_documents (
    task_id TEXT PRIMARY KEY NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    input_data TEXT,
    metadata TEXT
);

-- Attempts that ended without a result.
CREATE TABLE task_attempts (
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    agent_id TEXT NOT NULL,
    assigned_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (task_id, attempt)
);
