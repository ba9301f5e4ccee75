import type { Change } from '../fhir/change.js';
import type { Query } from '../search/query.js';

/** Opaque place between two rows of a search or history result: what the last row sorted by, and its tie-breaker. */
export interface PageMark {
  keys: readonly (string | number | null)[];
  tie: string;
}

export interface SearchPage {
  matches: Change[];
  /** Set when more rows follow. */
  next?: PageMark;
  total?: number;
}

export interface HistoryPage {
  versions: Change[];
  next?: PageMark;
  total?: number;
}

/** The reading side of the store. Reads see every write that was acknowledged before they began. */
export abstract class ResourceReader {
  /** The current version (a delete included), or undefined where the id was never used. Concurrent calls may share a statement. */
  abstract current(type: string, id: string): Promise<Change | undefined>;
  abstract version(type: string, id: string, version: number): Promise<Change | undefined>;
  abstract history(
    scope: { type?: string; id?: string },
    options: { since?: Date; at?: { low: Date; high: Date }; count: number; after?: PageMark },
  ): Promise<HistoryPage>;
  abstract search(query: Query, options: { count: number; after?: PageMark }): Promise<SearchPage>;
  /** Ids of at most `limit` current resources that match, for conditional references and interactions. */
  abstract findIds(query: Query, limit: number): Promise<string[]>;
}
