import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { isJsonObject } from '../fhir/json-object.js';
import { parseJson } from '../fhir/json-text.js';
import { jsonBodyOf } from '../http/request-body.js';

export type ExportParameter = readonly [name: string, value: string];

interface KickOff {
  method: string;
  url: string;
  headers: { 'content-type'?: string; 'content-encoding'?: string };
  body: unknown;
}

/**
 * The parameters of a kick-off: those of the URL and, for POST, those of the Parameters in the body.
 * @throws FhirError 400, 415
 */
export function exportParameters(request: KickOff, face: Face): ExportParameter[] {
  const [, query = ''] = request.url.split(/\?(.*)/s, 2);
  const ofUrl = [...new URLSearchParams(query)].map(withoutNul);
  if (request.method !== 'POST' || !Buffer.isBuffer(request.body) || request.body.length === 0) return ofUrl;
  return [...ofUrl, ...ofBody(parseJson(jsonBodyOf(request, face)).value)];
}

function withoutNul([name, value]: [string, string]): ExportParameter {
  if (name.includes('\0') || value.includes('\0')) throw new FhirError('value', 'A NUL character can be part of no value', name);
  return [name, value];
}

/** https://hl7.org/fhir/R4B/parameters.html with simple values alone, as the parameters of $export have them. */
function ofBody(resource: Record<string, unknown>): ExportParameter[] {
  if (resource['resourceType'] !== 'Parameters')
    throw new FhirError('structure', 'The body of $export is a Parameters resource', 'Parameters');
  const { parameter = [] } = resource;
  if (!Array.isArray(parameter)) throw new FhirError('structure', 'parameter is a list', 'Parameters.parameter');
  return parameter.map((entry: unknown, index): ExportParameter => {
    const where = `Parameters.parameter[${String(index)}]`;
    const { name, ...rest } = isJsonObject(entry) ? entry : {};
    if (typeof name !== 'string' || name === '') throw new FhirError('required', 'A parameter has a name', `${where}.name`);
    const values = Object.entries(rest).filter(([key]) => /^value[A-Z]/.test(key));
    const [, value] = values[0] ?? [];
    if (values.length !== 1 || typeof value !== 'string')
      throw new FhirError('value', `${name.slice(0, 100)} takes one text, code or instant`, `${where}.value[x]`);
    return [name, value];
  });
}
