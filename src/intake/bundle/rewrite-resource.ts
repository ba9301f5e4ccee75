import { parseExact, stringifyExact } from '../../fhir/exact-json.js';
import type { ParsedJson } from '../../fhir/json-text.js';
import { type AddressMap, rewriteReferences } from '../../fhir/references.js';

/** Addresses up to which the text is edited as text: each is looked for in the whole of it. */
const MOST_EDITED = 16;

interface Replacement {
  next: string;
  count: number;
}

/**
 * The resource with other addresses; its parsed value is changed in place. Where every occurrence of an old address in the text is one
 * that changes, the text is edited as text, which costs a tenth of taking it apart exactly; otherwise (the address also stands in a
 * string that stays, or in a narrative, or there are many addresses) it is taken apart.
 */
export function rewriteResource(resource: ParsedJson, type: string, map: AddressMap): ParsedJson {
  const replaced = new Map<string, Replacement>();
  let plain = true;
  rewriteReferences(resource.value, type, (kind, text) => {
    const next = map(kind, text);
    if (next === undefined) return undefined;
    const earlier = replaced.get(text);
    if (earlier === undefined) replaced.set(text, { next, count: 1 });
    else earlier.count += 1;
    plain &&= kind !== 'xhtml' && (earlier === undefined || earlier.next === next);
    return next;
  });
  if (replaced.size === 0) return resource;
  const text =
    (plain && replaced.size <= MOST_EDITED ? editText(resource.text, replaced) : undefined) ??
    editExactly(resource.text, type, map);
  return { text, value: resource.value };
}

/** Undefined where the text holds an old address more often, or written differently, than it was found. */
function editText(text: string, replaced: ReadonlyMap<string, Replacement>): string | undefined {
  let edited = text;
  for (const [old, { next, count }] of replaced) {
    const parts = edited.split(JSON.stringify(old));
    if (parts.length !== count + 1) return undefined;
    edited = parts.join(JSON.stringify(next));
  }
  return edited;
}

function editExactly(text: string, type: string, map: AddressMap): string {
  const exact = parseExact(text);
  rewriteReferences(exact, type, map);
  return stringifyExact(exact);
}
