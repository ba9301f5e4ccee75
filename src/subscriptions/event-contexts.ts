import { EventParts, type NotifiedVersion, versionKey } from '../fhir/event-parts.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { CurrentCatalog } from '../topics/current-catalog.js';
import type { ContextStore } from './context-store.js';
import type { GroupEvent } from './event-log.js';
import { type ContextRequest, resolveContexts } from './resolve-context.js';
import { TopicShapes, type TopicShape } from './topic-shapes.js';

/** Events whose context is looked up together. */
const AT_ONCE = 64;
/** Groups whose topic is remembered. */
const MOST_GROUPS = 200_000;

/** A change that a topic shapes, with its events in all groups of that topic. */
interface ShapedChange {
  plan: TopicShape['plan'];
  focus: NotifiedVersion;
  sharing: GroupEvent[];
}

type Unreadable = (error: unknown, resource: { type: string; id: string }) => void;

/**
 * Gives events the context that the notification shape of their topic adds: looked up once for each change and topic, shared by all groups
 * and subscribers. Where no topic has a shape for such a focus, events pass as they are, without a look at the database.
 */
export class EventContexts {
  /** Canonicals of the groups met; undefined: the group is about classic criteria. */
  private readonly topics = new Map<number, string | undefined>();
  private shapes?: TopicShapes;
  private written?: number;

  constructor(
    private readonly store: ContextStore,
    private readonly catalog: CurrentCatalog,
    private readonly semantics: SearchSemantics,
    private readonly onUnreadable: Unreadable,
    /** A version as those may see it who are told of it. */
    private readonly show: (version: NotifiedVersion) => NotifiedVersion = (version) => version,
  ) {}

  /** In the same order. `topicsWritten` as {@link ContextStore.topicsWritten} tells it now; it is asked where it is not given. */
  async addTo(events: readonly GroupEvent[], topicsWritten?: number): Promise<readonly GroupEvent[]> {
    const candidates = events.filter(({ groupId }) => this.topics.get(groupId) !== undefined || !this.topics.has(groupId));
    if (candidates.length === 0) return events;
    const shapes = await this.currentShapes(topicsWritten);
    const eligible = candidates.filter(({ focus }) => shapes.mayShape(focus.type));
    if (eligible.length === 0) return events;
    await this.learnTopics(eligible);
    const shaped = [...this.shapedBy(shapes, eligible)];
    if (shaped.length === 0) return events;

    const parts = new Map<GroupEvent, EventParts>();
    for (let from = 0; from < shaped.length; from += AT_ONCE) {
      const some = shaped.slice(from, from + AT_ONCE);
      const contexts = await this.resolve(some);
      some.forEach(({ sharing }, index) => {
        for (const event of sharing) parts.set(event, new EventParts(event.focus, contexts[index]?.map(this.show)));
      });
    }
    return events.map((event) => ({ ...event, parts: parts.get(event) ?? event.parts }));
  }

  /** One for each change and topic. */
  private shapedBy(shapes: TopicShapes, events: readonly GroupEvent[]): Iterable<ShapedChange> {
    const changes = new Map<string, ShapedChange>();
    for (const event of events) {
      const { groupId, focus } = event;
      const topic = this.topics.get(groupId);
      const shape = topic === undefined ? undefined : shapes.of(topic, focus.type);
      if (shape === undefined) continue;
      const key = `${shape.name}/${versionKey(focus)}`;
      const known = changes.get(key);
      if (known) known.sharing.push(event);
      else changes.set(key, { plan: shape.plan, focus, sharing: [event] });
    }
    return changes.values();
  }

  private async resolve(asked: readonly ShapedChange[]): Promise<(readonly NotifiedVersion[])[]> {
    const deletes = asked.flatMap(({ focus }) => (focus.body === null ? [focus] : []));
    const before = deletes.length === 0 ? undefined : await this.store.beforeDeletes(deletes);
    // A delete whose version before is no longer kept: what refers to it can still be found.
    const requests = asked.map((one) => ({ ...one, body: one.focus.body ?? before?.get(versionKey(one.focus)) ?? '{}' }));
    return this.resolveSome(requests);
  }

  /**
   * Where something was left out, fewer events are looked up together: one alone gets all that fits. A context that is too much even then
   * goes without; it must not hold up the events of everybody.
   */
  private async resolveSome(requests: readonly ContextRequest[]): Promise<(readonly NotifiedVersion[])[]> {
    const work = (find: ContextStore['find']) => resolveContexts(requests, find, this.semantics, this.onUnreadable);
    const severalRounds = requests.some(({ plan }) => plan.iterates);
    const { contexts, complete } = severalRounds
      ? await this.store.atOneMoment(work)
      : await work((wanted, limit) => this.store.find(wanted, limit));
    if (complete || requests.length === 1) return contexts;
    const middle = requests.length >>> 1;
    return [...(await this.resolveSome(requests.slice(0, middle))), ...(await this.resolveSome(requests.slice(middle)))];
  }

  private async currentShapes(topicsWritten: number | undefined): Promise<TopicShapes> {
    const written = topicsWritten ?? (await this.store.topicsWritten());
    if (this.shapes === undefined || written !== this.written) {
      this.shapes = new TopicShapes(await this.catalog.read(), this.semantics.definitions);
      this.written = written;
    }
    return this.shapes;
  }

  private async learnTopics(events: readonly GroupEvent[]): Promise<void> {
    const unknown = new Set(events.map(({ groupId }) => groupId).filter((groupId) => !this.topics.has(groupId)));
    if (unknown.size === 0) return;
    if (this.topics.size + unknown.size > MOST_GROUPS) this.topics.clear();
    const found = await this.store.topicsOf([...unknown]);
    for (const groupId of unknown) this.topics.set(groupId, found.get(groupId));
  }
}
