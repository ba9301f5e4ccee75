/**
 * Does the work there is, a piece at a time: goes on at once as long as there was some, else looks again after a while, or when it is woken.
 * A piece that fails counts as none.
 */
export class WorkLoop {
  private stopping = new AbortController();
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Woken while it was at work. */
  private awake = false;

  constructor(
    /** Does one piece, or what there is time for until `stop`. Resolves with whether there was any. */
    private readonly work: (stop: AbortSignal) => Promise<boolean>,
    private readonly onError: (error: unknown) => void,
    /** How often it is looked for work that nobody told us of. */
    private readonly idleMilliseconds: number,
  ) {}

  start(): void {
    if (this.running !== undefined || this.timer !== undefined) return;
    this.stopping = new AbortController();
    this.plan(0);
  }

  /** Resolves once what is under way has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
  }

  /** There is something to do now. */
  wake(): void {
    this.awake = true;
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.plan(0);
  }

  private plan(milliseconds: number): void {
    if (this.stopping.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.awake = false;
      this.running = this.piece().then((worked) => {
        this.running = undefined;
        this.plan(worked || this.awake ? 0 : this.idleMilliseconds);
      });
    }, milliseconds);
  }

  private async piece(): Promise<boolean> {
    try {
      return await this.work(this.stopping.signal);
    } catch (error) {
      this.onError(error);
      return false;
    }
  }
}
