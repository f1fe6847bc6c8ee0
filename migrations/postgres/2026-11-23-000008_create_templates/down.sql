DROP INDEX tasks_of_template;
ALTER TABLE tasks DROP COLUMN template_id;
DROP TABLE chain_templates;
DROP TABLE schedule_templates;
DROP TABLE task_templates;
