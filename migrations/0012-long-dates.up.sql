-- Ranges of time longer than a day, which are few: how far back one that ends behind a moment may begin. With that, the walk along
-- search_date_low begins near the first match instead of at the oldest value.
CREATE INDEX search_date_long ON search_date (param, high, low)
  WHERE CASE WHEN isfinite(low) AND isfinite(high) THEN high - low > interval '24 hours' ELSE true END;
