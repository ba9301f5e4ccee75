import { describe, expect, test } from '@jest/globals';
import { RateLimits } from '../../../src/delivery/rate-limits.js';
import type { Change } from '../../../src/fhir/change.js';
import { endpointKey } from '../../../src/subscriptions/endpoint-key.js';
import { parseSubscription } from '../../../src/subscriptions/parse-subscription.js';
import { RATE_LIMIT } from '../../../src/subscriptions/parse-rate-limit.js';

function subscription(id: string, endpoint: string, limit: unknown, status = 'active', type = 'rest-hook') {
  return {
    resourceType: 'Subscription',
    id,
    status,
    reason: 'r',
    criteria: 'Patient?',
    channel: { type, endpoint, ...(limit === undefined ? {} : { extension: [{ url: RATE_LIMIT, valueDecimal: limit }] }) },
  };
}
const change = (...of: Parameters<typeof subscription>): Change => ({
  type: 'Subscription',
  id: of[0],
  version: 1,
  interaction: 'update',
  method: 'PUT',
  face: 'r4b',
  at: new Date(0),
  body: JSON.stringify(subscription(...of)),
  position: { epoch: 0, xid: 0n, seq: 0n },
});
const read = ({ id, version, face, body }: Change) => parseSubscription(JSON.parse(body!), id, version, face);

test('the lowest limit that any subscription of an endpoint names holds for all; without one the usual', () => {
  const limits = new RateLimits(50, () => 1);
  limits.learn(change('a', 'http://one.example/hook?key=1', 10), read);
  limits.learn(change('b', 'http://one.example/hook?key=2', 2.5), read);
  limits.learn(change('c', 'http://one.example/other', undefined), read);
  expect(limits.of(endpointKey('http://one.example/hook'))).toBe(2.5);
  expect(limits.of(endpointKey('http://one.example/other'))).toBe(50);
  limits.learn(change('b', 'http://one.example/hook', 2.5, 'off'), read);
  expect(limits.of(endpointKey('http://one.example/hook'))).toBe(10);
  limits.learn({ ...change('a', 'http://one.example/hook', 10), interaction: 'delete', body: null }, read);
  expect(limits.of(endpointKey('http://one.example/hook'))).toBe(50);
});

test('processes share a limit as they share the subscriptions; zero means none', () => {
  let share = 0.25;
  const limits = new RateLimits(0, () => share);
  limits.learn(change('a', 'http://one.example/hook', 8), read);
  expect(limits.of('http://one.example/hook')).toBe(2);
  share = 1;
  expect(limits.of('http://one.example/hook')).toBe(8);
  expect(limits.of('http://two.example/')).toBeUndefined();
});

test('an endpoint is known by its address without query and fragment', () => {
  expect(endpointKey('https://Example.org:443/a?b=c#d')).toBe('https://example.org/a');
  expect(endpointKey('mailto:Doctor@Example.org')).toBe('mailto:doctor@example.org');
  expect(endpointKey('https://example.org/a')).not.toBe(endpointKey('https://example.org/b'));
  expect(endpointKey(undefined)).toBe('');
});

describe('a limit that means nothing is refused by name', () => {
  test.each([0, 0.009, 10_001, -1, '5', null])('%j', (limit) => {
    expect(() => read(change('a', 'http://one.example/hook', limit))).toThrow(
      expect.objectContaining({
        issues: [expect.objectContaining({ expression: 'Subscription.channel.extension[0].valueDecimal' })],
      }),
    );
  });

  test.each([0.01, 1, 2.5, 10_000])('%j is taken', (limit) => {
    expect(read(change('a', 'http://one.example/hook', limit)).channel.ratePerSecond).toBe(limit);
  });

  test('two of them, and one where the subscriber comes to the hub', () => {
    const twice = subscription('a', 'http://one.example/hook', 1);
    twice.channel.extension!.push(twice.channel.extension![0]!);
    expect(() => parseSubscription(twice, 'a', 1, 'r4b')).toThrow('one rate limit');
    const { endpoint: _endpoint, ...channel } = subscription('a', '', 1, 'active', 'websocket').channel;
    expect(() => parseSubscription({ ...twice, channel }, 'a', 1, 'r4b')).toThrow('calls an endpoint');
  });
});
