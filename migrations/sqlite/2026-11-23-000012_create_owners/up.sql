-- An agent belongs to the client that registered it, and serves that client alone unless it is shared. Those that are
-- there belong to nobody, and go on serving everybody.
UPDATE agents SET shared = TRUE;
ALTER TABLE agents ADD COLUMN client_id TEXT CHECK (shared OR client_id IS NOT NULL);

-- In the order in which a client's tasks are handed to its own agents; it also gives the end of its queue.
DROP INDEX tasks_ready_by_client;
CREATE INDEX tasks_ready_by_client ON tasks (lane, client_id, priority DESC, queue_key, id) WHERE queue_key IS NOT NULL;
