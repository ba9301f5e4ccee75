import { FhirError } from '../fhir/fhir-error.js';
import { parseTextQuery } from './full-text/parse-text-query.js';
import { parseInclude } from './parse-include.js';
import { isNear } from './near.js';
import { type LinkParsing, parseLink, readsAsLink } from './parse-link.js';
import { parseValue, type ValueContext } from './parse-value.js';
import type { KnownPlaces } from './part-of.js';
import { checkedPairs, splitQuery, splitUnescaped, type QueryPairs } from './query-text.js';
import type { Clause, Include, Link, Modifier, Query, SortKey, Subset } from './query.js';
import { joinSubsets, readElements, readSummary } from './read-subset.js';
import { isFullText, type SearchDefinitions } from './search-definitions.js';
import { MAX_COUNT, MAX_INCLUDES, MAX_LINKED_QUERIES, MAX_SORT_KEYS, MAX_VALUE_LENGTH, MAX_VALUES } from './search-limits.js';
import { officialTerminology, type Terminology } from './terminology.js';
import type { SearchParameter, SearchParameterType } from './values.js';

export interface ParseQueryOptions {
  /**
   * `strict` refuses what is unknown, `lenient` lists it in {@link Query.ignored}; `criteria` (of Subscriptions and topics) refuses what
   * is unknown and drops what only shapes a search's result.
   */
  handling: 'strict' | 'lenient' | 'criteria';
  bases: readonly string[];
  /** Whether chains, `_has`, `_list` and includes are taken: only by who can look at other resources. */
  links?: boolean;
  /** The moment `ap` of a date is measured from; default: the current time. */
  now?: number;
  /** Hierarchies for `:above` and `:below` of references; without them they are refused. */
  places?: KnownPlaces;
  /** What `:in`, `:not-in`, `:above` and `:below` of tokens go by; default: what comes with FHIR. */
  terminology?: Terminology;
}

/**
 * Reads a search on `type`. A malformed value or an unsupported modifier is refused in any handling, since leaving a filter out of what
 * was meant as one would answer another question.
 * @throws FhirError 400 naming the parameter
 */
export function parseQuery(
  definitions: SearchDefinitions,
  type: string,
  query: string | QueryPairs,
  options: ParseQueryOptions,
): Query {
  if (!definitions.isResourceType(type)) throw new FhirError('not-supported', `there is no resource type '${type.slice(0, 60)}'`);
  const pairs =
    typeof query === 'string'
      ? splitQuery(query, options.handling === 'criteria' ? 'maybe-plain' : 'encoded')
      : checkedPairs(query);
  const state: Parsing = {
    definitions,
    type,
    options,
    shape: {},
    clauses: [],
    links: [],
    linked: 0,
    includes: [],
    sort: [],
    used: [],
    ignored: [],
  };
  for (const pair of pairs) readPair(pair, state);
  const { clauses, links, includes, sort, used, ignored, shape } = state;
  if (shape.subset?.kind === 'text' && includes.length > 0)
    throw new FhirError('invalid', "'_summary=text' leaves no place for included resources", '_summary');
  return { type, clauses, links, includes, sort, used, ignored, countOnly: false, ...shape };
}

interface Parsing {
  definitions: SearchDefinitions;
  type: string;
  options: ParseQueryOptions;
  shape: { count?: number; total?: Query['total']; countOnly?: boolean; subset?: Subset };
  clauses: Clause[];
  links: Link[];
  /** Whether this is read at the other end of a link. */
  isLinked?: boolean;
  /** Queries at the other ends of links so far. */
  linked: number;
  includes: Include[];
  sort: readonly SortKey[];
  used: (readonly [string, string])[];
  ignored: string[];
}

/** Parameters that shape the answer and do not filter. https://hl7.org/fhir/R4B/search.html#return */
const RESULT_PARAMETERS = new Set([
  '_format',
  '_pretty',
  '_count',
  '_sort',
  '_total',
  '_summary',
  '_elements',
  '_include',
  '_revinclude',
  '_contained',
  '_containedType',
  '_score',
  '_maxresults',
]);

function readPair(pair: readonly [string, string], state: Parsing): void {
  const [name, value] = pair;
  const [bare = ''] = name.split(':', 1);
  const isResultParameter = RESULT_PARAMETERS.has(bare);
  if (isResultParameter && state.options.handling === 'criteria') return;
  const understood =
    isInclude(bare) && state.options.links === true
      ? readInclude(name, value, state)
      : isResultParameter
        ? readResultParameter(name, value, state)
        : readClause(name, value, state);
  if (understood) state.used.push(pair);
}

