import type { Sql } from '../database.js';
import { holderIsGone } from './holder-is-gone.js';

/** Held while jobs are counted, so that two requests cannot both be the last that is let in. */
export const COUNT_EXPORTS_ALONE: Sql = { text: `SELECT pg_advisory_xact_lock(hashtextextended('carillon.export-jobs', 0))` };

/** Job $1 with definition $2, request $3 and transaction time $4, unless $5 are open. */
export const ADD_EXPORT: Sql = {
  text: `
  INSERT INTO export_job (job_id, definition, request, transaction_time)
  SELECT $1::uuid, $2, $3, $4::timestamptz
  WHERE (SELECT count(*) FROM export_job WHERE state = 'open') < $5::integer`,
};

const COLUMNS = `
  j.job_id AS id, j.definition, j.request, j.transaction_time AS "transactionTime", j.asked_at AS "askedAt", j.state, j.folder,
  j.place_walk AS "placeWalk", j.place_id AS "placeId", j.failures, j.reason, j.expires,
  (SELECT coalesce(json_agg(json_build_object('name', f.name, 'lines', f.lines, 'bytes', f.bytes) ORDER BY f.name), '[]')
   FROM export_file AS f WHERE f.job_id = j.job_id) AS files`;

export const FIND_EXPORT: Sql = {
  text: `SELECT ${COLUMNS} FROM export_job AS j WHERE j.job_id = $1::uuid AND (j.expires IS NULL OR j.expires > now())`,
};

export const REMOVE_EXPORT: Sql = {
  text: `DELETE FROM export_job WHERE job_id = $1::uuid AND (expires IS NULL OR expires > now())`,
};

/**
 * The oldest open job that is due, to process $1 for $2 seconds. A version bears the time that its process read before it wrote, and the
 * write may have waited for a connection: a job is due $3 seconds after it was asked for, and when no transaction of a hub that began by
 * then is still open.
 */
export const LEASE_EXPORT: Sql = {
  text: `
  WITH due AS MATERIALIZED (
    SELECT d.job_id FROM export_job AS d
    WHERE d.state = 'open'
      AND d.next_try <= now()
      AND (d.lease_ends <= now() OR ${holderIsGone('d.leased_by')})
      AND d.asked_at + make_interval(secs => $3) <= clock_timestamp()
      AND (d.folder IS NOT NULL OR NOT EXISTS (
        SELECT FROM pg_stat_activity AS a
        WHERE a.datname = current_database() AND a.application_name LIKE 'carillon%' AND a.pid <> pg_backend_pid()
          AND a.xact_start <= d.asked_at + make_interval(secs => $3)))
    ORDER BY d.asked_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
  )
  UPDATE export_job AS j
  SET leased_by = $1, token = gen_random_uuid(), lease_ends = now() + make_interval(secs => $2)
  FROM due WHERE j.job_id = due.job_id
  RETURNING j.token, ${COLUMNS}`,
};

/** Begins job $1 (token $2) in folder $3, forgetting the files it had. */
export const BEGIN_EXPORT: Sql = {
  text: `
  WITH begun AS (
    UPDATE export_job SET folder = $3::uuid, place_walk = 0, place_id = ''
    WHERE job_id = $1::uuid AND token = $2::uuid AND state = 'open'
    RETURNING job_id
  ), forgotten AS (
    DELETE FROM export_file WHERE job_id IN (SELECT job_id FROM begun)
  )
  SELECT job_id FROM begun`,
};

/** Job $1 (token $2) stands at ($3, $4), its lease holds $5 seconds more, its files are names $6, lines $7, bytes $8. */
export const ADVANCE_EXPORT: Sql = {
  name: 'advance-export',
  text: `
  WITH advanced AS (
    UPDATE export_job
    SET place_walk = $3, place_id = $4, lease_ends = now() + make_interval(secs => $5), failures = 0, reason = NULL
    WHERE job_id = $1::uuid AND token = $2::uuid AND state = 'open'
    RETURNING job_id
  ), kept AS (
    INSERT INTO export_file (job_id, name, lines, bytes)
    SELECT a.job_id, f.name, f.lines, f.bytes
    FROM advanced AS a CROSS JOIN unnest($6::text[], $7::bigint[], $8::bigint[]) AS f (name, lines, bytes)
    ON CONFLICT (job_id, name) DO UPDATE SET lines = excluded.lines, bytes = excluded.bytes
  )
  SELECT job_id FROM advanced`,
};

export const FINISH_EXPORT: Sql = {
  text: `
  UPDATE export_job
  SET state = 'done', expires = now() + make_interval(hours => $3), leased_by = NULL, token = NULL, lease_ends = '-infinity'
  WHERE job_id = $1::uuid AND token = $2::uuid AND state = 'open'`,
};

export const RELEASE_EXPORT: Sql = {
  text: `
  UPDATE export_job SET leased_by = NULL, token = NULL, lease_ends = '-infinity'
  WHERE job_id = $1::uuid AND token = $2::uuid`,
};

/** Job $1 (token $2) failed for reason $3 and is due again in $4 seconds, or with $5 (hours that this is told) never. */
export const FAIL_EXPORT: Sql = {
  text: `
  UPDATE export_job
  SET failures = failures + 1, reason = $3, next_try = now() + make_interval(secs => $4),
      state = CASE WHEN $5::integer IS NULL THEN state ELSE 'failed' END,
      expires = now() + make_interval(hours => $5::integer),
      leased_by = NULL, token = NULL, lease_ends = '-infinity'
  WHERE job_id = $1::uuid AND token = $2::uuid AND state = 'open'`,
};

export const EXPIRE_EXPORTS: Sql = { text: `DELETE FROM export_job WHERE expires <= now()` };

export const KNOWN_EXPORTS: Sql = { text: `SELECT job_id AS id FROM export_job WHERE job_id = ANY ($1::uuid[])` };
