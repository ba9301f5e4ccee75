import type { IndexRows } from '../search/values.js';

/** One process's right to walk the resources of a type, for a while. */
export interface WalkLease {
  type: string;
  token: string;
  /** What the resources are to be indexed by, at least … */
  generation: number;
  /** … and what all of them were indexed by before. */
  done: number;
  /** Id of the last resource that was walked; empty at first. */
  place: string;
  walked: number;
  failures: number;
}

/** A current resource with the keys it is found by now. */
export interface WalkedResource {
  rid: bigint;
  id: string;
  version: number;
  lastUpdated: Date;
  keys: readonly number[];
  body: string;
}

/** Rows that a resource is to have, made from that version of it. */
export interface Reindexed {
  rid: bigint;
  version: number;
  rows: IndexRows;
}

/** How a page of a walk was kept: `outdated` where the definitions have changed since its rows were made. */
export type Kept = 'kept' | 'lost' | 'outdated';

/** The walks that index what is stored. A lease that another process has taken over changes nothing any more. */
export abstract class Walks {
  /** The next type that is due, where it was left, to `process` for some seconds. */
  abstract lease(process: string, seconds: number): Promise<WalkLease | undefined>;
  /** Current resources behind `after`, by id; as many as fit in memory, none at the end. */
  abstract page(type: string, after: string): Promise<WalkedResource[]>;
  /**
   * Puts the rows of those resources in place that are still of the version they were made from, and moves the place, at once.
   * @param generation of the definitions that the rows were made by
   */
  abstract keep(
    lease: WalkLease,
    place: { id: string; walked: number },
    reindexed: readonly Reindexed[],
    generation: number,
    seconds: number,
  ): Promise<Kept>;
  /** Every resource of the type is indexed by the lease's generation. @returns false where the lease was lost */
  abstract finish(lease: WalkLease): Promise<boolean>;
  /** Leaves the place for whoever is next. */
  abstract release(lease: WalkLease): Promise<void>;
  abstract fail(lease: WalkLease, reason: string, waitSeconds: number): Promise<void>;
}
