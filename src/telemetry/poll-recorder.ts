import { Counter, type Registry } from 'prom-client';

/** Polls of sources. Which source fails stands in the log and in its Endpoint's row, not in a label. */
export class PollRecorder {
  private readonly polls: Counter;
  private readonly taken: Counter;

  constructor(registry: Registry) {
    this.polls = new Counter({
      name: 'carillon_source_polls_total',
      help: 'Polls of sources by this process, by outcome',
      labelNames: ['outcome'],
      registers: [registry],
    });
    for (const outcome of ['succeeded', 'failed']) this.polls.inc({ outcome }, 0);
    this.taken = new Counter({
      name: 'carillon_source_versions_total',
      help: 'Versions of resources taken in from sources by this process',
      registers: [registry],
    });
  }

  succeeded(taken: number): void {
    this.polls.inc({ outcome: 'succeeded' });
    this.taken.inc(taken);
  }

  failed(): void {
    this.polls.inc({ outcome: 'failed' });
  }
}
