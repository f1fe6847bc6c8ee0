-- Nobody would unblock them any more.
UPDATE tasks SET status = 'CANCELLED', gate = NULL, ended_at = updated_at, error = 'its dependencies were removed'
    WHERE gate = 'blocked';
DROP TABLE unsettled_tasks;
DROP TABLE task_dependencies;
DROP INDEX tasks_by_graph;
ALTER TABLE tasks DROP COLUMN name;
ALTER TABLE tasks DROP COLUMN graph_id;
ALTER TABLE tasks DROP COLUMN results_from_dependencies;
ALTER TABLE tasks DROP COLUMN unresolved_dependencies;
ALTER TABLE tasks DROP COLUMN dependencies;
ALTER TABLE tasks DROP COLUMN gate_since;
