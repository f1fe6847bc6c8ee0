DROP INDEX tasks_ready_by_client;
CREATE INDEX tasks_ready_by_client ON tasks (lane, priority, client_id, queue_key) WHERE queue_key IS NOT NULL;

ALTER TABLE agents DROP COLUMN client_id;
