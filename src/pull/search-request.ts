import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { KnownPlaces } from '../search/part-of.js';
import type { Query, Reach, Subset } from '../search/query.js';
import type { ParseOptions, SearchSemantics } from '../search/search-semantics.js';
import type { Terminology } from '../search/terminology.js';
import { PAGE_PARAMETER } from './page-mark.js';
import { DEFAULT_COUNT, MOST_COUNT } from './page-size.js';
import { isPresentation } from './presentation.js';
import type { Pair } from './query-pairs.js';
import { unknownElements } from './subset-resource.js';

/** Where a search is asked: at a type, at the base, in a compartment. */
export interface SearchScope {
  /** At least one. */
  types: readonly string[];
  /** The address behind the base, `Patient/1/Observation`; empty at the base itself. */
  path: string;
  /** The resources of a type that count; absent: all. */
  within?: (type: string) => Reach;
}

/** A search as asked for: what it means, and what its answer says of itself. */
export interface SearchRequest {
  /** One for each type, alike but for the type. */
  queries: readonly [Query, ...Query[]];
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
  scope: SearchScope,
  pairs: readonly Pair[],
  handling: 'strict' | 'lenient',
  known: { terminology?: Terminology; places?: KnownPlaces } = {},
): SearchRequest {
  const pages = pairs.filter(([name]) => name === PAGE_PARAMETER);
  if (pages.length > 1) throw new FhirError('value', `${PAGE_PARAMETER} is given twice`, PAGE_PARAMETER);
  const asked = pairs.filter((pair) => pair[0] !== PAGE_PARAMETER && !isPresentation(pair));
  asked.forEach(checkCount);
  SINGLE.forEach((name) => checkOnce(asked, name));
  const queries = parseForAll(semantics, scope, asked, { handling, links: true, ...known });
  const [parsed] = queries;
  const ofType = scope.types.length === 1 ? parsed.type : 'these types';
  if (handling === 'strict' && scope.types.length === 1) checkElements(parsed.type, parsed.subset);
  const used = [...parsed.used, ...pairs.filter(isPresentation)];
  return {
    queries,
    count: parsed.count ?? DEFAULT_COUNT,
    page: pages[0]?.[1],
    used,
    walk: JSON.stringify(['search', scope.path, used.filter(([name]) => !PAGING.has(name))]),
    warnings: [
      ...(scope.types.length === 1 ? unknownElementsOf(parsed.type, parsed.subset).map(aboutElement) : []),
      ...parsed.ignored.map((name): Issue => ({
        severity: 'warning',
        code: 'not-supported',
        diagnostics: `The parameter ${name} is not known for ${ofType}, or not in this form, and was left out`,
        expression: name,
      })),
    ],
  };
}

/** The query for each type. What one of several types does not understand is left out for all: they are asked the same. */
function parseForAll(
  semantics: SearchSemantics,
  { types, within }: SearchScope,
  asked: readonly Pair[],
  options: ParseOptions,
): SearchRequest['queries'] {
  const parse = (pairs: readonly Pair[]) =>
    types.map((type) => semantics.parse(type, pairs, options)) as unknown as SearchRequest['queries'];
  let queries = parse(asked);
  const ignored = new Set(queries.flatMap((query) => query.ignored));
  const differing = [...ignored].filter((name) => queries.some((query) => !query.ignored.includes(name)));
  if (differing.length > 0) {
    queries = parse(asked.filter(([name]) => !differing.includes(name.slice(0, 100))));
    queries = queries.map((query) => ({ ...query, ignored: [...query.ignored, ...differing] })) as unknown as typeof queries;
  }
  if (types.length > 1) queries[0].sort.forEach(({ parameter }) => checkSharedOrder(parameter.code));
  if (within === undefined) return queries;
  return queries.map((query) => ({
    ...query,
    links: [...query.links, { kind: 'reach', reach: within(query.type) }],
  })) as unknown as SearchRequest['queries'];
}

/** @throws FhirError 400 */
function checkSharedOrder(code: string): void {
  if (code !== '_id' && code !== '_lastUpdated')
    throw new FhirError(
      'not-supported',
      `parameter '_sort': several types are sorted by _lastUpdated or _id, not by '${code}'`,
      '_sort',
    );
}

/** @throws FhirError 400 */
function checkCount([name, value]: Pair): void {
  if (name === '_count' && /^\d+$/.test(value) && Number(value) > MOST_COUNT) {
    throw new FhirError('value', `_count is at most ${String(MOST_COUNT)}, not ${value.slice(0, 20)}`, '_count');
  }
}

/** @throws FhirError 400: which of them counts is not for us to guess */
function checkOnce(asked: readonly Pair[], single: string): void {
  const values = new Set(asked.flatMap(([name, value]) => (name === single ? [value] : [])));
  if (values.size > 1) throw new FhirError('value', `${single} is given twice`, single);
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

/** They say one thing of the whole answer. */
const SINGLE = ['_count', '_total', '_summary'];
/** They may change between the pages of one walk. */
const PAGING = new Set(['_count', '_total', '_format', '_pretty']);
