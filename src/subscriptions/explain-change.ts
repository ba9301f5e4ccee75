import { FhirError } from '../fhir/fhir-error.js';
import { accessKeysOf } from '../search/access-keys.js';
import { printClause } from '../search/canonical-query.js';
import { type Condition, conditionsOf, isLinked, type WrittenLink } from '../search/conditions.js';
import type { CustomDefinition } from '../search/custom/custom-definition.js';
import { explainClause } from '../search/explain-clause.js';
import type { Clause } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { StandingSearch } from '../search/standing-search.js';
import type { ExtractedValues } from '../search/values.js';
import type { CompiledTopic, CompiledTrigger, ResourceState, TopicChange } from '../topics/compile-topic.js';
import { ANY_TYPE, type ResourceTrigger } from '../topics/topic-definition.js';
import type { LinkVerdict } from './linked-resources.js';
import { resolveFilters } from './resolve-filters.js';
import { countsEvents } from './status-machine.js';
import type { SubscriptionDefinition } from './subscription-definition.js';

/** How the index gets at what asks for this: by an equality, by a bound of a range, or only by trying it. */
export type AccessPath = 'equality' | 'bound' | 'none';

/** One test, the values it was held against, and what came of it. */
export interface ExplainedPredicate {
  kind: 'criteria' | 'filter' | 'previous' | 'current' | 'fhirpath';
  expression: string;
  held: boolean;
  seen: readonly string[];
  /** Only where the index files Subscriptions by it: criteria and filters. */
  accessPath?: AccessPath;
}

export interface ExplainedTrigger {
  path: string;
  type: string;
  /** The trigger is about this kind of resource and of interaction. */
  concerned: boolean;
  fired: boolean;
  /** Why it could not be decided on this resource. */
  problem?: string;
  predicates: readonly ExplainedPredicate[];
}

/** Why there is no event, the first that stands in the way; `event`: there is one. */
export type Outcome = 'event' | 'off' | 'topic' | 'type' | 'interaction' | 'trigger' | 'criteria' | 'filter' | 'unreadable';

export interface Explanation {
  outcome: Outcome;
  /** The same as a sentence. */
  because: string;
  triggers: readonly ExplainedTrigger[];
  predicates: readonly ExplainedPredicate[];
}

/** The custom parameters that a Subscription goes by, its own or those of its topic, as they were when that was written. */
export function parametersOf({ subject }: SubscriptionDefinition, topic: CompiledTopic | undefined): readonly CustomDefinition[] {
  return (subject.kind === 'classic' ? subject.parameters : topic?.definition.parameters) ?? [];
}

/** What other resources say of a change, by how the link was written. */
export type VerdictOf = (written: string) => LinkVerdict | undefined;

/**
 * What must be asked of other resources to explain a change; empty where nothing is, or where it is no question: its type is another, or
 * there is no content to follow links from.
 */
export function linksAsked(
  { subject }: SubscriptionDefinition,
  topic: CompiledTopic | undefined,
  { type }: Pick<TopicChange, 'type'>,
  semantics: SearchSemantics,
): readonly WrittenLink[] {
  try {
    return conditionsFor(subject, topic, type, semantics).filter(isLinked);
  } catch (error) {
    // Told by the explanation itself.
    if (error instanceof FhirError) return [];
    throw error;
  }
}

function conditionsFor(
  subject: SubscriptionDefinition['subject'],
  topic: CompiledTopic | undefined,
  type: string,
  semantics: SearchSemantics,
): readonly Condition[] {
  if (subject.kind === 'classic') {
    const query = semantics.standing(subject.parameters).parseCriteria(subject.criteria);
    return query.type === type ? conditionsOf(query) : [];
  }
  if (topic === undefined) return [];
  const filters = resolveFilters(subject.filters, topic.definition, semantics);
  return [...(filters.get(ANY_TYPE) ?? []), ...(filters.get(type) ?? [])];
}

/**
 * Why a change is or is not an event for a Subscription: the same triggers, the same clauses and the same order of questions as matching,
 * each one answered. `topic` is the active one that its criteria name; `verdictOf` knows of all that {@link linksAsked} tells.
 */
