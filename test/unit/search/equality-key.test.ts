import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { equalityKey, keyAfter, keyPrefix, parameterId, presenceKey, unitKey } from '../../../src/search/equality-key.js';

describe('an equality key', () => {
  /** Keys are stored: a change here needs a reindex of every database there is. */
  test('never changes', () => {
    expect([
      equalityKey('Observation', 'code', 'system-code', 'http://loinc.org', '85354-9'),
      equalityKey('Encounter', 'subject', 'local', 'Patient', '123'),
      presenceKey('Patient', 'birthdate'),
      parameterId('Observation', 'date'),
      unitKey(undefined, 'mg'),
      unitKey('http://unitsofmeasure.org', 'mg'),
    ]).toEqual([1779605881304637, 4125676215796492, 645866073500062, -2116212827, 1405324722610509, 4221618403251716]);
  });

  test('is a safe integer that both a bigint column and a number hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (first, second) => {
        const key = equalityKey('Observation', 'code', 'system-code', first, second);
        expect(Number.isSafeInteger(key) && key >= 0).toBe(true);
        expect(keyAfter(keyPrefix('Observation', 'code', 'system-code'), first, second)).toBe(key);
        const id = parameterId('Observation', first);
        expect(id).toBe(id | 0);
      }),
    );
  });

  test('keeps parts, parameters, types and forms apart', () => {
    const keys = [
      equalityKey('Observation', 'code', 'system-code', 'ab', 'c'),
      equalityKey('Observation', 'code', 'system-code', 'a', 'bc'),
      equalityKey('Observation', 'code', 'code', 'abc'),
      equalityKey('Observation', 'code', 'no-system', 'abc'),
      equalityKey('Observation', 'category', 'code', 'abc'),
      equalityKey('Condition', 'code', 'code', 'abc'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('does not collide on the kind of values that differ little', () => {
    const keys = new Set<number>();
    for (let i = 0; i < 300_000; i++) keys.add(equalityKey('Observation', 'subject', 'local', 'Patient', String(i)));
    expect(keys.size).toBe(300_000);
  });
});
