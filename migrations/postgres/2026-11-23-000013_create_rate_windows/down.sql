DROP TABLE key_usage;
DROP TABLE rate_windows;
