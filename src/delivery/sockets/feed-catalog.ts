import type { Change, Face } from '../../fhir/change.js';
import { laterSegments, latestNumber, openSegment } from '../../subscriptions/segments.js';
import type { StoredSubscriptions } from '../../subscriptions/stored-subscriptions.js';
import type { SubscriptionDefinition } from '../../subscriptions/subscription-definition.js';
import type { CursorStore, ServedSubscription } from '../cursor-store.js';
import type { EventWindow } from '../event-window.js';
import { subjectOf } from '../subject-of.js';
import type { Feed } from './feed.js';
import type { Turns } from './turns.js';

export interface FeedCatalogParts {
  cursors: CursorStore;
  window: EventWindow;
  stored: StoredSubscriptions;
  readDefinition: (resource: Change) => SubscriptionDefinition;
  baseOf: (face: Face) => string;
}

/** How long a new Subscription is waited for that matching has not seen yet. */
const MATCHING_MS = 10_000;
/** Asked for, but never bound after all. */
const UNBOUND_MS = 30_000;
const LOOK_AGAIN_MS = 500;

/** The subscriptions that sockets of this process listen to: by id, and by the filter group whose events they take. */
export class FeedCatalog {
  private readonly feeds = new Map<string, Feed>();
  private readonly byGroup = new Map<number, Set<Feed>>();
  private readonly loading = new Map<string, Promise<Feed | undefined>>();

  constructor(
    private readonly parts: FeedCatalogParts,
    private readonly turns: Turns,
    /** Events of a group are there that nobody announced. */
    private readonly onCaughtUp: (groupId: number) => void,
  ) {}

  get(id: string): Feed | undefined {
    return this.feeds.get(id);
  }

  values(): Iterable<Feed> {
    return this.feeds.values();
  }

  ofGroup(groupId: number): Iterable<Feed> {
    return this.byGroup.get(groupId) ?? [];
  }

  /** Number of the newest event, as far as this process knows. */
  latestOf(feed: Feed): number {
    const open = openSegment(feed.segments);
    return latestNumber(feed.segments, open ? (this.parts.window.lastN(open.groupId) ?? open.afterN) : 0);
  }

  /** Looks whether the feed has come further than this process has heard. */
  async hearMore(feed: Feed): Promise<void> {
    if (feed.groupId === undefined) return;
    await this.parts.window.advance([feed.groupId]);
    this.onCaughtUp(feed.groupId);
  }

  /** The feed of a subscription; undefined where there is none. */
  find(id: string): Promise<Feed | undefined> | Feed {
    const known = this.feeds.get(id);
    if (known) return known;
    let loading = this.loading.get(id);
    if (!loading) {
      loading = this.load(id).finally(() => this.loading.delete(id));
      this.loading.set(id, loading);
    }
    return loading;
  }

  /** Of these subscriptions, those that sockets listen to are read again. `ended` are deleted, or have another channel now. */
  async refresh(subscriptionIds: ReadonlySet<string>): Promise<{ refreshed: Feed[]; ended: Feed[] }> {
    // One that is just being taken up may have been read before this change.
    await Promise.allSettled([...subscriptionIds].flatMap((id) => this.loading.get(id) ?? []));
    const bound = [...subscriptionIds].filter((id) => this.feeds.has(id));
    const served = bound.length === 0 ? [] : await this.parts.cursors.load(bound);
    const byId = new Map(served.map((one) => [one.resource.id, one]));
    const refreshed: Feed[] = [];
    const ended: Feed[] = [];
    for (const id of bound) {
      const feed = this.feeds.get(id);
      const now = byId.get(id);
      if (!feed) continue;
      if (now && now.resource.interaction !== 'delete' && this.renew(feed, now)) refreshed.push(feed);
      else ended.push(feed);
    }
    return { refreshed, ended };
  }

  forget(feed: Feed): void {
    this.unfile(feed);
    if (this.feeds.get(feed.id) === feed) this.feeds.delete(feed.id);
  }

  private async load(id: string): Promise<Feed | undefined> {
    const served = await this.served(id);
    if (!served || served.resource.interaction === 'delete') return undefined;
    const definition = this.parts.readDefinition(served.resource);
    const subject = subjectOf(definition, this.parts.baseOf);
    const { resource, acknowledged, life } = served;
    const feed: Feed = { id, life, resource, definition, subject, segments: [], acknowledged, bindings: new Set() };
    this.feeds.set(id, feed);
    this.place(feed, served);
    setTimeout(() => feed.bindings.size === 0 && this.forget(feed), UNBOUND_MS).unref();
    return feed;
  }

  /** A Subscription that was made a moment ago has no cursor until matching has come by. */
  private async served(id: string): Promise<ServedSubscription | undefined> {
    const until = performance.now() + MATCHING_MS;
    for (;;) {
      const [served] = await this.turns.take(() => this.parts.cursors.load([id]));
      if (served || performance.now() > until || !(await this.parts.stored.current(id))) return served;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** False where it is no longer what the sockets were bound to. */
  private renew(feed: Feed, served: ServedSubscription): boolean {
    // Deleted and made again before anybody looked.
    if (served.life > feed.life) return false;
    if (served.resource.version > feed.resource.version) {
      const definition = this.parts.readDefinition(served.resource);
      if (definition.channel.type !== feed.definition.channel.type) return false;
      feed.resource = served.resource;
      feed.definition = definition;
      feed.subject = subjectOf(definition, this.parts.baseOf);
      feed.lastFrame = undefined;
    }
    this.place(feed, served);
    return true;
  }

  /** Files the feed under the group whose events it now takes. */
  private place(feed: Feed, { standing }: ServedSubscription): void {
    feed.segments = laterSegments(feed.segments, standing.segments);
    const groupId = openSegment(standing.segments)?.groupId;
    if (groupId !== undefined && this.parts.window.follow(groupId, standing.groupLastN)) this.catchUp(groupId);
    if (groupId === feed.groupId) return;
    this.unfile(feed);
    feed.groupId = groupId;
    if (groupId === undefined) return;
    const others = this.byGroup.get(groupId);
    if (others) others.add(feed);
    else this.byGroup.set(groupId, new Set([feed]));
  }

  /** A group seen for the first time: what was announced before that may still be missing. */
  private catchUp(groupId: number): void {
    this.parts.window.advance([groupId]).then(
      () => this.onCaughtUp(groupId),
      () => setTimeout(() => this.catchUp(groupId), LOOK_AGAIN_MS).unref(),
    );
  }

  private unfile(feed: Feed): void {
    if (feed.groupId === undefined) return;
    const others = this.byGroup.get(feed.groupId);
    others?.delete(feed);
    if (others?.size === 0) this.byGroup.delete(feed.groupId);
    feed.groupId = undefined;
  }
}
