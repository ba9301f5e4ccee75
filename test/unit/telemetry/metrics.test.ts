import { expect, test } from '@jest/globals';
import { Metrics } from '../../../src/telemetry/metrics.js';

async function valuesOf(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.text('prometheus');
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

test('an event received is timed by its channel, and clocks that disagree never make it negative', async () => {
  const metrics = new Metrics();
  metrics.delivery.received('rest-hook', 1_000, 1_004);
  metrics.delivery.received('rest-hook', 1_000, 61_000);
  metrics.delivery.received('live', 5_000, 4_000);
  const name = 'carillon_change_received_seconds';
  expect(await valuesOf(metrics, `${name}_count`)).toEqual([
    `${name}_count{channel="rest-hook"} 2`,
    `${name}_count{channel="live"} 1`,
  ]);
  expect(await valuesOf(metrics, `${name}_sum`)).toEqual([
    `${name}_sum{channel="rest-hook"} 60.004`,
    `${name}_sum{channel="live"} 0`,
  ]);
  const buckets = await valuesOf(metrics, `${name}_bucket`);
  expect(buckets).toContain(`${name}_bucket{le="0.005",channel="rest-hook"} 1`);
  expect(buckets).toContain(`${name}_bucket{le="60",channel="rest-hook"} 2`);
  expect(buckets).toContain(`${name}_bucket{le="0.001",channel="live"} 1`);
});

test('attempts are counted by channel and outcome, and a channel shows all its outcomes from the first on', async () => {
  const metrics = new Metrics();
  metrics.delivery.attempted('message', 'refused', 20);
  metrics.delivery.attempted('message', 'refused', 30);
  const name = 'carillon_attempts_total';
  expect(await valuesOf(metrics, name)).toEqual([
    `${name}{channel="message",outcome="accepted"} 0`,
    `${name}{channel="message",outcome="retry"} 0`,
    `${name}{channel="message",outcome="refused"} 2`,
    `${name}{channel="message",outcome="gone"} 0`,
  ]);
  expect(await valuesOf(metrics, 'carillon_attempt_seconds_sum')).toEqual([
    'carillon_attempt_seconds_sum{channel="message"} 0.05',
  ]);
});

test('what is owed shows as it is at each scrape, and a channel that owes nothing any more is gone', async () => {
  const metrics = new Metrics();
  const idle = {
    owed: [],
    places: [],
    attemptsUnderWay: 0,
    attemptsWaiting: 0,
    attemptsPaced: 0,
    notTakenUp: 0,
    attemptsUnlogged: 0,
    shardsHeld: 64,
  };
  let now = { ...idle, owed: [{ channel: 'email', subscriptions: 2, events: 5 }], attemptsUnlogged: 3 } as typeof idle;
  metrics.delivery.standsAs(() => now);
  expect(await valuesOf(metrics, 'carillon_owed_events')).toEqual(['carillon_owed_events{channel="email"} 5']);
  expect(await valuesOf(metrics, 'carillon_attempts_unlogged_total')).toEqual(['carillon_attempts_unlogged_total 3']);
  now = { ...idle, attemptsUnlogged: 4 };
  expect(await valuesOf(metrics, 'carillon_owed_events')).toEqual([]);
  expect(await valuesOf(metrics, 'carillon_attempts_unlogged_total')).toEqual(['carillon_attempts_unlogged_total 4']);
  expect(await valuesOf(metrics, 'carillon_shards_held')).toEqual(['carillon_shards_held 64']);
});

test('without an index there is no size of one', async () => {
  const metrics = new Metrics();
  expect(await valuesOf(metrics, 'carillon_index_groups')).toEqual([]);
  const size = { candidates: 7, subscriptions: 9, groups: 4, keyed: 2, paired: 1, bounded: 0, unconditional: 0, residual: 1 };
  let index: typeof size | undefined = size;
  metrics.matching.indexIs(() => index);
  expect(await valuesOf(metrics, 'carillon_index_groups')).toEqual(['carillon_index_groups 4']);
  expect(await valuesOf(metrics, 'carillon_match_candidates_total')).toEqual(['carillon_match_candidates_total 7']);
  expect(await valuesOf(metrics, 'carillon_index_entries')).toContain('carillon_index_entries{path="residual"} 1');
  index = undefined;
  expect(await valuesOf(metrics, 'carillon_index_groups')).toEqual([]);
  expect(await valuesOf(metrics, 'carillon_index_entries')).toEqual([]);
});

test('requests are counted by interaction and class of status', async () => {
  const metrics = new Metrics();
  for (const status of [201, 200, 422]) metrics.requests.answered('create', status, 4);
  expect(await valuesOf(metrics, 'carillon_requests_total')).toEqual([
    'carillon_requests_total{interaction="create",status="2xx"} 2',
    'carillon_requests_total{interaction="create",status="4xx"} 1',
  ]);
  expect(await valuesOf(metrics, 'carillon_request_seconds_count')).toEqual([
    'carillon_request_seconds_count{interaction="create"} 3',
  ]);
});
