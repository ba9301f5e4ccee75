DROP INDEX search_date_long;
