import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applyVerdict } from '../../../src/delivery/apply-verdict.js';
import type { Line } from '../../../src/delivery/line.js';
import { LineReader } from '../../../src/delivery/line-reader.js';
import type { OwedEvent, Push } from '../../../src/delivery/push-channel.js';
import { bytesUnder, ceilingBelow } from '../../../src/delivery/size-ceiling.js';
import { bytesOf, withinBytes } from '../../../src/delivery/within-bytes.js';
import { notificationSubject } from '../../../src/fhir/notification-bundle.js';
import { parseSubscription } from '../../../src/subscriptions/parse-subscription.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { ChangeMaker } from '../../support/changes.js';
import { owedEvent } from '../../support/owed-event.js';

const MINUTE = 60_000;
const MOST = 1024 * 1024;
const subject = notificationSubject({
  id: 's',
  face: 'r4b',
  base: 'http://hub.example/fhir/r4b',
  topic: 'http://t.example',
  level: 'full-resource',
});
const newLine = () => ({ id: 's', acknowledged: 0, limit: Number.MAX_SAFE_INTEGER, failures: 0 }) as Line;

interface Sent {
  events: readonly OwedEvent[];
  taken: boolean;
}

/** Sends all of it to an endpoint that takes so many bytes, and any event alone. */
function sendAll(line: Line, events: readonly OwedEvent[], taken: number, now: number): Sent[] {
  const sent: Sent[] = [];
  let from = 0;
  while (from < events.length) {
    const most = Math.min(MOST, bytesUnder(line.ceiling, now));
    const chosen = withinBytes(events.slice(from, from + line.limit), subject, most);
    const fits = chosen.length === 1 || bytesOf(chosen, subject) <= taken;
    sent.push({ events: chosen, taken: fits });
    const push = { kind: 'event-notification', events: chosen, subject } as unknown as Push;
    if (fits) from += chosen.length;
    applyVerdict(line, push, undefined, fits ? { kind: 'served', park: false } : { kind: 'halve', by: 'bytes' }, now);
  }
  return sent;
}

const backlogs = fc
  .array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 60 })
  .map((sizes) => sizes.map((size, index) => owedEvent(index + 1, size)));
const refusals = (sent: readonly Sent[]) => sent.filter(({ taken }) => !taken).length;

test('what an endpoint takes at once is found in few tries, and kept to: all goes out, in order, once', () => {
  fc.assert(
    fc.property(backlogs, fc.integer({ min: 500, max: 50_000 }), (events, taken) => {
      const line = newLine();
      const sent = sendAll(line, events, taken, 0);
      expect(sent.filter((one) => one.taken).flatMap((one) => one.events)).toEqual(events);
      expect(refusals(sent)).toBeLessThanOrEqual(Math.max(0, Math.ceil(Math.log2(bytesOf(events, subject) / taken))));
      expect(bytesUnder(line.ceiling, 0)).toBeGreaterThanOrEqual(Math.floor(taken / 2));
      expect(refusals(sendAll(line, events, taken, 10 * MINUTE - 1))).toBe(0);
      // No event is to blame.
      expect(line.suspect).toBeUndefined();
    }),
  );
});

test('more is tried every ten minutes, at the price of one refusal where it is still too much', () => {
  // All of one size: where sizes differ, luck in how they are cut may spare refusals and bring two at once later.
  const alike = fc
    .record({ size: fc.integer({ min: 0, max: 4000 }), count: fc.integer({ min: 1, max: 60 }) })
    .map(({ size, count }) => Array.from({ length: count }, () => owedEvent(1, size)));
  fc.assert(
    fc.property(alike, fc.integer({ min: 500, max: 50_000 }), (events, taken) => {
      const line = newLine();
      sendAll(line, events, taken, 0);
      for (let minute = 10; minute <= 100; minute += 10)
        expect(refusals(sendAll(line, events, taken, minute * MINUTE))).toBeLessThanOrEqual(1);
    }),
  );
});

test('an endpoint that has learnt to take more gets all at once again, ten minutes later for each refusal there was, or twenty', () => {
  const line = newLine();
  const events = Array.from({ length: 60 }, (_, index) => owedEvent(index + 1, 1000));
  const refused = refusals(sendAll(line, events, 5000, 0));
  expect(sendAll(line, events, MOST, (refused + 1) * 10 * MINUTE)).toHaveLength(1);
  expect(bytesUnder(line.ceiling, 24 * 60 * MINUTE)).toBeGreaterThan(MOST);
});

test('the clock may go back', () => {
  const ceiling = ceilingBelow(1000, 10 * MINUTE);
  expect(bytesUnder(ceiling, 0)).toBe(500);
});

test('another endpoint has taught nothing yet; the same one in another version has', () => {
  const subscription = (endpoint: string, reason: string) => ({
    resourceType: 'Subscription',
    id: 's',
    status: 'active',
    reason,
    criteria: 'Observation?',
    channel: { type: 'rest-hook', endpoint },
  });
  const reader = new LineReader(
    ({ id, version, face, body }) => parseSubscription(JSON.parse(body!) as Record<string, unknown>, id, version, face),
    (face) => `http://hub.example/fhir/${face}`,
    () => undefined,
    SILENT_LOG,
  );
  const maker = new ChangeMaker();
  const standing = { segments: [], groupLastN: 0 };
  const resource = maker.put(subscription('http://127.0.0.1:9/a', 'one'));
  const line = reader.newLine({ resource, life: 1, shard: 1, standing, acknowledged: 0, failures: 0 } as never, 0)!;
  line.ceiling = ceilingBelow(1000, 0);
  reader.adopt(line, maker.put(subscription('http://127.0.0.1:9/a', 'two')));
  expect(line.ceiling).toBeDefined();
  reader.adopt(line, maker.put(subscription('http://127.0.0.1:9/b', 'two')));
  expect(line.ceiling).toBeUndefined();
});
