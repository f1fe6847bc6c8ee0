DROP TABLE server_nodes;
DROP TABLE counters;
DROP TABLE idempotency_keys;
DROP TABLE api_keys;
