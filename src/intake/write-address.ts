import type { FastifyRequest } from 'fastify';
import type { Face } from '../fhir/change.js';
import { faceOf } from '../http/face.js';
import { checkTypeAddress } from '../http/refused-route.js';
import { checkId, checkStoredType } from './incoming-resource.js';
import { urlCondition } from './url-condition.js';

/** What `[type]/[id]` names for a write. @throws FhirError 400, 404 or 405 */
export function resourceAddress(params: { face: string; type: string; id: string }): { face: Face; type: string; id: string } {
  const { type, id } = params;
  const face = faceOf(params.face);
  checkStoredType(type);
  checkId(id);
  return { face, type, id };
}

/** What `[type]?condition` names for a write. @throws FhirError 400, 404 or 405 */
export function conditionAddress(
  params: { face: string; type: string },
  { method, url }: FastifyRequest,
): { face: Face; type: string; condition: string } {
  const { type } = params;
  const face = faceOf(params.face);
  checkTypeAddress(type, method, url);
  checkStoredType(type);
  return { face, type, condition: urlCondition(method, url) };
}
