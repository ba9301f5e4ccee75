-- Numbers and quantities that are no points (ranges, sampled data, `< 5`), which are few: of all others the lower end tells the upper one, too, so
-- that what lies above a number is found by search_number_low and search_quantity_low.
CREATE INDEX search_number_wide ON search_number (param, high, low) WHERE low <> high;
CREATE INDEX search_quantity_wide ON search_quantity (param, high, low) WHERE low <> high;
