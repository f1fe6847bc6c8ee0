CREATE INDEX agents_by_age ON agents (created_at, agent_id);
CREATE INDEX agents_by_status ON agents (status, created_at, agent_id);
