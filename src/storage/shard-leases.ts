import { ShardLeases, type ShardLease } from '../delivery/shard-leases.js';
import type { Database } from './database.js';
import { RELEASE_SHARDS, RENEW_SHARDS, TAKE_SHARDS } from './sql/shard-leases.sql.js';

export class PostgresShardLeases extends ShardLeases {
  constructor(private readonly database: Database) {
    super();
  }

  async take(process: string, seconds: number, held: number): Promise<{ taken: ShardLease[]; share: number }> {
    const rows = await this.database.rows<{ most: number; shard: number | null; token: string | null }>(TAKE_SHARDS, [
      process,
      seconds,
      held,
    ]);
    const taken = rows.flatMap(({ shard, token }) => (shard === null || token === null ? [] : [{ shard, token }]));
    return { taken, share: rows[0]!.most };
  }

  async renew(leases: readonly ShardLease[], seconds: number): Promise<ShardLease[]> {
    if (leases.length === 0) return [];
    return this.database.rows<ShardLease>(RENEW_SHARDS, [
      leases.map(({ shard }) => shard),
      leases.map(({ token }) => token),
      seconds,
    ]);
  }

  async release(leases: readonly ShardLease[]): Promise<void> {
    if (leases.length === 0) return;
    await this.database.run(RELEASE_SHARDS, [leases.map(({ shard }) => shard), leases.map(({ token }) => token)]);
  }
}
