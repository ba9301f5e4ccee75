import { compileExpression } from './compile-expression.js';
import type { ElementTable } from './element-types.js';
import { UnsupportedExpression } from './parse-expression.js';
import type { ReadNode } from './value-reader.js';
import type { SearchParameter } from './values.js';

/**
 * Whether a token parameter finds nothing but strings (`Medication.lot-number`): their case does not count, where that of codes and
 * identifiers does. https://hl7.org/fhir/R4B/search.html#token
 */
export function findsStrings(elements: ElementTable, parameter: SearchParameter): boolean {
  if (parameter.type !== 'token' || parameter.components.length > 0) return false;
  let finds = known.get(parameter);
  if (finds === undefined) known.set(parameter, (finds = leadsToStrings(elements, parameter)));
  return finds;
}

const known = new WeakMap<SearchParameter, boolean>();

function leadsToStrings(elements: ElementTable, { expression, base }: SearchParameter): boolean {
  try {
    return compileExpression(elements, expression, base).every(({ type }) => type === 'string');
  } catch (error) {
    if (error instanceof UnsupportedExpression) return false;
    throw error;
  }
}

/** The form in which such strings are compared. */
export const withoutCase = (text: string): string => text.toLowerCase();

export const readStringToken: ReadNode = (node, sink) => {
  if (typeof node === 'string') sink.push({ code: withoutCase(node) });
};
