-- Bulk exports that were asked for: what is wanted, how far the one at work has come, and the files it has made. Files themselves lie on disk.
CREATE TABLE export_job (
  job_id uuid PRIMARY KEY,
  -- Face, level, types, filters and bounds, as JSON.
  definition text NOT NULL,
  request text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  transaction_time timestamptz NOT NULL,
  state text COLLATE "C" NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  -- The folder that the files lie in, by the name it gave itself.
  folder uuid,
  -- The walk through one type that is under way, and the last id of it that is in the files.
  place_walk integer NOT NULL DEFAULT 0,
  place_id text COLLATE "C" NOT NULL DEFAULT '',
  failures integer NOT NULL DEFAULT 0,
  next_try timestamptz NOT NULL DEFAULT '-infinity',
  reason text,
  expires timestamptz,
  leased_by text,
  token uuid,
  lease_ends timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
CREATE INDEX export_job_open ON export_job (asked_at) WHERE state = 'open';

CREATE TABLE export_file (
  job_id uuid NOT NULL REFERENCES export_job (job_id) ON DELETE CASCADE,
  name text COLLATE "C" NOT NULL,
  lines bigint NOT NULL,
  -- Up to here the file counts; what a process that died wrote behind it does not.
  bytes bigint NOT NULL,
  PRIMARY KEY (job_id, name)
) WITH (fillfactor = 50);
