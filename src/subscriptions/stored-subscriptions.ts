import type { Face } from '../fhir/change.js';

export interface StoredSubscription {
  text: string;
  version: number;
  face: Face;
}

/** The Subscriptions as they are stored now, every acknowledged write included. */
export abstract class StoredSubscriptions {
  /** Undefined where there is none, or it was deleted. */
  abstract current(id: string): Promise<StoredSubscription | undefined>;
}
