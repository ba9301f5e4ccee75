import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newResourceId, ResourceIds } from '../../../src/fhir/resource-id.js';

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('a new id is a UUID of version 7 that begins with the time', () => {
  const id = new ResourceIds(() => Date.UTC(2026, 10, 23)).next();
  expect(id).toMatch(UUID_7);
  expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 10, 23));
});

test('ids of one process grow, however its clock runs', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 50 }), (clock) => {
      let reading = 0;
      const ids = new ResourceIds(() => 1_700_000_000_000 + clock[reading++]!);
      const made = clock.map(() => ids.next());
      expect(made).toEqual(made.toSorted());
      expect(new Set(made).size).toBe(made.length);
      for (const id of made) expect(id).toMatch(UUID_7);
    }),
  );
});

test('more ids than a millisecond can count go on in the next one', () => {
  const ids = new ResourceIds(
    () => 1_700_000_000_000,
    () => '00000000-0000-4000-8000-000000000000',
  );
  const made = Array.from({ length: 10_000 }, () => ids.next());
  expect(made).toEqual([...new Set(made)].sort());
});

test('what is random in them differs from id to id', () => {
  const tails = Array.from({ length: 1_000 }, () => newResourceId().slice(19));
  expect(new Set(tails).size).toBe(1_000);
});
