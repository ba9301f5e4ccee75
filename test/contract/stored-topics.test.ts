import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ChangeStore } from '../../src/intake/change-store.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { PostgresStoredTopics } from '../../src/storage/stored-topics.js';
import type { StoredTopics } from '../../src/topics/stored-topics.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { SEMANTICS } from '../support/semantics.js';
import { MemoryChangeStore } from '../support/twins/memory-change-store.js';
import { MemoryStoredTopics } from '../support/twins/memory-stored-topics.js';

describe.each(['in memory', 'on PostgreSQL'])('the stored topics, %s', (name) => {
  let clone: OpenClone | undefined;
  let store: ChangeStore;
  let topics: StoredTopics;

  beforeAll(async () => {
    if (name === 'in memory') {
      const memory = new MemoryChangeStore();
      store = memory;
      topics = new MemoryStoredTopics(memory.log);
    } else {
      clone = await openClone();
      const rows: ConstructorParameters<typeof PostgresChangeStore>[1] = ({ type, id, value }, lastUpdated) =>
        SEMANTICS.indexRows(SEMANTICS.extract(type, value, { id, lastUpdated }));
      store = new PostgresChangeStore(clone.database, rows, new LocalWakeUps());
      topics = new PostgresStoredTopics(clone.database);
    }
    await put('SubscriptionTopic', 'a', 'one');
    await put('SubscriptionTopic', 'a', 'two');
    await put('SubscriptionTopic', 'b', 'one');
    await put('SubscriptionTopic', 'gone', 'one');
    await put('Basic', 'c', 'one');
    await store.write({ face: 'r4b', writes: [{ kind: 'delete', type: 'SubscriptionTopic', id: 'gone' }] });
  });
  afterAll(() => clone?.drop());

  async function put(type: string, id: string, title: string): Promise<void> {
    const value = { resourceType: type, id, title };
    const resource = { type, id, text: JSON.stringify(value), value };
    await store.write({ face: 'r4b', writes: [{ kind: 'put', method: 'PUT', resource }] });
  }

  const titles = (found: readonly { id: string; version: number; text: string }[]) =>
    found.map(({ id, version, text }) => `${id} ${version} ${(JSON.parse(text) as { title: string }).title}`).sort();

  test('are those that were not deleted, in the version they have now', async () => {
    const versions = await topics.versions();
    expect(versions.sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual([
      { id: 'a', version: 2 },
      { id: 'b', version: 1 },
    ]);
  });

  test('are read in the versions asked for, earlier ones too; what is no version with a text, and no topic, is left out', async () => {
    const asked = (id: string, version: number) => ({ id, version });
    const found = await topics.read([
      asked('a', 1),
      asked('b', 1),
      asked('b', 9),
      asked('gone', 2),
      asked('c', 1),
      asked('none', 1),
    ]);
    expect(titles(found)).toEqual(['a 1 one', 'b 1 one']);
    expect(titles(await topics.read([asked('a', 2)]))).toEqual(['a 2 two']);
    expect(await topics.read([])).toEqual([]);
  });

  test('tell the newest version of an id, deleted or not', async () => {
    const newest = await topics.newest('a');
    expect(newest?.version).toBe(2);
    expect(JSON.parse(newest!.text!)).toMatchObject({ title: 'two' });
    expect(await topics.newest('gone')).toEqual({ version: 2, text: null });
    expect(await topics.newest('none')).toBeUndefined();
    expect(await topics.newest('c')).toBeUndefined();
  });
});
