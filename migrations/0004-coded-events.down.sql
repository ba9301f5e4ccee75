DROP TABLE processed_message;
ALTER TABLE group_event DROP COLUMN happened_at;
ALTER TABLE resource_version DROP COLUMN event;
