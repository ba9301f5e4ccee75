import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AttemptPlaces } from '../../../src/delivery/attempt-places.js';
import { PacedEndpoints } from '../../../src/delivery/paced-endpoints.js';
import { FakeClock } from '../../support/fake-clock.js';

const places = (clock: FakeClock, inAll = 1000) => new AttemptPlaces({ perHost: inAll, inAll, lingerMs: 2000 }, clock);

/** Most requests that begin within any stretch of so many milliseconds. */
function mostWithin(times: readonly number[], milliseconds: number): number {
  return Math.max(0, ...times.map((from) => times.filter((time) => time >= from && time < from + milliseconds).length));
}

test('in any stretch of time there are never more requests than its rate and one burst, and everybody comes through', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 2000, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 300 }),
      (rate, arrivals, takes) => {
        const clock = new FakeClock();
        const endpoints = new PacedEndpoints(places(clock), () => rate, clock);
        const sent: number[] = [];
        for (const at of arrivals) {
          clock.after(at, () =>
            endpoints.ask('e', 'h', (place) => {
              sent.push(clock.now());
              clock.after(takes, () => place.leave());
            }),
          );
        }
        // Always progress: nobody waits longer than all before it take at this rate.
        clock.advance(3000 + (arrivals.length / rate) * 1000 + arrivals.length + 1);
        expect(sent).toHaveLength(arrivals.length);
        const burst = Math.max(1, rate / 10);
        for (const stretch of [1, 10, 100, 1000, 10_000, 100_000])
          expect(mostWithin(sent, stretch)).toBeLessThanOrEqual(Math.floor((rate * stretch) / 1000 + burst + 1e-6));
      },
    ),
    { numRuns: 150 },
  );
});

test('the subscriptions of one endpoint take turns, however much each of them wants', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 20 }), (subscriptions, rounds) => {
      const clock = new FakeClock();
      const endpoints = new PacedEndpoints(places(clock), () => 5, clock);
      const turns: number[] = [];
      const serve = (subscription: number) =>
        void endpoints.ask('e', 'h', (place) => {
          turns.push(subscription);
          place.leave();
          serve(subscription);
        });
      for (let subscription = 0; subscription < subscriptions; subscription += 1) serve(subscription);
      clock.advance(subscriptions * rounds * 200);
      expect(turns.length).toBeGreaterThanOrEqual(subscriptions * rounds);
      // The first one was served before the others came.
      turns.slice(1).forEach((subscription, index) => expect(subscription).toBe(index % subscriptions));
    }),
  );
});

test('who waits for the bucket holds no place, and who is limited delays nobody else', () => {
  const clock = new FakeClock();
  const inAll = places(clock, 2);
  const endpoints = new PacedEndpoints(inAll, (endpoint) => (endpoint === 'slow' ? 1 : undefined), clock);
  for (let count = 0; count < 10; count += 1) endpoints.ask('slow', 'h', (place) => place.leave());
  expect([inAll.underWay, inAll.waiting, endpoints.waiting]).toEqual([0, 0, 9]);
  let free = 0;
  for (let count = 0; count < 10; count += 1)
    endpoints.ask('other', 'h', (place) => {
      free += 1;
      place.leave();
    });
  expect(free).toBe(10);
});

test('a token is spent when the request leaves, not while it waits for a place', () => {
  const clock = new FakeClock();
  const endpoints = new PacedEndpoints(places(clock, 1), (endpoint) => (endpoint === 'paced' ? 2 : undefined), clock);
  let leave = () => {};
  endpoints.ask('hog', 'h', (place) => (leave = () => place.leave()));
  const sent: number[] = [];
  for (let count = 0; count < 4; count += 1)
    endpoints.ask('paced', 'p', (place) => {
      sent.push(clock.now());
      place.leave();
    });
  clock.advance(1500);
  leave();
  clock.advance(5000);
  expect(sent).toEqual([1500, 2000, 2500, 3000]);
});

test('what is withdrawn costs nobody a turn, and a limit that is lifted lets all go on', () => {
  const clock = new FakeClock();
  let rate: number | undefined = 0.01;
  const endpoints = new PacedEndpoints(places(clock), () => rate, clock);
  const sent: string[] = [];
  const ask = (name: string) =>
    endpoints.ask('e', 'h', (place) => {
      sent.push(name);
      place.leave();
    });
  ask('first');
  const second = ask('second');
  ask('third');
  ask('fourth');
  second.withdraw();
  clock.advance(100_001);
  expect(sent).toEqual(['first', 'third']);
  rate = undefined;
  clock.advance(1000);
  expect(sent).toEqual(['first', 'third', 'fourth']);
  expect(endpoints.waiting).toBe(0);
});

test('endpoints at rest are forgotten, those that wait or have used up their burst are not', () => {
  const clock = new FakeClock();
  const endpoints = new PacedEndpoints(places(clock, 10_000), () => 1, clock);
  const sent: string[] = [];
  const ask = (endpoint: string) =>
    endpoints.ask(endpoint, 'h', (place) => {
      sent.push(endpoint);
      place.leave();
    });
  ask('early');
  clock.advance(5000);
  ask('used');
  ask('used');
  for (let count = 0; count < 3000; count += 1) ask(`e${count}`);
  expect(sent).toHaveLength(3002);
  ask('used');
  expect(sent).toHaveLength(3002);
  expect(endpoints.waiting).toBe(2);
  clock.advance(2000);
  expect(sent.filter((endpoint) => endpoint === 'used')).toHaveLength(3);
});
