import { setTimeout as pause } from 'node:timers/promises';
import { FhirError } from '../fhir/fhir-error.js';
import { isFullText } from '../search/search-definitions.js';
import type { Link, LinkedQuery } from '../search/query.js';
import type { Queryable, Transactional } from './database.js';
import { MOST_UNINDEXED } from './full-text-search.js';
import { UNINDEXED_CHANGES } from './sql/full-text-search.sql.js';

/** Between two looks at how far the index has come. */
const LOOK_MILLISECONDS = 50;

/** Whether a query, or one at the other end of its links, has a full-text clause. */
export function asksFullText({ clauses, links }: LinkedQuery): boolean {
  return clauses.some(({ parameter }) => isFullText(parameter.code)) || links.some(linkAsks);
}

function linkAsks(link: Link): boolean {
  if (link.kind === 'chain') return link.targets.some(asksFullText);
  return link.kind === 'has' && asksFullText(link.source);
}

/**
 * Runs a search in one snapshot in which at most {@link MOST_UNINDEXED} changes are not in the full-text index yet; where there are more,
 * waits for the index.
 * @throws FhirError 503 where it does not come near enough before the deadline
 */
export async function inIndexedSnapshot<T>(
  database: Transactional,
  deadline: number,
  onWaiting: () => void,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  for (;;) {
    const done = await database.transaction(
      async (tx) => {
        const [behind] = await tx.rows<{ changes: number }>(UNINDEXED_CHANGES, [MOST_UNINDEXED + 1]);
        return (behind?.changes ?? 0) > MOST_UNINDEXED ? undefined : { outcome: await work(tx) };
      },
      { snapshot: true },
    );
    if (done !== undefined) return done.outcome;
    onWaiting();
    if (Date.now() + LOOK_MILLISECONDS > deadline) throw await farBehind(database);
    await pause(LOOK_MILLISECONDS);
  }
}

/** 503 that tells how far there is to go. */
async function farBehind(database: Queryable): Promise<FhirError> {
  const [row] = await database.rows<{ changes: number }>(UNINDEXED_CHANGES, [MOST_COUNTED]);
  const behind = row?.changes ?? 0;
  const changes = `${behind < MOST_COUNTED ? '' : 'at least '}${String(behind)} changes`;
  return new FhirError(
    'too-costly',
    `The full-text index is ${changes} behind; searches by _text and _content make up for ${String(MOST_UNINDEXED)} and will do once it has come so near`,
    undefined,
    { headers: { 'Retry-After': '10' } },
  );
}

/** More are not told apart: counting a million would take a second. */
const MOST_COUNTED = 100_000;
