import { describe, expect, test } from '@jest/globals';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import type { Clause } from '../../../src/search/query.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { explainClause } from '../../../src/search/explain-clause.js';
import { typeReader, extractValues } from '../../../src/search/extract-values.js';

const definitions = SearchDefinitions.load();
const semantics = new SearchSemantics(definitions, ['http://127.0.0.1:8080/fhir/r4b', 'http://127.0.0.1:8080/fhir/r4']);

const valuesOf = (resource: { resourceType: string }, code: string) =>
  semantics.extract(resource.resourceType, resource).get(code)?.values;

const matches = (resource: { resourceType: string }, query: string) =>
  semantics
    .parse(resource.resourceType, query, { handling: 'strict' })
    .clauses.every((clause) => clauseHolds(clause, semantics.extract(resource.resourceType, resource)));

describe('tokens', () => {
  const patient = {
    resourceType: 'Patient',
    active: true,
    gender: 'female',
    identifier: [
      {
        system: 'http://hospital/mrn',
        value: '12345',
        type: { coding: [{ system: 'http://v2', code: 'MR' }], text: 'Medical record' },
      },
      { value: 'no-system' },
    ],
    telecom: [
      { system: 'phone', value: '555' },
      { system: 'email', value: 'a@b' },
    ],
    deceasedDateTime: '2020',
  };

  test.each([
    ['identifier=12345', true],
    ['identifier=http://hospital/mrn|12345', true],
    ['identifier=http://hospital/mrn|', true],
    ['identifier=|12345', false],
    ['identifier=|no-system', true],
    ['identifier=http://other|12345', false],
    ['identifier:of-type=http://v2|MR|12345', true],
    ['identifier:of-type=http://v2|MR|no-system', false],
    ['identifier:text=medical', true],
    ['identifier:not=12345', false],
    ['active=true', true],
    ['active=false', false],
    ['gender=female', true],
    ['gender=http://hl7.org/fhir/administrative-gender|female', true],
    ['gender=Female', false],
    ['phone=555', true],
    ['email=555', false],
    ['deceased=true', true],
    ['language:missing=true', true],
    ['language:not=de', true],
    ['gender:missing=true', false],
  ])('Patient?%s is %s', (query, expected) => {
    expect(matches(patient, query)).toBe(expected);
  });

  test('who is alive is not deceased', () => {
    expect(matches({ resourceType: 'Patient' }, 'deceased=false')).toBe(true);
    expect(matches({ resourceType: 'Patient', deceasedBoolean: false } as never, 'deceased=true')).toBe(false);
  });

  test('a concept counts by each of its codings and its text', () => {
    const condition = {
      resourceType: 'Condition',
      code: { coding: [{ system: 'a', code: '1', display: 'First' }, { code: '2' }], text: 'Both' },
    };
    expect(valuesOf(condition, 'code')).toEqual([
      { system: 'a', code: '1', text: 'First' },
      { system: undefined, code: '2', text: undefined },
      { text: 'Both' },
    ]);
    expect(matches(condition, 'code:text=bo')).toBe(true);
  });
});

describe('references', () => {
  const observation = {
    resourceType: 'Observation',
    subject: { reference: 'http://127.0.0.1:8080/fhir/r4/Patient/7/_history/3', identifier: { system: 's', value: 'v' } },
    performer: [
      { reference: '#inner' },
      { reference: 'urn:uuid:0c0e2b3c-6f7e-4a6c-8a0c-0b8d2f1e3a4b' },
      { reference: 'https://other.example/Practitioner/9' },
    ],
    contained: [{ resourceType: 'Practitioner', id: 'inner' }],
  };

  test.each([
    ['subject=7', true],
    ['patient=Patient/7', true],
    ['subject=Group/7', false],
    ['subject:Patient=7', true],
    ['subject:Group=7', false],
    ['subject=http://127.0.0.1:8080/fhir/r4b/Patient/7', true],
    ['subject=Patient/7/_history/3', true],
    ['subject=Patient/7/_history/2', false],
    ['subject:identifier=s|v', true],
    ['performer=Practitioner/9', false],
    ['performer=https://other.example/Practitioner/9', true],
    ['performer=urn:uuid:0c0e2b3c-6f7e-4a6c-8a0c-0b8d2f1e3a4b', true],
    ['performer=inner', false],
    ['encounter:missing=true', true],
  ])('Observation?%s is %s', (query, expected) => {
    expect(matches(observation, query)).toBe(expected);
  });

  test('a patient parameter takes only what leads to a Patient', () => {
    expect(valuesOf({ resourceType: 'Observation', subject: { reference: 'Device/1' } } as never, 'patient')).toBeUndefined();
    expect(
      valuesOf({ resourceType: 'Observation', subject: { identifier: { value: 'x' }, type: 'Patient' } } as never, 'patient'),
    ).toHaveLength(1);
  });

  test('a canonical is found with its version and without', () => {
    const response = { resourceType: 'QuestionnaireResponse', questionnaire: 'http://q.example/1|2.0' };
    expect(matches(response, 'questionnaire=http://q.example/1')).toBe(true);
    expect(matches(response, 'questionnaire=http://q.example/1|2.0')).toBe(true);
    expect(matches(response, 'questionnaire=http://q.example/1|1.0')).toBe(false);
  });

  test('the first resource of a document is its composition', () => {
    const bundle = {
      resourceType: 'Bundle',
      entry: [{ resource: { resourceType: 'Composition', id: 'c' } }, { resource: { resourceType: 'Patient', id: 'p' } }],
    };
    expect(valuesOf(bundle, 'composition')).toEqual([{ type: 'Composition', id: 'c' }]);
  });
});

