-- The words of every resource, for _text and _content. They are kept a little behind the change log: full_text_position is the place up to
-- which they are, so that a search knows what else to look at. A row counts for the version it names.
CREATE TABLE resource_words (
  rid bigint NOT NULL,
  version integer NOT NULL,
  -- Whether each word bears all its places. Of very long resources it does not: they are tested for phrases one by one.
  placed boolean NOT NULL,
  -- Words of the narrative have the weight A. NULL: too many to be kept, so the resource is tested one by one.
  words tsvector,
  CONSTRAINT resource_words_pkey PRIMARY KEY (rid)
);
-- What is new is sorted in by the indexer, outside of any transaction that writes: the list it waits in is long enough for that.
CREATE INDEX resource_words_words ON resource_words USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 65536);
CREATE INDEX resource_words_long ON resource_words (rid) WHERE NOT placed;

CREATE TABLE full_text_position (
  only_row boolean NOT NULL DEFAULT true,
  epoch integer NOT NULL,
  xid xid8 NOT NULL,
  seq bigint NOT NULL,
  CONSTRAINT full_text_position_pkey PRIMARY KEY (only_row),
  CONSTRAINT full_text_position_only_row_check CHECK (only_row)
);
-- Before everything: what was stored before this step is indexed, too.
INSERT INTO full_text_position (epoch, xid, seq) VALUES (-1, '0', 0);
