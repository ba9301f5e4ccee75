import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { membersOf } from '../../../src/fhir/json-members.js';
import { sameContent, stampResource } from '../../../src/fhir/stamp-resource.js';

const stamp = { id: 'p1', versionId: '3', lastUpdated: '2026-11-23T12:00:00.000Z' };
const META = '"versionId":"3","lastUpdated":"2026-11-23T12:00:00.000Z"';

test.each([
  ['{"resourceType":"Patient"}', `{"resourceType":"Patient","id":"p1","meta":{${META}}}`],
  [
    '{"active":true,"resourceType":"Patient","name":[{"family":"A"}]}',
    `{"resourceType":"Patient","id":"p1","meta":{${META}},"active":true,"name":[{"family":"A"}]}`,
  ],
  [
    '{"resourceType":"Observation","meta":{"profile":["http://x/y"],"versionId":"9","tag":[{"code":"t"}],"lastUpdated":"2000-01-01T00:00:00Z","source":"#a"},"id":"other","valueQuantity":{"value":1.00},"_id":{"extension":[]}}',
    `{"resourceType":"Observation","id":"p1","meta":{${META},"profile":["http://x/y"],"tag":[{"code":"t"}],"source":"#a"},"valueQuantity":{"value":1.00},"_id":{"extension":[]}}`,
  ],
  ['{"resourceType":"Patient","meta":{}}', `{"resourceType":"Patient","id":"p1","meta":{${META}}}`],
  [
    '{"\\u0069d":"x","resourceType":"Patient","me\\u0074a":{"tag":[]}}',
    `{"resourceType":"Patient","id":"p1","meta":{${META},"tag":[]}}`,
  ],
  [
    '{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"in","meta":{"versionId":"8"}}}]}',
    `{"resourceType":"Bundle","id":"p1","meta":{${META}},"type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"in","meta":{"versionId":"8"}}}]}`,
  ],
  [
    '{"resourceType":"Basic","extension":[{"url":"u","valueString":"a \\"id\\":\\"x\\", \\\\"}],"language":"en"}',
    `{"resourceType":"Basic","id":"p1","meta":{${META}},"extension":[{"url":"u","valueString":"a \\"id\\":\\"x\\", \\\\"}],"language":"en"}`,
  ],
])('puts resourceType, id and meta in front of %s and leaves the rest', (text, stamped) => {
  expect(stampResource(text, stamp)).toBe(stamped);
  expect(stampResource(text, stamp, JSON.parse(text) as Record<string, unknown>)).toBe(stamped);
});

test('knowing the value beside the text changes nothing, in whatever order the members come', () => {
  const members = fc.uniqueArray(
    fc.tuple(
      fc.constantFrom('resourceType', 'id', 'meta', 'status', '_id', 'text', 'metaphor', 'entry'),
      fc.oneof(fc.constantFrom('"x"', '{}', '{"id":"y","meta":{}}', '[{"meta":1.00}]', '{"versionId":"1","tag":[]}'), fc.json()),
    ),
    { selector: ([name]) => name },
  );
  fc.assert(
    fc.property(members, (list) => {
      const text = `{${list.map(([name, value]) => `"${name}":${value}`).join(',')}}`;
      expect(stampResource(text, stamp, JSON.parse(text) as Record<string, unknown>)).toBe(stampResource(text, stamp));
    }),
  );
});

test('stamping again replaces the stamp', () => {
  const once = stampResource('{"resourceType":"Patient","meta":{"source":"x"},"active":false}', { ...stamp, versionId: '1' });
  expect(stampResource(once, stamp)).toBe(`{"resourceType":"Patient","id":"p1","meta":{${META},"source":"x"},"active":false}`);
});

test('finds the members of any object', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string({ unit: 'grapheme' }).filter((name) => !/^[0-9]+$|^__proto__$/.test(name)),
        fc.jsonValue(),
      ),
      (value) => {
        const text = JSON.stringify(value);
        const spans = membersOf(text);
        expect(spans.map(({ name }) => name)).toEqual(Object.keys(value));
        expect(spans.map(({ valueStart, end }) => text.slice(valueStart, end))).toEqual(
          Object.values(value).map((member) => JSON.stringify(member)),
        );
        expect(`{${spans.map(({ start, end }) => text.slice(start, end)).join(',')}}`).toBe(text);
      },
    ),
  );
});

const stored = stampResource(
  '{"resourceType":"Observation","status":"final","meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.00}}',
  stamp,
);

test.each([
  [
    'as it was sent',
    '{"resourceType":"Observation","status":"final","meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.00}}',
  ],
  ['as it was read', stored],
  [
    'in another order',
    '{"meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.00},"status":"final","id":"p1","resourceType":"Observation"}',
  ],
  ['with another version', stampResource(stored, { id: 'x', versionId: '77', lastUpdated: '2030-01-01T00:00:00Z' })],
  [
    'with escapes',
    '{"resourceType":"Observation","st\\u0061tus":"fin\\u0061l","meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.00}}',
  ],
])('the same content %s is the same', (_, incoming) => {
  expect(sameContent(stored, incoming)).toBe(true);
});

test.each([
  [
    'a digit more',
    '{"resourceType":"Observation","status":"final","meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.000}}',
  ],
  ['a digit less', '{"resourceType":"Observation","status":"final","meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.0}}'],
  [
    'another status',
    '{"resourceType":"Observation","status":"amended","meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.00}}',
  ],
  ['no tag', '{"resourceType":"Observation","status":"final","valueQuantity":{"value":1.00}}'],
  [
    'an element more',
    '{"resourceType":"Observation","status":"final","meta":{"tag":[{"code":"t"}]},"valueQuantity":{"value":1.00},"language":"en"}',
  ],
])('content with %s is another', (_, incoming) => {
  expect(sameContent(stored, incoming)).toBe(false);
});
