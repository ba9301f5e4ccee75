import type { Advance } from './cohort.js';

/** Pauses between looks at a log that has nothing new; a wake-up ends any of them. */
const FIRST_PAUSE = 5;
export const LONGEST_PAUSE = 1000;
/** Between looks for partitions while this process has less than its share. */
export const WANTING_PAUSE = 250;
/** Longest one while the next change waits for other processes to come to it. */
const WAITING_PAUSE = 40;

/** How long matching rests where it cannot go on at once: twice as long each time, until something comes. */
export class Pauses {
  private milliseconds = FIRST_PAUSE;

  /** There was something: the next rest is a short one. */
  reset(): void {
    this.milliseconds = FIRST_PAUSE;
  }

  /** After a look that found nothing to do, or what others have to come to first. @param wanting this process has less than its share */
  afterLook(outcome: Extract<Advance, 'idle' | 'waiting'>, wanting: boolean): number {
    const most = outcome === 'waiting' ? WAITING_PAUSE : wanting ? WANTING_PAUSE : LONGEST_PAUSE;
    const milliseconds = Math.min(this.milliseconds, most);
    this.grow();
    return milliseconds;
  }

  afterFailure(): number {
    this.grow();
    return this.milliseconds;
  }

  private grow(): void {
    this.milliseconds = Math.min(LONGEST_PAUSE, this.milliseconds * 2);
  }
}
