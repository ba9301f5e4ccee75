import { expect, test } from '@jest/globals';
import { TopicCatalog } from '../../../src/topics/topic-catalog.js';
import type { TopicDefinition, TopicStatus } from '../../../src/topics/topic-definition.js';

const topic = (id: string, version: string | undefined, status: TopicStatus = 'active', url = 'http://x/t') => ({
  definition: {
    id,
    url,
    version,
    status,
    derivedFrom: [],
    triggers: [],
    eventTriggers: [],
    filters: [],
    shapes: [],
  } as TopicDefinition,
});
const idOf = (found: { definition: TopicDefinition } | undefined) => found?.definition.id;

test('a bare url means the newest active version, numbers compared as numbers', () => {
  const catalog = new TopicCatalog([topic('a', '1.9.0'), topic('b', '1.10.0'), topic('c', '2.0.0', 'draft')]);
  expect(idOf(catalog.active('http://x/t'))).toBe('b');
  expect(idOf(catalog.active('http://x/t|1.9.0'))).toBe('a');
  expect(catalog.active('http://x/t|2.0.0')).toBeUndefined();
  expect(idOf(catalog.named('http://x/t|2.0.0')[0])).toBe('c');
});

test('a topic takes the place of its own earlier version, also under another url', () => {
  const catalog = new TopicCatalog([topic('a', '1')]);
  catalog.put(topic('a', '1', 'active', 'http://x/other'));
  expect(catalog.active('http://x/t')).toBeUndefined();
  expect(idOf(catalog.active('http://x/other'))).toBe('a');
  expect(idOf(catalog.remove('a'))).toBe('a');
  expect(catalog.active('http://x/other')).toBeUndefined();
});
