import { expect, test } from '@jest/globals';
import { PRIMITIVE_TESTS } from '../../../src/fhir/primitive-types.js';

const TABLE: Record<string, { right: unknown[]; wrong: unknown[] }> = {
  boolean: { right: [true, false], wrong: ['true', 0, {}] },
  integer: { right: [0, -2147483648, 2147483647], wrong: [1.5, 2147483648, '1', Infinity] },
  unsignedInt: { right: [0, 1], wrong: [-1, 0.5, '0'] },
  positiveInt: { right: [1, 2147483647], wrong: [0, -1, '1'] },
  decimal: { right: [0, -1.5, 1e-245], wrong: ['1.0', true] },
  string: { right: ['x', ' ', 'a\u00a0b', 'line\nend', '\u00a0'], wrong: ['', 1, true] },
  markdown: { right: ['# a\n\n* b'], wrong: ['', 1] },
  code: { right: ['final', 'a b', 'a\u00a0b'], wrong: ['', ' a', 'a ', 'a  b', 'a\n\nb', 7] },
  id: { right: ['a', 'A-1.b', 'x'.repeat(64)], wrong: ['', 'x'.repeat(65), 'a_b', 'a/b', 'a b', 'ä', 'a\n', 1] },
  uri: { right: ['urn:x', 'http://a/b?c#d', 'x'], wrong: ['', 'a b', 'a\tb', 5] },
  url: { right: ['http://a/b'], wrong: ['http://a /b'] },
  canonical: { right: ['http://a/b|1.0#c'], wrong: [' http://a'] },
  oid: { right: ['urn:oid:1.2.3', 'urn:oid:2.0'], wrong: ['1.2.3', 'urn:oid:3.1', 'urn:oid:1.02', 'urn:oid:1'] },
  uuid: {
    right: ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520'],
    wrong: ['c757873d-ec9a-4326-a141-556f43239520', 'urn:uuid:C757873D-EC9A-4326-A141-556F43239520', 'urn:uuid:1'],
  },
  date: {
    right: ['2023', '2023-02', '2023-02-28', '2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31'],
    wrong: [
      '2023-02-30',
      '2023-02-29',
      '1900-02-29',
      '2023-04-31',
      '2023-13',
      '2023-00',
      '2023-01-00',
      '0000',
      '23',
      '2023-1-1',
      '2023-02-28T10:00:00Z',
      '2023-02-28\n',
      '',
    ],
  },
  dateTime: {
    right: [
      '2023',
      '2023-02',
      '2023-02-28',
      '2023-02-28T23:59:60Z',
      '2023-02-28T10:00:00.123456+14:00',
      '2023-02-28T10:00:00-00:00',
    ],
    wrong: [
      '2023-02-30T10:00:00Z',
      '2023-02-28T10:00:00',
      '2023-02-28T10:00Z',
      '2023-02-28T24:00:00Z',
      '2023-02-28T10:00:00+14:30',
      '2023-02-28T10:00:00+15:00',
      '2023-02-28 10:00:00Z',
      '2023-02-28T',
      '2023-02T10:00:00Z',
    ],
  },
  instant: {
    right: ['2015-02-07T13:28:17.239+02:00', '2017-01-01T00:00:00Z'],
    wrong: ['2017-01-01T00:00:00', '2017-01-01', '2017-02-29T00:00:00Z', '2017', '2017-01-01T00:00Z', 1483228800000],
  },
  time: { right: ['00:00:00', '23:59:60', '10:00:00.5'], wrong: ['24:00:00', '10:00', '10:00:00Z', '1:00:00'] },
  base64Binary: {
    right: ['AAAA', 'AA==', 'AAA=', 'AA AA\r\nAAAA', '+/+/'],
    wrong: ['', 'A', 'AAA', 'A===', 'AA=A', '====', 'AA-_', 'AAAAé', ' '],
  },
  xhtml: {
    right: ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>', '<div/>', ' <div>x</div>'],
    wrong: ['', 'x', '<p>x</p>', '<divx>', 1],
  },
};

test('every primitive type of the table is one we test, and the other way round', () => {
  expect(Object.keys(TABLE).sort()).toEqual(Object.keys(PRIMITIVE_TESTS).sort());
});

test.each(Object.entries(TABLE).flatMap(([type, { right }]) => right.map((value) => [type, value] as const)))(
  '%s: takes %j',
  (type, value) => {
    expect(PRIMITIVE_TESTS[type]!(value)).toBeUndefined();
  },
);

test.each(Object.entries(TABLE).flatMap(([type, { wrong }]) => wrong.map((value) => [type, value] as const)))(
  '%s: refuses %j',
  (type, value) => {
    expect(PRIMITIVE_TESTS[type]!(value)).toMatch(/^(must|has|is) /);
  },
);

test('no text makes a test go back and forth for ever', () => {
  const hostile = [
    'a '.repeat(500_000),
    `${' '.repeat(1_000_000)}x`,
    'A'.repeat(1_000_001),
    `urn:oid:1${'.1'.repeat(500_000)}.`,
    `2023-01-01T10:00:00.${'1'.repeat(1_000_000)}`,
  ];
  for (const type of Object.keys(PRIMITIVE_TESTS)) for (const text of hostile) PRIMITIVE_TESTS[type]!(text);
});
