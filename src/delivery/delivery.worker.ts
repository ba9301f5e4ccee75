import type { Change } from '../fhir/change.js';
import type { Resends } from '../subscriptions/resends.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { DeliveryNow } from '../telemetry/delivery-recorder.js';
import type { Log } from '../telemetry/log.js';
import { AttemptPlaces } from './attempt-places.js';
import { backlogOf } from './backlog.js';
import type { CursorFlush } from './cursor-flush.js';
import type { CursorStore, CursorUpdate } from './cursor-store.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { EventWindow } from './event-window.js';
import { GroupAudience } from './group-audience.js';
import { LineReader, type ReadDefinition } from './line-reader.js';
import { LineTurns } from './line-turns.js';
import { Lines } from './lines.js';
import type { BatchListener } from './match-follower.js';
import { noticeOf } from './notice-of.js';
import type { PushChannel } from './push-channel.js';
import { RATE_LIMIT } from '../subscriptions/parse-rate-limit.js';
import { PacedEndpoints } from './paced-endpoints.js';
import { RateLimits } from './rate-limits.js';
import { Unsettled } from './unsettled.js';
import { Repetitions } from './repetitions.js';
import type { ShardHolder, ShardListener } from './shard-holder.js';
import { StatusMoves } from './status-moves.js';
import type { StatusNotices } from './status-notices.js';
import type { StatusWriter } from './status-writer.js';

export interface DeliveryParts {
  cursors: CursorStore;
  window: EventWindow;
  flush: CursorFlush;
  resends: Resends;
  shards: ShardHolder;
  statuses: StatusWriter;
  channels: readonly PushChannel[];
  readDefinition: ReadDefinition;
  /** FHIR base of a face. */
  baseOf: (face: Change['face']) => string;
  /** Tells contacts; absent where there is no mail server. */
  notices?: StatusNotices;
  settings: DeliverySettings;
  log: Log;
  random?: () => number;
}

const DUE_EVERY_MS = 1000;
/** Slices that all subscriptions are spread over. */
const SHARDS = 64;
/** An attempt that goes on for longer does not keep others from theirs. */
const LINGER_MS = 2000;
/** Lines that wait for a place or for their endpoint; while there are more, others stay in the table. */
const MOST_WAITING = 10_000;

/**
 * Sends what subscriptions are owed. Each one is served strictly in order, one attempt at a time; all of them run side by side, bounded
 * for each host and in all, so that one that hangs delays only itself. What is known of them here runs ahead of the cursor table, which
 * follows within some milliseconds; after a crash another process goes on from the table.
 */
export class DeliveryWorker implements BatchListener, ShardListener {
  private readonly audience: GroupAudience;
  private readonly lines: Lines;
  private readonly turns: LineTurns;
  private readonly repetitions: Repetitions;
  private readonly unsettled: Unsettled;
  private readonly places: AttemptPlaces;
  private readonly endpoints: PacedEndpoints;
  private readonly limits: RateLimits;
  private readonly reader: LineReader;
  private dueTimer?: NodeJS.Timeout;
  private stopped = true;

  constructor(private readonly parts: DeliveryParts) {
    const { cursors, window, flush, shards, settings, log } = parts;
    const channels = new Map(parts.channels.map((channel) => [channel.type, channel]));
    const channelOf = ({ channel }: SubscriptionDefinition) => channels.get(channel.type);
    const reader = (this.reader = new LineReader(parts.readDefinition, parts.baseOf, channelOf, log));
    this.limits = new RateLimits(settings.ratePerEndpoint, () => shards.shards.length / SHARDS);
    this.places = new AttemptPlaces({ perHost: settings.attemptsPerHost, inAll: settings.attemptsInAll, lingerMs: LINGER_MS });
    this.endpoints = new PacedEndpoints(this.places, (endpoint) => this.limits.of(endpoint));
    this.audience = new GroupAudience(cursors, window);
    this.repetitions = new Repetitions(parts.resends);
    this.lines = new Lines({
      cursors,
      window,
      flush,
      audience: this.audience,
      reader,
      shards: () => shards.shards,
      onRead: (resources) => this.learnLimits(resources),
      onGone: (ids) => ids.forEach((id) => this.limits.forget(id)),
      keep: (line) => this.turns.keep(line, false),
      onTaken: (line) => this.turns.pump(line),
      onDrop: (line) => this.turns.withdraw(line),
      onFollowed: (groupId) => this.catchUp(groupId),
      log,
    });
    const moves = new StatusMoves(
      parts.statuses,
      reader,
      (line) => this.lines.drop(line),
      (line) => this.turns.keep(line, false),
      (line, from, reason) => {
        const notice = noticeOf(line, from, reason);
        if (notice) parts.notices?.tell(notice);
      },
      log,
    );
    this.turns = new LineTurns({
      window,
      flush,
      endpoints: this.endpoints,
      repetitions: this.repetitions,
      moves,
      channelOf,
      holds: (shard) => shards.holds(shard),
      reload: (line) => this.lines.loadLater([line.id]),
      settings,
      random: parts.random ?? Math.random,
      log,
    });
    this.unsettled = new Unsettled(cursors, this.lines, () => this.hasRoom(), log);
  }

