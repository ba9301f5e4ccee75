/**
 * Writes down what is gathered elsewhere: some time after there is something, one write at a time, and again as long as there is more.
 * What a write does about its own failure, `write` decides; it must not throw.
 */
export class FlushLoop {
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private stopped = false;

  constructor(
    /** Writes what waits. Resolves with the milliseconds after which the rest, and what came meanwhile, is to be written. */
    private readonly write: () => Promise<number>,
    private readonly hasMore: () => boolean,
  ) {}

  /** There is something to write, in so many milliseconds at the latest, unless a write under way comes first. */
  soon(milliseconds: number): void {
    if (this.timer || this.running || this.stopped) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.now();
    }, milliseconds);
  }

  /** Writes at once, or waits for the write that is under way. */
  now(): Promise<void> {
    this.running ??= this.write().then((pauseMs) => {
      this.running = undefined;
      if (this.hasMore()) this.soon(pauseMs);
    });
    return this.running;
  }

  /** Resolves once nothing is under way; nothing is planned then. */
  async pause(): Promise<void> {
    await this.running;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** From now on nothing is written but by {@link now}. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.pause();
  }
}
