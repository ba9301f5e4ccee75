import { FhirError } from '../fhir/fhir-error.js';

const TYPE = /^[A-Z][A-Za-z]*$/;
const READS = ['GET', 'HEAD'];

/** Why no route serves a request: nothing lives at the address, or what lives there does not take the method. Pure. */
export function refusedRoute(method: string, url: string): FhirError {
  const path = url.split('?', 1)[0] ?? '';
  const [root, face, ...rest] = path.split('/').slice(1);
  const isFile = root === 'bulk' && rest.length === 1;
  if (!READS.includes(method) && ((root === 'metrics' && face === undefined) || isFile)) return refusedMethod(method, READS);
  if (root !== 'fhir' || face === undefined || !/^r4b?$/.test(face)) {
    return new FhirError('not-found', 'Nothing is served at this address; the FHIR bases are /fhir/r4b and /fhir/r4');
  }
  const allowed = allowedAt(rest.filter((segment, index) => segment !== '' || index < rest.length - 1));
  if (allowed === undefined || allowed.includes(method)) {
    return new FhirError('not-found', 'No resource, interaction or operation of this hub has this address');
  }
  return refusedMethod(method, allowed);
}

/** Addresses beside those of types (`$process-message`, `metadata`) are no place for what is done to a type. @throws FhirError 404 or 405 */
export function checkTypeAddress(type: string, method: string, url: string): void {
  if (!TYPE.test(type)) throw refusedRoute(method, url);
}

/** 405. */
export function refusedMethod(method: string, allowed: readonly string[], how = 'at this address'): FhirError {
  return new FhirError('not-supported', `${method} is not served ${how}; use ${allowed.join(', ')}`, undefined, {
    status: 405,
    headers: { Allow: allowed.join(', ') },
  });
}

/** Methods of the addresses every type has. https://hl7.org/fhir/R4B/http.html#summary */
function allowedAt(segments: readonly string[]): string[] | undefined {
  const [type, id, history, search, ...deeper] = segments;
  if (type === undefined) return ['GET', 'HEAD', 'POST'];
  if (type === '_search' && id === undefined) return ['POST'];
  if ((type === 'metadata' || type === '_history') && id === undefined) return READS;
  if ((type === '$process-message' || type === '$fire-event') && id === undefined) return ['POST'];
  if (type === '$export' && id === undefined) return ['GET', 'HEAD', 'POST'];
  if (type === '$export-status' && id !== undefined && history === undefined) return ['GET', 'HEAD', 'DELETE'];
  if (!TYPE.test(type)) return undefined;
  if (type === 'Patient' && id === '$export' && history === undefined) return ['GET', 'HEAD', 'POST'];
  if (type === 'Group' && history === '$export') return ['GET', 'HEAD', 'POST'];
  if (id === undefined) return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
  if (id === '_search') return ['POST'];
  if (id === '_history' && history === undefined) return READS;
  if (id.startsWith('_') || id.startsWith('$')) return undefined;
  if (history === undefined) return ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'];
  if (history === '_history') return deeper.length === 0 ? READS : undefined;
  if (history === '_search' && search === undefined) return ['POST'];
  if (history !== '*' && !TYPE.test(history)) return undefined;
  if (search === undefined) return READS;
  return search === '_search' ? ['POST'] : undefined;
}
