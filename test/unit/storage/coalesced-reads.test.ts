import { describe, expect, test } from '@jest/globals';

import { CoalescedReads } from '../../../src/storage/coalesced-reads.js';

/** A load that answers when it is told to. */
function scripted(limits?: { inFlight: number; batch: number }) {
  const calls: { keys: readonly string[]; answer: (found: Record<string, number>) => void; fail: (error: Error) => void }[] = [];
  const load = (keys: readonly string[]) =>
    new Promise<ReadonlyMap<string, number>>((resolve, reject) => {
      calls.push({ keys, answer: (found) => resolve(new Map(Object.entries(found))), fail: reject });
    });
  return { calls, reads: new CoalescedReads<string, number>(load, (key) => key, limits) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('coalesced reads', () => {
  test('of one moment share a load, the same key once', async () => {
    const { calls, reads } = scripted();
    const all = Promise.all([reads.get('a'), reads.get('b'), reads.get('a'), reads.get('none')]);
    await turn();
    expect(calls.map(({ keys }) => keys)).toEqual([['a', 'b', 'none']]);
    calls[0]?.answer({ a: 1, b: 2 });
    expect(await all).toEqual([1, 2, 1, undefined]);
  });

  test('a key asked for again after its load began is loaded anew, for it may have changed', async () => {
    const { calls, reads } = scripted();
    const first = reads.get('a');
    await turn();
    const second = reads.get('a');
    await turn();
    expect(calls).toHaveLength(2);
    calls[1]?.answer({ a: 2 });
    calls[0]?.answer({ a: 1 });
    expect([await first, await second]).toEqual([1, 2]);
  });

  test('no more loads than allowed are under way; what arrives meanwhile goes with the next', async () => {
    const { calls, reads } = scripted({ inFlight: 1, batch: 2 });
    const all = ['a', 'b', 'c', 'd', 'e'].map((key) => reads.get(key));
    await turn();
    expect(calls.map(({ keys }) => keys)).toEqual([['a', 'b']]);
    for (let n = 0; n < 3; n++) {
      calls[n]?.answer({ a: 1, b: 2, c: 3, d: 4, e: 5 });
      await turn();
      await turn();
    }
    expect(calls.map(({ keys }) => keys)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a failed load fails its own reads, and the next go on', async () => {
    const { calls, reads } = scripted();
    const failed = expect(reads.get('a')).rejects.toThrow('away');
    await turn();
    calls[0]?.fail(new Error('away'));
    await failed;
    const next = reads.get('a');
    await turn();
    calls[1]?.answer({ a: 1 });
    expect(await next).toBe(1);
  });
});
