import type { Sql } from '../database.js';

/** Notes under which keys ($4) the versions $1 to $3 are sealed. Takes a share of the key's row, so that it stays until the commit. */
export const NOTE_SEALED: Sql = {
  name: 'note-sealed',
  text: `
  INSERT INTO sealed_version (type, id, version, key_id)
  SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[])`,
};

/** The next $1 versions from before there was sealing; processes that start together pass one another. */
export const PLAIN_VERSIONS: Sql = {
  text: `
  SELECT p.type, p.id, p.version, v.body
  FROM plain_version AS p
  JOIN resource_version AS v ON v.type = p.type AND v.id = p.id AND v.version = p.version
  ORDER BY p.type, p.id, p.version
  LIMIT $1
  FOR UPDATE OF p SKIP LOCKED`,
};

/** The next $2 versions that are not sealed under the key $1. Few keys and the index on them: what is done already is never walked over. */
export const OTHERWISE_SEALED: Sql = {
  text: `
  SELECT s.type, s.id, s.version, v.body
  FROM sealed_version AS s
  JOIN resource_version AS v ON v.type = s.type AND v.id = s.id AND v.version = s.version
  WHERE s.key_id IN (SELECT key_id FROM secret_key WHERE key_id <> $1)
  LIMIT $2
  FOR UPDATE OF s`,
};

/** Puts the texts $4 in the place of those of the versions $1 to $3: they say the same, under another key ($5). */
export const REPLACE_SEALED: Sql = {
  text: `
  WITH resealed AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[]) AS t (type, id, version, body, key_id)
  ), replaced AS (
    UPDATE resource_version AS v SET body = t.body
    FROM resealed AS t
    WHERE v.type = t.type AND v.id = t.id AND v.version = t.version
  )
  INSERT INTO sealed_version (type, id, version, key_id)
  SELECT type, id, version, key_id FROM resealed
  ON CONFLICT (type, id, version) DO UPDATE SET key_id = excluded.key_id`,
};

/** Takes the versions $1 to $3 off the list of plain ones. */
export const FORGET_PLAIN: Sql = {
  text: `
  DELETE FROM plain_version AS p
  USING unnest($1::text[], $2::text[], $3::int[]) AS t (type, id, version)
  WHERE p.type = t.type AND p.id = t.id AND p.version = t.version`,
};
