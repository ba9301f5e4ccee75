import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { canonicalQuery } from '../../../src/search/canonical-query.js';
import { foldText } from '../../../src/search/fold-text.js';
import { escapeValue, splitUnescaped, unescapeValue } from '../../../src/search/query-text.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { MAX_PAIRS, MAX_VALUES } from '../../../src/search/search-limits.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';

const semantics = new SearchSemantics(SearchDefinitions.load(), [
  'http://127.0.0.1:8080/fhir/r4b',
  'http://127.0.0.1:8080/fhir/r4',
]);
const strict = (type: string, query: string) => semantics.parse(type, query, { handling: 'strict', now: Date.UTC(2026, 0, 1) });
const lenient = (type: string, query: string) => semantics.parse(type, query, { handling: 'lenient' });
const values = (type: string, query: string) => strict(type, query).clauses[0]?.values;

function refusal(act: () => unknown): FhirError {
  try {
    act();
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('values', () => {
  test.each([
    ['code=85354-9', [{ type: 'token', code: '85354-9' }]],
    ['code=http://loinc.org|85354-9', [{ type: 'token', system: 'http://loinc.org', code: '85354-9' }]],
    ['code=|85354-9', [{ type: 'token', system: '', code: '85354-9' }]],
    ['code=http://loinc.org|', [{ type: 'token', system: 'http://loinc.org' }]],
    [
      'code=a%7Cb,c',
      [
        { type: 'token', system: 'a', code: 'b' },
        { type: 'token', code: 'c' },
      ],
    ],
    ['code=a\\,b\\|c\\$d\\\\e', [{ type: 'token', code: 'a,b|c$d\\e' }]],
    ['value-string=Caf%C3%A9+au++lait', [{ type: 'string', exact: 'Café au  lait', folded: 'cafe au lait' }]],
    ['patient=23', [{ type: 'reference', candidates: [{ type: 'Patient', id: '23' }] }]],
    ['patient=Patient/23', [{ type: 'reference', candidates: [{ type: 'Patient', id: '23' }] }]],
    ['patient=http://127.0.0.1:8080/fhir/r4/Patient/23', [{ type: 'reference', candidates: [{ type: 'Patient', id: '23' }] }]],
    [
      'subject=https://other.example/fhir/Patient/23',
      [{ type: 'reference', candidates: [], url: 'https://other.example/fhir/Patient/23' }],
    ],
    ['subject:Device=23', [{ type: 'reference', candidates: [{ type: 'Device', id: '23' }] }]],
    ['subject:identifier=http://s|v', [{ type: 'token', system: 'http://s', code: 'v' }]],
    ['_profile:below=http://a/b', [{ type: 'uri', uri: 'http://a/b' }]],
    ['date:missing=true', [{ type: 'missing', missing: true }]],
    [
      'value-quantity=gt5.4|http://unitsofmeasure.org|mg',
      [
        {
          type: 'quantity',
          comparator: 'gt',
          value: 5.4,
          range: { low: 5.35, high: 5.45 },
          text: '5.4',
          system: 'http://unitsofmeasure.org',
          code: 'mg',
        },
      ],
    ],
    [
      'value-quantity=5.4||mg',
      [{ type: 'quantity', comparator: 'eq', value: 5.4, range: { low: 5.35, high: 5.45 }, text: '5.4', code: 'mg' }],
    ],
    ['value-quantity=ap100', [{ type: 'quantity', comparator: 'ap', value: 100, range: { low: 90, high: 110 }, text: '100' }]],
    [
      'date=ge2013-01',
      [{ type: 'date', comparator: 'ge', range: { low: Date.UTC(2013, 0), high: Date.UTC(2013, 1) }, text: '2013-01' }],
    ],
    [
      'date=ap2025',
      [{ type: 'date', comparator: 'ap', range: { low: Date.UTC(2025, 0), high: Date.UTC(2026, 0) }, text: '2025' }],
    ],
    [
      'date=2013-01-01T10:00:00+02:00',
      [
        {
          type: 'date',
          comparator: 'eq',
          range: { low: Date.UTC(2013, 0, 1, 8), high: Date.UTC(2013, 0, 1, 8, 0, 1) },
          text: '2013-01-01T10:00:00+02:00',
        },
      ],
    ],
  ])('Observation?%s', (query, expected) => {
    expect(values('Observation', query)).toEqual(expected);
  });

  test('a prefix is read for dates and numbers only', () => {
    expect(values('Patient', 'family=sato')).toEqual([{ type: 'string', exact: 'sato', folded: 'sato' }]);
    expect(values('Patient', 'gender=ne2')).toEqual([{ type: 'token', code: 'ne2' }]);
  });

  test('a composite is parsed part by part', () => {
    const [composite] = values('Observation', 'code-value-quantity=http://loinc.org|8480-6$gt140||mm[Hg]') ?? [];
    expect(composite).toMatchObject({
      type: 'composite',
      parts: [
        { type: 'token', system: 'http://loinc.org', code: '8480-6' },
        { type: 'quantity', comparator: 'gt', value: 140, code: 'mm[Hg]' },
      ],
    });
  });

  test('a bare id means every type the parameter leads to', () => {
    const [reference] = values('Encounter', 'participant=7') ?? [];
    expect(reference).toEqual({
      type: 'reference',
      candidates: ['Practitioner', 'PractitionerRole', 'RelatedPerson'].map((type) => ({ type, id: '7' })),
    });
  });
});

describe('refusals name the parameter', () => {
  test.each([
    ['date=yesterday', 'date'],
    ['date=gt', 'date'],
    ['value-quantity=5|mg', 'value-quantity'],
    ['value-quantity=many', 'value-quantity'],
    ['code=a|b|c', 'code'],
    ['code=|', 'code'],
    ['code=a,,b', 'code'],
    ['code:missing=maybe', 'code:missing'],
    ['code:in=http://vs', 'code:in'],
    ['code:above=x', 'code:above'],
    ['code:exact=x', 'code:exact'],
    ['date:not=2013', 'date:not'],
    ['date:contains=2013', 'date:contains'],
    ['subject:Medicine=1', 'subject:Medicine'],
    ['subject:Encounter=1', 'subject:Encounter'],
    ['subject:Patient=Device/1', 'subject:Patient'],
    ['subject=Medicine/1', 'subject'],
    ['subject=not an id', 'subject'],
    ['code-value-quantity=8480-6', 'code-value-quantity'],
    ['code-value-quantity=8480-6$', 'code-value-quantity'],
    ['code-value-quantity:missing=true', 'code-value-quantity:missing'],
    ['code=%zz', 'code'],
    ['value-string=%20', 'value-string'],
    ['code:text=%CC%81', 'code:text'],
    ['_count=-1', '_count'],
    ['_total=some', '_total'],
    ['_filter=x', '_filter'],
    ['_summary=all', '_summary'],
    ['_elements=value[x]', '_elements'],
    ['_elements=', '_elements'],
    ['_elements=status&_summary=true', '_elements'],
  ])('Observation?%s', (query, parameter) => {
    for (const parse of [strict, lenient]) {
      const error = refusal(() => parse('Observation', query));
      expect(error.status).toBe(400);
      expect(error.issues[0]?.expression).toBe(parameter);
      expect(error.message).toContain(parameter.split(':')[0]);
    }
  });

  test.each([
    'nonsense=1',
    'subject.name=x',
    'subject:Patient.name=x',
    '_has:Observation:patient:code=1',
    '_include=Observation:subject',
    '_sort=code-value-quantity',
    '_sort=status,nonsense',
    '_sort=nonsense',
    '_contained=true',
    'code=',
  ])('Observation?%s is refused strictly and left out leniently', (query) => {
    expect(refusal(() => strict('Observation', query)).status).toBe(400);
    const parsed = lenient('Observation', `${query}&status=final`);
    expect(parsed.clauses).toHaveLength(1);
    expect(parsed.ignored).toHaveLength(1);
    expect(parsed.used).toEqual([['status', 'final']]);
  });

  test('limits are refused, not cut', () => {
    const many = Array.from({ length: MAX_VALUES + 1 }, (_, i) => `c${i}`).join();
    expect(refusal(() => strict('Observation', `code=${many}`)).status).toBe(400);
    expect(refusal(() => strict('Observation', 'status=final&'.repeat(MAX_PAIRS + 1))).status).toBe(400);
    expect(refusal(() => lenient('Observation', `_sort=${'date,'.repeat(20)}code`)).issues[0]?.code).toBe('too-costly');
    expect(refusal(() => strict('Observation', `code=${'x'.repeat(5_000)}`)).status).toBe(400);
    expect(refusal(() => strict('Observation', `code=${'x'.repeat(300_000)}`)).status).toBe(400);
  });

  test('a modifier of a special parameter and unknown types are not supported', () => {
    expect(refusal(() => lenient('Location', 'near:exact=1|2')).issues[0]?.code).toBe('not-supported');
    expect(refusal(() => lenient('Nonsense', '')).status).toBe(400);
    expect(refusal(() => lenient('__proto__', '')).status).toBe(400);
    expect(refusal(() => strict('Patient', '__proto__=1')).status).toBe(400);
    expect(refusal(() => strict('Patient', 'constructor=1')).status).toBe(400);
  });
});

describe('what looks at other resources', () => {
  const linked = (type: string, query: string, handling: 'strict' | 'lenient' = 'strict') =>
    semantics.parse(type, query, { handling, links: true });

  test('a chain asks the types it names, or all that know the parameter', () => {
    expect(linked('Observation', 'subject:Patient.name=x').links).toMatchObject([
      {
        kind: 'chain',
        parameter: { code: 'subject' },
        targets: [{ type: 'Patient', clauses: [{ parameter: { code: 'name' } }] }],
      },
    ]);
    const [untyped] = linked('Observation', 'subject.name=x').links;
    expect(untyped?.kind === 'chain' && untyped.targets.map(({ type }) => type).sort()).toEqual([
      'Location',
      'Organization',
      'Patient',
      'Practitioner',
    ]);
  });

  test('modifiers and OR lists belong to the end of a chain', () => {
    expect(linked('Observation', 'subject:Patient.name:exact=x,y').links).toMatchObject([
      { targets: [{ clauses: [{ modifier: 'exact', values: [{ exact: 'x' }, { exact: 'y' }] }] }] },
    ]);
  });

  test('chains and _has go on as deep as they are written, one within the other', () => {
    expect(
      linked(
        'Observation',
        'subject:Patient.general-practitioner:Practitioner._has:PractitionerRole:practitioner:organization.name=x',
      ).links,
    ).toMatchObject([
      {
        kind: 'chain',
        targets: [
          {
            type: 'Patient',
            links: [
              {
                kind: 'chain',
                targets: [
                  {
                    type: 'Practitioner',
                    links: [
                      {
                        kind: 'has',
                        parameter: { base: 'PractitionerRole', code: 'practitioner' },
                        source: { links: [{ kind: 'chain', targets: [{ type: 'Organization' }] }] },
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
    ]);
    const deep = linked('Location', `${'partof.'.repeat(40)}name=x`).links;
    expect(JSON.stringify(deep).split('"chain"')).toHaveLength(41);
  });

  test('_list asks what the items of a List refer to', () => {
    expect(linked('Patient', '_list=42').links).toEqual(linked('Patient', '_has:List:item:_id=42').links);
  });

  test.each([
    ['Observation', 'subject.nonsense=x'],
    ['Observation', 'nonsense.name=x'],
    ['Observation', 'subject:Patient.organization.nonsense=x'],
    ['Patient', '_has:Observation:nonsense:code=x'],
    ['Patient', '_has:Nonsense:patient:code=x'],
    ['Patient', '_has:Observation:patient:nonsense=x'],
  ])('%s?%s is refused strictly and left out leniently', (type, query) => {
    expect(refusal(() => linked(type, query)).status).toBe(400);
    expect(linked(type, query, 'lenient')).toMatchObject({ links: [], used: [], ignored: [query.split('=')[0]] });
  });

  test.each([
    ['Observation', 'code.name=x'],
    ['Observation', 'subject:Encounter.status=x'],
    ['Observation', 'subject:Patient.=x'],
    ['Observation', 'subject:Patient.birthdate=yesterday'],
    ['Observation', 'subject:Patient.birthdate:exact=2000'],
    ['Patient', '_list=$current-allergies'],
    ['Patient', '_has=x'],
    ['Patient', '_has:Observation=x'],
    ['Patient', '_has:Observation:patient=x'],
    ['Patient', '_has:Observation:code:status=x'],
    ['Patient', '_has:Observation:encounter:status=x'],
    ['Patient', '_has:Observation:patient:date=x'],
    ['Provenance', `${'target.'.repeat(3)}entity.target.target.identifier=x`],
  ])('%s?%s is refused in any handling', (type, query) => {
    for (const handling of ['strict', 'lenient'] as const) {
      const error = refusal(() => linked(type, query, handling));
      expect(error.status).toBe(400);
      expect(error.issues[0]?.expression).toBe(query.split('=')[0]);
    }
  });
});

describe('what shapes the answer', () => {
  test('is kept beside the clauses', () => {
    const query = strict('Patient', '_count=5000&_sort=-birthdate,family,_id&_total=accurate&_format=json&family=x');
    expect(query).toMatchObject({ count: 1000, total: 'accurate', countOnly: false });
    expect(query.sort.map(({ parameter, descending }) => [parameter.code, descending])).toEqual([
      ['birthdate', true],
      ['family', false],
      ['_id', false],
    ]);
    expect(query.used).toHaveLength(5);
  });

  test('_summary and _elements tell which part of each resource is wanted', () => {
    expect(strict('Patient', '_summary=false').subset).toBeUndefined();
    expect(strict('Patient', '_summary=true').subset).toEqual({ kind: 'summary' });
    expect(strict('Patient', '_summary=data').subset).toEqual({ kind: 'data' });
    expect(strict('Patient', '_elements=name,active&_elements=id&_summary=false').subset).toEqual({
      kind: 'elements',
      names: ['name', 'active', 'id'],
    });
  });

  test('_count=0 and _summary=count ask for the number alone', () => {
    expect(strict('Patient', '_count=0').countOnly).toBe(true);
    expect(strict('Patient', '_summary=count').countOnly).toBe(true);
  });
});

describe('criteria', () => {
  test.each(['Patient', 'Patient?', '/Patient', ' Patient? '])('%s mean every Patient', (criteria) => {
    expect(semantics.parseCriteria(criteria)).toMatchObject({ type: 'Patient', clauses: [] });
  });

  test('are read plain as well as encoded', () => {
    const encoded = semantics.parseCriteria(
      'Observation?code=http%3A%2F%2Floinc.org%7C85354-9&date=ge2013-01-01T00%3A00%3A00%2B02%3A00',
    );
    const plain = semantics.parseCriteria('Observation?date=ge2013-01-01T00:00:00+02:00&code=http://loinc.org|85354-9');
    expect(canonicalQuery(encoded)).toBe(canonicalQuery(plain));
    expect(semantics.parseCriteria('Patient?family=100%').clauses[0]?.values).toMatchObject([{ exact: '100%' }]);
  });

  test('drop what shapes an answer and refuse what they do not know', () => {
    expect(semantics.parseCriteria('Patient?_count=5&_sort=x&_format=json&active=true').clauses).toHaveLength(1);
    for (const criteria of [
      'Patient?nonsense=1',
      'Patient?organization.nonsense=x',
      'Patient?_has:Observation:patient:performer.name=1',
      'Patient?active:in=x',
      'Nonsense?a=b',
      'patient?active=true',
      '',
      'https://x/topics/1',
      'Patient?active=',
    ])
      expect(refusal(() => semantics.parseCriteria(criteria)).status).toBe(400);
  });

  test('of a topic come with or without their type', () => {
    const bare = semantics.parseTerms('Encounter', 'status:not=finished&class=IMP');
    expect(canonicalQuery(semantics.parseTerms('Encounter', 'Encounter?class=IMP&status:not=finished'))).toBe(
      canonicalQuery(bare),
    );
    expect(refusal(() => semantics.parseTerms('Encounter', 'Patient?active=true')).status).toBe(400);
    expect(semantics.parseTerms('Encounter', [['class', 'IMP,AMB']]).clauses[0]?.values).toHaveLength(2);
  });
});

describe('the canonical text', () => {
  test.each([
    ['code=b,a,b&status=final', 'status=final&code=a,b'],
    ['patient=1', 'patient=Patient/1'],
    ['patient=http://127.0.0.1:8080/fhir/r4b/Patient/1', 'patient=Patient/1'],
    ['date=eq2013', 'date=2013'],
    ['value-string=CAF%C3%89', 'value-string=cafe'],
    ['status=final&status=final', 'status=final'],
  ])('is one for %s and %s', (first, second) => {
    expect(canonicalQuery(strict('Observation', first))).toBe(canonicalQuery(strict('Observation', second)));
  });

  test.each([
    ['code=a,b', 'code=a&code=b'],
    ['value-string:exact=A', 'value-string:exact=a'],
    ['code=a\\,b', 'code=a,b'],
    ['code=|a', 'code=a'],
    ['date=2013', 'date=ap2013'],
    ['value-quantity=5.4', 'value-quantity=5.40'],
  ])('differs for %s and %s', (first, second) => {
    expect(canonicalQuery(strict('Observation', first))).not.toBe(canonicalQuery(strict('Observation', second)));
  });

  test('parses back, whatever stands in the values', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('code', 'code:not', 'value-string:exact', '_profile', 'code:text'),
        (list, name) => {
          fc.pre(name !== 'code:text' || list.every((each) => foldText(each) !== ''));
          const query = strict('Observation', `${name}=${encodeURIComponent(list.map(escapeValue).join())}`);
          const canonical = canonicalQuery(query);
          const again = strict('Observation', canonical.slice('Observation?'.length));
          expect(canonicalQuery(again)).toBe(canonical);
          expect(again.clauses[0]?.values).toHaveLength(
            new Set(query.clauses[0]?.values.map((value) => JSON.stringify(value))).size,
          );
        },
      ),
    );
  });
});

describe('escapes', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1 }), (list) => {
        expect(splitUnescaped(list.map(escapeValue).join(), ',').map(unescapeValue)).toEqual(list);
      }),
    );
  });

  test('of hostile length are read in one pass', () => {
    for (const hostile of [
      '\\'.repeat(250_000),
      '\\,'.repeat(120_000),
      ','.repeat(250_000),
      '%'.repeat(250_000),
      '|'.repeat(250_000),
      '𝒳'.repeat(120_000),
      '&'.repeat(250_000),
      '$'.repeat(250_000),
    ])
      for (const name of ['code', 'value-string', 'subject', 'date', 'value-quantity', 'code-value-quantity'])
        expect(() => semantics.parse('Observation', [[name, hostile]], { handling: 'strict' })).toThrow(FhirError);
  });

  test('anything at all is either read or refused', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.constantFrom('Observation', 'Patient', 'Encounter'),
        (query, type) => {
          try {
            strict(type, query);
          } catch (error) {
            expect(error).toBeInstanceOf(FhirError);
            expect((error as FhirError).status).toBe(400);
          }
        },
      ),
    );
  });
});
