-- The change log: one row for every version of every resource, in commit order. It is the history, the log that matching
-- tails and the outbox at once. Rows are only ever appended.
CREATE TABLE resource_version (
  epoch integer NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  interaction text COLLATE "C" NOT NULL CHECK (interaction IN ('create', 'update', 'delete')),
  method text COLLATE "C" NOT NULL CHECK (method IN ('POST', 'PUT', 'PATCH', 'DELETE')),
  face text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  body text,
  CHECK ((body IS NULL) = (interaction = 'delete')),
  PRIMARY KEY (type, id, version)
);
-- Bodies are read whole and often: lz4 is the cheap middle. The embedded server is built without it; there they stay as they are, as
-- pglz takes more time for 1 to 8 KB of JSON than the space is worth.
DO $$
BEGIN
  ALTER TABLE resource_version ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  ALTER TABLE resource_version ALTER COLUMN body SET STORAGE EXTERNAL;
END
$$;
-- Tailing reads (epoch, xid, seq) upwards below the oldest running writer.
CREATE UNIQUE INDEX resource_version_position ON resource_version (epoch, xid, seq);

-- The current version of each resource and its equality keys. The row stays when the resource is deleted (its version goes on).
CREATE TABLE resource (
  rid bigint GENERATED ALWAYS AS IDENTITY,
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  deleted boolean NOT NULL DEFAULT false,
  last_updated timestamptz NOT NULL,
  keys bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (type, id)
);
CREATE UNIQUE INDEX resource_rid ON resource (rid);
CREATE INDEX resource_last_updated ON resource (type, last_updated, rid) WHERE NOT deleted;
CREATE INDEX resource_keys ON resource USING gin (keys);

-- Search keys that are ranges or prefixes, one narrow row for each value. `param` is the 32-bit hash of type and parameter.
CREATE TABLE search_date (
  rid bigint NOT NULL, param integer NOT NULL,
  low timestamptz NOT NULL, high timestamptz NOT NULL -- half-open; '-infinity' and 'infinity' for open ends
);
CREATE INDEX search_date_low ON search_date (param, low, rid);
CREATE INDEX search_date_high ON search_date (param, high, rid);
CREATE INDEX search_date_rid ON search_date (rid);

CREATE TABLE search_number (
  rid bigint NOT NULL, param integer NOT NULL, low double precision NOT NULL, high double precision NOT NULL
);
CREATE INDEX search_number_low ON search_number (param, low, rid);
CREATE INDEX search_number_rid ON search_number (rid);

CREATE TABLE search_quantity (
  rid bigint NOT NULL, param integer NOT NULL, low double precision NOT NULL, high double precision NOT NULL,
  unit_keys bigint[] NOT NULL
);
CREATE INDEX search_quantity_low ON search_quantity (param, low, rid);
CREATE INDEX search_quantity_rid ON search_quantity (rid);

CREATE TABLE search_string (
  rid bigint NOT NULL, param integer NOT NULL, folded text COLLATE "C" NOT NULL, exact text COLLATE "C" NOT NULL
);
CREATE INDEX search_string_folded ON search_string (param, left(folded, 200), rid);
CREATE INDEX search_string_rid ON search_string (rid);

-- Which cluster the log lives in. A restore to another cluster, whose transaction ids may start lower, begins a new epoch.
CREATE TABLE log_epoch (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch integer NOT NULL,
  system_identifier text NOT NULL
);

