import { FhirError } from '../fhir/fhir-error.js';
import type { QueryPairs } from './query-text.js';
import type { Subset } from './query.js';

const SUMMARIES = new Set(['true', 'text', 'data', 'false', 'count']);

/** @throws FhirError 400 */
export function readSummary(value: string): Subset | 'count' | undefined {
  if (!SUMMARIES.has(value))
    throw new FhirError('invalid', "parameter '_summary' is true, text, data, count or false", '_summary');
  if (value === 'false') return undefined;
  if (value === 'count') return 'count';
  return value === 'true' ? { kind: 'summary' } : { kind: value as 'text' | 'data' };
}

const ELEMENT = /^[a-z][A-Za-z0-9]{0,63}$/;

/** @throws FhirError 400 */
export function readElements(value: string): Subset & { kind: 'elements' } {
  const names = value.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !ELEMENT.test(name));
  if (wrong !== undefined)
    throw new FhirError('invalid', `parameter '_elements': '${wrong.slice(0, 60)}' is not the name of an element`, '_elements');
  return { kind: 'elements', names };
}

/**
 * What two parameters together leave of a resource: the lists of several `_elements` count together; anything else said twice must agree.
 * @throws FhirError 400
 */
export function joinSubsets(one: Subset | undefined, other: Subset | undefined): Subset | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.kind === 'elements' && other.kind === 'elements') return { kind: 'elements', names: [...one.names, ...other.names] };
  if (one.kind === other.kind) return one;
  throw new FhirError('invalid', '_summary and _elements ask for different parts of the same resource', '_elements');
}

/** The subset that a read asks for; `count` has no meaning there. @throws FhirError 400 */
export function subsetOfRead(pairs: QueryPairs): Subset | undefined {
  let subset: Subset | undefined;
  for (const [name, value] of pairs) {
    if (name === '_elements') subset = joinSubsets(subset, readElements(value));
    if (name !== '_summary') continue;
    const summary = readSummary(value);
    if (summary === 'count')
      throw new FhirError('invalid', "'_summary=count' is asked of a search, not of one resource", '_summary');
    subset = joinSubsets(subset, summary);
  }
  return subset;
}
