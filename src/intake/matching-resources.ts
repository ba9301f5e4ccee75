import type { Change } from '../fhir/change.js';
import type { Query } from '../search/query.js';

/** What intake asks of the reading side, for conditional interactions and references. Sees every acknowledged write. */
export abstract class MatchingResources {
  /** The current version (a delete included), or undefined where the id was never used. */
  abstract current(type: string, id: string): Promise<Change | undefined>;
  /** Ids of at most `limit` current resources that match. */
  abstract findIds(query: Query, limit: number): Promise<string[]>;
}
