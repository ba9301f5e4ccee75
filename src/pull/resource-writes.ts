import type { Change, Face } from '../fhir/change.js';
import type { ParsedJson } from '../fhir/json-text.js';

/** The door by which an operation stores a resource: a write like any client's, with every rule of the type. */
export abstract class ResourceWrites {
  /** @throws FhirError 422 */
  abstract create(face: Face, type: string, resource: ParsedJson): Promise<Change>;
  /** The version that holds afterwards. @throws FhirError 412 where `version` is no longer the current one, 422 */
  abstract update(face: Face, type: string, id: string, resource: ParsedJson, version: number): Promise<Change>;
}
