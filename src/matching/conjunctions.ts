import type { Condition } from '../search/conditions.js';
import type { Link } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { type FiltersByType, resolveFilters } from '../subscriptions/resolve-filters.js';
import type { CompiledTopic } from '../topics/compile-topic.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import { type Predicate, predicateOf } from './entry.js';
import type { GroupSubject } from './group-plan.js';
import type { TermPredicates } from './term-predicates.js';

/** What a group asks of a resource of one type. */
export interface Conjunction {
  type: string;
  predicates: readonly Predicate[];
}

/** What filters ask under their topic, for each type that it is about. `terms`: predicates of this topic that are made already. */
export function conjunctionsOfFilters(
  { filters }: GroupSubject & { kind: 'topic' },
  topic: CompiledTopic,
  semantics: SearchSemantics,
  terms: TermPredicates,
): Conjunction[] {
  const types = new Set(triggerTypesOf(topic));
  if (types.has(ANY_TYPE)) return conjunctionsOfAnyType(resolveFilters(filters, topic.definition, semantics), semantics);
  const resolved = new Map<string, FiltersByType>();
  const conditionsOf = (filter: string, type: string): readonly Condition[] => {
    let byType = resolved.get(filter);
    if (byType === undefined) resolved.set(filter, (byType = resolveFilters([filter], topic.definition, semantics)));
    return byType.get(type) ?? [];
  };
  return [...types].map((type) => ({
    type,
    predicates: filters.flatMap((filter) => terms.of(type, filter, () => conditionsOf(filter, type))),
  }));
}

/** Types that have filters of their own must pass those as well, so they are told apart from the rest by name. */
function conjunctionsOfAnyType(filters: FiltersByType, semantics: SearchSemantics): Conjunction[] {
  const shared = filters.get(ANY_TYPE) ?? [];
  const own = [...filters.keys()].filter((type) => type !== ANY_TYPE);
  if (own.length === 0) return [{ type: ANY_TYPE, predicates: shared.map((clause) => predicateOf(clause, false)) }];
  return semantics.definitions.resourceTypes().map((type) => ({
    type,
    predicates: [...shared, ...(filters.get(type) ?? [])].map((clause) => predicateOf(clause, shared.length === 0)),
  }));
}

/** What conjunctions ask of other resources, by type; undefined where nothing is. */
export function linksOf(conjunctions: readonly Conjunction[]): ReadonlyMap<string, readonly Link[]> | undefined {
  let found: Map<string, readonly Link[]> | undefined;
  for (const { type, predicates } of conjunctions) {
    if (!predicates.some(({ link }) => link !== undefined)) continue;
    (found ??= new Map()).set(
      type,
      predicates.flatMap(({ link }) => link ?? []),
    );
  }
  return found;
}

/** Everything of a topic that decides how its groups are filed. */
export function filterableOf(topic: CompiledTopic | undefined): string {
  if (topic === undefined) return '';
  const { filters, parameters } = topic.definition;
  return JSON.stringify([[...new Set(triggerTypesOf(topic))].sort(), filters, parameters]);
}

function triggerTypesOf({ triggers, definition }: CompiledTopic): string[] {
  return [...triggers, ...definition.eventTriggers].map(({ type }) => type);
}
