import type { Change } from '../fhir/change.js';
import { parseReference, rewriteReferences } from '../fhir/references.js';

/**
 * What a resource of a compartment refers to and needs to be understood: practitioners, organizations, locations, medications, attached
 * Binaries and the like, as `Type/id`. What may itself belong to a compartment comes only if it belongs to this one.
 */
export function supportingOf(
  { type, body }: Pick<Change, 'type' | 'body'>,
  bases: readonly string[],
  belongs: (type: string) => boolean,
): Set<string> {
  const found = new Set<string>();
  rewriteReferences(JSON.parse(body ?? '{}'), type, (kind, text) => {
    if (kind !== 'reference' && kind !== 'url') return undefined;
    const parsed = parseReference(text, bases);
    if (parsed.kind === 'local' && !belongs(parsed.type)) found.add(`${parsed.type}/${parsed.id}`);
    return undefined;
  });
  return found;
}
