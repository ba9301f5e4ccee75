DROP TABLE reindex;
DROP TABLE custom_parameter;
DROP TABLE search_generation;
