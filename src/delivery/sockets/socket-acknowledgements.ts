import type { Log } from '../../telemetry/log.js';
import type { Arrived, CursorStore } from '../cursor-store.js';
import { FlushLoop } from '../flush-loop.js';

const WRITE_EVERY_MS = 200;
const AGAIN_AFTER_MS = 1000;

/**
 * How far subscriptions have been served over sockets, by numbers that have arrived. Gathered and written together, each only ever
 * forwards; until then this process knows better than the table.
 */
export class SocketAcknowledgements {
  private waiting = new Map<string, Arrived>();
  private writing: ReadonlyMap<string, Arrived> = new Map();
  private readonly loop = new FlushLoop(
    () => this.write(),
    () => this.waiting.size > 0,
  );

  constructor(
    private readonly cursors: CursorStore,
    private readonly log: Log,
  ) {}

  keep(subscriptionId: string, arrived: Arrived): void {
    if (arrived.number <= this.of(subscriptionId, arrived.life)) return;
    this.waiting.set(subscriptionId, later(this.waiting.get(subscriptionId), arrived));
    this.loop.soon(WRITE_EVERY_MS);
  }

  /** The highest number of this life that is not yet in the table; 0 where there is none. */
  of(subscriptionId: string, life: number): number {
    const known = [this.waiting.get(subscriptionId), this.writing.get(subscriptionId)];
    return Math.max(0, ...known.map((arrived) => (arrived?.life === life ? arrived.number : 0)));
  }

  /** Writes what is left; what the database does not take now is sent again. */
  async stop(): Promise<void> {
    await this.loop.stop();
    await this.loop.now();
  }

  private async write(): Promise<number> {
    const numbers = this.waiting;
    this.waiting = new Map();
    this.writing = numbers;
    try {
      await this.cursors.advance(numbers);
      return WRITE_EVERY_MS;
    } catch (error) {
      this.log.warn({ err: error, subscriptions: numbers.size }, 'sockets.advance-failed');
      for (const [id, arrived] of numbers) this.waiting.set(id, later(this.waiting.get(id), arrived));
      return AGAIN_AFTER_MS;
    } finally {
      this.writing = new Map();
    }
  }
}

/** What was said of an earlier life counts no more. */
function later(one: Arrived | undefined, other: Arrived): Arrived {
  if (one === undefined || one.life < other.life) return other;
  return one.life > other.life || one.number > other.number ? one : other;
}
