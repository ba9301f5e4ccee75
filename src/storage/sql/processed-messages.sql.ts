import type { Sql } from '../database.js';

/** Keeps the answer $4 to message $2 in envelope $3 of source $1, in the transaction that stores its content. */
export const KEEP_MESSAGE: Sql = {
  name: 'keep-message',
  text: `INSERT INTO processed_message (source, message_id, envelope_id, response) VALUES ($1, $2, $3, $4)`,
};

/** What is known of message $2 or envelope $3 of source $1, by the primary key and by `processed_message_envelope`. */
export const KNOWN_MESSAGES: Sql = {
  name: 'known-messages',
  text: `
  SELECT message_id, envelope_id, response FROM processed_message WHERE source = $1 AND message_id = $2
  UNION ALL
  SELECT message_id, envelope_id, response FROM processed_message
  WHERE source = $1 AND envelope_id = $3 AND envelope_id <> '' AND message_id <> $2`,
};

/** Served by `processed_message_at`. */
export const DROP_MESSAGES: Sql = {
  name: 'drop-messages',
  text: `DELETE FROM processed_message WHERE at < now() - $1::integer * interval '1 minute'`,
};
