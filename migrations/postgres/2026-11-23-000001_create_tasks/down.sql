DROP TABLE task_attempts;
DROP TABLE task_documents;
DROP TABLE tasks;
