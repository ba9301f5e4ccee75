import { FhirError } from '../../fhir/fhir-error.js';
import { fhirPathPatchOf, JSON_PATCH, jsonPatchOf, type Patch } from '../patch/patch.js';
import { type BundleEntry, entryPath } from './bundle-entries.js';

/** The body of a PATCH entry as it would be sent alone: a Parameters resource, or the JSON Patch inside a Binary. */
export interface PatchBody {
  contentType: string;
  body: Buffer | string;
}

/** https://hl7.org/fhir/R4B/http.html#patch @throws FhirError 400 naming the entry's resource */
export function patchBodyOf({ index, resource }: Pick<BundleEntry, 'index' | 'resource'>): PatchBody {
  const where = entryPath(index, 'resource');
  const type = resource?.value['resourceType'];
  if (resource !== undefined && type === 'Parameters') return { contentType: 'application/fhir+json', body: resource.text };
  if (resource === undefined || type !== 'Binary')
    throw new FhirError('value', 'A PATCH entry carries Parameters, or a Binary that holds a JSON Patch', where);
  const { contentType, data } = resource.value;
  if (typeof contentType !== 'string' || contentType.split(';', 1)[0]!.trim().toLowerCase() !== JSON_PATCH)
    throw new FhirError('not-supported', `The Binary of a PATCH entry is of ${JSON_PATCH}`, `${where}.contentType`, {
      status: 415,
    });
  if (typeof data !== 'string') throw new FhirError('required', 'The Binary of a PATCH entry holds the patch', `${where}.data`);
  return { contentType: JSON_PATCH, body: Buffer.from(data, 'base64') };
}

/** @throws FhirError 400 */
export function patchOfEntry(entry: Pick<BundleEntry, 'index' | 'resource'>): Patch {
  const { contentType, body } = patchBodyOf(entry);
  return contentType === JSON_PATCH ? jsonPatchOf(body) : fhirPathPatchOf(body);
}
