import { expect, test } from '@jest/globals';
import type { Transactional } from '../../../src/storage/database.js';
import { inIndexedSnapshot } from '../../../src/storage/indexed-snapshot.js';

/** A database whose full-text index is so many changes behind, looked at again and again. */
function behind(...changes: number[]): Transactional {
  const look = (most: number) => Math.min(most, changes.length > 1 ? changes.shift()! : changes[0]!);
  const tx = { rows: (_: unknown, [most]: [number]) => Promise.resolve([{ changes: look(most) }]) };
  return { ...tx, transaction: (work: (tx: unknown) => unknown) => work(tx) } as unknown as Transactional;
}

test('a search waits until the index is near', async () => {
  let waits = 0;
  const found = await inIndexedSnapshot(
    behind(29_600, 2001, 2000),
    Date.now() + 60_000,
    () => (waits += 1),
    () => Promise.resolve('found'),
  );
  expect([found, waits]).toEqual(['found', 2]);
});

test.each([
  [29_600, '29600 changes behind'],
  [5_000_000, 'at least 100000 changes behind'],
])('one that cannot wait is told how far %d is', async (changes, told) => {
  const asked = inIndexedSnapshot(behind(changes), 0, () => undefined, fail);
  await expect(asked).rejects.toMatchObject({
    status: 503,
    message: expect.stringContaining(told),
    headers: { 'Retry-After': '10' },
  });
});

const fail = () => Promise.reject(new Error('asked an index that is not near'));
