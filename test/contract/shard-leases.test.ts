import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ShardLease, ShardLeases } from '../../src/delivery/shard-leases.js';
import { Database } from '../../src/storage/database.js';
import { HubPresence } from '../../src/storage/hub-presence.js';
import { PostgresShardLeases } from '../../src/storage/shard-leases.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { MemoryShardLeases } from '../support/twins/memory-shard-leases.js';
import { waitFor } from '../support/wait-for.js';

const SHARDS = 64;

interface Side {
  leases: ShardLeases;
  /** Brings a process to life; its name. */
  arrive(): Promise<string>;
  /** Ends a process, and returns when that is seen. */
  leave(process: string): Promise<void>;
  /** Lets a process stand still, present and silent, for longer than the leases that are asked for next. Gives their seconds. */
  standStill(process: string): Promise<number>;
  /** Lets the time of its leases run out. */
  expire(process: string): Promise<void>;
  reset(): Promise<void>;
}

function twin(): Side {
  let leases = new MemoryShardLeases();
  let count = 0;
  return {
    get leases() {
      return leases;
    },
    arrive: () => {
      const name = `carillon/${++count}`;
      leases.living.add(name);
      return Promise.resolve(name);
    },
    leave: (process) => Promise.resolve(void leases.living.delete(process)),
    standStill: (process) => {
      leases.living.delete(process);
      return Promise.resolve(60);
    },
    expire: (process) => Promise.resolve(leases.expire(process)),
    reset: () => Promise.resolve(void (leases = new MemoryShardLeases())),
  };
}

function postgres(clone: TestDatabase, database: Database): Side {
  const present = new Map<string, HubPresence>();
  const isSeen = async (name: string) => {
    const text = 'SELECT FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()';
    return (await database.rows({ text }, [name])).length > 0;
  };
  const leave = async (name: string) => {
    await present.get(name)!.stop();
    present.delete(name);
    await waitFor(async () => !(await isSeen(name)), { what: 'the process to be gone' });
  };
  return {
    leases: new PostgresShardLeases(database),
    arrive: async () => {
      const presence = new HubPresence(clone.url);
      await presence.start();
      present.set(presence.name, presence);
      return presence.name;
    },
    leave,
    // Between two beats of its heart it has been silent for a second.
    standStill: async (process) => {
      const text = `SELECT FROM pg_stat_activity WHERE application_name = $1 AND state_change < now() - interval '1 second'`;
      await waitFor(async () => (await database.rows({ text }, [process])).length > 0, { what: 'a second of silence' });
      return 1;
    },
    expire: async (process) => {
      await database.run({ text: `UPDATE delivery_shard SET lease_ends = now() - interval '1 second' WHERE leased_by = $1` }, [
        process,
      ]);
    },
    reset: async () => {
      for (const name of [...present.keys()]) await leave(name);
      await database.run({ text: `UPDATE delivery_shard SET leased_by = NULL, token = NULL, lease_ends = '-infinity'` });
    },
  };
}

describe.each(['twin', 'postgres'])('leases on shards (%s)', (name) => {
  let clone: TestDatabase | undefined;
  let database: Database | undefined;
  let side: Side;

  beforeAll(async () => {
    if (name === 'twin') return void (side = twin());
    clone = await cloneDatabase();
    database = new Database(clone.url, 4, () => {});
    side = postgres(clone, database);
  });
  beforeEach(() => side.reset());
  afterAll(async () => {
    await side.reset();
    await database?.close();
    await clone?.drop();
  });

  test('one alone gets all, two get half each, and nobody takes beyond its share', async () => {
    const one = await side.arrive();
    const first = await side.leases.take(one, 60, 0);
    expect([first.taken.length, first.share]).toEqual([SHARDS, SHARDS]);
    const two = await side.arrive();
    expect(await side.leases.take(two, 60, 0)).toEqual({ taken: [], share: SHARDS / 2 });
    await side.leases.release(first.taken.slice(SHARDS / 2));
    expect((await side.leases.take(one, 60, SHARDS / 2)).taken).toEqual([]);
    expect((await side.leases.take(two, 60, 0)).taken).toHaveLength(SHARDS / 2);
  });

  test('the shards of one that is gone, and of one whose time ran out, are free; their tokens renew and release nothing', async () => {
    for (const end of [side.leave, side.expire]) {
      await side.reset();
      const [one, two] = [await side.arrive(), await side.arrive()];
      const lost = (await side.leases.take(one, 60, 0)).taken;
      await end(one);
      const found = (await side.leases.take(two, 60, 0)).taken;
      expect(found.length).toBeGreaterThanOrEqual(SHARDS / 2);
      const passed = lost.filter(({ shard }) => found.some((other) => other.shard === shard));
      expect(await side.leases.renew(passed, 60)).toEqual([]);
      await side.leases.release(passed);
      expect(await side.leases.renew(found, 60)).toHaveLength(found.length);
    }
  });

  test('one that stands still longer than a lease keeps no part of the work from the others', async () => {
    const [still, other] = [await side.arrive(), await side.arrive()];
    const lost = (await side.leases.take(still, 60, 0)).taken;
    expect(lost).toHaveLength(SHARDS / 2);
    const seconds = await side.standStill(still);
    const found = await side.leases.take(other, seconds, 0);
    expect([found.taken.length, found.share]).toEqual([SHARDS, SHARDS]);
    expect(await side.leases.renew(lost, 60)).toEqual([]);
  });

  test('a lease that ran out is still its holder’s while nobody took it', async () => {
    const one = await side.arrive();
    const { taken } = await side.leases.take(one, 60, 0);
    await side.expire(one);
    expect(await side.leases.renew(taken, 60)).toHaveLength(SHARDS);
    const two = await side.arrive();
    expect((await side.leases.take(two, 60, 0)).taken).toEqual([]);
  });

  const step = fc.record({ who: fc.nat(2), what: fc.constantFrom('take', 'renew', 'release', 'expire', 'leave') });

  test('whatever processes do in whatever order, no shard has two holders whose token is good', async () => {
    const runs = name === 'twin' ? 200 : 10;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await side.reset();
        const names = [await side.arrive(), await side.arrive(), await side.arrive()];
        const held: ShardLease[][] = [[], [], []];
        for (const { who, what } of steps) {
          if (what === 'take') held[who]!.push(...(await side.leases.take(names[who]!, 60, held[who]!.length)).taken);
          if (what === 'renew') held[who] = [...(await side.leases.renew(held[who]!, 60))];
          if (what === 'release') await side.leases.release(held[who]!.splice(0));
          if (what === 'expire') await side.expire(names[who]!);
          if (what === 'leave') {
            await side.leave(names[who]!);
            names[who] = await side.arrive();
          }
        }
        const good = (await Promise.all(held.map((leases) => side.leases.renew(leases, 60)))).flat();
        expect(new Set(good.map(({ shard }) => shard)).size).toBe(good.length);
      }),
      { numRuns: runs },
    );
  }, 180_000);
});
