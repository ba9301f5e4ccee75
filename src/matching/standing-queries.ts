import type { Change, Interaction } from '../fhir/change.js';
import type { ExtractedValues } from '../search/values.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import { countsEvents } from '../subscriptions/status-machine.js';
import type { Log } from '../telemetry/log.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import type { KnownMember, MembershipChange, StandingGroup } from './event-ledger.js';
import { FiledGroups, type Group } from './filed-groups.js';
import { Gates } from './gates.js';
import { groupPlan, type GroupPlan, subjectOf } from './group-plan.js';
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
import { EVERY_PARTITION } from './partitions.js';
import type { OpenMatch } from './settle-links.js';

/** What is known of a subscription while its changes are applied. */
interface Member {
  version: number;
  /** Fingerprint of the group it takes events of, in whatever partition. */
  open: string | undefined;
  /** Of the group it last took events of. */
  last: string | undefined;
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
  private readonly filed: FiledGroups;
  private readonly members = new Map<string, Member>();

  constructor(
    private readonly semantics: SearchSemantics,
    private readonly log: Log,
    partitions: Iterable<number> = EVERY_PARTITION,
    gates = new Gates(),
  ) {
    this.filed = new FiledGroups(semantics, log, partitions, gates);
  }

  get counters(): FiledGroups['counters'] {
    return this.filed.counters;
  }

  /** A group that subscriptions take events of already. Topics first: a group is filed by what its topic says. */
  stand({ fingerprint, definition, subscribers }: StandingGroup): void {
    this.filed.enter(fingerprint, () => subjectOf(definition), subscribers);
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
  absorb(other: StandingQueries): Generator<void, void> {
    return this.filed.absorb(other.filed);
  }

  /** Lets go of the groups of all other partitions. Each step looks at one. */
  keep(partitions: Iterable<number>): Generator<void, void> {
    return this.filed.keep(partitions);
  }

  /** Fingerprints of the groups that hear of the change, each once. Those that do if their links hold are put to `open` instead. */
  match(change: Change, previous: Change | undefined, open: OpenMatch[] = []): string[] {
    const groups = matchChange(change, previous, this.matching(change, this.filed.topicsOf(change.type)));
    return this.putAside(groups, change.body === null ? previous : change, change, open).map((group) => group.fingerprint);
  }

  /** What a change with a content is looked up by; for measurements, which tell extraction from the rest. */
  keysOf(change: Change): ReadonlySet<number> {
    return keysOf(change, { index: this.filed.index, semantics: this.semantics });
  }

  /**
   * Fingerprints of the groups that hear of a coded event. Where the request that brought it also wrote its focus, groups that heard of
   * that change are left out: whichever of its triggers fire, a topic tells a happening once. `open` as in {@link match}.
   */
  matchEvent(subject: EventSubject, heard: readonly string[] = [], open: OpenMatch[] = []): string[] {
    const told = matchEvent(subject, this.matching(subject.focus, this.filed.topics()));
    const groups = told.filter(({ fingerprint }) => !heard.includes(fingerprint));
    const { focus } = subject;
    return this.putAside(groups, focus, focus, open).map((group) => group.fingerprint);
  }

  /** Takes groups with links out of those that match; `state` is what their local part held of. */
  private putAside(
    groups: Group[],
    state: Change | undefined,
    { type, id }: Pick<Change, 'type' | 'id'>,
    open: OpenMatch[],
  ): Group[] {
    if (!this.filed.hasLinks) return groups;
    let values: ExtractedValues | undefined;
    return groups.filter((group) => {
      const links = this.filed.linksOf(group, type);
      if (links === undefined) return true;
      values ??= state === undefined ? noValues(type) : stateOf(state, this.semantics).values;
      open.push({ fingerprint: group.fingerprint, type, id, values, links });
      return false;
    });
  }

  private matching({ type, id }: Change, topics: readonly ListeningTopic[]): StandingMatch<Group> {
    return {
      index: this.filed.index,
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
    return this.filed
      .topicsOf(change.type)
      .some(({ topic }) =>
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
    if (change.type === 'SubscriptionTopic') yield* this.filed.applyTopic(change);
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
    if (this.filed.isWhole) return false;
    const open = this.groupOf(change.id);
    if (open !== undefined && this.filed.holds(open)) return false;
    const { plan } = this.planOf(change, change.body);
    return plan !== undefined && this.filed.holds(plan.fingerprint);
  }

  /** Whether those who serve the subscription are to be told of its change from here: from one place, wherever it is. */
  answersFor(subscriptionId: string): boolean {
    const last = this.members.get(subscriptionId)?.last;
    return last === undefined ? this.filed.hasPartition(0) : this.filed.holds(last);
  }

  private applySubscription(change: Change): MembershipStep[] {
    const member = this.members.get(change.id);
    if (member !== undefined && change.version <= member.version) return [];
    const before = member?.open;
    const leave: MembershipStep = { kind: 'leave', subscriptionId: change.id };
    if (change.body === null) {
      if (before !== undefined) this.filed.exit(before);
      this.members.set(change.id, { version: change.version, open: undefined, last: undefined });
      const isOurs = member?.last !== undefined && this.filed.holds(member.last);
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
      return isNew && plan !== undefined && this.filed.holds(plan.fingerprint) ? [joinStep(change, plan), leave] : [];
    }
    const steps: MembershipStep[] = [];
    if (before !== undefined && this.filed.exit(before)) steps.push(leave);
    if (counts && plan !== undefined && this.filed.holds(plan.fingerprint)) {
      this.filed.enter(plan.fingerprint, () => plan.subject, 1);
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
}

function joinStep({ id }: Change, { fingerprint, definition }: Pick<GroupPlan, 'fingerprint' | 'definition'>): JoinStep {
  return { kind: 'join', subscriptionId: id, groupFingerprint: fingerprint, groupDefinition: definition };
}
