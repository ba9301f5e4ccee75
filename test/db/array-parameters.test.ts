import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  bigintsParameter,
  doublesParameter,
  integersParameter,
  keysParameter,
  textsParameter,
} from '../../src/storage/array-parameters.js';
import type { Database } from '../../src/storage/database.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone(2);
  database = clone.database;
});

afterAll(async () => {
  await clone.drop();
});

/** What PostgreSQL has read, told by itself as JSON. */
async function readBack(type: string, parameter: Buffer): Promise<string[]> {
  const sql = {
    text: `SELECT coalesce(array_agg(e::text ORDER BY n), '{}') AS told FROM unnest($1::${type}[]) WITH ORDINALITY AS t (e, n)`,
  };
  const [row] = await database.rows<{ told: string[] }>(sql, [parameter]);
  return row!.told;
}

const runs = { numRuns: 50 };

test('PostgreSQL reads keys and row numbers as they were, list behind list', async () => {
  const key = fc.oneof(
    fc.maxSafeNat(),
    fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, Number.MAX_SAFE_INTEGER),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(key)), async (lists) => {
      expect(await readBack('bigint', keysParameter(lists))).toEqual(lists.flat().map(String));
    }),
    runs,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), async (rids) => {
      expect(await readBack('bigint', bigintsParameter(rids))).toEqual(rids.map(String));
    }),
    runs,
  );
});

test('PostgreSQL reads integers and doubles as they were, infinities included', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer()), async (values) => {
      expect(await readBack('integer', integersParameter(values))).toEqual(values.map(String));
    }),
    runs,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.double({ noNaN: true })), async (values) => {
      expect((await readBack('double precision', doublesParameter(values))).map(Number)).toEqual(values);
    }),
    runs,
  );
});

test('PostgreSQL reads texts as they were, of any script, with line ends, empty or missing', async () => {
  const text = fc.string({ unit: 'grapheme' }).filter((one) => !one.includes('\0'));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(fc.oneof(text, fc.constant('{"a":"b\\n"}\n,"'))), { maxLength: 30 }), async (values) => {
      expect(await readBack('text', textsParameter(values))).toEqual(values);
    }),
    runs,
  );
});
