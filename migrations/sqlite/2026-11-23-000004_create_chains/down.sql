DROP INDEX tasks_of_chain;
DROP INDEX tasks_by_chain;
ALTER TABLE tasks DROP COLUMN chain_place;
ALTER TABLE tasks DROP COLUMN chain_id;
DROP TABLE chain_steps;
DROP TABLE chain_definitions;
DROP TABLE task_chains;
