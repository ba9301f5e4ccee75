import { expect, test } from '@jest/globals';
import type { EventWindow } from '../../../src/delivery/event-window.js';
import { GroupAudience } from '../../../src/delivery/group-audience.js';
import { MemoryCursorStore } from '../../support/twins/memory-cursor-store.js';

test('members of shards that come while others are asked for are known, too', async () => {
  const cursors = new MemoryCursorStore();
  cursors.groups.set(1, 5);
  for (const [id, shard] of [
    ['a', 1],
    ['b', 2],
  ] as const) {
    cursors.make(id, shard);
    cursors.segments.set(id, [{ groupId: 1, afterN: 0, firstNumber: 1 }]);
  }
  const audience = new GroupAudience(cursors, { follow: () => true } as unknown as EventWindow);
  let shards = [1];
  const learnt = audience.learn(new Set([1]), () => shards);
  shards = [1, 2];
  audience.forget();
  await learnt;
  expect([...audience.of(1)].sort()).toEqual(['a', 'b']);
});