-- How far matching has read the change log, and which process may do it. `batch` numbers the batches without a gap.
CREATE TABLE matching_position (
  partition smallint PRIMARY KEY,
  epoch integer NOT NULL DEFAULT 0,
  xid xid8 NOT NULL DEFAULT '0',
  seq bigint NOT NULL DEFAULT 0,
  batch bigint NOT NULL DEFAULT 0,
  leased_by text,
  token uuid,
  lease_ends timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO matching_position (partition) VALUES (0);

-- Subscriptions with the same topic or criteria, the same filters and the same rights: matched and logged once.
CREATE TABLE filter_group (
  group_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fingerprint bytea NOT NULL UNIQUE,
  definition text NOT NULL,
  last_n bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- The numbered log: the n-th event of a group, and the change that made it.
CREATE TABLE group_event (
  group_id bigint NOT NULL,
  n bigint NOT NULL,
  epoch integer NOT NULL,
  xid xid8 NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (group_id, n)
);

-- A stretch of a group's log that belongs to a subscription: events (after_n, until_n] bear the numbers first_number, first_number + 1 …
-- Written by matching alone, in the transaction that moves matching_position past the change of the Subscription.
CREATE TABLE subscription_segment (
  subscription_id text COLLATE "C" NOT NULL,
  ordinal integer NOT NULL,
  group_id bigint NOT NULL,
  after_n bigint NOT NULL,
  until_n bigint,
  first_number bigint NOT NULL,
  PRIMARY KEY (subscription_id, ordinal)
);
CREATE INDEX subscription_segment_group ON subscription_segment (group_id, subscription_id) WHERE until_n IS NULL;

-- What one matching batch changed, for those who follow: batch numbers are gapless and committed in order.
CREATE TABLE match_batch (
  batch bigint PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  group_ids bigint[] NOT NULL,
  subscription_ids text[] NOT NULL
);

-- How far each subscription has been served. One row a subscription, made by matching when it first sees the Subscription.
CREATE TABLE subscription_cursor (
  subscription_id text COLLATE "C" PRIMARY KEY,
  shard smallint NOT NULL,
  face text COLLATE "C" NOT NULL,
  acknowledged bigint NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  next_attempt timestamptz,
  -- version of the Subscription whose endpoint took the handshake; null until one did
  verified_version integer,
  last_error text,
  last_sent_at timestamptz,
  -- false once delivery knows that its events leave over sockets, where whoever holds the socket sends them
  pushed boolean NOT NULL DEFAULT true
) WITH (fillfactor = 50);
CREATE INDEX subscription_cursor_due ON subscription_cursor (shard, next_attempt) WHERE next_attempt IS NOT NULL;
CREATE INDEX subscription_cursor_shard ON subscription_cursor (shard);

-- The right to serve a slice of all subscriptions for a while; `token` fences writes of a process whose lease has passed on.
CREATE TABLE delivery_shard (
  shard smallint PRIMARY KEY,
  leased_by text,
  token uuid,
  lease_ends timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO delivery_shard (shard) SELECT generate_series(0, 63);

-- Every attempt to send, whatever came of it. By day, so that old ones are dropped whole.
CREATE TABLE attempt (
  at timestamptz NOT NULL DEFAULT now(),
  subscription_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL, -- handshake, heartbeat, event-notification
  first_number bigint, last_number bigint,
  outcome text COLLATE "C" NOT NULL, -- accepted, retry, give-up
  http_status smallint,
  milliseconds integer NOT NULL,
  detail text
) PARTITION BY RANGE (at);
CREATE TABLE attempt_default PARTITION OF attempt DEFAULT;
CREATE INDEX attempt_subscription ON attempt (subscription_id, at);

-- Events that an endpoint will never take: stepped over, kept for a person to see and send again.
CREATE TABLE dead_letter (
  subscription_id text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  reason text NOT NULL,
  PRIMARY KEY (subscription_id, number)
);

-- Rights to bind a websocket: a random token, hashed, for some subscriptions, for a short time, once.
CREATE TABLE websocket_token (
  token_hash bytea PRIMARY KEY,
  subscription_ids text[] NOT NULL,
  expires timestamptz NOT NULL
);

-- How far each polled source was read: moved in the transaction that stores what was read.
CREATE TABLE source_watermark (
  endpoint_id text COLLATE "C" PRIMARY KEY,
  since timestamptz,
  -- (type/id/version) of what was taken in within the overlap, so that it is not taken in twice
  seen text[] NOT NULL DEFAULT '{}',
  last_success timestamptz,
  last_error text
);
