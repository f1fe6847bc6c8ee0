-- Tasks that wait for tasks. gate_since: since when the gate of a PENDING task is closed.
ALTER TABLE tasks ADD COLUMN gate_since BIGINT;
ALTER TABLE tasks ADD COLUMN dependencies INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN unresolved_dependencies INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN results_from_dependencies BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tasks ADD COLUMN graph_id TEXT;
ALTER TABLE tasks ADD COLUMN name TEXT;
UPDATE tasks SET gate_since = updated_at WHERE gate IS NOT NULL;
CREATE INDEX tasks_by_graph ON tasks (graph_id, id) WHERE graph_id IS NOT NULL;

-- One edge a row: task_id waits for depends_on_id. An edge is resolved when its end was judged
-- while the task waited. The dependency may have been removed since, so it is no foreign key.
CREATE TABLE task_dependencies (
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    depends_on_id TEXT NOT NULL,
    condition TEXT NOT NULL CHECK (condition IN ('success', 'failure', 'done')),
    position INTEGER NOT NULL,
    resolved_at BIGINT,
    PRIMARY KEY (task_id, depends_on_id, condition)
);
CREATE INDEX task_dependencies_by_dependency ON task_dependencies (depends_on_id, task_id);

-- Tasks that ended and whose dependants have not all been told: what one transaction may tell
-- is bounded, and the rest follows.
CREATE TABLE unsettled_tasks (
    task_id TEXT PRIMARY KEY NOT NULL
);
