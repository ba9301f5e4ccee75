import type { Change } from '../fhir/change.js';
import type { Link } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Log } from '../telemetry/log.js';
import type { CompiledTopic } from '../topics/compile-topic.js';
import { readTopic } from '../topics/current-catalog.js';
import { splitCanonical, TopicCatalog } from '../topics/topic-catalog.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import { type Conjunction, conjunctionsOfFilters, filterableOf, linksOf } from './conjunctions.js';
import { type Entry, LIVE } from './entry.js';
import type { Gates } from './gates.js';
import type { GroupSubject } from './group-plan.js';
import { GroupTable } from './group-table.js';
import type { ListeningTopic } from './match-change.js';
import { partitionOf, PARTITIONS } from './partitions.js';
import { type IndexCounters, PredicateIndex } from './predicate-index.js';
import { predicatesOfCriteria, TermPredicates } from './term-predicates.js';

/** Subscriptions with the same topic, filters and rights: one match, one row in the log, for all of them. */
export interface Group {
  readonly fingerprint: string;
  /** To file it anew when its topic changes; classic criteria are filed once. */
  subject: (GroupSubject & { kind: 'topic' }) | undefined;
  subscribers: number;
  entries: readonly Entry<Group>[];
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

/**
 * The filter groups of some partitions, filed in the predicate index by what they ask: classic criteria once, filters as the topic stands
 * that they are of. Knows the topics at its place in the log, and files their groups anew where they change.
 */
export class FiledGroups {
  readonly index = new PredicateIndex<Group>();
  private readonly catalog = new TopicCatalog<CompiledTopic>();
  private readonly groups = new GroupTable<Group>();
  /** What other resources must say of a change, for groups that ask it, by type of the change. */
  private readonly links = new Map<Group, ReadonlyMap<string, readonly Link[]>>();
  private readonly topicVersions = new Map<string, number>();
  private readonly listening = new Map<string, Listening>();
  private readonly listeningByType = new Map<string, readonly ListeningTopic[]>();
  private readonly terms = new TermPredicates();
  private readonly partitions: Set<number>;
  private subscriptions = 0;

  constructor(
    private readonly semantics: SearchSemantics,
    private readonly log: Log,
    partitions: Iterable<number>,
    private readonly gates: Gates,
  ) {
    this.partitions = new Set(partitions);
  }

  get counters(): IndexCounters & { groups: number; subscriptions: number } {
    return { ...this.index.counters, groups: this.groups.size, subscriptions: this.subscriptions };
  }

  /** Whether all groups there are belong here. */
  get isWhole(): boolean {
    return this.partitions.size === PARTITIONS;
  }

  hasPartition(partition: number): boolean {
    return this.partitions.has(partition);
  }

  /** Whether a group of this fingerprint belongs here. */
  holds(fingerprint: string): boolean {
    return this.partitions.has(partitionOf(fingerprint));
  }

  get hasLinks(): boolean {
    return this.links.size > 0;
  }

  /** What other resources must say of a change of the type; undefined: nothing. */
  linksOf(group: Group, type: string): readonly Link[] | undefined {
    return this.links.get(group)?.get(type);
  }

  /** Topics that somebody listens to. */
  topics(): ListeningTopic[] {
    return [...this.listening.values()].filter(isResolved);
  }

  /** Topics that somebody listens to, with a trigger for changes of a type. */
  topicsOf(type: string): readonly ListeningTopic[] {
    let topics = this.listeningByType.get(type);
    if (topics === undefined) {
      topics = [...this.listening.values()].flatMap(({ gate, topic }) =>
        topic?.triggers.some((trigger) => trigger.type === type || trigger.type === ANY_TYPE) ? [{ gate, topic }] : [],
      );
      this.listeningByType.set(type, topics);
    }
    return topics;
  }

  /** Takes over the groups of another, which stands at the same place and is of no use afterwards. Each step moves one. */
  *absorb(other: FiledGroups): Generator<void, void> {
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

  /** Takes a version of a topic in, in steps: one for each group that is filed anew. */
  *applyTopic(change: Change): Generator<void, void> {
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

  /** So many more take events of a group, which is filed where it was not. */
  enter(fingerprint: string, subjectOfIt: () => GroupSubject, subscribers: number): void {
    this.subscriptions += subscribers;
    (this.groups.get(fingerprint) ?? this.fileAnew(fingerprint, subjectOfIt)).subscribers += subscribers;
  }

  private fileAnew(fingerprint: string, subjectOfIt: () => GroupSubject): Group {
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
  exit(fingerprint: string): boolean {
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
}

function isResolved(listening: Listening): listening is Listening & ListeningTopic {
  return listening.topic !== undefined;
}
