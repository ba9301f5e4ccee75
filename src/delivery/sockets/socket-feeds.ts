import type { GroupEvent } from '../../subscriptions/event-log.js';
import type { Resends } from '../../subscriptions/resends.js';
import { openSegment, stretchesOf, type Stretch } from '../../subscriptions/segments.js';
import type { SubscriptionDefinition } from '../../subscriptions/subscription-definition.js';
import type { DeliveryRecorder } from '../../telemetry/delivery-recorder.js';
import type { Log } from '../../telemetry/log.js';
import type { BatchListener } from '../match-follower.js';
import { changedAt } from '../measured-channel.js';
import { heartbeatMs } from '../next-step.js';
import { type Binding, type Feed, isOpen } from './feed.js';
import { FeedCatalog, type FeedCatalogParts } from './feed-catalog.js';
import { eventFrame, statusFrame } from './feed-frames.js';
import type { FeedSink, Frame } from './feed-sink.js';
import { SocketAcknowledgements } from './socket-acknowledgements.js';
import { SocketResends } from './socket-resends.js';
import { Turns } from './turns.js';

export interface SocketFeedsParts extends FeedCatalogParts {
  resends: Resends;
  log: Log;
  /** Bytes a socket may have waiting before nothing more is read for it. */
  budgetBytes: number;
  /** How long it may stay over that. */
  patienceMs: number;
  recorder?: DeliveryRecorder;
}

export interface BindOptions {
  /**
   * Where the socket begins: behind the event of this number; behind the last that has arrived at any socket of the subscription
   * ('acknowledged'); or with what comes ('now').
   */
  after: number | 'acknowledged' | 'now';
  greet: boolean;
  onBound?: (latest: number) => void;
}

/** Events that a socket is to be sent next, and the repetition they belong to. */
interface Wanted {
  stretch: Stretch;
  again?: Binding['again'][number];
}

const LOOK_EVERY_MS = 500;
/** Sockets served before others of this process get a turn. */
const AT_ONCE = 250;
/** Questions of sockets to the database at once: when all come back together, writers and hooks still find it. */
const ASKING_AT_ONCE = 4;

/**
 * Feeds sockets from the numbered log, each from its own place: nothing is queued for a socket, it is read for when it has room. Sockets
 * live in this process whichever process holds the shard. A FHIR websocket's gateway says what has arrived ({@link arrived}), and that
 * moves the subscription's cursor; clients of the live feed say themselves where they go on.
 */
export class SocketFeeds implements BatchListener {
  private readonly catalog: FeedCatalog;
  private readonly acknowledgements: SocketAcknowledgements;
  private readonly resends: SocketResends;
  private readonly turns = new Turns(ASKING_AT_ONCE);
  private readonly lagging = new Set<Binding>();
  private lookTimer?: NodeJS.Timeout;

  constructor(private readonly parts: SocketFeedsParts) {
    this.catalog = new FeedCatalog(parts, this.turns, (groupId) => this.serve(new Set([groupId])));
    this.acknowledgements = new SocketAcknowledgements(parts.cursors, parts.log);
    this.resends = new SocketResends(parts.resends, this.catalog, (binding) => this.serveBinding(binding), parts.log);
  }

