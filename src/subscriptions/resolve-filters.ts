import { FhirError } from '../fhir/fhir-error.js';
import type { Clause } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { SearchParameterType } from '../search/values.js';
import { filterParameterOf, typesOfFilter } from '../topics/compile-topic.js';
import { ANY_TYPE, type FilterDeclaration, type TopicDefinition } from '../topics/topic-definition.js';
import { type FilterTerm, parseFilter, splitValues } from './filter-syntax.js';
import { refused } from './refused.js';

/** What a Subscription's filters ask of a focus, by its type. A type that is not listed is asked nothing. */
export type FiltersByType = ReadonlyMap<string, readonly Clause[]>;

const COMPARATORS: ReadonlySet<string> = new Set(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap']);
const ORDERED: ReadonlySet<SearchParameterType> = new Set<SearchParameterType>(['number', 'date', 'quantity']);

export const FILTER_CRITERIA = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria';

/**
 * Checks filters against what their topic declares and turns them into clauses for each type they apply to; all must hold.
 * @throws FhirError 422 for anything that is undeclared or cannot be computed: a filter is never dropped in silence
 */
export function resolveFilters(filters: readonly string[], topic: TopicDefinition, semantics: SearchSemantics): FiltersByType {
  const byType = new Map<string, Clause[]>();
  filters.forEach((filter, index) => {
    const at = `Subscription.criteria.extension[${index}]`;
    const terms = parseFilter(filter);
    if (terms === undefined)
      throw refused(at, `The filter "${filter}" does not have the form [Type?]parameter[:modifier]=value.`);
    for (const term of terms) {
      for (const [type, clauses] of resolveTerm(term, topic, semantics, at)) {
        byType.set(type, [...(byType.get(type) ?? []), ...clauses]);
      }
    }
  });
  return byType;
}

function resolveTerm(
  term: FilterTerm,
  topic: TopicDefinition,
  semantics: SearchSemantics,
  at: string,
): (readonly [string, readonly Clause[]])[] {
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
  return applicable.map(({ filter, type }) => [type, clausesOf(term, filter, type, semantics, at)] as const);
}

function clausesOf(
  term: FilterTerm,
  filter: FilterDeclaration,
  type: string,
  semantics: SearchSemantics,
  at: string,
): readonly Clause[] {
  const parsedFor = type === ANY_TYPE ? 'Basic' : type;
  const parameter = filterParameterOf(filter, parsedFor, semantics);
  if (parameter === undefined) {
    throw refused(
      at,
      filter.parameter.includes('.')
        ? `The filter "${filter.parameter}" follows a reference; the hub does not evaluate chained filters.`
        : `The hub cannot evaluate the filter "${filter.parameter}".`,
      'not-supported',
    );
  }
  for (const used of operatorsOf(term, ORDERED.has(parameter.type))) {
    if (!isDeclared(used, filter.modifiers))
      throw refused(
        at,
        `The topic does not declare "${used}" for the filter "${filter.parameter}"; it declares: ${
          filter.modifiers.join(', ') || 'equality only'
        }.`,
      );
  }
  const name = term.modifier === undefined ? parameter.code : `${parameter.code}:${term.modifier}`;
  try {
    return semantics.parseTerms(parsedFor, [[name, term.value]]).clauses;
  } catch (error) {
    if (error instanceof FhirError) throw refused(at, error.message, 'not-supported');
    throw error;
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
