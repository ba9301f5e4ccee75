import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FhirError } from '../../../../src/fhir/fhir-error.js';
import type { CustomDefinition } from '../../../../src/search/custom/custom-definition.js';
import { readDefinition } from '../../../../src/search/custom/read-definition.js';
import { SEMANTICS } from '../../../support/semantics.js';
import { semanticsWith } from '../../../support/custom-parameters.js';

const official = SEMANTICS.definitions;

const base = {
  ...{ resourceType: 'SearchParameter', status: 'active', url: 'http://example.org/sp/x', code: 'xx', base: ['Patient'] },
  ...{ type: 'string', expression: 'Patient.name.given' },
};

function read(more: object): CustomDefinition {
  const result = readDefinition({ ...base, ...more }, official, SEMANTICS.bases);
  if (result.kind !== 'used') throw new Error(result.reason);
  return result.definition;
}

function refusal(more: object): { status: number; expression: string | undefined; text: string } {
  try {
    read(more);
  } catch (error) {
    if (error instanceof FhirError) return { status: error.status, expression: error.issues[0]?.expression, text: error.message };
    throw error;
  }
  throw new Error('was not refused');
}

/** What a parameter finds in a resource. */
function valuesIn(more: object, resource: Record<string, unknown>) {
  return semanticsWith(read(more)).extract(String(resource['resourceType']), resource).get('xx')?.values;
}

