import type { Change } from '../fhir/change.js';
import {
  type NotificationSubject,
  notificationSubject,
  notificationText,
  type NotificationType,
} from '../fhir/notification-bundle.js';
import { levelOf } from '../subscriptions/content-level.js';
import type { GroupEvent } from '../subscriptions/event-log.js';
import { laterSegments, latestNumber, openSegment, type Segment, stretchesOf } from '../subscriptions/segments.js';
import type { Resends } from '../subscriptions/resends.js';
import type { StoredSubscriptions } from '../subscriptions/stored-subscriptions.js';
import { isPushed } from '../subscriptions/is-pushed.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import type { CursorStore, ServedSubscription } from './cursor-store.js';
import type { ReadDefinition } from './line-reader.js';
import type { EventWindow } from './event-window.js';
import type { BatchListener } from './match-follower.js';
import { heartbeatMs } from './next-step.js';

/** What goes to a socket. `text` is the notification Bundle; classic sockets are only told that there is something. */
export interface Frame {
  subscriptionId: string;
  classic: boolean;
  type: Exclude<NotificationType, 'query-status' | 'query-event'>;
  /** Numbers of the events in it; both 0 where it holds none. */
  first: number;
  last: number;
  total: number;
  text: string;
}

/** One end of a socket, as the feeds see it. */
export abstract class FeedSink {
  /** Bytes handed to the socket that have not left yet. */
  abstract readonly backlog: number;
  abstract send(frame: Frame): void;
  /** It does not keep up: closed with a reason; the client comes back and goes on where it was. */
  abstract tooSlow(): void;
  /** A subscription it was bound to is no more. */
  abstract ended(subscriptionId: string): void;
}

/** A subscription that sockets of this process listen to. */
interface Feed {
  readonly id: string;
  resource: Change;
  definition: SubscriptionDefinition;
  subject: NotificationSubject;
  segments: readonly Segment[];
  acknowledged: number;
  groupId?: number;
  readonly bindings: Set<Binding>;
  /** Several sockets of one subscription get the same text. */
  lastFrame?: Frame;
}

export interface Binding {
  readonly feed: Feed;
  readonly sink: FeedSink;
  /** Number of the last event that was sent. */
  position: number;
  /** Ranges that are to be sent again, first things first. */
  readonly again: { next: number; readonly last: number }[];
  sentAt: number;
  /** Events are being read for it. */
  busy: boolean;
  /** Since when its socket has been over the budget. */
  slowSince?: number;
  ended: boolean;
}

export interface SocketFeedsParts {
  cursors: CursorStore;
  window: EventWindow;
  stored: StoredSubscriptions;
  resends: Resends;
  readDefinition: ReadDefinition;
  baseOf: (face: Change['face']) => string;
  log: Log;
  /** Bytes a socket may have waiting before nothing more is read for it. */
  budgetBytes: number;
  /** How long it may stay over that. */
  patienceMs: number;
}

const ADVANCE_EVERY_MS = 200;
const LOOK_EVERY_MS = 500;
/** Longer than requests are read for. */
const RESENDS_FORGOTTEN_MS = 120_000;
/** How long a new Subscription is waited for that matching has not seen yet. */
const MATCHING_MS = 10_000;
/** Sockets served before others of this process get a turn. */
const AT_ONCE = 250;

/**
 * Feeds sockets from the numbered log, each from its own place: nothing is queued for a socket, it is read for when it has room. Sockets
 * live in this process whichever process holds the shard; what was handed to a FHIR websocket counts as acknowledged (the protocol has
 * no acknowledgement), while clients of the live feed say themselves where they go on.
 */
export class SocketFeeds implements BatchListener {
  private readonly feeds = new Map<string, Feed>();
  private readonly byGroup = new Map<number, Set<Feed>>();
  private readonly loading = new Map<string, Promise<Feed | undefined>>();
  private acknowledged = new Map<string, number>();
  private advanceTimer?: NodeJS.Timeout;
  private lookTimer?: NodeJS.Timeout;
  private readonly lagging = new Set<Binding>();
  /** Requests to send again that this process has taken up, and when. */
  private readonly taken = new Map<number, number>();
  private looking = false;

  constructor(private readonly parts: SocketFeedsParts) {}

