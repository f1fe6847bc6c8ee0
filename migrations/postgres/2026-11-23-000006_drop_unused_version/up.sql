-- Chains are locked while they change: nobody compared it.
ALTER TABLE task_chains DROP COLUMN version;
