import type { Change, Face, Interaction } from '../fhir/change.js';
import type { Clause } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import { resolveFilters } from '../subscriptions/resolve-filters.js';
import { countsEvents } from '../subscriptions/status-machine.js';
import type { Log } from '../telemetry/log.js';
import { readTopic } from '../topics/current-catalog.js';
import type { CompiledTopic } from '../topics/compile-topic.js';
import { splitCanonical, TopicCatalog } from '../topics/topic-catalog.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import { type Entry, LIVE } from './entry.js';
import type { MembershipChange } from './event-ledger.js';
import { definitionOf, groupPlan, type GroupPlan, type GroupSubject } from './group-plan.js';
import { type EventSubject, type ListeningTopic, matchChange, matchEvent, type StandingMatch } from './match-change.js';
import { type IndexCounters, PredicateIndex } from './predicate-index.js';

/** Subscriptions with the same topic, filters and rights: one match, one row in the log, for all of them. */
interface Group {
  readonly fingerprint: string;
  readonly subject: GroupSubject;
  subscribers: number;
  entries: readonly Entry<Group>[];
}

interface Member {
  version: number;
  face: Face;
  group: Group | undefined;
}

/** What a group asks of a resource of one type. Clauses shared by all types were read for a stand-in: their keys say nothing of others. */
interface Conjunction {
  type: string;
  clauses: readonly Clause[];
  keyed?: boolean;
}

/** A canonical that groups name, resolved to the topic it means at this place of the log. */
interface Listening {
  readonly canonical: string;
  readonly gate: number;
  topic: CompiledTopic | undefined;
  readonly groups: Set<Group>;
}

type JoinStep = Omit<Extract<MembershipChange, { kind: 'join' }>, 'afterEvent'>;

export type MembershipStep =
  JoinStep | Omit<Extract<MembershipChange, { kind: 'leave' }>, 'afterEvent'> | Extract<MembershipChange, { kind: 'forget' }>;

/** Types whose changes alter what stands. */
export const STANDING_TYPES = ['SubscriptionTopic', 'Subscription'] as const;

/**
 * All standing queries at one place of the change log. Changes of Subscriptions and SubscriptionTopics are applied in log order, so
 * that an activation, a new filter, a pause or a delete takes effect at its exact place, on whichever process matches.
 */
export class StandingQueries {
  private readonly index = new PredicateIndex<Group>();
  private readonly catalog = new TopicCatalog<CompiledTopic>();
  private readonly groups = new Map<string, Group>();
  private readonly members = new Map<string, Member>();
  private readonly topicVersions = new Map<string, number>();
  private readonly listening = new Map<string, Listening>();
  private readonly listeningByType = new Map<string, readonly ListeningTopic[]>();
  private nextGate = LIVE + 1;

  constructor(
    private readonly semantics: SearchSemantics,
    private readonly log: Log,
  ) {}

  get counters(): IndexCounters & { groups: number; subscriptions: number } {
    return { ...this.index.counters, groups: this.groups.size, subscriptions: this.members.size };
  }

  /** Fingerprints of the groups that hear of the change, each once. */
  match(change: Change, previous: Change | undefined): string[] {
    return matchChange(change, previous, this.matching(change, this.topicsOf(change.type))).map((group) => group.fingerprint);
  }

  /**
   * Fingerprints of the groups that hear of a coded event. Where the request that brought it also wrote its focus, groups that heard of
   * that change are left out: whichever of its triggers fire, a topic tells a happening once.
   */
  matchEvent(subject: EventSubject, heard: readonly string[] = []): string[] {
    const groups = matchEvent(subject, this.matching(subject.focus, [...this.listening.values()].filter(isResolved)));
    return groups.map((group) => group.fingerprint).filter((fingerprint) => !heard.includes(fingerprint));
  }

  private matching({ type, id }: Change, topics: readonly ListeningTopic[]): StandingMatch<Group> {
    return {
      index: this.index,
      topics,
      semantics: this.semantics,
      onTriggerError: (err, { definition }) => {
        this.log.warn({ err, topic: definition.url, type, id }, 'matching.trigger-failed');
      },
    };
  }

  /** Whether some topic looks at the state before this change. */
  needsPrevious(change: Pick<Change, 'type' | 'interaction'>): boolean {
    const interaction: Interaction = change.interaction;
    if (interaction === 'create') return false;
    return this.topicsOf(change.type).some(({ topic }) =>
      topic.triggers.some(
        (trigger) => (trigger.type === change.type || trigger.type === ANY_TYPE) && trigger.needsPrevious(interaction),
      ),
    );
  }

