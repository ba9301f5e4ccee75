import { setImmediate } from 'node:timers/promises';
import { keysOf } from '../search/parameter-keys.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Reindexed, WalkedResource, WalkLease, Walks } from './walks.js';

export interface WalkParts {
  walks: Walks;
  semantics: SearchSemantics;
  /** Learns the database's definitions. */
  refresh: () => Promise<void>;
  leaseSeconds: number;
  onError: (resource: string, error: unknown) => void;
}

export type WalkEnd = { kind: 'done' | 'lost' | 'stopped'; rewritten: number };

/** Resources whose rows are made before others get a turn. */
const AT_A_TIME = 20;

/**
 * Walks a type to its end: a page is read, rows are made by the newest definitions, and kept together with the place. Those that changes
 * meanwhile are left to their writers, who know at least the definitions that the walk is about.
 * @throws whatever went wrong; the walk stands where it was kept last
 */
export async function walkType(lease: WalkLease, parts: WalkParts, stop: AbortSignal): Promise<WalkEnd> {
  const { walks, semantics, refresh, leaseSeconds } = parts;
  let { place, walked } = lease;
  let rewritten = 0;
  if (semantics.catalog.generation < lease.generation) await refresh();
  for (;;) {
    if (stop.aborted) return { kind: 'stopped', rewritten };
    const page = await walks.page(lease.type, place);
    const last = page.at(-1);
    if (last === undefined) return { kind: (await walks.finish(lease)) ? 'done' : 'lost', rewritten };
    const { generation } = semantics.catalog;
    const reindexed = await rowsOf(page, lease, parts);
    // Read in one breath with the rows only where nothing was adopted between.
    const isSettled = semantics.catalog.generation === generation;
    const next = { id: last.id, walked: walked + page.length };
    const kept = isSettled ? await walks.keep(lease, next, reindexed, generation, leaseSeconds) : 'outdated';
    if (kept === 'lost') return { kind: 'lost', rewritten };
    if (kept === 'outdated') {
      await refresh();
      continue;
    }
    place = next.id;
    walked = next.walked;
    rewritten += reindexed.length;
  }
}

/** The rows of those that need others. */
async function rowsOf(page: readonly WalkedResource[], lease: WalkLease, parts: WalkParts): Promise<Reindexed[]> {
  const { semantics, onError } = parts;
  const changed = presentKeys(lease, semantics);
  const reindexed: Reindexed[] = [];
  for (const [i, { rid, id, version, lastUpdated, keys, body }] of page.entries()) {
    if (i % AT_A_TIME === AT_A_TIME - 1) await setImmediate();
    try {
      const rows = semantics.indexRows(semantics.extract(lease.type, JSON.parse(body), { id, lastUpdated }));
      if (!isSame(keys, rows.keys) || rows.keys.some((key) => changed.has(key))) reindexed.push({ rid, version, rows });
    } catch (error) {
      onError(`${lease.type}/${id}`, error);
      throw error;
    }
  }
  return reindexed;
}

/** Keys of resources that have a value by a definition that is new since the type was last walked: their other rows may have changed, too. */
function presentKeys({ type, done }: WalkLease, { catalog }: SearchSemantics): Set<number> {
  return new Set(
    catalog.custom.parameters
      .filter(({ generation, definition }) => generation > done && definition.rows[type] !== undefined)
      .map(({ definition }) => keysOf(type, definition.code).present),
  );
}

function isSame(stored: readonly number[], made: readonly number[]): boolean {
  if (stored.length !== made.length) return false;
  const known = new Set(stored);
  return made.every((key) => known.has(key));
}
