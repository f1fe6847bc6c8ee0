-- Calendars: named sets of dates (dates: JSON of core's Dates). revision: how often it was changed.
CREATE TABLE calendars (
    id TEXT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    dates TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX calendars_by_client ON calendars (client_id, id);

-- Schedules: what they are made of (definition: JSON of core's ScheduleDefinition, with the revision that
-- counts its changes), and how they stand (state: JSON of core's Schedule, with what is looked for beside it).
-- look_since: since when a calendar has been changed, and the next slot has not been looked for.
CREATE TABLE scheduled_tasks (
    id TEXT PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    revision BIGINT NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('active', 'paused', 'ended')),
    due_at BIGINT,
    look_since BIGINT,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((due_at IS NOT NULL) = (standing = 'active'))
);
CREATE INDEX scheduled_tasks_by_client ON scheduled_tasks (client_id, id);
CREATE INDEX scheduled_tasks_by_standing ON scheduled_tasks (standing, id);
CREATE INDEX scheduled_tasks_by_due ON scheduled_tasks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX scheduled_tasks_to_look ON scheduled_tasks (look_since) WHERE look_since IS NOT NULL;

-- Which calendars a schedule heeds.
CREATE TABLE schedule_calendars (
    schedule_id TEXT NOT NULL REFERENCES scheduled_tasks (id) ON DELETE CASCADE,
    calendar_id TEXT NOT NULL REFERENCES calendars (id),
    PRIMARY KEY (schedule_id, calendar_id)
);
CREATE INDEX schedule_calendars_by_calendar ON schedule_calendars (calendar_id, schedule_id);

-- What became of every slot; of slots in a row that did not fire, one record: slot_at is the first, until the last
-- (NULL if there is only one).
-- open_run: the task or chain that it made, until that has ended. buffered_at: since when it waits. Only what is over
-- grows too old.
CREATE TABLE schedule_slots (
    id TEXT PRIMARY KEY NOT NULL,
    schedule_id TEXT NOT NULL REFERENCES scheduled_tasks (id) ON DELETE CASCADE,
    slot_at BIGINT NOT NULL,
    until BIGINT,
    count BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('cron', 'run_now', 'backfill')),
    state TEXT NOT NULL CHECK (state IN ('fired', 'skipped', 'missed', 'buffered', 'dropped')),
    reason TEXT,
    task_id TEXT,
    chain_id TEXT,
    open_run TEXT,
    buffered_at BIGINT,
    fired_at BIGINT,
    ended_at BIGINT,
    outcome TEXT,
    decided_at BIGINT NOT NULL,
    CHECK ((buffered_at IS NOT NULL) = (state = 'buffered')),
    CHECK ((fired_at IS NOT NULL) = (state = 'fired'))
);
CREATE UNIQUE INDEX schedule_slots_by_slot ON schedule_slots (schedule_id, slot_at);
CREATE UNIQUE INDEX schedule_slots_by_open_run ON schedule_slots (open_run) WHERE open_run IS NOT NULL;
CREATE INDEX schedule_slots_open ON schedule_slots (schedule_id, slot_at) WHERE open_run IS NOT NULL;
CREATE INDEX schedule_slots_buffered ON schedule_slots (schedule_id, slot_at) WHERE buffered_at IS NOT NULL;
CREATE INDEX schedule_slots_ranges ON schedule_slots (schedule_id, until, slot_at) WHERE until IS NOT NULL;
CREATE INDEX schedule_slots_by_age ON schedule_slots (decided_at) WHERE open_run IS NULL AND buffered_at IS NULL;

-- The schedule that made a task or a chain; a chain's tasks have it too.
ALTER TABLE tasks ADD COLUMN schedule_id TEXT;
ALTER TABLE task_chains ADD COLUMN schedule_id TEXT;
CREATE INDEX tasks_of_schedule ON tasks (schedule_id, id) WHERE schedule_id IS NOT NULL;