  /** Applies a change of a Subscription or SubscriptionTopic; what it means for the numbered log comes back in order. */
  apply(change: Change): MembershipStep[] {
    if (change.type === 'SubscriptionTopic') {
      this.applyTopic(change);
      return [];
    }
    return change.type === 'Subscription' ? this.applySubscription(change) : [];
  }

  /** Fingerprint of the group that a Subscription belongs to by its own text, if it takes events. */
  groupOf(subscriptionId: string): string | undefined {
    return this.members.get(subscriptionId)?.group?.fingerprint;
  }

  /** Subscriptions that take events. */
  *subscriptionIds(): Iterable<string> {
    for (const [id, { group }] of this.members) if (group !== undefined) yield id;
  }

  /** The step by which a Subscription enters the group it belongs to. */
  joinOf(subscriptionId: string): JoinStep | undefined {
    const member = this.members.get(subscriptionId);
    return member?.group === undefined
      ? undefined
      : joinStep(subscriptionId, member.face, {
          fingerprint: member.group.fingerprint,
          definition: definitionOf(member.group.subject),
        });
  }

  private applyTopic(change: Change): void {
    // Versions of one resource may come out of order where two transactions overlapped; the newest counts.
    if (change.version <= (this.topicVersions.get(change.id) ?? 0)) return;
    this.topicVersions.set(change.id, change.version);
    const before = this.catalog.remove(change.id);
    const after = change.body === null ? undefined : readTopic(change.body, change.id, this.semantics);
    if (after !== undefined) this.catalog.put(after);
    else if (change.body !== null) this.log.warn({ id: change.id }, 'matching.topic-unreadable');
    const urls = new Set([before?.definition.url, after?.definition.url]);
    for (const listening of this.listening.values()) {
      if (urls.has(splitCanonical(listening.canonical).url)) this.resolve(listening);
    }
    this.listeningByType.clear();
  }

  private applySubscription(change: Change): MembershipStep[] {
    const member = this.members.get(change.id);
    if (member !== undefined && change.version <= member.version) return [];
    if (change.body === null) {
      if (member !== undefined) this.setGroup(member, undefined);
      this.members.delete(change.id);
      return [{ kind: 'forget', subscriptionId: change.id }];
    }
    const { plan, counts } = this.planOf(change, change.body);
    const current = member ?? { version: change.version, face: change.face, group: undefined };
    if (member === undefined) this.members.set(change.id, current);
    current.version = change.version;
    current.face = change.face;
    const before = current.group?.fingerprint;
    const after = counts ? plan?.fingerprint : undefined;
    const leave: MembershipStep = { kind: 'leave', subscriptionId: change.id };
    if (after === before) {
      // One that is made switched off has no events yet, but a place in the log where they will begin.
      return member === undefined && plan !== undefined ? [joinStep(change.id, change.face, plan), leave] : [];
    }
    this.setGroup(current, counts ? plan : undefined);
    const join = counts && plan !== undefined ? [joinStep(change.id, change.face, plan)] : [];
    return before === undefined ? join : [leave, ...join];
  }

  private planOf(change: Change, body: string): { plan?: GroupPlan; counts: boolean } {
    try {
      const value = JSON.parse(body) as Record<string, unknown>;
      const definition = parseSubscription(value, change.id, change.version, change.face);
      return { plan: groupPlan(definition, this.semantics), counts: countsEvents(definition.status) };
    } catch (err) {
      this.log.error({ err, subscriptionId: change.id, version: change.version }, 'matching.subscription-unreadable');
      return { counts: false };
    }
  }

  private setGroup(member: Member, plan: GroupPlan | undefined): void {
    const old = member.group;
    member.group = plan === undefined ? undefined : this.enter(plan);
    if (old !== undefined && --old.subscribers === 0) this.dissolve(old);
  }

  private enter(plan: GroupPlan): Group {
    let group = this.groups.get(plan.fingerprint);
    if (group === undefined) {
      group = { fingerprint: plan.fingerprint, subject: plan.subject, subscribers: 0, entries: [] };
      this.groups.set(plan.fingerprint, group);
      if (group.subject.kind === 'topic') this.listen(group, group.subject.topic);
      else this.file(group, undefined);
    }
    group.subscribers++;
    return group;
  }