describe('dates', () => {
  test('a period with one end is open at the other', () => {
    const encounter = { resourceType: 'Encounter', period: { start: '2020-01-01T10:00:00Z' } };
    expect(valuesOf(encounter, 'date')).toEqual([{ low: Date.UTC(2020, 0, 1, 10), high: Infinity }]);
    expect(matches(encounter, 'date=gt2030')).toBe(true);
    expect(matches(encounter, 'date=sa2019')).toBe(true);
    expect(matches(encounter, 'date=2020')).toBe(false);
    expect(valuesOf({ resourceType: 'Encounter', period: {} } as never, 'date')).toBeUndefined();
  });

  test('ends that were swapped are limits all the same: a range that ends before it begins would be compared in more than one way', () => {
    const encounter = { resourceType: 'Encounter', period: { start: '2020-05-10', end: '2020-04-01' } };
    expect(valuesOf(encounter, 'date')).toEqual([{ low: Date.UTC(2020, 3, 1), high: Date.UTC(2020, 4, 11) }]);
    expect(matches(encounter, 'date=2020-05')).toBe(false);
    expect(matches(encounter, 'date=ap2020-04-20')).toBe(true);
    const withinADay = { resourceType: 'Encounter', period: { start: '2020-05-10T10:00:00Z', end: '2020-05-10' } };
    expect(valuesOf(withinADay, 'date')).toEqual([{ low: Date.UTC(2020, 4, 10, 10), high: Date.UTC(2020, 4, 11) }]);
    const condition = {
      resourceType: 'Condition',
      onsetRange: { low: { value: 40, unit: 'a' }, high: { value: 20, unit: 'a' } },
    };
    expect(valuesOf(condition, 'onset-age')).toMatchObject([{ low: 20, high: 40 }]);
    expect(matches(condition, 'onset-age=30')).toBe(false);
    expect(matches(condition, 'onset-age=ap30')).toBe(true);
  });

  test('a timing reaches from its first event or bound to its last', () => {
    const observation = {
      resourceType: 'Observation',
      effectiveTiming: { event: ['2020-03-01', '2020-01-01'], repeat: { boundsPeriod: { end: '2021' } } },
    };
    expect(valuesOf(observation, 'date')).toEqual([{ low: -Infinity, high: Date.UTC(2022, 0) }]);
    expect(
      valuesOf({ resourceType: 'Observation', effectiveTiming: { code: { text: 'BID' } } } as never, 'date'),
    ).toBeUndefined();
  });

  test('what is no date has no value, and a primitive of extensions only is none', () => {
    expect(valuesOf({ resourceType: 'Patient', birthDate: 'long ago' } as never, 'birthdate')).toBeUndefined();
    expect(valuesOf({ resourceType: 'Patient', _birthDate: { extension: [] } } as never, 'birthdate')).toBeUndefined();
  });
});

