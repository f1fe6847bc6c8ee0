-- Agents are listed from memory: no query uses these.
DROP INDEX agents_by_age;
DROP INDEX agents_by_status;
