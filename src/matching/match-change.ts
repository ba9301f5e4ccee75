import type { Change, CodedEvent } from '../fhir/change.js';
import { equalityKeysOf } from '../search/index-rows.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues } from '../search/values.js';
import { type CompiledTopic, firedByEvent, type ResourceState, type TopicChange } from '../topics/compile-topic.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import { LIVE } from './entry.js';
import type { PredicateIndex } from './predicate-index.js';

/** What a coded event is about: the version that was current when it happened. */
export interface EventSubject {
  event: CodedEvent;
  focus: Change;
}

/** A topic that somebody subscribes to, and the key that stands for "it fired". */
export interface ListeningTopic {
  gate: number;
  topic: CompiledTopic;
}

export interface StandingMatch<Group> {
  index: PredicateIndex<Group>;
  /** Topics with a trigger for the type of the change. */
  topics: readonly ListeningTopic[];
  semantics: SearchSemantics;
  /** A criterion that could not be evaluated on this resource: its trigger does not fire. */
  onTriggerError(error: unknown, topic: CompiledTopic): void;
}

/**
 * The groups that hear of a change, each once. Triggers are decided once for a change; then filters and criteria are found by the keys
 * of the state the change leaves behind, for a delete of the state before it.
 */
export function matchChange<Group>(change: Change, previous: Change | undefined, standing: StandingMatch<Group>): Group[] {
  const { index, semantics } = standing;
  if (!index.concerns(change.type)) return [];
  const seen: TopicChange = {
    type: change.type,
    interaction: change.interaction,
    previous: previous === undefined ? undefined : stateOf(previous, semantics),
    current: change.body === null ? undefined : stateOf(change, semantics),
  };
  const gates = firedGates(seen, standing);
  if (seen.current !== undefined) gates.push(LIVE);
  const focus = seen.current ?? seen.previous;
  if (gates.length === 0) return [];
  // A delete whose last content is gone matches only what asks nothing of it.
  const keys = focus === undefined ? [] : [...equalityKeysOf(focus.values, index.parametersOf(change.type))];
  const groups = index.match({ type: change.type, keys, gates, values: () => focus?.values ?? noValues(change.type) });
  return groups.length > 1 ? [...new Set(groups)] : groups;
}

/**
 * The groups that hear of a coded event: those of topics with a trigger for it and for the type of its focus, whose filters the focus
 * passes. Criteria on resources never hear of it.
 */
export function matchEvent<Group>({ event, focus }: EventSubject, standing: StandingMatch<Group>): Group[] {
  const { index, semantics, topics } = standing;
  const gates = topics.flatMap(({ gate, topic }) => (firedByEvent(topic, event.codings, focus.type) ? [gate] : []));
  if (gates.length === 0) return [];
  const { values } = stateOf(focus, semantics);
  const keys = [...equalityKeysOf(values, index.parametersOf(focus.type))];
  return [...new Set(index.match({ type: focus.type, keys, gates, values: () => values }))];
}

/** The keys by which a change is looked up in an index: nearly all that matching it costs beside looking. */
export function keysOf(change: Change, { index, semantics }: Pick<StandingMatch<unknown>, 'index' | 'semantics'>): Set<number> {
  return equalityKeysOf(stateOf(change, semantics).values, index.parametersOf(change.type));
}

function firedGates(seen: TopicChange, { topics, onTriggerError }: StandingMatch<unknown>): number[] {
  const gates: number[] = [];
  const decided = new Map<CompiledTopic, boolean>();
  for (const { gate, topic } of topics) {
    let fired = decided.get(topic);
    if (fired === undefined) {
      fired = fires(topic, seen, onTriggerError);
      decided.set(topic, fired);
    }
    if (fired) gates.push(gate);
  }
  return gates;
}

function fires(topic: CompiledTopic, seen: TopicChange, onError: StandingMatch<unknown>['onTriggerError']): boolean {
  return topic.triggers.some((trigger) => {
    if (trigger.type !== seen.type && trigger.type !== ANY_TYPE) return false;
    try {
      return trigger.fires(seen);
    } catch (error) {
      onError(error, topic);
      return false;
    }
  });
}

/** A version as triggers, filters and links see it; each view is made when first asked for. */
export function stateOf(change: Change, semantics: SearchSemantics): ResourceState {
  let resource: unknown;
  let values: ExtractedValues | undefined;
  return {
    get resource() {
      return (resource ??= JSON.parse(change.body ?? 'null'));
    },
    get values() {
      return (values ??= semantics.extract(change.type, this.resource, { id: change.id, lastUpdated: change.at }));
    },
  };
}

export function noValues(resourceType: string): ExtractedValues {
  return { resourceType, get: () => undefined, entries: () => [] };
}
