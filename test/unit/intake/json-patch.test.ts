import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseExact, stringifyExact } from '../../../src/fhir/exact-json.js';
import type { FhirError } from '../../../src/fhir/fhir-error.js';
import { equalByValue } from '../../../src/intake/patch/json-equal.js';
import { applyJsonPatch, readJsonPatch } from '../../../src/intake/patch/json-patch.js';

function patched(document: string, patch: string): string {
  return stringifyExact(applyJsonPatch(parseExact(document), readJsonPatch(patch)));
}

function refusal(work: () => unknown): { status: number; expression: string | undefined } {
  try {
    work();
  } catch (error) {
    const { status, issues } = error as FhirError;
    return { status, expression: issues[0]?.expression };
  }
  throw new Error('Nothing was refused');
}

describe('RFC 6902', () => {
  test.each([
    ['add a member', '{"a":1}', '[{"op":"add","path":"/b","value":2}]', '{"a":1,"b":2}'],
    ['add in the place of a member', '{"a":1}', '[{"op":"add","path":"/a","value":[1]}]', '{"a":[1]}'],
    ['add an item', '{"a":[1,3]}', '[{"op":"add","path":"/a/1","value":2}]', '{"a":[1,2,3]}'],
    [
      'add behind the last item',
      '{"a":[1]}',
      '[{"op":"add","path":"/a/-","value":2},{"op":"add","path":"/a/2","value":3}]',
      '{"a":[1,2,3]}',
    ],
    ['add null', '{"a":1}', '[{"op":"add","path":"/b","value":null}]', '{"a":1,"b":null}'],
    [
      'remove a member and an item',
      '{"a":[1,2],"b":1}',
      '[{"op":"remove","path":"/a/0"},{"op":"remove","path":"/b"}]',
      '{"a":[2]}',
    ],
    ['replace', '{"a":[1,{"b":2}]}', '[{"op":"replace","path":"/a/1/b","value":"x"}]', '{"a":[1,{"b":"x"}]}'],
    ['replace the whole', '{"a":1}', '[{"op":"replace","path":"","value":{"b":2}}]', '{"b":2}'],
    ['move a member', '{"a":{"b":1},"c":{}}', '[{"op":"move","from":"/a/b","path":"/c/d"}]', '{"a":{},"c":{"d":1}}'],
    ['move an item', '{"a":[1,2,3,4]}', '[{"op":"move","from":"/a/1","path":"/a/3"}]', '{"a":[1,3,4,2]}'],
    ['move to where it is', '{"a":1}', '[{"op":"move","from":"/a","path":"/a"}]', '{"a":1}'],
    [
      'copy, apart from what is copied',
      '{"a":{"b":1}}',
      '[{"op":"copy","from":"/a","path":"/c"},{"op":"add","path":"/c/b","value":2}]',
      '{"a":{"b":1},"c":{"b":2}}',
    ],
    [
      'names with ~ and /',
      '{"m~n":1,"a/b":2,"":3}',
      '[{"op":"remove","path":"/m~0n"},{"op":"remove","path":"/a~1b"},{"op":"replace","path":"/","value":4}]',
      '{"":4}',
    ],
    ['~01 is ~1', '{"~1":1}', '[{"op":"test","path":"/~01","value":1}]', '{"~1":1}'],
    [
      'test of objects in any order',
      '{"a":{"x":1,"y":[1,2]}}',
      '[{"op":"test","path":"/a","value":{"y":[1,2],"x":1}}]',
      '{"a":{"x":1,"y":[1,2]}}',
    ],
    ['members that mean nothing here', '{"a":1}', '[{"op":"test","path":"/a","value":1,"xyz":123}]', '{"a":1}'],
    ['no operations', '{"a":1}', '[]', '{"a":1}'],
  ])('%s', (_what, document, patch, result) => expect(patched(document, patch)).toBe(result));

  test.each([
    ['a member that is not there', '{"a":1}', '[{"op":"remove","path":"/b"}]'],
    ['a replacement of nothing', '{"a":1}', '[{"op":"replace","path":"/b","value":1}]'],
    ['an owner that is not there', '{"a":1}', '[{"op":"add","path":"/b/c","value":1}]'],
    ['an owner that is a number', '{"a":1.00}', '[{"op":"add","path":"/a/rawJSON","value":1}]'],
    ['an item beyond the end', '{"a":[1]}', '[{"op":"add","path":"/a/2","value":1}]'],
    ['an index with a leading zero', '{"a":[1,2]}', '[{"op":"remove","path":"/a/01"}]'],
    ['- where something has to be', '{"a":[1]}', '[{"op":"remove","path":"/a/-"}]'],
    ['another value', '{"a":"1"}', '[{"op":"test","path":"/a","value":1}]'],
    ['another order of items', '{"a":[1,2]}', '[{"op":"test","path":"/a","value":[2,1]}]'],
    ['what objects inherit', '{"a":1}', '[{"op":"test","path":"/toString","value":1}]'],
    ['a move into itself', '{"a":{"b":1}}', '[{"op":"move","from":"/a","path":"/a/c"}]'],
    ['nothing left', '{"a":1}', '[{"op":"remove","path":""}]'],
  ])('does not fit: %s', (_what, document, patch) =>
    expect(refusal(() => patched(document, patch))).toEqual({ status: 422, expression: 'patch[0]' }),
  );

  test.each([
    ['an object', '{}', 'Resource'],
    ['no op', '[{"path":"/a"}]', 'patch[0].op'],
    ['an unknown op', '[{"op":"merge","path":"/a"}]', 'patch[0].op'],
    ['no path', '[{"op":"remove"}]', 'patch[0].path'],
    ['a path that is none', '[{"op":"remove","path":"a"}]', 'patch[0].path'],
    ['a wrong escape', '[{"op":"remove","path":"/a~2"}]', 'patch[0].path'],
    ['__proto__', '[{"op":"add","path":"/__proto__/x","value":1}]', 'patch[0].path'],
    ['no value', '[{"op":"add","path":"/a"}]', 'patch[0].value'],
    ['no from', '[{"op":"test","path":"/a","value":1},{"op":"move","path":"/a"}]', 'patch[1].from'],
    ['no object', '[1]', 'patch[0]'],
  ])('is no JSON Patch: %s', (_what, patch, expression) =>
    expect(refusal(() => readJsonPatch(patch))).toEqual({ status: 400, expression }),
  );
});

