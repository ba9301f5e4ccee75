import type { Change } from '../fhir/change.js';
import { laterSegments, openSegment } from '../subscriptions/segments.js';
import { isPushed } from '../subscriptions/is-pushed.js';
import type { Log } from '../telemetry/log.js';
import type { Owing } from './backlog.js';
import type { CursorStore, ServedSubscription } from './cursor-store.js';
import type { CursorFlush } from './cursor-flush.js';
import type { EventWindow } from './event-window.js';
import type { GroupAudience } from './group-audience.js';
import { isSettled, type Line } from './line.js';
import type { LineReader } from './line-reader.js';

const LOAD_AT_ONCE = 500;
/** Lines at rest kept in memory; more are dropped, oldest first, and read again when something comes for them. */
const MOST_LINES = 20_000;

export interface LinesParts {
  cursors: CursorStore;
  window: EventWindow;
  flush: CursorFlush;
  audience: GroupAudience;
  reader: LineReader;
  /** Shards that this process serves now. */
  shards: () => readonly number[];
  /** Subscriptions as they are now, of other shards too. */
  onRead: (resources: readonly Change[]) => void;
  /** Asked for, and not there any more: deleted. */
  onGone: (ids: readonly string[]) => void;
  /** Writes down what the line has come to. */
  keep: (line: Line) => void;
  /** The line was taken up, or what is known of it has changed. */
  onTaken: (line: Line) => void;
  /** It is to be taken out of service: what it waits for is not wanted any more. */
  onDrop: (line: Line) => void;
  /** A group is followed from now on: what was announced before may still be missing. */
  onFollowed: (groupId: number) => void;
  log: Log;
}

/** The subscriptions taken up by this process, each in memory once; read from the cursor table, and dropped when they are served elsewhere. */
export class Lines {
  private readonly lines = new Map<string, Line>();
  /** What is owed to lines that were dropped for want of room, until they are read again. */
  private readonly atRest = new Map<string, Owing & { shard: number }>();
  private stopped = false;

  constructor(private readonly parts: LinesParts) {}

  get(id: string): Line | undefined {
    return this.lines.get(id);
  }

  all(): IterableIterator<Line> {
    return this.lines.values();
  }

  /** All that may be owed something of what this process serves. */
  *owing(): Iterable<Owing> {
    for (const line of this.lines.values()) if (canOwe(line)) yield owingOf(line);
    const shards = new Set(this.parts.shards());
    for (const [id, owing] of this.atRest) {
      if (shards.has(owing.shard)) yield owing;
      else this.atRest.delete(id);
    }
  }

  /** What could not be loaded is not tried again. */
  stop(): void {
    this.stopped = true;
  }

  start(): void {
    this.stopped = false;
  }

  /** Takes subscriptions up, or learns what has become of those taken up. */
  async load(ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += LOAD_AT_ONCE) {
      const some = ids.slice(from, from + LOAD_AT_ONCE);
      const found = await this.parts.cursors.load(some);
      const gone = new Set(some);
      const elsewhere: string[] = [];
      this.parts.onRead(found.map(({ resource }) => resource));
      const shards = new Set(this.parts.shards());
      for (const served of found) {
        gone.delete(served.resource.id);
        if (shards.has(served.shard)) this.takeUp(served);
        else elsewhere.push(served.resource.id);
      }
      this.parts.onGone([...gone]);
      this.dropAll([...gone, ...elsewhere]);
    }
    this.dropOldest();
  }

  /** As {@link load}, tried again until it succeeds. */
  loadLater(ids: readonly string[]): void {
    this.load(ids).catch((error: unknown) => {
      this.parts.log.warn({ err: error }, 'delivery.load-failed');
      if (!this.stopped) setTimeout(() => this.loadLater(ids), 500).unref();
    });
  }

  drop(line: Line): void {
    line.dropped = true;
    clearTimeout(line.timer);
    this.parts.onDrop(line);
    line.abort.abort();
    if (this.lines.get(line.id) === line) this.lines.delete(line.id);
    for (const { groupId } of line.segments) this.parts.audience.set(groupId, line.id, false);
  }

  dropAll(ids: readonly string[]): void {
    for (const id of ids) {
      this.atRest.delete(id);
      const line = this.lines.get(id);
      if (line) this.drop(line);
    }
  }

  /** Drops those whose cursor, in this life, is another process's or gone. */
  dropLost(lost: readonly { subscriptionId: string; life: number }[]): void {
    this.dropAll(
      lost.flatMap(({ subscriptionId: id, life }) => {
        const line = this.lines.get(id);
        return line === undefined || line.life === life ? [id] : [];
      }),
    );
  }

  /** Resolves when nothing is under way for those it concerns, or after so many milliseconds. */
  async whenIdle(concerns: (line: Line) => boolean, milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while ([...this.lines.values()].some((line) => line.busy && concerns(line)) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  private takeUp(served: ServedSubscription): void {
    const { window, reader, audience } = this.parts;
    const { resource, standing } = served;
    this.atRest.delete(resource.id);
    let known = this.lines.get(resource.id);
    if (resource.interaction === 'delete') return known && this.drop(known);
    // Readings may overtake one another; one of an earlier life says nothing.
    if (known && served.life < known.life) return;
    if (known && served.life > known.life) {
      // Deleted and made again before anybody looked: what the first one was served says nothing of the second.
      this.drop(known);
      known = undefined;
    }
    const open = openSegment(standing.segments);
    if (open && window.follow(open.groupId, standing.groupLastN)) this.parts.onFollowed(open.groupId);
    const line = known ?? reader.newLine(served, Date.now());
    if (!line) return;
    if (!known) this.lines.set(line.id, line);
    else if (!this.renew(line, served)) return this.drop(line);
    if (open) audience.set(open.groupId, line.id, isPushed(line.definition));
    if (isSettled(line) && served.verifiedVersion !== line.resource.version) {
      line.verifiedVersion = line.resource.version;
      this.parts.keep(line);
    }
    this.parts.onTaken(line);
  }

  /** What the table says of a line that is ahead of it. */
  private renew(line: Line, { standing, acknowledged, resource }: ServedSubscription): boolean {
    line.segments = laterSegments(line.segments, standing.segments);
    line.acknowledged = Math.max(line.acknowledged, acknowledged);
    line.stale = false;
    if (resource.version <= line.resource.version) return true;
    // Somebody wrote it: whatever held it up may be mended.
    line.failures = 0;
    line.retryAt = 0;
    return this.parts.reader.adopt(line, resource);
  }

  /** Lines at rest whose state is in the table can be read again. */
  private dropOldest(): void {
    if (this.lines.size <= MOST_LINES) return;
    for (const line of this.lines.values()) {
      if (line.busy || line.timer || this.parts.flush.isAhead(line.id)) continue;
      this.lines.delete(line.id);
      if (line.latest > line.acknowledged && canOwe(line)) this.atRest.set(line.id, { ...owingOf(line), shard: line.shard });
      if (this.lines.size <= MOST_LINES) return;
    }
  }
}

/** What is switched off is owed nothing before it is switched on again. */
function canOwe({ definition }: Line): boolean {
  return definition.status !== 'off' && isPushed(definition);
}

function owingOf({ definition, segments, acknowledged }: Line): Owing {
  return { channel: definition.channel.type, segments, acknowledged };
}