/** @returns false where the parameter was left out */
function unknown(name: string, why: string, state: Parsing, code: 'invalid' | 'not-supported' = 'not-supported'): false {
  const shown = name.slice(0, 100);
  if (state.options.handling !== 'lenient') throw new FhirError(code, `parameter '${shown}' ${why}`, shown);
  state.ignored.push(shown);
  return false;
}

function readResultParameter(name: string, value: string, state: Parsing): boolean {
  const { shape } = state;
  switch (name) {
    case '_format':
    case '_pretty':
      return true;
    case '_count':
      if (!/^\d{1,9}$/.test(value)) throw new FhirError('invalid', "parameter '_count' is not a whole number", '_count');
      if (Number(value) === 0) shape.countOnly = true;
      else shape.count = Math.min(Number(value), MAX_COUNT);
      return true;
    case '_total':
      if (value !== 'none' && value !== 'estimate' && value !== 'accurate')
        throw new FhirError('invalid', "parameter '_total' is none, estimate or accurate", '_total');
      shape.total = value;
      return true;
    case '_summary':
      return readSummaryParameter(value, state);
    case '_elements':
      shape.subset = joinSubsets(shape.subset, readElements(value));
      return true;
    case '_contained':
      return value === 'false' || unknown(name, 'is not supported but for false: contained resources are not searched', state);
    case '_sort':
      return readSort(value, state);
    default:
      return unknown(name, 'is not supported', state);
  }
}

function readSummaryParameter(value: string, { shape }: Parsing): true {
  const summary = readSummary(value);
  if (summary === 'count') shape.countOnly = true;
  else shape.subset = joinSubsets(shape.subset, summary);
  return true;
}

const isInclude = (bare: string) => bare === '_include' || bare === '_revinclude';

function readInclude(name: string, value: string, state: Parsing): boolean {
  const include = parseInclude(state.definitions, name, value);
  if (typeof include === 'string') return unknown(name, `${value.slice(0, 100)} ${include}`, state, 'invalid');
  if (state.includes.length >= MAX_INCLUDES)
    throw new FhirError('too-costly', `more than ${MAX_INCLUDES} includes in one query`, name, { status: 400 });
  state.includes.push(include);
  return true;
}

/** Types whose values have an order. */
const SORTABLE = new Set<SearchParameterType>(['date', 'number', 'quantity', 'string', 'token', 'reference', 'uri']);

function readSort(value: string, state: Parsing): boolean {
  const keys: SortKey[] = [];
  const texts = value.split(',');
  if (state.sort.length + texts.length > MAX_SORT_KEYS)
    throw new FhirError('too-costly', `parameter '_sort' has more than ${MAX_SORT_KEYS} keys`, '_sort', { status: 400 });
  for (const text of texts) {
    const code = text.replace(/^-/, '');
    const parameter = state.definitions.find(state.type, code);
    if (!parameter) return unknown('_sort', `: ${state.type} has no parameter '${code.slice(0, 60)}'`, state, 'invalid');
    if (!SORTABLE.has(parameter.type)) return unknown('_sort', `: '${code}' (${parameter.type}) has no order to sort by`, state);
    keys.push({ parameter, descending: text.startsWith('-') });
  }
  state.sort = [...state.sort, ...keys];
  return true;
}

/** Modifiers by the parameter's type, beside `:missing` (all but composites) and `:[type]` (references). */
const MODIFIERS: Readonly<Record<SearchParameterType, readonly string[]>> = {
  string: ['exact', 'contains'],
  token: ['not', 'text', 'of-type', 'in', 'not-in', 'above', 'below'],
  reference: ['identifier', 'above', 'below'],
  uri: ['below', 'above'],
  date: [],
  number: [],
  quantity: [],
  composite: [],
  special: [],
};

function readClause(name: string, value: string, state: Parsing): boolean {
  const { definitions, type, options } = state;
  if (readsAsLink(name)) return readLink(name, value, state);
  const colon = name.indexOf(':');
  const code = colon < 0 ? name : name.slice(0, colon);
  const suffix = colon < 0 ? undefined : name.slice(colon + 1);
  if (UNSEARCHED.has(code)) throw new FhirError('not-supported', `parameter '${code}' is not supported`, code);
  const parameter = definitions.find(type, code);
  if (!parameter) return unknown(name, `is unknown for ${type}`, state, 'invalid');
  if (isFullText(code)) {
    state.clauses.push(readFullText(parameter, name, suffix, value));
    return true;
  }
  if (parameter.type === 'special' && !isNear(parameter))
    throw new FhirError('not-supported', `parameter '${code}' is not supported`, code);
  const { modifier, targetType } = readModifier(suffix, parameter, definitions);
  if (value === '') return unknown(name, 'has no value', state, 'invalid');
  const context: ValueContext = {
    definitions,
    bases: options.bases,
    now: options.now ?? Date.now(),
    places: options.places,
    terminology: () => options.terminology ?? officialTerminology(),
    written: name,
  };
  const values = splitValues(value, name).map((text) => parseValue(text, parameter, modifier, targetType, context));
  if (modifier === 'missing' && values.length > 1) throw new FhirError('invalid', `parameter '${name}' takes one value`, name);
  state.clauses.push({ parameter, ...(modifier ? { modifier } : {}), ...(targetType ? { targetType } : {}), values });
  return true;
}

