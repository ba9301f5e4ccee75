ALTER TABLE source_watermark
  DROP COLUMN endpoint_version,
  DROP COLUMN fingerprint,
  DROP COLUMN next_poll,
  DROP COLUMN failures,
  DROP COLUMN leased_by,
  DROP COLUMN token,
  DROP COLUMN lease_ends;
