import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ReplayRequest } from '../../../src/pull/replays.js';
import type { Line } from '../../../src/delivery/line.js';
import type { Lines } from '../../../src/delivery/lines.js';
import { type LineState, nextStep } from '../../../src/delivery/next-step.js';
import { Repetitions } from '../../../src/delivery/repetitions.js';
import type { ChannelType, SubscriptionDefinition } from '../../../src/subscriptions/subscription-definition.js';
import { MemoryDeliveryRecord } from '../../support/twins/memory-delivery-record.js';
import { MemoryResends } from '../../support/twins/memory-resends.js';

const NOW = 1_000_000;

let record: MemoryDeliveryRecord;
let resends: MemoryResends;
let repetitions: Repetitions;
let line: Line;

const definition = (status: string, type: ChannelType = 'rest-hook', heartbeatSeconds?: number) =>
  ({
    id: 'a',
    status,
    subject: { kind: 'topic' },
    channel: { type, heartbeatSeconds, headers: [] },
  }) as unknown as SubscriptionDefinition;

beforeEach(() => {
  record = new MemoryDeliveryRecord();
  resends = new MemoryResends(record, new Map([['a', 1]]));
  repetitions = new Repetitions(resends);
  line = {
    id: 'a',
    definition: definition('active'),
    latest: 9,
    acknowledged: 9,
    failures: 0,
    retryAt: 0,
    verified: true,
    sentAt: NOW,
  } as unknown as Line;
});

const ask = async (more: Partial<ReplayRequest> = {}) =>
  (await resends.ask({
    subscriptionId: 'a',
    kind: 'replay',
    first: 1,
    last: 9,
    asked: 9,
    failedOnly: false,
    toSockets: false,
    ...more,
  }))!;

const look = () => {
  const lines = {
    get: (id: string) => (id === 'a' ? line : undefined),
    all: () => [line].values(),
    load: () => Promise.resolve(),
  };
  return repetitions.look(lines as unknown as Lines, [1]);
};
const step = (now = NOW) => nextStep(line as LineState, now, 150);

describe('events asked for again', () => {
  test('are sent when nothing is owed', async () => {
    const { id } = await ask();
    expect(await look()).toEqual([line]);
    expect(line.again).toMatchObject({ id, next: 1, last: 9 });
    expect(step()).toEqual({ kind: 'send-again' });
    line.latest = 10;
    expect(step()).toEqual({ kind: 'send' });
  });

  test('keep the pace asked for, and heartbeats come meanwhile', async () => {
    const { id } = await ask({ rate: 4 });
    await look();
    await repetitions.pass(line, id, { kind: 'sent', first: 1, last: 2 }, NOW);
    expect(line.again).toMatchObject({ next: 3, notBefore: NOW + 500 });
    expect(step()).toEqual({ kind: 'rest', until: NOW + 500 });
    expect(step(NOW + 500)).toEqual({ kind: 'send-again' });
    line.definition = definition('active', 'rest-hook', 1);
    line.sentAt = NOW - 1000;
    expect(step()).toEqual({ kind: 'heartbeat' });
    line.sentAt = NOW;
    expect(step()).toEqual({ kind: 'rest', until: NOW + 500 });
    // What is no longer kept costs no time.
    await repetitions.pass(line, id, { kind: 'gone', next: 5, count: 2 }, NOW + 500);
    expect(line.again).toMatchObject({ next: 5, notBefore: NOW + 500 });
  });

  test('end with the last of them', async () => {
    const { id } = await ask();
    await look();
    await repetitions.pass(line, id, { kind: 'sent', first: 1, last: 8 }, NOW);
    await repetitions.pass(line, id, { kind: 'refused', number: 9, reason: 'HTTP 422' }, NOW);
    expect(line.again).toBeUndefined();
    expect(await look()).toEqual([]);
    expect(step()).toEqual({ kind: 'rest', until: undefined });
  });

  test('end when they are cancelled: at the next look, or with the next event', async () => {
    const first = await ask();
    await look();
    await resends.cancel('a', first.id, 'enough');
    await look();
    expect(line.again).toBeUndefined();
    const second = await ask();
    await look();
    await resends.cancel('a', second.id, 'enough');
    await repetitions.pass(line, second.id, { kind: 'sent', first: 1, last: 1 }, NOW);
    expect(line.again).toBeUndefined();
  });

  test('give way to a $resend, and go on where they were', async () => {
    const replay = await ask();
    await look();
    const resend = await ask({ kind: 'resend', first: 9, asked: 1 });
    await look();
    expect(line.again?.id).toBe(resend.id);
    // What was under way for the replay when its turn was over still counts for it, and for nothing else.
    await repetitions.pass(line, replay.id, { kind: 'sent', first: 1, last: 3 }, NOW);
    expect(line.again).toMatchObject({ id: resend.id, next: 9 });
    await repetitions.pass(line, resend.id, { kind: 'sent', first: 9, last: 9 }, NOW);
    await look();
    expect(line.again).toMatchObject({ id: replay.id, next: 4 });
  });

  test.each([
    ['is switched off', definition('off'), 'The Subscription was switched off'],
    ['goes over to sockets', definition('active', 'websocket'), 'The Subscription sends over sockets now'],
  ])('are given up when the Subscription %s', async (_what, now, reason) => {
    const { id } = await ask();
    line.definition = now;
    await look();
    expect(line.again).toBeUndefined();
    expect(await resends.find('a', id)).toMatchObject({ state: 'cancelled', reason });
  });

  test('are, on request, only those that were set aside', async () => {
    await record.park([3, 7].map((number) => ({ subscriptionId: 'a', number, reason: 'HTTP 400' })));
    const { id } = await ask({ failedOnly: true });
    await look();
    expect(await repetitions.nextOf(line, line.again!)).toBe(3);
    await repetitions.pass(line, id, { kind: 'sent', first: 3, last: 3 }, NOW);
    expect(await repetitions.nextOf(line, line.again!)).toBe(7);
    await repetitions.pass(line, id, { kind: 'refused', number: 7, reason: 'HTTP 400' }, NOW);
    expect(await repetitions.nextOf(line, line.again!)).toBeUndefined();
  });
});
