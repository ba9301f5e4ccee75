import type { MatchBatches } from '../subscriptions/match-batches.js';
import type { Log } from '../telemetry/log.js';
import type { WakeUps } from '../wake-ups/wake-ups.js';
import type { Announcements, ChangeListener } from './announcements.js';
import type { EventWindow } from './event-window.js';

/** Those who serve subscriptions in this process: the worker and the sockets. */
export interface BatchListener extends ChangeListener {
  /** The events of these groups are there. */
  serve(groupIds: ReadonlySet<number>): void;
}

const SHORTEST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
const BATCHES_AT_ONCE = 200;

/**
 * Follows the batches of matching for all of this process that serves subscriptions. A wake-up makes it look at once; without one it
 * looks after 20 ms, and ever more seldom, up to once a second, while nothing comes.
 */
export class MatchFollower {
  private position = 0;
  private pauseMs = SHORTEST_PAUSE_MS;
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private again = false;
  private stopped = true;
  private unsubscribe = () => {};

  constructor(
    private readonly batches: MatchBatches,
    private readonly window: EventWindow,
    private readonly wakeUps: WakeUps,
    private readonly announcements: Announcements,
    private readonly listeners: readonly BatchListener[],
    private readonly log: Log,
  ) {
    for (const listener of listeners) announcements.listen(listener);
  }

  async start(): Promise<void> {
    if (!this.stopped) return;
    this.position = Math.max(this.position, await this.announcements.start());
    this.stopped = false;
    this.unsubscribe = this.wakeUps.on('events', () => this.look());
    this.look();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    clearTimeout(this.timer);
    await this.running;
  }

  private look(): void {
    if (this.stopped) return;
    if (this.running) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.running = this.follow().then((found) => {
      this.running = undefined;
      if (this.stopped) return;
      this.pauseMs = found > 0 ? SHORTEST_PAUSE_MS : Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
      if (found === BATCHES_AT_ONCE || this.again) this.look();
      else this.timer = setTimeout(() => this.look(), this.pauseMs);
    });
  }

  /** Takes in what is new: how many batches. The position moves only when all who listen have learnt of it. */
  private async follow(): Promise<number> {
    this.again = false;
    try {
      const batches = await this.batches.after(this.position, BATCHES_AT_ONCE);
      const last = batches.at(-1);
      if (!last) return 0;
      const groupIds = new Set(batches.flatMap((batch) => batch.groupIds));
      await Promise.all([this.announcements.tell(batches), this.window.advance(groupIds)]);
      this.position = last.batch;
      for (const listener of this.listeners) listener.serve(groupIds);
      return batches.length;
    } catch (error) {
      this.log.warn({ err: error }, 'delivery.follow-failed');
      return 0;
    }
  }
}
