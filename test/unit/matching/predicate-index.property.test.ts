import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { LIVE, type Entry } from '../../../src/matching/entry.js';
import { PredicateIndex } from '../../../src/matching/predicate-index.js';
import { SEMANTICS } from '../../support/semantics.js';

/** Small worlds, so that filters and resources meet often and keys become common. */
const patients = ['p1', 'p2', 'p3'];
const codes = ['c1', 'c2'];
const statuses = ['final', 'amended'];

const term = fc.oneof(
  { weight: 3, arbitrary: fc.subarray(patients, { minLength: 1 }).map((ids) => `patient=${ids.join(',')}`) },
  fc.subarray(codes, { minLength: 1 }).map((list) => `code=${list.map((code) => `http://loinc.org|${code}`).join(',')}`),
  fc.constantFrom(...codes).map((code) => `code=${code}`),
  fc.constantFrom(...statuses).map((status) => `status=${status}`),
  fc.constantFrom(...statuses).map((status) => `status:not=${status}`),
  fc.subarray(codes, { minLength: 1 }).map((list) => `code:not=${list.join(',')}`),
  fc.constantFrom('encounter:missing=true', 'encounter:missing=false', 'value-quantity:missing=true'),
  fc
    .tuple(fc.constantFrom('', 'gt', 'ge', 'lt', 'le', 'ne', 'sa', 'eb'), fc.integer({ min: 0, max: 6 }))
    .map(([p, n]) => `value-quantity=${p}${n}`),
  fc
    .tuple(fc.constantFrom('', 'gt', 'ge', 'lt', 'le', 'ne'), fc.constantFrom('2024', '2024-02', '2025-01-05'))
    .map(([p, d]) => `date=${p}${d}`),
  fc
    .constantFrom(...codes)
    .chain((code) => fc.integer({ min: 0, max: 6 }).map((n) => `code-value-quantity=http://loinc.org|${code}$gt${n}`)),
  fc.constantFrom('_id=o1', '_id=o1,o2', 'value-string=Abc', 'value-string:exact=Abc', 'value-string:contains=bc'),
);
const filter = fc.array(term, { maxLength: 4 }).map((terms) => terms.join('&'));

const resource = fc.record(
  {
    resourceType: fc.constant('Observation'),
    id: fc.constantFrom('o1', 'o2', 'o3'),
    status: fc.constantFrom(...statuses),
    code: fc
      .subarray(codes, { minLength: 1 })
      .map((list) => ({ coding: list.map((code) => ({ system: 'http://loinc.org', code })) })),
    subject: fc.constantFrom(...patients).map((id) => ({ reference: `Patient/${id}` })),
    encounter: fc.constant({ reference: 'Encounter/e1' }),
    valueQuantity: fc.integer({ min: 0, max: 6 }).map((value) => ({ value, unit: 'mmol/L' })),
    effectiveDateTime: fc.constantFrom('2024', '2024-02-03', '2025-01-05T10:00:00Z'),
    valueString: fc.constantFrom('Abc', 'abcd', 'xabc'),
  },
  { requiredKeys: ['resourceType', 'id', 'status', 'code'] },
);

const gate = fc.constantFrom(LIVE, 2, 3);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), filter, gate, times: fc.constantFrom(1, 1, 1, 40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat(200) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('change' as const), resource, gates: fc.subarray([LIVE, 2, 3]) }) },
);

describe('the predicate index', () => {
  test('finds exactly what walking all standing queries finds, whatever is added and removed in between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const index = new PredicateIndex<number>();
        const standing: {
          name: number;
          gate: number;
          clauses: ReturnType<typeof SEMANTICS.parseTerms>['clauses'];
          entry: Entry<number>;
        }[] = [];
        let names = 0;
        for (const one of steps) {
          if (one.kind === 'add') {
            const { clauses } = SEMANTICS.parseTerms('Observation', one.filter);
            for (let n = 0; n < one.times; n++) {
              const name = names++;
              standing.push({ name, gate: one.gate, clauses, entry: index.add(name, 'Observation', one.gate, clauses) });
            }
          } else if (one.kind === 'remove') {
            const [gone] = standing.splice(one.at % Math.max(1, standing.length), 1);
            if (gone !== undefined) index.remove(gone.entry);
          } else {
            const values = SEMANTICS.extract('Observation', one.resource);
            const keys = [...equalityKeysOf(values, index.parametersOf('Observation'))];
            const found = index.match({ type: 'Observation', keys, gates: one.gates, values: () => values });
            const walked = standing.filter(
              (query) => one.gates.includes(query.gate) && query.clauses.every((clause) => clauseHolds(clause, values)),
            );
            expect(found.toSorted((a, b) => a - b)).toEqual(walked.map(({ name }) => name));
          }
        }
        const { counters } = index;
        expect(counters.keyed + counters.paired + counters.bounded + counters.unconditional + counters.residual).toBe(
          standing.length,
        );
      }),
      { numRuns: 400 },
    );
  });

  test('tries only what is filed under the keys of a change, however many stand', () => {
    const index = new PredicateIndex<number>();
    for (let n = 0; n < 5000; n++) {
      index.add(n, 'Observation', LIVE, SEMANTICS.parseTerms('Observation', `patient=x${n}&status=final`).clauses);
    }
    const values = SEMANTICS.extract('Observation', {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: 'Patient/x77' },
    });
    const { keys } = SEMANTICS.indexRows(values);
    expect(index.match({ type: 'Observation', keys, gates: [LIVE], values: () => values })).toEqual([77]);
    expect(index.counters.candidates).toBe(1);
  });

  test('files newcomers under a pair of keys once a key is too common', () => {
    const index = new PredicateIndex<number>();
    for (let n = 0; n < 500; n++) {
      index.add(n, 'Observation', LIVE, SEMANTICS.parseTerms('Observation', `patient=x&code=http://loinc.org|c${n}`).clauses);
    }
    const values = SEMANTICS.extract('Observation', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: 'c400' }] },
      subject: { reference: 'Patient/x' },
    });
    const { keys } = SEMANTICS.indexRows(values);
    expect(index.match({ type: 'Observation', keys, gates: [LIVE], values: () => values })).toEqual([400]);
    expect(index.counters.candidates).toBeLessThanOrEqual(33);
    expect(index.counters.paired).toBeGreaterThan(400);
  });

  test('range criteria meet only changes that pass their bound', () => {
    const index = new PredicateIndex<number>();
    for (let n = 0; n < 300; n++) {
      index.add(n, 'Observation', LIVE, SEMANTICS.parseTerms('Observation', `value-quantity=gt${n}`).clauses);
    }
    const values = SEMANTICS.extract('Observation', {
      resourceType: 'Observation',
      status: 'final',
      valueQuantity: { value: 9.9 },
    });
    const { keys } = SEMANTICS.indexRows(values);
    expect(index.match({ type: 'Observation', keys, gates: [LIVE], values: () => values })).toHaveLength(10);
    expect(index.counters).toMatchObject({ bounded: 300, residual: 0 });
    expect(index.counters.candidates).toBeLessThan(15);
  });

  test('counts what has no access path', () => {
    const index = new PredicateIndex<number>();
    const entry = index.add(1, 'Observation', LIVE, SEMANTICS.parseTerms('Observation', 'status:not=final').clauses);
    expect(index.counters).toMatchObject({ residual: 1, entries: 1 });
    index.remove(entry);
    expect(index.counters).toMatchObject({ residual: 0, entries: 0 });
  });
});
