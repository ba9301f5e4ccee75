import { FhirError } from '../fhir/fhir-error.js';

/** Unique violation, serialization failure, deadlock: somebody else was quicker, and trying again sees what they did. */
const LOST_RACES = new Set(['23505', '40001', '40P01']);
const NOT_NULL = '23502';
const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK = '40P01';
/** The server cancelled the statement for its length. */
const CANCELLED = new Set(['57014', '25P03', '25P04']);
/** Classes of https://www.postgresql.org/docs/18/errcodes-appendix.html: connection, catalog, resources, operator; and closed databases. */
const AWAY = /^(08|3D|53|57|58|25006|55000)/;
const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOST|ENET|EAI_|ENOENT)/;
const PG_LOST =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|client was closed|not queryable|pool after calling end|query read timeout/i;

/** Another process changed what was about to be changed: begin anew, on what it left. */
export class LostRace extends Error {
  override readonly name = 'LostRace';
}

export function isLostRace(error: unknown): boolean {
  return error instanceof LostRace || LOST_RACES.has(codeOf(error));
}

/** APPEND_CHANGES was given rows that another generation of search definitions made than the database's. */
export function isOutdated(error: unknown): boolean {
  const { table, column } = (error ?? {}) as { table?: unknown; column?: unknown };
  return codeOf(error) === NOT_NULL && table === 'resource_version' && column === 'epoch';
}

/** A lock was not to be had in the time set for it, or only by ending somebody else's work. */
export function isLockedOut(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE || codeOf(error) === DEADLOCK;
}

/** True when the database cannot be reached or has no room: nothing is wrong with the request. */
function isAway(error: unknown): boolean {
  const code = codeOf(error);
  return AWAY.test(code) || NETWORK.test(code) || (error instanceof Error && PG_LOST.test(error.message));
}

/** A statement that was sent and of which nothing was heard, not even that it was cancelled: its connection leads nowhere. */
export function isUnanswered(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout';
}

/**
 * How a failure of the database is told to the client: away and cancelled as 503 with Retry-After, a race lost again and again as 409,
 * the rest as it is (a bug of ours).
 */
export function storageFailure(error: unknown): { code: 'transient' | 'conflict' | 'other'; error: unknown } {
  const retryAfter = { headers: { 'Retry-After': '1' } };
  if (CANCELLED.has(codeOf(error)) || isAway(error)) {
    return {
      code: 'transient',
      error: new FhirError('transient', 'The store cannot be reached at the moment; try again', undefined, retryAfter),
    };
  }
  if (isLostRace(error)) {
    return { code: 'conflict', error: new FhirError('conflict', 'Another request keeps changing the same resource; try again') };
  }
  return { code: 'other', error };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
