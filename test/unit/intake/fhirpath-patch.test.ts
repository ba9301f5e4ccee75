import { describe, expect, test } from '@jest/globals';
import { parseExact, stringifyExact } from '../../../src/fhir/exact-json.js';
import type { FhirError } from '../../../src/fhir/fhir-error.js';
import type { JsonObject } from '../../../src/fhir/json-object.js';
import { validateResource } from '../../../src/fhir/validate-resource.js';
import { applyFhirPathPatch, readFhirPathPatch } from '../../../src/intake/patch/fhirpath-patch.js';

type Part = Record<string, unknown>;
const operation = (type: string, path: string, more: Part[] = []): Part => ({
  name: 'operation',
  part: [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...more],
});
const named = (name: string) => ({ name: 'name', valueString: name });
const at = (name: string, valueInteger: number) => ({ name, valueInteger });

function patched(resource: string, ...operations: Part[]): string {
  const exact = parseExact(resource) as JsonObject;
  const parameters = { resourceType: 'Parameters', parameter: operations };
  expect(validateResource(parameters)).toEqual([]);
  applyFhirPathPatch(exact, readFhirPathPatch(JSON.stringify(parameters)));
  return stringifyExact(exact);
}

function refusal(resource: string, ...operations: Part[]): [number, string | undefined] {
  try {
    patched(resource, ...operations);
  } catch (error) {
    const { status, issues } = error as FhirError;
    return [status, issues?.[0]?.expression];
  }
  throw new Error('Nothing was refused');
}

const P = '{"resourceType":"Patient"';

describe('adds', () => {
  test.each([
    ['an element', `${P}}`, 'Patient', 'birthDate', { valueDate: '1930-01-01' }, `${P},"birthDate":"1930-01-01"}`],
    [
      'a first and a further item',
      `${P},"name":[{"family":"A"}]}`,
      'Patient',
      'name',
      { valueHumanName: { family: 'B' } },
      `${P},"name":[{"family":"A"},{"family":"B"}]}`,
    ],
    [
      'inside an item',
      `${P},"name":[{"family":"A"}]}`,
      'Patient.name.first()',
      'given',
      { valueString: 'C' },
      `${P},"name":[{"family":"A","given":["C"]}]}`,
    ],
    [
      'a choice, by the type of the value',
      `${P}}`,
      'Patient',
      'deceased',
      { valueBoolean: false },
      `${P},"deceasedBoolean":false}`,
    ],
    [
      'an extension of a primitive that has none yet',
      `${P},"birthDate":"1930"}`,
      'Patient.birthDate',
      'extension',
      {
        part: [
          { name: 'url', valueUri: 'http://x' },
          { name: 'value', valueString: 'y' },
        ],
      },
      `${P},"birthDate":"1930","_birthDate":{"extension":[{"url":"http://x","valueString":"y"}]}}`,
    ],
    [
      'an item beside one that has only extensions',
      `${P},"name":[{"given":[null],"_given":[{"id":"a"}]}]}`,
      'Patient.name',
      'given',
      { valueString: 'B' },
      `${P},"name":[{"given":[null,"B"],"_given":[{"id":"a"},null]}]}`,
    ],
    [
      'a contained resource',
      `${P}}`,
      'Patient',
      'contained',
      { resource: { resourceType: 'Organization', id: 'o', name: 'O' } },
      `${P},"contained":[{"resourceType":"Organization","id":"o","name":"O"}]}`,
    ],
    [
      'a type without a name, in parts',
      `${P}}`,
      'Patient',
      'contact',
      {
        part: [
          { name: 'name', valueHumanName: { text: 'n' } },
          { name: 'telecom', valueContactPoint: { value: '1' } },
          { name: 'telecom', valueContactPoint: { value: '2' } },
        ],
      },
      `${P},"contact":[{"name":{"text":"n"},"telecom":[{"value":"1"},{"value":"2"}]}]}`,
    ],
  ])('%s', (_what, before, path, name, value, after) =>
    expect(patched(before, operation('add', path, [named(name), { name: 'value', ...value }]))).toBe(after),
  );

  test.each([
    ['what is there and does not repeat', `${P},"birthDate":"1930"}`, 'Patient', 'birthDate', { valueDate: '1931' }],
    ['a choice that is there in another type', `${P},"deceasedBoolean":true}`, 'Patient', 'deceased', { valueDateTime: '2020' }],
    ['an element that is unknown', `${P}}`, 'Patient', 'nonsense', { valueDate: '1931' }],
    ['a value of another type', `${P}}`, 'Patient', 'birthDate', { valuePeriod: { start: '2020' } }],
    ['a complex value of another type', `${P}}`, 'Patient', 'name', { valuePeriod: { start: '2020' } }],
    ['a choice that is none', `${P}}`, 'Patient', 'deceased', { valueString: 'yes' }],
    ['a resource that is none', `${P}}`, 'Patient', 'name', { resource: { resourceType: 'Basic', code: { text: 'x' } } }],
    ['to several at once', `${P},"name":[{"family":"A"},{"family":"B"}]}`, 'Patient.name', 'use', { valueCode: 'usual' }],
    ['to nothing', `${P}}`, 'Patient.name', 'use', { valueCode: 'usual' }],
    ['to what is no element', `${P},"id":"x"}`, 'Patient.id.length()', 'use', { valueCode: 'usual' }],
  ])('not %s', (_what, before, path, name, value) =>
    expect(refusal(before, operation('add', path, [named(name), { name: 'value', ...value }]))).toEqual([
      422,
      'Parameters.parameter[0]',
    ]),
  );
});

