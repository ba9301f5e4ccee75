import { type Kept, type Reindexed, type WalkedResource, type WalkLease, Walks } from '../reindex/walks.js';
import { indexColumns } from './append-parameters.js';
import { bigintsParameter, integersParameter } from './array-parameters.js';
import type { Database } from './database.js';
import { SET_REVISION } from './sql/custom-parameters.sql.js';
import { FORGET_SEARCH_ROWS } from './sql/forget-search-rows.sql.js';
import * as sql from './sql/reindex.sql.js';

/** Most resources, and most bytes of text, that are in memory at a time. */
const PAGE = { resources: 200, bytes: 4 * 2 ** 20 };

export class PostgresWalks extends Walks {
  constructor(
    private readonly database: Database,
    private readonly limits: { resources: number; bytes: number } = PAGE,
  ) {
    super();
  }

  override async lease(process: string, seconds: number): Promise<WalkLease | undefined> {
    const [row] = await this.database.rows<Omit<WalkLease, 'walked'> & { walked: bigint }>(sql.LEASE_WALK, [process, seconds]);
    return row && { ...row, walked: Number(row.walked) };
  }

  override async page(type: string, after: string): Promise<WalkedResource[]> {
    const { resources, bytes } = this.limits;
    const rows = await this.database.rows<Omit<WalkedResource, 'keys'> & { keys: bigint[] }>(sql.WALK_PAGE, [
      ...[type, after, resources, bytes],
    ]);
    return rows.map((row) => ({ ...row, keys: row.keys.map(Number) }));
  }

  /** What it writes can be made again, so it does not wait for the disk; the place lies in the same transaction. */
  override keep(
    { type, token }: WalkLease,
    place: { id: string; walked: number },
    reindexed: readonly Reindexed[],
    generation: number,
    seconds: number,
  ): Promise<Kept> {
    return this.database
      .transaction<Kept>(
        async (tx) => {
          if ((await tx.run(sql.ADVANCE_WALK, [type, token, place.id, place.walked, seconds])) === 0) return 'lost';
          const [current] = await tx.rows<{ generation: number }>(sql.GENERATION);
          if (current?.generation !== generation) throw new Outdated();
          if (reindexed.length === 0) return 'kept';
          const wanted = [
            bigintsParameter(reindexed.map(({ rid }) => rid)),
            integersParameter(reindexed.map(({ version }) => version)),
          ];
          const unchanged = new Set((await tx.rows<{ rid: bigint }>(sql.LOCK_UNCHANGED, wanted)).map(({ rid }) => rid));
          const rewritten = reindexed.filter(({ rid }) => unchanged.has(rid));
          if (rewritten.length === 0) return 'kept';
          await tx.rows(FORGET_SEARCH_ROWS, [`{${rewritten.map(({ rid }) => rid).join(',')}}`]);
          await tx.rows(sql.PUT_INDEX_ROWS, [bigintsParameter(rewritten.map(({ rid }) => rid)), ...indexColumns(rewritten)]);
          return 'kept';
        },
        { durable: false },
      )
      .catch((error: unknown) => {
        if (error instanceof Outdated) return 'outdated';
        throw error;
      });
  }

  override finish({ type, token }: WalkLease): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      if ((await tx.run(sql.FINISH_WALK, [type, token])) === 0) return false;
      await tx.run(SET_REVISION);
      return true;
    });
  }

  override async release({ type, token }: WalkLease): Promise<void> {
    await this.database.run(sql.RELEASE_WALK, [type, token]);
  }

  override async fail({ type, token }: WalkLease, reason: string, waitSeconds: number): Promise<void> {
    await this.database.run(sql.FAIL_WALK, [type, token, reason, waitSeconds]);
  }
}

/** Thrown to undo what the transaction did so far. */
class Outdated extends Error {}
