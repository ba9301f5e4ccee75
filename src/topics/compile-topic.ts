import type { EventCoding, Interaction } from '../fhir/change.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import { clauseHolds } from '../search/clause-holds.js';
import type { Clause } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { StandingSearch } from '../search/standing-search.js';
import type { ExtractedValues, SearchParameter } from '../search/values.js';
import { compileFhirPath, type FhirPathTest } from './fhirpath-criteria.js';
import { criteriaFire } from './query-criteria.js';
import { ANY_TYPE, type FilterDeclaration, type ResourceTrigger, type TopicDefinition } from './topic-definition.js';

/** One state of a resource; both views are made when first asked for. */
export interface ResourceState {
  readonly values: ExtractedValues;
  /** The parsed JSON, for FHIRPath. */
  readonly resource: unknown;
}

/** A change as triggers see it: on create there is no previous state, on delete no current one. */
export interface TopicChange {
  type: string;
  interaction: Interaction;
  previous?: ResourceState;
  current?: ResourceState;
}

export interface CompiledTrigger {
  /** A resource type, or ANY_TYPE. */
  type: string;
  /** Whether deciding needs the state before a change of this kind (filters of a delete are tested on it, too). */
  needsPrevious(interaction: Interaction): boolean;
  /** @throws Error where a FHIRPath criterion fails on this resource: the caller logs it and the trigger does not fire */
  fires(change: TopicChange): boolean;
}

export interface CompiledTopic {
  definition: TopicDefinition;
  triggers: readonly CompiledTrigger[];
}

/**
 * Compiles a topic's triggers, so that deciding costs no parsing. Where a trigger has both queryCriteria and fhirPathCriteria, the
 * FHIRPath decides (the standard leaves it open; they are meant to say the same).
 * @throws FhirError 422 naming every element that cannot be computed
 */
export function compileTopic(definition: TopicDefinition, semantics: SearchSemantics): CompiledTopic {
  const issues: Issue[] = [];
  const search = semantics.standing(definition.parameters);
  const triggers = definition.triggers.flatMap((trigger) => compileTrigger(trigger, search, issues) ?? []);
  for (const filter of definition.filters) checkFilter(filter, definition, search, issues);
  const hears = definition.eventTriggers.some(({ codings }) => codings.some(({ code }) => code !== undefined));
  if (triggers.length === 0 && !hears && issues.length === 0)
    issues.push({
      code: 'business-rule',
      diagnostics: 'The topic has no trigger that the hub could compute.',
      expression: 'SubscriptionTopic.resourceTrigger',
    });
  const [first, ...rest] = issues;
  if (first !== undefined) throw FhirError.ofIssues([first, ...rest], { status: 422 });
  return { definition, triggers };
}

/** Whether the topic has a trigger for an event with one of these codings about a resource of this type. */
export function firedByEvent({ definition }: CompiledTopic, codings: readonly EventCoding[], type: string): boolean {
  if (definition.status !== 'active') return false;
  return definition.eventTriggers.some(
    (trigger) =>
      (trigger.type === type || trigger.type === ANY_TYPE) &&
      trigger.codings.some((own) => codings.some(({ system, code }) => own.code === code && own.system === system)),
  );
}

/** The search parameter a declared filter means for resources of `type`; undefined for chains and names of the topic's own. */
export function filterParameterOf(filter: FilterDeclaration, type: string, search: StandingSearch): SearchParameter | undefined {
  const defined = search.definitions.parametersOf(type).find((parameter) => parameter.url === filter.definition);
  return defined ?? search.definitions.find(type, filter.parameter);
}

/** Types that a filter may apply to within its topic. */
export function typesOfFilter(filter: FilterDeclaration, topic: TopicDefinition): readonly string[] {
  const types = [...new Set([...topic.triggers, ...topic.eventTriggers].map((trigger) => trigger.type))];
  if (filter.type === undefined || filter.type === ANY_TYPE) return types;
  return types.includes(filter.type) || types.includes(ANY_TYPE) ? [filter.type] : [];
}

/** Stands in where a topic is about every type: it has the parameters that all types share. */
const TYPE_OF_SHARED_PARAMETERS = 'Basic';

