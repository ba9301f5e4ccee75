import type { Face } from '../fhir/change.js';

const FHIR_VERSIONS: Record<Face, ReadonlySet<string>> = { r4b: new Set(['4.3', '4.3.0']), r4: new Set(['4.0', '4.0.1']) };

/** What of a payload's MIME type the hub cannot honour for notifications as JSON; undefined: all of it is understood. */
export function payloadProblem(payload: string, face: Face): string | undefined {
  const [type = '', ...parameters] = payload.split(';').map((part) => part.trim());
  if (!['application/fhir+json', 'application/json'].includes(type.toLowerCase()))
    return `The hub sends application/fhir+json, not "${payload}".`;
  return parameters.map((parameter) => parameterProblem(parameter, face)).find((problem) => problem !== undefined);
}

/** `fhirVersion=4.3` and `charset=utf-8` are understood; undefined: this one is. */
export function parameterProblem(parameter: string, face: Face): string | undefined {
  const [name = '', quoted = ''] = parameter.split('=').map((part) => part.trim());
  const value = quoted.replace(/^"(.*)"$/, '$1').toLowerCase();
  if (name.toLowerCase() === 'fhirversion') {
    if (FHIR_VERSIONS[face].has(value)) return undefined;
    return `A Subscription made through this base is notified in FHIR ${[...FHIR_VERSIONS[face]].join(' or ')}, not ${quoted}.`;
  }
  if (name.toLowerCase() === 'charset' && value === 'utf-8') return undefined;
  return `The hub cannot honour the parameter "${parameter}" of the payload.`;
}
