-- Written by `npm run db:dump` from a migrated database, for reading and for reviews; migrations/ makes the schema.

CREATE TABLE attempt (
  at timestamp with time zone DEFAULT now() NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  first_number bigint,
  last_number bigint,
  outcome text COLLATE "C" NOT NULL,
  http_status smallint,
  milliseconds integer NOT NULL,
  detail text
) PARTITION BY RANGE (at);
CREATE INDEX attempt_subscription ON ONLY public.attempt USING btree (subscription_id, at);

CREATE TABLE attempt_default PARTITION OF attempt DEFAULT;

CREATE TABLE dead_letter (
  subscription_id text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  reason text NOT NULL,
  CONSTRAINT dead_letter_pkey PRIMARY KEY (subscription_id, number)
);

CREATE TABLE delivery_shard (
  shard smallint NOT NULL,
  leased_by text,
  token uuid,
  lease_ends timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  CONSTRAINT delivery_shard_pkey PRIMARY KEY (shard)
) WITH (fillfactor=50);

CREATE TABLE filter_group (
  group_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  fingerprint bytea NOT NULL,
  definition text NOT NULL,
  last_n bigint DEFAULT 0 NOT NULL,
  gone_n bigint DEFAULT 0 NOT NULL,
  CONSTRAINT filter_group_fingerprint_key UNIQUE (fingerprint),
  CONSTRAINT filter_group_pkey PRIMARY KEY (group_id)
) WITH (fillfactor=50);

CREATE TABLE group_event (
  group_id bigint NOT NULL,
  n bigint NOT NULL,
  epoch integer NOT NULL,
  xid xid8 NOT NULL,
  seq bigint NOT NULL,
  happened_at timestamp with time zone,
  CONSTRAINT group_event_pkey PRIMARY KEY (group_id, n)
);

CREATE TABLE log_epoch (
  only_row boolean DEFAULT true NOT NULL,
  epoch integer NOT NULL,
  system_identifier text NOT NULL,
  CONSTRAINT log_epoch_pkey PRIMARY KEY (only_row),
  CONSTRAINT log_epoch_only_row_check CHECK (only_row)
);

CREATE TABLE match_batch (
  batch bigint NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  group_ids bigint[] NOT NULL,
  subscription_ids text[] NOT NULL,
  CONSTRAINT match_batch_pkey PRIMARY KEY (batch)
);

CREATE TABLE matching_position (
  partition smallint NOT NULL,
  epoch integer DEFAULT 0 NOT NULL,
  xid xid8 DEFAULT '0'::xid8 NOT NULL,
  seq bigint DEFAULT 0 NOT NULL,
  batch bigint DEFAULT 0 NOT NULL,
  leased_by text,
  token uuid,
  lease_ends timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  CONSTRAINT matching_position_pkey PRIMARY KEY (partition)
) WITH (fillfactor=50);

CREATE TABLE processed_message (
  source text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  envelope_id text COLLATE "C" NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  response text NOT NULL,
  CONSTRAINT processed_message_pkey PRIMARY KEY (source, message_id)
);
CREATE INDEX processed_message_at ON public.processed_message USING btree (at);
CREATE INDEX processed_message_envelope ON public.processed_message USING btree (source, envelope_id);

CREATE TABLE resend (
  resend_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  next_number bigint NOT NULL,
  last_number bigint NOT NULL,
  asked_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT resend_pkey PRIMARY KEY (resend_id),
  CONSTRAINT resend_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscription_cursor(subscription_id) ON DELETE CASCADE
) WITH (fillfactor=50);
CREATE INDEX resend_subscription ON public.resend USING btree (subscription_id, resend_id);

CREATE TABLE resource (
  rid bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  deleted boolean DEFAULT false NOT NULL,
  last_updated timestamp with time zone NOT NULL,
  keys bigint[] DEFAULT '{}'::bigint[] NOT NULL,
  CONSTRAINT resource_pkey PRIMARY KEY (type, id)
);
CREATE INDEX resource_keys ON public.resource USING gin (keys);
CREATE INDEX resource_last_updated ON public.resource USING btree (type, last_updated, rid) WHERE (NOT deleted);
CREATE UNIQUE INDEX resource_rid ON public.resource USING btree (rid);

