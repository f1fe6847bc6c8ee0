-- Templates (defaults: JSON of core's Defaults, input_schema: JSON text). revision: how often they were changed.
-- times_used: how many tasks were made from them.
CREATE TABLE task_templates (
    id TEXT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    task_type TEXT NOT NULL,
    defaults TEXT NOT NULL,
    input_schema TEXT,
    revision BIGINT NOT NULL,
    times_used BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX task_templates_by_client ON task_templates (client_id, id);

-- Which templates a schedule refers to. It does not hinder their removal once it has ended, so these rows may outlive
-- the template.
CREATE TABLE schedule_templates (
    schedule_id TEXT NOT NULL REFERENCES scheduled_tasks (id) ON DELETE CASCADE,
    template_id TEXT NOT NULL,
    PRIMARY KEY (schedule_id, template_id)
);
CREATE INDEX schedule_templates_by_template ON schedule_templates (template_id, schedule_id);

-- Which templates a chain refers to, while it has not ended.
CREATE TABLE chain_templates (
    chain_id TEXT NOT NULL REFERENCES task_chains (id) ON DELETE CASCADE,
    template_id TEXT NOT NULL,
    PRIMARY KEY (chain_id, template_id)
);
CREATE INDEX chain_templates_by_template ON chain_templates (template_id, chain_id);

-- The template that a task was made from.
ALTER TABLE tasks ADD COLUMN template_id TEXT;
CREATE INDEX tasks_of_template ON tasks (template_id, id) WHERE template_id IS NOT NULL;
