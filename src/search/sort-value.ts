import type { SortKey } from './query.js';
import type { ExtractedValues, ParameterValues } from './values.js';

/** A text sorts by so many of its first characters; the tie-breaker orders the rest. */
export const SORTED_CHARACTERS = 200;

/** What a resource sorts by: of several values the smallest counts upwards, the greatest downwards; undefined where it has none. */
export type SortValue = string | number | undefined;

/**
 * Tokens sort by their code, then by their system; references by `Type/id` or the address as written, then by their version; URIs and
 * strings (folded) by their text; dates, numbers and quantities by the lower end of their range.
 */
export function sortValueOf({ parameter, descending }: SortKey, values: ExtractedValues): SortValue {
  const found = values.get(parameter.code);
  if (found === undefined) return undefined;
  let farthest: SortValue;
  for (const value of sortable(found)) {
    if (farthest === undefined || compareSortValues(value, farthest) > 0 === descending) farthest = value;
  }
  return farthest;
}

/** Where `a` stands to `b` upwards: numbers by size, texts by the code points of their characters, as the database compares them. */
export function compareSortValues(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  return compareByCodePoints(String(a), String(b));
}

/** UTF-16 has its surrogates, which stand for the characters above all others, below U+E000 to U+FFFF. */
function compareByCodePoints(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left !== right) return lifted(left) - lifted(right);
  }
  return a.length - b.length;
}

const lifted = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

function sortable(found: ParameterValues): (string | number)[] {
  switch (found.type) {
    case 'token':
      // Stands below all that a text holds, so that a code comes before what begins with it.
      return found.values.flatMap(({ code, system }) => (code === undefined ? [] : [cut(`${code}\0${system ?? ''}`)]));
    case 'reference':
      return found.values.flatMap(({ type, id, url, version }) => {
        const target = type === undefined ? url : `${type}/${id ?? ''}`;
        return target === undefined ? [] : [cut(`${target}\0${version ?? ''}`)];
      });
    case 'uri':
      return found.values.map(cut);
    case 'string':
      return found.values.map(({ folded }) => cut(folded));
    case 'date':
    case 'number':
    case 'quantity':
      return found.values.map(({ low }) => low);
    case 'special':
    case 'composite':
    case 'full-text':
      return [];
  }
}

function cut(text: string): string {
  if (text.length <= SORTED_CHARACTERS) return text;
  return [...text.slice(0, 2 * SORTED_CHARACTERS)].slice(0, SORTED_CHARACTERS).join('');
}
