import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { composeStatusMail, type StatusNotice } from '../../../src/delivery/compose-status-mail.js';
import { StatusNotices } from '../../../src/delivery/status-notices.js';
import { contactAddresses } from '../../../src/subscriptions/contact-addresses.js';
import type { Log } from '../../../src/telemetry/log.js';
import { FakeClock } from '../../support/fake-clock.js';

const HOUR = 3_600_000;
const silent = { info: () => undefined, warn: () => undefined } as unknown as Log;
const notice = (over: Partial<StatusNotice> = {}): StatusNotice => ({
  subscriptionId: 's',
  version: 1,
  status: 'error',
  since: new Date(0),
  reason: 'error-response: HTTP 503',
  waiting: 3,
  url: 'http://hub.example/fhir/r4b/Subscription/s',
  contacts: ['a@example.org'],
  ...over,
});
/** Lets what was promised come to pass. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

test('whatever happens to a subscription, its contacts get one mail an hour at most, and in the end know how it stands', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ after: fc.integer({ min: 0, max: 2 * HOUR }), id: fc.constantFrom('a', 'b') }), { maxLength: 25 }),
      async (moves) => {
        const clock = new FakeClock();
        const sent: { id: string; status: string; at: number }[] = [];
        const notices = new StatusNotices(
          ({ subscriptionId: id, status }) => {
            sent.push({ id, status, at: clock.now() });
            return Promise.resolve(true);
          },
          HOUR,
          silent,
          clock,
        );
        const now: Record<string, StatusNotice['status'] | undefined> = {};
        let version = 0;
        const pass = async (milliseconds: number) => {
          const until = clock.now() + milliseconds;
          for (let next = clock.next; next !== undefined && next <= until; next = clock.next) {
            clock.advance(next - clock.now());
            await settle();
          }
          clock.advance(until - clock.now());
          await settle();
        };
        for (const { after, id } of moves) {
          await pass(after);
          const status = (now[id] = now[id] === 'error' ? 'active' : 'error');
          notices.tell(notice({ subscriptionId: id, status, version: ++version }));
          await settle();
        }
        await pass(3 * HOUR);
        for (const id of ['a', 'b']) {
          const own = sent.filter((one) => one.id === id);
          own.slice(1).forEach(({ at }, index) => expect(at - own[index]!.at).toBeGreaterThanOrEqual(HOUR));
          if (own.length > 0) expect(own.at(-1)!.status).toBe(now[id]);
          else expect(now[id]).not.toBe('error');
          expect(own[0]?.status ?? 'error').toBe('error');
        }
        expect(clock.next).toBeUndefined();
      },
    ),
    { numRuns: 100 },
  );
});

test('a mail server that hangs or refuses holds up nothing, and is asked three times at most', async () => {
  const clock = new FakeClock();
  const asked: string[] = [];
  let answer: (taken: boolean) => void = () => {};
  const notices = new StatusNotices(
    ({ subscriptionId }) => {
      asked.push(subscriptionId);
      return new Promise((resolve) => (answer = resolve));
    },
    HOUR,
    silent,
    clock,
  );
  for (const subscriptionId of ['a', 'b', 'c']) notices.tell(notice({ subscriptionId }));
  expect(asked).toEqual(['a']);
  for (let round = 0; round < 12; round += 1) {
    answer(false);
    await settle();
    clock.advance(60_000);
    await settle();
  }
  expect(asked.sort()).toEqual(['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'c']);
});

test('no text of an endpoint becomes a header or a line of its own, and the subject is one of three', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 500 }),
      fc.constantFrom('error', 'off', 'active' as const),
      (text, status) => {
        const reason = `x\r\nBcc: victim@example.org\r\n\r\n<b>${text}`;
        const mail = composeStatusMail(notice({ reason, status }));
        expect(mail.subject).toMatch(/^FHIR subscription: [a-z ]+$/);
        expect(mail.text).not.toContain('\r');
        expect(mail.text.split('\n').some((line) => line.startsWith('Bcc'))).toBe(false);
      },
    ),
  );
});

test('only plain addresses are contacts', () => {
  const email = (value: unknown) => ({ system: 'email', value });
  expect(
    contactAddresses([
      email('one@example.org'),
      email(' mailto:two@example.org '),
      email('one@example.org'),
      email('x@example.org\r\nBcc: victim@example.org'),
      email('a@example.org, b@example.org'),
      email('"Name" <a@example.org>'),
      email('nobody'),
      email(5),
      { system: 'phone', value: 'three@example.org' },
      null,
    ]),
  ).toEqual(['one@example.org', 'two@example.org']);
  expect(contactAddresses(undefined)).toEqual([]);
  expect(contactAddresses(Array.from({ length: 50 }, (_, index) => email(`n${index}@example.org`)))).toHaveLength(10);
});