function compileTrigger(trigger: ResourceTrigger, search: StandingSearch, issues: Issue[]): CompiledTrigger | undefined {
  const { type, interactions, queryCriteria } = trigger;
  const refuse = (element: string, error: unknown) => {
    issues.push({ code: 'business-rule', diagnostics: messageOf(error), expression: `${trigger.path}.${element}` });
    return undefined;
  };
  if (trigger.fhirPathCriteria !== undefined) {
    const test = attempt(
      () => compileFhirPath(trigger.fhirPathCriteria ?? ''),
      (error) => refuse('fhirPathCriteria', error),
    );
    return test && fhirPathTrigger(type, interactions, test, /%previous|%`previous`/.test(trigger.fhirPathCriteria));
  }
  if (queryCriteria === undefined) {
    return {
      type,
      needsPrevious: (interaction) => interaction === 'delete' && interactions.has('delete'),
      fires: (change) => interactions.has(change.interaction),
    };
  }
  const compileTest = (element: 'previous' | 'current') =>
    attempt(
      () => stateTest(type, queryCriteria[element], search),
      (error) => refuse(`queryCriteria.${element}`, error),
    );
  const previous = compileTest('previous');
  const current = compileTest('current');
  if (previous === undefined || current === undefined) return undefined;
  return {
    type,
    needsPrevious: (interaction) =>
      interactions.has(interaction) &&
      (interaction === 'delete' || (interaction === 'update' && queryCriteria.previous !== undefined)),
    fires: (change) =>
      interactions.has(change.interaction) &&
      criteriaFire(queryCriteria, change.interaction, {
        previous: () => change.previous !== undefined && previous(change.type, change.previous.values),
        current: () => change.current !== undefined && current(change.type, change.current.values),
      }),
  };
}

function fhirPathTrigger(
  type: string,
  interactions: ReadonlySet<Interaction>,
  test: FhirPathTest,
  mentionsPrevious: boolean,
): CompiledTrigger {
  return {
    type,
    needsPrevious: (interaction) =>
      interactions.has(interaction) && (interaction === 'delete' || (interaction === 'update' && mentionsPrevious)),
    fires: (change) => interactions.has(change.interaction) && test(change.previous?.resource, change.current?.resource),
  };
}

/** A search string as a test of one state; for a topic about every type it is parsed for each type when first met. */
function stateTest(
  type: string,
  query: string | undefined,
  search: StandingSearch,
): (type: string, values: ExtractedValues) => boolean {
  if (query === undefined) return () => false;
  const clauses = search.parseTerms(type === ANY_TYPE ? TYPE_OF_SHARED_PARAMETERS : type, query).clauses;
  if (type !== ANY_TYPE) return (_, values) => allHold(clauses, values);
  const byType = new Map<string, readonly Clause[]>();
  return (changed, values) => {
    let own = byType.get(changed);
    if (own === undefined) byType.set(changed, (own = search.parseTerms(changed, query).clauses));
    return allHold(own, values);
  };
}

function allHold(clauses: readonly Clause[], values: ExtractedValues): boolean {
  return clauses.every((clause) => clauseHolds(clause, values));
}

/** A chain is accepted as a declaration (a Subscription that uses it is refused); a name that means nothing at all is a slip. */
function checkFilter(filter: FilterDeclaration, topic: TopicDefinition, search: StandingSearch, issues: Issue[]): void {
  const types = typesOfFilter(filter, topic);
  if (types.length === 0) {
    issues.push({
      code: 'business-rule',
      diagnostics: `No trigger of the topic is about ${filter.type ?? 'this type'}.`,
      expression: `${filter.path}.resource`,
    });
  } else if (!filter.parameter.includes('.') && !types.some((type) => isKnown(filter, type, search))) {
    issues.push({
      code: 'business-rule',
      diagnostics: `"${filter.parameter}" is no search parameter of ${types.join(', ')}.`,
      expression: `${filter.path}.filterParameter`,
    });
  }
}

function isKnown(filter: FilterDeclaration, type: string, search: StandingSearch): boolean {
  return filterParameterOf(filter, type === ANY_TYPE ? TYPE_OF_SHARED_PARAMETERS : type, search) !== undefined;
}

function attempt<T>(work: () => T, failed: (error: unknown) => undefined): T | undefined {
  try {
    return work();
  } catch (error) {
    return failed(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
