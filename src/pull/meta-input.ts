import type { FastifyRequest } from 'fastify';

import type { Face } from '../fhir/change.js';
import { parseExact } from '../fhir/exact-json.js';
import { FhirError } from '../fhir/fhir-error.js';
import { parseJson } from '../fhir/json-text.js';
import { validateResource } from '../fhir/validate-resource.js';
import { jsonBodyOf } from '../http/request-body.js';
import type { Meta } from './labels.js';

/** The parameter `meta` of a valid Parameters resource, parsed exactly. @throws FhirError 400, 415, 422 */
export function metaInput(request: FastifyRequest, face: Face): Meta {
  const { text, value } = parseJson(jsonBodyOf(request, face));
  if (value['resourceType'] !== 'Parameters')
    throw new FhirError('structure', 'The body of the operation is a Parameters resource with meta', 'Parameters');
  const [issue, ...issues] = validateResource(value);
  if (issue !== undefined) throw FhirError.ofIssues([issue, ...issues]);
  const { parameter = [] } = parseExact(text) as { parameter?: { name: string; valueMeta?: Meta }[] };
  const other = parameter.findIndex(({ name }) => name !== 'meta');
  if (other >= 0)
    throw new FhirError('not-supported', 'The operation takes the parameter meta alone', `Parameters.parameter[${other}].name`);
  const [given, second] = parameter;
  if (given?.valueMeta === undefined || second !== undefined)
    throw new FhirError('required', 'The operation takes one parameter meta, with valueMeta', 'meta');
  return given.valueMeta;
}
