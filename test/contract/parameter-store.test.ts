import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CurrentParameters } from '../../src/search/custom/current-parameters.js';
import type { ParameterStore } from '../../src/search/custom/parameter-store.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { PostgresParameterStore } from '../../src/storage/custom-parameters.js';
import type { Database } from '../../src/storage/database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { SEMANTICS } from '../support/semantics.js';
import { MemoryParameterStore } from '../support/twins/memory-parameter-store.js';

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});
afterAll(async () => {
  await clone.drop();
});

interface Subject {
  store: ParameterStore;
  write(resource: { id: string }): Promise<void>;
  remove(id: string): Promise<void>;
}

const NO_ROWS = { keys: [], dates: [], numbers: [], quantities: [], strings: [] };

async function onPostgres(): Promise<Subject> {
  await database.run({ text: 'TRUNCATE resource, resource_version, custom_parameter, reindex' });
  await database.run({ text: 'UPDATE search_generation SET generation = 0, revision = 0' });
  const current = new CurrentParameters(
    new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases),
    new PostgresParameterStore(database),
  );
  const definitions = { refresh: () => current.refresh(), changed: async () => {} };
  const changes = new PostgresChangeStore(database, () => NO_ROWS, new LocalWakeUps(), {}, Date.now, undefined, {
    ...definitions,
    get generation() {
      return current.generation;
    },
  });
  return {
    store: new PostgresParameterStore(database),
    write: async (value) => {
      const resource = { type: 'SearchParameter', id: value.id, text: JSON.stringify(value), value: { ...value } };
      await changes.write({ face: 'r4b', writes: [{ kind: 'put', resource, method: 'PUT' }] });
    },
    remove: async (id) => {
      await changes.write({ face: 'r4b', writes: [{ kind: 'delete', type: 'SearchParameter', id }] });
    },
  };
}

function inMemory(): Subject {
  const store = new MemoryParameterStore();
  return { store, write: async (resource) => store.write(resource), remove: async (id) => store.remove(id) };
}

function parameter(id: string, more: object = {}) {
  return {
    ...{ resourceType: 'SearchParameter', id, status: 'active', url: `http://example.org/sp/${id}`, code: id, base: ['Patient'] },
    ...{ type: 'string', expression: 'Patient.name.given', ...more },
  };
}

describe.each<[string, () => Promise<Subject>]>([
  ['on PostgreSQL', onPostgres],
  ['in memory', async () => inMemory()],
])('custom parameters %s', (_where, make) => {
  let subject: Subject;
  let current: CurrentParameters;
  beforeEach(async () => {
    subject = await make();
    current = new CurrentParameters(new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases), subject.store);
  });

  test('are none at first, and nothing is taken up', async () => {
    expect(await subject.store.load()).toEqual({ revision: 0, generation: 0, parameters: [], walks: [] });
    expect(await current.takeUp()).toBe(false);
    expect(await subject.store.revision()).toBe(0);
  });

  test('begin a generation when they are taken up, once', async () => {
    await subject.write(parameter('a'));
    expect([await current.takeUp(), await current.takeUp()]).toEqual([true, false]);
    const { parameters, walks, generation, revision } = await subject.store.load();
    expect({ generation, revision }).toEqual({ generation: 1, revision: 1 });
    expect(parameters).toMatchObject([
      { id: 'a', generation: 1, definition: { code: 'a', rows: { Patient: { type: 'string' } } } },
    ]);
    expect(walks).toEqual([{ type: 'Patient', wanted: 1, done: 0, walking: null, walked: 0, total: 0, reason: null }]);
    expect(await subject.store.state('a')).toMatchObject({ id: 'a', version: 1, generation: 1 });
  });

  test('that are not used have a reason and begin none', async () => {
    await subject.write(parameter('a', { status: 'draft' }));
    expect(await current.takeUp()).toBe(true);
    expect(await subject.store.load()).toMatchObject({ revision: 1, generation: 0, parameters: [], walks: [] });
    expect(await subject.store.state('a')).toEqual({
      id: 'a',
      version: 1,
      generation: 0,
      reason: 'only active SearchParameters are used',
    });
    expect(await subject.store.again('a')).toBe(false);
  });

  test('keep their generation where a new version means the same, and get another where it does not', async () => {
    await subject.write(parameter('a'));
    await subject.write(parameter('b'));
    await current.takeUp();
    await subject.write(parameter('a', { description: 'said' }));
    await current.takeUp();
    expect(await subject.store.load()).toMatchObject({ revision: 2, generation: 1 });
    await subject.write(parameter('a', { expression: 'Patient.name.family' }));
    await current.takeUp();
    const { parameters, walks } = await subject.store.load();
    expect(parameters).toMatchObject([
      { id: 'a', generation: 2 },
      { id: 'b', generation: 1 },
    ]);
    expect(walks).toMatchObject([{ type: 'Patient', wanted: 2, done: 0 }]);
    expect(await subject.store.state('a')).toMatchObject({ version: 3 });
  });

  test('are read again where they were not used and what stood in their way goes', async () => {
    await subject.write(parameter('a', { code: 'xx' }));
    await current.takeUp();
    await subject.write(parameter('b', { code: 'xx' }));
    await subject.write(parameter('c', { status: 'draft' }));
    await current.takeUp();
    expect((await subject.store.state('b'))?.reason).toMatch(/by SearchParameter\/a already/);
    const bodies: (string | undefined)[][] = [];
    const look = (): Promise<boolean> =>
      subject.store.takeUp((stored) => {
        bodies.push(
          stored
            .filter(({ body }) => body !== undefined)
            .map(({ id }) => id)
            .sort(),
        );
        return { taken: [], gone: [], types: [] };
      });
    await subject.write(parameter('d', { status: 'draft' }));
    await look();
    await subject.remove('a');
    await look();
    expect(bodies).toEqual([['d'], ['b', 'c', 'd']]);
    await current.takeUp();
    expect(await subject.store.load()).toMatchObject({ parameters: [{ id: 'b' }] });
  });

  test('go when they are deleted, and their types are walked', async () => {
    await subject.write(parameter('a', { base: ['Patient', 'Person'], expression: 'name.given' }));
    await current.takeUp();
    await subject.remove('a');
    expect(await current.takeUp()).toBe(true);
    expect(await subject.store.load()).toMatchObject({ generation: 2, parameters: [], walks: [{ wanted: 2 }, { wanted: 2 }] });
    expect(await subject.store.state('a')).toBeUndefined();
  });

  test('are indexed again on request', async () => {
    await subject.write(parameter('a'));
    await current.takeUp();
    expect(await current.again('a')).toBe(true);
    expect(await subject.store.load()).toMatchObject({
      generation: 2,
      revision: 2,
      parameters: [{ generation: 2 }],
      walks: [{ wanted: 2 }],
    });
    expect(await subject.store.again('none')).toBe(false);
  });
});
