-- Chains: what changes with every step (state: JSON of core's Chain), and apart from it what does not.
-- asked_at: since when an expression must be evaluated before the chain can go on.
CREATE TABLE task_chains (
    id TEXT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED')),
    current_step INTEGER NOT NULL,
    total_steps INTEGER NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    asked_at BIGINT,
    CHECK ((ended_at IS NOT NULL) = (status IN ('COMPLETED', 'FAILED', 'CANCELLED')))
);
CREATE INDEX task_chains_by_client ON task_chains (client_id, id);
CREATE INDEX task_chains_by_status ON task_chains (status, id);
CREATE INDEX task_chains_asked ON task_chains (asked_at) WHERE asked_at IS NOT NULL;
CREATE INDEX task_chains_ended ON task_chains (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE chain_definitions (
    chain_id TEXT PRIMARY KEY NOT NULL REFERENCES task_chains (id) ON DELETE CASCADE,
    definition TEXT NOT NULL,
    input TEXT NOT NULL
);

-- The lists of a step with for_each: what it goes through, and what came out.
CREATE TABLE chain_steps (
    chain_id TEXT NOT NULL REFERENCES task_chains (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    items TEXT,
    output TEXT,
    PRIMARY KEY (chain_id, step)
);

-- The place of a task in its chain: <step>.<run>.<iteration>[.<item>], c before it for a compensation.
-- No two tasks have the same, so a step is started once, whatever crashes.
ALTER TABLE tasks ADD COLUMN chain_id TEXT;
ALTER TABLE tasks ADD COLUMN chain_place TEXT;
CREATE UNIQUE INDEX tasks_by_chain ON tasks (chain_id, chain_place) WHERE chain_id IS NOT NULL;
CREATE INDEX tasks_of_chain ON tasks (chain_id, id) WHERE chain_id IS NOT NULL;
