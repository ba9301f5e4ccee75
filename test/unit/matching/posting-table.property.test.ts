import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Entry, entryOf } from '../../../src/matching/entry.js';
import { PostingTable } from '../../../src/matching/posting-table.js';

/** Keys that fall in one shard and crowd its first places, beside some of the full 53 bits. */
const key = fc.oneof(
  fc.nat(40).map((n) => n * 64 * 16),
  fc.nat(40).map((n) => n * 64),
  fc.maxSafeNat(),
);

test('holds what a Map of lists would, whatever is added and removed', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), key }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat(500) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new PostingTable<number>();
      const plain: { key: number; entry: Entry<number> }[] = [];
      const keys = new Set<number>();
      for (const [index, one] of steps.entries()) {
        if (one.kind === 'add') {
          const entry = entryOf(index, 'Patient', 1, []);
          table.add(one.key, entry);
          plain.push({ key: one.key, entry });
          keys.add(one.key);
        } else {
          const [gone] = plain.splice(one.at % Math.max(1, plain.length), 1);
          if (gone !== undefined) table.remove(gone.key, gone.entry);
        }
      }
      for (const each of keys) {
        const expected = plain.filter((filed) => filed.key === each).map(({ entry }) => entry.owner);
        expect(
          [table.get(each) ?? []]
            .flat()
            .map(({ owner }) => owner)
            .sort(),
        ).toEqual(expected.sort());
        expect(table.lengthOf(each)).toBe(expected.length);
      }
      expect(table.size).toBe(new Set(plain.map((filed) => filed.key)).size);
    }),
  );
});
