import type { EventLog, GroupEvent } from '../subscriptions/event-log.js';
import type { Stretch } from '../subscriptions/segments.js';

interface Window {
  lastN: number;
  /** The newest events, without a gap, the last of them `lastN`; may be empty. */
  events: GroupEvent[];
}

interface Chunk {
  events: Promise<readonly GroupEvent[]>;
  weight: number;
}

/** An event in some window. */
interface Kept {
  window: Window;
  n: number;
  weight: number;
}

/** Newest events kept of one group. */
const WINDOW_LENGTH = 512;
/** Older events are read in chunks that begin at multiples of this. */
const CHUNK_LENGTH = 64;

/**
 * The numbered log as this process sees it: the newest events of the groups it follows are in memory, read once for all their subscribers;
 * older ones come from the database in chunks shared by all who catch up. Bounded in bytes: what came first goes first, whichever group it
 * is of, and is read again should anybody still want it.
 */
export class EventWindow {
  private readonly windows = new Map<number, Window>();
  private readonly chunks = new Map<string, Chunk>();
  /** What the windows hold, in the order it came; entries before `first` are gone, as are those whose window has moved past them. */
  private kept: Kept[] = [];
  private first = 0;
  private windowBytes = 0;
  private chunkBytes = 0;

  constructor(
    private readonly log: EventLog,
    /** Resolves when all that is to be known of these batches of matching is known; only then are their events shown. */
    private readonly known: (batch: number) => Promise<void>,
    private readonly maxBytes = 64 * 1024 * 1024,
  ) {}

  /** How far a group has come, as far as this process knows; undefined for a group that nobody follows. */
  lastN(groupId: number): number | undefined {
    return this.windows.get(groupId)?.lastN;
  }

  /**
   * Begins to follow a group that was seen at `lastN`. True where it was not followed before: what came between that reading and now may
   * have been announced already, so the caller has it advanced once.
   */
  follow(groupId: number, lastN: number): boolean {
    if (this.windows.has(groupId)) return false;
    this.windows.set(groupId, { lastN, events: [] });
    return true;
  }

  /** Brings the given groups up to date, as far as they are followed. */
  async advance(groupIds: Iterable<number>): Promise<void> {
    const asked = [...groupIds].flatMap((groupId) => {
      const window = this.windows.get(groupId);
      return window ? [{ groupId, afterN: window.lastN }] : [];
    });
    if (asked.length === 0) return;
    const news = await this.log.news(asked, WINDOW_LENGTH);
    await this.known(Math.max(...news.map(({ batch }) => batch)));
    for (const { groupId, lastN, events } of news) {
      const window = this.windows.get(groupId);
      if (!window || lastN <= window.lastN) continue;
      const joins = events[0]?.n === window.lastN + 1;
      const complete = events.at(-1)?.n === lastN;
      window.lastN = lastN;
      // A gap is no loss: what is not in the window is read from the database.
      if (!joins || !complete) window.events.length = 0;
      if (complete) this.append(window, events);
    }
    this.shrink();
  }

  /** Events of a stretch from its beginning: at least one and at most `limit`, if there is any. */
  read(stretch: Stretch, limit: number): readonly GroupEvent[] | Promise<readonly GroupEvent[]> {
    const until = Math.min(stretch.untilN, stretch.afterN + limit);
    const events = this.windows.get(stretch.groupId)?.events;
    const first = events?.[0];
    if (events && first && stretch.afterN + 1 >= first.n) {
      const from = stretch.afterN + 1 - first.n;
      if (from < events.length) return events.slice(from, until - first.n + 1);
    }
    return this.readOlder(stretch, until);
  }

  private async readOlder({ groupId, afterN }: Stretch, until: number): Promise<readonly GroupEvent[]> {
    const start = afterN - (afterN % CHUNK_LENGTH);
    // From the chunk's start, to share it; if large bodies end that read before our place, from there.
    for (const from of start === afterN ? [start] : [start, afterN]) {
      const events = (await this.chunk(groupId, from, start + CHUNK_LENGTH)).filter(({ n }) => n > afterN && n <= until);
      if (events.length > 0) return events;
    }
    return [];
  }

  private chunk(groupId: number, afterN: number, untilN: number): Promise<readonly GroupEvent[]> {
    const key = `${groupId}:${afterN}`;
    const kept = this.chunks.get(key);
    if (kept) return kept.events;
    const chunk: Chunk = { events: this.log.read([{ groupId, afterN, untilN }], untilN - afterN), weight: 0 };
    this.chunks.set(key, chunk);
    chunk.events.then(
      (events) => {
        // A chunk that may still grow, or did not fit, is shared only while it is being read.
        if (events.at(-1)?.n === untilN) this.keep(chunk, events);
        else this.chunks.delete(key);
      },
      () => this.chunks.delete(key),
    );
    return chunk.events;
  }

  private keep(chunk: Chunk, events: readonly GroupEvent[]): void {
    chunk.weight = weightOfAll(events);
    this.chunkBytes += chunk.weight;
    for (const [key, { weight }] of this.chunks) {
      if (this.chunkBytes <= this.maxBytes) break;
      this.chunks.delete(key);
      this.chunkBytes -= weight;
    }
  }

  private append(window: Window, events: readonly GroupEvent[]): void {
    for (const event of events) {
      const weight = weightOf(event);
      window.events.push(event);
      this.kept.push({ window, n: event.n, weight });
      this.windowBytes += weight;
    }
    if (window.events.length > WINDOW_LENGTH) window.events.splice(0, window.events.length - WINDOW_LENGTH);
  }

  private shrink(): void {
    while (this.windowBytes > this.maxBytes) {
      const { window, n, weight } = this.kept[this.first++]!;
      this.windowBytes -= weight;
      if (window.events[0]?.n === n) window.events.shift();
    }
    if (this.first < 1024 || this.first * 2 < this.kept.length) return;
    this.kept = this.kept.slice(this.first);
    this.first = 0;
  }
}

const weightOf = ({ parts }: GroupEvent) => 600 + 4 * parts.length;
const weightOfAll = (events: readonly GroupEvent[]) => events.reduce((sum, event) => sum + weightOf(event), 0);
