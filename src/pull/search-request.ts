import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { Query, SortKey } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { PAGE_PARAMETER } from './page-mark.js';
import { DEFAULT_COUNT, MOST_COUNT } from './page-size.js';
import { isPresentation } from './presentation.js';
import type { Pair } from './query-pairs.js';
import { isSortable } from './sort-order.js';

/** A search as asked for: what it means, and what its answer says of itself. */
export interface SearchRequest {
  query: Query;
  count: number;
  /** The mark of a `next` link, still as text. */
  page?: string;
  /** What belongs in links to this search, the page apart. */
  used: readonly Pair[];
  /** Names the query walked, so that a page mark fits no other. */
  walk: string;
  /** What was left out, said in the answer. */
  warnings: Issue[];
}

/**
 * Reads a search from its pairs. What is not understood is refused or, with lenient handling, left out and reported.
 * @throws FhirError 400 naming the parameter
 */
export function readSearch(
  semantics: SearchSemantics,
  type: string,
  pairs: readonly Pair[],
  handling: 'strict' | 'lenient',
): SearchRequest {
  const pages = pairs.filter(([name]) => name === PAGE_PARAMETER);
  if (pages.length > 1) throw new FhirError('value', `${PAGE_PARAMETER} is given twice`, PAGE_PARAMETER);
  const asked = pairs.filter((pair) => pair[0] !== PAGE_PARAMETER && !isPresentation(pair));
  const parsed = semantics.parse(type, asked, { handling });
  const count = parsed.count ?? DEFAULT_COUNT;
  if (count > MOST_COUNT) {
    throw new FhirError(
      'value',
      `_count must be a whole number from 0 to ${String(MOST_COUNT)}, not "${String(count)}"`,
      '_count',
    );
  }
  const unordered = parsed.sort.filter(({ parameter }) => !isSortable(parameter));
  if (handling === 'strict' && unordered[0] !== undefined) throw notSortable(unordered[0]);
  const sort = parsed.sort.filter((key) => !unordered.includes(key));
  const query = { ...parsed, sort };
  const used = [...withSort(parsed.used, sort), ...pairs.filter(isPresentation)];
  return {
    query,
    count,
    page: pages[0]?.[1],
    used,
    walk: JSON.stringify(['search', type, used.filter(([name]) => !PAGING.has(name))]),
    warnings: [
      ...parsed.ignored.map((name) => ignored(name, `The parameter ${name} is not known for ${type} and was left out`)),
      ...unordered.map((key) => ignored('_sort', `${notSortable(key).message} and was left out`)),
    ],
  };
}

/** They may change between the pages of one walk. */
const PAGING = new Set(['_count', '_total', '_format', '_pretty']);

function withSort(used: readonly Pair[], sort: readonly SortKey[]): Pair[] {
  const rest = used.filter(([name]) => name !== '_sort');
  if (sort.length === 0) return rest;
  return [...rest, ['_sort', sort.map(({ parameter, descending }) => (descending ? '-' : '') + parameter.code).join(',')]];
}

function notSortable({ parameter }: SortKey): FhirError {
  return new FhirError('not-supported', `_sort cannot order by ${parameter.code}, a ${parameter.type} parameter`, '_sort');
}

function ignored(name: string, diagnostics: string): Issue {
  return { severity: 'warning', code: 'not-supported', diagnostics, expression: name };
}
