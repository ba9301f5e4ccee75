import { FhirError } from '../fhir/fhir-error.js';
import { type Condition, conditionsOf, isLinked } from '../search/conditions.js';
import type { Link } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { StandingSearch } from '../search/standing-search.js';
import type { SearchParameterType } from '../search/values.js';
import { filterParameterOf, typesOfFilter } from '../topics/compile-topic.js';
import { ANY_TYPE, type FilterDeclaration, type TopicDefinition } from '../topics/topic-definition.js';
import { type FilterTerm, parseFilter, splitValues } from './filter-syntax.js';
import { refused } from './refused.js';

/** What a Subscription's filters ask of a focus, by its type. A type that is not listed is asked nothing. */
export type FiltersByType = ReadonlyMap<string, readonly Condition[]>;

const COMPARATORS: ReadonlySet<string> = new Set(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap']);
const ORDERED: ReadonlySet<SearchParameterType> = new Set<SearchParameterType>(['number', 'date', 'quantity']);

export const FILTER_CRITERIA = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria';

/**
 * Checks filters against what their topic declares and turns them into clauses for each type they apply to; all must hold.
 * @throws FhirError 422 for anything that is undeclared or cannot be computed: a filter is never dropped in silence
 */
export function resolveFilters(filters: readonly string[], topic: TopicDefinition, semantics: SearchSemantics): FiltersByType {
  const byType = new Map<string, Condition[]>();
  const search = semantics.standing(topic.parameters);
  filters.forEach((filter, index) => {
    const at = `Subscription.criteria.extension[${index}]`;
    const terms = parseFilter(filter);
    if (terms === undefined)
      throw refused(at, `The filter "${filter}" does not have the form [Type?]parameter[:modifier]=value.`);
    for (const term of terms) {
      for (const [type, conditions] of resolveTerm(term, topic, search, at)) {
        byType.set(type, [...(byType.get(type) ?? []), ...conditions]);
      }
    }
  });
  return byType;
}

function resolveTerm(
  term: FilterTerm,
  topic: TopicDefinition,
  search: StandingSearch,
  at: string,
): (readonly [string, readonly Condition[]])[] {
  const declared = topic.filters.filter((filter) => filter.parameter === term.parameter);
  const applicable = declared.flatMap((filter) =>
    typesOfFilter(filter, topic)
      .map((type) => (type === ANY_TYPE && term.type !== undefined ? term.type : type))
      .filter((type) => term.type === undefined || type === term.type)
      .map((type) => ({ filter, type })),
  );
  if (applicable.length === 0) {
    throw refused(
      at,
      `The topic declares no filter "${term.parameter}"${term.type === undefined ? '' : ` for ${term.type}`}; it declares: ${
        topic.filters.map((filter) => filter.parameter).join(', ') || 'none'
      }.`,
    );
  }
  return applicable.map(({ filter, type }) => [type, conditionsAsked(term, filter, type, search, at)] as const);
}

function conditionsAsked(
  term: FilterTerm,
  filter: FilterDeclaration,
  type: string,
  search: StandingSearch,
  at: string,
): readonly Condition[] {
  const parsedFor = type === ANY_TYPE ? 'Basic' : type;
  if (filter.parameter.includes('.')) return chainAsked(term, filter, type, search, at);
  const parameter = filterParameterOf(filter, parsedFor, search);
  if (parameter === undefined) {
    throw refused(at, `The hub cannot evaluate the filter "${filter.parameter}".`, 'not-supported');
  }
  checkOperators(term, filter, ORDERED.has(parameter.type), at);
  return readTerm(parsedFor, parameter.written ?? parameter.code, term, search, at);
}

/** A filter that its topic declares as a chain, `patient.organization`: what it asks is decided by other resources. */
function chainAsked(
  term: FilterTerm,
  filter: FilterDeclaration,
  type: string,
  search: StandingSearch,
  at: string,
): readonly Condition[] {
  if (type === ANY_TYPE)
    throw refused(at, `The filter "${filter.parameter}" follows a reference, for which the type must be named.`, 'not-supported');
  const conditions = readTerm(type, filter.parameter, term, search, at);
  const ordered = conditions.some((condition) => isLinked(condition) && endsOrdered(condition.link));
  checkOperators(term, filter, ordered, at);
  return conditions;
}

function readTerm(
  type: string,
  code: string,
  { modifier, value }: FilterTerm,
  search: StandingSearch,
  at: string,
): readonly Condition[] {
  const name = modifier === undefined ? code : `${code}:${modifier}`;
  try {
    return conditionsOf(search.parseTerms(type, [[name, value]], { links: true }));
  } catch (error) {
    if (error instanceof FhirError) throw refused(at, error.message, 'not-supported');
    throw error;
  }
}

/** Whether some parameter at the end of a link has an order, so that comparators may stand before its values. */
function endsOrdered(link: Link): boolean {
  if (link.kind === 'reach') return false;
  const ends = link.kind === 'has' ? [link.source] : link.targets;
  return ends.some(
    ({ clauses, links }) => clauses.some(({ parameter }) => ORDERED.has(parameter.type)) || links.some(endsOrdered),
  );
}

function checkOperators(term: FilterTerm, filter: FilterDeclaration, ordered: boolean, at: string): void {
  for (const used of operatorsOf(term, ordered)) {
    if (!isDeclared(used, filter.modifiers))
      throw refused(
        at,
        `The topic does not declare "${used}" for the filter "${filter.parameter}"; it declares: ${
          filter.modifiers.join(', ') || 'equality only'
        }.`,
      );
  }
}

/** The modifier, or the comparators before the values; `=` for plain equality. */
function operatorsOf(term: FilterTerm, ordered: boolean): string[] {
  if (term.modifier !== undefined) return [term.modifier];
  if (!ordered) return ['='];
  return splitValues(term.value).map((value) => (COMPARATORS.has(value.slice(0, 2)) ? value.slice(0, 2) : '='));
}

function isDeclared(used: string, declared: readonly string[]): boolean {
  if (used === '=' || used === 'eq') return declared.length === 0 || declared.includes('=') || declared.includes('eq');
  return declared.includes(used);
}
