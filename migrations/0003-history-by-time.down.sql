DROP INDEX resource_version_at;
