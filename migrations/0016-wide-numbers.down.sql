DROP INDEX search_number_wide;
DROP INDEX search_quantity_wide;
