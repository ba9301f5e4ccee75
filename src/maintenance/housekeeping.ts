import type { Log } from '../telemetry/log.js';
import type { Chore } from './chore.js';

/** Runs each chore at its own pace, one run of it at a time. A chore that fails is tried again at its next turn. */
export class Housekeeping {
  private readonly timers = new Map<Chore, NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private stopped = true;

  constructor(
    private readonly chores: readonly Chore[],
    private readonly log: Log,
  ) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    for (const chore of this.chores) this.plan(chore);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    await Promise.all(this.running);
  }

  private plan(chore: Chore): void {
    if (this.stopped) return;
    this.timers.set(
      chore,
      setTimeout(() => {
        const run = this.run(chore).then(() => this.plan(chore));
        this.running.add(run);
        void run.finally(() => this.running.delete(run));
      }, chore.everySeconds * 1000),
    );
  }

  private async run(chore: Chore): Promise<void> {
    try {
      const done = await chore.run();
      if (done > 0) this.log.info({ chore: chore.name, done }, 'maintenance.done');
    } catch (error) {
      this.log.warn({ err: error, chore: chore.name }, 'maintenance.failed');
    }
  }
}
