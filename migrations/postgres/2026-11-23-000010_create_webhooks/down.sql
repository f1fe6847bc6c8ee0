DROP TABLE webhook_deliveries;
DROP TABLE webhook_changes;
DROP TABLE webhooks;
