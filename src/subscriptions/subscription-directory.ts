import type { Change } from '../fhir/change.js';

export interface ListedSubscription {
  resource: Change;
  /** What delivery last met with, `code: text`. */
  lastError?: string;
}

/** The Subscriptions as they stand now, every acknowledged write included; deleted ones are not in it. */
export abstract class SubscriptionDirectory {
  /** Those of the given ids, or all of them; at most `limit`, by id. */
  abstract list(ids: readonly string[] | undefined, limit: number): Promise<ListedSubscription[]>;
}
