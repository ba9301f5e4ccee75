import type { Log } from '../telemetry/log.js';
import type { CursorStore } from './cursor-store.js';
import type { Lines } from './lines.js';

const TAKEN_UP_AT_ONCE = 500;
const LOOK_AGAIN_MS = 100;
const TRY_AGAIN_MS = 500;

interface Round {
  shards: Set<number>;
  /** Who was found and has not been taken up; undefined until they were looked for. */
  left?: string[];
}

/**
 * Takes up, after shards were taken, whoever wants something: a few hundred at a time and only while there is room, so that after an
 * outage neither the database nor the memory bears all of them at once.
 */
export class Unsettled {
  private readonly rounds = new Set<Round>();
  private stopped = false;

  constructor(
    private readonly cursors: CursorStore,
    private readonly lines: Lines,
    /** Whether more lines can wait for their turn. */
    private readonly hasRoom: () => boolean,
    private readonly log: Log,
  ) {}

  /** Subscriptions that wait to be taken up: nobody knows yet what they are owed. */
  get waiting(): number {
    let count = 0;
    for (const { left } of this.rounds) count += left?.length ?? 0;
    return count;
  }

  start(): void {
    this.stopped = false;
  }

  stop(): void {
    this.stopped = true;
  }

  /** Returns at once; goes on until all are taken up, or the shards are left again. */
  take(shards: readonly number[]): void {
    const round: Round = { shards: new Set(shards) };
    this.rounds.add(round);
    void this.run(round).finally(() => this.rounds.delete(round));
  }

  leave(shards: readonly number[]): void {
    for (const round of this.rounds) for (const shard of shards) round.shards.delete(shard);
  }

  private async run(round: Round): Promise<void> {
    while (!this.stopped && round.shards.size > 0 && round.left?.length !== 0) {
      if (round.left && !this.hasRoom()) {
        await pause(LOOK_AGAIN_MS);
        continue;
      }
      try {
        round.left ??= await this.cursors.unsettled([...round.shards]);
        await this.lines.load(round.left.slice(0, TAKEN_UP_AT_ONCE));
        round.left = round.left.slice(TAKEN_UP_AT_ONCE);
      } catch (error) {
        this.log.warn({ err: error }, 'delivery.take-up-failed');
        await pause(TRY_AGAIN_MS);
      }
    }
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
