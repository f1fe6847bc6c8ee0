ALTER TABLE webhooks DROP COLUMN clients_only;
