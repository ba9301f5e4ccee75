import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ArrivalProof } from '../../../../src/delivery/sockets/arrival-proof.js';

/** The wire: events and pings in the order in which they were put on it. */
function given() {
  const wire: ({ event: number } | { ping: string })[] = [];
  const arrived: [string, number][] = [];
  const proof = new ArrivalProof(
    (ping) => wire.push({ ping }),
    (subscription, number) => arrived.push([subscription, number]),
  );
  return { wire, arrived, proof };
}

const pingsOn = (wire: ReturnType<typeof given>['wire']) => wire.flatMap((one) => ('ping' in one ? [one.ping] : []));

test('nothing counts before a pong; the pong of a ping counts for what was sent before the ping, and for no more', () => {
  const { wire, arrived, proof } = given();
  proof.sent('a', 1, 10);
  proof.sent('b', 7, 10);
  proof.askSoon();
  proof.sent('a', 2, 10);
  expect(arrived).toEqual([]);
  proof.answered(pingsOn(wire)[0]!);
  expect(arrived).toEqual([
    ['a', 1],
    ['b', 7],
  ]);
  // What was sent since is asked about in its turn.
  proof.answered(pingsOn(wire)[1]!);
  expect(arrived.at(-1)).toEqual(['a', 2]);
});

test('one question waits for its answer at a time, but a slow line is asked again every 64 KiB', () => {
  const { wire, arrived, proof } = given();
  for (let number = 1; number <= 10; number += 1) {
    proof.sent('a', number, 1000);
    proof.askSoon();
  }
  expect(pingsOn(wire)).toHaveLength(1);
  for (let number = 11; number <= 14; number += 1) proof.sent('a', number, 40_000);
  expect(pingsOn(wire)).toHaveLength(3);
  // https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3: only the latest ping need be answered.
  proof.answered(pingsOn(wire).at(-1)!);
  expect(Math.max(...arrived.map(([, number]) => number))).toBe(14);
});

test.each(['', 'x', '99', '-1', '1e3', '0'])('a pong that answers nothing, %j, counts for nothing', (text) => {
  const { arrived, proof } = given();
  proof.sent('a', 1, 10);
  proof.askSoon();
  proof.answered(text);
  expect(arrived).toEqual([]);
});

test('a subscription that ended is forgotten', () => {
  const { wire, arrived, proof } = given();
  proof.sent('a', 1, 10);
  proof.askSoon();
  proof.sent('a', 2, 10);
  proof.forget('a');
  for (const ping of pingsOn(wire)) proof.answered(ping);
  expect(arrived).toEqual([]);
});

test('however sends, cuts of the answers and pongs follow one another, nothing counts that was not on the wire before an answered ping', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), bytes: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ kind: fc.constant('turn-ends' as const) }),
    fc.record({ kind: fc.constant('keep-alive' as const) }),
    fc.record({ kind: fc.constant('peer-reads' as const), most: fc.integer({ min: 1, max: 5 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { wire, arrived, proof } = given();
      let number = 0;
      let read = 0;
      let hasArrived = 0;
      for (const one of steps) {
        if (one.kind === 'send') {
          wire.push({ event: (number += 1) });
          proof.sent('a', number, one.bytes);
        } else if (one.kind === 'turn-ends') proof.askSoon();
        else if (one.kind === 'keep-alive') proof.ask();
        else
          for (const piece of wire.slice(read, (read = Math.min(wire.length, read + one.most)))) {
            if ('event' in piece) hasArrived = piece.event;
            else proof.answered(piece.ping);
          }
        for (const [, acknowledged] of arrived) expect(acknowledged).toBeLessThanOrEqual(hasArrived);
      }
      // Once the peer reads everything, everything counts.
      proof.askSoon();
      while (read < wire.length) {
        const piece = wire[read++]!;
        if ('ping' in piece) proof.answered(piece.ping);
      }
      expect(Math.max(0, ...arrived.map(([, acknowledged]) => acknowledged))).toBe(number);
    }),
  );
});
