import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/fhir-error.js';
import type { ParsedBundle } from '../../fhir/json-text.js';
import { isFhirId, parseReference } from '../../fhir/references.js';
import type { BundleEntry } from './bundle-entries.js';

/** One resource of a document, and where the hub keeps it. */
export interface UnpackedEntry {
  type: string;
  id: string;
  /** Its address in the document is one of this hub: the hub has it from elsewhere than the document. */
  own: boolean;
  /** How a transaction stores it. */
  entry: BundleEntry;
}

/**
 * The resources of a document as entries of a transaction. Each has one address for ever, so that unpacking twice stores nothing twice:
 * the id in an address of this hub, the UUID of a `urn:uuid:`, and for any other address an id made of it.
 * @throws FhirError 422 where the Bundle is no document
 */
export function unpackDocument({ value, resourceTexts }: ParsedBundle, bases: readonly string[]): UnpackedEntry[] {
  if (value['type'] !== 'document')
    throw new FhirError('business-rule', 'Only a document is unpacked; post other Bundles as what they are', 'Bundle.type');
  const entries = (value['entry'] ?? []) as { fullUrl?: string; resource?: Record<string, unknown> }[];
  return entries.flatMap(({ fullUrl, resource }, index) => {
    if (resource === undefined) return [];
    const type = resource['resourceType'] as string;
    const reference = parseReference(fullUrl ?? '', bases);
    const own = reference.kind === 'local' && reference.type === type;
    const id = own ? reference.id : idOf(fullUrl ?? `${String(value['id'])}#${index}`);
    const stored = { text: resourceTexts[index]!, value: { ...resource, id } };
    return [{ type, id, own, entry: { index, method: 'PUT', url: `${type}/${id}`, fullUrl, resource: stored } }];
  });
}

function idOf(address: string): string {
  const uuid = /^urn:uuid:(.+)$/.exec(address)?.[1];
  if (isFhirId(uuid)) return uuid;
  const hex = createHash('sha256').update(address).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}
