DROP TABLE export_file;
DROP TABLE export_job;
