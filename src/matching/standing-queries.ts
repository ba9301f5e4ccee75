import type { Change, Interaction } from '../fhir/change.js';
import type { Link } from '../search/query.js';
import type { ExtractedValues } from '../search/values.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import { countsEvents } from '../subscriptions/status-machine.js';
import type { Log } from '../telemetry/log.js';
import { readTopic } from '../topics/current-catalog.js';
import type { CompiledTopic } from '../topics/compile-topic.js';
import { splitCanonical, TopicCatalog } from '../topics/topic-catalog.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import { type Conjunction, conjunctionsOfFilters, filterableOf, linksOf } from './conjunctions.js';
import { type Entry, LIVE } from './entry.js';
import type { KnownMember, MembershipChange, StandingGroup } from './event-ledger.js';
import { Gates } from './gates.js';
import { GroupTable } from './group-table.js';
import { groupPlan, type GroupPlan, type GroupSubject, subjectOf } from './group-plan.js';
import {
  type EventSubject,
  keysOf,
  type ListeningTopic,
  matchChange,
  matchEvent,
  noValues,
  type StandingMatch,
  stateOf,
} from './match-change.js';
import { EVERY_PARTITION, partitionOf, PARTITIONS } from './partitions.js';
import { type IndexCounters, PredicateIndex } from './predicate-index.js';
import type { OpenMatch } from './settle-links.js';
import { predicatesOfCriteria, TermPredicates } from './term-predicates.js';

/** Subscriptions with the same topic, filters and rights: one match, one row in the log, for all of them. */
interface Group {
  readonly fingerprint: string;
  /** To file it anew when its topic changes; classic criteria are filed once. */
  subject: (GroupSubject & { kind: 'topic' }) | undefined;
  subscribers: number;
  entries: readonly Entry<Group>[];
}

/** What is known of a subscription while its changes are applied. */
interface Member {
  version: number;
  /** Fingerprint of the group it takes events of, in whatever partition. */
  open: string | undefined;
  /** Of the group it last took events of. */
  last: string | undefined;
}

/** A canonical that groups name, resolved to the topic it means at this place of the log. */
interface Listening {
  readonly canonical: string;
  readonly gate: number;
  topic: CompiledTopic | undefined;
  readonly groups: Set<Group>;
  /** What its filters say, as the topic stands. */
  readonly terms: TermPredicates;
}

type JoinStep = Omit<Extract<MembershipChange, { kind: 'join' }>, 'afterEvent'>;

export type MembershipStep =
  JoinStep | Omit<Extract<MembershipChange, { kind: 'leave' }>, 'afterEvent'> | Extract<MembershipChange, { kind: 'forget' }>;

/** Types whose changes alter what stands. */
export const STANDING_TYPES = ['SubscriptionTopic', 'Subscription'] as const;

/**
 * All standing queries of some partitions at one place of the change log. Changes of Subscriptions and SubscriptionTopics are applied in
 * log order, so that an activation, a new filter, a pause or a delete takes effect at its exact place, on whichever process matches.
 * Of a subscription nothing is kept but that its group has one more: what is known of those that change is told by {@link learn}.
 */
export class StandingQueries {
  private readonly index = new PredicateIndex<Group>();
  private readonly catalog = new TopicCatalog<CompiledTopic>();
  private readonly groups = new GroupTable<Group>();
  /** What other resources must say of a change, for groups that ask it, by type of the change. */
  private readonly links = new Map<Group, ReadonlyMap<string, readonly Link[]>>();
  private readonly members = new Map<string, Member>();
  private readonly topicVersions = new Map<string, number>();
  private readonly listening = new Map<string, Listening>();
  private readonly listeningByType = new Map<string, readonly ListeningTopic[]>();
  private readonly terms = new TermPredicates();
  private readonly partitions: Set<number>;
  private subscriptions = 0;

