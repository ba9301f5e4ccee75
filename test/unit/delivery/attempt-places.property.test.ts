import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AttemptPlaces, type Place, type Wish } from '../../../src/delivery/attempt-places.js';
import { FakeClock } from '../../support/fake-clock.js';

const LINGER_MS = 2000;

test('never more than allowed at once, nobody forgotten, and a full host holds back no other', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), host: fc.constantFrom('a', 'b', 'c') }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), which: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.nat(1500) }) },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 80 }),
      (perHost, inAll, steps) => {
        const clock = new FakeClock();
        const places = new AttemptPlaces({ perHost, inAll, lingerMs: LINGER_MS }, clock);
        const inside: { host: string; place: Place; since: number }[] = [];
        let wishes: { host: string; wish?: Wish }[] = [];
        const check = () => {
          const young = inside.filter(({ since }) => clock.now() - since < LINGER_MS);
          expect(young.length).toBeLessThanOrEqual(inAll);
          expect(inside.length).toBeLessThanOrEqual(2 * inAll);
          for (const host of ['a', 'b', 'c'])
            expect(inside.filter((one) => one.host === host).length).toBeLessThanOrEqual(perHost);
          expect([places.underWay, places.waiting]).toEqual([inside.length, wishes.length]);
        };
        for (const step of steps) {
          if (step.kind === 'ask') {
            const own: (typeof wishes)[number] = { host: step.host };
            wishes.push(own);
            own.wish = places.ask(step.host, (place) => {
              wishes = wishes.filter((other) => other !== own);
              inside.push({ host: step.host, place, since: clock.now() });
            });
          } else if (step.kind === 'leave') inside.splice(step.which % Math.max(1, inside.length), 1)[0]?.place.leave();
          else if (step.kind === 'withdraw') wishes.splice(step.which % Math.max(1, wishes.length), 1)[0]?.wish!.withdraw();
          else clock.advance(step.milliseconds);
          check();
        }
        while (inside.length > 0) {
          inside.shift()!.place.leave();
          check();
        }
        expect(wishes).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

test('however many endpoints hang at once, one that answers waits no longer than it takes to notice them', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.integer({ min: 1, max: 400 }),
      fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 30 }),
      (inAll, hanging, arrivals) => {
        const clock = new FakeClock();
        const places = new AttemptPlaces({ perHost: 8, inAll, lingerMs: LINGER_MS }, clock);
        const attack = (host: string) =>
          void places.ask(host, (place) =>
            // Each takes all the time an attempt has, and is there again at once.
            clock.after(20_000, () => {
              place.leave();
              attack(host);
            }),
          );
        const count = Math.min(hanging, 2 * inAll - 1);
        for (let host = 0; host < count; host += 1) attack(`h${host}`);
        let longest = 0;
        let answered = 0;
        for (const at of arrivals) {
          clock.after(at, () => {
            const asked = clock.now();
            places.ask('healthy', (place) => {
              longest = Math.max(longest, clock.now() - asked);
              clock.after(1, () => {
                place.leave();
                answered += 1;
              });
            });
          });
        }
        clock.advance(60_000);
        expect(answered).toBe(arrivals.length);
        expect(longest).toBeLessThanOrEqual(LINGER_MS + arrivals.length);
      },
    ),
    { numRuns: 100 },
  );
});

test('hosts known to be slow hold half of the places at most, so that others come in at once', () => {
  const clock = new FakeClock();
  const places = new AttemptPlaces({ perHost: 8, inAll: 10, lingerMs: LINGER_MS }, clock);
  let held = 0;
  const attack = (host: string) =>
    void places.ask(host, (place) => {
      held += 1;
      clock.after(20_000, () => {
        held -= 1;
        place.leave();
        attack(host);
      });
    });
  for (let host = 0; host < 19; host += 1) attack(`h${host}`);
  // After the first round all of them are known.
  clock.advance(21_000);
  for (let second = 0; second < 300; second += 1) {
    clock.advance(1000);
    expect(held).toBeLessThanOrEqual(5);
    expect(held).toBeGreaterThan(0);
    let waited = true;
    places.ask('healthy', (place) => {
      waited = false;
      place.leave();
    });
    expect(waited).toBe(false);
  }
});

test('a host that answers in time again is as any other', () => {
  const clock = new FakeClock();
  const places = new AttemptPlaces({ perHost: 8, inAll: 2, lingerMs: LINGER_MS }, clock);
  const enter = (host: string): Place | undefined => {
    let entered: Place | undefined;
    places.ask(host, (place) => (entered = place));
    return entered;
  };
  const slow = enter('slow')!;
  clock.advance(3000);
  slow.leave();
  const other = enter('slow')!;
  expect(enter('slow')).toBeUndefined();
  other.leave();
  expect(places.underWay).toBe(1);
  expect(enter('slow')).toBeDefined();
});
