import type { Face } from '../fhir/change.js';
import type { Issue } from '../fhir/fhir-error.js';

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
  /** What there is to say of a resource that was taken: for clients that want an OperationOutcome of a write. */
  remarks?(value: Record<string, unknown>, id: string, face: Face): Promise<readonly Issue[]>;
  /** Asked before a delete, where the type has something to say about it. @throws FhirError */
  checkDelete?(id: string, face: Face): Promise<void>;
}
