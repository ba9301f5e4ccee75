import { describe, expect, test } from '@jest/globals';
import { compositeQuantityParam } from '../../../src/search/composite-keys.js';
import { equalityKey, parameterId, presenceKey, unitKey } from '../../../src/search/equality-key.js';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import { officialExamples } from './official-examples.js';

const definitions = SearchDefinitions.load();
const semantics = new SearchSemantics(definitions, []);
const identity = { id: 'o1', lastUpdated: new Date(0) };

const observation = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8302-2' }], text: 'Height' },
  subject: { reference: 'Patient/7' },
  effectiveDateTime: '2020-05',
  valueQuantity: { value: 180, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
};

describe('the index rows of a resource', () => {
  const values = semantics.extract('Observation', observation, identity);
  const rows = semantics.indexRows(values);

  test('hold a key for every way to ask for a token or a reference, and one for each parameter present', () => {
    const key = (...parts: [code: string, form: never, ...texts: string[]]) => equalityKey('Observation', ...parts);
    for (const expected of [
      key('code', 'system-code' as never, 'http://loinc.org', '8302-2'),
      key('code', 'code' as never, '8302-2'),
      key('code', 'system' as never, 'http://loinc.org'),
      key('subject', 'local' as never, 'Patient', '7'),
      key('patient', 'local' as never, 'Patient', '7'),
      presenceKey('Observation', 'date'),
      presenceKey('Observation', 'value-quantity'),
    ])
      expect(rows.keys).toContain(expected);
    expect(rows.keys).not.toContain(presenceKey('Observation', 'encounter'));
    for (const inColumn of [key('_id', 'code' as never, 'o1'), presenceKey('Observation', '_id')])
      expect(rows.keys).not.toContain(inColumn);
    expect(new Set(rows.keys).size).toBe(rows.keys.length);
  });

  test('hold ranges in narrow rows, units beside quantities, and leave lastUpdated to its column', () => {
    expect(rows.dates).toEqual([{ param: parameterId('Observation', 'date'), low: Date.UTC(2020, 4), high: Date.UTC(2020, 5) }]);
    expect(rows.quantities).toContainEqual({
      param: parameterId('Observation', 'value-quantity'),
      low: 180,
      high: 180,
      unitKeys: [unitKey(undefined, 'cm'), unitKey('http://unitsofmeasure.org', 'cm')],
    });
  });

  test('keep the code of a composite beside its quantity', () => {
    const param = compositeQuantityParam({ base: 'Observation', code: 'code-value-quantity' }, 1);
    const found = rows.quantities.filter((row) => row.param === param);
    expect(found).toHaveLength(1);
    expect(found[0]?.unitKeys).toHaveLength(9); // (code, system|code, system|) × (any unit, cm, ucum|cm)
  });

  test('are the same as the keys that matching works out, whole or in part', () => {
    const inColumns = equalityKeysOf(values, ['_id', '_lastUpdated']);
    expect(equalityKeysOf(values)).toEqual(new Set(rows.keys).union(inColumns));
    const some = equalityKeysOf(values, ['code', 'encounter', 'nonsense']);
    expect([...some].every((key) => rows.keys.includes(key))).toBe(true);
    expect(some.size).toBe(4);
  });
});

test('a resource with very many keys has each once', () => {
  const codes = Array.from({ length: 300 }, (_, n) => ({ system: 'http://codes', code: `c${n % 200}` }));
  const { keys } = semantics.indexRows(semantics.extract('Observation', { ...observation, code: { coding: codes } }, identity));
  expect(new Set(keys).size).toBe(keys.length);
  for (const { code } of codes) expect(keys).toContain(equalityKey('Observation', 'code', 'system-code', 'http://codes', code));
});

test('rows of every official example are fit for the tables', () => {
  const wrong: string[] = [];
  for (const { file, resource } of officialExamples(definitions)) {
    const rows = semantics.indexRows(semantics.extract(resource.resourceType, resource, identity));
    const ranges = [...rows.dates, ...rows.numbers, ...rows.quantities];
    if (!rows.keys.every((key) => Number.isSafeInteger(key) && key >= 0)) wrong.push(`${file}: a key`);
    if (!ranges.every(({ low, high }) => low <= high)) wrong.push(`${file}: a range`);
    if (![...ranges, ...rows.strings].every(({ param }) => param === (param | 0))) wrong.push(`${file}: a param`);
  }
  expect(wrong).toEqual([]);
});

test('no two parameters of all types share a number', () => {
  const ids = definitions
    .resourceTypes()
    .flatMap((type) => definitions.parametersOf(type).map(({ code }) => parameterId(type, code)));
  expect(new Set(ids).size).toBe(ids.length);
});
