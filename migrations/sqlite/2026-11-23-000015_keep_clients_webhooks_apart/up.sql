-- A webhook that was registered with a client's key hears of no agent, whatever that is called.
ALTER TABLE webhooks ADD COLUMN clients_only BOOLEAN NOT NULL DEFAULT FALSE;