export function explainChange(
  definition: SubscriptionDefinition,
  topic: CompiledTopic | undefined,
  change: TopicChange,
  semantics: SearchSemantics,
  verdictOf: VerdictOf = () => undefined,
): Explanation {
  try {
    const found =
      definition.subject.kind === 'classic'
        ? explainClassic(definition.subject, change, semantics, verdictOf)
        : explainTopic(definition.subject, topic, change, semantics, verdictOf);
    if (found.outcome !== 'event' || countsEvents(definition.status)) return found;
    return { ...found, outcome: 'off', because: `It would be an event, but the Subscription is ${definition.status}.` };
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    return {
      outcome: 'unreadable',
      because: `Matching cannot compute it any more: ${error.message}`,
      triggers: [],
      predicates: [],
    };
  }
}

/**
 * The tests by which the index would file a Subscription, each with how it is found by it. One that has no test, or only such as have no
 * access path, is tried for every change that its type or topic lets through.
 */
export function filingOf(
  { subject }: SubscriptionDefinition,
  topic: CompiledTopic | undefined,
  semantics: SearchSemantics,
): (Pick<ExplainedPredicate, 'kind' | 'expression' | 'accessPath'> & { isLink: boolean })[] {
  const [kind, conditions]: ['criteria' | 'filter', readonly Condition[]] =
    subject.kind === 'classic'
      ? ['criteria', conditionsOf(semantics.standing(subject.parameters).parseCriteria(subject.criteria))]
      : ['filter', topic ? [...resolveFilters(subject.filters, topic.definition, semantics).values()].flat() : []];
  const paths = new Map(conditions.map((condition) => [textOf(condition), condition]));
  return [...paths].map(([expression, condition]) => ({
    kind,
    expression,
    accessPath: accessPathOf(condition),
    isLink: isLinked(condition),
  }));
}

/** Whether the index has something to find it by; without, it is tried for every change of its type. */
function accessPathOf(clause: Condition): AccessPath {
  // A chain is filed by the presence of its reference, which nearly every resource has.
  if (isLinked(clause)) return 'none';
  if (accessKeysOf(clause) !== undefined) return 'equality';
  const bounded =
    clause.modifier === undefined && clause.values.every((value) => 'comparator' in value && BOUNDED.has(value.comparator));
  return bounded && clause.values.length > 0 ? 'bound' : 'none';
}

const BOUNDED: ReadonlySet<string> = new Set(['gt', 'ge', 'sa', 'eq', 'lt', 'le', 'eb']);

function explainClassic(
  { criteria, parameters }: SubscriptionDefinition['subject'] & { kind: 'classic' },
  change: TopicChange,
  semantics: SearchSemantics,
  verdictOf: VerdictOf,
): Explanation {
  const query = semantics.standing(parameters).parseCriteria(criteria);
  const { type } = query;
  const nothing = { triggers: [], predicates: [] };
  if (type !== change.type)
    return { outcome: 'type', because: `The criteria are about ${type}, the change is one of ${change.type}.`, ...nothing };
  if (change.current === undefined)
    return {
      outcome: 'interaction',
      because: 'Classic criteria are tested on what a change leaves behind; a delete leaves nothing.',
      ...nothing,
    };
  const predicates = explainAll('criteria', conditionsOf(query), change.current.values, verdictOf);
  const failed = predicates.find(({ held }) => !held);
  return {
    outcome: failed === undefined ? 'event' : 'criteria',
    because: failed === undefined ? 'All criteria hold.' : `${failed.expression} does not hold.`,
    triggers: [],
    predicates,
  };
}

