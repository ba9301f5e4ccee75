import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../../src/delivery/attempt-log.js';
import { AttemptFlush } from '../../../src/delivery/attempt-flush.js';
import { CursorFlush } from '../../../src/delivery/cursor-flush.js';
import type { CursorStore, CursorUpdate } from '../../../src/delivery/cursor-store.js';
import type { Log } from '../../../src/telemetry/log.js';
import { MemoryDeliveryRecord } from '../../support/twins/memory-delivery-record.js';
import { waitFor } from '../../support/wait-for.js';

const quiet = { warn: () => {} } as unknown as Log;

const attempt = (n: number): Attempt => ({
  at: new Date(n),
  subscriptionId: 'a',
  kind: 'heartbeat',
  outcome: 'accepted',
  milliseconds: n,
});

/** A record that fails on demand, or does not answer before it is told to. */
class UnreliableRecord extends MemoryDeliveryRecord {
  failing = false;
  failingLetters = new Set<string>();
  calls = 0;
  gate?: Promise<void>;

  override async append(attempts: readonly Attempt[]): Promise<void> {
    this.calls += 1;
    await this.gate;
    if (this.failing) throw new Error('no space left on device');
    await super.append(attempts);
  }

  override park(letters: Parameters<MemoryDeliveryRecord['park']>[0]): Promise<void> {
    if (letters.some(({ subscriptionId }) => this.failingLetters.has(subscriptionId)))
      return Promise.reject(new Error('no space left on device'));
    return super.park(letters);
  }
}

const read = async (record: MemoryDeliveryRecord) => (await record.attempts('a', {}, 100_000)).attempts.length;

describe('the record of attempts', () => {
  test('what was tried is written down, many at once', async () => {
    const record = new UnreliableRecord();
    const flush = new AttemptFlush(record, 1, quiet);
    for (let n = 0; n < 12_000; n++) flush.record(attempt(n));
    await flush.drain();
    expect([await read(record), record.calls, flush.dropped]).toEqual([12_000, 3, 0]);
  });

  test('a failure that passes costs nothing', async () => {
    const record = new UnreliableRecord();
    const flush = new AttemptFlush(record, 1, quiet);
    record.failing = true;
    flush.record(attempt(1));
    await waitFor(() => record.calls === 1, { what: 'a try' });
    record.failing = false;
    flush.record(attempt(2));
    await flush.drain();
    expect([await read(record), flush.dropped]).toEqual([2, 0]);
  });

  test('when the disk stays full they are dropped and counted, and later ones are kept again', async () => {
    const record = new UnreliableRecord();
    const flush = new AttemptFlush(record, 1, quiet);
    record.failing = true;
    for (let n = 0; n < 3; n++) flush.record(attempt(n));
    // Each drain is one more try.
    for (let tries = 0; tries < 5; tries++) await flush.drain();
    expect(flush.dropped).toBe(3);
    record.failing = false;
    flush.record(attempt(4));
    await flush.drain();
    expect([await read(record), flush.dropped]).toEqual([1, 3]);
  });

  test('what waits is bounded: more is dropped and counted', async () => {
    const record = new UnreliableRecord();
    let open = () => {};
    record.gate = new Promise((resolve) => (open = resolve));
    const flush = new AttemptFlush(record, 1, quiet);
    for (let n = 0; n < 20_100; n++) flush.record(attempt(n));
    expect(flush.dropped).toBe(100);
    open();
    await flush.drain();
    expect(await read(record)).toBe(20_000);
  });
});

class MemoryCursors {
  readonly saved = new Map<string, number>();
  readonly calls: (readonly CursorUpdate[])[] = [];
  failing = false;

  save(updates: readonly CursorUpdate[]): Promise<Set<string>> {
    this.calls.push(updates);
    if (this.failing) return Promise.reject(new Error('away'));
    for (const { subscriptionId, acknowledged } of updates) this.saved.set(subscriptionId, acknowledged);
    return Promise.resolve(new Set(updates.map(({ subscriptionId }) => subscriptionId)));
  }
}

const update = (subscriptionId: string, acknowledged: number): CursorUpdate => ({
  subscriptionId,
  life: 1,
  shard: 0,
  acknowledged,
  failures: 0,
  sent: true,
  pushed: true,
});

describe('cursors', () => {
  const make = () => {
    const record = new UnreliableRecord();
    const cursors = new MemoryCursors();
    const attempts = new AttemptFlush(record, 1, quiet);
    const store = cursors as unknown as CursorStore;
    const flush = new CursorFlush(
      store,
      record,
      attempts,
      () => new Map(),
      () => {},
      1,
      quiet,
    );
    return { record, cursors, attempts, flush };
  };

  test('go on while the record of attempts fails, and while it does not answer', async () => {
    const { record, cursors, flush } = make();
    record.failing = true;
    flush.record(attempt(1));
    flush.keep(update('a', 1));
    await waitFor(() => cursors.saved.get('a') === 1, { what: 'the cursor' });
    let open = () => {};
    record.gate = new Promise((resolve) => (open = resolve));
    flush.record(attempt(2));
    flush.keep(update('a', 2));
    await waitFor(() => cursors.saved.get('a') === 2, { what: 'the cursor, again' });
    record.failing = false;
    open();
    await flush.drain();
    expect(await read(record)).toBe(2);
  });

  test('wait for the letter of an event that was stepped over, each for its own alone', async () => {
    const { record, cursors, flush } = make();
    record.failingLetters.add('a');
    flush.park({ subscriptionId: 'a', number: 3, reason: 'HTTP 422' });
    flush.keep(update('a', 4));
    flush.keep(update('b', 9));
    await waitFor(() => cursors.saved.get('b') === 9, { what: 'the cursor of the other' });
    expect(cursors.saved.has('a')).toBe(false);
    expect(flush.isAhead('a')).toBe(true);
    record.failingLetters.clear();
    await waitFor(() => cursors.saved.get('a') === 4, { what: 'the cursor that was held back' });
    expect((await record.letters('a', undefined, 10)).letters).toMatchObject([{ number: 3, reason: 'HTTP 422' }]);
    await flush.drain();
  });

  test('that something was sent is not lost by a newer state, nor by a failure; but it was not sent to a Subscription made again', async () => {
    const { cursors, flush } = make();
    cursors.failing = true;
    for (const id of ['a', 'b']) flush.keep(update(id, 1));
    await waitFor(() => cursors.calls.length === 1, { what: 'a try' });
    flush.keep({ ...update('a', 2), sent: false });
    flush.keep({ ...update('b', 0), life: 2, sent: false });
    cursors.failing = false;
    await flush.drain();
    expect(cursors.calls.at(-1)).toMatchObject([
      { subscriptionId: 'a', life: 1, acknowledged: 2, sent: true },
      { subscriptionId: 'b', life: 2, acknowledged: 0, sent: false },
    ]);
  });
});
