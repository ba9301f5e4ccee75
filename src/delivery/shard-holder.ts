import type { Log } from '../telemetry/log.js';
import type { ShardLeases } from './shard-leases.js';

export interface ShardListener {
  taken(shards: readonly number[]): Promise<void>;
  /** They belong to somebody else already: stop at once. */
  lost(shards: readonly number[]): void;
  /** They are about to be given back: finish what is under way. */
  letGo(shards: readonly number[]): Promise<void>;
}

const LOOK_MS = 1000;

/**
 * Holds this process's share of the shards: looks every second for free ones, renews at a sixth of the lease, gives back what is more than
 * its share, and counts a lease as lost when it could not be renewed in time.
 */
export class ShardHolder {
  readonly tokens = new Map<number, string>();
  private validUntil = 0;
  private renewedAt = 0;
  private timer?: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();
  private stopped = true;

  constructor(
    private readonly leases: ShardLeases,
    private readonly process: string,
    private readonly leaseSeconds: number,
    private readonly listener: () => ShardListener,
    private readonly log: Log,
  ) {}

  get shards(): number[] {
    return [...this.tokens.keys()];
  }

  holds(shard: number): boolean {
    return this.tokens.has(shard) && performance.now() < this.validUntil;
  }

  async start(): Promise<void> {
    if (!this.stopped) return;
    this.stopped = false;
    await this.look();
  }

  /** No more leases are taken; those held stay until {@link release}. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  async release(): Promise<void> {
    const held = [...this.tokens].map(([shard, token]) => ({ shard, token }));
    this.tokens.clear();
    await this.leases.release(held);
  }

  private look(): Promise<void> {
    this.looking = this.lookOnce()
      .catch((error: unknown) => this.log.warn({ err: error }, 'delivery.lease-failed'))
      .then(() => {
        if (this.tokens.size > 0 && performance.now() >= this.validUntil) this.forget(this.shards);
        if (!this.stopped) this.timer = setTimeout(() => void this.look(), LOOK_MS);
      });
    return this.looking;
  }

  private async lookOnce(): Promise<void> {
    const now = performance.now();
    if (this.tokens.size > 0 && now - this.renewedAt >= (this.leaseSeconds * 1000) / 6) {
      const held = [...this.tokens].map(([shard, token]) => ({ shard, token }));
      const kept = new Set((await this.leases.renew(held, this.leaseSeconds)).map(({ shard }) => shard));
      this.renewedAt = now;
      this.validUntil = now + this.leaseSeconds * 1000;
      this.forget(this.shards.filter((shard) => !kept.has(shard)));
    }
    const { taken, share } = await this.leases.take(this.process, this.leaseSeconds, this.tokens.size);
    if (taken.length > 0) {
      if (this.tokens.size === 0) {
        this.renewedAt = now;
        this.validUntil = now + this.leaseSeconds * 1000;
      }
      for (const { shard, token } of taken) this.tokens.set(shard, token);
      this.log.info({ taken: taken.length, held: this.tokens.size }, 'delivery.shards-taken');
      await this.listener().taken(taken.map(({ shard }) => shard));
    }
    const surplus = this.shards.slice(share);
    if (surplus.length > 0) {
      await this.listener().letGo(surplus);
      const leases = surplus.map((shard) => ({ shard, token: this.tokens.get(shard)! }));
      for (const shard of surplus) this.tokens.delete(shard);
      await this.leases.release(leases);
      this.log.info({ released: surplus.length, held: this.tokens.size }, 'delivery.shards-released');
    }
  }

  private forget(shards: readonly number[]): void {
    if (shards.length === 0) return;
    for (const shard of shards) this.tokens.delete(shard);
    this.log.warn({ lost: shards.length }, 'delivery.shards-lost');
    this.listener().lost(shards);
  }
}
