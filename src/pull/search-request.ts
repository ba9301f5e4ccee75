import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { Query, Subset } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Terminology } from '../search/terminology.js';
import { PAGE_PARAMETER } from './page-mark.js';
import { DEFAULT_COUNT, MOST_COUNT } from './page-size.js';
import { isPresentation } from './presentation.js';
import type { Pair } from './query-pairs.js';
import { unknownElements } from './subset-resource.js';

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
  terminology?: Terminology,
): SearchRequest {
  const pages = pairs.filter(([name]) => name === PAGE_PARAMETER);
  if (pages.length > 1) throw new FhirError('value', `${PAGE_PARAMETER} is given twice`, PAGE_PARAMETER);
  const asked = pairs.filter((pair) => pair[0] !== PAGE_PARAMETER && !isPresentation(pair));
  asked.forEach(checkCount);
  const parsed = semantics.parse(type, asked, { handling, links: true, terminology });
  if (handling === 'strict') checkElements(type, parsed.subset);
  const used = [...parsed.used, ...pairs.filter(isPresentation)];
  return {
    query: parsed,
    count: parsed.count ?? DEFAULT_COUNT,
    page: pages[0]?.[1],
    used,
    walk: JSON.stringify(['search', type, used.filter(([name]) => !PAGING.has(name))]),
    warnings: [
      ...unknownElementsOf(type, parsed.subset).map(aboutElement),
      ...parsed.ignored.map((name): Issue => ({
        severity: 'warning',
        code: 'not-supported',
        diagnostics: `The parameter ${name} is not known for ${type}, or not in this form, and was left out`,
        expression: name,
      })),
    ],
  };
}

/** @throws FhirError 400 */
function checkCount([name, value]: Pair): void {
  if (name === '_count' && /^\d+$/.test(value) && Number(value) > MOST_COUNT) {
    throw new FhirError('value', `_count is at most ${String(MOST_COUNT)}, not ${value.slice(0, 20)}`, '_count');
  }
}

function unknownElementsOf(type: string, subset: Subset | undefined): string[] {
  return subset?.kind === 'elements' ? unknownElements(type, subset.names) : [];
}

function aboutElement(name: string): Issue {
  const diagnostics = `_elements: there is no element ${name} at the root of this type`;
  return { severity: 'warning', code: 'not-supported', diagnostics, expression: '_elements' };
}

/** @throws FhirError 400 */
function checkElements(type: string, subset: Subset | undefined): void {
  const [wrong] = unknownElementsOf(type, subset);
  if (wrong !== undefined)
    throw new FhirError('invalid', `parameter '_elements': ${type} has no element '${wrong}'`, '_elements');
}

/** They may change between the pages of one walk. */
const PAGING = new Set(['_count', '_total', '_format', '_pretty']);
