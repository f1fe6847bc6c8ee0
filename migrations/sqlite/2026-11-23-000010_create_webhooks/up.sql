-- Webhooks (events: JSON list of patterns). previous_secret signs as well until previous_until.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((previous_secret IS NOT NULL) = (previous_until IS NOT NULL))
);
CREATE INDEX webhooks_by_owner ON webhooks (owner, id);
CREATE INDEX webhooks_by_owner_active ON webhooks (owner, id) WHERE active;
CREATE INDEX webhooks_active ON webhooks (id) WHERE active;

-- How often a webhook was changed, and how many are active: one row, which keeps changes one after the other.
CREATE TABLE webhook_changes (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    version BIGINT NOT NULL,
    active BIGINT NOT NULL
);
INSERT INTO webhook_changes (id, version, active) VALUES (1, 0, 0);

-- What webhooks are told. number: in the order of the events of a subject. due_at: when the next attempt is made, or is
-- made anew because whoever makes it has died; none for what has ended, and for what has been found to wait for an earlier
-- one of its webhook and subject. There is no reference to the webhook: webhooks stay, and inserting would lock them.
CREATE TABLE webhook_deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'cancelled')),
    attempt_count INTEGER NOT NULL,
    due_at BIGINT,
    response_code INTEGER,
    error TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    CHECK (due_at IS NULL OR state = 'pending'),
    CHECK ((ended_at IS NULL) = (state = 'pending'))
);
CREATE UNIQUE INDEX webhook_deliveries_by_id ON webhook_deliveries (id);
CREATE INDEX webhook_deliveries_of_hook ON webhook_deliveries (webhook_id, number);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, subject, number) WHERE ended_at IS NULL;
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;
