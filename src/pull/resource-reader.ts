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

export interface HistoryScope {
  type?: string;
  id?: string;
  /** Without a type: types whose versions are left out. */
  without?: readonly string[];
}

export interface HistoryOptions {
  /** Versions made at or after this instant. */
  since?: Date;
  /** Versions that were the current one at some moment of [low, high). */
  at?: { low: Date; high: Date };
  count: number;
  after?: PageMark;
}

/**
 * Resources looked for along references: by type and id (a version alone where one is named), and resources of a type that have an equality
 * key.
 */
export interface WantedLinks {
  named: readonly { type: string; id: string }[];
  versions: readonly { type: string; id: string; version: number }[];
  keyed: readonly { type: string; key: number }[];
}

/** The part of a stored version that is shown along with others. */
export type LinkedVersion = Pick<Change, 'type' | 'id' | 'version' | 'body'>;

export interface FoundLinks {
  named: readonly LinkedVersion[];
  versions: readonly LinkedVersion[];
  keyed: readonly { key: number; version: LinkedVersion }[];
  /** False where some were left out because their texts are so large. */
  complete: boolean;
}

export interface SearchOptions {
  count: number;
  after?: PageMark;
}

/** The reading side of the store. Reads see every write that was acknowledged before they began. */
export abstract class ResourceReader {
  /** The current version (a delete included), or undefined where the id was never used. Concurrent calls may share a statement. */
  abstract current(type: string, id: string): Promise<Change | undefined>;
  abstract version(type: string, id: string, version: number): Promise<Change | undefined>;
  /** Newest first. */
  abstract history(scope: HistoryScope, options: HistoryOptions): Promise<HistoryPage>;
  /**
   * Without `_sort` the newest first. Walked page by page, it neither skips nor repeats resources that stay as they are meanwhile.
   * @throws FhirError 503 too-costly when the query exceeds its time budget
   */
  abstract search(query: Query, options: SearchOptions): Promise<SearchPage>;
  /**
   * The same of several types at once, one query for each, in the order that all of them name: by `_lastUpdated` or `_id` alone.
   * @throws FhirError 503 too-costly
   */
  abstract searchSeveral(queries: readonly Query[], options: SearchOptions): Promise<SearchPage>;
  /** What is found of it, deletes left out; under each key at most `limit`. */
  abstract linked(wanted: WantedLinks, limit: number): Promise<FoundLinks>;
  /** Types of which there are resources, in the order of their names. */
  abstract typesPresent(): Promise<string[]>;
  /** Ids of at most `limit` current resources that match, for conditional references and interactions. */
  abstract findIds(query: Query, limit: number): Promise<string[]>;
}
