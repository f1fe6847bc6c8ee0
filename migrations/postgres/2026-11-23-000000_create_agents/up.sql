-- Who does the work, what each can do, and how trust in them grew.
CREATE TABLE clients (
    client_id TEXT PRIMARY KEY NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE agents (
    agent_id TEXT PRIMARY KEY NOT NULL,
    public_key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT,
    endpoint TEXT NOT NULL,
    tags TEXT NOT NULL,
    labels TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'DEGRADED', 'INACTIVE')),
    draining BOOLEAN NOT NULL,
    shared BOOLEAN NOT NULL,
    max_concurrency INTEGER NOT NULL,
    heartbeat_interval_seconds INTEGER NOT NULL,
    trust_score DOUBLE PRECISION NOT NULL,
    average_seconds DOUBLE PRECISION,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    last_completed_at BIGINT,
    last_seen_at BIGINT NOT NULL,
    silent_at BIGINT NOT NULL,
    last_heartbeat_at BIGINT,
    last_assigned_at BIGINT,
    claims BOOLEAN NOT NULL,
    unresponsive BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX agents_by_age ON agents (created_at, agent_id);
CREATE INDEX agents_by_status ON agents (status, created_at, agent_id);
CREATE INDEX agents_by_silence ON agents (silent_at) WHERE status <> 'INACTIVE';
CREATE INDEX agents_by_change ON agents (updated_at);

CREATE TABLE agent_capabilities (
    capability_id TEXT PRIMARY KEY NOT NULL,
    agent_id TEXT NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    input_schema TEXT NOT NULL,
    output_schema TEXT NOT NULL,
    pricing_model TEXT NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    latency_p99_ms BIGINT NOT NULL,
    availability_percent DOUBLE PRECISION NOT NULL,
    deprecated BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX agent_capabilities_by_agent ON agent_capabilities (agent_id, capability_id);

CREATE TABLE trust_records (
    id TEXT PRIMARY KEY NOT NULL,
    agent_id TEXT NOT NULL,
    event TEXT NOT NULL,
    delta DOUBLE PRECISION NOT NULL,
    score_before DOUBLE PRECISION NOT NULL,
    score_after DOUBLE PRECISION NOT NULL,
    reason TEXT,
    task_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX trust_records_by_agent ON trust_records (agent_id, id);
