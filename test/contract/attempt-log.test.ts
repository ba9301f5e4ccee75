import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Attempt, AttemptLog } from '../../src/delivery/attempt-log.js';
import type { AttemptPlace, DeliveryRecord, RecordedAttempt } from '../../src/pull/delivery-record.js';
import { PostgresAttemptLog } from '../../src/storage/attempt-log.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresDeliveryRecord } from '../../src/storage/delivery-record.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemoryDeliveryRecord } from '../support/twins/memory-delivery-record.js';

describe.each(['twin', 'postgres'])('the record of attempts (%s)', (name) => {
  let clone: OpenClone | undefined;
  let database: Database | undefined;
  let log: AttemptLog;
  let record: DeliveryRecord;

  beforeAll(async () => {
    if (name === 'twin') return void (log = record = new MemoryDeliveryRecord());
    clone = await openClone();
    database = clone.database;
    log = new PostgresAttemptLog(database);
    record = new PostgresDeliveryRecord(database);
  });
  afterAll(async () => {
    await clone?.drop();
  });

  const now = Date.now();
  const tried = (subscriptionId: string, secondsAgo: number, more: Partial<Attempt> = {}): Attempt => ({
    at: new Date(now - secondsAgo * 1000),
    subscriptionId,
    kind: 'event-notification',
    outcome: 'accepted',
    milliseconds: 3,
    ...more,
  });

  test('attempts are kept as they were, whatever an endpoint answered', async () => {
    const handshake = tried('a', 3, {
      kind: 'handshake',
      outcome: 'retry',
      milliseconds: 20_000,
      reason: 'no-response: silence',
    });
    const nextAt = new Date(now + 1500);
    const failed = { outcome: 'retry', httpStatus: 503, reason: 'error-response: HTTP 503', nextAt, replay: 12 } as const;
    await log.append([]);
    await log.append([
      handshake,
      tried('a', 2, { firstNumber: 1, lastNumber: 3, httpStatus: 204 }),
      tried('a', 1, { firstNumber: 4, lastNumber: 4, excerpt: 'a"\\é\n<b>', ...failed }),
      tried('b', 1, { kind: 'heartbeat', outcome: 'give-up', httpStatus: 410 }),
    ]);
    const { attempts, next } = await record.attempts('a', {}, 10);
    expect(next).toBeUndefined();
    expect(attempts).toMatchObject([
      { firstNumber: 4, lastNumber: 4, excerpt: 'a"\\é\n<b>', milliseconds: 3, ...failed },
      { kind: 'event-notification', outcome: 'accepted', firstNumber: 1, lastNumber: 3, httpStatus: 204 },
      { at: handshake.at, kind: 'handshake', outcome: 'retry', milliseconds: 20_000, reason: 'no-response: silence' },
    ]);
    expect(attempts[2]!.httpStatus).toBeUndefined();
    expect(attempts[1]!.nextAt).toBeUndefined();
    expect((await record.attempts('nobody', {}, 10)).attempts).toEqual([]);
  });

  test('they are found by outcome, time and number', async () => {
    await log.append([
      tried('c', 30, { firstNumber: 1, lastNumber: 5 }),
      tried('c', 20, { firstNumber: 6, lastNumber: 6, outcome: 'retry' }),
      tried('c', 10, { firstNumber: 6, lastNumber: 6 }),
    ]);
    const found = async (filter: Parameters<DeliveryRecord['attempts']>[1]) =>
      (await record.attempts('c', filter, 10)).attempts.map(({ at }) => (now - at.getTime()) / 1000);
    expect(await found({ outcome: 'retry' })).toEqual([20]);
    expect(await found({ number: 6 })).toEqual([10, 20]);
    expect(await found({ number: 3 })).toEqual([30]);
    expect(await found({ number: 7 })).toEqual([]);
    expect(await found({ since: new Date(now - 20_000) })).toEqual([10, 20]);
    expect(await found({ until: new Date(now - 20_000) })).toEqual([20, 30]);
    expect(await found({ since: new Date(now - 20_000), until: new Date(now - 20_000), outcome: 'accepted' })).toEqual([]);
  });

  test.each([1, 2, 3, 7, 100])('pages of %i neither skip nor repeat, however many began in the same moment', async (count) => {
    const id = `p${count}`;
    for (const secondsAgo of [9, 9, 9, 9, 5, 5, 5, 1])
      await log.append([
        tried(id, secondsAgo, { milliseconds: secondsAgo }),
        tried(id, secondsAgo, { milliseconds: secondsAgo + 100 }),
      ]);
    const all: RecordedAttempt[] = [];
    let after: AttemptPlace | undefined;
    do {
      const page = await record.attempts(id, {}, count, after);
      expect(page.attempts.length).toBeLessThanOrEqual(count);
      all.push(...page.attempts);
      after = page.next;
      // What comes meanwhile is newer and stays out of the walk.
      await log.append([tried(id, -1)]);
    } while (after);
    expect(all.filter(({ at }) => at.getTime() <= now).map(({ milliseconds }) => milliseconds)).toEqual(
      (await record.attempts(id, { until: new Date(now) }, 100)).attempts.map(({ milliseconds }) => milliseconds),
    );
    expect(all).toHaveLength(16);
  });

  test('an event is set aside once: a second time, as after a crash, changes nothing', async () => {
    await log.park([]);
    await log.park([{ subscriptionId: 'a', number: 7, reason: 'HTTP 422' }]);
    await log.park([
      { subscriptionId: 'a', number: 7, reason: 'again' },
      { subscriptionId: 'a', number: 9, reason: 'HTTP 400' },
    ]);
    const { letters } = await record.letters('a', undefined, 10);
    expect(letters.map(({ number, reason, sentAgain, resolvedAt }) => ({ number, reason, sentAgain, resolvedAt }))).toEqual([
      { number: 9, reason: 'HTTP 400', sentAgain: 0, resolvedAt: undefined },
      { number: 7, reason: 'HTTP 422', sentAgain: 0, resolvedAt: undefined },
    ]);
  });
});
