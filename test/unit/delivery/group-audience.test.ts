import { expect, test } from '@jest/globals';
import type { EventWindow } from '../../../src/delivery/event-window.js';
import { GroupAudience } from '../../../src/delivery/group-audience.js';
import { MemoryCursorStore } from '../../support/twins/memory-cursor-store.js';
import { waitFor } from '../../support/wait-for.js';

const window = { follow: () => true } as unknown as EventWindow;

/** Two subscriptions of one group, on a shard each. */
function given(): MemoryCursorStore {
  const cursors = new MemoryCursorStore();
  cursors.groups.set(1, 5);
  for (const [id, shard] of [
    ['a', 1],
    ['b', 2],
  ] as const) {
    cursors.make(id, shard);
    cursors.segments.set(id, [{ groupId: 1, afterN: 0, firstNumber: 1 }]);
  }
  return cursors;
}

/** Visits the group and gives who was visited, now and later. */
function visited(audience: GroupAudience, shards: () => readonly number[], groupIds = [1]): string[] {
  const ids: string[] = [];
  audience.visit(groupIds, shards, (some) => void ids.push(...some));
  return ids;
}

test('members of shards that come while others are asked for are known, too', async () => {
  const audience = new GroupAudience(given(), window);
  let shards = [1];
  const learnt = audience.learn(new Set([1]), () => shards);
  shards = [1, 2];
  audience.forget();
  await learnt;
  expect(visited(audience, () => shards).sort()).toEqual(['a', 'b']);
});

test('shards that change between the news of a batch and its events make nobody miss these', async () => {
  const audience = new GroupAudience(given(), window);
  let shards = [1];
  await audience.learn(new Set([1]), () => shards);
  shards = [1, 2];
  audience.forget();
  const ids = visited(audience, () => shards);
  await waitFor(() => ids.length === 2, { what: 'both to be visited' });
  expect(ids.sort()).toEqual(['a', 'b']);
});

test('where the members cannot be asked for they are asked for again; a group that is no more has none', async () => {
  const cursors = given();
  let fails = true;
  const members = cursors.members.bind(cursors);
  cursors.members = (...asked) => (fails ? Promise.reject(new Error('away')) : members(...asked));
  const audience = new GroupAudience(cursors, window);
  const ids = visited(audience, () => [1, 2], [1, 77]);
  fails = false;
  await waitFor(() => ids.length === 2, { what: 'both to be visited' });
  expect(visited(audience, () => [1, 2], [77])).toEqual([]);
});

test('without shards nobody is asked', () => {
  expect(visited(new GroupAudience(given(), window), () => [])).toEqual([]);
});
