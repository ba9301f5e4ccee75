import type { Log } from '../../telemetry/log.js';
import type { CursorStore } from '../cursor-store.js';

const WRITE_EVERY_MS = 200;
const AGAIN_AFTER_MS = 1000;

/**
 * How far subscriptions have been served over sockets, by numbers that have arrived. Gathered and written together, each only ever
 * forwards; until then this process knows better than the table.
 */
export class SocketAcknowledgements {
  private waiting = new Map<string, number>();
  private writing: ReadonlyMap<string, number> = new Map();
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private stopped = false;

  constructor(
    private readonly cursors: CursorStore,
    private readonly log: Log,
  ) {}

  /** All events of the subscription up to this number have arrived. */
  keep(subscriptionId: string, number: number): void {
    if (number <= this.of(subscriptionId)) return;
    this.waiting.set(subscriptionId, number);
    this.soon(WRITE_EVERY_MS);
  }

  /** It is gone: should another be made under its id, this says nothing of that one. */
  forget(subscriptionId: string): void {
    this.waiting.delete(subscriptionId);
  }

  /** The highest number that is not yet in the table; 0 where there is none. */
  of(subscriptionId: string): number {
    return Math.max(this.waiting.get(subscriptionId) ?? 0, this.writing.get(subscriptionId) ?? 0);
  }

  /** Writes what is left; what the database does not take now is sent again. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    await this.write();
  }

  private soon(milliseconds: number): void {
    if (this.stopped) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.running ??= this.write().then((written) => {
        this.running = undefined;
        if (this.waiting.size > 0) this.soon(written ? WRITE_EVERY_MS : AGAIN_AFTER_MS);
      });
    }, milliseconds);
  }

  private async write(): Promise<boolean> {
    const numbers = this.waiting;
    this.waiting = new Map();
    this.writing = numbers;
    try {
      await this.cursors.advance(numbers);
      return true;
    } catch (error) {
      this.log.warn({ err: error, subscriptions: numbers.size }, 'sockets.advance-failed');
      for (const [id, number] of numbers) this.waiting.set(id, Math.max(number, this.waiting.get(id) ?? 0));
      return false;
    } finally {
      this.writing = new Map();
    }
  }
}
