import { describe, expect, test } from '@jest/globals';
import { EventParts, type NotifiedVersion } from '../../../src/fhir/event-parts.js';
import { notificationSubject, notificationText, statusBundleText } from '../../../src/fhir/notification-bundle.js';
import { notificationFaults } from '../../support/check-notification.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- bundles are bent out of shape here */

const base = 'https://hub.example/fhir/r4b';
const topic = 'https://topics.example/a';
const NOW = new Date('2026-03-02T09:15:31.120Z');

const version = (n: number, over: Partial<NotifiedVersion> = {}): NotifiedVersion => ({
  type: 'Patient',
  id: `p${n}`,
  version: n,
  interaction: 'create',
  method: 'POST',
  at: NOW,
  body: `{"resourceType":"Patient","id":"p${n}","meta":{"versionId":"${n}"}}`,
  ...over,
});

const LEVELS = ['empty', 'id-only', 'full-resource'] as const;
const FACES = ['r4b', 'r4'] as const;
const cases = FACES.flatMap((face) => LEVELS.map((level) => ({ face, level })));

function made({ face, level }: (typeof cases)[number]) {
  const subject = notificationSubject({ id: 's', face, base, topic, level });
  const deleted = version(3, { interaction: 'delete', method: 'DELETE', body: null });
  const events = [1, 2]
    .map((n) => ({ number: n, parts: new EventParts(version(n), [version(9)]) }))
    .concat([{ number: 3, parts: new EventParts(deleted, []) }]);
  const expected = { face, base, subscription: 's', topic, level, type: 'event-notification' as const };
  const content = { type: expected.type, status: 'active', total: 3, events };
  return { expected, subject, bundle: JSON.parse(notificationText(subject, content, NOW)) };
}

test.each(cases)('a right notification has no fault ($face, $level)', (one) => {
  const { expected, bundle } = made(one);
  expect(notificationFaults(bundle, expected)).toEqual([]);
});

test.each(FACES)('a right answer to $status has no fault (%s)', (face) => {
  const { expected, subject } = made({ face, level: 'id-only' });
  const bundle = JSON.parse(statusBundleText([{ subject, status: 'off', total: 0 }], `${base}/x`, NOW));
  expect(notificationFaults(bundle, { ...expected, type: 'query-status' })).toEqual([]);
});

/** One blow each; the checker must notice it in every case it concerns. */
const BLOWS: Record<string, (bundle: any) => void> = {
  'another type of bundle': (bundle) => (bundle.type = 'collection'),
  'a total': (bundle) => (bundle.total = 1),
  'no timestamp': (bundle) => delete bundle.timestamp,
  'no request': (bundle) => delete bundle.entry.at(-1).request,
  'no response': (bundle) => delete bundle.entry.at(-1).response,
  'another status first': (bundle) => bundle.entry.reverse() && bundle.entry.push(bundle.entry[0]),
  'two statuses': (bundle) => bundle.entry.push(structuredClone(bundle.entry[0])),
  'a relative request': (bundle) => (bundle.entry[0].request.url = 'Subscription/s/$events'),
  'a fullUrl with a version': (bundle) => (bundle.entry[0].fullUrl += '/_history/1'),
  'a status that is none': (bundle) => edit(bundle, /"(status":|valueCode":)"active"/, '"$1"awake"'),
  'numbers that are no text': (bundle) => edit(bundle, /"(eventNumber|valueString)":"1"/, '"$1":1'),
  'numbers out of order': (bundle) => edit(bundle, /"(eventNumber|valueString)":"1"/, '"$1":"2"'),
  'a total that is not the last number': (bundle) =>
    edit(bundle, /("eventsSinceSubscriptionStart":|start","valueString":)"3"/, '$1"4"'),
  'a relative Subscription': (bundle) => edit(bundle, `"${base}/Subscription/s"`, '"Subscription/s"'),
  'an entry more': (bundle) =>
    bundle.entry.push({
      fullUrl: `${base}/Patient/x`,
      resource: { resourceType: 'Patient', id: 'x', meta: { versionId: '1' } },
      request: { method: 'GET', url: 'Patient/x' },
      response: { status: '200' },
    }),
};

describe.each(cases)('of $face, $level', (one) => {
  test.each(Object.entries(BLOWS))('%s is noticed', (_, blow) => {
    const { expected, bundle } = made(one);
    blow(bundle);
    expect(notificationFaults(bundle, expected)).not.toEqual([]);
  });
});

test('a level that tells more or less than it should is noticed', () => {
  for (const face of FACES) {
    for (const told of LEVELS) {
      for (const level of LEVELS.filter((other) => other !== told)) {
        const { bundle, expected } = made({ face, level: told });
        expect(notificationFaults(bundle, { ...expected, level })).not.toEqual([]);
      }
    }
    const { bundle, expected } = made({ face, level: 'id-only' });
    expect(notificationFaults(bundle, { ...expected, face: face === 'r4' ? 'r4b' : 'r4' })).not.toEqual([]);
  }
});

function edit(bundle: any, from: string | RegExp, to: string): void {
  bundle.entry[0] = JSON.parse(JSON.stringify(bundle.entry[0]).replace(from, to));
}
