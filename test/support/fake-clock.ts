import type { Clock } from '../../src/delivery/clock.js';

/** Time that only moves when it is told to; calls come in the order of their times. */
export class FakeClock implements Clock {
  private time = 0;
  private readonly calls = new Set<{ at: number; call: () => void }>();

  now(): number {
    return this.time;
  }

  after(milliseconds: number, call: () => void): () => void {
    const entry = { at: this.time + milliseconds, call };
    this.calls.add(entry);
    return () => this.calls.delete(entry);
  }

  /** When the next call comes; undefined: none is waited for. */
  get next(): number | undefined {
    return this.calls.size === 0 ? undefined : Math.min(...[...this.calls].map(({ at }) => at));
  }

  advance(milliseconds: number): void {
    const until = this.time + milliseconds;
    for (let next = this.next; next !== undefined && next <= until; next = this.next) {
      const due = [...this.calls].find(({ at }) => at === next)!;
      this.calls.delete(due);
      this.time = Math.max(this.time, due.at);
      due.call();
    }
    this.time = until;
  }
}