  constructor(
    private readonly semantics: SearchSemantics,
    private readonly log: Log,
    partitions: Iterable<number> = EVERY_PARTITION,
    private readonly gates = new Gates(),
  ) {
    this.partitions = new Set(partitions);
  }

  get counters(): IndexCounters & { groups: number; subscriptions: number } {
    return { ...this.index.counters, groups: this.groups.size, subscriptions: this.subscriptions };
  }

  /** A group that subscriptions take events of already. Topics first: a group is filed by what its topic says. */
  stand({ fingerprint, definition, subscribers }: StandingGroup): void {
    this.subscriptions += subscribers;
    this.enter(fingerprint, () => subjectOf(definition)).subscribers += subscribers;
  }

  /** What the numbered log says of subscriptions that are about to change, in place of what was thought of them. */
  learn(subscriptionIds: Iterable<string>, known: ReadonlyMap<string, KnownMember>): void {
    for (const id of subscriptionIds) {
      const member = known.get(id);
      if (member === undefined) this.members.delete(id);
      else this.members.set(id, { version: 0, open: member.open, last: member.last });
    }
  }

  unlearn(): void {
    this.members.clear();
  }

  /** Takes over the groups of another, which stands at the same place and is of no use afterwards. Each step moves one. */
  *absorb(other: StandingQueries): Generator<void, void> {
    for (const partition of other.partitions) this.partitions.add(partition);
    this.index.addParameters(other.index);
    for (const group of other.groups.values()) {
      this.groups.add(group);
      this.subscriptions += group.subscribers;
      if (group.subject !== undefined) this.listeningTo(group.subject.topic).groups.add(group);
      for (const entry of group.entries) this.index.adopt(entry);
      const links = other.links.get(group);
      if (links !== undefined) this.links.set(group, links);
      yield;
    }
  }

  /** Lets go of the groups of all other partitions. Each step looks at one. */
  *keep(partitions: Iterable<number>): Generator<void, void> {
    this.partitions.clear();
    for (const partition of partitions) this.partitions.add(partition);
    for (const group of this.groups.values()) {
      if (!this.holds(group.fingerprint)) {
        this.subscriptions -= group.subscribers;
        this.dissolve(group);
      }
      yield;
    }
  }

  /** Fingerprints of the groups that hear of the change, each once. Those that do if their links hold are put to `open` instead. */
  match(change: Change, previous: Change | undefined, open: OpenMatch[] = []): string[] {
    const groups = matchChange(change, previous, this.matching(change, this.topicsOf(change.type)));
    const heard = this.links.size === 0 ? groups : this.putAside(groups, change.body === null ? previous : change, change, open);
    return heard.map((group) => group.fingerprint);
  }

  /** What a change with a content is looked up by; for measurements, which tell extraction from the rest. */
  keysOf(change: Change): ReadonlySet<number> {
    return keysOf(change, { index: this.index, semantics: this.semantics });
  }

  /**
   * Fingerprints of the groups that hear of a coded event. Where the request that brought it also wrote its focus, groups that heard of
   * that change are left out: whichever of its triggers fire, a topic tells a happening once. `open` as in {@link match}.
   */
  matchEvent(subject: EventSubject, heard: readonly string[] = [], open: OpenMatch[] = []): string[] {
    const told = matchEvent(subject, this.matching(subject.focus, [...this.listening.values()].filter(isResolved)));
    const groups = told.filter(({ fingerprint }) => !heard.includes(fingerprint));
    const { focus } = subject;
    return (this.links.size === 0 ? groups : this.putAside(groups, focus, focus, open)).map((group) => group.fingerprint);
  }

