-- Events that a subscriber asked to have sent again, from next_number to last_number. Those that are pushed are worked off by whoever serves
-- the shard, one request after the other; those of sockets are read by every process that holds one, for half a minute.
CREATE TABLE resend (
  resend_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription_id text COLLATE "C" NOT NULL REFERENCES subscription_cursor ON DELETE CASCADE,
  next_number bigint NOT NULL,
  last_number bigint NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX resend_subscription ON resend (subscription_id, resend_id);
