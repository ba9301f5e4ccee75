import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AttemptLog } from '../../src/delivery/attempt-log.js';
import type { DeliveryRecord } from '../../src/pull/delivery-record.js';
import type { ReplayRequest, Replays } from '../../src/pull/replays.js';
import { PostgresAttemptLog } from '../../src/storage/attempt-log.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresDeliveryRecord } from '../../src/storage/delivery-record.js';
import { PostgresReplays } from '../../src/storage/replays.js';
import { PostgresResends } from '../../src/storage/resends.js';
import type { Resends } from '../../src/subscriptions/resends.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemoryDeliveryRecord } from '../support/twins/memory-delivery-record.js';
import { MemoryResends } from '../support/twins/memory-resends.js';

const SHARD = 7;
const SUBSCRIPTIONS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

describe.each(['twin', 'postgres'])('requests to send events again (%s)', (name) => {
  let clone: OpenClone | undefined;
  let database: Database | undefined;
  let resends: Resends;
  let replays: Replays;
  let log: AttemptLog;
  let record: DeliveryRecord;

  beforeAll(async () => {
    if (name === 'twin') {
      const memory = new MemoryDeliveryRecord();
      resends = replays = new MemoryResends(memory, new Map(SUBSCRIPTIONS.map((id) => [id, SHARD])));
      [log, record] = [memory, memory];
      return;
    }
    clone = await openClone();
    database = clone.database;
    await database.run(
      {
        text: `INSERT INTO subscription_cursor (subscription_id, shard) SELECT id, ${SHARD} FROM unnest($1::text[]) AS id`,
      },
      [SUBSCRIPTIONS],
    );
    resends = new PostgresResends(database);
    replays = new PostgresReplays(database);
    log = new PostgresAttemptLog(database);
    record = new PostgresDeliveryRecord(database);
  });
  afterAll(async () => {
    await clone?.drop();
  });

  const asked = (subscriptionId: string, first: number, last: number, more: Partial<ReplayRequest> = {}): ReplayRequest => ({
    subscriptionId,
    kind: 'replay',
    first,
    last,
    asked: last - first + 1,
    failedOnly: false,
    toSockets: false,
    ...more,
  });

  test('one is made, worked off, and shows how far it is', async () => {
    const made = (await replays.ask(asked('a', 3, 7, { rate: 2.5 })))!;
    expect(made).toMatchObject({ kind: 'replay', state: 'waiting', first: 3, last: 7, next: 3, rate: 2.5, asked: 5, sent: 0 });
    const [waiting] = await resends.waiting([SHARD]);
    expect(waiting).toEqual({ id: made.id, subscriptionId: 'a', next: 3, last: 7, failedOnly: false, rate: 2.5 });
    expect(await resends.pass(waiting!, { kind: 'sent', first: 3, last: 4 })).toBe(true);
    expect(await resends.pass(waiting!, { kind: 'refused', number: 5, reason: 'HTTP 422' })).toBe(true);
    expect(await resends.pass(waiting!, { kind: 'gone', next: 7, count: 1 })).toBe(true);
    expect(await replays.find('a', made.id)).toMatchObject({ state: 'sending', next: 7, sent: 2, refused: 1, gone: 1 });
    expect(await resends.pass(waiting!, { kind: 'sent', first: 7, last: 7 })).toBe(false);
    const done = (await replays.find('a', made.id))!;
    expect(done).toMatchObject({ state: 'done', next: 8, sent: 3 });
    expect(done.finishedAt!.getTime()).toBeGreaterThanOrEqual(done.askedAt.getTime());
    expect(await resends.waiting([SHARD])).toEqual([]);
  });

  test('the same report twice moves nothing, and none moves back', async () => {
    const made = (await replays.ask(asked('a', 1, 9)))!;
    const request = { id: made.id, subscriptionId: 'a' };
    await resends.pass(request, { kind: 'sent', first: 1, last: 4 });
    expect(await resends.pass(request, { kind: 'sent', first: 1, last: 4 })).toBe(false);
    expect(await resends.pass(request, { kind: 'sent', first: 2, last: 2 })).toBe(false);
    expect(await replays.find('a', made.id)).toMatchObject({ next: 5, sent: 4 });
    await replays.cancel('a', made.id, 'enough');
  });

  test('a resend goes before a replay, the older before the newer, each in its turn', async () => {
    const replay = (await replays.ask(asked('b', 1, 9)))!;
    const first = (await replays.ask(asked('b', 2, 2, { kind: 'resend' })))!;
    const second = (await replays.ask(asked('b', 3, 3, { kind: 'resend' })))!;
    const turn = async () =>
      (await resends.waiting([SHARD])).filter(({ subscriptionId }) => subscriptionId === 'b').map(({ id }) => id);
    expect(await turn()).toEqual([first.id]);
    await resends.pass({ id: first.id, subscriptionId: 'b' }, { kind: 'sent', first: 2, last: 2 });
    expect(await turn()).toEqual([second.id]);
    await resends.giveUp(second.id, 'switched off');
    expect(await turn()).toEqual([replay.id]);
    expect(await resends.waiting([SHARD + 1])).toEqual([]);
    expect((await replays.list('b', 2)).map(({ id, state, reason }) => [id, state, reason])).toEqual([
      [second.id, 'cancelled', 'switched off'],
      [first.id, 'done', undefined],
    ]);
  });

  test('what is cancelled goes no further, and what is through stays so', async () => {
    const made = (await replays.ask(asked('c', 1, 3)))!;
    expect(await replays.cancel('c', made.id, 'why not')).toMatchObject({ state: 'cancelled', reason: 'why not' });
    expect(await resends.pass({ id: made.id, subscriptionId: 'c' }, { kind: 'sent', first: 1, last: 1 })).toBe(false);
    expect(await replays.find('c', made.id)).toMatchObject({ state: 'cancelled', sent: 0 });
    const done = (await replays.ask(asked('c', 1, 1)))!;
    await resends.pass({ id: done.id, subscriptionId: 'c' }, { kind: 'sent', first: 1, last: 1 });
    expect(await replays.cancel('c', done.id, 'too late')).toMatchObject({ state: 'done' });
    expect(await replays.cancel('a', done.id, 'not yours')).toBeUndefined();
    expect(await replays.find('a', done.id)).toBeUndefined();
    expect(await replays.find('c', 123_456)).toBeUndefined();
  });

  test('ten may wait for a Subscription, and none for one without a cursor', async () => {
    for (let n = 0; n < 10; n++) expect(await replays.ask(asked('d', 1, 1))).toBeDefined();
    expect(await replays.ask(asked('d', 1, 1))).toBeUndefined();
    expect(await replays.ask(asked('unknown', 1, 1))).toBeUndefined();
  });

  test('those of sockets are read by all who hold one, and worked off by nobody', async () => {
    const made = (await replays.ask(asked('e', 1, 2, { kind: 'resend', toSockets: true })))!;
    expect((await resends.waiting([SHARD])).map(({ subscriptionId }) => subscriptionId)).not.toContain('e');
    for (let reader = 0; reader < 2; reader++)
      expect(await resends.recent(['e', 'd'])).toMatchObject([{ id: made.id, next: 1, last: 2 }]);
    expect(await replays.list('e', 10)).toEqual([]);
  });

  test('of events set aside the next one is found, until it is taken; what becomes of them is noted', async () => {
    await log.park([2, 5, 8].map((number) => ({ subscriptionId: 'f', number, reason: 'HTTP 422' })));
    expect(await replays.failedBetween('f', { first: 1, last: 10 })).toEqual({ first: 2, last: 8, count: 3 });
    expect(await replays.failedBetween('f', { first: 3, last: 4 })).toBeUndefined();
    const request = { id: (await replays.ask(asked('f', 2, 8, { failedOnly: true, asked: 3 })))!.id, subscriptionId: 'f' };
    expect(await resends.nextFailed('f', 2, 8)).toBe(2);
    expect(await resends.pass(request, { kind: 'sent', first: 2, last: 2 })).toBe(true);
    expect(await resends.nextFailed('f', 3, 8)).toBe(5);
    expect(await resends.pass(request, { kind: 'refused', number: 5, reason: 'HTTP 413' })).toBe(true);
    expect(await resends.nextFailed('f', 6, 8)).toBe(8);
    expect(await resends.pass(request, { kind: 'gone', next: 9, count: 1 })).toBe(false);
    expect(await resends.nextFailed('f', 9, 8)).toBeUndefined();

    const { letters } = await record.letters('f', undefined, 10);
    expect(
      letters.map(({ number, reason, sentAgain, resolvedAt }) => [number, reason, sentAgain, resolvedAt !== undefined]),
    ).toEqual([
      [8, 'HTTP 422', 0, false],
      [5, 'HTTP 413', 1, false],
      [2, 'HTTP 422', 1, true],
    ]);
    expect(letters[1]!.refusedAgainAt).toBeInstanceOf(Date);
    expect(letters[2]!.refusedAgainAt).toBeUndefined();
    const page = await record.letters('f', false, 1);
    expect([page.letters.map(({ number }) => number), page.next]).toEqual([[8], 8]);
    expect(await record.letters('f', false, 1, page.next)).toMatchObject({ letters: [{ number: 5 }], next: undefined });
    expect((await record.letters('f', true, 10)).letters.map(({ number }) => number)).toEqual([2]);
  });

  test('an event set aside that was sent counts as taken, even if the request was cancelled meanwhile', async () => {
    await log.park([{ subscriptionId: 'g', number: 1, reason: 'HTTP 400' }]);
    const made = (await replays.ask(asked('g', 1, 3)))!;
    await replays.cancel('g', made.id, 'no');
    await resends.pass({ id: made.id, subscriptionId: 'g' }, { kind: 'sent', first: 1, last: 1 });
    expect(await replays.failedBetween('g', { first: 1, last: 3 })).toBeUndefined();
    // Taken once is taken: a later refusal of the same event changes neither that nor the reason.
    await resends.pass({ id: made.id, subscriptionId: 'g' }, { kind: 'refused', number: 1, reason: 'HTTP 415' });
    expect((await record.letters('g', true, 10)).letters).toMatchObject([{ number: 1, reason: 'HTTP 400', sentAgain: 2 }]);
  });
});