  /** Takes groups with links out of those that match; `state` is what their local part held of. */
  private putAside(
    groups: Group[],
    state: Change | undefined,
    { type, id }: Pick<Change, 'type' | 'id'>,
    open: OpenMatch[],
  ): Group[] {
    let values: ExtractedValues | undefined;
    return groups.filter((group) => {
      const links = this.links.get(group)?.get(type);
      if (links === undefined) return true;
      values ??= state === undefined ? noValues(type) : stateOf(state, this.semantics).values;
      open.push({ fingerprint: group.fingerprint, type, id, values, links });
      return false;
    });
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
    const work = this.applying(change);
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
    }
  }

  /** The same in steps, one for each group that is filed anew: the topic of very many may have changed. */
  *applying(change: Change): Generator<void, MembershipStep[]> {
    if (change.type === 'SubscriptionTopic') yield* this.applyTopic(change);
    return change.type === 'Subscription' ? this.applySubscription(change) : [];
  }

  /** Fingerprint of the group whose events a Subscription takes, as far as that has been learnt. */
  groupOf(subscriptionId: string): string | undefined {
    return this.members.get(subscriptionId)?.open;
  }

  /**
   * Whether a change can be applied only when all other partitions have come to it: the subscription joins a group of these partitions, and
   * what it had before, on which its numbers follow, may be written by another of them.
   */
  awaitsOthers(change: Change): boolean {
    if (change.type !== 'Subscription' || change.body === null || change.version === 1) return false;
    if (this.partitions.size === PARTITIONS) return false;
    const open = this.groupOf(change.id);
    if (open !== undefined && this.holds(open)) return false;
    const { plan } = this.planOf(change, change.body);
    return plan !== undefined && this.holds(plan.fingerprint);
  }

  /** Whether those who serve the subscription are to be told of its change from here: from one place, wherever it is. */
  answersFor(subscriptionId: string): boolean {
    const last = this.members.get(subscriptionId)?.last;
    return last === undefined ? this.partitions.has(0) : this.holds(last);
  }

  private *applyTopic(change: Change): Generator<void, void> {
    // Versions of one resource may come out of order where two transactions overlapped; the newest counts.
    if (change.version <= (this.topicVersions.get(change.id) ?? 0)) return;
    this.topicVersions.set(change.id, change.version);
    const before = this.catalog.remove(change.id);
    const after = change.body === null ? undefined : readTopic(change.body, change.id, this.semantics);
    if (after !== undefined) this.catalog.put(after);
    else if (change.body !== null) this.log.warn({ id: change.id }, 'matching.topic-unreadable');
    const urls = new Set([before?.definition.url, after?.definition.url]);
    for (const listening of this.listening.values()) {
      if (urls.has(splitCanonical(listening.canonical).url)) yield* this.resolve(listening);
    }
    this.listeningByType.clear();
  }

  private applySubscription(change: Change): MembershipStep[] {
    const member = this.members.get(change.id);
    if (member !== undefined && change.version <= member.version) return [];
    const before = member?.open;
    const leave: MembershipStep = { kind: 'leave', subscriptionId: change.id };
    if (change.body === null) {
      if (before !== undefined) this.exit(before);
      this.members.set(change.id, { version: change.version, open: undefined, last: undefined });
      const isOurs = member?.last !== undefined && this.holds(member.last);
      return isOurs ? [{ kind: 'forget', subscriptionId: change.id }] : [];
    }
    const { plan, counts } = this.planOf(change, change.body);
    const after = counts ? plan?.fingerprint : undefined;
    const isNew = member?.last === undefined;
    this.members.set(change.id, {
      version: change.version,
      open: after,
      last: after ?? member?.last ?? plan?.fingerprint,
    });
    if (after === before) {
      // One that is made switched off has no events yet, but a place in the log where they will begin.
      return isNew && plan !== undefined && this.holds(plan.fingerprint) ? [joinStep(change, plan), leave] : [];
    }
    const steps: MembershipStep[] = [];
    if (before !== undefined && this.exit(before)) steps.push(leave);
    if (counts && plan !== undefined && this.holds(plan.fingerprint)) {
      this.subscriptions++;
      this.enter(plan.fingerprint, () => plan.subject).subscribers++;
      steps.push(joinStep(change, plan));
    }
    return steps;
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

  private holds(fingerprint: string): boolean {
    return this.partitions.has(partitionOf(fingerprint));
  }

  private enter(fingerprint: string, subjectOfIt: () => GroupSubject): Group {
    const known = this.groups.get(fingerprint);
    if (known !== undefined) return known;
    const group: Group = { fingerprint, subject: undefined, subscribers: 0, entries: [] };
    try {
      const subject = subjectOfIt();
      if (subject.kind === 'topic') {
        group.subject = subject;
        const listening = this.listeningTo(subject.topic);
        listening.groups.add(group);
        this.file(group, subject, listening);
      } else this.file(group, subject, undefined);
    } catch (err) {
      this.log.error({ err, fingerprint }, 'matching.group-not-computable');
    }
    this.groups.add(group);
    return group;
  }

  /** One subscription fewer; false where the group is of another partition. */
  private exit(fingerprint: string): boolean {
    const group = this.groups.get(fingerprint);
    if (group === undefined) return false;
    this.subscriptions--;
    if (--group.subscribers === 0) this.dissolve(group);
    return true;
  }

  private dissolve(group: Group): void {
    for (const entry of group.entries) this.index.remove(entry);
    this.links.delete(group);
    this.groups.delete(group);
    if (group.subject === undefined) return;
    const listening = this.listening.get(group.subject.topic);
    listening?.groups.delete(group);
    if (listening?.groups.size === 0) {
      this.listening.delete(group.subject.topic);
      this.listeningByType.clear();
    }
  }

  private listeningTo(canonical: string): Listening {
    let listening = this.listening.get(canonical);
    if (listening === undefined) {
      listening = {
        canonical,
        gate: this.gates.of(canonical),
        topic: this.catalog.active(canonical),
        groups: new Set(),
        terms: new TermPredicates(),
      };
      this.listening.set(canonical, listening);
      this.listeningByType.clear();
    }
    return listening;
  }

  /** A canonical means another topic now. Groups are filed anew only where what they may filter by has changed. */
  private *resolve(listening: Listening): Generator<void, void> {
    const before = listening.topic;
    listening.topic = this.catalog.active(listening.canonical);
    if (filterableOf(before) === filterableOf(listening.topic)) return;
    listening.terms.clear();
    for (const group of listening.groups) {
      for (const entry of group.entries) this.index.remove(entry);
      if (group.subject !== undefined) this.file(group, group.subject, listening);
      yield;
    }
  }

  private file(group: Group, subject: GroupSubject, listening: Listening | undefined): void {
    this.links.delete(group);
    try {
      const conjunctions = this.conjunctionsOf(subject, listening);
      // Before they are filed: a group is never to be found without its links.
      const links = linksOf(conjunctions);
      if (links !== undefined) this.links.set(group, links);
      group.entries = conjunctions.map(({ type, predicates }) =>
        this.index.file(group, type, listening?.gate ?? LIVE, predicates),
      );
    } catch (err) {
      // What can no longer be computed no longer matches; it never falls open.
      group.entries = [];
      this.log.error({ err, definition: subject }, 'matching.group-not-computable');
    }
  }

  private conjunctionsOf(subject: GroupSubject, listening: Listening | undefined): Conjunction[] {
    if (subject.kind === 'classic')
      return [predicatesOfCriteria(subject.criteria, this.semantics.standing(subject.parameters), this.terms)];
    if (listening?.topic === undefined) return [];
    return conjunctionsOfFilters(subject, listening.topic, this.semantics, listening.terms);
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

function joinStep({ id }: Change, { fingerprint, definition }: Pick<GroupPlan, 'fingerprint' | 'definition'>): JoinStep {
  return { kind: 'join', subscriptionId: id, groupFingerprint: fingerprint, groupDefinition: definition };
}

function isResolved(listening: Listening): listening is Listening & ListeningTopic {
  return listening.topic !== undefined;
}
