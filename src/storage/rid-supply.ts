import type { Queryable } from './database.js';
import { TAKE_RIDS } from './sql/take-rids.sql.js';

const BLOCK = 1000;

/** Row numbers for new resources, taken from the sequence in blocks, so that a flush knows them before it writes. */
export class RidSupply {
  private free: bigint[] = [];

  /** Asks on the caller's own connection: a flush that waited for a second one could wait for ever in a small pool. */
  async take(on: Queryable, count: number): Promise<bigint[]> {
    while (this.free.length < count) {
      const rows = await on.rows<{ rid: bigint }>(TAKE_RIDS, [Math.max(BLOCK, count)]);
      this.free = rows
        .map((row) => row.rid)
        .reverse()
        .concat(this.free);
    }
    return this.free.splice(this.free.length - count, count);
  }
}
