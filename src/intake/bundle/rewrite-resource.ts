import { parseExact, stringifyExact } from '../../fhir/exact-json.js';
import type { ParsedJson } from '../../fhir/json-text.js';
import { type AddressMap, rewriteReferences } from '../../fhir/references.js';

/**
 * The resource with other addresses. Most need none: a look at the parsed value tells, and only then is the exact text taken apart.
 */
export function rewriteResource(resource: ParsedJson, type: string, map: AddressMap): ParsedJson {
  let needed = false;
  rewriteReferences(resource.value, type, (kind, text) => {
    needed ||= map(kind, text) !== undefined;
    return undefined;
  });
  if (!needed) return resource;
  const exact = parseExact(resource.text);
  rewriteReferences(exact, type, map);
  const text = stringifyExact(exact);
  return { text, value: JSON.parse(text) as Record<string, unknown> };
}