function readFullText(parameter: SearchParameter, name: string, suffix: string | undefined, value: string): Clause {
  if (suffix !== undefined)
    throw new FhirError(
      'not-supported',
      `parameter '${name.slice(0, 100)}': '${parameter.code}' takes no modifier`,
      name.slice(0, 100),
    );
  if (value.length > MAX_VALUE_LENGTH)
    throw new FhirError('invalid', `parameter '${name}' has a value longer than ${MAX_VALUE_LENGTH} characters`, name);
  return { parameter, values: [{ type: 'full-text', query: parseTextQuery(value, name) }] };
}

function readLink(name: string, value: string, state: Parsing): boolean {
  const { definitions, type, options } = state;
  if (options.links !== true)
    return unknown(name, 'is not supported here: chains, _has and _list look at other resources', state);
  const parsing: LinkParsing = {
    definitions,
    onLinkedQuery: () => {
      if (++state.linked > MAX_LINKED_QUERIES)
        throw new FhirError(
          'too-costly',
          `parameter '${name.slice(0, 100)}' leads to so many types that it cannot be followed; name them (subject:Patient.name)`,
          name.slice(0, 100),
          { status: 400 },
        );
    },
    read: (linkedType, linkedName, linkedValue) => {
      const inner: Parsing = { ...state, isLinked: true, type: linkedType, clauses: [], links: [], ignored: [] };
      const understood = readClause(linkedName, linkedValue, inner);
      state.linked = inner.linked;
      return understood ? { type: linkedType, clauses: inner.clauses, links: inner.links } : undefined;
    },
  };
  const link = state.isLinked
    ? parseLink(type, name, value, parsing)
    : wholeNamed(name, () => parseLink(type, name, value, parsing));
  if ('unknown' in link) return unknown(name, link.unknown, state, 'invalid');
  state.links.push(link);
  return true;
}

/** A refusal of a part names the whole parameter. */
function wholeNamed<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const whole = name.slice(0, 100);
    if (!(error instanceof FhirError) || error.issues[0]?.expression === whole) throw error;
    const code = error.issues[0]?.code ?? 'invalid';
    throw new FhirError(code, `in parameter '${whole}': ${error.message}`, whole, {
      status: error.status,
      headers: error.headers,
    });
  }
}

/** Conditions of the standard that are not to be had here: leaving them out would answer another question. */
const UNSEARCHED = new Set(['_filter', '_query']);

function readModifier(
  suffix: string | undefined,
  { type, code, targets }: SearchParameter,
  definitions: SearchDefinitions,
): { modifier?: Modifier; targetType?: string } {
  if (suffix === undefined) return {};
  if (suffix === 'missing' && type !== 'composite') return { modifier: 'missing' };
  if (MODIFIERS[type].includes(suffix)) return { modifier: suffix as Modifier };
  const name = `${code}:${suffix.slice(0, 60)}`;
  if (type === 'reference' && definitions.isResourceType(suffix)) {
    if (targets.includes(suffix)) return { modifier: 'type', targetType: suffix };
    throw new FhirError('invalid', `parameter '${name}': '${code}' does not lead to ${suffix}`, name);
  }
  throw new FhirError('not-supported', `parameter '${name}': this modifier is not supported for a ${type} parameter`, name);
}

function splitValues(value: string, name: string): string[] {
  const values = splitUnescaped(value, ',');
  if (values.length > MAX_VALUES) throw new FhirError('invalid', `parameter '${name}' has more than ${MAX_VALUES} values`, name);
  for (const each of values) {
    if (each === '') throw new FhirError('invalid', `parameter '${name}' has an empty value in its list`, name);
    if (each.length > MAX_VALUE_LENGTH)
      throw new FhirError('invalid', `parameter '${name}' has a value longer than ${MAX_VALUE_LENGTH} characters`, name);
  }
  return values;
}
