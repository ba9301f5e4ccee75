-- Of several processes one polls a source: it holds the row's lease for the length of a poll, proved by its token. `next_poll` says when
-- the source is due, by the database's clock. Another version of the Endpoint is due at once; another fingerprint (address, types,
-- prefix) is another source and is read from the beginning.
ALTER TABLE source_watermark
  ADD COLUMN endpoint_version integer NOT NULL DEFAULT 0,
  ADD COLUMN fingerprint text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN next_poll timestamptz NOT NULL DEFAULT '-infinity',
  ADD COLUMN failures integer NOT NULL DEFAULT 0,
  ADD COLUMN leased_by text,
  ADD COLUMN token uuid,
  ADD COLUMN lease_ends timestamptz NOT NULL DEFAULT '-infinity';