test('a list goes with its last item, unless it is filled again', () => {
  const patched = (...patch: object[]) => {
    const document = { contact: [{ telecom: [{ value: '1' }], name: {} }], given: ['a'] };
    return applyJsonPatch(document, readJsonPatch(JSON.stringify(patch)));
  };
  expect(patched({ op: 'remove', path: '/contact/0/telecom/0' })).toEqual({ contact: [{ name: {} }], given: ['a'] });
  expect(patched({ op: 'move', from: '/given/0', path: '/family' })).toEqual({ contact: expect.any(Array), family: 'a' });
  expect(patched({ op: 'remove', path: '/given/0' }, { op: 'add', path: '/given/-', value: 'b' })).toMatchObject({
    given: ['b'],
  });
  expect(patched({ op: 'remove', path: '/given/0' }, { op: 'replace', path: '/given', value: [] })).toMatchObject({ given: [] });
});

test('numbers keep their digits, moved, copied or untouched, and are tested by their value', () => {
  const document = '{"a":1.00,"b":[12345678901234567890,1e3]}';
  expect(
    patched(
      document,
      '[{"op":"copy","from":"/a","path":"/c"},{"op":"move","from":"/b/1","path":"/d"},{"op":"add","path":"/e","value":0.10}]',
    ),
  ).toBe('{"a":1.00,"b":[12345678901234567890],"c":1.00,"d":1e3,"e":0.10}');
  expect(
    patched(document, '[{"op":"test","path":"/a","value":1},{"op":"test","path":"/b","value":[12345678901234567890.0,1000]}]'),
  ).toBe(document);
  expect(refusal(() => patched(document, '[{"op":"test","path":"/b/0","value":12345678901234567891}]')).status).toBe(422);
});

test('a patch that copies the resource into itself again and again is stopped, by its depth or its size', () => {
  const again = (from: string, path: string) => JSON.stringify({ op: 'copy', from, path });
  const deep = `[${Array.from({ length: 70 }, () => again('', '/a')).join()}]`;
  expect(refusal(() => patched('{"a":{"b":1}}', deep)).status).toBe(422);
  const wide = `[${Array.from({ length: 40 }, (_, n) => again('/list', `/x${String(n)}`)).join()}]`;
  expect(refusal(() => patched(JSON.stringify({ list: 'x'.repeat(4_000_000) }), wide)).status).toBe(422);
});

test('numbers are equal when their values are, whatever their digits', () => {
  const number = fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -5, max: 5 }));
  fc.assert(
    fc.property(number, number, fc.nat(4), ([a, p], [b, q], zeros) => {
      const text = (digits: number, power: number) => `${digits}${zeros > 0 ? `.${'0'.repeat(zeros)}` : ''}e${power}`;
      const same = BigInt(a) * 10n ** BigInt(p + 5) === BigInt(b) * 10n ** BigInt(q + 5);
      expect(equalByValue(parseExact(text(a, p)), parseExact(`${b}e${q}`))).toBe(same);
    }),
  );
});

test('what a patch does, its opposite undoes', () => {
  const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !/__proto__|e[+-]?\d{3}/.test(JSON.stringify(value)));
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), json, { minKeys: 1 }), json, (document, value) => {
      const before = JSON.stringify(document);
      const there = JSON.stringify([
        { op: 'add', path: '/NEW', value },
        { op: 'test', path: '/NEW', value },
        { op: 'move', from: '/NEW', path: '/OTHER' },
        { op: 'remove', path: '/OTHER' },
      ]);
      expect(JSON.parse(patched(before, there))).toEqual(JSON.parse(before));
    }),
  );
});
