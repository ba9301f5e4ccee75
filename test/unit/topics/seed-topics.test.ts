import { expect, test } from '@jest/globals';
import { SeedStore, type SeedTopic, seedTopics } from '../../../src/topics/seed-topics.js';

class MemorySeeds extends SeedStore {
  readonly topics = new Map<string, { version: number; text: string | null }>();
  newest(id: string) {
    return Promise.resolve(this.topics.get(id));
  }
  write({ id, value }: SeedTopic, version: number | undefined) {
    this.topics.set(id, { version: (version ?? 0) + 1, text: JSON.stringify(value) });
    return Promise.resolve();
  }
}

const seed = (title: string): SeedTopic => ({
  id: 't',
  value: { resourceType: 'SubscriptionTopic', id: 't', url: 'http://x/t', title },
});

test('a seed is written once, and again only when it has changed', async () => {
  const store = new MemorySeeds();
  expect(await seedTopics([seed('one')], store)).toEqual(['t']);
  expect(await seedTopics([seed('one')], store)).toEqual([]);
  expect(await seedTopics([seed('two')], store)).toEqual(['t']);
  expect(store.topics.get('t')).toMatchObject({ version: 2 });
});

test('what the store puts into meta is no change', async () => {
  const store = new MemorySeeds();
  await seedTopics([seed('one')], store);
  const value = JSON.parse(store.topics.get('t')!.text!) as { meta: object };
  store.topics.set('t', {
    version: 1,
    text: JSON.stringify({ ...value, meta: { ...value.meta, versionId: '1', lastUpdated: 'x' } }),
  });
  expect(await seedTopics([seed('two')], store)).toEqual(['t']);
});

test('a topic that an operator changed, made, or deleted is left alone', async () => {
  const store = new MemorySeeds();
  await seedTopics([seed('one')], store);
  const value = JSON.parse(store.topics.get('t')!.text!) as object;
  for (const text of [JSON.stringify({ ...value, title: 'theirs' }), '{"resourceType":"SubscriptionTopic","id":"t"}', null]) {
    store.topics.set('t', { version: 5, text });
    expect(await seedTopics([seed('two')], store)).toEqual([]);
    expect(store.topics.get('t')).toEqual({ version: 5, text });
  }
});
