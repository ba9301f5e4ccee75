import { type Definitions, definitions } from '../fhir/definitions.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import { type ParsedBundle, type ParsedJson, parseBundle, parseJson } from '../fhir/json-text.js';
import { NEVER_STORED } from '../fhir/never-stored.js';
import { isFhirId } from '../fhir/references.js';
import { validateResource } from '../fhir/validate-resource.js';

/**
 * Refuses a type that is unknown or never stored.
 * @throws FhirError 404 or 405
 */
export function checkStoredType(type: string, known: Definitions = definitions()): void {
  const named: string = type;
  if (!known.isResourceType(type)) throw new FhirError('not-found', `${named.slice(0, 100)} is not a resource type of FHIR R4B`);
  if (!NEVER_STORED.has(type)) return;
  throw new FhirError('not-supported', `${type} resources are not stored; they are only ever part of an exchange`, undefined, {
    status: 405,
    headers: { Allow: '' },
  });
}

/** @throws FhirError 400 */
export function checkId(id: string, where = 'id'): void {
  if (isFhirId(id)) return;
  throw new FhirError('value', 'An id has 1 to 64 characters out of A-Z, a-z, 0-9, "-" and "."', where);
}

/**
 * A body as a resource of the given type, valid by the official definitions.
 * @throws FhirError 400 or 422 that names what has to be mended
 */
export function readResource(body: Buffer | string, type: string): ParsedJson {
  const parsed = parseJson(body);
  checkResource(parsed.value, type);
  return parsed;
}

/** A body as a valid Bundle. @throws FhirError 400 or 422 that names what has to be mended */
export function readBundle(body: Buffer | string): ParsedBundle {
  const parsed = parseBundle(body);
  checkResource(parsed.value, 'Bundle');
  return parsed;
}

/** @throws FhirError 400 or 422 */
export function checkResource(value: Record<string, unknown>, type: string, where = ''): void {
  const found = value['resourceType'];
  if (typeof found === 'string' && found !== type && definitions().isResourceType(found)) {
    throw new FhirError('invalid', `The body is a ${found} but the address names ${type}`, `${where}resourceType`);
  }
  refuseIssues(validateResource(value));
}

export function refuseIssues(issues: readonly Issue[]): void {
  const [first, ...rest] = issues;
  if (first !== undefined) throw FhirError.ofIssues([first, ...rest]);
}

/**
 * The body of a PUT bears the id of its address.
 * @throws FhirError 400
 */
export function checkBodyId(value: Record<string, unknown>, type: string, id: string): void {
  const found = value['id'];
  if (found === id) return;
  const problem = found === undefined ? 'The body has no id' : `The body has the id ${JSON.stringify(found).slice(0, 80)}`;
  throw new FhirError('value', `${problem}; the address says ${id}`, `${type}.id`);
}