  private dissolve(group: Group): void {
    for (const entry of group.entries) this.index.remove(entry);
    this.groups.delete(group.fingerprint);
    if (group.subject.kind === 'classic') return;
    const listening = this.listening.get(group.subject.topic);
    listening?.groups.delete(group);
    if (listening?.groups.size === 0) {
      this.listening.delete(group.subject.topic);
      this.listeningByType.clear();
    }
  }

  private listen(group: Group, canonical: string): void {
    let listening = this.listening.get(canonical);
    if (listening === undefined) {
      listening = { canonical, gate: this.nextGate++, topic: this.catalog.active(canonical), groups: new Set() };
      this.listening.set(canonical, listening);
      this.listeningByType.clear();
    }
    listening.groups.add(group);
    this.file(group, listening);
  }

  /** A canonical means another topic now. Groups are filed anew only where what they may filter by has changed. */
  private resolve(listening: Listening): void {
    const before = listening.topic;
    listening.topic = this.catalog.active(listening.canonical);
    if (filterableOf(before) === filterableOf(listening.topic)) return;
    for (const group of listening.groups) {
      for (const entry of group.entries) this.index.remove(entry);
      this.file(group, listening);
    }
  }

  private file(group: Group, listening: Listening | undefined): void {
    try {
      group.entries = this.conjunctionsOf(group.subject, listening?.topic).map(({ type, clauses, keyed }) =>
        this.index.add(group, type, listening?.gate ?? LIVE, clauses, keyed),
      );
    } catch (err) {
      // What can no longer be computed no longer matches; it never falls open.
      group.entries = [];
      this.log.error({ err, definition: group.subject }, 'matching.group-not-computable');
    }
  }

  private conjunctionsOf(subject: GroupSubject, topic: CompiledTopic | undefined): Conjunction[] {
    if (subject.kind === 'classic') {
      const { type, clauses } = this.semantics.parseCriteria(subject.criteria);
      return [{ type, clauses }];
    }
    if (topic === undefined) return [];
    const filters = resolveFilters(subject.filters, topic.definition, this.semantics);
    const types = new Set(triggerTypesOf(topic));
    if (!types.has(ANY_TYPE)) return [...types].map((type) => ({ type, clauses: filters.get(type) ?? [] }));
    return this.conjunctionsOfAnyType(filters);
  }

  /** Types that have filters of their own must pass those as well, so they are told apart from the rest by name. */
  private conjunctionsOfAnyType(filters: ReadonlyMap<string, readonly Clause[]>): Conjunction[] {
    const shared = filters.get(ANY_TYPE) ?? [];
    const own = [...filters.keys()].filter((type) => type !== ANY_TYPE);
    if (own.length === 0) return [{ type: ANY_TYPE, clauses: shared, keyed: false }];
    return this.semantics.definitions.resourceTypes().map((type) => ({
      type,
      clauses: [...shared, ...(filters.get(type) ?? [])],
      keyed: shared.length === 0,
    }));
  }

  private topicsOf(type: string): readonly ListeningTopic[] {
    let topics = this.listeningByType.get(type);
    if (topics === undefined) {
      topics = [...this.listening.values()].flatMap(({ gate, topic }) =>
        topic?.triggers.some((trigger) => trigger.type === type || trigger.type === ANY_TYPE) ? [{ gate, topic }] : [],
      );
      this.listeningByType.set(type, topics);
    }
    return topics;
  }
}

function joinStep(
  subscriptionId: string,
  face: Face,
  { fingerprint, definition }: Pick<GroupPlan, 'fingerprint' | 'definition'>,
): JoinStep {
  return { kind: 'join', subscriptionId, face, groupFingerprint: fingerprint, groupDefinition: definition };
}

function isResolved(listening: Listening): listening is Listening & ListeningTopic {
  return listening.topic !== undefined;
}

function triggerTypesOf({ triggers, definition }: CompiledTopic): string[] {
  return [...triggers, ...definition.eventTriggers].map(({ type }) => type);
}

/** Everything of a topic that decides how its groups are filed. */
function filterableOf(topic: CompiledTopic | undefined): string {
  if (topic === undefined) return '';
  return JSON.stringify([[...new Set(triggerTypesOf(topic))].sort(), topic.definition.filters]);
}
