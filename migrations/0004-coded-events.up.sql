-- A coded event that a change stands for (a message that was processed, an event that a client fired): JSON of its codings and of the
-- resources it is about. So an event has an exact place in the change log.
ALTER TABLE resource_version ADD COLUMN event text;

-- The event of a group may point to an older version: then this says when the event happened.
ALTER TABLE group_event ADD COLUMN happened_at timestamptz;

-- Messages that were processed, each with its answer, for senders who ask again because the first one did not reach them. Written in
-- the transaction that stores the content.
CREATE TABLE processed_message (
  source text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  envelope_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  response text NOT NULL,
  PRIMARY KEY (source, message_id)
);
CREATE INDEX processed_message_envelope ON processed_message (source, envelope_id);
CREATE INDEX processed_message_at ON processed_message (at);
