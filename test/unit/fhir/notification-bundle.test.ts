import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventParts, type NotificationLevel, type NotifiedVersion } from '../../../src/fhir/event-parts.js';
import { notificationSubject, notificationText, statusBundleText } from '../../../src/fhir/notification-bundle.js';
import { validateResource } from '../../../src/fhir/validate-resource.js';
import { readNotification } from '../../support/subscriber.js';

const BASE = 'https://hub.example/fhir/r4b';
const NOW = new Date('2026-03-02T09:15:31.120Z');
const FACES = ['r4b', 'r4'] as const;
const LEVELS: NotificationLevel[] = ['empty', 'id-only', 'full-resource'];

const version = (over: Partial<NotifiedVersion> = {}): NotifiedVersion => ({
  type: 'Patient',
  id: 'p1',
  version: 1,
  interaction: 'create',
  method: 'POST',
  at: NOW,
  body: '{"resourceType":"Patient","id":"p1","multipleBirthInteger":1}',
  ...over,
});
const subject = (face: 'r4b' | 'r4', level: NotificationLevel) =>
  notificationSubject({ id: 's1', face, base: BASE, level, topic: 'https://topics.example/a"b' });
const DELETE = version({ version: 2, interaction: 'delete', method: 'DELETE', body: null });

describe.each(FACES)('in the face %s', (face) => {
  describe.each(LEVELS)('at level %s', (level) => {
    test.each(['handshake', 'heartbeat', 'event-notification', 'query-event'] as const)('a %s is valid FHIR', (type) => {
      const events =
        type === 'event-notification' || type === 'query-event'
          ? [
              {
                number: 41,
                parts: new EventParts(version(), [
                  version({ type: 'Organization', id: 'o', body: '{"resourceType":"Organization","id":"o","name":"x"}' }),
                ]),
              },
              { number: 42, parts: new EventParts(DELETE) },
            ]
          : [];
      const faults = [{ code: 'no-response' as const, text: 'connect "timeout"' }];
      const bundle = JSON.parse(
        notificationText(subject(face, level), { type, status: 'active', total: 42, events, faults, next: `${BASE}/x` }, NOW),
      );
      expect(validateResource(bundle)).toEqual([]);
      expect(bundle.type).toBe('history');
      for (const entry of bundle.entry) {
        expect(entry).toHaveProperty('request');
        expect(entry).toHaveProperty('response');
      }
      expect(readNotification(bundle)).toMatchObject({ type, status: 'active', total: '42' });
      expect(bundle.entry).toHaveLength(level === 'full-resource' ? 1 + (events.length > 0 ? 3 : 0) : 1);
    });

    test('the answer to $status is a valid searchset', () => {
      const content = {
        subject: subject(face, level),
        status: 'error',
        total: 3,
        faults: [{ code: 'error-response' as const, text: 'HTTP 500' }],
      };
      for (const statuses of [[], [content], [content, content]]) {
        const bundle = JSON.parse(statusBundleText(statuses, `${BASE}/Subscription/$status`, NOW));
        expect(validateResource(bundle)).toEqual([]);
        expect(bundle).toMatchObject({ type: 'searchset', total: statuses.length });
      }
    });
  });

  test('a delete is an entry without resource', () => {
    const events = [{ number: 1, parts: new EventParts(DELETE) }];
    const bundle = JSON.parse(
      notificationText(subject(face, 'full-resource'), { type: 'event-notification', status: 'active', total: 1, events }, NOW),
    );
    expect(bundle.entry[1]).toMatchObject({
      fullUrl: `${BASE}/Patient/p1`,
      request: { method: 'DELETE', url: 'Patient/p1' },
      response: { status: '204' },
    });
    expect(bundle.entry[1]).not.toHaveProperty('resource');
  });

  test('two versions of one focus are both kept; a version that repeats as context is not', () => {
    const one = version();
    const two = version({ version: 2, interaction: 'update', method: 'PUT' });
    const events = [
      { number: 1, parts: new EventParts(one) },
      { number: 2, parts: new EventParts(two, [one]) },
    ];
    const bundle = JSON.parse(
      notificationText(subject(face, 'full-resource'), { type: 'event-notification', status: 'active', total: 2, events }, NOW),
    );
    expect(bundle.entry.slice(1).map((entry: { response: { etag: string } }) => entry.response.etag)).toEqual(['W/"1"', 'W/"2"']);
  });

  test('what is context of one event and focus of another stands there once, as the interaction it was', () => {
    const patient = version({ type: 'Patient', id: 'p', version: 3, interaction: 'update', method: 'PUT' });
    const events = [
      { number: 1, parts: new EventParts(version(), [patient]) },
      { number: 2, parts: new EventParts(patient) },
      { number: 3, parts: new EventParts(version({ version: 2, interaction: 'update', method: 'PUT' }), [patient]) },
    ];
    const bundle = JSON.parse(
      notificationText(subject(face, 'full-resource'), { type: 'event-notification', status: 'active', total: 3, events }, NOW),
    );
    const told = bundle.entry
      .slice(1)
      .map(({ request, response }: { request: { method: string }; response: { etag: string } }) => [
        request.method,
        response.etag,
      ]);
    expect(told).toEqual([
      ['POST', 'W/"1"'],
      ['PUT', 'W/"3"'],
      ['PUT', 'W/"2"'],
    ]);
  });

  test('numbers are text, ascend, and end with the total', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 50 }), fc.integer({ min: 1, max: 20 }), (first, count) => {
        const parts = new EventParts(version());
        const events = Array.from({ length: count }, (_, index) => ({ number: first + index, parts }));
        const total = first + count - 1;
        const bundle = JSON.parse(
          notificationText(subject(face, 'id-only'), { type: 'event-notification', status: 'active', total, events }, NOW),
        );
        const told = readNotification(bundle);
        expect(told.events.map(({ number }) => number)).toEqual(events.map(({ number }) => String(number)));
        expect(told.total).toBe(told.events.at(-1)!.number);
      }),
    );
  });
});

test('what an event says is put together once and shared by all who get it', () => {
  const parts = new EventParts(version());
  expect(parts.of('r4b', BASE, 'full-resource')).toBe(parts.of('r4b', BASE, 'full-resource'));
});
