import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readConfig } from '../../../src/config/config.js';
import { afterAttempt, type Tried } from '../../../src/delivery/after-attempt.js';
import { type AttemptResult, resultOf } from '../../../src/delivery/attempt-result.js';
import { failuresWithin, pauseAfter } from '../../../src/delivery/backoff.js';
import { FIXED_DELIVERY } from '../../../src/delivery/delivery-settings.js';
import { type LineState, nextStep } from '../../../src/delivery/next-step.js';
import { retryAfterMs } from '../../../src/outbound/retry-after.js';
import type { SubscriptionDefinition } from '../../../src/subscriptions/subscription-definition.js';

const SETTINGS = { ...FIXED_DELIVERY, ...readConfig({}).delivery };

const definition = (over: Partial<SubscriptionDefinition> = {}): SubscriptionDefinition => ({
  id: 's',
  version: 1,
  face: 'r4b',
  status: 'active',
  subject: { kind: 'topic', topic: 'https://topics.example/t', filters: [] },
  channel: {
    type: 'rest-hook',
    endpoint: 'http://127.0.0.1/',
    headers: [],
    signingSecrets: [],
    payload: 'application/fhir+json',
    content: 'id-only',
  },
  ...over,
});
const line = (over: Partial<LineState> = {}): LineState => ({
  definition: definition(),
  writtenAt: 0,
  acknowledged: 0,
  latest: 0,
  failures: 0,
  retryAt: 0,
  verified: true,
  sentAt: 0,
  ...over,
});

describe('pauses', () => {
  test('no pause is shorter than the one before it, whatever the jitter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const plain = pauseAfter(failures + 1, SETTINGS, 0);
        if (plain < SETTINGS.backoffCeilingSeconds * 1000) expect(plain).toBeGreaterThan(pauseAfter(failures, SETTINGS, random));
        else expect(plain).toBeGreaterThanOrEqual(pauseAfter(failures, SETTINGS, 0));
      }),
    );
  });

  test('the attempts until error and their pauses fit into 120 s even where each attempt takes its longest', () => {
    const { failuresUntilError, attemptCeilingSeconds } = SETTINGS;
    let seconds = failuresUntilError * attemptCeilingSeconds;
    for (let failures = 1; failures < failuresUntilError; failures += 1) seconds += pauseAfter(failures, SETTINGS, 1) / 1000;
    expect(failuresUntilError).toBeGreaterThanOrEqual(4);
    expect(seconds).toBeLessThan(120);
  });

  test('three days of failing are as many failures as their pauses say', () => {
    const failures = failuresWithin(3 * 24 * 3600, SETTINGS);
    const total = (count: number) =>
      Array.from({ length: count }, (_, n) => pauseAfter(n + 1, SETTINGS, 0)).reduce((a, b) => a + b, 0) / 1000;
    expect(total(failures)).toBeGreaterThanOrEqual(3 * 24 * 3600);
    expect(total(failures - 1)).toBeLessThan(3 * 24 * 3600);
  });

  test.each([
    ['120', 120_000],
    ['Wed, 21 Oct 2026 07:28:10 GMT', 10_000],
    ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    ['-5', undefined],
    ['1000000000', 1e12],
    ['9'.repeat(400), Infinity],
  ])('Retry-After %j', (header, expected) => {
    expect(retryAfterMs(header, Date.parse('2026-10-21T07:28:00Z'))).toBe(expected);
  });
});

describe('what an answer means', () => {
  test('2xx alone is success, and no status is left without a meaning', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), (status) => {
        const result = resultOf(
          { kind: 'answered', status, headers: {}, body: Buffer.alloc(0), complete: true, milliseconds: 1 },
          0,
        );
        const { kind } = result;
        expect(kind === 'accepted').toBe(status < 300);
        expect(kind === 'gone').toBe(status === 410);
        expect(kind === 'refused').toBe([400, 413, 415, 422].includes(status));
        expect(result.kind === 'refused' && result.tooLarge).toBe(status === 413);
      }),
    );
  });
});

const tried = (over: Partial<Tried> = {}): Tried => ({
  kind: 'event-notification',
  status: 'active',
  failures: 0,
  count: 1,
  hasMore: true,
  steppingOver: false,
  ...over,
});
const fault = { code: 'error-response', text: 'HTTP 422' } as const;
const REFUSED: AttemptResult = { kind: 'refused', fault };
const RETRY: AttemptResult = { kind: 'retry', fault };
const judge = (state: Tried, result: AttemptResult) => afterAttempt(state, result, SETTINGS, 0);