  start(): void {
    this.lookTimer ??= setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.lookTimer);
    this.lookTimer = undefined;
    clearTimeout(this.advanceTimer);
    await this.advanceCursors();
  }

  /** A Subscription as a socket may ask for it; undefined where there is none. */
  async find(subscriptionId: string): Promise<SubscriptionDefinition | undefined> {
    return (await this.feedOf(subscriptionId))?.definition;
  }

  /**
   * Binds a socket: a handshake first where asked for, then what was missed, then what comes. `after` is the number of the last event the
   * client has; 'acknowledged': the last one that any socket was sent; 'now': nothing of the past.
   */
  async bind(
    subscriptionId: string,
    sink: FeedSink,
    options: { after: number | 'acknowledged' | 'now'; greet: boolean; onBound?: (latest: number) => void },
  ): Promise<Binding | undefined> {
    const feed = await this.feedOf(subscriptionId);
    if (!feed) return undefined;
    const latest = this.latestOf(feed);
    const { after } = options;
    // A number from the future is that of another life of this id; nothing may be skipped for it.
    const position =
      after === 'now' ? latest : after === 'acknowledged' ? Math.min(feed.acknowledged, latest) : Math.min(after, latest);
    const binding: Binding = { feed, sink, position, again: [], sentAt: Date.now(), busy: false, ended: false };
    feed.bindings.add(binding);
    options.onBound?.(latest);
    if (options.greet) this.send(binding, this.frame(feed, 'handshake', latest, []));
    this.serveBinding(binding);
    return binding;
  }

  unbind(binding: Binding): void {
    binding.ended = true;
    this.lagging.delete(binding);
    const { feed } = binding;
    feed.bindings.delete(binding);
    if (feed.bindings.size === 0) this.forget(feed);
  }

  async learn(_groupIds: ReadonlySet<number>, subscriptionIds: ReadonlySet<string>): Promise<void> {
    // One that is just being taken up may have been read before this change.
    await Promise.allSettled([...subscriptionIds].flatMap((id) => this.loading.get(id) ?? []));
    const bound = [...subscriptionIds].filter((id) => this.feeds.has(id));
    if (bound.length === 0) return;
    const served = new Map((await this.parts.cursors.load(bound)).map((one) => [one.resource.id, one]));
    for (const id of bound) {
      const feed = this.feeds.get(id);
      const now = served.get(id);
      if (!feed) continue;
      if (now && now.resource.interaction !== 'delete') this.refresh(feed, now);
      else this.end(feed);
    }
  }

  serve(groupIds: ReadonlySet<number>): void {
    const feeds = [...groupIds].flatMap((groupId) => [...(this.byGroup.get(groupId) ?? [])]);
    const bindings = feeds.flatMap((feed) => [...feed.bindings]);
    this.serveSome(bindings, 0);
  }

  private serveSome(bindings: readonly Binding[], from: number): void {
    for (const binding of bindings.slice(from, from + AT_ONCE)) this.serveBinding(binding);
    if (from + AT_ONCE < bindings.length) setImmediate(() => this.serveSome(bindings, from + AT_ONCE));
  }

  /** Sends what the socket has room for. Stays on this side of an `await` while the events are in memory. */
  private serveBinding(binding: Binding): void {
    if (binding.busy || binding.ended) return;
    const { feed } = binding;
    while (this.isOpen(feed)) {
      const latest = this.latestOf(feed);
      // What is new goes first: a repetition holds up nothing.
      const again = latest <= binding.position ? binding.again[0] : undefined;
      if (latest <= binding.position && !again) return;
      if (binding.sink.backlog > this.parts.budgetBytes) {
        binding.slowSince ??= Date.now();
        this.lagging.add(binding);
        return;
      }
      const open = openSegment(feed.segments);
      const most = feed.definition.channel.maxCount ?? 1;
      const lastN = open ? (this.parts.window.lastN(open.groupId) ?? 0) : 0;
      const numbers = again
        ? { first: again.next, last: Math.min(again.last, latest) }
        : { first: binding.position + 1, last: latest };
      const [stretch] = stretchesOf(feed.segments, numbers, lastN, most);
      if (!stretch && again) {
        binding.again.shift();
        continue;
      }
      if (!stretch) return;
      const events = this.parts.window.read(stretch, most);
      if (!(events instanceof Promise)) {
        this.sendEvents(binding, stretch.firstNumber, events as readonly GroupEvent[], again);
        continue;
      }
      binding.busy = true;
      events.then(
        (read) => {
          binding.busy = false;
          if (binding.ended) return;
          if (read.length === 0) return this.noLongerKept(binding, again);
          this.sendEvents(binding, stretch.firstNumber, read, again);
          this.serveBinding(binding);
        },
        (error: unknown) => {
          binding.busy = false;
          this.lagging.add(binding);
          this.parts.log.warn({ err: error, subscription: feed.id }, 'sockets.read-failed');
        },
      );
      return;
    }
  }

  /** Events were dropped by age while nobody asked for them: the numbers say so, and what is left follows. */
  private noLongerKept(binding: Binding, again: Binding['again'][number] | undefined): void {
    if (again) {
      binding.again.shift();
      return;
    }
    const { feed } = binding;
    // Not at once, should they be missing for another reason.
    setTimeout(() => {
      this.learn(new Set(), new Set([feed.id])).catch((error: unknown) => {
        this.lagging.add(binding);
        this.parts.log.warn({ err: error, subscription: feed.id }, 'sockets.read-failed');
      });
    }, LOOK_EVERY_MS).unref();
  }

  private sendEvents(
    binding: Binding,
    firstNumber: number,
    events: readonly GroupEvent[],
    again: Binding['again'][number] | undefined,
  ): void {
    const { feed } = binding;
    const last = firstNumber + events.length - 1;
    const kept = feed.lastFrame;
    const same = kept?.first === firstNumber && kept.last === last;
    if (!same) {
      const numbered = events.map(({ parts }, index) => ({ number: firstNumber + index, parts }));
      feed.lastFrame = { ...this.frame(feed, 'event-notification', last, numbered), first: firstNumber, last };
    }
    if (again) {
      again.next = last + 1;
      if (again.next > again.last) binding.again.shift();
      this.send(binding, feed.lastFrame!);
      return;
    }
    binding.position = last;
    this.send(binding, feed.lastFrame!);
    if (feed.definition.channel.type === 'websocket') this.acknowledge(feed, last);
  }

  private send(binding: Binding, frame: Frame): void {
    binding.sentAt = Date.now();
    binding.sink.send(frame);
  }

  private frame(feed: Feed, type: Frame['type'], total: number, events: Parameters<typeof notificationText>[1]['events']): Frame {
    const classic = feed.definition.subject.kind === 'classic' && feed.definition.channel.type !== 'live';
    const content = { type, status: feed.definition.status, total, events };
    const text = classic ? '' : notificationText(feed.subject, content, new Date());
    return { subscriptionId: feed.id, classic, type, first: 0, last: 0, total, text };
  }

  private isOpen(feed: Feed): boolean {
    return feed.definition.status === 'active' || feed.definition.status === 'error';
  }

  private latestOf(feed: Feed): number {
    const open = openSegment(feed.segments);
    return latestNumber(feed.segments, open ? (this.parts.window.lastN(open.groupId) ?? open.afterN) : 0);
  }

  private feedOf(id: string): Promise<Feed | undefined> | Feed {
    const known = this.feeds.get(id);
    if (known) return known;
    let loading = this.loading.get(id);
    if (!loading) {
      loading = this.load(id).finally(() => this.loading.delete(id));
      this.loading.set(id, loading);
    }
    return loading;
  }

  private async load(id: string): Promise<Feed | undefined> {
    const served = await this.served(id);
    if (!served || served.resource.interaction === 'delete') return undefined;
    const definition = this.parts.readDefinition(served.resource);
    const feed: Feed = {
      id,
      resource: served.resource,
      definition,
      subject: this.subjectOf(definition),
      segments: [],
      acknowledged: Math.max(served.acknowledged, this.acknowledged.get(id) ?? 0),
      bindings: new Set(),
    };
    this.feeds.set(id, feed);
    this.place(feed, served);
    // Asked for, but never bound after all.
    setTimeout(() => feed.bindings.size === 0 && this.forget(feed), 30_000).unref();
    return feed;
  }

  /** A Subscription that was made a moment ago has no cursor until matching has come by. */
  private async served(id: string): Promise<ServedSubscription | undefined> {
    const until = performance.now() + MATCHING_MS;
    for (;;) {
      const [served] = await this.parts.cursors.load([id]);
      if (served || performance.now() > until || !(await this.parts.stored.current(id))) return served;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  private refresh(feed: Feed, served: ServedSubscription): void {
    if (served.resource.version > feed.resource.version) {
      feed.resource = served.resource;
      feed.definition = this.parts.readDefinition(served.resource);
      feed.subject = this.subjectOf(feed.definition);
      feed.lastFrame = undefined;
    }
    this.place(feed, served);
    for (const binding of feed.bindings) this.serveBinding(binding);
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
      () => this.serve(new Set([groupId])),
      () => setTimeout(() => this.catchUp(groupId), 500).unref(),
    );
  }

  private unfile(feed: Feed): void {
    if (feed.groupId === undefined) return;
    const others = this.byGroup.get(feed.groupId);
    others?.delete(feed);
    if (others?.size === 0) this.byGroup.delete(feed.groupId);
    feed.groupId = undefined;
  }

  private forget(feed: Feed): void {
    this.unfile(feed);
    if (this.feeds.get(feed.id) === feed) this.feeds.delete(feed.id);
  }

  private end(feed: Feed): void {
    for (const binding of [...feed.bindings]) {
      this.unbind(binding);
      binding.sink.ended(feed.id);
    }
    this.forget(feed);
  }

  private subjectOf(definition: SubscriptionDefinition): NotificationSubject {
    const { id, face, subject } = definition;
    const topic = subject.kind === 'topic' ? subject.topic : undefined;
    return notificationSubject({ id, face, base: this.parts.baseOf(face), topic, level: levelOf(definition) });
  }

  private acknowledge(feed: Feed, number: number): void {
    if (number <= feed.acknowledged) return;
    feed.acknowledged = number;
    this.acknowledged.set(feed.id, number);
    this.advanceTimer ??= setTimeout(() => void this.advanceCursors(), ADVANCE_EVERY_MS);
  }

  private async advanceCursors(): Promise<void> {
    const numbers = this.acknowledged;
    this.acknowledged = new Map();
    try {
      await this.parts.cursors.advance(numbers);
    } catch (error) {
      this.parts.log.warn({ err: error, subscriptions: numbers.size }, 'sockets.advance-failed');
      for (const [id, number] of numbers) this.acknowledged.set(id, Math.max(number, this.acknowledged.get(id) ?? 0));
    }
    this.advanceTimer =
      this.acknowledged.size > 0 && this.lookTimer ? setTimeout(() => void this.advanceCursors(), 1000) : undefined;
  }

  /** Requests are in the database, as sockets of one subscription may be held by several processes. */
  private async lookForResends(): Promise<void> {
    const bound = [...this.feeds.values()].filter((feed) => feed.bindings.size > 0 && !isPushed(feed.definition));
    if (bound.length === 0 || this.looking) return;
    this.looking = true;
    try {
      const now = Date.now();
      for (const [id, at] of this.taken) if (now - at > RESENDS_FORGOTTEN_MS) this.taken.delete(id);
      for (const { id, subscriptionId, next, last } of await this.parts.resends.recent(bound.map((feed) => feed.id))) {
        const feed = this.feeds.get(subscriptionId);
        if (!feed || this.taken.has(id)) continue;
        this.taken.set(id, now);
        for (const binding of feed.bindings) {
          binding.again.push({ next, last });
          this.serveBinding(binding);
        }
      }
    } catch (error) {
      this.parts.log.warn({ err: error }, 'sockets.resends-failed');
    } finally {
      this.looking = false;
    }
  }

  /** Every half second: sockets that had no room, and those that have heard nothing for their heartbeat's period. */
  private look(): void {
    void this.lookForResends();
    const now = Date.now();
    for (const binding of [...this.lagging]) {
      if (binding.sink.backlog <= this.parts.budgetBytes / 2) {
        this.lagging.delete(binding);
        binding.slowSince = undefined;
        this.serveBinding(binding);
      } else if (binding.slowSince !== undefined && now - binding.slowSince > this.parts.patienceMs) {
        this.unbind(binding);
        this.parts.log.info({ subscription: binding.feed.id, position: binding.position }, 'sockets.too-slow');
        binding.sink.tooSlow();
      }
    }
    for (const feed of this.feeds.values()) {
      const period = heartbeatMs(feed.definition);
      if (period === undefined || !this.isOpen(feed)) continue;
      for (const binding of feed.bindings) {
        // One look early rather than one late: no stretch of the period may pass in silence.
        if (binding.sentAt + period - LOOK_EVERY_MS > now || binding.sink.backlog > this.parts.budgetBytes) continue;
        this.send(binding, this.frame(feed, 'heartbeat', this.latestOf(feed), []));
      }
    }
  }
}
