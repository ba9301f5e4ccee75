import { rewriteReferences } from '../fhir/references.js';
import { isJsonObject } from '../fhir/json-object.js';

/** The references in a resource, each text once, with the FHIRPath of the first element that holds it. */
export function referencePlaces(value: Record<string, unknown>, type: string): Map<string, string> {
  const texts = new Set<string>();
  rewriteReferences(value, type, (kind, text) => {
    if (kind === 'reference') texts.add(text);
    return undefined;
  });
  const places = new Map<string, string>();
  visit(value, type, (text, place) => {
    if (texts.has(text) && !places.has(text)) places.set(text, place);
  });
  return places;
}

function visit(value: unknown, place: string, found: (text: string, place: string) => void): void {
  if (Array.isArray(value)) value.forEach((item, at) => visit(item, `${place}[${at}]`, found));
  else if (isJsonObject(value)) {
    if (typeof value['reference'] === 'string') found(value['reference'], `${place}.reference`);
    for (const name in value) visit(value[name], `${place}.${name}`, found);
  }
}
