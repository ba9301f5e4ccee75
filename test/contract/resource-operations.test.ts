import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ChangeStore, Write } from '../../src/intake/change-store.js';
import type { CompartmentMembers, MembersAsked } from '../../src/pull/compartment-members.js';
import type { MetaInUse } from '../../src/pull/meta-in-use.js';
import { Compartments } from '../../src/search/compartments.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { PostgresCompartmentMembers } from '../../src/storage/compartment-members.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresMetaInUse } from '../../src/storage/meta-in-use.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemoryChangeStore } from '../support/twins/memory-change-store.js';
import { MemoryCompartmentMembers } from '../support/twins/memory-compartment-members.js';
import { MemoryMetaInUse } from '../support/twins/memory-meta-in-use.js';

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://127.0.0.1/fhir/r4b']);
const compartments = Compartments.load();
let nowMs = Date.parse('2026-11-01T10:00:00Z');
const now = () => nowMs;
let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});
afterAll(async () => {
  await clone.drop();
});

interface Side {
  store: ChangeStore;
  members: CompartmentMembers;
  labels: MetaInUse;
}

const makers: [string, () => Side][] = [
  [
    'in memory',
    () => {
      const store = new MemoryChangeStore(now);
      return { store, members: new MemoryCompartmentMembers(store.log, semantics), labels: new MemoryMetaInUse(store.log) };
    },
  ],
  [
    'on PostgreSQL',
    () => ({
      store: new PostgresChangeStore(
        database,
        ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
        new LocalWakeUps(),
        {},
        now,
      ),
      members: new PostgresCompartmentMembers(database),
      labels: new PostgresMetaInUse(database),
    }),
  ],
];

function put(type: string, id: string, rest: object): Write {
  const value = { resourceType: type, id, ...rest };
  return { kind: 'put', method: 'PUT', resource: { type, id, text: JSON.stringify(value), value } };
}

describe.each(makers)('what operations on resources ask of the store, %s', (_, make) => {
  let side: Side;
  let middle: Date;
  const subject = { reference: 'Patient/1' };

  beforeAll(async () => {
    side = make();
    const write = (...writes: Write[]) => side.store.write({ face: 'r4b', writes });
    const meta = (more: object) => ({ meta: more });
    await write(
      put('Patient', '1', meta({ profile: ['http://p.example/b'], tag: [{ system: 'http://t', code: 'x', display: 'Second' }] })),
      put('Observation', 'a', {
        subject,
        effectiveDateTime: '2020-05-01',
        ...meta({ tag: [{ system: 'http://t', code: 'x', display: 'First' }] }),
      }),
      put('Observation', 'B', {
        subject,
        effectiveDateTime: '2021',
        ...meta({ security: [{ code: 'R' }, { system: 'http://s', code: 'R' }] }),
      }),
      put('Observation', 'gone', { subject, ...meta({ tag: [{ system: 'http://t', code: 'gone' }] }) }),
      put('Observation', 'other', { subject: { reference: 'Patient/2' }, ...meta({ tag: [{ display: 'nothing else' }] }) }),
      put('Observation', 'moved', { subject, ...meta({ profile: ['http://p.example/old'] }) }),
    );
    nowMs += 60_000;
    middle = new Date(nowMs);
    await write(
      { kind: 'delete', type: 'Observation', id: 'gone' },
      put('Observation', 'moved', { subject: { reference: 'Patient/2' } }),
      put('Condition', 'c', { subject, ...meta({ profile: ['http://p.example/a', 'http://p.example/b'] }) }),
      put('Encounter', 'e', { subject, period: { start: '2020-12-31T12:00:00Z' } }),
    );
  });

  const TYPES = ['Condition', 'Encounter', 'Observation', 'Patient'];
  const page = async (more: Partial<MembersAsked> = {}, types = TYPES) => {
    const keys = compartments.keysOf('Patient', '1', types);
    return (await side.members.page({ keys, limit: 100, ...more })).map(({ type, id }) => `${type}/${id}`);
  };

  test('a compartment has its current members alone, by type and id', async () => {
    expect(await page()).toEqual(['Condition/c', 'Encounter/e', 'Observation/B', 'Observation/a']);
    expect(await page({}, ['Observation'])).toEqual(['Observation/B', 'Observation/a']);
  });

  test('a walk in pages meets each member once', async () => {
    expect(await page({ limit: 2 })).toEqual(['Condition/c', 'Encounter/e']);
    expect(await page({ limit: 2, after: 'Encounter/e' })).toEqual(['Observation/B', 'Observation/a']);
    expect(await page({ limit: 2, after: 'Observation/a' })).toEqual([]);
    expect(await page({ after: 'Device/z' })).toEqual(['Encounter/e', 'Observation/B', 'Observation/a']);
  });

  test('members may be asked for by when they were changed, the instant itself among them', async () => {
    expect(await page({ since: middle })).toEqual(['Condition/c', 'Encounter/e']);
    expect(await page({ since: new Date(middle.getTime() + 1) })).toEqual([]);
  });

  test('and by their care: what touches the period, and what has no date', async () => {
    const dates = [
      { type: 'Observation', code: 'date' },
      { type: 'Encounter', code: 'date' },
      { type: 'Condition', code: 'onset-date' },
    ];
    const during = (low: string, high: string) =>
      page({ care: { period: { low: Date.parse(low), high: Date.parse(high) }, dates } });
    expect(await during('2020-05-01', '2020-05-02')).toEqual(['Condition/c', 'Observation/a']);
    expect(await during('2021-06-01', '2021-06-02')).toEqual(['Condition/c', 'Encounter/e', 'Observation/B']);
    expect(await during('2019-01-01', '2019-01-02')).toEqual(['Condition/c']);
    expect(await page({ care: { period: { low: -Infinity, high: Infinity }, dates } })).toHaveLength(4);
  });

  test('the labels in use are those of current resources of the types, each once and in order', async () => {
    expect(await side.labels.of(TYPES)).toEqual({
      profile: ['http://p.example/a', 'http://p.example/b'],
      security: [{ system: 'http://s', code: 'R' }, { code: 'R' }],
      tag: [{ system: 'http://t', code: 'x', display: 'First' }],
    });
    expect(await side.labels.of(['Patient'])).toEqual({
      profile: ['http://p.example/b'],
      security: [],
      tag: [{ system: 'http://t', code: 'x', display: 'Second' }],
    });
    expect(await side.labels.of(['Device'])).toEqual({ profile: [], security: [], tag: [] });
  });
});
