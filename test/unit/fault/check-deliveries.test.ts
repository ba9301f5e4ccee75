import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Arrival } from '../../fault/harness/arrival.js';
import { checkDeliveries, faultsOf, type Recording } from '../../fault/harness/check-deliveries.js';

/** A faultless recording: so many events of two resources, one each notification, a millisecond apart. */
function faultless(count = 10): Recording & { arrivals: Arrival[]; expected: Map<string, string[]> } {
  const versions = Array.from({ length: count }, (_, index) => `Observation/${index % 2}/${Math.floor(index / 2) + 1}`);
  const arrivals = versions.map((version, index) => arrival(index + 1, version, index + 1));
  return { expected: new Map([['red', versions]]), arrivals };
}

function arrival(number: number, version: string, at: number, more: Partial<Arrival> = {}): Arrival {
  return {
    to: 'red',
    events: [{ number, version }],
    webhookId: `s.${number}-${number}`,
    accepted: 'yes',
    at,
    bytes: 100,
    ...more,
  };
}

const faults = (recording: Recording) => faultsOf(checkDeliveries(recording));

test('what was told as it should be is without fault', () => {
  expect(faults(faultless())).toEqual([]);
});

test('an event that never came is lost, and its number is missing', () => {
  const recording = faultless();
  recording.arrivals.splice(4, 1);
  expect(faults(recording)).toEqual(['lost: red: Observation/0/3', 'misnumbered: red: number 5 never came']);
});

test('an event at the end that never came is lost, too', () => {
  const recording = faultless();
  recording.arrivals.pop();
  expect(checkDeliveries(recording).lost).toEqual(['red: Observation/1/5']);
});

test('an event that was sent and never taken is lost', () => {
  const recording = faultless();
  recording.arrivals[9]!.accepted = 'no';
  expect(faults(recording)).toEqual(['lost: red: Observation/1/5, number 10, was never taken']);
});

test('an event that left a gap in the numbers is told', () => {
  const recording = faultless();
  recording.arrivals[9] = arrival(11, 'Observation/1/5', 10);
  expect(checkDeliveries(recording).misnumbered).toEqual(['red: number 10 never came', 'red: number 11 is none of 1–10']);
});

test('first arrivals in another order than their numbers are told', () => {
  const recording = faultless();
  recording.arrivals[3]!.at = 5.5;
  expect(checkDeliveries(recording).outOfOrder).toEqual(['red: number 4 first came after 5']);
});

test('a later version with an earlier number is told', () => {
  const recording = faultless();
  recording.arrivals[2]!.events[0]!.version = 'Observation/0/3';
  recording.arrivals[4]!.events[0]!.version = 'Observation/0/2';
  expect(checkDeliveries(recording).outOfOrder).toEqual(['red: Observation/0/3 has number 3, a version before it 5']);
});

test('an event that nobody asked for is invented', () => {
  const recording = faultless();
  recording.arrivals.push(arrival(11, 'Observation/9/1', 11));
  expect(checkDeliveries(recording).invented).toEqual(['red: number 11, Observation/9/1']);
});

test('a notification for a subscription that was to hear nothing is invented', () => {
  const recording = faultless();
  recording.arrivals.push(arrival(1, 'Observation/0/1', 11, { to: 'blue' }));
  expect(checkDeliveries(recording).invented).toEqual(['blue was not to be told anything']);
});

test('one number for two events, and two numbers for one event, are told', () => {
  const recording = faultless();
  recording.arrivals.push(arrival(3, 'Observation/1/5', 11, { accepted: 'no' }));
  recording.arrivals.push(arrival(11, 'Observation/0/1', 12));
  expect(checkDeliveries(recording).misnumbered).toEqual([
    'red: number 3 is Observation/0/2 and Observation/1/5',
    'red: Observation/0/1 has the numbers 1 and 11',
    'red: number 11 is none of 1–10',
  ]);
});

test('a repetition without cause is not excused', () => {
  const recording = faultless();
  recording.arrivals.push(arrival(10, 'Observation/1/5', 11));
  expect(checkDeliveries(recording)).toMatchObject({ repeats: 0, unexcused: ['red: number 10 came again without cause'] });
});

test('after a disturbance the newest events may come again, older ones may not, and none before it', () => {
  const recording = { ...faultless(), disturbances: [{ from: 8.5 }], mostRepeatedEach: 2 };
  recording.arrivals.push(arrival(8, 'Observation/1/4', 11));
  expect(checkDeliveries(recording)).toMatchObject({ repeats: 1, unexcused: [] });
  recording.arrivals.push(arrival(6, 'Observation/1/3', 12));
  expect(checkDeliveries(recording).unexcused).toEqual(['red: number 6 came again without cause']);
  const early = { ...faultless(), disturbances: [{ from: 8.5 }] };
  early.arrivals.push(arrival(5, 'Observation/0/3', 8.2));
  expect(checkDeliveries(early).unexcused).toEqual(['red: number 5 came again without cause']);
});

test('a repetition under another id is not excused, nor an id used for other events', () => {
  const recording = { ...faultless(), disturbances: [{ from: 0 }] };
  recording.arrivals.push(arrival(10, 'Observation/1/5', 11, { webhookId: 'other' }));
  recording.arrivals.push(arrival(9, 'Observation/0/5', 12, { webhookId: 's.8-8' }));
  expect(checkDeliveries(recording).unexcused).toEqual([
    'red: 10-10 has the ids s.10-10 and other',
    'red: id s.8-8 is 8-8 and 9-9',
    'red: 9-9 has the ids s.9-9 and s.8-8',
  ]);
});

test('what was refused, or perhaps not heard, may come again at any time', () => {
  const recording = faultless();
  recording.arrivals[9]!.accepted = 'no';
  recording.arrivals[8]!.accepted = 'unsure';
  recording.arrivals.push(arrival(9, 'Observation/0/5', 11), arrival(10, 'Observation/1/5', 12));
  expect(checkDeliveries(recording)).toMatchObject({ repeats: 0, unexcused: [] });
  expect(faults(recording)).toEqual([]);
});

test('a number set aside on purpose may be missing, and no other', () => {
  const recording = { ...faultless(), parked: new Map([['red', new Set([5])]]) };
  recording.arrivals.splice(4, 1);
  expect(faults(recording)).toEqual([]);
  recording.arrivals.splice(6, 1);
  expect(faults(recording)).toEqual(['misnumbered: red: number 8 never came']);
});

test('whatever single event is taken out, moved or sent again, it is noticed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 0, max: 19 }), (which, where) => {
      const lost = faultless(20);
      lost.arrivals.splice(which, 1);
      expect(faults(lost)).not.toEqual([]);

      const again = faultless(20);
      again.arrivals.push({ ...again.arrivals[which]!, at: 30 });
      expect(faults(again)).not.toEqual([]);

      fc.pre(which !== where);
      const moved = faultless(20);
      moved.arrivals[which]!.at = where + 1 + (where > which ? 0.5 : -0.5);
      expect(faults(moved)).not.toEqual([]);
    }),
  );
});
