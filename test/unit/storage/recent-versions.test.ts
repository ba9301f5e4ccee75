import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../src/fhir/change.js';
import { RecentVersions } from '../../../src/storage/recent-versions.js';

function change(seq: number, bytes = 10, xid = 1n, epoch = 0): Change {
  const position = { epoch, xid, seq: BigInt(seq) };
  const body = 'x'.repeat(bytes);
  return {
    position,
    type: 'Patient',
    id: `${seq}`,
    version: 1,
    interaction: 'create',
    method: 'POST',
    at: new Date(0),
    face: 'r4b',
    body,
  };
}

test('a version is found at its own place only: the same number of another transaction or epoch is another version', () => {
  const recent = new RecentVersions();
  const kept = change(7);
  recent.add(kept);
  expect(recent.at({ epoch: 0, xid: 1n, seq: 7n })).toBe(kept);
  expect(recent.at({ epoch: 0, xid: 2n, seq: 7n })).toBeUndefined();
  expect(recent.at({ epoch: 1, xid: 1n, seq: 7n })).toBeUndefined();
  const moved = change(7, 10, 3n, 1);
  recent.add(moved);
  expect(recent.at({ epoch: 1, xid: 3n, seq: 7n })).toBe(moved);
});

test('what is added again and again takes up the room of one', () => {
  const recent = new RecentVersions(10_000);
  for (let round = 0; round < 50; round++) for (const seq of [1, 2, 3]) recent.add(change(seq, 1_000));
  for (const seq of [1n, 2n, 3n]) expect(recent.at({ epoch: 0, xid: 1n, seq })).toBeDefined();
});

test('long after it is full, it holds as many versions as at first', () => {
  const recent = new RecentVersions(10 * 700);
  for (let seq = 0; seq < 5_000; seq++) recent.add(change(seq, 100));
  const kept = Array.from({ length: 5_000 }, (_, seq) => recent.at({ epoch: 0, xid: 1n, seq: BigInt(seq) }) !== undefined);
  expect(kept.lastIndexOf(false)).toBe(4_989);
  expect(kept.filter(Boolean)).toHaveLength(10);
});

test('the newest versions that fit are kept, whatever their sizes', () => {
  const BYTES = 10_000;
  const sizes = fc.array(fc.nat(3_000), { maxLength: 60 });
  fc.assert(
    fc.property(sizes, (added) => {
      const recent = new RecentVersions(BYTES);
      added.forEach((bytes, seq) => recent.add(change(seq, bytes)));
      let room = BYTES;
      for (const [seq, bytes] of [...added.entries()].reverse()) {
        room -= 500 + 2 * bytes;
        expect(recent.at({ epoch: 0, xid: 1n, seq: BigInt(seq) })?.body?.length).toBe(room < 0 ? undefined : bytes);
        if (room < 0) break;
      }
    }),
  );
});
