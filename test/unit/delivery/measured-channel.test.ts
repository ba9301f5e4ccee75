import { expect, test } from '@jest/globals';
import { EventParts } from '../../../src/fhir/event-parts.js';
import type { AttemptResult } from '../../../src/delivery/attempt-result.js';
import { measuredChannel } from '../../../src/delivery/measured-channel.js';
import { type OwedEvent, type Push, PushChannel, type PushOutcome } from '../../../src/delivery/push-channel.js';
import { Metrics } from '../../../src/telemetry/metrics.js';

class ScriptedChannel extends PushChannel {
  readonly type = 'message';
  closed = false;
  result: AttemptResult = { kind: 'accepted' };

  override host(): string {
    return 'the host';
  }

  override most(): number {
    return 7;
  }

  send(): Promise<PushOutcome> {
    return Promise.resolve({ result: this.result, milliseconds: 3 });
  }

  override close(): void {
    this.closed = true;
  }
}

const event = (number: number, at: Date, happenedAt?: Date): OwedEvent => {
  const focus = {
    type: 'Patient',
    id: 'p',
    version: 1,
    interaction: 'create' as const,
    method: 'POST' as const,
    at,
    body: '{}',
    ...(happenedAt ? { happenedAt } : {}),
  };
  const parts = new EventParts(focus);
  return { number, parts, event: { groupId: 1, n: number, focus, parts } };
};
const push = (events: OwedEvent[], replay?: number) => ({ events, replay }) as unknown as Push;

async function samples(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.text('prometheus')).split('\n').filter((line) => line.startsWith(name));
}

test('a bundle that is accepted counts once as an attempt, and each of its events as received', async () => {
  const metrics = new Metrics();
  const channel = measuredChannel(new ScriptedChannel(), metrics.delivery);
  const now = Date.now();
  const hour = 3_600_000;
  await channel.send(push([event(1, new Date(now - 1000)), event(2, new Date(now - 5 * hour), new Date(now - 1000))]));
  expect(await samples(metrics, 'carillon_attempts_total{channel="message",outcome="accepted"}')).toEqual([
    'carillon_attempts_total{channel="message",outcome="accepted"} 1',
  ]);
  // A coded event is as old as itself, not as the version it is about.
  expect(await samples(metrics, 'carillon_change_received_seconds_bucket{le="900"')).toEqual([
    'carillon_change_received_seconds_bucket{le="900",channel="message"} 2',
  ]);
});

test('a repetition and a failure are attempts, and nothing is received by them for the first time', async () => {
  const metrics = new Metrics();
  const scripted = new ScriptedChannel();
  const channel = measuredChannel(scripted, metrics.delivery);
  await channel.send(push([event(1, new Date())], 5));
  scripted.result = { kind: 'refused', fault: { code: 'error-response', text: 'HTTP 422' } };
  await channel.send(push([event(2, new Date())]));
  expect(await samples(metrics, 'carillon_attempt_seconds_count')).toEqual([
    'carillon_attempt_seconds_count{channel="message"} 2',
  ]);
  expect(await samples(metrics, 'carillon_attempts_total{channel="message",outcome="refused"}')).toEqual([
    'carillon_attempts_total{channel="message",outcome="refused"} 1',
  ]);
  expect(await samples(metrics, 'carillon_change_received_seconds_count')).toEqual([
    'carillon_change_received_seconds_count{channel="message"} 0',
  ]);
});

test('in all else it is the channel itself', () => {
  const scripted = new ScriptedChannel();
  const channel = measuredChannel(scripted, new Metrics().delivery);
  expect(channel.type).toBe('message');
  expect(channel.host({} as never)).toBe('the host');
  expect(channel.most({} as never)).toBe(7);
  channel.close();
  expect(scripted.closed).toBe(true);
});
