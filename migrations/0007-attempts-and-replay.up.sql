-- What was tried, told apart: `detail` is from now on only the beginning of what was answered. attempt_id orders attempts that began in the
-- same moment; rows of before have none. Nothing here writes the table anew.
ALTER TABLE attempt
  ADD COLUMN attempt_id bigint,
  ADD COLUMN reason text,
  ADD COLUMN next_at timestamptz,
  ADD COLUMN resend_id bigint;
CREATE SEQUENCE attempt_attempt_id_seq OWNED BY attempt.attempt_id;
ALTER TABLE attempt ALTER COLUMN attempt_id SET DEFAULT nextval('attempt_attempt_id_seq');

-- How often an event that was set aside was sent once more, and when it was taken after all.
ALTER TABLE dead_letter
  ADD COLUMN sent_again integer NOT NULL DEFAULT 0,
  ADD COLUMN refused_at timestamptz,
  ADD COLUMN resolved_at timestamptz;

-- A request keeps its place beside the cursor of the subscription, and is kept for a while when it is through. Numbers before next_number
-- are either sent, refused or no longer there. Those of sockets (to_sockets) are read for half a minute and worked off by nobody.
ALTER TABLE resend
  ADD COLUMN first_number bigint,
  ADD COLUMN kind text COLLATE "C" NOT NULL DEFAULT 'resend',
  ADD COLUMN failed_only boolean NOT NULL DEFAULT false,
  ADD COLUMN rate real,
  ADD COLUMN to_sockets boolean NOT NULL DEFAULT false,
  ADD COLUMN state text COLLATE "C" NOT NULL DEFAULT 'open',
  ADD COLUMN asked_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN sent_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN refused_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN gone_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN reason text,
  ADD COLUMN finished_at timestamptz;
UPDATE resend AS r
SET first_number = r.next_number, asked_count = r.last_number - r.next_number + 1, to_sockets = NOT c.pushed
FROM subscription_cursor AS c WHERE c.subscription_id = r.subscription_id;
CREATE INDEX resend_open ON resend (subscription_id, resend_id) WHERE state = 'open' AND NOT to_sockets;
