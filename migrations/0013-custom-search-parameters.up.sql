-- Search parameters that clients define, and the walks that index what was stored before.

-- Writers say by which generation of definitions they made their index rows; another one is refused. `revision` also counts what only
-- readers have to know: that a walk is through.
CREATE TABLE search_generation (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  generation integer NOT NULL,
  revision integer NOT NULL
);
INSERT INTO search_generation (generation, revision) VALUES (0, 0);

-- Every stored SearchParameter as it was taken up. Without a definition it is not used, and `reason` says why.
CREATE TABLE custom_parameter (
  id text COLLATE "C" PRIMARY KEY,
  version integer NOT NULL,
  definition text,
  -- The generation from which on writers index by it.
  generation integer NOT NULL,
  reason text
);

-- The resource types that have to be walked, or were: up to generation `done` every resource of the type is indexed.
CREATE TABLE reindex (
  type text COLLATE "C" PRIMARY KEY,
  wanted integer NOT NULL,
  done integer NOT NULL DEFAULT 0,
  -- The generation of the walk under way, the last id it has come to, and how many resources that were.
  walking integer,
  place text COLLATE "C" NOT NULL DEFAULT '',
  walked bigint NOT NULL DEFAULT 0,
  total bigint NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  next_try timestamptz NOT NULL DEFAULT '-infinity',
  reason text,
  leased_by text,
  token uuid,
  lease_ends timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
