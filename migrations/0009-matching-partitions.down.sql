-- One position can stand for all only where they are the same: start the hub, let it read to the end of the log, stop it.
DO $$
BEGIN
  IF (SELECT count(DISTINCT (epoch, xid::text, seq)) FROM matching_position) > 1 THEN
    RAISE EXCEPTION 'the partitions of matching stand at different places of the change log';
  END IF;
END
$$;
DELETE FROM matching_position WHERE partition > 0;
ALTER TABLE match_batch ALTER COLUMN batch DROP IDENTITY;
ALTER TABLE matching_position ADD COLUMN batch bigint NOT NULL DEFAULT 0;
UPDATE matching_position
SET batch = coalesce((SELECT max(batch) FROM match_batch), 0), leased_by = NULL, token = NULL, lease_ends = '-infinity';
DROP TABLE matching_process;
