import { parseExact, stringifyExact } from '../../fhir/exact-json.js';
import { FhirError } from '../../fhir/fhir-error.js';
import { isJsonObject } from '../../fhir/json-object.js';
import { type ParsedJson, parseJson } from '../../fhir/json-text.js';
import { checkResource, readResource } from '../incoming-resource.js';
import { applyFhirPathPatch, type FhirPathPatch, readFhirPathPatch } from './fhirpath-patch.js';
import { applyJsonPatch, type JsonPatch, readJsonPatch } from './json-patch.js';
import { cannotApply } from './patch-budget.js';

export const JSON_PATCH = 'application/json-patch+json';

/** A change of a resource by its parts. https://hl7.org/fhir/R4B/http.html#patch */
export type Patch = { kind: 'json'; operations: JsonPatch } | { kind: 'fhirpath'; operations: FhirPathPatch };

/** @throws FhirError 400 naming the operation */
export function jsonPatchOf(body: Buffer | string): Patch {
  return { kind: 'json', operations: readJsonPatch(body) };
}

/** A Parameters resource. @throws FhirError 400 naming the parameter */
export function fhirPathPatchOf(body: Buffer | string): Patch {
  return { kind: 'fhirpath', operations: readFhirPathPatch(readResource(body, 'Parameters').text) };
}

/**
 * The resource with the patch applied, valid like any that is sent. Numbers that the patch does not touch keep their digits.
 * @param text the resource as it is stored
 * @throws FhirError 422 where the patch does not fit, 400 or 422 where what comes out is no valid resource
 */
export function applyPatch(patch: Patch, text: string, type: string, id: string): ParsedJson {
  const before = parseExact(text);
  let after = before;
  if (patch.kind === 'json') after = applyJsonPatch(before, patch.operations);
  else if (isJsonObject(before)) applyFhirPathPatch(before, patch.operations);
  if (!isJsonObject(after)) throw cannotApply('The patch puts something else in the place of the resource', type);
  const parsed = parseJson(stringifyExact(after));
  if (parsed.value['resourceType'] !== type)
    throw new FhirError('business-rule', 'A patch cannot change what type a resource is of', 'resourceType', { status: 422 });
  if (parsed.value['id'] !== id)
    throw new FhirError('business-rule', 'A patch cannot change the id of a resource', `${type}.id`, { status: 422 });
  checkResource(parsed.value, type);
  return parsed;
}
