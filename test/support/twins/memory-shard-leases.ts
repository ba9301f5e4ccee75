import { randomUUID } from 'node:crypto';
import { type ShardLease, ShardLeases } from '../../../src/delivery/shard-leases.js';

interface Shard {
  holder?: string;
  token?: string;
  ends: number;
}

const NONE: Shard = { ends: -Infinity };

/** Leases in memory; who lives is told by hand. */
export class MemoryShardLeases extends ShardLeases {
  readonly living = new Set<string>();
  private readonly shards: Shard[] = Array.from({ length: 64 }, () => NONE);

  take(process: string, seconds: number, held: number): Promise<{ taken: ShardLease[]; share: number }> {
    const living = new Set([...this.living, process]);
    const share = Math.ceil(this.shards.length / living.size);
    const free = [...this.shards.keys()].filter((index) => {
      const { holder, ends } = this.shards[index]!;
      return ends <= Date.now() || holder === undefined || !living.has(holder);
    });
    const taken = free.slice(0, Math.max(0, share - held)).map((shard) => {
      const token = randomUUID();
      this.shards[shard] = { holder: process, token, ends: Date.now() + seconds * 1000 };
      return { shard, token };
    });
    return Promise.resolve({ taken, share });
  }

  renew(leases: readonly ShardLease[], seconds: number): Promise<ShardLease[]> {
    const mine = this.current(leases);
    for (const { shard } of mine) this.shards[shard] = { ...this.shards[shard]!, ends: Date.now() + seconds * 1000 };
    return Promise.resolve(mine);
  }

  release(leases: readonly ShardLease[]): Promise<void> {
    for (const { shard } of this.current(leases)) this.shards[shard] = NONE;
    return Promise.resolve();
  }

  /** As if the time of a process's leases were over. */
  expire(process: string): void {
    for (const [index, shard] of this.shards.entries()) if (shard.holder === process) this.shards[index] = { ...shard, ends: 0 };
  }

  private current(leases: readonly ShardLease[]): ShardLease[] {
    return leases.filter(({ shard, token }) => this.shards[shard]?.token === token);
  }
}
