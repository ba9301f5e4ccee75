import { beforeEach, describe, expect, test } from '@jest/globals';
import { FhirError } from '../../../../src/fhir/fhir-error.js';
import { CurrentParameters } from '../../../../src/search/custom/current-parameters.js';
import type { Query } from '../../../../src/search/query.js';
import { SearchSemantics } from '../../../../src/search/search-semantics.js';
import { MemoryParameterStore } from '../../../support/twins/memory-parameter-store.js';
import { SEMANTICS } from '../../../support/semantics.js';

let store: MemoryParameterStore;
let semantics: SearchSemantics;
let current: CurrentParameters;
/** Another process on the same database. */
let other: CurrentParameters;

beforeEach(() => {
  store = new MemoryParameterStore();
  semantics = new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases);
  current = new CurrentParameters(semantics, store);
  other = new CurrentParameters(new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases), store);
});

function write(id: string, more: object = {}): Promise<boolean> {
  store.write({
    ...{
      resourceType: 'SearchParameter',
      id,
      status: 'active',
      url: `http://example.org/sp/${id}`,
      code: 'xx',
      base: ['Patient'],
    },
    ...{ type: 'reference', expression: 'Patient.generalPractitioner', ...more },
  });
  return other.takeUp();
}

const ask = (
  query: string,
  answer: (query: Query) => Promise<unknown> = async ({ clauses, links }) => clauses.length + links.length,
) =>
  current.ask(
    () => semantics.parse('Patient', query, { handling: 'strict', links: true }),
    (read) => [read],
    answer,
  );

async function refusal(asked: Promise<unknown>): Promise<{ status: number; text: string }> {
  try {
    await asked;
  } catch (error) {
    if (error instanceof FhirError) return { status: error.status, text: error.message };
    throw error;
  }
  throw new Error('was not refused');
}

describe('a search', () => {
  test('by official parameters alone asks nothing', async () => {
    await ask('name=peter&organization.name=lake&_sort=birthdate');
    expect(store.asked).toBe(0);
  });

  test('by what another process has taken up is refused while it is indexed, with the percentage of the moment', async () => {
    expect((await refusal(ask('xx=Practitioner/1'))).status).toBe(400);
    await write('a');
    store.walkTo(42, 100);
    expect(await refusal(ask('xx=Practitioner/1'))).toEqual({
      status: 503,
      text: expect.stringContaining('being indexed, 42 %'),
    });
    store.walkTo(77, 100);
    for (const query of [
      'xx=Practitioner/1',
      'xx:missing=true',
      'xx.name=x',
      '_has:Patient:xx:name=x',
      '_sort=xx',
      '_include=Patient:xx',
    ])
      expect([query, await refusal(ask(query))]).toEqual([query, { status: 503, text: expect.stringContaining('77 %') }]);
    expect(await refusal(ask('link.xx=Practitioner/1'))).toMatchObject({ status: 503 });
    store.finish();
    expect(await ask('xx=Practitioner/1')).toBe(1);
  });

  test('is answered by one state of the definitions, and once more where they changed meanwhile', async () => {
    await write('a');
    store.finish();
    let runs = 0;
    const answered = ask('xx=Practitioner/1', async () => {
      if (++runs === 1) {
        await write('a', { expression: 'Patient.managingOrganization' });
        store.finish();
      }
      return runs;
    });
    expect(await answered).toBe(2);
    expect(
      await refusal(
        ask('xx=Practitioner/1', async () => write('a', { expression: `Patient.link.other`, version: String(++runs) })),
      ),
    ).toMatchObject({ status: 503 });
  });

  test('by a parameter that is deleted is by an unknown one', async () => {
    await write('a');
    store.finish();
    expect(await ask('xx=Practitioner/1')).toBe(1);
    store.remove('a');
    await other.takeUp();
    expect(await refusal(ask('xx=Practitioner/1'))).toEqual({
      status: 400,
      text: expect.stringContaining('is unknown for Patient'),
    });
  });
});

test('criteria go by a custom parameter as it is handed to them, long before its index is complete', async () => {
  await write('a');
  await current.follow();
  const asked = semantics.customAskedBy((by) => void by.parseCriteria('Patient?xx=Practitioner/1&gender=male'));
  expect(asked.map(({ code, rows }) => [code, Object.keys(rows)])).toEqual([['xx', ['Patient']]]);
  expect(semantics.standing(asked).parseCriteria('Patient?xx=Practitioner/1').clauses).toHaveLength(1);
  for (const read of [
    () => semantics.parseCriteria('Patient?xx=Practitioner/1'),
    () => semantics.parseTerms('Patient', 'xx.name=x', { links: true }),
    () => semantics.standing(asked).parseCriteria('Practitioner?xx=Practitioner/1'),
  ])
    expect(read).toThrow(/'xx' is unknown for|is unknown for Patient/);
  expect(semantics.definitions.find('Patient', 'xx')).toBeUndefined();
});

test('an exported resource is tested by a parameter whose index is not complete yet', async () => {
  await write('a');
  await current.follow();
  expect(semantics.parse('Patient', 'xx=Practitioner/1', { handling: 'strict', withoutIndex: true }).clauses).toHaveLength(1);
});

test('what is known is never older than what the database said when it was asked', async () => {
  const asked = current.refresh();
  await write('a');
  await Promise.all([asked, current.refresh(), current.refresh()]);
  expect(semantics.catalog.custom.parameters.map(({ id }) => id)).toEqual(['a']);
});
