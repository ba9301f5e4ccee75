import type { Face } from '../fhir/change.js';

export interface RuledResource {
  text: string;
  value: Record<string, unknown>;
}

/**
 * What a resource type demands beyond its schema before it is stored, for example that a Subscription's topic exists. Applied to every
 * write by a client, whichever way it comes in. May return changed content (a Subscription's status).
 * @throws FhirError 422 naming the element
 */
export abstract class WriteRule {
  abstract readonly type: string;
  abstract apply(next: RuledResource, id: string, face: Face): Promise<RuledResource>;
  /** Asked before a delete, where the type has something to say about it. @throws FhirError */
  checkDelete?(id: string, face: Face): Promise<void>;
}
