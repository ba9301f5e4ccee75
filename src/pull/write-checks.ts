import type { Face } from '../fhir/change.js';
import type { Issue } from '../fhir/fhir-error.js';
import type { JsonObject } from '../fhir/json-object.js';

/** Whether a write would be taken, asked without writing: what the rules of a type say beyond the structure definitions. */
export abstract class WriteChecks {
  /** Remarks on content that would be taken. @throws FhirError as the write would */
  abstract content(face: Face, type: string, id: string, resource: JsonObject): Promise<readonly Issue[]>;
  /** @throws FhirError as the delete would */
  abstract removal(face: Face, type: string, id: string): Promise<void>;
}
