DROP INDEX tasks_of_schedule;
ALTER TABLE task_chains DROP COLUMN schedule_id;
ALTER TABLE tasks DROP COLUMN schedule_id;
DROP TABLE schedule_slots;
DROP TABLE schedule_calendars;
DROP TABLE scheduled_tasks;
DROP TABLE calendars;
