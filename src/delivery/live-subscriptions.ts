import type { Face } from '../fhir/change.js';

/** Stores the shared Subscriptions of the live feed, through the same rules as every Subscription that a client writes. */
export abstract class LiveSubscriptions {
  /**
   * Makes sure that it is there and active; changes nothing where it is.
   * @throws FhirError what a client who wrote it would be told
   */
  abstract ensure(face: Face, id: string, text: string): Promise<void>;
}
