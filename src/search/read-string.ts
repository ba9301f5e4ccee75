import type { JsonObject } from '../fhir/json-object.js';
import { isPrimitive } from './element-types.js';
import { foldText } from './fold-text.js';
import type { StringValue } from './values.js';

export type ReadString = (node: unknown, sink: StringValue[]) => void;

/** How nodes of a type become strings; undefined where the type has none. https://hl7.org/fhir/R4B/search.html#string */
export function stringReader(type: string): ReadString | undefined {
  if (type === 'HumanName') return parts(['family', 'given', 'text', 'prefix', 'suffix']);
  if (type === 'Address') return parts(['line', 'city', 'district', 'state', 'postalCode', 'country', 'text']);
  if (type === 'CodeableConcept' || type === 'Annotation') return parts(['text']);
  return isPrimitive(type) ? pushString : undefined;
}

/** Any part of a name or address matches for itself. */
function parts(names: readonly string[]): ReadString {
  return (node, sink) => {
    for (const name of names) {
      const part = (node as JsonObject)[name];
      if (part === undefined) continue;
      if (Array.isArray(part)) for (const each of part) pushString(each, sink);
      else pushString(part, sink);
    }
  };
}

function pushString(node: unknown, sink: StringValue[]): void {
  if (typeof node === 'string') sink.push({ exact: node, folded: foldText(node) });
}