  async start(): Promise<void> {
    if (!this.stopped) return;
    this.learnLimits(await this.parts.cursors.mentioning(RATE_LIMIT));
    this.stopped = false;
    this.lines.start();
    this.turns.start();
    this.unsettled.start();
    this.dueTimer = setTimeout(() => void this.lookForDue(), DUE_EVERY_MS);
  }

  /** Nothing new begins; resolves when what was under way has ended (or was cut off after `graceMs`) and is written down. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    this.lines.stop();
    this.turns.stop();
    this.unsettled.stop();
    this.parts.notices?.stop();
    clearTimeout(this.dueTimer);
    for (const line of this.lines.all()) {
      clearTimeout(line.timer);
      this.turns.withdraw(line);
    }
    await this.lines.whenIdle(() => true, graceMs);
    for (const line of this.lines.all()) line.abort.abort();
    await this.lines.whenIdle(() => true, 1000);
    for (const channel of this.parts.channels) channel.close();
    await this.parts.flush.drain();
  }

  /** How it stands at this moment, for those who watch. */
  standing(): Omit<DeliveryNow, 'attemptsUnlogged' | 'shardsHeld'> {
    const { owed, places } = backlogOf(this.lines.owing(), (groupId) => this.parts.window.lastN(groupId));
    return {
      owed,
      places,
      attemptsUnderWay: this.places.underWay,
      attemptsWaiting: this.places.waiting,
      attemptsPaced: this.endpoints.waiting,
      notTakenUp: this.unsettled.waiting,
    };
  }

  // Batches of matching.

  async learn(groupIds: ReadonlySet<number>, subscriptionIds: ReadonlySet<string>): Promise<void> {
    // The groups first: where one stands must not be newer than what is known of its subscriptions.
    await this.audience.learn(groupIds, () => this.parts.shards.shards);
    await this.lines.load([...subscriptionIds]);
  }

  serve(groupIds: ReadonlySet<number>): void {
    this.audience.visit(
      groupIds,
      () => this.parts.shards.shards,
      (ids) => this.serveEach(ids),
    );
  }

  private serveEach(ids: readonly string[]): void {
    if (this.stopped) return;
    const absent: string[] = [];
    for (const id of ids) {
      const line = this.lines.get(id);
      if (line) this.turns.pump(line);
      else absent.push(id);
    }
    if (absent.length > 0) this.lines.loadLater(absent);
  }

  // Shards.

  taken(shards: readonly number[]): Promise<void> {
    this.audience.forget();
    this.unsettled.take(shards);
    return Promise.resolve();
  }

  lost(shards: readonly number[]): void {
    this.audience.forget();
    this.unsettled.leave(shards);
    for (const line of this.lines.all()) if (shards.includes(line.shard)) this.lines.drop(line);
  }

  async letGo(shards: readonly number[]): Promise<void> {
    this.audience.forget();
    this.unsettled.leave(shards);
    const lines = [...this.lines.all()].filter((line) => shards.includes(line.shard));
    for (const line of lines) {
      line.dropped = true;
      clearTimeout(line.timer);
      this.turns.withdraw(line);
    }
    await this.lines.whenIdle((line) => shards.includes(line.shard), this.parts.settings.attemptCeilingSeconds * 1000);
    await this.parts.flush.drain();
    for (const line of lines) this.lines.drop(line);
  }

  /** Cursors of these subscriptions could not be written: they are served elsewhere now, or are gone. */
  dropLost(lost: readonly CursorUpdate[]): void {
    this.lines.dropLost(lost);
  }

  // Times that have come.

  private async lookForDue(): Promise<void> {
    try {
      const { shards, cursors } = this.parts;
      if (shards.shards.length > 0) {
        await this.serveDue(await cursors.due(shards.shards, 1000));
        for (const line of await this.repetitions.look(this.lines, shards.shards)) this.turns.pump(line);
      }
    } catch (error) {
      this.parts.log.warn({ err: error }, 'delivery.due-failed');
    }
    if (!this.stopped) this.dueTimer = setTimeout(() => void this.lookForDue(), DUE_EVERY_MS);
  }

  private async serveDue(due: readonly string[]): Promise<void> {
    for (const line of due.flatMap((id) => this.lines.get(id) ?? [])) {
      if (line.busy) {
        if (!this.parts.flush.isAhead(line.id)) this.turns.keepBusy(line);
        continue;
      }
      this.turns.pump(line);
      // What the table says is over: let it say what holds now.
      if (!line.busy && !this.parts.flush.isAhead(line.id)) this.turns.keep(line, false);
    }
    if (this.hasRoom()) await this.lines.load(due.filter((id) => !this.lines.get(id)));
  }

  private hasRoom(): boolean {
    return this.places.waiting + this.endpoints.waiting < MOST_WAITING;
  }

  private learnLimits(resources: readonly Change[]): void {
    for (const resource of resources) this.limits.learn(resource, (changed) => this.reader.definitionOf(changed));
  }

  /** A group seen for the first time: what was announced before that may still be missing. */
  private catchUp(groupId: number): void {
    const { window } = this.parts;
    const before = window.lastN(groupId);
    window.advance([groupId]).then(
      () => {
        if (window.lastN(groupId) !== before) this.serve(new Set([groupId]));
      },
      () => setTimeout(() => this.catchUp(groupId), 500).unref(),
    );
  }
}
