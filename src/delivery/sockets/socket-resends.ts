import type { Resends } from '../../subscriptions/resends.js';
import { isPushed } from '../../subscriptions/is-pushed.js';
import type { Log } from '../../telemetry/log.js';
import type { Binding, Feed } from './feed.js';

/** Longer than requests are read for. */
const FORGOTTEN_AFTER_MS = 120_000;

/**
 * Events that were asked for once more, for whoever is bound to their subscription. Requests are in the database, as sockets of one
 * subscription may be held by several processes; each takes them up once.
 */
export class SocketResends {
  /** Requests that this process has taken up, and when. */
  private readonly taken = new Map<number, number>();
  private looking = false;

  constructor(
    private readonly resends: Resends,
    private readonly feeds: { get(subscriptionId: string): Feed | undefined; values(): Iterable<Feed> },
    private readonly serve: (binding: Binding) => void,
    private readonly log: Log,
  ) {}

  async look(): Promise<void> {
    const bound = [...this.feeds.values()].filter((feed) => feed.bindings.size > 0 && !isPushed(feed.definition));
    if (bound.length === 0 || this.looking) return;
    this.looking = true;
    try {
      const now = Date.now();
      for (const [id, at] of this.taken) if (now - at > FORGOTTEN_AFTER_MS) this.taken.delete(id);
      for (const { id, subscriptionId, next, last } of await this.resends.recent(bound.map((feed) => feed.id))) {
        const feed = this.feeds.get(subscriptionId);
        if (!feed || this.taken.has(id)) continue;
        this.taken.set(id, now);
        for (const binding of feed.bindings) {
          binding.again.push({ next, last });
          this.serve(binding);
        }
      }
    } catch (error) {
      this.log.warn({ err: error }, 'sockets.resends-failed');
    } finally {
      this.looking = false;
    }
  }
}