describe('a SearchParameter that is active', () => {
  test('is read for each of its bases, of a union only the members for that one', () => {
    const { rows } = read({
      base: ['Practitioner', 'Patient'],
      expression: 'Patient.name.given | Practitioner.name.family | Group.name',
    });
    expect(Object.entries(rows).map(([type, { expression }]) => [type, expression])).toEqual([
      ['Patient', 'Patient.name.given'],
      ['Practitioner', 'Practitioner.name.family'],
    ]);
  });

  test('of Resource or DomainResource is one of every type that is', () => {
    const everywhere = read({ base: ['Resource'], type: 'token', expression: 'Resource.meta.versionId' });
    expect(Object.keys(everywhere.rows)).toEqual([...official.resourceTypes()].sort());
    const withText = read({ base: ['DomainResource'], expression: "DomainResource.extension('http://x').value" });
    expect(withText.rows['Bundle']).toBeUndefined();
    expect(withText.rows['Observation']).toBeDefined();
    expect(refusal({ base: ['Resource'], expression: 'Resource.nose' }).expression).toBe('SearchParameter.expression');
  });

  const ann = {
    ...{ resourceType: 'Patient', name: [{ given: ['Ann', 'Bea'] }, { use: 'old', given: ['Cy'] }] },
    generalPractitioner: [{ reference: 'Organization/1' }, { reference: 'Practitioner/2' }],
    extension: [{ url: 'http://x', valueCode: 'blue' }],
  };
  test.each([
    [{ expression: "Patient.name.where(use = 'old').given" }, [{ exact: 'Cy', folded: 'cy' }]],
    [{ expression: 'name.given.first().lower()' }, [{ exact: 'ann', folded: 'ann' }]],
    [{ type: 'token', expression: "Patient.extension('http://x').value" }, [{ code: 'blue' }]],
    [{ type: 'token', expression: "extension('http://x')" }, [{ code: 'blue' }]],
    [
      { type: 'reference', target: ['Practitioner'], expression: 'Patient.generalPractitioner.where(resolve() is Practitioner)' },
      [{ type: 'Practitioner', id: '2' }],
    ],
    [{ expression: "name.given.where($this = 'Bea')" }, [{ exact: 'Bea', folded: 'bea' }]],
    [{ type: 'token', expression: '$this.extension.value' }, [{ code: 'blue' }]],
    [{ type: 'number', expression: 'Patient.name.count()' }, [{ low: 2, high: 2 }]],
    [
      { type: 'number', expression: 'Patient.name.count() | Patient.extension.count()' },
      [2, 1].map((n) => ({ low: n, high: n })),
    ],
    [{ type: 'number', expression: "Patient.name.where(use in ('old' | 'temp')).count()" }, [{ low: 1, high: 1 }]],
  ])('finds by %j what it says', (more, values) => {
    expect(valuesIn(more, ann)).toEqual(values);
  });

  test('may be a composite of official parameters', () => {
    const parts = {
      type: 'composite',
      base: ['Observation'],
      expression: 'Observation.component',
      component: [
        { definition: 'http://hl7.org/fhir/SearchParameter/Observation-component-code', expression: 'code' },
        {
          definition: 'http://hl7.org/fhir/SearchParameter/Observation-component-value-quantity',
          expression: 'value.as(Quantity)',
        },
      ],
    };
    const observation = {
      resourceType: 'Observation',
      component: [{ code: { coding: [{ code: 'a' }] }, valueQuantity: { value: 1 } }, { code: { coding: [{ code: 'b' }] } }],
    };
    expect(valuesIn(parts, observation)).toHaveLength(1);
  });

  test('has no value where its expression fails on a resource, and the resource is none the worse', () => {
    expect(valuesIn({ expression: 'Patient.name.given.single().lower()' }, ann)).toBeUndefined();
  });

  test('has no value with a NUL, which PostgreSQL could keep in no index', () => {
    const expression = "name.where(use = 'old').given.first() & '\\u0000'";
    expect(valuesIn({ expression }, ann)).toBeUndefined();
    expect(valuesIn({ expression, type: 'token' }, ann)).toBeUndefined();
  });

  const composite = { type: 'composite', expression: 'Patient.name' };
  const known = 'http://hl7.org/fhir/SearchParameter/individual-family';
  test.each<[string, object, string, RegExp]>([
    ['without a code', { code: undefined }, 'code', /needs a code/],
    ['with a code no query can name', { code: 'a.b' }, 'code', /"a.b" is none/],
    ["with a code of the standard's kind", { code: '_mine' }, 'code', /begins with a letter/],
    ['that would take the place of an official one', { code: 'birthdate' }, 'code', /Patient has a parameter "birthdate"/],
    ['without a url', { url: undefined }, 'url', /needs a url/],
    ['of type special', { type: 'special' }, 'type', /"special" cannot be defined/],
    ['that sounds like', { xpathUsage: 'phonetic' }, 'xpathUsage', /"phonetic" is not to be had/],
    ['without a base', { base: undefined }, 'base', /needs a base/],
    ['of no resource type', { base: ['Patient', 'Person2'] }, 'base[1]', /no resource type "Person2"/],
    ['that leads to no resource type', { type: 'reference', target: ['X'] }, 'target[0]', /no resource type "X"/],
    ['without an expression', { expression: undefined }, 'expression', /needs an expression/],
    ['whose expression is for others', { expression: 'Group.name' }, 'expression', /no member for Patient/],
    ['over an element there is not', { expression: 'Patient.name.nose' }, 'expression', /no element nose in HumanName/],
    ['of the resource as a whole', { expression: '$this' }, 'expression', /leads to Patient, of which .* string has no values/],
    ['over nodes without such values', { type: 'date' }, 'expression', /leads to string, of which .* date has no values/],
    ['that is no FHIRPath', { expression: 'Patient..name' }, 'expression', /is no FHIRPath/],
    ['with an unclosed text', { expression: "Patient.name.where(use='" }, 'expression', /is no FHIRPath/],
    ['with a function there is not', { expression: 'Patient.name.foo()' }, 'expression', /uses foo\(\)/],
    ['that looks at all there is', { expression: 'Patient.descendants()' }, 'expression', /uses descendants\(\)/],
    ['with a pattern', { expression: "Patient.name.where(family.matches('(a+)+$'))" }, 'expression', /uses matches\(\)/],
    ['that is another tomorrow', { expression: 'today()' }, 'expression', /uses today\(\)/],
    [
      'that begins anew for each node',
      { expression: 'Patient.name.where(%resource.active)' },
      'expression',
      /within a condition/,
    ],
    ['that multiplies', { expression: 'name.select(1|2).select(1|2).select(1|2)' }, 'expression', /more than 2 times/],
    ...['name.given.distinct()', 'name.exclude(name)', 'name.given.union(name.family)', 'name.intersect(name)'].map(
      (expression): [string, object, string, RegExp] => [
        'that compares each with each other',
        { expression },
        'expression',
        /uses (distinct|exclude|union|intersect)\(\)/,
      ],
    ),
    ['that joins before it ends', { expression: '(name.given | name.family).lower()' }, 'expression', /joins values by \|/],
    ['with another variable', { expression: '%ucum' }, 'expression', /%.* is not known here/],
    ['of very many paths', { expression: `Patient${'.extension.value'.repeat(20)}` }, 'expression', /too many paths/],
    ['of very many characters', { expression: `Patient.name${' '.repeat(6000)}` }, 'expression', /more than 5000/],
    ['long and beyond a path', { expression: `1${'+1'.repeat(300)}` }, 'expression', /more than 500/],
    ['of very many brackets', { expression: `${'('.repeat(900)}name${')'.repeat(900)}` }, 'expression', /more than 30 deep/],
    ['composite of nothing', composite, 'component', /two components or more/],
    [
      'composite of what is unknown',
      {
        ...composite,
        component: [
          { definition: 'http://x', expression: 'family' },
          { definition: known, expression: 'family' },
        ],
      },
      'component[0].definition',
      /"http:\/\/x" is no official/,
    ],
    [
      'composite of an element there is not',
      {
        ...composite,
        component: [
          { definition: known, expression: 'family' },
          { definition: known, expression: 'nose' },
        ],
      },
      'component[1].expression',
      /no element nose/,
    ],
    ['with components though none', { component: [{}] }, 'component', /only a composite/],
  ])('%s is refused, naming the element', (_what, more, element, text) => {
    expect(refusal(more)).toEqual({
      status: 422,
      expression: `SearchParameter.${element}`,
      text: expect.stringMatching(text) as unknown,
    });
  });

  test('is never anything but read or refused, whatever its expression', () => {
    const word = fc.constantFrom(
      'Patient',
      'name',
      'given',
      'where',
      'extension',
      'value',
      'resolve',
      'is',
      '%resource',
      "'a'",
      '1',
      '$this',
    );
    const glue = fc.constantFrom('.', '(', ')', '|', ' = ', ' and ', '[0]', ',', ' ', '+', '`', "'", '//', '\n');
    const expressions = fc.array(fc.oneof(word, glue), { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(expressions, fc.constantFrom('string', 'token', 'date', 'reference'), (expression, type) => {
        try {
          const definition = readDefinition({ ...base, expression, type }, official, []);
          if (definition.kind === 'used') valuesIn({ expression, type }, { resourceType: 'Patient', name: [{ given: ['A'] }] });
        } catch (error) {
          expect(error).toBeInstanceOf(FhirError);
          expect((error as FhirError).status).toBe(422);
        }
      }),
    );
  });
});

test.each([
  ['a draft', { status: 'draft', expression: '((', code: 'birthdate' }, /only active/],
  [
    'an official definition under its own URL',
    { url: 'http://hl7.org/fhir/SearchParameter/individual-birthdate' },
    /official definition/,
  ],
])('%s is stored and not used', (_what, more, reason) => {
  expect(readDefinition({ ...base, ...more }, official, [])).toEqual({
    kind: 'unused',
    reason: expect.stringMatching(reason) as unknown,
  });
});