function explainTopic(
  subject: SubscriptionDefinition['subject'] & { kind: 'topic' },
  topic: CompiledTopic | undefined,
  change: TopicChange,
  semantics: SearchSemantics,
  verdictOf: VerdictOf,
): Explanation {
  if (topic === undefined)
    return { outcome: 'topic', because: `There is no active topic ${subject.topic}.`, triggers: [], predicates: [] };
  const conditions = conditionsFor(subject, topic, change.type, semantics);
  const triggers = topic.triggers.flatMap((compiled, index) => {
    const trigger = topic.definition.triggers[index];
    return trigger === undefined
      ? []
      : [explainTrigger(compiled, trigger, change, semantics.standing(topic.definition.parameters))];
  });
  const ofType = topic.triggers.filter(({ type }) => isAbout(type, change.type));
  const focus = change.current ?? change.previous;
  const values = focus?.values ?? noValues(change.type);
  const predicates = ofType.length === 0 ? [] : explainAll('filter', conditions, values, verdictOf);
  const failed = predicates.find(({ held }) => !held);
  const because = (outcome: Outcome, text: string): Explanation => ({ outcome, because: text, triggers, predicates });
  if (ofType.length === 0) return because('type', `No trigger of the topic is about ${change.type}.`);
  if (!triggers.some(({ concerned }) => concerned))
    return because('interaction', `No trigger of the topic about ${change.type} is about a ${change.interaction}.`);
  if (!triggers.some(({ fired }) => fired)) return because('trigger', 'No trigger of the topic fired.');
  if (failed !== undefined) return because('filter', `The topic fired, but the filter ${failed.expression} does not hold.`);
  return because(
    'event',
    conditions.length === 0 ? 'The topic fired; no filter applies.' : 'The topic fired and all filters hold.',
  );
}

function explainTrigger(
  compiled: CompiledTrigger,
  trigger: ResourceTrigger,
  change: TopicChange,
  search: StandingSearch,
): ExplainedTrigger {
  const { path, type, interactions, queryCriteria, fhirPathCriteria } = trigger;
  const concerned = isAbout(type, change.type) && interactions.has(change.interaction);
  if (!concerned) return { path, type, concerned, fired: false, predicates: [] };
  let fired = false;
  let problem: string | undefined;
  try {
    fired = compiled.fires(change);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const tested = (kind: 'previous' | 'current', query: string | undefined, state: ResourceState | undefined) =>
    query === undefined
      ? []
      : explainAll(kind, search.parseTerms(change.type, query).clauses, state?.values ?? noValues(change.type), () => undefined);
  const predicates: ExplainedPredicate[] = [];
  if (fhirPathCriteria !== undefined) predicates.push({ kind: 'fhirpath', expression: fhirPathCriteria, held: fired, seen: [] });
  else if (queryCriteria !== undefined) {
    // On create there is no previous state and on delete no current one: there the topic states what the test comes to.
    predicates.push(
      ...(change.interaction === 'create'
        ? stated('previous', queryCriteria.resultForCreate)
        : tested('previous', queryCriteria.previous, change.previous)),
      ...(change.interaction === 'delete'
        ? stated('current', queryCriteria.resultForDelete)
        : tested('current', queryCriteria.current, change.current)),
    );
  }
  return { path, type, concerned, fired, problem, predicates };
}

function stated(kind: 'previous' | 'current', result: 'test-passes' | 'test-fails' | undefined): ExplainedPredicate[] {
  return result === undefined ? [] : [{ kind, expression: `no state: ${result}`, held: result === 'test-passes', seen: [] }];
}

function explainAll(
  kind: ExplainedPredicate['kind'],
  conditions: readonly Condition[],
  values: ExtractedValues,
  verdictOf: VerdictOf,
): ExplainedPredicate[] {
  const filed = kind === 'criteria' || kind === 'filter';
  return conditions.map((condition) => ({
    kind,
    expression: textOf(condition),
    ...(isLinked(condition) ? explainLink(condition, verdictOf) : explainClause(condition, values)),
    ...(filed ? { accessPath: accessPathOf(condition) } : {}),
  }));
}

function explainLink({ written }: WrittenLink, verdictOf: VerdictOf): Pick<ExplainedPredicate, 'held' | 'seen'> {
  const verdict = verdictOf(written);
  if (typeof verdict === 'boolean') return { held: verdict, seen: [] };
  throw new FhirError('too-costly', `"${written}" follows links to so many resources that it cannot be tested in time`);
}

const textOf = (condition: Condition) =>
  isLinked(condition) ? condition.written : decodeURIComponent(printClause(condition satisfies Clause));

const isAbout = (type: string, changed: string) => type === changed || type === ANY_TYPE;

/** What is known of a delete whose last content is gone. */
function noValues(resourceType: string): ExtractedValues {
  return { resourceType, get: () => undefined, entries: () => [] };
}