describe('inserts', () => {
  const list = `${P},"name":[{"family":"A"},{"family":"B"}]}`;
  const insert = (path: string, index: number) =>
    operation('insert', path, [at('index', index), { name: 'value', valueHumanName: { family: 'X' } }]);
  test.each([
    [0, 'X A B'],
    [1, 'A X B'],
    [2, 'A B X'],
  ])('at %i', (index, order) =>
    expect(
      patched(list, insert('Patient.name', index))
        .match(/(?<="family":")./g)
        ?.join(' '),
    ).toBe(order),
  );
  test('into a list that is not there yet', () =>
    expect(patched(`${P}}`, insert('Patient.name', 0))).toBe(`${P},"name":[{"family":"X"}]}`));
  test('not beyond the end, nor into a part of a list, nor into what is no list', () => {
    expect(refusal(list, insert('Patient.name', 3))[0]).toBe(422);
    expect(refusal(`${P}}`, insert('Patient.name', 1))[0]).toBe(422);
    expect(refusal(list, insert("Patient.name.where(family='A')", 0))[0]).toBe(422);
    expect(refusal(`${P},"maritalStatus":{"text":"x"}}`, insert('Patient.maritalStatus', 0))[0]).toBe(422);
  });
});

describe('deletes', () => {
  test.each([
    [
      'an element with what stands beside it',
      `${P},"birthDate":"1930","_birthDate":{"id":"b"},"active":true}`,
      'Patient.birthDate',
      `${P},"active":true}`,
    ],
    ['nothing, without complaint', `${P},"active":true}`, 'Patient.birthDate', `${P},"active":true}`],
    [
      'one of many, picked by its content',
      `${P},"identifier":[{"system":"a","value":"1"},{"system":"b","value":"2"}]}`,
      "Patient.identifier.where(system='b')",
      `${P},"identifier":[{"system":"a","value":"1"}]}`,
    ],
    ['the last of a list, and the list', `${P},"active":true,"name":[{"family":"A"}]}`, 'Patient.name[0]', `${P},"active":true}`],
    [
      'the last extension of a primitive',
      `${P},"birthDate":"1930","_birthDate":{"extension":[{"url":"http://x","valueString":"y"}]}}`,
      "Patient.birthDate.extension('http://x')",
      `${P},"birthDate":"1930"}`,
    ],
    ['a choice', `${P},"active":true,"deceasedDateTime":"2020"}`, 'Patient.deceased', `${P},"active":true}`],
    [
      'inside a contained resource',
      `${P},"contained":[{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50,"unit":"g"}}]}`,
      'Patient.contained[0].value.unit',
      `${P},"contained":[{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50}}]}`,
    ],
  ])('%s', (_what, before, path, after) => expect(patched(before, operation('delete', path))).toBe(after));
  test('not several at once, and not the resource', () => {
    expect(refusal(`${P},"name":[{"family":"A"},{"family":"B"}]}`, operation('delete', 'Patient.name'))[0]).toBe(422);
    expect(refusal(`${P}}`, operation('delete', 'Patient'))[0]).toBe(422);
  });
});

describe('replaces and moves', () => {
  test.each([
    [
      'a primitive',
      `${P},"gender":"male","active":true}`,
      'Patient.gender',
      { valueCode: 'female' },
      `${P},"gender":"female","active":true}`,
    ],
    [
      'one item',
      `${P},"name":[{"given":["a","b"]}]}`,
      'Patient.name.given[1]',
      { valueString: 'c' },
      `${P},"name":[{"given":["a","c"]}]}`,
    ],
    [
      'a choice by one of another type',
      `${P},"deceasedBoolean":true}`,
      'Patient.deceased',
      { valueDateTime: '2020' },
      `${P},"deceasedDateTime":"2020"}`,
    ],
    [
      'an object',
      `${P},"maritalStatus":{"text":"x"}}`,
      'Patient.maritalStatus',
      { valueCodeableConcept: { text: 'y' } },
      `${P},"maritalStatus":{"text":"y"}}`,
    ],
  ])('%s', (_what, before, path, value, after) =>
    expect(patched(before, operation('replace', path, [{ name: 'value', ...value }]))).toBe(after),
  );
  test('not what is not there', () =>
    expect(refusal(`${P}}`, operation('replace', 'Patient.gender', [{ name: 'value', valueCode: 'male' }]))[0]).toBe(422));
  test('within one list', () => {
    const list = `${P},"name":[{"family":"A"},{"family":"B"},{"family":"C"},{"family":"D"}]}`;
    const move = (source: number, destination: number) =>
      operation('move', 'Patient.name', [at('source', source), at('destination', destination)]);
    const order = (text: string) => text.match(/(?<="family":")./g)?.join('');
    expect(order(patched(list, move(3, 1)))).toBe('ADBC');
    expect(order(patched(list, move(0, 3)))).toBe('BCDA');
    expect(refusal(list, move(4, 0))[0]).toBe(422);
    expect(refusal(list, move(0, 4))[0]).toBe(422);
  });
  test('several in a row, each on what the one before left', () =>
    expect(
      patched(
        `${P},"name":[{"family":"A"}]}`,
        operation('add', 'Patient', [named('name'), { name: 'value', valueHumanName: { family: 'B' } }]),
        operation('delete', 'Patient.name[0]'),
        operation('replace', 'Patient.name.family', [{ name: 'value', valueString: 'C' }]),
      ),
    ).toBe(`${P},"name":[{"family":"C"}]}`));
});

test('numbers keep their digits', () => {
  const observation =
    '{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.00,"unit":"g"}}';
  const exact = parseExact(observation) as JsonObject;
  const parameters =
    '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Observation"},{"name":"name","valueString":"component"},{"name":"value","part":[{"name":"code","valueCodeableConcept":{"text":"d"}},{"name":"value","valueQuantity":{"value":2.50}}]}]}]}';
  applyFhirPathPatch(exact, readFhirPathPatch(parameters));
  expect(stringifyExact(exact)).toBe(
    `${observation.slice(0, -1)},"component":[{"code":{"text":"d"},"valueQuantity":{"value":2.50}}]}`,
  );
});

test.each([
  ['no operation', { name: 'change' }],
  ['no type', { name: 'operation', part: [{ name: 'path', valueString: 'Patient' }] }],
  ['an unknown type', operation('merge', 'Patient')],
  ['no value', operation('replace', 'Patient.gender')],
  ['a negative place', operation('move', 'Patient.name', [at('source', -1), at('destination', 0)])],
  ['a part given twice', operation('delete', 'Patient.name', [{ name: 'path', valueString: 'Patient' }])],
  ['no FHIRPath', operation('delete', 'Patient.name[')],
  ['a path that leaves the resource', operation('delete', 'Patient.managingOrganization.resolve().name')],
  ['a path that walks everything', operation('delete', 'Patient.descendants().where(descendants().exists())')],
  ['a pattern', operation('delete', "Patient.name.where(family.matches('(a+)+$'))")],
  ['a variable', operation('delete', 'Patient.name.where(%resource.name.exists())')],
  ['a path of many brackets', operation('delete', `${'('.repeat(40)}Patient${')'.repeat(40)}`)],
  ['a long path', operation('delete', `Patient${'.name'.repeat(200)}`)],
])('is refused as a patch: %s', (_what, parameter) => expect(refusal(`${P}}`, parameter)[0]).toBe(400));

test('many long paths are refused before any is taken apart, many equal ones are not', () => {
  const remove = (path: string) => operation('delete', path);
  const different = Array.from({ length: 20 }, (_, n) => remove(`Patient.name.where(family='${String(n).repeat(120)}')`));
  expect(refusal(`${P}}`, ...different)[0]).toBe(400);
  expect(patched(`${P}}`, ...Array.from({ length: 200 }, () => remove(`Patient.name.where(family='${'x'.repeat(200)}')`)))).toBe(
    `${P}}`,
  );
});
