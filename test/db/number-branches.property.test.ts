import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { clauseHolds } from '../../src/search/clause-holds.js';
import { parameterId, unitKey } from '../../src/search/equality-key.js';
import type { Clause, Comparator } from '../../src/search/query.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import type { ExtractedValues, QuantityValue } from '../../src/search/values.js';
import { Bindings } from '../../src/storage/bindings.js';
import type { Database } from '../../src/storage/database.js';
import { lowBounds, numberBranches } from '../../src/storage/range-bounds.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

/*
 * Rows of numbers are looked up in two branches, and walked from a bound on. Whatever the numbers, both must come to the rows that clauseHolds
 * says, each once.
 */

const semantics = new SearchSemantics(SearchDefinitions.load(), []);
const COMPARATORS: readonly Comparator[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];
/** Near one another, so that they often meet; some as written in full. */
const WRITTEN = ['0', '-0', '1', '-1', '1.5', '-1.5', '100', '99.5', '-100', '1e-300', '123456.789', '5e2'];

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone(2);
  database = clone.database;
});

afterAll(async () => {
  await clone.drop();
});

const end = fc.oneof(
  fc.constantFrom(...WRITTEN.map(Number), Infinity, -Infinity),
  fc.double({ noNaN: true, min: -200, max: 200 }),
);
/** Points, mostly, and ranges. */
const range = fc.oneof(
  {
    weight: 2,
    arbitrary: fc
      .oneof(fc.constantFrom(...WRITTEN.map(Number)), fc.double({ noNaN: true, min: -200, max: 200 }))
      .map((at) => ({ low: at, high: at })),
  },
  fc.tuple(end, end).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) })),
);
const quantity: fc.Arbitrary<QuantityValue> = fc
  .record({ range, code: fc.constantFrom('mg', 'g') })
  .map(({ range: { low, high }, code }) => ({ low, high, code }));

const written = fc.record({
  comparator: fc.constantFrom(...COMPARATORS),
  number: fc.constantFrom(...WRITTEN),
  unit: fc.constantFrom('', '||mg'),
});

test.each(['value-quantity', 'probability'])('by %s: each row that the clauses hold for is met once, no other', async (code) => {
  const type = code === 'probability' ? 'RiskAssessment' : 'Observation';
  const table = code === 'probability' ? 'search_number' : 'search_quantity';
  const param = parameterId(type, code);
  await fc.assert(
    fc.asyncProperty(
      fc.array(quantity, { minLength: 1, maxLength: 30 }),
      fc.array(written, { minLength: 1, maxLength: 2 }),
      async (values, asked) => {
        const text = asked.map(
          ({ comparator, number, unit }) => `${code}=${comparator}${number}${code === 'probability' ? '' : unit}`,
        );
        const { clauses } = semantics.parse(type, text.join('&'), { handling: 'strict' });
        await database.run({ text: `TRUNCATE ${table}` });
        await insert(table, param, values);
        const holding = values.flatMap((value, n) =>
          clauses.every((clause) => clauseHolds(clause, having(type, code, value))) ? [n] : [],
        );
        expect({ text, branches: await byBranches(table, param, clauses) }).toEqual({ text, branches: holding });
        const [first] = clauses;
        const within = await byBounds(table, param, first as Clause);
        expect({ text, beyond: holding.filter((n) => !within.has(n)) }).toEqual({ text, beyond: [] });
      },
    ),
    { numRuns: 150, seed: 20261123 },
  );
});

function having(type: string, code: string, value: QuantityValue): ExtractedValues {
  const values = [value];
  const found = type === 'RiskAssessment' ? { type: 'number' as const, values } : { type: 'quantity' as const, values };
  return { resourceType: type, get: (asked) => (asked === code ? found : undefined), entries: () => [[code, found]] };
}

async function insert(table: string, param: number, values: readonly QuantityValue[]): Promise<void> {
  const isQuantity = table === 'search_quantity';
  await database.run(
    {
      text: `INSERT INTO ${table} (rid, param, low, high${isQuantity ? ', unit_keys' : ''})
  SELECT n - 1, $1, low, high${isQuantity ? ', ARRAY[unit]' : ''}
  FROM unnest($2::float8[], $3::float8[], $4::bigint[]) WITH ORDINALITY AS v (low, high, unit, n)`,
    },
    [
      param,
      values.map(({ low }) => low),
      values.map(({ high }) => high),
      values.map(({ code = '' }) => unitKey(undefined, code)),
    ],
  );
}

async function byBranches(table: string, param: number, clauses: readonly Clause[]): Promise<number[]> {
  const bindings = new Bindings();
  const text = numberBranches(clauses, bindings.bind)
    .map(({ met, holds }) =>
      ['SELECT d.rid FROM', table, 'AS d WHERE', [`d.param = ${String(param)}`, ...met, ...holds].join(' AND ')].join(' '),
    )
    .join(' UNION ALL ');
  return idsOf(bindings.statement(text));
}

async function byBounds(table: string, param: number, clause: Clause): Promise<Set<number>> {
  const bindings = new Bindings();
  const bounds = lowBounds(clause, 'd', bindings.bind);
  return new Set(
    await idsOf(
      bindings.statement(`SELECT d.rid FROM ${table} AS d WHERE ${[`d.param = ${String(param)}`, ...bounds].join(' AND ')}`),
    ),
  );
}

async function idsOf({ text, values }: { text: string; values: unknown[] }): Promise<number[]> {
  const rows = await database.rows<{ rid: bigint }>({ text }, values);
  return rows.map(({ rid }) => Number(rid)).sort((a, b) => a - b);
}
