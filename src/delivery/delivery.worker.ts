import type { Change } from '../fhir/change.js';
import type { Resends } from '../subscriptions/resends.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import { AttemptPlaces } from './attempt-places.js';
import type { CursorFlush } from './cursor-flush.js';
import type { CursorStore } from './cursor-store.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { EventWindow } from './event-window.js';
import { GroupAudience } from './group-audience.js';
import { LineReader, type ReadDefinition } from './line-reader.js';
import { LineTurns } from './line-turns.js';
import { Lines } from './lines.js';
import type { BatchListener } from './match-follower.js';
import type { PushChannel } from './push-channel.js';
import { Repetitions } from './repetitions.js';
import type { ShardHolder, ShardListener } from './shard-holder.js';
import { StatusMoves } from './status-moves.js';
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
  settings: DeliverySettings;
  log: Log;
  random?: () => number;
}

const DUE_EVERY_MS = 1000;

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
  private dueTimer?: NodeJS.Timeout;
  private stopped = true;

  constructor(private readonly parts: DeliveryParts) {
    const { cursors, window, flush, shards, settings, log } = parts;
    const channels = new Map(parts.channels.map((channel) => [channel.type, channel]));
    const channelOf = ({ channel }: SubscriptionDefinition) => channels.get(channel.type);
    const reader = new LineReader(parts.readDefinition, parts.baseOf, channelOf, log);
    this.audience = new GroupAudience(cursors, window);
    this.repetitions = new Repetitions(parts.resends);
    this.lines = new Lines({
      cursors,
      window,
      flush,
      audience: this.audience,
      reader,
      shards: () => shards.shards,
      keep: (line) => this.turns.keep(line, false),
      onTaken: (line) => this.turns.pump(line),
      onFollowed: (groupId) => this.catchUp(groupId),
      log,
    });
    const moves = new StatusMoves(
      parts.statuses,
      reader,
      (line) => this.lines.drop(line),
      (line) => this.turns.keep(line, false),
      log,
    );
    this.turns = new LineTurns({
      window,
      flush,
      places: new AttemptPlaces(settings.attemptsPerHost, settings.attemptsInAll),
      repetitions: this.repetitions,
      moves,
      channelOf,
      holds: (shard) => shards.holds(shard),
      reload: (line) => this.lines.loadLater([line.id]),
      settings,
      random: parts.random ?? Math.random,
      log,
    });
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.lines.start();
    this.turns.start();
    this.dueTimer = setTimeout(() => void this.lookForDue(), DUE_EVERY_MS);
  }

  /** Nothing new begins; resolves when what was under way has ended (or was cut off after `graceMs`) and is written down. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    this.lines.stop();
    this.turns.stop();
    clearTimeout(this.dueTimer);
    for (const line of this.lines.all()) clearTimeout(line.timer);
    await this.lines.whenIdle(() => true, graceMs);
    for (const line of this.lines.all()) line.abort.abort();
    await this.lines.whenIdle(() => true, 1000);
    for (const channel of this.parts.channels) channel.close();
    await this.parts.flush.drain();
  }

  // Batches of matching.

  async learn(groupIds: ReadonlySet<number>, subscriptionIds: ReadonlySet<string>): Promise<void> {
    // The groups first: where one stands must not be newer than what is known of its subscriptions.
    await this.audience.learn(groupIds, this.parts.shards.shards);
    await this.lines.load([...subscriptionIds]);
  }

  serve(groupIds: ReadonlySet<number>): void {
    const absent: string[] = [];
    for (const groupId of groupIds) {
      for (const id of this.audience.of(groupId)) {
        const line = this.lines.get(id);
        if (line) this.turns.pump(line);
        else absent.push(id);
      }
    }
    if (absent.length > 0) this.lines.loadLater(absent);
  }

  // Shards.

  async taken(shards: readonly number[]): Promise<void> {
    this.audience.forget();
    await this.lines.load(await this.parts.cursors.unsettled(shards));
  }

  lost(shards: readonly number[]): void {
    this.audience.forget();
    for (const line of this.lines.all()) if (shards.includes(line.shard)) this.lines.drop(line);
  }

  async letGo(shards: readonly number[]): Promise<void> {
    this.audience.forget();
    const lines = [...this.lines.all()].filter((line) => shards.includes(line.shard));
    for (const line of lines) {
      line.dropped = true;
      clearTimeout(line.timer);
    }
    await this.lines.whenIdle((line) => shards.includes(line.shard), this.parts.settings.attemptCeilingSeconds * 1000);
    await this.parts.flush.drain();
    for (const line of lines) this.lines.drop(line);
  }

  /** Cursors of these subscriptions could not be written: they are served elsewhere now, or are gone. */
  dropAll(subscriptionIds: readonly string[]): void {
    this.lines.dropAll(subscriptionIds);
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
      this.turns.pump(line);
      // What the table says is over: let it say what holds now.
      if (!line.busy && !this.parts.flush.isAhead(line.id)) this.turns.keep(line, false);
    }
    await this.lines.load(due.filter((id) => !this.lines.get(id)));
  }

  /** A group seen for the first time: what was announced before that may still be missing. */
  private catchUp(groupId: number): void {
    this.parts.window.advance([groupId]).then(
      () => this.serve(new Set([groupId])),
      () => setTimeout(() => this.catchUp(groupId), 500).unref(),
    );
  }
}