describe('quantities and numbers', () => {
  const weighing = (valueQuantity: object) => ({ resourceType: 'Observation', valueQuantity });
  test.each([
    [{ value: 5.4, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' }, '5.4|http://unitsofmeasure.org|mg', true],
    [{ value: 5.4, unit: 'milligram', system: 'http://unitsofmeasure.org', code: 'mg' }, '5.4||milligram', true],
    [{ value: 5.4, unit: 'mg' }, '5.4|http://unitsofmeasure.org|mg', false],
    [{ value: 5.4, unit: 'mg' }, 'lt5.5', true],
    [{ value: 5, comparator: '<', unit: 'mg' }, 'lt1', true],
    [{ value: 5, comparator: '<', unit: 'mg' }, 'gt5', false],
    [{ value: 5, comparator: '>', unit: 'mg' }, 'gt500', true],
    [{ unit: 'mg' }, 'gt0', false],
  ])('%j answers value-quantity=%s: %s', (quantity, query, expected) => {
    expect(matches(weighing(quantity), `value-quantity=${query}`)).toBe(expected);
  });

  test('money counts in its currency, samples from the lowest to the highest', () => {
    const invoice = { resourceType: 'Invoice', totalGross: { value: 10, currency: 'EUR' } };
    expect(matches(invoice, 'totalgross=10|urn:iso:std:iso:4217|EUR')).toBe(true);
    const sampled = { resourceType: 'Observation', valueSampledData: { origin: { value: 100 }, factor: 2, data: '1 E -5 U 10' } };
    expect(valuesOf(sampled, 'value-quantity')).toMatchObject([{ low: 90, high: 120 }]);
  });

  test('a range of a risk overlaps what it is asked for', () => {
    const risk = {
      resourceType: 'RiskAssessment',
      prediction: [{ probabilityRange: { low: { value: 20 }, high: { value: 40 } } }],
    };
    expect(matches(risk, 'probability=gt30')).toBe(true);
    expect(matches(risk, 'probability=sa30')).toBe(false);
  });
});

describe('strings and uris', () => {
  const patient = {
    resourceType: 'Patient',
    name: [{ family: 'Núñez', given: ['José', null, 'Mary Ann'] }],
    address: [{ city: 'Málaga', line: ['Calle 1'] }],
  };
  test.each([
    ['name=nun', true],
    ['name=jos', true],
    ['given=mary', true],
    ['given=ann', false],
    ['given:contains=ann', true],
    ['family:exact=Núñez', true],
    ['family:exact=nunez', false],
    ['address=malaga', true],
    ['address-city=MALAGA', true],
    ['address=calle', true],
  ])('Patient?%s is %s', (query, expected) => {
    expect(matches(patient, query)).toBe(expected);
  });

  const valueSet = {
    resourceType: 'ValueSet',
    url: 'http://acme.example/fhir/ValueSet/123',
    meta: { profile: ['http://p.example/vs|1.0'] },
  };
  test.each([
    ['url=http://acme.example/fhir/ValueSet/123', true],
    ['url=http://acme.example/fhir/ValueSet', false],
    ['url:below=http://acme.example/fhir', true],
    ['url:below=http://acme.example/fh', false],
    ['url:above=http://acme.example/fhir/ValueSet/123/more', true],
    ['url:above=http://acme.example/fhir', false],
    ['_profile=http://p.example/vs', true],
    ['_profile=http://p.example/vs|1.0', true],
    ['_profile=http://p.example/vs|2.0', false],
  ])('ValueSet?%s is %s', (query, expected) => {
    expect(matches(valueSet, query)).toBe(expected);
  });
});

describe('composites', () => {
  const pressure = {
    resourceType: 'Observation',
    code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
    component: [
      {
        code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
        valueQuantity: { value: 107, unit: 'mmHg', code: 'mm[Hg]' },
      },
      {
        code: { coding: [{ system: 'http://loinc.org', code: '8462-4' }] },
        valueQuantity: { value: 60, unit: 'mmHg', code: 'mm[Hg]' },
      },
    ],
  };
  test.each([
    ['component-code-value-quantity=8480-6$gt100', true],
    ['component-code-value-quantity=8462-4$gt100', false],
    ['component-code-value-quantity=http://loinc.org|8462-4$60||mm[Hg]', true],
    ['combo-code-value-quantity=8480-6$107', true],
    ['code-value-quantity=85354-9$107', false],
  ])('%s is %s: parts of one value belong together', (query, expected) => {
    expect(matches(pressure, query)).toBe(expected);
  });

  test('a part may come from elsewhere in the resource', () => {
    const sequence = {
      resourceType: 'MolecularSequence',
      referenceSeq: { chromosome: { coding: [{ code: '1' }] } },
      variant: [{ start: 10, end: 20 }],
    };
    expect(matches(sequence, 'chromosome-variant-coordinate=1$ge5$le25')).toBe(true);
    expect(matches(sequence, 'chromosome-variant-coordinate=2$ge5$le25')).toBe(false);
  });
});

describe('the parameters of the Backport guide', () => {
  const guide = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/';
  const subscription = {
    resourceType: 'Subscription',
    criteria: 'https://topics.example/a',
    _criteria: { extension: [{ url: `${guide}backport-filter-criteria`, valueString: 'Encounter?patient=Patient/1' }] },
    channel: {
      type: 'rest-hook',
      _type: { extension: [{ url: `${guide}backport-channel-type`, valueCoding: { system: 'c', code: 'live' } }] },
      payload: 'application/fhir+json',
      _payload: { extension: [{ url: `${guide}backport-payload-content`, valueCode: 'id-only' }] },
    },
  };
  test.each([
    'topic=https://topics.example',
    'filter-criteria=encounter',
    'custom-channel=c|live',
    'payload-type=id-only',
    'payload=application/fhir%2Bjson',
  ])('Subscription?%s finds extensions of primitives', (query) => {
    expect(matches(subscription, query)).toBe(true);
  });
});

test('the identity given stands in for id and lastUpdated', () => {
  const at = new Date('2024-05-06T07:08:09.123Z');
  const values = semantics.extract('Patient', { resourceType: 'Patient', id: 'client' }, { id: 'server', lastUpdated: at });
  expect(values.get('_id')?.values).toEqual([{ code: 'server' }]);
  expect(values.get('_lastUpdated')?.values).toEqual([{ low: at.getTime(), high: at.getTime() + 1 }]);
});

test('an expression beyond the compiler is taken by fhirpath', () => {
  const expression = "Patient.name.where(given.count() > 1 and use = 'official').family";
  const parameter = {
    code: 'custom',
    base: 'Patient',
    url: 'x',
    type: 'string' as const,
    expression,
    targets: [],
    components: [],
  };
  const reader = typeReader('Patient', [parameter], { elements: definitions.elements, bases: [] });
  const patient = {
    resourceType: 'Patient',
    name: [
      { use: 'official', family: 'Two', given: ['a', 'b'] },
      { family: 'One', given: ['a'] },
    ],
  };
  expect(extractValues(reader, patient).get('custom')?.values).toEqual([{ exact: 'Two', folded: 'two' }]);
});

test('an explanation says what held and on which values', () => {
  const patient = {
    resourceType: 'Patient',
    gender: 'male',
    birthDate: '1970',
    name: Array.from({ length: 9 }, (_, i) => ({ family: `N${i}` })),
  };
  const values = semantics.extract('Patient', patient);
  const explain = (query: string) =>
    explainClause(semantics.parse('Patient', query, { handling: 'strict' }).clauses[0] as Clause, values);
  expect(explain('gender=female')).toEqual({ held: false, seen: ['http://hl7.org/fhir/administrative-gender|male'] });
  expect(explain('birthdate=1970')).toEqual({ held: true, seen: ['1970-01-01T00:00:00.000Z to 1971-01-01T00:00:00.000Z'] });
  expect(explain('family=n1').seen).toEqual(['N0', 'N1', 'N2', 'N3', 'N4', 'and 4 more']);
  expect(explain('language=de')).toEqual({ held: false, seen: [] });
});

test('misshapen content never throws', () => {
  const odd = [null, 1, 'x', [], [null], {}, [[{}]], { coding: 'x' }, { reference: 5, identifier: 'x' }, [{ coding: [null, 5] }]];
  for (const type of ['Observation', 'Patient', 'Encounter', 'Subscription', 'Bundle']) {
    for (const value of odd) {
      const resource: Record<string, unknown> = { resourceType: type };
      for (const name of Object.keys(definitions.elements[type] ?? {}))
        for (const each of [name, `value${name}`]) resource[each] = value;
      for (const choice of [
        'valueQuantity',
        'valueCodeableConcept',
        'valuePeriod',
        'valueSampledData',
        'effectiveTiming',
        'effectivePeriod',
      ])
        resource[choice] = value;
      semantics.indexRows(semantics.extract(type, resource));
    }
  }
});
