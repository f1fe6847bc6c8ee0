DROP TABLE trust_records;
DROP TABLE agent_capabilities;
DROP TABLE agents;
DROP TABLE clients;