CREATE TABLE resource_version (
  epoch integer NOT NULL,
  xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  interaction text COLLATE "C" NOT NULL,
  method text COLLATE "C" NOT NULL,
  face text COLLATE "C" NOT NULL,
  at timestamp with time zone NOT NULL,
  body text STORAGE EXTERNAL,
  event text,
  CONSTRAINT resource_version_pkey PRIMARY KEY (type, id, version),
  CONSTRAINT resource_version_check CHECK (((body IS NULL) = (interaction = 'delete'::text))),
  CONSTRAINT resource_version_interaction_check CHECK ((interaction = ANY (ARRAY['create'::text, 'update'::text, 'delete'::text]))),
  CONSTRAINT resource_version_method_check CHECK ((method = ANY (ARRAY['POST'::text, 'PUT'::text, 'PATCH'::text, 'DELETE'::text])))
);
CREATE INDEX resource_version_at ON public.resource_version USING brin (at) WITH (pages_per_range='16', autosummarize='on');
CREATE UNIQUE INDEX resource_version_position ON public.resource_version USING btree (epoch, xid, seq);

CREATE TABLE search_date (
  rid bigint NOT NULL,
  param integer NOT NULL,
  low timestamp with time zone NOT NULL,
  high timestamp with time zone NOT NULL
);
CREATE INDEX search_date_high ON public.search_date USING btree (param, high, rid);
CREATE INDEX search_date_low ON public.search_date USING btree (param, low, rid);
CREATE INDEX search_date_rid ON public.search_date USING btree (rid);

CREATE TABLE search_number (
  rid bigint NOT NULL,
  param integer NOT NULL,
  low double precision NOT NULL,
  high double precision NOT NULL
);
CREATE INDEX search_number_low ON public.search_number USING btree (param, low, rid);
CREATE INDEX search_number_rid ON public.search_number USING btree (rid);

CREATE TABLE search_quantity (
  rid bigint NOT NULL,
  param integer NOT NULL,
  low double precision NOT NULL,
  high double precision NOT NULL,
  unit_keys bigint[] NOT NULL
);
CREATE INDEX search_quantity_low ON public.search_quantity USING btree (param, low, rid);
CREATE INDEX search_quantity_rid ON public.search_quantity USING btree (rid);

CREATE TABLE search_string (
  rid bigint NOT NULL,
  param integer NOT NULL,
  folded text COLLATE "C" NOT NULL,
  exact text COLLATE "C" NOT NULL
);
CREATE INDEX search_string_folded ON public.search_string USING btree (param, "left"(folded, 200), rid);
CREATE INDEX search_string_rid ON public.search_string USING btree (rid);

CREATE TABLE source_watermark (
  endpoint_id text COLLATE "C" NOT NULL,
  since timestamp with time zone,
  seen text[] DEFAULT '{}'::text[] NOT NULL,
  last_success timestamp with time zone,
  last_error text,
  endpoint_version integer DEFAULT 0 NOT NULL,
  fingerprint text COLLATE "C" DEFAULT ''::text NOT NULL,
  next_poll timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  failures integer DEFAULT 0 NOT NULL,
  leased_by text,
  token uuid,
  lease_ends timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  CONSTRAINT source_watermark_pkey PRIMARY KEY (endpoint_id)
);

CREATE TABLE subscription_cursor (
  subscription_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  face text COLLATE "C" NOT NULL,
  acknowledged bigint DEFAULT 0 NOT NULL,
  failures integer DEFAULT 0 NOT NULL,
  next_attempt timestamp with time zone,
  verified_version integer,
  last_error text,
  last_sent_at timestamp with time zone,
  pushed boolean DEFAULT true NOT NULL,
  CONSTRAINT subscription_cursor_pkey PRIMARY KEY (subscription_id)
) WITH (fillfactor=50);
CREATE INDEX subscription_cursor_due ON public.subscription_cursor USING btree (shard, next_attempt) WHERE (next_attempt IS NOT NULL);
CREATE INDEX subscription_cursor_shard ON public.subscription_cursor USING btree (shard);

CREATE TABLE subscription_segment (
  subscription_id text COLLATE "C" NOT NULL,
  ordinal integer NOT NULL,
  group_id bigint NOT NULL,
  after_n bigint NOT NULL,
  until_n bigint,
  first_number bigint NOT NULL,
  CONSTRAINT subscription_segment_pkey PRIMARY KEY (subscription_id, ordinal)
);
CREATE INDEX subscription_segment_group ON public.subscription_segment USING btree (group_id, subscription_id) WHERE (until_n IS NULL);

CREATE TABLE websocket_token (
  token_hash bytea NOT NULL,
  subscription_ids text[] NOT NULL,
  expires timestamp with time zone NOT NULL,
  CONSTRAINT websocket_token_pkey PRIMARY KEY (token_hash)
);