  start(): void {
    this.lookTimer ??= setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.lookTimer);
    this.lookTimer = undefined;
    await this.acknowledgements.stop();
  }

  /** Asks the database something for a socket, in its turn. */
  inTurn<T>(question: () => Promise<T>): Promise<T> {
    return this.turns.take(question);
  }

  /** Whether sockets of this process listen to the Subscription already. */
  hasListeners(subscriptionId: string): boolean {
    return (this.catalog.get(subscriptionId)?.bindings.size ?? 0) > 0;
  }

  /** A Subscription as a socket may ask for it; undefined where there is none. */
  async find(subscriptionId: string): Promise<SubscriptionDefinition | undefined> {
    return (await this.catalog.find(subscriptionId))?.definition;
  }

  /** Binds a socket: a handshake first where asked for, then what was missed, then what comes. */
  async bind(subscriptionId: string, sink: FeedSink, options: BindOptions): Promise<Binding | undefined> {
    const feed = await this.catalog.find(subscriptionId);
    if (!feed) return undefined;
    const { after } = options;
    // A client that comes from another process may have heard of more than this one.
    if (typeof after === 'number' && after > this.catalog.latestOf(feed)) await this.catalog.hearMore(feed);
    // Its last listener may have gone meanwhile, and the feed with it.
    if (this.catalog.get(subscriptionId) !== feed) return this.bind(subscriptionId, sink, options);
    const latest = this.catalog.latestOf(feed);
    // A number from the future is that of another life of this id; nothing may be skipped for it.
    const position = Math.min(latest, this.startOf(feed, after));
    const binding: Binding = { feed, sink, position, boundAt: latest, again: [], sentAt: Date.now(), busy: false, ended: false };
    feed.bindings.add(binding);
    options.onBound?.(latest);
    if (options.greet) this.send(binding, statusFrame(feed, 'handshake', latest));
    this.serveBinding(binding);
    return binding;
  }

  unbind(binding: Binding): void {
    binding.ended = true;
    this.lagging.delete(binding);
    const { feed } = binding;
    feed.bindings.delete(binding);
    if (feed.bindings.size === 0) this.catalog.forget(feed);
  }

  /** All events of the subscription up to this number have arrived at a socket that is bound to it. */
  arrived(subscriptionId: string, number: number): void {
    const feed = this.catalog.get(subscriptionId);
    if (!feed || feed.definition.channel.type !== 'websocket' || number <= feed.acknowledged) return;
    feed.acknowledged = number;
    this.acknowledgements.keep(feed.id, { life: feed.life, number });
  }

  async learn(_groupIds: ReadonlySet<number>, subscriptionIds: ReadonlySet<string>): Promise<void> {
    const { refreshed, ended } = await this.catalog.refresh(subscriptionIds);
    for (const feed of refreshed) this.serveSome([...feed.bindings], 0);
    for (const feed of ended) this.end(feed);
  }

  serve(groupIds: ReadonlySet<number>): void {
    const feeds = [...groupIds].flatMap((groupId) => [...this.catalog.ofGroup(groupId)]);
    const bindings = feeds.flatMap((feed) => [...feed.bindings]);
    this.serveSome(bindings, 0);
  }

  /** Hands every socket what is in memory for it and fits. For the moment before sockets are closed. */
  serveAll(): void {
    for (const feed of this.catalog.values()) for (const binding of feed.bindings) this.serveBinding(binding);
  }

  private startOf(feed: Feed, after: BindOptions['after']): number {
    if (after === 'now') return Number.POSITIVE_INFINITY;
    if (after === 'acknowledged') return Math.max(feed.acknowledged, this.acknowledgements.of(feed.id, feed.life));
    return after;
  }

  private serveSome(bindings: readonly Binding[], from: number): void {
    for (const binding of bindings.slice(from, from + AT_ONCE)) this.serveBinding(binding);
    if (from + AT_ONCE < bindings.length) setImmediate(() => this.serveSome(bindings, from + AT_ONCE));
  }

  /** Sends what the socket has room for. Stays on this side of an `await` while the events are in memory. */
  private serveBinding(binding: Binding): void {
    if (binding.busy || binding.ended) return;
    for (let wanted = this.wantedBy(binding); wanted && this.hasRoom(binding); wanted = this.wantedBy(binding)) {
      const { stretch, again } = wanted;
      const events = this.parts.window.read(stretch, mostOf(binding));
      if (events instanceof Promise) return this.serveRead(binding, wanted, events);
      this.sendEvents(binding, stretch.firstNumber, events, again);
    }
  }

  /** What it is to be sent next: what is new goes first, so that a repetition holds up nothing. */
  private wantedBy(binding: Binding): Wanted | undefined {
    const { feed, position } = binding;
    if (!isOpen(feed)) return undefined;
    const latest = this.catalog.latestOf(feed);
    const stretchOf = (first: number, last: number) =>
      stretchesOf(feed.segments, { first, last }, this.groupLastN(feed), mostOf(binding))[0];
    if (latest > position) {
      const stretch = stretchOf(position + 1, latest);
      return stretch && { stretch };
    }
    for (let [again] = binding.again; again; [again] = binding.again) {
      const stretch = stretchOf(again.next, Math.min(again.last, latest));
      if (stretch) return { stretch, again };
      binding.again.shift();
    }
    return undefined;
  }

  private hasRoom(binding: Binding): boolean {
    if (binding.sink.backlog <= this.parts.budgetBytes) return true;
    binding.slowSince ??= Date.now();
    this.lagging.add(binding);
    return false;
  }

  /** Events that are not in memory: sent once they are read, and whatever has come meanwhile. */
  private serveRead(binding: Binding, { stretch, again }: Wanted, events: Promise<readonly GroupEvent[]>): void {
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
        this.lookLater(binding, error);
      },
    );
  }

  private groupLastN({ segments }: Feed): number {
    const open = openSegment(segments);
    return open ? (this.parts.window.lastN(open.groupId) ?? 0) : 0;
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
      this.learn(new Set(), new Set([feed.id])).catch((error: unknown) => this.lookLater(binding, error));
    }, LOOK_EVERY_MS).unref();
  }

  private lookLater(binding: Binding, error: unknown): void {
    if (!binding.ended) this.lagging.add(binding);
    this.parts.log.warn({ err: error, subscription: binding.feed.id }, 'sockets.read-failed');
  }

  private sendEvents(
    binding: Binding,
    first: number,
    events: readonly GroupEvent[],
    again: Binding['again'][number] | undefined,
  ): void {
    const frame = eventFrame(binding.feed, first, events);
    if (!again) binding.position = frame.last;
    else {
      again.next = frame.last + 1;
      if (again.next > again.last) binding.again.shift();
    }
    this.send(binding, frame);
    if (!again && this.parts.recorder) this.record(binding, first, events, this.parts.recorder);
  }

  private record(
    { feed, boundAt, sentAt }: Binding,
    first: number,
    events: readonly GroupEvent[],
    recorder: DeliveryRecorder,
  ): void {
    const { type } = feed.definition.channel;
    for (const [index, { focus }] of events.entries())
      if (first + index > boundAt) recorder.received(type, changedAt(focus), sentAt);
  }

  private send(binding: Binding, frame: Frame): void {
    binding.sentAt = Date.now();
    binding.sink.send(frame);
  }

  private end(feed: Feed): void {
    for (const binding of [...feed.bindings]) {
      this.unbind(binding);
      binding.sink.ended(feed.id);
    }
    this.catalog.forget(feed);
  }

  /** Every half second: sockets that had no room, and those that have heard nothing for their heartbeat's period. */
  private look(): void {
    void this.resends.look();
    const now = Date.now();
    for (const binding of [...this.lagging]) this.lookAfter(binding, now);
    for (const feed of this.catalog.values()) this.beat(feed, now);
  }

  /** Half of the budget free again: it goes on. No sign of that for too long: it is let go. */
  private lookAfter(binding: Binding, now: number): void {
    const { sink, slowSince, feed, position } = binding;
    // Its socket was let go for another subscription on it.
    if (binding.ended) return;
    if (sink.backlog <= this.parts.budgetBytes / 2) {
      this.lagging.delete(binding);
      binding.slowSince = undefined;
      this.serveBinding(binding);
    } else if (slowSince !== undefined && now - slowSince > this.parts.patienceMs) {
      this.unbind(binding);
      this.parts.log.info({ subscription: feed.id, position }, 'sockets.too-slow');
      sink.tooSlow();
    }
  }

  private beat(feed: Feed, now: number): void {
    const period = heartbeatMs(feed.definition);
    if (period === undefined || !isOpen(feed)) return;
    for (const binding of feed.bindings) {
      // One look early rather than one late: no stretch of the period may pass in silence.
      if (binding.sentAt + period - LOOK_EVERY_MS > now || binding.sink.backlog > this.parts.budgetBytes) continue;
      this.send(binding, statusFrame(feed, 'heartbeat', this.catalog.latestOf(feed)));
    }
  }
}

const mostOf = ({ feed }: Binding): number => feed.definition.channel.maxCount ?? 1;