describe('verdicts', () => {
  test('a refused bundle is halved until one event is left', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1000 }), (count) => {
        let left = count;
        let tries = 0;
        while (judge(tried({ count: left }), REFUSED).kind === 'halve') {
          left = Math.ceil(left / 2);
          tries += 1;
        }
        expect(left).toBe(1);
        expect(tries).toBeLessThanOrEqual(Math.ceil(Math.log2(count)));
      }),
    );
  });

  test('what is refused for its size is halved by bytes; alone it is refused as any other', () => {
    const tooLarge: AttemptResult = { ...REFUSED, tooLarge: true };
    expect(judge(tried({ count: 2 }), REFUSED)).toEqual({ kind: 'halve', by: 'events' });
    expect(judge(tried({ count: 2 }), tooLarge)).toEqual({ kind: 'halve', by: 'bytes' });
    expect(judge(tried({ failures: 3 }), tooLarge)).toEqual({ kind: 'step-over' });
  });

  test('one event is set aside only when the one behind it is taken', () => {
    expect(judge(tried({ failures: 2 }), REFUSED).kind).toBe('failed');
    expect(judge(tried({ failures: 3 }), REFUSED)).toEqual({ kind: 'step-over' });
    expect(judge(tried({ failures: 3, hasMore: false }), REFUSED).kind).toBe('failed');
    expect(judge(tried({ failures: 4, steppingOver: true }), { kind: 'accepted' })).toMatchObject({ kind: 'served', park: true });
    expect(judge(tried({ failures: 4, steppingOver: true }), REFUSED)).toMatchObject({ kind: 'failed', status: 'error' });
    expect(judge(tried(), { kind: 'accepted' })).toMatchObject({ park: false });
  });

  test('error is shown from the fourth failure, once; success leads back to active from everywhere', () => {
    const shown = [0, 1, 2, 3]
      .map((failures) => judge(tried({ failures }), RETRY))
      .map((verdict) => 'status' in verdict && verdict.status);
    expect(shown).toEqual([undefined, undefined, undefined, 'error']);
    expect(judge(tried({ failures: 9, status: 'error' }), RETRY)).toMatchObject({ status: undefined });
    for (const status of ['requested', 'error'] as const)
      expect(judge(tried({ status, failures: 9 }), { kind: 'accepted' })).toMatchObject({ status: 'active' });
    expect(judge(tried(), { kind: 'gone', fault })).toMatchObject({ status: 'off' });
  });

  test('what its owner has switched off stays off, whatever the endpoint answers', () => {
    for (const result of [{ kind: 'accepted' }, { kind: 'gone', fault }, REFUSED, RETRY] as const) {
      for (const failures of [0, 3, 10_000]) {
        const verdict = judge(tried({ status: 'off', failures, hasMore: false }), result);
        expect('status' in verdict ? verdict.status : undefined).toBeUndefined();
      }
    }
  });
});

describe('the next step', () => {
  const states = fc.record({
    status: fc.constantFrom('requested', 'active', 'error', 'off' as const),
    verified: fc.boolean(),
    classic: fc.boolean(),
    acknowledged: fc.nat(5),
    owed: fc.nat(5),
    failures: fc.nat(3),
    retryIn: fc.integer({ min: -10, max: 10 }),
    heartbeat: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    end: fc.option(fc.integer({ min: -10, max: 10 }), { nil: undefined }),
  });
  const NOW = 1_000_000;

  test('no event before the handshake, none while off or past the end, none within a pause; what is owed is not left lying', () => {
    fc.assert(
      fc.property(states, ({ status, verified, classic, acknowledged, owed, failures, retryIn, heartbeat, end }) => {
        const state = line({
          definition: definition({
            status,
            ...(classic ? { subject: { kind: 'classic', criteria: 'Patient' } } : {}),
            channel: { ...definition().channel, heartbeatSeconds: heartbeat },
            end: end === undefined ? undefined : new Date(NOW + end),
          }),
          verified,
          acknowledged,
          latest: acknowledged + owed,
          failures,
          retryAt: NOW + retryIn,
        });
        const step = nextStep(state, NOW, 150);
        const waits = failures > 0 && retryIn > 0;
        const ended = end !== undefined && end <= 0;
        if (status === 'off') expect(step).toEqual({ kind: 'rest' });
        else if (ended) expect(step).toEqual({ kind: 'end' });
        else if (waits) expect(step.kind).toBe('rest');
        else if (!classic && !verified) expect(step.kind).toBe('handshake');
        else if (owed > 0 && status !== 'requested') expect(step.kind).toBe('send');
        if (step.kind === 'send') expect(owed).toBeGreaterThan(0);
        if (step.kind === 'heartbeat') expect(heartbeat).toBeGreaterThan(0);
        if (step.kind === 'rest' && step.until !== undefined) expect(step.until).toBeGreaterThan(NOW);
      }),
    );
  });

  test('the handshake waits until the client can have read the answer', () => {
    const fresh = line({ definition: definition({ status: 'requested' }), verified: false, writtenAt: NOW });
    expect(nextStep(fresh, NOW + 10, 150)).toEqual({ kind: 'rest', until: NOW + 150 });
    expect(nextStep(fresh, NOW + 150, 150)).toEqual({ kind: 'handshake' });
  });

  test('the handshake of a Subscription that a hub with a clock ahead wrote is not put off by the difference', () => {
    const ahead = line({ definition: definition({ status: 'requested' }), verified: false, writtenAt: NOW + 3_600_000 });
    expect(nextStep(ahead, NOW, 150)).toEqual({ kind: 'handshake' });
  });
});
